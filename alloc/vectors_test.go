package alloc_test

import (
	"encoding/json"
	"maps"
	"net/netip"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/cgnkit/cgnkit/alloc"
	"github.com/cgnkit/cgnkit/portset"
)

// The values in these tests come from the files in testdata/vectors; a vector that is missing fails its test.

// vector decodes into v the vector of a file with the ID.
func vector(t *testing.T, file, id string, v any) {
	t.Helper()
	var doc struct{ Vectors []json.RawMessage }
	decode(t, readVectors(t, file), &doc)
	for _, raw := range doc.Vectors {
		var head struct{ ID string }
		decode(t, raw, &head)
		if head.ID == id {
			decode(t, raw, v)
			return
		}
	}
	t.Fatalf("%s has no vector %s", file, id)
}

func readVectors(t *testing.T, file string) []byte {
	t.Helper()
	b, err := os.ReadFile("../testdata/vectors/" + file)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func decode(t *testing.T, b []byte, v any) {
	t.Helper()
	if err := json.Unmarshal(b, v); err != nil {
		t.Fatal(err)
	}
}

func newPlan(t *testing.T, s alloc.PoolSpec) *alloc.Plan {
	t.Helper()
	s.Name = "p"
	p, err := alloc.NewPlan(alloc.Spec{Pools: []alloc.PoolSpec{s}})
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func onlyPool(p *alloc.Plan) *alloc.Pool {
	for pool := range p.Pools() {
		return pool
	}
	return nil
}

func ports(t *testing.T, text string) portset.Set {
	t.Helper()
	s, err := portset.ParseSet(text)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func portRange(t *testing.T, first, last int) portset.Range {
	t.Helper()
	r, err := portset.NewRange(first, last)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// usableBut sets the usable ports of s to all but a list that starts with port 0, as RFC 7422 writes its R.
func usableBut(t *testing.T, s *alloc.PoolSpec, reserved string) {
	t.Helper()
	s.Ports, s.Reserve = portRange(t, 1, 65535), ports(t, reserved)
}

// checkShare checks a share in both directions: all of its ports, and the ports beside it.
func checkShare(t *testing.T, p *alloc.Plan, inside, outside, want string) {
	t.Helper()
	s := alloc.SubscriberFrom("", netip.MustParseAddr(inside))
	a, err := p.Lookup(s)
	if err != nil {
		t.Fatalf("Lookup(%v): %v", s, err)
	}
	if a.Outside().String() != outside || !a.Ports().Equal(ports(t, want)) {
		t.Errorf("%s has %v %v, want %s %s", inside, a.Outside(), a.Ports(), outside, want)
	}
	for port := range a.Ports().Ports() {
		if got, ok := p.Trace(a.Outside(), port).Allocation(); !ok || got != a {
			t.Fatalf("port %d of the share of %s traces to %+v", port, inside, got)
		}
	}
	for r := range ports(t, want).Ranges() {
		for port, mine := range map[int]bool{int(r.First()) - 1: false, int(r.First()): true, int(r.Last()): true, int(r.Last()) + 1: false} {
			if got, ok := p.Trace(a.Outside(), uint16(port)).Allocation(); (ok && got == a) != mine {
				t.Errorf("port %d of %s belongs to %s: %v", port, outside, inside, !mine)
			}
		}
	}
}

// checkTrace compares with an inside address or the name of a status.
func checkTrace(t *testing.T, p *alloc.Plan, outside string, port int, want string) {
	t.Helper()
	tr := p.Trace(netip.MustParseAddr(outside), uint16(port))
	got := tr.Status().String()
	if a, ok := tr.Allocation(); ok {
		got = a.Subscriber().String()
	}
	if got != want {
		t.Errorf("Trace(%s, %d) = %s, want %s", outside, port, got, want)
	}
}

func span(p [2]int) string { return strconv.Itoa(p[0]) + "-" + strconv.Itoa(p[1]) }

type rfc7422 struct {
	Inputs struct {
		I, R, O string
		C, D    int
	}
	Expected struct {
		Block       int
		Table       map[string][2]int
		Dynamic     [2]int
		DynamicSize int `json:"dynamic_size"`
		Candidates  int
		Sub1, Sub2  [][2]int
	}
}

func rfc7422Plan(t *testing.T) (*alloc.Plan, rfc7422) {
	t.Helper()
	var v rfc7422
	vector(t, "rfc.json", "rfc7422-2.3", &v)
	s := alloc.PoolSpec{Inside: ranges(v.Inputs.I), Outside: ranges(v.Inputs.O), SkipEdges: true, DynamicShares: v.Inputs.D}
	usableBut(t, &s, v.Inputs.R)
	return newPlan(t, s), v
}

func TestVectorRFC7422(t *testing.T) {
	p, v := rfc7422Plan(t)
	pool := onlyPool(p)
	if pool.SharingRatio() != v.Inputs.C || pool.PortsPerSubscriber() != v.Expected.Block || pool.DynamicPorts() != v.Expected.DynamicSize || pool.TailPorts() != 0 {
		t.Errorf("C %d, S %d, dynamic %d, tail %d", pool.SharingRatio(), pool.PortsPerSubscriber(), pool.DynamicPorts(), pool.TailPorts())
	}
	if len(v.Expected.Table) != v.Inputs.C || int(p.Subscribers()) != v.Inputs.C {
		t.Errorf("%d rows, %d subscribers, want %d", len(v.Expected.Table), p.Subscribers(), v.Inputs.C)
	}
	for inside, want := range v.Expected.Table {
		checkShare(t, p, inside, v.Inputs.O, span(want))
	}
	for port := v.Expected.Dynamic[0]; port <= v.Expected.Dynamic[1]; port++ {
		checkTrace(t, p, v.Inputs.O, port, "dynamic")
	}
}

func TestVectorRFC7422Reverse(t *testing.T) {
	p, example := rfc7422Plan(t)
	for _, id := range []string{"rfc7422-2.3-reverse", "rfc7422-reverse-edges"} {
		var v struct{ Expected map[string]string }
		vector(t, "rfc.json", id, &v)
		if len(v.Expected) == 0 {
			t.Errorf("%s expects nothing", id)
		}
		for port, want := range v.Expected {
			n, err := strconv.Atoi(port)
			if err != nil {
				t.Fatal(err)
			}
			checkTrace(t, p, example.Inputs.O, n, want)
		}
	}
}

func TestVectorRFC7422SparseReserve(t *testing.T) {
	_, example := rfc7422Plan(t)
	var v rfc7422
	vector(t, "rfc.json", "rfc7422-sparse-R", &v)
	s := alloc.PoolSpec{Inside: ranges(example.Inputs.I), Outside: ranges(example.Inputs.O), SkipEdges: true, SharingRatio: v.Inputs.C, DynamicShares: v.Inputs.D}
	usableBut(t, &s, v.Inputs.R)
	p := newPlan(t, s)
	pool := onlyPool(p)
	if pool.Usable().Len() != v.Expected.Candidates || pool.PortsPerSubscriber() != v.Expected.Block || pool.DynamicPorts() != v.Expected.DynamicSize {
		t.Errorf("n %d, S %d, dynamic %d", pool.Usable().Len(), pool.PortsPerSubscriber(), pool.DynamicPorts())
	}
	subscribers := slices.SortedFunc(maps.Keys(example.Expected.Table), func(a, b string) int { return netip.MustParseAddr(a).Compare(netip.MustParseAddr(b)) })
	for i, want := range [][][2]int{v.Expected.Sub1, v.Expected.Sub2} {
		checkShare(t, p, subscribers[i], example.Inputs.O, span(want[0])+","+span(want[1]))
	}
}

func TestVectorRFC7422Staggered(t *testing.T) {
	var v struct {
		Inputs   struct{ C, D, R int }
		Expected struct {
			Size       int
			Disjoint   bool
			Cover      [2]int
			Sub0, Sub1 []int
			Last       int `json:"sub13_last"`
		}
	}
	vector(t, "rfc.json", "rfc7422-staggered-fixed", &v)
	p := newPlan(t, alloc.PoolSpec{Inside: ranges("100.64.0.0-100.64.0.13"), Outside: ranges("192.0.2.1"), Scheme: alloc.Staggered,
		Ports: portRange(t, v.Inputs.R, 65535), SharingRatio: v.Inputs.C, DynamicShares: v.Inputs.D})
	owner := map[uint16]int{}
	i := 0
	for a := range p.All() {
		if a.Ports().Len() != v.Expected.Size {
			t.Errorf("subscriber %d has %d ports, want %d", i, a.Ports().Len(), v.Expected.Size)
		}
		for port := range a.Ports().Ports() {
			if before, ok := owner[port]; ok == v.Expected.Disjoint {
				t.Fatalf("port %d belongs to %d and to %d", port, before, i)
			}
			owner[port] = i
			if got, ok := p.Trace(a.Outside(), port).Allocation(); !ok || got != a {
				t.Fatalf("port %d of subscriber %d traces to %+v", port, i, got)
			}
		}
		i++
	}
	for sub, want := range [][]int{v.Expected.Sub0, v.Expected.Sub1} {
		a, _ := onlyPool(p).At(uint64(sub))
		for k, port := range want {
			if got, _ := a.Ports().Port(k); int(got) != port {
				t.Errorf("port %d of subscriber %d is %d, want %d", k, sub, got, port)
			}
		}
	}
	last, _ := onlyPool(p).At(uint64(v.Inputs.C - 1))
	if int(last.Ports().Last()) != v.Expected.Last {
		t.Errorf("the last port of the last subscriber is %d, want %d", last.Ports().Last(), v.Expected.Last)
	}
	for port := range 65536 {
		_, ok := owner[uint16(port)]
		if want := v.Expected.Cover[0] <= port && port <= v.Expected.Cover[1]; ok != want {
			t.Fatalf("port %d has an owner: %v, want %v", port, ok, want)
		}
	}
}

func TestVectorRFC7422SeveralAddresses(t *testing.T) {
	var v struct {
		Inputs struct {
			Count   int `json:"inside_count"`
			Outside []string
			C, D    int
			R       string
			Index   []int
		}
		Expected map[string][2]json.RawMessage
	}
	vector(t, "rfc.json", "rfc7422-seq-multi", &v)
	first := netip.MustParseAddr("100.64.0.0").As4()
	first[3] = byte(v.Inputs.Count - 1)
	s := alloc.PoolSpec{Inside: ranges("100.64.0.0-" + netip.AddrFrom4(first).String()), Outside: ranges(v.Inputs.Outside...), SharingRatio: v.Inputs.C, DynamicShares: v.Inputs.D}
	usableBut(t, &s, v.Inputs.R)
	p := newPlan(t, s)
	for _, i := range v.Inputs.Index {
		var outside string
		var want [2]int
		decode(t, v.Expected[strconv.Itoa(i)][0], &outside)
		decode(t, v.Expected[strconv.Itoa(i)][1], &want)
		a, ok := onlyPool(p).At(uint64(i))
		if !ok {
			t.Fatalf("there is no subscriber %d", i)
		}
		checkShare(t, p, a.Subscriber().String(), outside, span(want))
	}
}

func TestVectorRFC6598(t *testing.T) {
	var v struct {
		Inputs   struct{ Prefix string }
		Expected struct {
			First, Last string
			Size        uint64
		}
	}
	vector(t, "rfc.json", "rfc6598", &v)
	p := newPlan(t, alloc.PoolSpec{Inside: ranges(v.Inputs.Prefix), Outside: ranges("198.18.0.0/15")})
	if p.Subscribers() != v.Expected.Size {
		t.Errorf("%d subscribers, want %d", p.Subscribers(), v.Expected.Size)
	}
	first, _ := onlyPool(p).At(0)
	last, _ := onlyPool(p).At(v.Expected.Size - 1)
	if first.Subscriber().String() != v.Expected.First || last.Subscriber().String() != v.Expected.Last {
		t.Errorf("subscribers %v to %v, want %s to %s", first.Subscriber(), last.Subscriber(), v.Expected.First, v.Expected.Last)
	}
}

func TestVectorLightweight4over6(t *testing.T) {
	var v struct {
		Inputs struct {
			A, K, PSID int
			IPv4       string
		}
		Expected struct{ Ports [][2]int }
	}
	vector(t, "rfc.json", "lw4o6-a0", &v)
	p := newPlan(t, alloc.PoolSpec{Inside: ranges("100.64.0.0/25"), Outside: ranges(v.Inputs.IPv4), Scheme: alloc.PSID, PSIDOffset: &v.Inputs.A, PSIDLength: &v.Inputs.K})
	// The PSIDs that hold system ports are not assigned; so slots count from the first that holds none.
	system := 1024 >> (16 - v.Inputs.K)
	a, ok := onlyPool(p).At(uint64(v.Inputs.PSID - system))
	if !ok {
		t.Fatal("the PSID has no slot")
	}
	checkShare(t, p, a.Subscriber().String(), v.Inputs.IPv4, span(v.Expected.Ports[0]))
	if pool := onlyPool(p); strings.Count(a.Ports().String(), ",") != 0 || pool.SharingRatio() != 1<<v.Inputs.K-system || pool.TailPorts() != 0 {
		t.Errorf("%v, sharing ratio %d, tail %d", a.Ports(), pool.SharingRatio(), pool.TailPorts())
	}
}
