//go:build linux

package ebpf

import (
	"net/netip"
	"testing"

	"github.com/cilium/ebpf"

	"github.com/cgnkit/cgnkit/alloc"
	"github.com/cgnkit/cgnkit/ebpf/internal/bpf"
	"github.com/cgnkit/cgnkit/internal/netns"
)

// alonePool gives its two subscribers an address each.
func alonePool(inside string) alloc.PoolSpec {
	return alloc.PoolSpec{Name: "alone", Inside: spans(inside), Outside: spans("192.0.2.0/31"), SharingRatio: 1}
}

// setAlone overwrites who is noted to have 192.0.2.0 alone.
func setAlone(owner uint64) func(*site) error {
	return func(s *site) error {
		return with(s, "slots", "192.0.2.0", func(m *ebpf.Map) error { return m.Put(aloneSlot, bpf.CgnatCgnSlot{Owner: owner}) })
	}
}

// What is noted of who has an address alone is no mapping and no departure from the plan, however much they have sent; that it is not
// right is one, and Apply mends it.
func TestVerifyAlone(t *testing.T) {
	c := Config{Plan: mustPlan(t, alonePool("100.64.0.1 100.64.0.2"))}
	s := newSite(t, c)
	s.isWhole(c.Plan)
	if err := s.Subscribers[0].Ping(netns.Ping{To: s.Servers[0].Addr}); err != nil {
		t.Fatal(err)
	}
	if v, found := s.verify(c.Plan); len(found) > 0 || v.Mappings != 1 {
		t.Errorf("%+v: %v", v, found)
	}
	s.apply(c)
	if n := s.d.generation.record.Serial; n != 1 {
		t.Errorf("an apply with nothing to change made generation %d", n)
	}
	s.meddle(t, c, []tamper{
		{"a note is gone", setAlone(0), `^subscriber of 192.0.2.0: missing: it is not noted that 100.64.0.1 has it alone$`},
		{
			"somebody else is noted", setAlone(uint64(wireOrder(hostOrder(ad("100.64.0.2")))) << 32),
			`^subscriber of 192.0.2.0: changed: 100.64.0.2 is noted to have it alone, and the plan says: 100.64.0.1$`,
		},
	})
}

// Who has an address alone is pinged there before it has sent anything, by whoever, and as soon as a plan gives it another.
func TestPingsFromTheStart(t *testing.T) {
	s := newSite(t, Config{Plan: mustPlan(t, alonePool("100.64.0.1 100.64.0.2"))})
	s.pingedAt(0, "192.0.2.0")
	s.pingedAt(1, "192.0.2.1")
	s.apply(Config{Plan: mustPlan(t, alonePool("100.64.0.2 100.64.0.1"))})
	s.pingedAt(0, "192.0.2.1")
	s.pingedAt(1, "192.0.2.0")
	s.isWhole(s.d.Plan())
}

// pingedAt fails the test unless a subscriber answers pings to an address, those of a server and those of the subscribers.
func (s *site) pingedAt(subscriber int, outside string) {
	s.Helper()
	o, err := s.Subscribers[subscriber].Observe(netns.Watch{Match: func(p netns.Packet) bool { return p.ICMPType == echoRequest }})
	if err != nil {
		s.Fatal(err)
	}
	defer func() { _ = o.Close() }()
	all := []netns.Host{s.Servers[0], s.Subscribers[0], s.Subscribers[1]}
	for _, from := range all {
		if err := from.Ping(netns.Ping{To: netip.MustParseAddr(outside)}); err != nil {
			s.Errorf("%v pings %s: %v", from.Addr, outside, err)
		}
	}
	if n, err := o.Count(); err != nil || n != len(all) {
		s.Errorf("subscriber %d was asked %d times (error %v), want %d", subscriber, n, err, len(all))
	}
}
