//go:build linux

package conformance

import (
	"bufio"
	"io"
	"net"
	"net/netip"
	"strings"
	"testing"

	"github.com/cgnkit/cgnkit/internal/netns"
	"github.com/cgnkit/cgnkit/internal/netnstest"
)

func tcpProbes() map[string]probe {
	return map[string]probe{
		"5382-2":  shows(with(roomy), halfClose),
		"5382-2a": shows(with(roomy), simultaneousOpen),
		"5382-u":  shows(with(roomy), pickedUp),
	}
}

// A conversation is a connection by hand: the other side's kernel knows nothing of it.
type conversation struct {
	t              *testing.T
	b              *bench
	inside, server netip.AddrPort
	seen           netip.AddrPort // known once a packet has come out
	out, in        watcher
	outs, ins      int
}

// converse prepares a connection from port 1500 of subscriber 0 to server 0. Both ends are packets made by hand; the kernels of
// the hosts, which would reset it, do not get them.
func converse(t *testing.T, b *bench) *conversation {
	t.Helper()
	c := &conversation{
		t: t, b: b, inside: b.from(0, 1500), server: netip.AddrPortFrom(b.Servers[0].Addr, 7000),
	}
	mute(t, b.Subscribers[0].NS)
	mute(t, b.Servers[0].NS)
	c.out, c.in = watch(t, b.Servers[0].NS, tcpFrom(b.share(t, 0).Outside)), watch(t, b.Subscribers[0].NS, tcpFrom(c.server.Addr()))
	return c
}

// mute keeps TCP packets from a host's own kernel. Observers still see them.
func mute(t *testing.T, ns *netns.NS) {
	t.Helper()
	netnstest.Run(t, ns, "nft", "add table ip mute; add chain ip mute in { type filter hook prerouting priority 0; }; add rule ip mute in meta l4proto tcp drop")
}

// sends sends a segment from inside, waits for it at the server and returns what conntrack makes of it.
func (c *conversation) sends(s segment) remembered {
	c.t.Helper()
	send(c.t, c.b.Subscribers[0], s.packet(c.inside, c.server))
	c.outs++
	from, _ := endpoints(c.out.await(c.t, c.outs)[c.outs-1].Raw)
	if !c.seen.IsValid() {
		c.b.owns(c.t, 0, from)
		c.seen = from
	}
	if from != c.seen {
		c.t.Errorf("the packet came from %v, want %v", from, c.seen)
	}
	return c.state()
}

// gets sends a segment from the server and waits for it at the subscriber.
func (c *conversation) gets(s segment) remembered {
	c.t.Helper()
	send(c.t, c.b.Servers[0], s.packet(c.server, c.seen))
	c.ins++
	p := c.in.await(c.t, c.ins)
	if _, to := endpoints(p[c.ins-1].Raw); to != c.inside {
		c.t.Errorf("the packet went to %v, want %v", to, c.inside)
	}
	return c.state()
}

// state returns what conntrack makes of the connection; nothing over XDP, where there is no conntrack to ask.
func (c *conversation) state() remembered {
	c.t.Helper()
	if c.b.path != nil {
		return remembered{}
	}
	return c.b.theOne(c.t, "tcp")
}

// expect checks state and remaining life.
func (r remembered) expect(t *testing.T, state string, seconds int) {
	t.Helper()
	if r.state != state {
		t.Errorf("state is %s, want %s", r.state, state)
	}
	r.lasts(t, seconds)
}

// open makes the three-way handshake.
func (c *conversation) open() {
	c.t.Helper()
	c.sends(segment{flags: syn, seq: 100}).expect(c.t, "SYN_SENT", 240)
	c.gets(segment{flags: syn | ack, seq: 500, ack: 101}).expect(c.t, "SYN_RECV", 240)
	c.sends(segment{flags: ack, seq: 101, ack: 501}).expect(c.t, "ESTABLISHED", 7440)
}

// unacknowledged is how many seconds the kernel remembers a connection while something in it is not acknowledged, a FIN too, or
// the last packet has closed the window, whatever the time of its state. It would be 300 without the timers of the ruleset.
const unacknowledged = 7440

// tcpTimers shows the times of every state, whichever side closes first. A connection that one side has closed is still an
// established one (RFC 7857 figure 1).
func tcpTimers(t *testing.T, b *bench) {
	c := converse(t, b)
	c.open()
	c.sends(segment{flags: psh | ack, seq: 101, ack: 501, data: "hello"}).expect(t, "ESTABLISHED", unacknowledged)
	c.gets(segment{flags: ack, seq: 501, ack: 106, shut: true}).expect(t, "ESTABLISHED", unacknowledged)
	c.gets(segment{flags: ack, seq: 501, ack: 106}).expect(t, "ESTABLISHED", 7440)
	c.sends(segment{flags: fin | ack, seq: 106, ack: 501}).expect(t, "FIN_WAIT", unacknowledged)
	c.gets(segment{flags: ack, seq: 501, ack: 107}).expect(t, "CLOSE_WAIT", 7440)
	c.gets(segment{flags: psh | ack, seq: 501, ack: 107, data: "still open"}).expect(t, "CLOSE_WAIT", unacknowledged)
	c.sends(segment{flags: ack, seq: 107, ack: 511}).expect(t, "CLOSE_WAIT", 7440)
	c.gets(segment{flags: fin | ack, seq: 511, ack: 107}).expect(t, "LAST_ACK", 240)
	c.sends(segment{flags: ack, seq: 107, ack: 512}).expect(t, "TIME_WAIT", 240)
	netnstest.Run(t, b.CGN, "conntrack", "-D", "-p", "tcp")
	c.open()
	c.gets(segment{flags: fin | ack, seq: 501, ack: 101}).expect(t, "FIN_WAIT", unacknowledged)
	c.sends(segment{flags: ack, seq: 101, ack: 502}).expect(t, "CLOSE_WAIT", 7440)
	c.sends(segment{flags: fin | ack, seq: 101, ack: 502}).expect(t, "LAST_ACK", 240)
	c.gets(segment{flags: ack, seq: 502, ack: 102}).expect(t, "TIME_WAIT", 240)
}

// reset shows that a RST passes and that the session stays for 240 s, and that a RST which cannot be of the connection does
// not end it.
func reset(t *testing.T, b *bench) {
	c := converse(t, b)
	c.open()
	send(t, b.Servers[0], segment{flags: rst, seq: 900_000_000}.packet(c.server, c.seen))
	c.gets(segment{flags: ack, seq: 501, ack: 101}).expect(t, "ESTABLISHED", 7440)
	c.gets(segment{flags: rst, seq: 501}).expect(t, "CLOSE", 240)
}

// dataAfterReset shows that data after a RST still passes and refreshes the session, but does not make it an established one
// again.
func dataAfterReset(t *testing.T, b *bench) {
	c := converse(t, b)
	c.open()
	c.gets(segment{flags: rst, seq: 501}).expect(t, "CLOSE", 240)
	b.age(t, "tcp", 50)
	c.sends(segment{flags: psh | ack, seq: 101, ack: 501, data: "anyone?"}).expect(t, "CLOSE", 240)
	c.gets(segment{flags: psh | ack, seq: 501, ack: 108, data: "yes"}).expect(t, "CLOSE", 240)
}

// halfClose shows a connection of real kernels whose sides close one after the other, with data in between in either direction.
func halfClose(t *testing.T, b *bench) {
	for _, clientFirst := range []bool{true, false} {
		listener, err := b.Servers[0].ListenTCP(netip.AddrPortFrom(b.Servers[0].Addr, 0))
		if err != nil {
			t.Fatal(err)
		}
		closeAtEnd(t, listener)
		var client *net.TCPConn
		err = b.Subscribers[0].Do(func() error {
			conn, err := net.DialTCP("tcp4", nil, listener.Addr().(*net.TCPAddr))
			client = conn
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
		closeAtEnd(t, client)
		server, err := listener.AcceptTCP()
		if err != nil {
			t.Fatal(err)
		}
		closeAtEnd(t, server)
		first, second := client, server
		if !clientFirst {
			first, second = server, client
		}
		exchange(t, first, second)
		exchange(t, second, first)
		if err := first.CloseWrite(); err != nil {
			t.Fatal(err)
		}
		if rest, err := io.ReadAll(second); err != nil || len(rest) != 0 {
			t.Fatalf("after the first FIN: %q, error %v", rest, err)
		}
		exchange(t, second, first)
		if err := second.CloseWrite(); err != nil {
			t.Fatal(err)
		}
		if rest, err := io.ReadAll(first); err != nil || len(rest) != 0 {
			t.Fatalf("after the second FIN: %q, error %v", rest, err)
		}
	}
}

// exchange sends some segments' worth one way.
func exchange(t *testing.T, from, to net.Conn) {
	t.Helper()
	line := strings.Repeat("x", 5000) + "\n"
	if _, err := io.WriteString(from, line); err != nil {
		t.Fatal(err)
	}
	if got, err := bufio.NewReader(to).ReadString('\n'); err != nil || got != line {
		t.Fatalf("%d bytes of %d arrived, error %v", len(got), len(line), err)
	}
}

// simultaneousOpen has both sides connect before either hears of the other: the first SYN from inside makes the mapping and is
// then lost in front of the server, whose own SYN comes in.
func simultaneousOpen(t *testing.T, b *bench) {
	inside, server := b.from(0, 1500), netip.AddrPortFrom(b.Servers[0].Addr, 7000)
	netnstest.Run(t, b.Servers[0].NS, "nft", "add table ip lose; add chain ip lose in { type filter hook prerouting priority 0; };"+
		"add rule ip lose in tcp flags & (syn|ack) == syn drop")
	out, in := watch(t, b.Servers[0].NS, tcpFrom(b.share(t, 0).Outside)), watch(t, b.Subscribers[0].NS, tcpFrom(server.Addr()))
	type result struct {
		conn *net.TCPConn
		err  error
	}
	dial := func(ns *netns.NS, from, to netip.AddrPort) <-chan result {
		done := make(chan result, 1)
		go func() {
			var r result
			r.err = ns.Do(func() (err error) {
				r.conn, err = net.DialTCP("tcp4", net.TCPAddrFromAddrPort(from), net.TCPAddrFromAddrPort(to))
				return err
			})
			done <- r
		}()
		return done
	}
	one := dial(b.Subscribers[0].NS, inside, server)
	seen, _ := endpoints(out.await(t, 1)[0].Raw)
	other := dial(b.Servers[0].NS, server, seen)
	a, z := <-one, <-other
	if a.err != nil || z.err != nil {
		t.Fatalf("connect: %v, %v", a.err, z.err)
	}
	closeAtEnd(t, a.conn)
	closeAtEnd(t, z.conn)
	exchange(t, a.conn, z.conn)
	exchange(t, z.conn, a.conn)
	// It was one: the first packet to come in was a SYN without ACK.
	if p := in.await(t, 1)[0]; body(p)[13] != syn {
		t.Errorf("the first packet from outside has flags %#x, want a SYN alone", body(p)[13])
	}
}

// pickedUp shows that a connection which the CGN has not seen begin is let through from inside, and not from outside.
func pickedUp(t *testing.T, b *bench) {
	c := converse(t, b)
	for port := range b.share(t, 0).Ports.Ports() {
		send(t, b.Servers[0], segment{flags: ack, seq: 501, ack: 101}.packet(c.server, netip.AddrPortFrom(b.share(t, 0).Outside, port)))
	}
	b.pass(t)
	c.in.none(t)
	c.sends(segment{flags: psh | ack, seq: 101, ack: 501, data: "where were we?"})
	if r := c.gets(segment{flags: ack, seq: 501, ack: 115}); b.path == nil && r.state != "ESTABLISHED" {
		t.Errorf("state %s", r.state)
	}
}
