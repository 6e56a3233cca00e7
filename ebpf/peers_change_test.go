//go:build linux

package ebpf

import (
	"net/netip"
	"testing"

	"github.com/cgnkit/cgnkit/alloc"
)

// Whom somebody sends to by a new plan is known for good, also before the change has ended, and where that is ended by somebody else later: he
// who has another share of the same address has the same table.
func TestPeersOfWhoMovesWithinAnAddress(t *testing.T) {
	pool := func(inside string) *alloc.Plan {
		return mustPlan(t, alloc.PoolSpec{Name: "p", Inside: spans(inside), Outside: spans("198.51.100.0"), PortsPerSubscriber: 64})
	}
	const killed = "killed"
	old, next := pool("100.64.0.0-100.64.0.15"), pool("100.64.0.1 100.64.0.0 100.64.0.2-100.64.0.15")
	me, peers, before := ap("100.64.0.1:5000"), peersOf(5)[:4], peersOf(5)[4]
	for _, filtering := range []Filtering{AddressDependent, AddressAndPortDependent} {
		for _, dies := range []bool{false, true} {
			policy := Policy{Filtering: filtering}
			l := newLab(t, Config{Plan: old, Policy: policy})
			l.opens(udp(me, peers[0], "x"))
			l.opens(udp(me, before, "x"))
			var out netip.AddrPort
			c := Config{Plan: next, Key: l.d.Key(), Policy: policy, Step: func(what string) error {
				if what != "ending what was before" {
					return nil
				}
				l.follow(&Datapath{l.d.folder, must(l.d.folder.look(nil))})
				for _, p := range peers {
					out = l.opens(udp(me, p, "x"))
				}
				if dies {
					panic(killed)
				}
				return nil
			}}
			if err := l.ns.Do(func() (err error) {
				var d *Datapath
				func() {
					defer func() {
						if p := recover(); p != nil && p != killed {
							panic(p)
						}
					}()
					d, err = Apply(c)
				}()
				if dies && err == nil {
					d, err = Open("")
				}
				if err == nil {
					l.follow(d)
				}
				return err
			}); err != nil {
				t.Fatal(err)
			}
			for _, p := range peers {
				l.hears(filtering.String()+", who was sent to", udp(p, out, "y"), inbound)
			}
			l.hears(filtering.String()+", who was by the plan before", udp(before, out, "y"), dropFiltered)
		}
	}
}
