//go:build linux

package ebpf

import (
	"encoding/binary"
	"net/netip"
	"testing"
	"time"

	"github.com/cgnkit/cgnkit/alloc"
	"github.com/cgnkit/cgnkit/ebpf/internal/bpf"
)

func resetPool() alloc.PoolSpec {
	return alloc.PoolSpec{Inside: spans("100.64.0.0/25 100.64.253.0/28"), Outside: spans("198.51.100.0/30"), SharingRatio: 64}
}

// gets sends a packet and fails the test unless it gets a verdict.
func (l *lab) gets(from side, d datagram, want verdict) outcome {
	l.Helper()
	got := l.run(from, d.frame())
	if got.verdict != want {
		l.Errorf("got %q, want %q", got.verdict, want)
	}
	return got
}

// leaves sends a packet from the inside and returns the endpoint that it has outside.
func (l *lab) leaves(d datagram) netip.AddrPort {
	l.Helper()
	packet := l.gets(fromInside, d, outbound).frame[ip:]
	return netip.AddrPortFrom(netip.AddrFrom4([4]byte(packet[12:16])), binary.BigEndian.Uint16(packet[20:]))
}

// age makes a mapping look as if nobody had used it for some time.
func (l *lab) age(p plane, outside netip.AddrPort, by time.Duration) {
	l.Helper()
	_, tick, err := tickShift()
	if err != nil {
		l.Fatal(err)
	}
	seen := binary.NativeEndian.AppendUint32(nil, l.slot(p, outside).Seen-uint32(by/tick))
	if _, err := l.slots[outside.Addr()].WriteAt(seen, l.place(p, outside)+8); err != nil {
		l.Fatal(err)
	}
}

// shake opens a connection and returns its outside endpoint.
func (l *lab) shake(me netip.AddrPort) netip.AddrPort {
	l.Helper()
	out := l.leaves(tcp(me, server, syn, ""))
	l.gets(fromOutside, tcp(server, out, syn|ack, ""), inbound)
	l.leaves(tcp(me, server, ack, ""))
	return out
}

// A reset leaves a session its 240 s, whoever sends it and however long the session was idle before: it may be forged, and data may follow it
// (RFC 7857 section 2.2). A further one gives no more time. Meanwhile no other inside endpoint gets the port.
func TestResetAfterIdleTime(t *testing.T) {
	pool := resetPool()
	pool.SharingRatio, pool.PortsPerSubscriber = 0, 1
	me, next := ap("100.64.0.1:5000"), ap("100.64.0.1:5001")
	for _, filtering := range []Filtering{EndpointIndependent, AddressDependent, AddressAndPortDependent} {
		l := newLab(t, Config{Policy: Policy{Filtering: filtering}}, pool)
		for by, resets := range map[side]func(out netip.AddrPort){
			fromOutside: func(out netip.AddrPort) { l.gets(fromOutside, tcp(server, out, rst, ""), inbound) },
			fromInside:  func(netip.AddrPort) { l.leaves(tcp(me, server, rst|ack, "")) },
		} {
			out := l.shake(me)
			l.age(planeTCP, out, time.Hour)
			resets(out)
			l.gets(fromOutside, tcp(server, out, ack, "x"), inbound) // which is established again
			l.age(planeTCP, out, time.Hour)
			resets(out)
			l.age(planeTCP, out, 230*time.Second)
			resets(out)
			l.gets(fromInside, tcp(next, server, syn, ""), dropExhausted)
			l.age(planeTCP, out, 20*time.Second)
			if got := l.run(fromOutside, tcp(server, out, ack, "x").frame()); got.verdict != dropNoMapping {
				t.Errorf("%v, side %v: %q, want no mapping", filtering, by, got.verdict)
			}
			l.gets(fromInside, tcp(me, server, rst, ""), dropNoMapping)
		}
	}
}

// A connection that the other side opens between the same endpoints, after both have ended the one before, lives as long as any.
func TestReopenedByTheOtherSide(t *testing.T) {
	l := newLab(t, Config{}, resetPool())
	me := ap("100.64.0.1:5000")
	out := l.shake(me)
	l.leaves(tcp(me, server, fin|ack, ""))
	l.gets(fromOutside, tcp(server, out, fin|ack, ""), inbound)
	l.leaves(tcp(me, server, ack, ""))
	l.gets(fromOutside, tcp(server, out, syn, ""), inbound)
	l.leaves(tcp(me, server, syn|ack, ""))
	l.gets(fromOutside, tcp(server, out, ack, ""), inbound)
	l.age(planeTCP, out, 2*time.Hour)
	l.gets(fromOutside, tcp(server, out, ack, "x"), inbound)
}

// A packet that takes the slow way is seen twice, and means to its session what it would mean at once.
func TestSlowWayCountsOnce(t *testing.T) {
	l := newLab(t, Config{behind: true}, resetPool())
	slow, err := l.d.generation.openProgram(bpf.CgnatProgCgnInsideSlow)
	if err != nil {
		t.Fatal(err)
	}
	defer slow.Close()
	frame := tcp(ap("100.64.0.1:5000"), ap("203.0.113.9:80"), ack, "").frame() // nobody answers ARP there
	if first, second := l.run(fromInside, frame), l.runBehind(slow, fromInside, frame); first.verdict != passSlow || second.verdict != outbound {
		t.Fatalf("verdicts are %q and %q", first.verdict, second.verdict)
	}
	n := 0
	for m, err := range l.d.Mappings() {
		if n++; err != nil || m.state&uint32(bpf.CgnatCgnSlotStateCGN_SLOT_TCP) != uint32(bpf.CgnatCgnTcpStateCGN_TCP_TRANS) {
			t.Errorf("mapping %+v, error %v", m, err)
		}
	}
	if n != 1 {
		t.Errorf("%d mappings", n)
	}
}

// A reset of a connection that was idle is translated by the slow way, too, and means the same there.
func TestSlowResetAfterIdleTime(t *testing.T) {
	me, far := ap("100.64.0.1:5000"), ap("203.0.113.9:80")
	for _, filtering := range []Filtering{EndpointIndependent, AddressDependent, AddressAndPortDependent} {
		l := newLab(t, Config{behind: true, Policy: Policy{Filtering: filtering}}, resetPool())
		slow, err := l.d.generation.openProgram(bpf.CgnatProgCgnInsideSlow)
		if err != nil {
			t.Fatal(err)
		}
		defer slow.Close()
		leaves := func(d datagram) netip.AddrPort {
			t.Helper()
			first := l.run(fromInside, d.frame())
			second := l.runBehind(slow, fromInside, d.frame())
			if first.verdict != passSlow || second.verdict != outbound {
				t.Fatalf("%v: verdicts are %q and %q", filtering, first.verdict, second.verdict)
			}
			return sourceOf(second.frame)
		}
		out := leaves(tcp(me, far, syn, ""))
		l.gets(fromOutside, tcp(far, out, syn|ack, ""), inbound)
		leaves(tcp(me, far, ack, ""))
		l.age(planeTCP, out, time.Hour)
		leaves(tcp(me, far, rst|ack, ""))
		l.age(planeTCP, out, 230*time.Second)
		leaves(tcp(me, far, rst|ack, ""))
		l.age(planeTCP, out, 20*time.Second)
		l.gets(fromOutside, tcp(far, out, ack, "x"), dropNoMapping)
	}
}

// Nobody is told about a fragment that is not the first (RFC 1812 section 4.3.2.7).
func TestNoAnswerAboutLaterFragments(t *testing.T) {
	l := newLab(t, Config{}, resetPool())
	out := l.leaves(udp(ap("100.64.0.1:5000"), server, "x"))
	l.gets(fromOutside, udp(server, out, string(make([]byte, 24))).with(func(d *datagram) { d.flags = moreFragments; d.id = 9 }), inbound)
	later := newDatagram(server.Addr(), out.Addr(), protoUDP, make([]byte, 16)).with(func(d *datagram) { d.flags = 4; d.id = 9; d.ttl = 1 })
	if got := l.gets(fromOutside, later, dropTTL); got.reply {
		t.Error("it is answered")
	}
}

// Who is refused a thousand times does not keep others from hearing that their packets are too large (RFC 4787 REQ-13).
func TestRefusalsSilenceNobody(t *testing.T) {
	pool := resetPool()
	pool.SharingRatio, pool.PortsPerSubscriber = 0, 1
	l := newLab(t, Config{}, pool)
	out := l.leaves(udp(ap("100.64.253.1:5000"), server, "x")) // behind a link of 1300 octets
	l.leaves(udp(ap("100.64.0.1:1"), server, "x"))
	for i := range 1000 {
		l.gets(fromInside, udp(netip.AddrPortFrom(ad("100.64.0.1"), uint16(2+i)), server, "x"), dropExhausted)
	}
	if got := l.gets(fromOutside, udp(server, out, string(make([]byte, 1350))), dropTooBig); !got.reply {
		t.Error("the sender is not told")
	}
}

// Who sends in vain, with a TTL that is over or packets that are too large, does not keep others from hearing of either: a few of them at most,
// with whom a keyed hash has it share what may be told.
func TestStrangersSilenceNobody(t *testing.T) {
	const others = 16
	l := newLab(t, Config{}, resetPool())
	narrow := l.leaves(udp(ap("100.64.253.1:5000"), server, "x")) // behind a link of 1300 octets
	mine := l.leaves(udp(ap("100.64.0.1:1"), server, "x"))
	large := func(from netip.AddrPort) bool {
		return l.gets(fromOutside, udp(from, narrow, string(make([]byte, 1350))), dropTooBig).reply
	}
	last := func(from netip.AddrPort) bool {
		return l.gets(fromOutside, udp(from, mine, "x").with(withTTL(1)), dropTTL).reply
	}
	for name, flood := range map[string]func(netip.AddrPort) bool{"TTL": last, "MTU": large} {
		told, heard := 0, 0
		l.waitTick()
		for range 400 {
			if flood(ap("192.0.2.77:9")) {
				told++
			}
		}
		for i := range others {
			from := netip.AddrPortFrom(netip.AddrFrom4([4]byte{192, 0, 2, byte(1 + i)}), 9)
			for _, asks := range []func(netip.AddrPort) bool{large, last} {
				if asks(from) {
					heard++
				}
			}
		}
		if told == 0 || told == 400 || heard < 2*others*3/4 {
			t.Errorf("%s: of 400 packets in vain %d were told, and of %d packets of others %d", name, told, 2*others, heard)
		}
	}
}
