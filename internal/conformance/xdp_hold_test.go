//go:build linux

package conformance

import (
	"testing"
	"time"

	"github.com/cgnkit/cgnkit/ebpf"
)

func xdpHoldProbes() map[string]probe {
	return map[string]probe{
		"6888-8":  shows(overXDP(2), holdDown),
		"6888-8b": like("6888-8"),
		"6888-8d": shows(overXDP(2), holdsSoMany),
	}
}

// holdsSoMany shows that the number of ports that wait can be set, as holdDown does of the time: beyond the number, the one that
// has waited longest is given away.
func holdsSoMany(t *testing.T, b *bench) {
	server := b.echo(t, 0, "udp", 7000).Addr()
	const udp, hold = 5 * time.Minute, 2 * time.Minute
	for _, most := range []int{0, 1, 2} {
		b.restart(t, ebpf.Policy{Hold: hold, HoldPorts: most})
		older := b.ask(t, 0, "udp", 40000, server)
		newer := b.ask(t, 0, "udp", 40001, server)
		fresh := b.path.slot(t, "udp", newer)
		b.path.ago(t, "udp", older, fresh, udp+hold/2)
		b.path.ago(t, "udp", newer, fresh, udp+hold/4)
		if most != 1 {
			b.refused(t, 0, 40002, server)
			continue
		}
		if next := b.ask(t, 0, "udp", 40002, server); next != older {
			t.Errorf("the next endpoint is %v, want %v", next, older)
		}
		b.refused(t, 0, 40003, server) // now one waits
		if again := b.ask(t, 0, "udp", 40001, server); again != newer {
			t.Errorf("the endpoint was %v and is %v", newer, again)
		}
	}
}

// holdDown shows when the port of a mapping whose time is over goes to another endpoint of the subscriber: at once by default, and
// with a policy after the time that it says. The endpoint that had it gets it back meanwhile. Another subscriber never gets it.
func holdDown(t *testing.T, b *bench) {
	server := b.echo(t, 0, "udp", 7000).Addr()
	const udp = 5 * time.Minute
	for _, hold := range []time.Duration{0, 2 * time.Minute, 30 * time.Second} {
		b.restart(t, ebpf.Policy{Hold: hold})
		old := b.ask(t, 0, "udp", 40000, server)
		other := b.ask(t, 0, "udp", 40001, server)
		b.refused(t, 0, 40002, server)
		fresh := b.path.slot(t, "udp", other)
		if hold > 0 {
			b.path.ago(t, "udp", old, fresh, udp+hold-5*time.Second)
			b.refused(t, 0, 40002, server)
			if again := b.ask(t, 0, "udp", 40000, server); again != old {
				t.Errorf("hold %v: the endpoint was %v and is %v", hold, old, again)
			}
		}
		b.path.ago(t, "udp", old, fresh, udp+hold+2*time.Second)
		awaitTick(t, fresh) // a search in vain is not repeated in the same one
		if next := b.ask(t, 0, "udp", 40002, server); next != old {
			t.Errorf("hold %v: the next endpoint is %v, want %v", hold, next, old)
		}
		for _, port := range []uint16{40000, 40001} {
			b.owns(t, 1, b.ask(t, 1, "udp", port, server))
		}
		b.refused(t, 1, 40002, server)
	}
}
