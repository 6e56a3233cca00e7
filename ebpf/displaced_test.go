//go:build linux

package ebpf

import (
	"net/netip"
	"os"
	"slices"
	"testing"
	"time"

	"github.com/cgnkit/cgnkit/alloc"
	"github.com/cgnkit/cgnkit/ebpf/internal/bpf"
)

// away returns how many mappings are not at home, and fails the test unless displaced has those and no others.
func (l *lab) away(when string) (n int) {
	l.Helper()
	known := make(map[bpf.CgnatCgnDisplaced]uint16)
	var key bpf.CgnatCgnDisplaced
	var port uint16
	for it := l.table(bpf.CgnatMapDisplaced).Iterate(); it.Next(&key, &port); {
		known[key] = port
	}
	realms := l.d.Plan().Realms()
	for m, err := range l.d.Mappings() {
		if err != nil {
			l.Fatal(err)
		}
		key := bpf.CgnatCgnDisplaced{
			Addr: wireOrder(hostOrder(m.Inside.Addr())), Port: wirePort(m.Inside.Port()), Proto: uint8(m.Protocol), Realm: uint8(slices.Index(realms, m.Realm)),
		}
		port, ok := known[key]
		switch {
		case m.Displaced && (!ok || port != m.Outside.Port()):
			l.Errorf("%s: %v is at %v and not at home, and displaced says %d, %v", when, m.Inside, m.Outside, port, ok)
		case !m.Displaced && ok:
			l.Errorf("%s: %v is at home, and displaced says %d", when, m.Inside, port)
		}
		if m.Displaced {
			n++
		}
	}
	if f, err := l.d.Displaced(); err != nil || f.Entries != uint64(n) {
		l.Errorf("%s: %d mappings are not at home, and displaced has %d, error %v", when, n, f.Entries, err)
	}
	return n
}

// opensMany opens n mappings of a subscriber, and returns where they are.
func (l *lab) opensMany(inside netip.Addr, n int) (out []netip.AddrPort) {
	l.Helper()
	for i := range n {
		out = append(out, l.opens(udp(netip.AddrPortFrom(inside, uint16(1000+i)), server, "x")))
	}
	return out
}

// The index of mappings that are not at home has what its name says after every change of the plan: addresses leave, go to another realm
// or lose their table, subscribers move or go, and shares and keys change, so that who was away is at home.
func TestDisplacedAreAway(t *testing.T) {
	east := alloc.PoolSpec{Name: "east", Realm: "east", Inside: spans("100.64.0.0/30"), Outside: spans("198.51.100.0/32"), PortsPerSubscriber: 100}
	west := alloc.PoolSpec{Name: "west", Realm: "west", Inside: spans("100.64.0.0/30"), Outside: spans("198.51.100.1/32"), PortsPerSubscriber: 100}
	put := func(p alloc.PoolSpec, change func(*alloc.PoolSpec)) alloc.PoolSpec { change(&p); return p }
	outside := func(text string) func(*alloc.PoolSpec) {
		return func(p *alloc.PoolSpec) { p.Outside = spans(text) }
	}
	who := []netip.Addr{ad("100.64.0.1"), ad("100.64.0.2")}
	key := NewKey()
	steps := []struct {
		name   string
		change Config
		kept   bool // that 100.64.0.1 has its mappings still
	}{
		{"an address leaves", Config{Plan: mustPlan(t, put(east, outside("198.51.100.2/32")), west), Key: key}, false},
		{"two addresses change realms", Config{Plan: mustPlan(t, put(east, outside("198.51.100.1/32")), put(west, outside("198.51.100.2/32"))), Key: key}, false},
		{"and back", Config{Plan: mustPlan(t, put(east, outside("198.51.100.2/32")), west), Key: key}, false},
		{"subscribers change places", Config{Plan: mustPlan(t, put(east, func(p *alloc.PoolSpec) {
			p.Outside, p.Inside = spans("198.51.100.2/32"), spans("100.64.0.3 100.64.0.2 100.64.0.1 100.64.0.0")
		}), west), Key: key}, false},
		{"a subscriber goes", Config{Plan: mustPlan(t, put(east, func(p *alloc.PoolSpec) {
			p.Outside, p.Inside = spans("198.51.100.2/32"), spans("100.64.0.1 100.64.0.3")
		}), west), Key: key}, false},
		{"back to where all began", Config{Plan: mustPlan(t, east, west), Key: key}, false},
		{"larger shares, of which the old one is a part", Config{Plan: mustPlan(t, put(east, func(p *alloc.PoolSpec) {
			p.Inside, p.PortsPerSubscriber = spans("100.64.0.1 100.64.0.2"), 300
		}), west), Key: key}, true},
		{"another key", Config{Plan: mustPlan(t, put(east, func(p *alloc.PoolSpec) {
			p.Inside, p.PortsPerSubscriber = spans("100.64.0.1 100.64.0.2"), 300
		}), west), Key: NewKey()}, true},
	}
	l := newLab(t, Config{Plan: mustPlan(t, east, west), Key: key})
	for _, s := range steps {
		had := l.opensMany(who[0], 90)
		if l.away("before: "+s.name) == 0 {
			t.Errorf("%s: all mappings are at home, so nothing is shown", s.name)
		}
		if _, err := l.d.Plan().Lookup(alloc.SubscriberFrom("east", who[1])); err == nil {
			l.opensMany(who[1], 90)
		}
		l.replan(s.change)
		l.away(s.name)
		if now := l.opensMany(who[0], 90); s.kept && !slices.Equal(now, had) {
			t.Errorf("%s: mappings are elsewhere", s.name)
		} else if again := l.opensMany(who[0], 90); !slices.Equal(now, again) {
			t.Errorf("%s: endpoints have got another port at their second packet", s.name)
		}
		l.away("after: " + s.name)
	}
	address := l.d.generation.address(0).String()
	for _, pin := range []struct {
		kind, name string
		kept       bool // mappings
	}{{"slots", address, false}, {"accounts", address, true}, {"maps", bpf.CgnatMapDisplaced, true}} {
		had := l.opensMany(who[0], 90)
		if err := os.Remove(l.d.generation.at(pin.kind, pin.name)); err != nil {
			t.Fatal(err)
		}
		l.replan(steps[len(steps)-1].change)
		l.away("repaired: " + pin.kind)
		if now := l.opensMany(who[0], 90); pin.kept && !slices.Equal(now, had) {
			t.Errorf("repaired %s: mappings are elsewhere", pin.kind)
		}
	}
}

// Who moves to the same ports of another address has new mappings there as soon as the plan is in force. What is left of the old ones is
// taken away after that, and the new ones stay known.
func TestNewMappingsOfWhoMovesAreKept(t *testing.T) {
	list := func(first, second string) *alloc.Plan {
		return mustPlan(t, listOfShares("100.64.0.1 "+first+" 1024-1055", "100.64.0.2 "+second+" 1024-1055"))
	}
	l := newLab(t, Config{Plan: list("198.51.100.1", "198.51.100.2")})
	who := ad("100.64.0.1")
	l.opensMany(who, 32)
	var between []netip.AddrPort
	moved := list("198.51.100.2", "198.51.100.1")
	l.replan(Config{Plan: moved, Step: func(what string) error {
		if what != "ending what was before" {
			return nil
		}
		live := must(openGeneration(l.d.folder.live()))
		if err := live.understand(moved, nil); err != nil {
			return err
		}
		l.follow(&Datapath{l.d.folder, live})
		between = l.opensMany(who, 32)
		return nil
	}})
	if l.away("after") == 0 {
		t.Fatal("all are at home: nothing is shown")
	}
	if again := l.opensMany(who, 32); !slices.Equal(again, between) {
		t.Errorf("mappings are at %v, and at the next packet at %v", between, again)
	}
}

// Where the index is full, mappings that it has no room for are found by a search of the share: nobody gets a second one, the share is
// used up to its last port, and when there is room again the sweep enters who is missing.
func TestDisplacedIsFull(t *testing.T) {
	const room, ports = 8, 200
	c := Config{Plan: mustPlan(t, listOfShares("100.64.0.1 198.51.100.1 1024-1223", "100.64.0.2 198.51.100.1 2000-2199")), displaced: room}
	l := newLab(t, c)
	who, other := ad("100.64.0.1"), ad("100.64.0.2")
	have := l.opensMany(who, ports)
	if f, err := l.d.Displaced(); err != nil || f.Entries != room || f.Capacity != room {
		t.Errorf("displaced %+v, %v: it shall be full", f, err)
	}
	if d := slices.Clone(have); len(slices.Compact(slices.SortedFunc(slices.Values(d), netip.AddrPort.Compare))) != ports {
		t.Error("two mappings have one port")
	}
	for _, out := range have {
		l.hears("the server", udp(server, out, "x"), inbound)
	}
	if again := l.opensMany(who, ports); !slices.Equal(again, have) {
		t.Error("endpoints have got another port at their second packet")
	}
	l.gets(fromInside, udp(netip.AddrPortFrom(who, 9), server, "x"), dropExhausted)
	l.opensMany(other, ports)
	for _, out := range have[ports/4:] {
		l.idle(planeUDP, out, time.Hour)
	}
	l.tidies()
	if again := l.opensMany(who, ports/4); !slices.Equal(again, have[:ports/4]) {
		t.Error("endpoints have got another port after others have ended")
	}
	// A release with more room: who was not entered is found, and entered.
	c.displaced = 0
	l.replan(c)
	if n := l.away("with more room"); n <= room {
		t.Errorf("%d mappings are not at home: more shall be", n)
	}
	if again := l.opensMany(who, ports/4); !slices.Equal(again, have[:ports/4]) {
		t.Error("endpoints have got another port with more room")
	}
}

// tidies goes over all shares once.
func (l *lab) tidies() {
	l.Helper()
	if _, err := l.d.Tidy(l.Context()); err != nil {
		l.Fatal(err)
	}
}
