package provision

import (
	"io"
	"net/netip"
	"testing"

	"github.com/cgnkit/cgnkit/alloc"
	"github.com/cgnkit/cgnkit/portset/softwire"
)

// Plans with as many rules as a large network has are written at once: were rules compared with each other one by one, each of these
// would take minutes.
func TestManyRules(t *testing.T) {
	const n = 100_000
	rule := func(i int) softwire.RuleSpec {
		six := netip.AddrFrom16([16]byte{0x24, 0, byte(i >> 16), byte(i >> 8), byte(i)})
		return softwire.RuleSpec{IPv6: netip.PrefixFrom(six, 40), IPv4: netip.PrefixFrom(addr4(1<<24+uint32(i)<<4), 28), EALen: 8}
	}
	alone := func(i int) softwire.RuleSpec { // two on an address
		r := rule(i)
		r.IPv4, r.EALen = netip.PrefixFrom(addr4(1<<24+uint32(i)/2), 32), 0
		r.PSIDLength, r.PSID = new(1), new(i%2)
		return r
	}
	many := func(kind alloc.Kind, of func(int) softwire.RuleSpec) *alloc.Plan {
		return planOf(t, func(s *alloc.Spec) {
			s.Softwires = s.Softwires[:2]
			if kind == alloc.MAPE {
				s.Softwires = s.Softwires[:1]
			} else {
				s.Softwires = s.Softwires[1:]
			}
			s.Softwires[0].Rules = make([]softwire.RuleSpec, n)
			for i := range s.Softwires[0].Rules {
				s.Softwires[0].Rules[i] = of(i)
			}
		})
	}
	forward := func(i int) softwire.RuleSpec {
		r := rule(i)
		r.Forwarding = true
		return r
	}
	mape, mapt, explicit, forwarding := many(alloc.MAPE, rule), many(alloc.MAPT, rule), many(alloc.MAPE, alone), many(alloc.MAPE, forward)
	router := alloc.Subscriber{Prefix: pfx("2400:0:100::/48")}
	for name, write := range map[string]func() error{
		"Kea":                     func() error { return Kea6(io.Discard, mape, map[string]Kea6Pool{"mape": at("eth0")}, nil) },
		"Jool":                    func() error { return Jool(io.Discard, mapt) },
		"VPP":                     func() error { return VPPMap(io.Discard, mape) },
		"VPP, PSIDs of their own": func() error { return VPPMap(io.Discard, explicit) },
		"OpenWrt":                 func() error { return OpenWrt(io.Discard, forwarding, router, "wan6") },
	} {
		if err := write(); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}
