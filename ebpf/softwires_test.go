//go:build linux

package ebpf

import (
	"net/netip"
	"slices"
	"testing"

	"github.com/cgnkit/cgnkit/alloc"
	"github.com/cgnkit/cgnkit/portset/softwire"
)

// besideMAP returns a plan with two pools that the backend translates for, and a domain of MAP-E, whose routers translate themselves.
func besideMAP(eaLen int) *alloc.Plan {
	alone := listOfShares("100.65.0.1 198.51.100.8 1-65535")
	alone.Name = "alone"
	return must(alloc.NewPlan(alloc.Spec{Pools: []alloc.PoolSpec{peersPool, alone}, Softwires: []alloc.SoftwireSpec{{
		Name: "fibre", Kind: alloc.MAPE, Relay: ad("2001:db8:ffff::1"),
		Rules: []softwire.RuleSpec{{IPv6: netip.MustParsePrefix("2001:db8::/40"), IPv4: netip.MustParsePrefix("198.18.0.0/24"), EALen: eaLen}},
	}}}))
}

// Beside softwires the pools of NAT44 are translated as ever, what is for an address of a softwire is the host's, and a softwire
// that changes or goes takes nothing from anybody: not a mapping, not a peer, not a protocol without ports.
func TestSoftwiresAreNotTouched(t *testing.T) {
	c := Config{Plan: besideMAP(16), Policies: map[string]Policy{"a": {Filtering: AddressDependent}}, KeepPolicies: true}
	l := newLab(t, c)
	who, far, stranger := ad("100.64.0.1"), ap("192.0.2.2:443"), ap("192.0.2.3:443")
	var have []netip.AddrPort
	opens := func() (out []netip.AddrPort) {
		out = l.opensMany(who, 400)
		l.opens(udp(netip.AddrPortFrom(who, 1000), far, "x")) // a second peer
		out = append(out, l.opens(tcp(netip.AddrPortFrom(who, 7), server, syn, "")), l.pings(who, 7))
		return append(out, l.opens(udp(ap("100.65.0.1:9"), server, "x")))
	}
	check := func(when string) {
		t.Helper()
		for _, out := range have[:400] {
			l.hears(when, udp(server, out, "x"), inbound)
		}
		l.hears(when+": the second peer", udp(far, have[0], "x"), inbound)
		l.hears(when+": a stranger", udp(stranger, have[0], "x"), dropFiltered)
		l.hears(when+": TCP", tcp(server, have[400], syn|ack, ""), inbound)
		l.hears(when+": a ping is answered", icmpQuery(server.Addr(), have[401].Addr(), echoReply, have[401].Port(), "x"), inbound)
		l.hears(when+": GRE", newDatagram(server.Addr(), ad("198.51.100.8"), protoGRE, make([]byte, 8)), inbound)
		l.hears(when+": an address of a softwire", udp(server, ap("198.18.0.9:5000"), "x"), passNotOutside)
		if again := opens(); !slices.Equal(again, have) {
			t.Errorf("%s: mappings are elsewhere", when)
		}
		if l.away(when) == 0 {
			t.Errorf("%s: all mappings are at home, so half of it is not shown", when)
		}
	}
	have = opens()
	check("before")
	for _, next := range []struct {
		name string
		plan *alloc.Plan
	}{
		{"other routers", besideMAP(15)},
		{"no softwires", must(alloc.NewPlan(alloc.Spec{Pools: besideMAP(15).Spec().Pools}))},
		{"softwires again", besideMAP(14)},
	} {
		c.Plan = next.plan
		var change Change
		if err := l.ns.Do(func() (err error) { change, err = Preview(c); return err }); err != nil {
			t.Fatal(err)
		}
		if change.Kept != next.plan.Subscribers() || change.Moved+change.Added+change.Removed != 0 {
			t.Errorf("%s: %+v", next.name, change)
		}
		l.replan(c)
		check(next.name)
	}
}
