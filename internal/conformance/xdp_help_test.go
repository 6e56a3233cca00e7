//go:build linux

package conformance

import (
	"errors"
	"maps"
	"net/netip"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/cgnkit/cgnkit/internal/netns"
)

// xdpProbes returns the probes of the XDP backend by requirement id.
func xdpProbes() map[string]probe {
	all := map[string]probe{}
	for _, part := range []map[string]probe{
		xdpMappingProbes(), xdpFilteringProbes(), xdpHairpinProbes(), xdpLimitProbes(), xdpHoldProbes(), xdpPoolProbes(), xdpTimerProbes(),
		xdpTCPProbes(), xdpErrorProbes(), xdpICMPProbes(), xdpFragmentProbes(), xdpBorderProbes(), planProbes(), xdpPortProbes(), ledgerProbes(), xdpManagedProbes(),
	} {
		maps.Copy(all, part)
	}
	return all
}

// hears reports whether what do sends from a server arrives at subscriber 0 as a packet that match selects: before a datagram
// that is sent after it.
func (b *bench) hears(t *testing.T, match func(netns.Packet) bool, do func()) bool {
	t.Helper()
	const port = 65001
	behind := b.endpoint(t, 0, port, 9)
	knows := netip.AddrPortFrom(b.Servers[1].Addr, 9) // the last one passes whatever filters
	send(t, b.Subscribers[0], datagram(b.from(0, port), knows, "hello"))
	w := watch(t, b.Subscribers[0].NS, match)
	last := watch(t, b.Subscribers[0].NS, func(p netns.Packet) bool { return p.Proto == unix.IPPROTO_UDP && p.DstPort == port })
	do()
	send(t, b.Servers[1], datagram(knows, behind, "the last one"))
	last.await(t, 1)
	n, err := w.Count()
	if err != nil {
		t.Fatal(err)
	}
	return n > 0
}

// knock sends to a mapping of subscriber 0 from a port that it has never sent to, and reports whether that arrives. Nothing that
// comes from there keeps a mapping alive.
func (b *bench) knock(t *testing.T, protocol string, e netip.AddrPort) bool {
	t.Helper()
	from := netip.AddrPortFrom(b.Servers[1].Addr, 7777)
	return b.hears(t, func(p netns.Packet) bool {
		return p.Src == from.Addr() && p.Proto == numbers[protocol] && p.DstPort != 65001
	}, func() {
		switch protocol {
		case "udp":
			send(t, b.Servers[1], datagram(from, e, "knock"))
		case "tcp":
			send(t, b.Servers[1], segment{flags: ack, seq: 1, ack: 1}.packet(from, e))
		default:
			send(t, b.Servers[1], netns.IPv4{
				Src: from.Addr(), Dst: e.Addr(), Proto: unix.IPPROTO_ICMP, Payload: icmp(0, 0, uint32(e.Port())<<16|1, nil),
			})
		}
	})
}

// numbers are the protocols as IP has them.
var numbers = map[string]uint8{"tcp": unix.IPPROTO_TCP, "udp": unix.IPPROTO_UDP, "icmp": unix.IPPROTO_ICMP}

// lasts fails the test unless a mapping of subscriber 0 is good for that long after its last packet, and not for longer: its slot
// is made to look so old.
func (b *bench) lasts(t *testing.T, protocol string, e netip.AddrPort, d time.Duration) {
	t.Helper()
	was := b.path.slot(t, protocol, e)
	behind := b.endpoint(t, 0, 65001, 9)
	fresh := b.path.slot(t, "udp", behind)
	for _, c := range []struct {
		idle time.Duration
		want bool
	}{{d - 5*time.Second, true}, {d + 2*time.Second, false}} {
		b.path.ago(t, protocol, e, fresh, c.idle)
		if got := b.knock(t, protocol, e); got != c.want {
			t.Errorf("%s mapping %v, idle for %v: packets pass: %v, want %v", protocol, e, c.idle, got, c.want)
		}
	}
	b.path.ago(t, protocol, e, fresh, 0)
	if now := b.path.slot(t, protocol, e); now.Owner != was.Owner || now.State != was.State {
		t.Errorf("to look changed the mapping: it was %+v and is %+v", was, now)
	}
}

// flood sends many packets of a host, which make gives, fast.
func flood(t *testing.T, h netns.Host, n int, packet func(int) []byte) {
	t.Helper()
	if err := h.SendAll(n, packet); err != nil {
		t.Fatal(err)
	}
}

// listen has a subscriber answer on a port of its own and makes a mapping of it, by a packet to server 0. It returns the outside
// endpoint.
func (b *bench) listen(t *testing.T, i int, protocol string, port uint16) netip.AddrPort {
	t.Helper()
	if _, err := b.Subscribers[i].ListenEcho(protocol, b.from(i, port)); err != nil {
		t.Fatal(err)
	}
	if protocol == "udp" {
		return b.endpoint(t, i, port, 9)
	}
	return b.knownTo(t, i, port)
}

// knownTo sends a SYN from a port of subscriber i to server 0 and returns the source that arrives there.
func (b *bench) knownTo(t *testing.T, i int, port uint16) netip.AddrPort {
	t.Helper()
	w := watch(t, b.Servers[0].NS, func(p netns.Packet) bool {
		return p.Proto == unix.IPPROTO_TCP && p.DstPort == 9 && p.Src == b.share(t, i).Outside && body(p)[13] == syn
	})
	send(t, b.Subscribers[i], segment{flags: syn, seq: 1}.packet(b.from(i, port), netip.AddrPortFrom(b.Servers[0].Addr, 9)))
	p := w.await(t, 1)[0]
	return netip.AddrPortFrom(p.Src, p.SrcPort)
}

// isUnreachable reports whether an error says host unreachable.
func isUnreachable(err error) bool {
	var icmp *netns.ICMPError
	return errors.As(err, &icmp) && icmp.Type == 3 && icmp.Code == 1
}
