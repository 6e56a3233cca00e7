//go:build linux

package conformance

import (
	"net/netip"
	"testing"
	"time"

	"github.com/cgnkit/cgnkit/ebpf"
	"github.com/cgnkit/cgnkit/internal/netns"
)

func xdpTCPProbes() map[string]probe {
	return map[string]probe{
		"5382-2":  shows(overXDP(roomy), validSequences),
		"5382-2a": shows(overXDP(roomy), simultaneousOpen),
		"5382-u":  shows(overXDP(roomy), pickedUpForLong),
	}
}

// The times of TCP.
const (
	established = 7440 * time.Second
	transitory  = 240 * time.Second
)

// lasts fails the test unless the connection is remembered for that long without packets.
func (c *conversation) lasts(d time.Duration) {
	c.t.Helper()
	c.b.lasts(c.t, "tcp", c.seen, d)
}

// shake makes the three-way handshake.
func (c *conversation) shake() {
	c.t.Helper()
	c.sends(segment{flags: syn, seq: 100})
	c.gets(segment{flags: syn | ack, seq: 500, ack: 101})
	c.sends(segment{flags: ack, seq: 101, ack: 501})
}

// tcpLasts shows the times of every state, whichever side closes first. A connection that one side has closed is still an
// established one (RFC 7857 figure 1).
func tcpLasts(t *testing.T, b *bench) {
	b.defaults(t)
	c := converse(t, b)
	c.sends(segment{flags: syn, seq: 100})
	c.lasts(transitory)
	c.gets(segment{flags: syn | ack, seq: 500, ack: 101})
	c.sends(segment{flags: ack, seq: 101, ack: 501})
	c.lasts(established)
	c.sends(segment{flags: psh | ack, seq: 101, ack: 501, data: "hello"})
	c.gets(segment{flags: ack, seq: 501, ack: 106})
	c.lasts(established)
	c.sends(segment{flags: fin | ack, seq: 106, ack: 501})
	c.lasts(established)
	c.gets(segment{flags: psh | ack, seq: 501, ack: 107, data: "still open"})
	c.lasts(established)
	c.gets(segment{flags: fin | ack, seq: 511, ack: 107})
	c.lasts(transitory)
	c.sends(segment{flags: ack, seq: 107, ack: 512})
	c.lasts(transitory)
	c.shake() // the same endpoints again
	c.lasts(established)
	c.gets(segment{flags: fin | ack, seq: 501, ack: 101})
	c.lasts(established)
	c.sends(segment{flags: fin | ack, seq: 101, ack: 502})
	c.lasts(transitory)
}

// tcpEnds shows that each time can be set.
func tcpEnds(t *testing.T, b *bench) {
	c := converse(t, b)
	b.restart(t, ebpf.Policy{Opening: time.Second, Closing: 2 * time.Hour, Established: 3 * time.Hour})
	c.sends(segment{flags: syn, seq: 100})
	b.ends(t, "tcp", c.seen)
	c.shake()
	c.lasts(3 * time.Hour)
	c.gets(segment{flags: rst, seq: 501})
	c.lasts(2 * time.Hour)
	b.restart(t, ebpf.Policy{Closing: time.Second})
	c.shake()
	c.lasts(established)
	c.gets(segment{flags: rst, seq: 501})
	b.ends(t, "tcp", c.seen)
	b.restart(t, ebpf.Policy{Established: time.Second, Opening: time.Hour})
	c.sends(segment{flags: syn, seq: 100})
	c.lasts(time.Hour)
	c.gets(segment{flags: syn | ack, seq: 500, ack: 101})
	b.ends(t, "tcp", c.seen)
}

// begins fails the test unless what do does begins the time of the connection, which was idle for an hour.
func (c *conversation) begins(do func()) {
	c.t.Helper()
	fresh := c.b.path.slot(c.t, "udp", c.b.endpoint(c.t, 0, 65001, 9))
	c.b.path.ago(c.t, "tcp", c.seen, fresh, time.Hour)
	do()
	now, tick := clock(c.t, fresh)
	if s := c.b.path.slot(c.t, "tcp", c.seen); time.Duration(int32(now-s.Seen))*tick > time.Minute {
		c.t.Errorf("mapping %v is %+v at tick %d: its time was not begun", c.seen, s, now)
	}
}

// resetLasts shows that a RST passes in both directions and that the session stays for 240 s, also if it was idle for longer; and that the window is not looked at:
// a RST that cannot be of the connection counts as well, until the next packet.
func resetLasts(t *testing.T, b *bench) {
	c := converse(t, b)
	c.shake()
	c.begins(func() { c.gets(segment{flags: rst, seq: 501}) })
	c.lasts(transitory)
	c.gets(segment{flags: ack, seq: 501, ack: 101})
	c.lasts(established)
	c.gets(segment{flags: rst, seq: 900_000_000})
	c.lasts(transitory)
	c.sends(segment{flags: ack, seq: 101, ack: 501})
	c.lasts(established)
	c.begins(func() { c.sends(segment{flags: rst, seq: 101}) })
	c.lasts(transitory)
	c.gets(segment{flags: rst, seq: 501})
	// One of a connection that is not this one means nothing to it.
	c.sends(segment{flags: ack, seq: 101, ack: 501})
	stranger := netip.AddrPortFrom(b.Servers[1].Addr, 7777)
	w := watch(t, b.Subscribers[0].NS, tcpFrom(stranger.Addr()))
	send(t, b.Servers[1], segment{flags: rst, seq: 501}.packet(stranger, c.seen))
	w.await(t, 1)
	c.lasts(established)
}

// dataAfterResetLasts shows that data after a RST, from either side, makes the connection an established one again.
func dataAfterResetLasts(t *testing.T, b *bench) {
	c := converse(t, b)
	c.shake()
	for range 2 {
		c.gets(segment{flags: rst, seq: 501})
		c.lasts(transitory)
		c.sends(segment{flags: psh | ack, seq: 101, ack: 501, data: "anyone?"})
		c.lasts(established)
		c.sends(segment{flags: rst, seq: 108})
		c.lasts(transitory)
		c.gets(segment{flags: psh | ack, seq: 501, ack: 108, data: "yes"})
		c.lasts(established)
	}
}

// pickedUpForLong shows that a connection which the CGN has not seen begin is let through from inside, and not from outside, and
// that it is an established one once both sides were heard of.
func pickedUpForLong(t *testing.T, b *bench) {
	pickedUp(t, b)
	e := b.knownTo(t, 0, 1600)
	b.lasts(t, "tcp", e, transitory)
}

// validSequences shows connections that either side closes first, with data after that, and checksummed transfers both ways.
func validSequences(t *testing.T, b *bench) {
	halfClose(t, b)
	b.transfers(t)
}

// transfers sends some megabytes from inside and some from outside, and compares checksums.
func (b *bench) transfers(t *testing.T) {
	t.Helper()
	const size = 4 << 20
	there, err := b.Servers[0].ListenSink(netip.AddrPortFrom(b.Servers[0].Addr, 0))
	if err != nil {
		t.Fatal(err)
	}
	here, err := b.Subscribers[0].ListenSink(b.from(0, 41000))
	if err != nil {
		t.Fatal(err)
	}
	mapped := b.knownTo(t, 0, 41000)
	for _, way := range []struct {
		from netns.Host
		to   netip.AddrPort
		sink *netns.Sink
	}{{b.Subscribers[0], there.Addr(), there}, {b.Servers[1], mapped, here}} {
		transfer, err := way.from.StartTransfer(soon(t), netns.Stream{Remote: way.to, Bytes: size})
		if err != nil {
			t.Fatal(err)
		}
		if err := transfer.Wait(); err != nil || way.sink.Received() != size {
			t.Errorf("%d of %d bytes arrived at %v, error %v", way.sink.Received(), size, way.to, err)
		}
	}
}
