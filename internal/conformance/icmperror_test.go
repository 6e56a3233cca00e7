//go:build linux

package conformance

import (
	"bytes"
	"net/netip"
	"slices"
	"strconv"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/cgnkit/cgnkit/internal/netns"
)

func icmpErrorProbes() map[string]probe {
	return map[string]probe{
		"4787-12":  shows(with(roomy), errorsEndNothing("udp")),
		"4787-12a": shows(with(roomy), errorsComeIn),
		"4787-12b": shows(with(roomy), errorsComeIn),
		"5382-9":   shows(with(roomy), tooBigComesIn),
		"5382-10":  shows(with(roomy), errorsEndNothing("tcp")),
		"5508-3":   shows(with(roomy), wrongChecksum),
		"5508-3a":  shows(with(roomy), wrongQuotedHeader),
		"5508-3b":  shows(with(roomy), quotedOptions),
		"5508-3c":  shows(with(roomy), wrongQuotedTransport),
		"5508-3d":  shows(with(roomy), extensions),
		"5508-4":   shows(with(roomy), strayErrorFromOutside),
		"5508-4a":  shows(with(roomy), errorsComeIn),
		"5508-5":   shows(with(roomy), strayErrorFromInside),
		"5508-5a":  shows(with(roomy), errorsGoOut),
		"5508-5c":  shows(with(roomy), errorsGoOut),
		"5508-6":   shows(with(roomy), errorAboutQuery),
		"7857-7.1": shows(with(roomy), answersDoNotRefresh),
	}
}

// A quarrel is a UDP flow of subscriber 0 and its last packet as either side has it, so that errors can be made about it.
type quarrel struct {
	b              *bench
	inside, server netip.AddrPort
	seen           netip.AddrPort
	out, in        []byte // the packet that the server got, and the one that the subscriber got
}

func newQuarrel(t *testing.T, b *bench) *quarrel {
	t.Helper()
	q := &quarrel{b: b, inside: b.from(0, 40000), server: b.echo(t, 0, "udp", 7000).Addr()}
	out, in := watch(t, b.Servers[0].NS, protocol(unix.IPPROTO_UDP)), watch(t, b.Subscribers[0].NS, protocol(unix.IPPROTO_UDP))
	q.seen = b.ask(t, 0, "udp", 40000, q.server)
	q.out, q.in = out.await(t, 1)[0].Raw, in.await(t, 1)[0].Raw
	return q
}

// comesIn sends an error from outside and returns how the subscriber sees it.
func (q *quarrel) comesIn(t *testing.T, e netns.IPv4) netns.Packet {
	t.Helper()
	w := watch(t, q.b.Subscribers[0].NS, icmpOf(e.Payload[0]))
	send(t, q.b.Servers[0], e)
	return w.await(t, 1)[0]
}

// isKept sends an error from outside that must not get to the subscriber.
func (q *quarrel) isKept(t *testing.T, e netns.IPv4) {
	t.Helper()
	w := watch(t, q.b.Subscribers[0].NS, protocol(unix.IPPROTO_ICMP))
	send(t, q.b.Servers[0], e)
	q.barrier(t)
	w.none(t)
}

// barrier waits for a datagram from the server, behind all that the server has sent before.
func (q *quarrel) barrier(t *testing.T) {
	t.Helper()
	w := watch(t, q.b.Subscribers[0].NS, udpFrom(q.server.Addr()))
	send(t, q.b.Servers[0], datagram(q.server, q.seen, "barrier"))
	w.await(t, 1)
}

// errorsComeIn shows errors from a router on the way: for the subscriber they are about its own packet, and type, code and
// sender are as they were.
func errorsComeIn(t *testing.T, b *bench) {
	q := newQuarrel(t, b)
	router := addr("203.0.113.77")
	for _, e := range [][2]uint8{{3, 0}, {3, 1}, {3, 3}, {3, 13}, {11, 1}} {
		p := q.comesIn(t, icmpError(router, q.seen.Addr(), e[0], e[1], 0, q.out))
		sound(t, p)
		from, to := endpoints(quoted(p))
		if p.Src != router || p.Dst != q.inside.Addr() || from != q.inside || to != q.server || body(p)[1] != e[1] {
			t.Errorf("error %d/%d arrived as %d/%d from %v to %v about %v to %v", e[0], e[1], p.ICMPType, body(p)[1], p.Src, p.Dst, from, to)
		}
		if netns.Checksum(quoted(p)[:20]) != 0 {
			t.Errorf("error %d/%d: wrong checksum in the header of the packet that it is about", e[0], e[1])
		}
	}
}

// errorsEndNothing shows that a connection goes on after errors about it, hard ones too.
func errorsEndNothing(protocol string) func(*testing.T, *bench) {
	return func(t *testing.T, b *bench) {
		server := b.echo(t, 0, protocol, 7000).Addr()
		out := watch(t, b.Servers[0].NS, func(p netns.Packet) bool { return p.DstPort == 7000 })
		flow, seen := b.dial(t, 0, protocol, 40000, server)
		before := b.aliveness(t, protocol, seen)
		packets := out.await(t, 1)
		about := packets[len(packets)-1].Raw
		w := watch(t, b.Subscribers[0].NS, icmpOf(3))
		codes := []uint8{0, 1, 13}
		if protocol == "tcp" {
			codes = []uint8{1, 2, 3} // that a host takes them for hard errors is up to the host: established ones survive on Linux
		}
		for i, code := range codes {
			send(t, b.Servers[0], icmpError(addr("203.0.113.77"), seen.Addr(), 3, code, 0, about))
			w.await(t, i+1)
		}
		if after := b.aliveness(t, protocol, seen); after.state != before.state || after.left < before.left {
			t.Errorf("errors made %+v of %+v", after, before)
		}
		// UDP hands the errors to the socket first, one a call.
		for range codes {
			if _, err := flow.Ask(); err == nil {
				break
			}
		}
		if again, err := flow.Ask(); err != nil || again != seen {
			t.Errorf("after the errors the flow is %v and was %v (error %v)", again, seen, err)
		}
	}
}

// An aliveness is the state of a mapping and a number that gets less when it is left with less time.
type aliveness struct {
	state string
	left  int
}

func (b *bench) aliveness(t *testing.T, protocol string, e netip.AddrPort) aliveness {
	t.Helper()
	if b.path != nil {
		s := b.path.slot(t, protocol, e)
		return aliveness{strconv.Itoa(int(s.State)), int(s.Seen)}
	}
	r := b.theOne(t, protocol)
	return aliveness{r.state, (r.timeout + 9) / 10} // it gets less by itself
}

func tooBigComesIn(t *testing.T, b *bench) {
	server := b.echo(t, 0, "tcp", 7000).Addr()
	out := watch(t, b.Servers[0].NS, tcpFrom(b.share(t, 0).Outside))
	flow, seen := b.dial(t, 0, "tcp", 40000, server)
	packets := out.await(t, 1)
	w := watch(t, b.Subscribers[0].NS, icmpOf(3))
	send(t, b.Servers[0], icmpError(addr("203.0.113.77"), seen.Addr(), 3, 4, 1400, packets[len(packets)-1].Raw))
	p := w.await(t, 1)[0]
	sound(t, p)
	if from, to := endpoints(quoted(p)); from != flow.Local() || to != server || !bytes.Equal(body(p)[6:8], []byte{1400 >> 8, 1400 & 0xff}) {
		t.Errorf("fragmentation needed arrived about %v to %v: %x", from, to, p.Raw)
	}
}

func wrongChecksum(t *testing.T, b *bench) {
	q := newQuarrel(t, b)
	e := icmpError(addr("203.0.113.77"), q.seen.Addr(), 3, 1, 0, q.out)
	e.Payload[2] ^= 0xff
	q.isKept(t, e)
}

func wrongQuotedHeader(t *testing.T, b *bench) {
	q := newQuarrel(t, b)
	about := slices.Clone(q.out)
	about[10] ^= 0xff
	q.comesIn(t, icmpError(addr("203.0.113.77"), q.seen.Addr(), 3, 1, 0, about))
}

// quotedOptions shows that ports are found behind the options of the packet that an error is about.
func quotedOptions(t *testing.T, b *bench) {
	q := newQuarrel(t, b)
	about := slices.Concat(q.out[:20], []byte{1, 1, 1, 1, 1, 1, 1, 0}, q.out[20:])
	about[0] = 0x47
	about[3] += 8
	about[10], about[11] = 0, 0
	sum := netns.Checksum(about[:28])
	about[10], about[11] = byte(sum>>8), byte(sum)
	p := q.comesIn(t, icmpError(addr("203.0.113.77"), q.seen.Addr(), 3, 1, 0, about))
	sound(t, p)
	if from, to := endpoints(quoted(p)); from != q.inside || to != q.server {
		t.Errorf("about %v to %v, want %v to %v", from, to, q.inside, q.server)
	}
}

func wrongQuotedTransport(t *testing.T, b *bench) {
	q := newQuarrel(t, b)
	about := slices.Clone(q.out)
	about[26] ^= 0xff
	q.comesIn(t, icmpError(addr("203.0.113.77"), q.seen.Addr(), 3, 1, 0, about))
}

// extensions shows that an error with an RFC 4884 extension behind 128 bytes of the packet passes, extension and all.
func extensions(t *testing.T, b *bench) {
	q := newQuarrel(t, b)
	about := make([]byte, 128)
	copy(about, q.out)
	object := []byte{0x20, 0, 0, 0, 0, 8, 1, 1, 0, 1, 2, 3} // version 2, checksum, one MPLS label
	sum := netns.Checksum(object)
	object[2], object[3] = byte(sum>>8), byte(sum)
	p := q.comesIn(t, icmpError(addr("203.0.113.77"), q.seen.Addr(), 11, 0, 32<<16, slices.Concat(about, object)))
	sound(t, p)
	if from, _ := endpoints(quoted(p)); from != q.inside || !bytes.HasSuffix(p.Raw, object) || body(p)[5] != 32 {
		t.Errorf("about %v: %x", from, p.Raw)
	}
}

// strayErrorFromOutside shows that errors about what no subscriber has sent go nowhere: another port, another destination,
// another protocol.
func strayErrorFromOutside(t *testing.T, b *bench) {
	q := newQuarrel(t, b)
	for _, at := range []int{9, 19, 21, 23} { // protocol, destination, source port, destination port
		about := slices.Clone(q.out)
		about[at] ^= 0x55
		about[10], about[11] = 0, 0
		sum := netns.Checksum(about[:20])
		about[10], about[11] = byte(sum>>8), byte(sum)
		q.isKept(t, icmpError(addr("203.0.113.77"), q.seen.Addr(), 3, 1, 0, about))
	}
}

// errorsGoOut shows errors from the subscriber and from a router in front of it: for the server they are about its own packet,
// and come from the outside address.
func errorsGoOut(t *testing.T, b *bench) {
	q := newQuarrel(t, b)
	w := watch(t, b.Servers[0].NS, protocol(unix.IPPROTO_ICMP))
	n := 0
	for _, from := range []netip.Addr{b.Subscribers[0].Addr, addr("100.64.0.99"), addr("10.1.2.3")} {
		for _, e := range [][2]uint8{{3, 3}, {3, 1}, {11, 0}} {
			send(t, b.Subscribers[0], icmpError(from, q.server.Addr(), e[0], e[1], 0, q.in))
			n++
			p := w.await(t, n)[n-1]
			sound(t, p)
			src, dst := endpoints(quoted(p))
			if p.Src != q.seen.Addr() || src != q.server || dst != q.seen || p.ICMPType != e[0] || body(p)[1] != e[1] {
				t.Errorf("error %d/%d of %v arrived as %d/%d from %v about %v to %v", e[0], e[1], from, p.ICMPType, body(p)[1], p.Src, src, dst)
			}
		}
	}
}

func strayErrorFromInside(t *testing.T, b *bench) {
	stray := datagram(netip.AddrPortFrom(b.Servers[0].Addr, 7777), b.from(0, 7777), "never sent")
	b.swallowed(t, icmpError(b.Subscribers[0].Addr, b.Servers[0].Addr, 3, 3, 0, stray.Bytes()))
}

// errorAboutQuery shows that an error about an echo request passes and leaves the session's time alone.
func errorAboutQuery(t *testing.T, b *bench) {
	out, in := watch(t, b.Servers[0].NS, icmpOf(8)), watch(t, b.Subscribers[0].NS, icmpOf(3))
	reply := watch(t, b.Subscribers[0].NS, icmpOf(0))
	send(t, b.Subscribers[0], b.query(8, 40000, "query"))
	about := out.await(t, 1)[0].Raw
	reply.await(t, 1)
	b.age(t, "icmp", 20)
	send(t, b.Servers[0], icmpError(addr("203.0.113.77"), b.share(t, 0).Outside, 3, 1, 0, about))
	p := in.await(t, 1)[0]
	sound(t, p)
	if id := quoted(p)[24:26]; !bytes.Equal(id, []byte{40000 >> 8, 40000 & 0xff}) {
		t.Errorf("the error is about identifier %x, want %x", id, 40000)
	}
	b.theOne(t, "icmp").lasts(t, 20)
}

// answersDoNotRefresh shows what a subscriber's refusal does to the time of a mapping: an ICMP error nothing, and a RST makes
// it the 240 s of a reset connection.
func answersDoNotRefresh(t *testing.T, b *bench) {
	q := newQuarrel(t, b)
	q.barrier(t) // arrives at a closed port: the subscriber's kernel answers with port unreachable
	w := watch(t, b.Servers[0].NS, icmpOf(3))
	b.age(t, "udp", 50)
	send(t, b.Subscribers[0], icmpError(q.inside.Addr(), q.server.Addr(), 3, 3, 0, q.in))
	w.await(t, 1)
	b.theOne(t, "udp").lasts(t, 50)

	c := converse(t, b)
	c.open()
	c.sends(segment{flags: rst, seq: 101}).expect(t, "CLOSE", 240)
	b.age(t, "tcp", 50)
	c.sends(segment{flags: rst, seq: 101}).expect(t, "CLOSE", 240)
}
