//go:build linux

package conformance

import (
	"encoding/binary"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/cgnkit/cgnkit/internal/netns"
)

func fragmentProbes() map[string]probe {
	return map[string]probe{
		"4787-13":  shows(with(roomy), tooBig),
		"5508-7.1": shows(with(roomy), tooBig),
		"4787-13a": shows(with(roomy), fragmentedOnTheWay),
		"4787-14":  shows(with(roomy), fragmentsInAnyOrder),
		"4787-14a": shows(with(roomy), fragmentFlood),
		"7857-10":  shows(with(roomy), identificationIsCopied),
	}
}

// fragments cuts a packet so that each piece has at most size bytes of payload, a multiple of 8.
func fragments(p netns.IPv4, id uint16, size int) []netns.IPv4 {
	var out []netns.IPv4
	for at := 0; at < len(p.Payload); at += size {
		f := p
		f.ID, f.Frag = id, uint16(at/8)
		f.Payload = p.Payload[at:min(at+size, len(p.Payload))]
		if at+size < len(p.Payload) {
			f.Frag |= 0x2000 // more fragments
		}
		out = append(out, f)
	}
	return out
}

// fragmentsInAnyOrder sends a datagram of four fragments in every order, in both directions.
func fragmentsInAnyOrder(t *testing.T, b *bench) {
	inside, outside := b.from(0, 1500), netip.AddrPortFrom(b.Servers[0].Addr, 7000)
	seen := b.endpoint(t, 0, 1500, 9)
	server, err := b.Servers[0].ListenUDP(outside)
	if err != nil {
		t.Fatal(err)
	}
	closeAtEnd(t, server)
	client, err := b.Subscribers[0].ListenUDP(inside)
	if err != nil {
		t.Fatal(err)
	}
	closeAtEnd(t, client)
	text := strings.Repeat("0123456789abcdef", 250)
	var id uint16
	for order := range permutations(4) {
		id++
		for _, way := range []struct {
			from netns.Host
			p    netns.IPv4
			at   interface {
				ReadFromUDPAddrPort([]byte) (int, netip.AddrPort, error)
			}
			sender, who netip.AddrPort
		}{
			{b.Subscribers[0], datagram(inside, outside, text), server, seen, outside},
			{b.Servers[0], datagram(outside, seen, text), client, outside, inside},
		} {
			pieces := fragments(way.p, id, 1024)
			for _, i := range order {
				send(t, way.from, pieces[i])
			}
			if err := server.SetReadDeadline(time.Now().Add(5 * time.Second)); err != nil {
				t.Fatal(err)
			}
			if err := client.SetReadDeadline(time.Now().Add(5 * time.Second)); err != nil {
				t.Fatal(err)
			}
			buf := make([]byte, 8192)
			n, from, err := way.at.ReadFromUDPAddrPort(buf)
			if err != nil || string(buf[:n]) != text || netip.AddrPortFrom(from.Addr().Unmap(), from.Port()) != way.sender {
				t.Fatalf("fragments in order %v to %v: %d bytes from %v, error %v; want %d from %v", order, way.who, n, from, err, len(text), way.sender)
			}
		}
	}
}

// permutations yields every order of n things.
func permutations(n int) func(func([]int) bool) {
	return func(yield func([]int) bool) {
		var extend func(prefix []int) bool
		extend = func(prefix []int) bool {
			if len(prefix) == n {
				return yield(slices.Clone(prefix))
			}
			for i := range n {
				if !slices.Contains(prefix, i) && !extend(append(prefix, i)) {
					return false
				}
			}
			return true
		}
		extend(nil)
	}
}

// tooBig shows that a packet that may not be fragmented is answered with the MTU, about the packet as its sender knows it.
func tooBig(t *testing.T, b *bench) {
	q := newQuarrel(t, b)
	text := strings.Repeat("x", 1400)
	for _, way := range []struct {
		link     string
		from, to netns.Host
		p        netns.IPv4
	}{
		{netns.OutsideLink, b.Subscribers[0], b.Servers[0], datagram(q.inside, q.server, text)},
		{netns.InsideLink, b.Servers[0], b.Subscribers[0], datagram(q.server, q.seen, text)},
	} {
		if err := b.CGN.SetMTU(way.link, 1300); err != nil {
			t.Fatal(err)
		}
		got := watch(t, way.from.NS, icmpOf(3))
		kept := watch(t, way.to.NS, func(p netns.Packet) bool { return len(p.Raw) > 1300 })
		way.p.Frag = 0x4000
		send(t, way.from, way.p)
		p := got.await(t, 1)[0]
		sound(t, p)
		wantFrom, wantTo := endpoints(way.p.Bytes())
		from, to := endpoints(quoted(p))
		if mtu := binary.BigEndian.Uint16(body(p)[6:]); body(p)[1] != 4 || mtu != 1300 || from != wantFrom || to != wantTo {
			t.Errorf("on %s: code %d, MTU %d, about %v to %v", way.link, body(p)[1], mtu, from, to)
		}
		kept.none(t)
		if err := b.CGN.SetMTU(way.link, 1500); err != nil {
			t.Fatal(err)
		}
	}
}

// fragmentedOnTheWay shows that a packet that may be fragmented is, in either direction, and that the fragments leave in order.
func fragmentedOnTheWay(t *testing.T, b *bench) {
	q := newQuarrel(t, b)
	for _, way := range []struct {
		link     string
		from, to netns.Host
		p        netns.IPv4
		source   netip.Addr
	}{
		{netns.OutsideLink, b.Subscribers[0], b.Servers[0], datagram(q.inside, q.server, strings.Repeat("x", 1400)), q.seen.Addr()},
		{netns.InsideLink, b.Servers[0], b.Subscribers[0], datagram(q.server, q.seen, strings.Repeat("x", 1400)), q.server.Addr()},
	} {
		if err := b.CGN.SetMTU(way.link, 600); err != nil {
			t.Fatal(err)
		}
		w := watch(t, way.to.NS, protocol(unix.IPPROTO_UDP))
		send(t, way.from, way.p)
		at := 0
		for i, p := range w.await(t, 3) {
			frag := binary.BigEndian.Uint16(p.Raw[6:])
			sound(t, p)
			if p.Src != way.source || int(frag&0x1fff)*8 != at || (frag&0x2000 != 0) != (i < 2) || len(p.Raw) > 600 {
				t.Errorf("on %s: fragment %d: %d bytes from %v, fragment field %#x", way.link, i, len(p.Raw), p.Src, frag)
			}
			at += len(body(p))
		}
		if at != 1408 {
			t.Errorf("on %s: the fragments hold %d bytes, want 1408", way.link, at)
		}
		if err := b.CGN.SetMTU(way.link, 1500); err != nil {
			t.Fatal(err)
		}
	}
}

// fragmentFlood shows that first fragments without an end, more than the memory for them holds, harm no packet that is whole;
// and that they do harm other fragments, until the flood's own are given up.
func fragmentFlood(t *testing.T, b *bench) {
	for _, name := range []string{"net.ipv4.ipfrag_low_thresh", "net.ipv4.ipfrag_high_thresh"} {
		if err := b.CGN.SetSysctl(name, "262144"); err != nil { // 4 MiB by default: the same, only later
			t.Fatal(err)
		}
	}
	server := b.echo(t, 0, "udp", 7000).Addr()
	flow, seen := b.dial(t, 0, "udp", 1500, server)
	inside := b.from(0, 1500)
	whole := fragments(datagram(inside, server, strings.Repeat("x", 2000)), 9999, 1024)
	// The length tells it from the questions of the flow, which have identifications at random, 9999 now and then.
	w := watch(t, b.Servers[0].NS, func(p netns.Packet) bool {
		return p.Src == seen.Addr() && binary.BigEndian.Uint16(p.Raw[4:]) == 9999 && len(p.Raw) > 200
	})
	flood := datagram(b.from(1, 4000), server, strings.Repeat("y", 1016))
	for id := range uint16(400) {
		first := flood
		first.ID, first.Frag = id+1, 0x2000
		send(t, b.Subscribers[1], first)
		if again, err := flow.Ask(); err != nil || again != seen {
			t.Fatalf("after %d fragments the flow is %v and was %v (error %v)", id+1, again, seen, err)
		}
	}
	for _, f := range whole {
		send(t, b.Subscribers[0], f)
	}
	b.pass(t)
	w.none(t)
}

// identificationIsCopied shows that packets of two subscribers leave with the identification that they came with, and so with
// the same one from the same outside address.
func identificationIsCopied(t *testing.T, b *bench) {
	server := netip.AddrPortFrom(b.Servers[0].Addr, 9)
	w := watch(t, b.Servers[0].NS, udpFrom(b.share(t, 0).Outside))
	for i := range b.Subscribers {
		p := datagram(b.from(i, 40000), server, "id")
		p.ID = 777
		send(t, b.Subscribers[i], p)
		if got := binary.BigEndian.Uint16(w.await(t, i+1)[i].Raw[4:]); got != 777 {
			t.Errorf("identification 777 became %d: the table says that it is copied", got)
		}
	}
}
