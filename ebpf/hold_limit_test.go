//go:build linux

package ebpf

import (
	"net/netip"
	"testing"
	"time"

	"github.com/cgnkit/cgnkit/alloc"
)

// Where freed ports wait, a limit is still one of mappings: what waits is none, who comes back to a port of its own that waited is one
// more, and nobody is refused below the limit. Forwards are mappings, too.
func TestLimitWhilePortsWait(t *testing.T) {
	const limit, hold, endpoints = 5, 2 * time.Minute, 20
	l := newLab(t, Config{Policy: Policy{Hold: hold, Limit: Limit{UDP: limit}}}, limited())
	me, rnd := ad("100.64.0.1"), seeded(t)
	outs := make(map[uint16]netip.AddrPort) // of every endpoint that had one
	lives := make(map[uint16]bool)
	forwarded := uint16(0)
	forward := func(port uint16) Forward {
		return Forward{alloc.SubscriberFrom("", me), UDP, outs[port].Port(), port}
	}
	seen := make(map[verdict]int)
	for i := range 6000 {
		port := uint16(1000 + rnd.IntN(endpoints))
		switch op := rnd.IntN(40); {
		case op < 24:
			got := l.run(fromInside, udp(netip.AddrPortFrom(me, port), server, "x").frame())
			seen[got.verdict]++
			want := outbound
			if !lives[port] && len(lives) >= limit {
				want = dropLimit
			}
			if got.verdict != want {
				t.Fatalf("%d: endpoint %d of %d that live, itself %v: %q, want %q", i, port, len(lives), lives[port], got.verdict, want)
			}
			if want == outbound {
				outs[port], lives[port] = sourceOf(got.frame), true
			}
		case op < 34: // its time is over, and the port waits
			if lives[port] && port != forwarded {
				l.idle(planeUDP, outs[port], 5*time.Minute+time.Second)
				delete(lives, port)
			}
		case op < 36: // it has waited
			if out, ok := outs[port]; ok && !lives[port] && l.slot(planeUDP, out).Owner != 0 && insideOf(l.slot(planeUDP, out).Owner).Port() == port {
				l.idle(planeUDP, out, hold+time.Second)
			}
		case op < 38:
			l.tidies()
		case forwarded != 0:
			if err := l.d.EndForward(forward(forwarded)); err != nil {
				t.Fatal(err)
			}
			delete(lives, forwarded)
			delete(outs, forwarded)
			forwarded = 0
		case lives[port]:
			if err := l.d.Forward(forward(port)); err != nil {
				t.Fatal(err)
			}
			forwarded = port
		}
		l.forgetRefusal(me)
		if n := l.used(me); n < len(lives) {
			t.Fatalf("%d: the account says that %d ports are in use, and %d mappings live", i, n, len(lives))
		}
	}
	t.Log(seen)
	if seen[outbound] == 0 || seen[dropLimit] == 0 {
		t.Errorf("%v", seen)
	}
}
