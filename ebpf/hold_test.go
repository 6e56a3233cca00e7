//go:build linux

package ebpf

import (
	"errors"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/cgnkit/cgnkit/alloc"
)

// Where freed ports wait, those of who moves do, too: the old mapping ends at once, the new owner gets the port when its time is over or
// when more wait than may, and another change of the plan begins nothing anew.
func TestPortsOfWhoMovesWait(t *testing.T) {
	old, next := ad("100.64.0.1"), ad("100.64.0.2")
	const hold, ports = 2 * time.Minute, 8
	list := func(policy Policy, shares ...string) Config {
		return Config{Plan: mustPlan(t, listOfShares(shares...)), Policy: policy}
	}
	begin := func(t *testing.T, policy Policy) (*lab, []netip.AddrPort) {
		t.Helper()
		l := newLab(t, list(policy, "100.64.0.1 198.51.100.1 1024-1031"))
		had := l.opensMany(old, ports)
		l.replan(list(policy, "100.64.0.2 198.51.100.1 1024-1031", "100.64.0.1 198.51.100.1 2000-2007"))
		for _, out := range had {
			l.hears("the old mapping", udp(server, out, "x"), dropNoMapping)
		}
		for m, err := range l.d.Mappings() {
			t.Errorf("there is a mapping of %v, error %v", m.Inside, err)
		}
		return l, had
	}
	// opened tries to open as many mappings as there are ports, and returns how many it could.
	opened := func(l *lab) (n int) {
		for i := range ports {
			if l.run(fromInside, udp(netip.AddrPortFrom(next, uint16(1000+i)), server, "x").frame()).verdict == outbound {
				n++
			}
		}
		return n
	}
	t.Run("none waits", func(t *testing.T) {
		if l, _ := begin(t, Policy{}); opened(l) != ports {
			t.Error("ports cannot be had at once")
		}
	})
	t.Run("all wait", func(t *testing.T) {
		l, had := begin(t, Policy{Hold: hold})
		if n := opened(l); n != 0 {
			t.Errorf("%d ports are given at once", n)
		}
		for _, out := range had[:3] {
			l.idle(planeUDP, out, hold+time.Second)
		}
		more := list(Policy{Hold: hold}, "100.64.0.2 198.51.100.1 1024-1032", "100.64.0.1 198.51.100.1 2000-2007")
		l.replan(more)
		if n := opened(l); n != 4 {
			t.Errorf("%d ports are given, and three have waited long enough, and one is new", n)
		}
		l.tidies()
		if v := l.used(next); v != 4 {
			t.Errorf("the account says that %d ports are in use", v)
		}
		for _, out := range had {
			l.idle(planeUDP, out, hold+time.Second)
		}
		l.tidies()
		for _, out := range had {
			if s := l.slot(planeUDP, out); s.Owner != 0 && s.Owner>>16 == 0 {
				t.Errorf("%v waits still", out)
			}
		}
	})
	t.Run("half may wait", func(t *testing.T) {
		l, had := begin(t, Policy{Hold: hold, HoldPorts: ports / 2})
		for _, out := range had {
			l.idle(planeUDP, out, time.Second) // who began in this tick has not waited yet
		}
		if n := opened(l); n != ports/2 {
			t.Errorf("%d ports are given, and %d may wait", n, ports/2)
		}
	})
	t.Run("a forward and what is restored", func(t *testing.T) {
		l, had := begin(t, Policy{Hold: hold})
		f := Forward{Subscriber: alloc.SubscriberFrom("", next), Protocol: UDP, OutsidePort: had[0].Port(), InsidePort: 80}
		if err := l.d.Forward(f); !errors.Is(err, ErrTaken) || !strings.Contains(err.Error(), "waits for ") {
			t.Errorf("the port waits: %v", err)
		}
		l.hears("the old peer", udp(server, had[0], "x"), dropNoMapping)
		var r Restored
		err := l.d.claiming(func(c *claimer) error {
			return l.d.restore(c, Mapping{Protocol: UDP, Inside: netip.AddrPortFrom(next, 80), Outside: had[0], ticks: 3}, &r)
		})
		if err != nil || r != (Restored{Taken: 1}) {
			t.Errorf("restored %+v, %v", r, err)
		}
		l.hears("the old peer", udp(server, had[0], "x"), dropNoMapping)
		l.idle(planeUDP, had[0], hold+time.Second)
		if err := l.d.Forward(f); err != nil {
			t.Errorf("the port has waited: %v", err)
		}
		l.hears("the forward", udp(server, had[0], "x"), inbound)
	})
	t.Run("a forward of the subscriber's own port", func(t *testing.T) {
		l := newLab(t, list(Policy{Hold: hold}, "100.64.0.1 198.51.100.1 1024-1031"))
		had := l.opensMany(old, 1)
		f := Forward{Subscriber: alloc.SubscriberFrom("", old), Protocol: UDP, OutsidePort: had[0].Port(), InsidePort: 80}
		if err := l.d.Forward(f); !errors.Is(err, ErrTaken) || !strings.Contains(err.Error(), "a mapping of "+old.String()) {
			t.Errorf("a mapping has it: %v", err)
		}
		l.idle(planeUDP, had[0], 5*time.Minute+time.Second)
		if err := l.d.Forward(f); !errors.Is(err, ErrTaken) || !strings.Contains(err.Error(), "waits for ") {
			t.Errorf("the port waits: %v", err)
		}
		l.idle(planeUDP, had[0], hold)
		if err := l.d.Forward(f); err != nil {
			t.Errorf("the port has waited: %v", err)
		}
	})
}

// used returns how many ports the account of a subscriber says that it uses for UDP.
func (l *lab) used(who netip.Addr) int {
	l.Helper()
	for u, err := range l.d.Uses() {
		if err != nil {
			l.Fatal(err)
		}
		if u.Share.Inside() == who {
			return u.UDP
		}
	}
	return 0
}
