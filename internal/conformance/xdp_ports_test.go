//go:build linux

package conformance

import (
	"net/netip"
	"testing"

	"github.com/cgnkit/cgnkit/alloc"
	"github.com/cgnkit/cgnkit/ebpf"
	"github.com/cgnkit/cgnkit/internal/netns"
)

func xdpPortProbes() map[string]probe {
	holes := setup{ports: roomy, reserve: "1100,1200,1300-1499,2000", xdp: &ebpf.Policy{}}
	psid := setup{ratio: 256, scheme: alloc.PSID, xdp: &ebpf.Policy{}}
	return map[string]probe{
		"6888-13": shows(overXDP(4032), lastPortIsUsed),
		"6888-15": shows(overXDP(roomy), hardToGuessWithoutKey),
		"6056-2":  like("6888-15"),
		"6056-5":  like("6888-15"),
		"7422-4":  like("6888-15"),
		"7857-9":  like("6888-15"),
		"6056-3":  shows(psid.make, noBias),
		"6269-2":  shows(holes.make, reservedStayFree),
		"7422-2":  like("6269-2"),
	}
}

// xdpOutsidePorts is outsidePorts for XDP: it looks at what arrives at the server.
func (b *bench) xdpOutsidePorts(t *testing.T, n int) []uint16 {
	t.Helper()
	const first, remote = 40000, 9
	to := netip.AddrPortFrom(b.Servers[0].Addr, remote)
	outside := b.share(t, 0).Outside
	w, err := b.Servers[0].Observe(netns.Watch{Keep: n + 1, Match: func(p netns.Packet) bool { return p.Src == outside && p.DstPort == remote }})
	if err != nil {
		t.Fatal(err)
	}
	flood(t, b.Subscribers[0], n, func(i int) []byte { return datagram(b.from(0, uint16(first+i)), to, "x").Bytes() })
	// Behind them, one more of a mapping that exists.
	last := watch(t, b.Servers[0].NS, func(p netns.Packet) bool { return p.Src == outside && p.DstPort == remote+1 })
	send(t, b.Subscribers[0], datagram(b.from(0, first), netip.AddrPortFrom(to.Addr(), remote+1), "x"))
	last.await(t, 1)
	packets, err := w.Packets()
	if err != nil {
		t.Fatal(err)
	}
	var out []uint16
	for _, p := range packets {
		out = append(out, p.SrcPort)
	}
	return out
}

// lastPortIsUsed shows that a share is filled to its last port, and that no flow is refused before that.
func lastPortIsUsed(t *testing.T, b *bench) {
	for _, ports := range []int{4032, 128, 1} {
		b.begin(t, setup{ports: ports}.plan(t))
		share := b.share(t, 0).Ports
		used := map[uint16]bool{}
		for _, p := range b.outsidePorts(t, share.Len()) {
			used[p] = share.Contains(p)
		}
		if len(used) != share.Len() {
			t.Errorf("%d of %d flows got a port", len(used), share.Len())
		}
		b.refused(t, 0, 39999, b.echo(t, 0, "udp", uint16(7000+ports)).Addr())
	}
}

// hardToGuessWithoutKey shows that ports are spread over the share without order, and that another key gives other ones.
func hardToGuessWithoutKey(t *testing.T, b *bench) {
	hardToGuess(t, b)
	before := b.outsidePorts(t, 20)
	b.restart(t, b.path.policy)
	same := b.outsidePorts(t, 20)
	b.path.key = ebpf.NewKey()
	b.restart(t, b.path.policy)
	repeated := 0
	for i, p := range b.outsidePorts(t, 20) {
		if before[i] != same[i] {
			t.Errorf("with the same key, port %d became %d and then %d", 40000+i, before[i], same[i])
		}
		if p == before[i] {
			repeated++
		}
	}
	if repeated > 2 { // one in a thousand is as before by chance
		t.Errorf("%d of 20 ports are the same with another key", repeated)
	}
}
