package alloc_test

import (
	"cmp"
	"net/netip"
	"testing"

	"github.com/cgnkit/cgnkit/alloc"
	"github.com/cgnkit/cgnkit/portset/softwire"
)

// The routers of the RFCs, through a plan: from the prefix to address and ports, and from every port back.
func TestVectorsSoftwire(t *testing.T) {
	for id, kind := range map[string]alloc.Kind{
		"map-e-A1": alloc.MAPE, "map-e-A4": alloc.MAPE, "map-e-A5": alloc.MAPE,
		"map-t-A1": alloc.MAPT, "map-t-A4": alloc.MAPT, "map-t-A5-psid20": alloc.MAPT, "map-t-A5-psid34": alloc.MAPT,
	} {
		t.Run(id, func(t *testing.T) {
			var v struct {
				Inputs struct {
					EndUser string `json:"end_user"`
					Rule6   string
					Rule4   string
					EALen   int  `json:"ea_len"`
					Offset  *int `json:"psid_offset"`
					Length  *int `json:"psid_len"`
					PSID    *int
				}
				Expected struct {
					IPv4  string
					CE    string `json:"ce_ipv6"`
					Ports struct {
						Count int `json:"port_count"`
						First [][2]int
						Last  [][2]int
					}
				}
			}
			vector(t, "rfc.json", id, &v)
			in := v.Inputs
			six := cmp.Or(in.Rule6, in.EndUser, "2001:db8:12:3400::/56") // what a vector leaves out is that of appendix A
			s := alloc.SoftwireSpec{Name: "map", Kind: kind, Rules: []softwire.RuleSpec{{
				IPv6: netip.MustParsePrefix(six), IPv4: netip.MustParsePrefix(cmp.Or(in.Rule4, "192.0.2.0/24")), EALen: in.EALen, PSIDOffset: in.Offset, PSIDLength: in.Length, PSID: in.PSID,
			}}}
			if kind == alloc.MAPE {
				s.Relay = netip.MustParseAddr("2001:db8:ffff::1")
			} else {
				s.DMR = netip.MustParsePrefix("2001:db8:ffff::/64")
			}
			p, err := alloc.NewPlan(alloc.Spec{Softwires: []alloc.SoftwireSpec{s}})
			if err != nil {
				t.Fatal(err)
			}
			a, err := p.Lookup(alloc.Subscriber{Prefix: netip.MustParsePrefix(cmp.Or(in.EndUser, six))})
			if err != nil {
				t.Fatal(err)
			}
			if addr, _ := a.RouterAddr(); addr.String() != v.Expected.CE || v.Expected.IPv4 != "" && a.Outside().String() != v.Expected.IPv4 {
				t.Errorf("%v with %v, want %s with %s", addr, a.Outside(), v.Expected.CE, v.Expected.IPv4)
			}
			if want := v.Expected.Ports; want.Count > 0 && (a.Ports().Len() != want.Count ||
				int(a.Ports().First()) != want.First[0][0] || int(a.Ports().Last()) != want.Last[len(want.Last)-1][1]) {
				t.Errorf("ports %v, want %+v", a.Ports(), want)
			}
			for port := range 1 << 16 {
				back, ok := p.Trace(a.Outside(), uint16(port)).Allocation()
				if has := a.Ports().Contains(uint16(port)); has != (ok && back == a) {
					t.Fatalf("port %d: Trace says %v, and the port is in the set: %v", port, ok, has)
				}
			}
		})
	}
}

func TestVectorBinding(t *testing.T) {
	var v struct {
		Inputs struct {
			A, K, PSID   int
			IPv4, Prefix string
		}
		Expected struct {
			Ports [][2]int
			B4    string `json:"b4_ipv6"`
		}
	}
	vector(t, "rfc.json", "lw4o6-a0", &v)
	in := v.Inputs
	p, err := alloc.NewPlan(alloc.Spec{Softwires: []alloc.SoftwireSpec{{Name: "lw", Kind: alloc.LW4o6, Relay: netip.MustParseAddr("2001:db8:ffff::1"), Bindings: []softwire.BindingSpec{
		{B4: netip.MustParsePrefix(in.Prefix), IPv4: netip.MustParseAddr(in.IPv4), PSIDOffset: in.A, PSIDLength: in.K, PSID: in.PSID},
	}}}})
	if err != nil {
		t.Fatal(err)
	}
	for port := range 1 << 16 {
		want := port >= v.Expected.Ports[0][0] && port <= v.Expected.Ports[0][1]
		a, ok := p.Trace(netip.MustParseAddr(in.IPv4), uint16(port)).Allocation()
		if ok != want {
			t.Fatalf("port %d: allocated %v, want %v", port, ok, want)
		}
		if !ok {
			continue
		}
		if b4, _ := a.RouterAddr(); b4.String() != v.Expected.B4 || a.Subscriber().Text() != in.Prefix {
			t.Fatalf("port %d: B4 %v of %v, want %s of %s", port, b4, a.Subscriber(), v.Expected.B4, in.Prefix)
		}
	}
}
