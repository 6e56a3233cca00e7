//go:build linux

package ebpf

import (
	"net/netip"
	"testing"

	"github.com/cgnkit/cgnkit/alloc"
)

// TestUses compares what accounts say with the mappings themselves, one by one, in a pool where shares are small and mappings are
// not all at home.
func TestUses(t *testing.T) {
	s := newSite(t, Config{Plan: mustPlan(t, tinyPool)})
	echo := s.echo()
	for n := range s.Subscribers {
		for range 3 + n {
			s.flow(n, echo.Addr())
		}
	}
	want := map[netip.Addr]Use{}
	for _, m := range s.mappings() {
		u := want[m.Inside.Addr()]
		switch m.Protocol {
		case TCP:
			u.TCP++
		case UDP:
			u.UDP++
		default:
			u.ICMP++
		}
		want[m.Inside.Addr()] = u
	}
	if len(want) != len(s.Subscribers) {
		t.Fatalf("%d subscribers have mappings", len(want))
	}
	for u, err := range s.d.Uses() {
		if err != nil {
			t.Fatal(err)
		}
		w, ok := want[u.Share.Inside()]
		if !ok || u.TCP != w.TCP || u.UDP != w.UDP || u.ICMP != w.ICMP {
			t.Errorf("%v: %+v, the mappings say %+v", u.Share.Inside(), u, w)
		}
		delete(want, u.Share.Inside())
	}
	if len(want) > 0 {
		t.Errorf("left out: %+v", want)
	}
}

// A share that has another owner says of nobody what the owner before had, after a change in which all move by one.
func TestUsesAfterMove(t *testing.T) {
	pool := func(inside string) *alloc.Plan {
		return mustPlan(t, alloc.PoolSpec{Inside: spans(inside), Outside: spans("198.51.100.0"), PortsPerSubscriber: 64})
	}
	l := newLab(t, Config{Plan: pool("100.64.0.0-100.64.0.7")})
	l.opensMany(ad("100.64.0.0"), 64)
	l.opensMany(ad("100.64.0.7"), 20)
	compare := func(when string, most int) {
		t.Helper()
		for u, err := range l.d.Uses() {
			if err != nil {
				t.Fatal(err)
			}
			if has := must(l.d.Subscriber(alloc.SubscriberFrom("", u.Share.Inside()))); u.UDP != has.UDP.Used || u.UDP > most {
				t.Errorf("%s: %v uses %d, and its account says %d", when, u.Share.Inside(), has.UDP.Used, u.UDP)
			}
		}
	}
	compare("before", 64)
	l.replan(Config{Plan: pool("100.64.0.9 100.64.0.0-100.64.0.7"), Key: l.d.Key()})
	compare("all have moved", 0)
	l.opensMany(ad("100.64.0.9"), 64)
	compare("the new owner has opened as many", 64)
}
