//go:build linux

package ebpf

import (
	"net/netip"
	"testing"

	"github.com/cgnkit/cgnkit/alloc"
)

// previews returns what Preview says in the lab's namespace.
func (l *lab) previews(c Config) (change Change) {
	l.Helper()
	if err := l.ns.Do(func() (err error) { change, err = Preview(c); return err }); err != nil {
		l.Fatal(err)
	}
	return change
}

// Peers of subscribers whose pool gets another name, or that of another, are found in the tables of the new number of peers, and the
// limit is the new one.
func TestPeersWhenPoolsChangeNames(t *testing.T) {
	first, second := peersPool, otherPool
	named := func(one, two string) *alloc.Plan {
		a, b := first, second
		a.Name, b.Name = one, two
		return mustPlan(t, a, b)
	}
	keeps := func(n int) Policy { return Policy{Filtering: AddressDependent, Peers: n} }
	for _, test := range []struct {
		name     string
		had, has Config
		peers    int // of subscribers of the second pool, then
		carried  bool
	}{
		{
			"pools exchange their names",
			Config{Plan: named("a", "b"), Policies: map[string]Policy{"a": keeps(64), "b": keeps(320)}},
			Config{Plan: named("b", "a"), Policies: map[string]Policy{"a": keeps(64), "b": keeps(320)}}, 64, true,
		},
		{
			"a pool with another number gets a new name", // the tables keep their size: another pool has 320 still
			Config{Plan: named("a", "b"), Policy: keeps(320)},
			Config{Plan: named("a", "c"), Policies: map[string]Policy{"a": keeps(320), "c": keeps(100)}}, 100, true,
		},
		{
			"names and numbers change, and nobody's number does",
			Config{Plan: named("a", "b"), Policies: map[string]Policy{"a": keeps(64), "b": keeps(320)}},
			Config{Plan: named("b", "a"), Policies: map[string]Policy{"b": keeps(64), "a": keeps(320)}}, 320, false,
		},
	} {
		t.Run(test.name, func(t *testing.T) {
			l := newLab(t, test.had)
			me, who := ap("100.65.0.1:5000"), peersOf(500)
			var out, session netip.AddrPort
			for _, peer := range who[:40] {
				out = l.opens(udp(me, peer, "x"))
			}
			for _, peer := range who[:20] {
				session = l.opens(tcp(me, peer, syn, ""))
			}
			if change := l.previews(test.has); change.PeersCarried != test.carried || change.PeersForgotten {
				t.Errorf("the preview says %+v", change)
			}
			l.replan(test.has)
			for _, peer := range who[:40] {
				l.hears("who was sent to", udp(peer, out, "y"), inbound)
			}
			for _, peer := range who[:20] {
				l.hears("who was sent to by TCP", tcp(peer, session, syn|ack, ""), inbound)
			}
			l.hears("a stranger", udp(who[499], out, "y"), dropFiltered)
			more := 40
			for l.run(fromInside, udp(me, who[more], "x").frame()).verdict == outbound {
				more++
			}
			if want := test.peers - 19 + 1; more != want { // beside one of each mapping
				t.Errorf("UDP has %d peers at last, want %d", more, want)
			}
		})
	}
}

// Where a pool that does not filter takes the name of one that does, what its subscribers knew under the old name is forgotten.
func TestPeersOfPoolsThatStopFilteringByName(t *testing.T) {
	a, b := peersPool, otherPool
	policies := map[string]Policy{"a": {Filtering: AddressDependent}, "b": {}}
	l := newLab(t, Config{Plan: mustPlan(t, a, b), Policies: policies})
	me, peers := ap("100.64.0.1:5000"), peersOf(2)
	for _, peer := range peers {
		l.opens(udp(me, peer, "x"))
	}
	if n := l.tablesOfPeers(); n != 1 {
		t.Fatalf("%d tables, want 1", n)
	}
	a.Name, b.Name = "b", "a"
	l.replan(Config{Plan: mustPlan(t, a, b), Policies: policies})
	if n := l.tablesOfPeers(); n != 0 {
		t.Errorf("%d tables, and nobody who filters has sent anything", n)
	}
}
