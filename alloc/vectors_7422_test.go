package alloc_test

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/cgnkit/cgnkit/alloc"
)

// Vectors of RFC 7422 about what surrounds shares: the overflow blocks, the record of a configuration, and the algorithm that
// is not offered.

// TestVectorRFC7422Overflow finds every block of the example's overflow in the ports that the plan sets aside: whole blocks
// only, as many as the limit of M ports a subscriber leaves room for.
func TestVectorRFC7422Overflow(t *testing.T) {
	var v struct {
		Inputs   struct{ M, Static, Block, Start int }
		Expected struct {
			Extra  int `json:"extra_allowed"`
			Blocks [][2]int
			Used   int `json:"ports_used"`
		}
	}
	vector(t, "rfc.json", "rfc7422-2.3-overflow", &v)
	p, _ := rfc7422Plan(t)
	pool := onlyPool(p)
	if pool.PortsPerSubscriber() != v.Inputs.Static {
		t.Fatalf("%d ports per subscriber, want %d", pool.PortsPerSubscriber(), v.Inputs.Static)
	}
	if extra := v.Inputs.M - pool.PortsPerSubscriber(); extra != v.Expected.Extra || extra/v.Inputs.Block != len(v.Expected.Blocks) {
		t.Errorf("%d extra ports, %d blocks; want %d and %d", extra, extra/v.Inputs.Block, v.Expected.Extra, len(v.Expected.Blocks))
	}
	used, next := pool.PortsPerSubscriber(), v.Inputs.Start
	for _, b := range v.Expected.Blocks {
		if b[0] != next || b[1]-b[0]+1 != v.Inputs.Block {
			t.Errorf("block %v, want %d ports from %d", b, v.Inputs.Block, next)
		}
		for port := b[0]; port <= b[1]; port++ {
			checkTrace(t, p, "192.0.2.1", port, "dynamic")
		}
		used, next = used+v.Inputs.Block, b[1]+1
	}
	if used != v.Expected.Used {
		t.Errorf("%d ports used, want %d", used, v.Expected.Used)
	}
}

// TestVectorRFC7422LogLine makes a plan of the fields of the RFC's record of a configuration (section 3). They suffice.
func TestVectorRFC7422LogLine(t *testing.T) {
	var v struct {
		Inputs   struct{ Line string }
		Expected struct {
			I, O, R string
			IMask   int `json:"I_mask"`
			OMask   int `json:"O_mask"`
			D, A    int
		}
	}
	vector(t, "rfc.json", "rfc7422-3-logline", &v)
	fields := strings.Split(v.Inputs.Line[strings.LastIndex(v.Inputs.Line, "]")+2:], ":")
	e := v.Expected
	want := []string{e.I, strconv.Itoa(e.IMask), e.O, strconv.Itoa(e.OMask), strconv.Itoa(e.D), fields[5], strconv.Itoa(e.A), e.R}
	if !slices.Equal(fields, want) {
		t.Fatalf("the line has the fields %q, want %q", fields, want)
	}
	s := alloc.PoolSpec{
		Inside:  ranges(fmt.Sprintf("%s/%d", e.I, e.IMask)),
		Outside: ranges(fmt.Sprintf("%s/%d", e.O, e.OMask)), SkipEdges: true, DynamicShares: e.D,
	}
	usableBut(t, &s, e.R)
	p := newPlan(t, s)
	pool := onlyPool(p)
	n := 65535 - ports(t, e.R).Len() // R leaves port 0 assignable, and nobody can use it
	c := int(pool.Subscribers())
	if pool.Usable().Len() != n || pool.SharingRatio() != c || pool.PortsPerSubscriber() != n/(c+e.D) {
		t.Errorf("%d usable ports, ratio %d, %d ports each; want %d, %d, %d", pool.Usable().Len(), pool.SharingRatio(), pool.PortsPerSubscriber(), n, c, n/(c+e.D))
	}
	for r := range ports(t, e.R).Ranges() {
		checkTrace(t, p, e.O, int(r.First()), "reserved")
		checkTrace(t, p, e.O, int(r.Last()), "reserved")
	}
}

// TestVectorRFC7422RoundRobin shows why algorithm 2 is not offered: its subscribers own ports on every address, against
// RFC 6888 REQ-2. Every scheme that is offered gives a subscriber one address.
func TestVectorRFC7422RoundRobin(t *testing.T) {
	var v struct {
		Inputs   struct{ Outside, Ports, Start int }
		Expected struct {
			PerAddress [2]int `json:"range_per_address"`
		}
	}
	vector(t, "rfc.json", "rfc7422-roundrobin", &v)
	in, per := v.Inputs, v.Expected.PerAddress
	if in.Start != per[0] || (per[1]-per[0]+1)*in.Outside != in.Ports {
		t.Fatalf("%+v does not spread %d ports over %d addresses", v.Expected, in.Ports, in.Outside)
	}
	for _, name := range alloc.SchemeNames() {
		scheme, err := alloc.ParseScheme(name)
		if err != nil {
			t.Fatal(err)
		}
		key, err := alloc.ParseKey("000102030405060708090a0b0c0d0e0f")
		if err != nil {
			t.Fatal(err)
		}
		s := alloc.PoolSpec{Name: "p", Inside: ranges("100.64.0.0/24"), Outside: ranges(fmt.Sprintf("198.18.0.0-198.18.0.%d", in.Outside-1)), Scheme: scheme}
		switch scheme {
		case alloc.Step:
			s.StepSize = 4
		case alloc.Random:
			s.KeyID = key.ID()
		case alloc.Explicit: // a list can try
			shares := []alloc.ExplicitShare{listed(t, "100.64.0.1 198.18.0.0 1024-2047"), listed(t, "100.64.0.1 198.18.0.1 1024-2047")}
			if _, err := alloc.NewPlan(alloc.Spec{Pools: []alloc.PoolSpec{{Name: "p", Scheme: scheme, Shares: shares}}}); !errors.Is(err, alloc.ErrDuplicate) {
				t.Errorf("a subscriber with two shares: %v, want %v", err, alloc.ErrDuplicate)
			}
			continue
		}
		p, err := alloc.NewPlan(alloc.Spec{Pools: []alloc.PoolSpec{s}, Keys: []alloc.Key{key}})
		if err != nil {
			t.Fatal(err)
		}
		seen := map[alloc.Subscriber]bool{}
		for a := range p.All() {
			if seen[a.Subscriber()] {
				t.Errorf("%s: %v has a second share", name, a.Subscriber())
			}
			seen[a.Subscriber()] = true
		}
	}
	if _, err := alloc.ParseScheme("round-robin"); err == nil {
		t.Error("round-robin is a scheme")
	}
}
