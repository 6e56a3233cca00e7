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
		{"a note is gone", setAlone(0), `^subscriber of 192.0.2.0: missing: it is not noted that 100.64.0.1 has it alone$`, false},
		{
			"somebody else is noted", setAlone(uint64(wireOrder(hostOrder(ad("100.64.0.2")))) << 32),
			`^subscriber of 192.0.2.0: changed: 100.64.0.2 is noted to have it alone, and the plan says: 100.64.0.1$`, true,
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

// Who has an address alone keeps what has no ports whatever a list says of other addresses; who gets a neighbour on it loses that at
// once, with the peers, and has it again when the neighbour is gone.
func TestAloneIsOfTheAddress(t *testing.T) {
	const first, second = "100.64.0.1 198.51.100.1 1-65535", "100.64.0.2 198.51.100.2 1-30000"
	list := func(s ...string) Config {
		return Config{Plan: mustPlan(t, listOfShares(s...)), Policy: Policy{Filtering: AddressDependent}}
	}
	l := newLab(t, list(first, second))
	far, stranger := ad("192.0.2.1"), ad("192.0.2.9")
	inside, outside := []netip.Addr{ad("100.64.0.1"), ad("100.64.0.2")}, []netip.Addr{ad("198.51.100.1"), ad("198.51.100.2")}
	gre := func(from, to netip.Addr) datagram { return newDatagram(from, to, protoGRE, make([]byte, 8)) }
	sends := func(who int, want verdict) { t.Helper(); l.gets(fromInside, gre(inside[who], far), want) }
	hears := func(who int, from netip.Addr, want verdict) {
		t.Helper()
		l.hears("GRE", gre(from, outside[who]), want)
	}
	udpOut := l.opens(udp(netip.AddrPortFrom(inside[1], 5000), server, "x"))
	for who := range inside {
		sends(who, outbound)
		hears(who, far, inbound)
		hears(who, stranger, dropFiltered)
	}
	l.replan(list(first, second, "100.64.0.3 198.51.100.2 30001-60000"))
	sends(1, dropProtocol)
	hears(1, far, dropProtocol)
	hears(0, far, inbound)
	sends(0, outbound)
	l.hears("UDP of who is not alone any more", udp(server, udpOut, "x"), inbound)
	if s := l.slot(planeICMP, netip.AddrPortFrom(outside[1], 0)); s.Owner != 0 {
		t.Errorf("%v is noted to be alone, and has a neighbour", insideOf(s.Owner))
	}
	l.replan(list(first, second))
	hears(1, far, dropFiltered)
	sends(1, outbound)
	hears(1, far, inbound)
	hears(0, far, inbound)
	l.replan(list("100.64.0.4 198.51.100.1 1-9", "100.64.0.1 198.51.100.1 10-65535", second))
	sends(0, dropProtocol)
	hears(0, far, dropProtocol)
	hears(1, far, inbound)
}
