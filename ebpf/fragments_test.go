//go:build linux

package ebpf

import (
	"bytes"
	"net/netip"
	"testing"
	"time"

	"github.com/cgnkit/cgnkit/alloc"
	"github.com/cgnkit/cgnkit/ebpf/internal/bpf"
	"github.com/cgnkit/cgnkit/internal/netns"
	"github.com/cgnkit/cgnkit/internal/netnstest"
)

// cutUp returns the parts of a packet, each with so many octets behind its header.
func cutUp(d datagram, size int) (parts []datagram) {
	for at := 0; at < len(d.payload); at += size {
		p := d
		p.flags = uint16(at / 8)
		if at+size < len(d.payload) {
			p.flags |= moreFragments
		}
		p.payload = d.payload[at:min(len(d.payload), at+size)]
		parts = append(parts, p)
	}
	return parts
}

// So many fragments wait for the first one of their datagram, and so large ones, but no more.
func TestFragmentsThatWait(t *testing.T) {
	l := newLab(t, Config{behind: true}, alloc.PoolSpec{Name: "a", Inside: spans("100.64.0.0/25"), Outside: spans("198.51.100.0/30"), SharingRatio: 64})
	slow := must(l.d.generation.openProgram(bpf.CgnatProgCgnOutsideSlow))
	part := func(id uint16, n, octets int) []byte {
		return newDatagram(server.Addr(), ad("198.51.100.1"), protoUDP, make([]byte, octets)).with(func(d *datagram) {
			d.id, d.flags = id, uint16(n)|moreFragments
		}).frame()
	}
	became := func(frame []byte, want verdict) {
		t.Helper()
		if got := l.runBehind(slow, fromOutside, frame).verdict; got != want {
			t.Errorf("%d octets: %q, want %q", len(frame), got, want)
		}
	}
	for n := 64; n > 0; n-- {
		became(part(1, n, 16), "held")
	}
	became(part(1, 65, 16), dropFragment)
	became(part(2, 1, 2048-ethernet-20), "held")
	became(part(3, 1, 2048-ethernet-20+1), dropFragment)
}

// The largest datagram arrives, though its first fragment comes last: from fragments of 1500 octets, and from larger ones, which are
// cut themselves.
func TestLargestDatagramInReverse(t *testing.T) {
	for _, mtu := range []int{1500, 2000} {
		s := &site{TB: t, Topology: netnstest.NewTopology(t, netns.Options{Switches: true, OutsideMTU: mtu})}
		warm(t, s.Topology)
		s.d = attach(t, s.Topology, Config{Plan: mustPlan(t, samplePool)})
		me, him := s.Subscribers[0], s.Servers[0]
		from := netip.AddrPortFrom(him.Addr, 777)
		server, client := must(him.ListenUDP(from)), must(me.ListenUDP(netip.AddrPortFrom(me.Addr, 5000)))
		buf := make([]byte, 65536)
		must(client.WriteToUDPAddrPort([]byte("ask"), from))
		_, out, err := server.ReadFromUDPAddrPort(buf)
		if err != nil {
			t.Fatal(err)
		}
		sent := bytes.Repeat([]byte("0123456"), 9356) // 65,492 octets
		parts := cutUp(udp(from, out, string(sent)), (mtu-20)&^7)
		err = him.SendAll(len(parts), func(i int) []byte { return parts[len(parts)-1-i].ip() })
		if err != nil {
			t.Fatal(err)
		}
		_ = client.SetReadDeadline(time.Now().Add(10 * time.Second))
		n, _, err := client.ReadFromUDPAddrPort(buf)
		if err != nil || !bytes.Equal(buf[:n], sent) {
			t.Errorf("MTU %d: of %d octets in %d fragments came %d (error %v)", mtu, len(sent), len(parts), n, err)
		}
	}
}

// All fragments of an ICMP error come from who tells it, a router on the way, and not from whom it is about.
func TestFragmentsOfAnError(t *testing.T) {
	l := newLab(t, Config{}, alloc.PoolSpec{Name: "a", Inside: spans("100.64.0.0/25"), Outside: spans("198.51.100.0/30"), SharingRatio: 64})
	me := ap("100.64.0.1:5000")
	out := l.leaves(udp(me, server, "x"))
	whole := icmpError(router, out.Addr(), timeExceeded, 0, about(udp(out, server, string(make([]byte, 64))), 1500))
	parts := cutUp(whole, 48)
	if len(parts) < 2 {
		t.Fatalf("%d parts", len(parts))
	}
	for i, p := range parts {
		got := l.gets(fromOutside, p, inbound).frame[ip:]
		if from, to := netip.AddrFrom4([4]byte(got[12:])), netip.AddrFrom4([4]byte(got[16:])); from != router || to != me.Addr() {
			t.Errorf("part %d is from %v to %v, want from %v to %v", i, from, to, router, me.Addr())
		}
	}
}
