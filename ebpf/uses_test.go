//go:build linux

package ebpf

import (
	"net/netip"
	"testing"
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
