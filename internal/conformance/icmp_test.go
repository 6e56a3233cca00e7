//go:build linux

package conformance

import (
	"encoding/binary"
	"net/netip"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/cgnkit/cgnkit/internal/netns"
)

func icmpProbes() map[string]probe {
	return map[string]probe{
		"5508-1":   shows(with(roomy), queriesPass),
		"5508-10a": shows(with(roomy), traceroute),
		"5508-10b": shows(with(roomy), otherQueries),
		"5508-10c": shows(with(roomy), obsoleteMessages),
		"5508-10d": shows(with(roomy), errorPrecedence),
		"5508-10e": shows(with(roomy), noErrorAboutError),
		"5508-10f": shows(with(roomy), errorRate),
		"5508-11":  shows(with(roomy), unknownMessages),
		"7422-12":  shows(with(roomy), queriesPass),
	}
}

func queriesPass(t *testing.T, b *bench) {
	k := newTalk(t, b, "icmp")
	for i := range b.Subscribers {
		for _, id := range []uint16{1, 1100, 40000} {
			// say waits for the reply.
			b.owns(t, i, k.say(t, i, id, 0))
		}
	}
}

// traceroute shows the three ways in which a TTL runs out: at the CGN and behind it, outward and inward.
func traceroute(t *testing.T, b *bench) {
	server := b.echo(t, 0, "udp", 7000).Addr()
	seen := b.ask(t, 0, "udp", 1500, server)
	inside := b.from(0, 1500)
	atSubscriber, atServer := watch(t, b.Subscribers[0].NS, icmpOf(11)), watch(t, b.Servers[0].NS, icmpOf(11))

	// Outward, at the CGN.
	probe := datagram(inside, server, "ttl")
	probe.TTL = 1
	send(t, b.Subscribers[0], probe)
	p := atSubscriber.await(t, 1)[0]
	sound(t, p)
	if from, to := endpoints(quoted(p)); p.Src != addr("100.64.255.254") || from != inside || to != server {
		t.Errorf("outward at the CGN: from %v about %v to %v", p.Src, from, to)
	}
	// Outward, from a router behind the CGN.
	out := watch(t, b.Servers[0].NS, udpFrom(seen.Addr()))
	probe.TTL = 64
	send(t, b.Subscribers[0], probe)
	router := addr("203.0.113.77")
	send(t, b.Servers[0], icmpError(router, seen.Addr(), 11, 0, 0, out.await(t, 1)[0].Raw[:28]))
	p = atSubscriber.await(t, 2)[1]
	sound(t, p)
	if from, to := endpoints(quoted(p)); p.Src != router || from != inside || to != server {
		t.Errorf("outward behind the CGN: from %v about %v to %v", p.Src, from, to)
	}
	// Inward, at the CGN: the server hears about the packet that it has sent, not about the translated one. With nftables the
	// sender is the outside address that the packet went to, with XDP the CGN.
	teller := seen.Addr()
	if b.path != nil {
		teller = addr("203.0.113.254")
	}
	probe = datagram(server, seen, "ttl")
	probe.TTL = 1
	send(t, b.Servers[0], probe)
	p = atServer.await(t, 1)[0]
	sound(t, p)
	if from, to := endpoints(quoted(p)); p.Src != teller || from != server || to != seen {
		t.Errorf("inward at the CGN: from %v about %v to %v", p.Src, from, to)
	}
	// Inward, from a router of the subscriber.
	in := watch(t, b.Subscribers[0].NS, udpFrom(server.Addr()))
	probe.TTL = 64
	send(t, b.Servers[0], probe)
	arrived := in.await(t, 1)
	send(t, b.Subscribers[0], icmpError(addr("100.64.0.99"), server.Addr(), 11, 0, 0, arrived[len(arrived)-1].Raw[:28]))
	p = atServer.await(t, 2)[1]
	sound(t, p)
	if from, to := endpoints(quoted(p)); p.Src != seen.Addr() || from != server || to != seen {
		t.Errorf("inward behind the CGN: from %v about %v to %v", p.Src, from, to)
	}
}

// query makes an ICMP query of any type.
func (b *bench) query(typ uint8, id uint16, data string) netns.IPv4 {
	return netns.IPv4{
		Src: b.Subscribers[0].Addr, Dst: b.Servers[0].Addr, Proto: unix.IPPROTO_ICMP,
		Payload: icmp(typ, 0, uint32(id)<<16|1, []byte(data)),
	}
}

// crosses sends an ICMP message of subscriber 0 and returns how the server sees it.
func (b *bench) crosses(t *testing.T, p netns.IPv4) netns.Packet {
	t.Helper()
	w := watch(t, b.Servers[0].NS, icmpOf(p.Payload[0]))
	send(t, b.Subscribers[0], p)
	got := w.await(t, 1)[0]
	sound(t, got)
	if got.Src != b.share(t, 0).Outside {
		t.Errorf("ICMP type %d came from %v", p.Payload[0], got.Src)
	}
	return got
}

// otherQueries shows timestamp and address mask with their identifiers and parameter problem as an error, and that redirect and
// router advertisement, which are about links, do not pass.
func otherQueries(t *testing.T, b *bench) {
	for typ, data := range map[uint8]string{13: "aaaabbbbcccc", 17: "mask"} {
		got := b.crosses(t, b.query(typ, 40000, data))
		b.owns(t, 0, netip.AddrPortFrom(got.Src, binary.BigEndian.Uint16(body(got)[4:])))
	}
	b.errorsCross(t, 12)
	q := newQuarrel(t, b)
	q.isKept(t, icmpError(addr("203.0.113.77"), q.seen.Addr(), 5, 1, 0xcb007101, q.out))
	b.swallowed(t, netns.IPv4{
		Src: b.Subscribers[0].Addr, Dst: b.Servers[0].Addr, Proto: unix.IPPROTO_ICMP, Payload: icmp(9, 0, 0x01020708, make([]byte, 8)),
	})
}

// obsoleteMessages shows that source quench and information request pass like others.
func obsoleteMessages(t *testing.T, b *bench) {
	b.errorsCross(t, 4)
	got := b.crosses(t, b.query(15, 40000, ""))
	b.owns(t, 0, netip.AddrPortFrom(got.Src, binary.BigEndian.Uint16(body(got)[4:])))
}

// errorsCross shows that ICMP errors of the given types pass from outside.
func (b *bench) errorsCross(t *testing.T, types ...uint8) {
	t.Helper()
	out := watch(t, b.Servers[0].NS, udpFrom(b.share(t, 0).Outside))
	send(t, b.Subscribers[0], datagram(b.from(0, 1500), netip.AddrPortFrom(b.Servers[0].Addr, 9), "x"))
	about := out.await(t, 1)[0].Raw
	for _, typ := range types {
		w := watch(t, b.Subscribers[0].NS, icmpOf(typ))
		send(t, b.Servers[0], icmpError(addr("203.0.113.77"), b.share(t, 0).Outside, typ, 0, 0, about))
		p := w.await(t, 1)[0]
		sound(t, p)
		if from, _ := endpoints(quoted(p)); from != b.from(0, 1500) {
			t.Errorf("ICMP type %d is about %v", typ, from)
		}
	}
}

// swallowed fails the test if a packet of subscriber 0 gets to the server, translated or not.
func (b *bench) swallowed(t *testing.T, packets ...netns.IPv4) {
	t.Helper()
	for _, p := range packets {
		w := watch(t, b.Servers[0].NS, protocol(p.Proto))
		send(t, b.Subscribers[0], p)
		b.pass(t)
		w.none(t)
	}
}

// pass sends a datagram from subscriber 0 to server 0 and waits for it: whatever was sent before has arrived by then, if it has
// arrived at all.
func (b *bench) pass(t *testing.T) {
	t.Helper()
	w := watch(t, b.Servers[0].NS, func(p netns.Packet) bool { return p.Proto == unix.IPPROTO_UDP && p.DstPort == 65000 })
	send(t, b.Subscribers[0], datagram(b.from(0, 65001), netip.AddrPortFrom(b.Servers[0].Addr, 65000), "barrier"))
	w.await(t, 1)
}

func errorPrecedence(t *testing.T, b *bench) {
	w := watch(t, b.Subscribers[0].NS, icmpOf(11))
	probe := datagram(b.from(0, 1500), netip.AddrPortFrom(b.Servers[0].Addr, 9), "ttl")
	probe.TTL = 1
	send(t, b.Subscribers[0], probe)
	if tos := w.await(t, 1)[0].Raw[1]; tos>>5 != 6 {
		t.Errorf("the error has type of service %#x, want precedence 6", tos)
	}
}

func noErrorAboutError(t *testing.T, b *bench) {
	w := watch(t, b.Subscribers[0].NS, icmpOf(11))
	about := datagram(netip.AddrPortFrom(b.Servers[0].Addr, 9), b.from(0, 1500), "x")
	p := icmpError(b.Subscribers[0].Addr, b.Servers[0].Addr, 3, 3, 0, about.Bytes())
	p.TTL = 1
	send(t, b.Subscribers[0], p)
	// An echo request is no error, so about this one the CGN speaks.
	p = b.query(8, 1, "")
	p.TTL = 1
	send(t, b.Subscribers[0], p)
	if got := w.await(t, 1); len(got) != 1 || quoted(got[0])[20] != 8 {
		t.Errorf("%d errors, the first about ICMP type %d", len(got), quoted(got[0])[20])
	}
}

func errorRate(t *testing.T, b *bench) {
	const n = 300
	w := watch(t, b.Subscribers[0].NS, icmpOf(11))
	for range n {
		probe := datagram(b.from(0, 1500), netip.AddrPortFrom(b.Servers[0].Addr, 9), "ttl")
		probe.TTL = 1
		send(t, b.Subscribers[0], probe)
	}
	w.await(t, 1)
	b.pass(t)
	if got := len(w.await(t, 1)); got > n/2 {
		t.Errorf("%d errors about %d packets", got, n)
	}
}

// unknownMessages shows that ICMP types that nobody has defined are dropped.
func unknownMessages(t *testing.T, b *bench) {
	b.swallowed(t, b.query(200, 1, "?"), b.query(44, 1, "?"))
}
