//go:build linux

package conformance

import (
	"encoding/binary"
	"net/netip"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/cgnkit/cgnkit/internal/netns"
)

func xdpFragmentProbes() map[string]probe {
	return map[string]probe{
		"4787-13":  shows(overXDP(roomy), tooBig),
		"5508-7.1": like("4787-13"),
		"4787-13a": shows(overXDP(roomy), fragmentedOnTheWay),
		"4787-14":  shows(overXDP(roomy), fragmentsAnyWay),
		"4787-14a": shows(overXDP(roomy), fragmentsSurviveFlood),
		"7857-10":  shows(overXDP(roomy), identificationIsNew),
	}
}

// fragmentsAnyWay shows fragments in every order in both directions, and back to the inside.
func fragmentsAnyWay(t *testing.T, b *bench) {
	fragmentsInAnyOrder(t, b)
	here, there := b.endpoint(t, 0, 1500, 9), b.endpoint(t, 1, 1500, 9)
	w := watch(t, b.Subscribers[1].NS, protocol(unix.IPPROTO_UDP))
	n := 0
	for order := range permutations(3) {
		pieces := fragments(datagram(b.from(0, 1500), there, strings.Repeat("0123456789abcdef", 150)), uint16(1000+n), 1024)
		for _, i := range order {
			send(t, b.Subscribers[0], pieces[i])
		}
		n += len(pieces)
		ids, octets := map[uint16]bool{}, 0
		for _, p := range w.await(t, n)[n-len(pieces):] {
			sound(t, p)
			if p.Src != here.Addr() || p.Dst != b.Subscribers[1].Addr {
				t.Errorf("order %v: a fragment arrived from %v", order, p.Src)
			}
			ids[binary.BigEndian.Uint16(p.Raw[4:])] = true
			octets += len(body(p))
		}
		if len(ids) != 1 || octets != 2408 {
			t.Errorf("order %v: the fragments have the identifications %v and %d octets", order, ids, octets)
		}
	}
}

// fragmentsSurviveFlood shows that fragments without an end, many more than the memory for them holds, harm no packet that is whole,
// no fragments in order, be it with a thousand others between them, and no others that come together: first fragments of a subscriber,
// and later ones from outside without a first. A fragment that waits for the first one through such a flood is lost.
func fragmentsSurviveFlood(t *testing.T, b *bench) {
	server := b.echo(t, 0, "udp", 7000).Addr()
	flow, seen := b.dial(t, 0, "udp", 1500, server)
	flooder := b.endpoint(t, 1, 4000, 9)
	first := datagram(b.from(1, 4000), server, strings.Repeat("y", 64))
	later := datagram(netip.AddrPortFrom(b.Servers[1].Addr, 9), flooder, strings.Repeat("z", 64))
	for round := range uint16(8) {
		out := b.startFragments(t, b.Subscribers[0], datagram(b.from(0, 1500), server, strings.Repeat("x", 2000)))
		in := b.startFragments(t, b.Servers[0], datagram(server, seen, strings.Repeat("x", 2000)))
		flood(t, b.Subscribers[1], 4000, func(i int) []byte {
			p := first
			p.ID, p.Frag, p.Src = uint16(i)+1, 0x2000, b.Subscribers[1].Addr
			p.Dst = netip.AddrFrom4([4]byte{203, 0, 113, byte(10 + round)}) // so that all of them are different packets
			if round < 4 {
				p.Dst = b.Servers[round%2].Addr
			}
			return p.Bytes()
		})
		flood(t, b.Servers[1], 500, func(i int) []byte {
			p := later
			p.ID, p.Frag = 500*round+uint16(i)+1, 100
			return p.Bytes()
		})
		out()
		in()
		if again, err := flow.Ask(); err != nil || again != seen {
			t.Fatalf("in round %d of the flood the flow is %v and was %v (error %v)", round, again, seen, err)
		}
		for _, order := range [][]int{{0, 1}, {1, 0}} {
			b.fragmentsPass(t, b.Subscribers[0], datagram(b.from(0, 1500), server, strings.Repeat("x", 2000)), order)
			b.fragmentsPass(t, b.Servers[0], datagram(server, seen, strings.Repeat("x", 2000)), order)
		}
	}
	b.pushedOut(t, datagram(server, seen, strings.Repeat("x", 2000)), later)
}

// pushedOut shows that of a datagram from server 0 only the first fragment arrives if a flood comes between it and the one before it.
func (b *bench) pushedOut(t *testing.T, p, later netns.IPv4) {
	t.Helper()
	w := watch(t, b.Subscribers[0].NS, func(p netns.Packet) bool { return binary.BigEndian.Uint16(p.Raw[6:])&0x3fff != 0 })
	pieces := fragments(p, 60000+b.nextID(), 1024)
	send(t, b.Servers[0], pieces[1])
	b.pass(t)
	flood(t, b.Servers[1], 10000, func(i int) []byte {
		later.ID, later.Frag = 10000+uint16(i), 100
		return later.Bytes()
	})
	b.pass(t)
	send(t, b.Servers[0], pieces[0])
	w.await(t, 1)
	b.pass(t)
	if n, err := w.Count(); err != nil || n != 1 {
		t.Errorf("%d fragments arrived (error %v), want the first one alone: the table says that the other is lost", n, err)
	}
}

// fragmentsPass sends a datagram in two fragments between subscriber 0 and server 0 and waits for both.
func (b *bench) fragmentsPass(t *testing.T, from netns.Host, p netns.IPv4, order []int) {
	t.Helper()
	w, pieces := b.cut(t, from, p)
	for _, i := range order {
		send(t, from, pieces[i])
	}
	w.await(t, 2)
}

// startFragments sends the first of two fragments between them, and returns what sends the other and waits for both.
func (b *bench) startFragments(t *testing.T, from netns.Host, p netns.IPv4) (finish func()) {
	t.Helper()
	w, pieces := b.cut(t, from, p)
	send(t, from, pieces[0])
	return func() {
		t.Helper()
		send(t, from, pieces[1])
		w.await(t, 2)
	}
}

// cut cuts a datagram between them in two, and watches for them at the other end.
func (b *bench) cut(t *testing.T, from netns.Host, p netns.IPv4) (watcher, []netns.IPv4) {
	t.Helper()
	to := b.Servers[0]
	if from.Addr == to.Addr {
		to = b.Subscribers[0]
	}
	id := 60000 + b.nextID()
	w := watch(t, to.NS, func(p netns.Packet) bool { return binary.BigEndian.Uint16(p.Raw[6:])&0x3fff != 0 && len(p.Raw) > 900 })
	return w, fragments(p, id, 1024)
}

// identificationIsNew shows that packets of two subscribers with the same identification leave with different ones from the same
// outside address, if they may be cut, and that those which may not are left alone.
func identificationIsNew(t *testing.T, b *bench) {
	const n = 200
	server := netip.AddrPortFrom(b.Servers[0].Addr, 9)
	w := watch(t, b.Servers[0].NS, udpFrom(b.share(t, 0).Outside))
	for i := range b.Subscribers {
		flood(t, b.Subscribers[i], n, func(int) []byte {
			p := datagram(b.from(i, 40000), server, "id")
			p.ID = 777
			return p.Bytes()
		})
	}
	ids, kept := map[uint16]bool{}, 0
	for _, p := range w.await(t, 2*n) {
		sound(t, p)
		id := binary.BigEndian.Uint16(p.Raw[4:])
		ids[id] = true
		if id == 777 {
			kept++
		}
	}
	if len(ids) != 2*n || kept > 1 {
		t.Errorf("%d packets have %d identifications, %d of them the one they came with", 2*n, len(ids), kept)
	}
	atomic := datagram(b.from(0, 40000), server, "id")
	atomic.ID, atomic.Frag = 777, 0x4000
	send(t, b.Subscribers[0], atomic)
	if got := binary.BigEndian.Uint16(w.await(t, 2*n+1)[2*n].Raw[4:]); got != 777 {
		t.Errorf("the identification of a packet that may not be cut became %d", got)
	}
}
