//go:build linux

package nat44

import (
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/cgnkit/cgnkit/alloc"
	"github.com/cgnkit/cgnkit/internal/netns"
)

// loadFile loads a ruleset as nft -f does: flows stay.
func (b *trafficBench) loadFile(rs *Ruleset) {
	b.Helper()
	path := filepath.Join(b.TempDir(), "rules.nft")
	if err := os.WriteFile(path, []byte(rs.String()), 0o600); err != nil {
		b.Fatal(err)
	}
	b.nft("-f", path)
}

// TestLeftover has plans come and go by nft -f, and a subscriber use each of them: what it opened by another plan goes on, and is found as long as it does,
// also with an outside address that only the other plan has, where that is given. What follows the plan stays.
func TestLeftover(t *testing.T) {
	t.Parallel()
	b := newTrafficBench(t, netns.Options{})
	sub, server := b.Subscribers[0], b.Servers[0]
	ours := subscribersOf(t, "192.0.2.0/30", 1000, "100.64.0.1", "100.64.0.2", "100.64.0.3")
	swapped := subscribersOf(t, "192.0.2.0/30", 1000, "100.64.0.3", "100.64.0.2", "100.64.0.1")
	elsewhere := subscribersOf(t, "192.0.2.8/30", 1000, "100.64.0.1", "100.64.0.2", "100.64.0.3")
	b.apply(ours)
	var flows []*netns.Flow
	var seen []netip.AddrPort
	for i, rs := range []*Ruleset{ours, swapped, elsewhere} {
		if i > 0 {
			b.loadFile(rs)
		}
		f, err := sub.Dial(netns.Query{Network: "tcp", Remote: netip.AddrPortFrom(server.Addr, 7), Timeout: time.Second})
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = f.Close() }()
		at, err := f.Ask()
		if err != nil {
			t.Fatal(err)
		}
		flows, seen = append(flows, f), append(seen, at)
	}
	if _, err := b.k.ForgetLeftover(ours); err == nil {
		t.Error("flows of the plan that is in force are forgotten by another one")
	}
	b.loadFile(ours)
	expect := func(what string, want int, got int, err error) {
		t.Helper()
		if err != nil || got != want {
			t.Errorf("%s: %d flows, want %d: %v", what, got, want, err)
		}
	}
	n, err := b.k.Leftover(ours)
	expect("known is the plan in force", 1, n, err)
	n, err = b.k.Leftover(ours, swapped.Plan(), elsewhere.Plan())
	expect("known are all", 2, n, err)
	for i, f := range flows {
		if at, err := f.Ask(); err != nil || at != seen[i] {
			t.Errorf("flow %d was seen as %v, and is as %v: %v", i, seen[i], at, err)
		}
	}
	n, err = b.k.ForgetLeftover(ours, elsewhere.Plan())
	expect("forgotten", 2, n, err)
	n, err = b.k.Leftover(ours, swapped.Plan(), elsewhere.Plan())
	expect("afterwards", 0, n, err)
	if at, err := flows[0].Ask(); err != nil || at != seen[0] {
		t.Errorf("what follows the plan was seen as %v, and is as %v: %v", seen[0], at, err)
	}
	b.equal(ours)
}

// TestLeftoverOfOthers has the rules of an operator translate to ports of the plan's addresses that it gives to nobody: that contradicts nothing.
func TestLeftoverOfOthers(t *testing.T) {
	rs := subscribersOf(t, "192.0.2.0/30", 1000, "100.64.0.1", "100.64.0.2", "100.64.0.3")
	former := subscribersOf(t, "192.0.2.8/30", 1000, "100.64.0.1")
	s := &staleness{rs: rs, outside: merge(append(slices.Clone(rs.outside), former.outside...)), plans: []*alloc.Plan{rs.plan, former.plan}}
	alone := subscribersOf(t, "192.0.2.16/31", 64512, "100.64.0.1", "100.64.0.2")
	s.plans, s.outside = append(s.plans, alone.plan), merge(append(s.outside, alone.outside...))
	own := firstPort(t, rs, "100.64.0.1")
	const esp = 50
	for _, c := range []struct {
		inside, outside string
		proto           uint8
		want            bool
	}{
		{"192.168.50.9", own.Addr().String(), esp, false}, // the address is shared: a plan gives ESP to nobody
		{"100.64.0.1", own.Addr().String(), esp, false},
		{"192.168.50.9", "192.0.2.8", esp, false},
		{"192.168.50.9", "192.0.2.16", esp, true},
		{"192.168.50.9", "198.51.100.1", esp, false},
	} {
		f := flow{orig: tuple{src: netip.MustParseAddr(c.inside), dst: netip.MustParseAddr("203.0.113.9"), proto: c.proto},
			reply: tuple{dst: netip.MustParseAddr(c.outside), proto: c.proto}}
		if got := s.leftover(f); got != c.want {
			t.Errorf("protocol %d of %s as %s: %t, want %t", c.proto, c.inside, c.outside, got, c.want)
		}
	}
	for _, c := range []struct {
		inside, outside string
		port            uint16
		want            bool
	}{
		{"100.64.0.1", own.Addr().String(), own.Port(), false},
		{"100.64.0.2", own.Addr().String(), own.Port(), true},
		{"192.168.50.9", own.Addr().String(), own.Port(), true},
		{"192.168.50.9", own.Addr().String(), 831, false},
		{"100.64.0.2", own.Addr().String(), 831, false},
		{"192.168.50.9", "192.0.2.8", 2000, true},
		{"192.168.50.9", "192.0.2.8", 831, false},
		{"192.168.50.9", "198.51.100.1", 2000, false},
	} {
		f := flow{orig: tuple{src: netip.MustParseAddr(c.inside), dst: netip.MustParseAddr("203.0.113.9"), proto: tcp},
			reply: tuple{dst: netip.MustParseAddr(c.outside), dstPort: c.port, proto: tcp}}
		if got := s.leftover(f); got != c.want {
			t.Errorf("%s as %s:%d: %t, want %t", c.inside, c.outside, c.port, got, c.want)
		}
	}
}

// firstPort returns the first outside endpoint of a subscriber.
func firstPort(t *testing.T, rs *Ruleset, inside string) netip.AddrPort {
	t.Helper()
	share, err := rs.plan.Lookup(alloc.SubscriberFrom("", netip.MustParseAddr(inside)))
	if err != nil {
		t.Fatal(err)
	}
	return netip.AddrPortFrom(share.Outside(), share.Ports().First())
}
