package alloc_test

import (
	"errors"
	"net/netip"
	"strconv"
	"strings"
	"testing"

	"github.com/cgnkit/cgnkit/alloc"
)

type vendorCase struct {
	Inside, Outside string
	Lo              int `json:"port_lo"`
	Hi              int `json:"port_hi"`
}

type vendorNegative struct {
	Inside, Outside, Expect string
	Port                    int
	Naive                   string `json:"naive_answer"`
	NaiveOutside            string `json:"naive_answer_really_maps_to"`
}

// vendor is a vector of vendors.json. Outside is a text or a list of texts.
type vendor struct {
	Config struct {
		Inside       string
		Outside      any
		Lo           int `json:"port_lo"`
		Hi           int `json:"port_hi"`
		BlockSize    int `json:"block_size"`
		SharingRatio int `json:"sharing_ratio"`
		PortsPerHost int `json:"ports_per_host"`
		PortsPerUser int `json:"ports_per_user"`
		PerUser      int `json:"per_user"`
	}
	Cases   []vendorCase
	Reverse []struct {
		Outside, Inside string
		Port            int
	} `json:"reverse_only"`
	Negative []vendorNegative
}

func checkCases(t *testing.T, p *alloc.Plan, v vendor) {
	t.Helper()
	if len(v.Cases) == 0 {
		t.Error("the vector has no cases")
	}
	for _, c := range v.Cases {
		checkShare(t, p, c.Inside, c.Outside, span([2]int{c.Lo, c.Hi}))
	}
}

func TestVectorJuniper(t *testing.T) {
	var v vendor
	vector(t, "vendors.json", "juniper-detnapt44", &v)
	s := alloc.PoolSpec{Inside: ranges(v.Config.Inside), Outside: ranges(v.Config.Outside.(string)), SkipEdges: true, Scheme: alloc.Spread, Ports: portRange(t, v.Config.Lo, v.Config.Hi)}
	p := newPlan(t, s)
	if got := onlyPool(p).PortsPerSubscriber(); got != v.Config.BlockSize {
		t.Errorf("block size %d, want %d", got, v.Config.BlockSize)
	}
	checkCases(t, p, v)
	for _, r := range v.Reverse {
		checkTrace(t, p, r.Outside, r.Port, r.Inside)
	}
	if len(v.Reverse) < 3 || len(v.Negative) < 4 {
		t.Errorf("%d reverse cases and %d negative ones are too few", len(v.Reverse), len(v.Negative))
	}
	for _, n := range v.Negative {
		word, _, _ := strings.Cut(n.Expect, " ")
		switch word {
		case "boundary-address":
			if _, err := p.Lookup(alloc.SubscriberFrom("", netip.MustParseAddr(n.Inside))); !errors.Is(err, alloc.ErrExcluded) {
				t.Errorf("Lookup(%s): %v, want %v", n.Inside, err, alloc.ErrExcluded)
			}
		case "outside-port-range":
			checkTrace(t, p, n.Outside, n.Port, "reserved")
		case "unallocated-tail":
			checkTrace(t, p, n.Outside, n.Port, "tail")
		case "not-in-pool":
			checkTrace(t, p, n.Outside, n.Port, "not-in-pool")
		default:
			t.Errorf("unknown expectation %q", n.Expect)
		}
	}
}

func TestVectorVPPTail(t *testing.T) {
	var v vendor
	vector(t, "vendors.json", "vpp-det44-tail-trap", &v)
	p := newPlan(t, alloc.PoolSpec{Inside: ranges(v.Config.Inside), Outside: ranges(v.Config.Outside.(string)), Scheme: alloc.Spread})
	if pool := onlyPool(p); pool.SharingRatio() != v.Config.SharingRatio || pool.PortsPerSubscriber() != v.Config.PortsPerHost {
		t.Errorf("ratio %d, ports %d, want %d and %d", pool.SharingRatio(), pool.PortsPerSubscriber(), v.Config.SharingRatio, v.Config.PortsPerHost)
	}
	if len(v.Negative) != 2 {
		t.Fatalf("%d negative cases, want 2", len(v.Negative))
	}
	for _, n := range v.Negative {
		want := "reserved"
		if strings.HasPrefix(n.Expect, "unallocated") {
			want = "tail"
			a, err := p.Lookup(alloc.SubscriberFrom("", netip.MustParseAddr(n.Naive)))
			if err != nil || a.Outside().String() != n.NaiveOutside {
				t.Errorf("%s has %v, %v; want %s", n.Naive, a.Outside(), err, n.NaiveOutside)
			}
		}
		checkTrace(t, p, n.Outside, n.Port, want)
	}
	tail := 65536 - onlyPool(p).TailPorts()
	for port := tail; port < 65536; port++ {
		checkTrace(t, p, v.Negative[0].Outside, port, "tail")
	}
	if tail != v.Negative[0].Port {
		t.Errorf("the tail starts at %d, want %d", tail, v.Negative[0].Port)
	}
}

func TestVectorVyOS(t *testing.T) {
	var v vendor
	vector(t, "vendors.json", "vyos-cgnat-seq", &v)
	s := alloc.PoolSpec{Inside: ranges(v.Config.Inside), PortsPerSubscriber: v.Config.PerUser, Ports: portRange(t, v.Config.Lo, v.Config.Hi)}
	for _, text := range v.Config.Outside.([]any) {
		prefix, _, _ := strings.Cut(text.(string), " ")
		s.Outside = append(s.Outside, ranges(prefix)...)
	}
	p := newPlan(t, s)
	checkCases(t, p, v)
	for _, n := range v.Negative {
		checkTrace(t, p, n.Outside, n.Port, "tail")
	}
	if len(v.Cases) != int(p.Subscribers()) || len(v.Negative) != 1 || !strings.Contains(v.Negative[0].Expect, strconv.Itoa(onlyPool(p).TailPorts())+" ports") {
		t.Errorf("%d cases of %d subscribers, tail of %d ports", len(v.Cases), p.Subscribers(), onlyPool(p).TailPorts())
	}
}

func TestVectorBrazil(t *testing.T) {
	var v vendor
	vector(t, "vendors.json", "br-1to32-2016", &v)
	p := newPlan(t, alloc.PoolSpec{Inside: ranges(v.Config.Inside), Outside: ranges(v.Config.Outside.(string)), PortsPerSubscriber: v.Config.PortsPerUser, Ports: portRange(t, v.Config.Lo, v.Config.Hi)})
	checkCases(t, p, v)
	if pool := onlyPool(p); pool.TailPorts() != 0 || pool.Capacity() != pool.Subscribers() {
		t.Errorf("tail %d, %d shares for %d subscribers", pool.TailPorts(), pool.Capacity(), pool.Subscribers())
	}
}

func TestVectorMikroTik(t *testing.T) {
	var v vendor
	vector(t, "vendors.json", "mikrotik-doc", &v)
	p := newPlan(t, alloc.PoolSpec{Inside: ranges(v.Config.Inside), Outside: ranges(v.Config.Outside.(string)), PortsPerSubscriber: v.Config.PortsPerUser, Ports: portRange(t, v.Config.Lo, 65535)})
	checkCases(t, p, v)
}

func TestVectorCiscoStep(t *testing.T) {
	var v struct {
		Config struct{ Start, Step, Size int }
		Cases  []struct {
			N, Port int
			Owners  []struct{ Owner, First, Last int }
		}
		Negative []struct {
			Port   int
			Expect string
		}
	}
	vector(t, "vendors.json", "cisco-bpa-scattered", &v)
	p := newPlan(t, alloc.PoolSpec{Inside: ranges("100.64.0.0-100.64.0.3"), Outside: ranges("192.0.2.1"), Scheme: alloc.Step, StepSize: v.Config.Step,
		PortsPerSubscriber: v.Config.Size, Ports: portRange(t, v.Config.Start, 65535)})
	a, _ := onlyPool(p).At(0)
	owners := 0
	for _, c := range v.Cases {
		if c.Owners == nil {
			if got, _ := a.Ports().Port(c.N); int(got) != c.Port {
				t.Errorf("port %d is %d, want %d", c.N, got, c.Port)
			}
			checkTrace(t, p, "192.0.2.1", c.Port, "100.64.0.0")
		}
		for _, o := range c.Owners {
			owners++
			b, _ := onlyPool(p).At(uint64(o.Owner))
			if int(b.Ports().First()) != o.First || int(b.Ports().Last()) != o.Last || b.Ports().Len() != v.Config.Size {
				t.Errorf("owner %d has %v", o.Owner, b.Ports())
			}
			checkTrace(t, p, "192.0.2.1", o.First, b.Subscriber().String())
			checkTrace(t, p, "192.0.2.1", o.Last, b.Subscriber().String())
		}
	}
	if owners != v.Config.Step || len(v.Negative) != 2 {
		t.Errorf("%d owners, %d negative cases", owners, len(v.Negative))
	}
	for _, n := range v.Negative {
		if a.Ports().Contains(uint16(n.Port)) {
			t.Errorf("the first owner has port %d", n.Port)
		}
		want := map[string]string{"other subscriber": "100.64.0.1", "outside set": "unassigned"}[n.Expect]
		checkTrace(t, p, "192.0.2.1", n.Port, want)
	}
}

type capacityRow struct {
	Src     string
	Static  string
	Det     int `json:"det_block"`
	Dyn     int `json:"dyn_block"`
	PerIP   int `json:"subscribers_per_ip"`
	Dets    int `json:"det_blocks"`
	Dyns    int `json:"dyn_blocks"`
	Wasted  int `json:"wasted_ports"`
	Usable  int
	Ports   int
	Block   int    `json:"block"`
	Range   string `json:"port_range"`
	PerAddr int    `json:"blocks_per_ip"`
	IPs     int
	Total   int `json:"total_blocks"`
	Rows    []struct {
		Subs  int `json:"subs_per_ip"`
		Ports int
		Tail  int
	}
}

func TestVectorCapacity(t *testing.T) {
	var doc struct{ Capacity []capacityRow }
	decode(t, readVectors(t, "vendors.json"), &doc)
	inside, outside := ranges("100.64.0.0/32"), ranges("192.0.2.0-192.0.2.9")
	nokia, computed, huawei, arithmetic := 0, 0, 0, 0
	firstUsable, dynBlock := 0, 0
	for _, row := range doc.Capacity {
		switch {
		case row.Static != "":
			nokia++
			_, last, _ := strings.Cut(row.Static, "-")
			n, err := strconv.Atoi(last)
			if err != nil {
				t.Fatal(err)
			}
			firstUsable, dynBlock = n+1, row.Dyn
			checkNokia(t, row, firstUsable, row.Dyn)
		case strings.HasPrefix(row.Src, "computed"):
			computed++
			checkNokia(t, row, firstUsable, dynBlock) // "same": the range of the rows before
		case row.Range != "":
			huawei++
			first, _, _ := strings.Cut(row.Range, "-")
			n, err := strconv.Atoi(first)
			if err != nil {
				t.Fatal(err)
			}
			pool := onlyPool(newPlan(t, alloc.PoolSpec{Inside: inside, Outside: outside[:1], PortsPerSubscriber: row.Block, Ports: portRange(t, n, 65535)}))
			if pool.SharingRatio() != row.PerAddr || int(pool.Addresses()) != row.IPs || int(pool.Capacity()) != row.Total {
				t.Errorf("%s: %d on %d addresses are %d shares", row.Src, pool.SharingRatio(), pool.Addresses(), pool.Capacity())
			}
		case row.Rows != nil:
			arithmetic += len(row.Rows)
			for _, r := range row.Rows {
				pool := onlyPool(newPlan(t, alloc.PoolSpec{Inside: inside, Outside: outside, SharingRatio: r.Subs}))
				if pool.Usable().Len() != row.Ports || pool.PortsPerSubscriber() != r.Ports || pool.TailPorts() != r.Tail {
					t.Errorf("ratio %d: %d ports, tail %d; want %d and %d", r.Subs, pool.PortsPerSubscriber(), pool.TailPorts(), r.Ports, r.Tail)
				}
			}
		}
	}
	if nokia != 3 || computed != 3 || huawei != 1 || arithmetic < 16 {
		t.Errorf("%d and %d rows of Nokia, %d of Huawei, %d of port arithmetic", nokia, computed, huawei, arithmetic)
	}
}

// checkNokia makes the deterministic blocks shares and sets the rest aside: whole dynamic blocks and what is wasted.
func checkNokia(t *testing.T, row capacityRow, first, dyn int) {
	t.Helper()
	s := alloc.PoolSpec{Inside: ranges("100.64.0.0"), Outside: ranges("192.0.2.1"), Ports: portRange(t, first, 65535), PortsPerSubscriber: row.Det,
		DynamicPorts: row.Dyns * dyn}
	s.SharingRatio = row.PerIP
	if row.Dets != 0 { // not a limit, but all that fit when each takes one block of both kinds
		whole := s
		whole.PortsPerSubscriber, whole.SharingRatio, whole.DynamicPorts = row.Det+dyn, 0, 0
		if pool := onlyPool(newPlan(t, whole)); pool.SharingRatio() != row.Dets || row.Dets != row.Dyns || pool.TailPorts() != row.Wasted {
			t.Errorf("%s: ratio %d, tail %d; want %d and %d", row.Src, pool.SharingRatio(), pool.TailPorts(), row.Dets, row.Wasted)
		}
	}
	pool := onlyPool(newPlan(t, s))
	if row.Usable != 0 && pool.Usable().Len() != row.Usable {
		t.Errorf("%s: %d usable ports, want %d", row.Src, pool.Usable().Len(), row.Usable)
	}
	if pool.SharingRatio() != row.PerIP || pool.PortsPerSubscriber() != row.Det {
		t.Errorf("%s: ratio %d, ports %d; want %d and %d", row.Src, pool.SharingRatio(), pool.PortsPerSubscriber(), row.PerIP, row.Det)
	}
	if got := pool.DynamicPorts(); got != row.Dyns*dyn+row.Wasted {
		t.Errorf("%s: %d dynamic ports, want %d and %d that are no whole block", row.Src, got, row.Dyns*dyn, row.Wasted)
	}
}

// TestPyCGNAT is not in the vector files: 32 shares of 2000 ports from 1536 end exactly at 65535.
func TestPyCGNAT(t *testing.T) {
	p := newPlan(t, alloc.PoolSpec{Inside: ranges("100.64.0.0/24"), Outside: ranges("203.0.113.0/29"), Scheme: alloc.Stripe, Ports: portRange(t, 1536, 65535), PortsPerSubscriber: 2000})
	if pool := onlyPool(p); pool.SharingRatio() != 32 || pool.TailPorts() != 0 {
		t.Errorf("ratio %d, tail %d", pool.SharingRatio(), pool.TailPorts())
	}
	checkShare(t, p, "100.64.0.0", "203.0.113.0", "1536-3535")
	checkShare(t, p, "100.64.0.1", "203.0.113.1", "1536-3535")
	checkShare(t, p, "100.64.0.8", "203.0.113.0", "3536-5535")
	checkShare(t, p, "100.64.0.255", "203.0.113.7", "63536-65535")
	checkTrace(t, p, "203.0.113.7", 65535, "100.64.0.255")
	checkTrace(t, p, "203.0.113.7", 1535, "reserved")
}
