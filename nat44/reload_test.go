//go:build linux

package nat44

import (
	"context"
	"encoding/binary"
	"fmt"
	"net/netip"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/cgnkit/cgnkit/alloc"
	"github.com/cgnkit/cgnkit/internal/netns"
)

// A stream makes new flows all the time, each from another inside endpoint, until it is stopped. The payload is the inside
// endpoint, so that who sees it behind the CGN can tell whether the translation was right.
type stream struct {
	fd   int
	sent atomic.Int64
	stop chan struct{}
	done chan error
}

func startStream(t *testing.T, from netns.Host, to netip.AddrPort, perSecond int) *stream {
	t.Helper()
	s := &stream{stop: make(chan struct{}), done: make(chan error, 1)}
	err := from.Do(func() (err error) {
		s.fd, err = unix.Socket(unix.AF_INET, unix.SOCK_RAW|unix.SOCK_CLOEXEC, unix.IPPROTO_RAW)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	go func() { s.done <- s.run(to, perSecond) }()
	return s
}

// run sends in small bursts. Sources are the first 2000 subscribers but the first 16, each with ever new ports.
func (s *stream) run(to netip.AddrPort, perSecond int) error {
	defer func() { _ = unix.Close(s.fd) }()
	const burst = 20
	tick := time.NewTicker(time.Second * burst / time.Duration(perSecond))
	defer tick.Stop()
	packet := make([]byte, 20+8+6)
	for n := 0; ; {
		select {
		case <-s.stop:
			return nil
		case <-tick.C:
		}
		for range burst {
			host := uint16(16 + n%2000)
			port := uint16(10000 + n/2000)
			n++
			udpPacket(packet, netip.AddrPortFrom(netip.AddrFrom4([4]byte{100, 64, byte(host >> 8), byte(host)}), port), to)
			if err := unix.Sendto(s.fd, packet, 0, &unix.SockaddrInet4{Addr: to.Addr().As4()}); err != nil {
				return fmt.Errorf("send flow %d: %w", n, err)
			}
			s.sent.Add(1)
		}
	}
}

func (s *stream) end(t *testing.T) {
	t.Helper()
	close(s.stop)
	if err := <-s.done; err != nil {
		t.Fatal(err)
	}
}

// udpPacket writes an IPv4 packet with UDP without checksum; the kernel fills in that of IPv4.
func udpPacket(b []byte, from, to netip.AddrPort) {
	clear(b)
	b[0], b[8], b[9] = 0x45, 64, udp
	binary.BigEndian.PutUint16(b[2:], uint16(len(b)))
	src, dst := from.Addr().As4(), to.Addr().As4()
	copy(b[12:], src[:])
	copy(b[16:], dst[:])
	binary.BigEndian.PutUint16(b[20:], from.Port())
	binary.BigEndian.PutUint16(b[22:], to.Port())
	binary.BigEndian.PutUint16(b[24:], uint16(len(b)-20))
	copy(b[28:], src[:])
	binary.BigEndian.PutUint16(b[32:], from.Port())
}

// reloadPlans are plans over the same 100,000 subscribers. The first 16 have the same share in all of them. Between whole and
// turned everybody else moves; slightly differs from whole in one subscriber of a hundred.
func reloadPlans(t *testing.T) (whole, turned, slightly *Ruleset) {
	const out = "192.0.0.0-192.0.7.255"
	return subscribersOf(t, out, 1000, "100.64.0.0-100.65.134.159"),
		subscribersOf(t, out, 1000, "100.64.0.0-100.64.0.15", "100.65.0.0-100.65.134.159", "100.64.0.16-100.64.255.255"),
		subscribersOf(t, out, 1000, "100.64.0.0-100.64.0.15", "100.64.2.0-100.64.3.231", "100.64.0.16-100.64.1.255", "100.64.3.232-100.65.134.159")
}

// TestReloadsUnderTraffic reloads everything ten times and changes one per cent ten times, while new flows come all the time. No
// packet may leave untranslated, none with an endpoint that its subscriber has in no plan, and the transfers of subscribers that
// do not move must go on to the end.
func TestReloadsUnderTraffic(t *testing.T) {
	t.Parallel()
	whole, turned, slightly := reloadPlans(t)
	b := newTrafficBench(t, netns.Options{Outside: []netip.Prefix{netip.MustParsePrefix("192.0.0.0/21")}})
	b.apply(whole)

	server := b.Servers[0]
	to := netip.AddrPortFrom(server.Addr, 9)
	quiet, err := server.ListenUDP(to) // takes what comes, so that no ICMP error goes back
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = quiet.Close() }()
	var leaked, wrong, right atomic.Int64
	plans := []*alloc.Plan{whole.plan, turned.plan, slightly.plan}
	watch, err := server.Observe(netns.Watch{Keep: -1, Match: func(p netns.Packet) bool {
		switch {
		case netip.MustParsePrefix("100.64.0.0/10").Contains(p.Src):
			leaked.Add(1)
		case p.Proto != udp || p.DstPort != 9:
			return false
		case !follows(plans, p):
			wrong.Add(1)
		default:
			right.Add(1)
		}
		return true
	}})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = watch.Close() }()

	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	var transfers []*netns.Transfer
	for _, sub := range b.Subscribers {
		sink, err := server.ListenSink(netip.AddrPortFrom(server.Addr, 0))
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = sink.Close() }()
		tr, err := sub.StartTransfer(ctx, netns.Stream{Remote: sink.Addr(), Bytes: 1 << 40, Rate: 1 << 20})
		if err != nil {
			t.Fatal(err)
		}
		transfers = append(transfers, tr)
	}
	s := startStream(t, b.Subscribers[0], to, 2000)
	for i := range 20 {
		next, way := turned, Rebuild
		switch i % 4 {
		case 1:
			next, way = whole, Rebuild
		case 2:
			next, way = slightly, Increment
		case 3:
			next, way = whole, Increment
		}
		if r := b.apply(next); r.Way != way {
			t.Fatalf("change %d: %v, want %v", i, r.Way, way)
		}
	}
	s.end(t)
	for i, tr := range transfers {
		if tr.Sent() == 0 {
			t.Errorf("transfer %d did not move", i)
		}
		if err := tr.Finish(); err != nil {
			t.Errorf("transfer %d: %v", i, err)
		}
	}
	if _, err := watch.Count(); err != nil {
		t.Fatal(err)
	}
	t.Logf("%d new flows sent, %d seen right, %d wrong, %d untranslated", s.sent.Load(), right.Load(), wrong.Load(), leaked.Load())
	if leaked.Load() > 0 || wrong.Load() > 0 || right.Load() < s.sent.Load()*99/100 {
		t.Errorf("of %d new flows %d were seen right, %d wrong, %d untranslated", s.sent.Load(), right.Load(), wrong.Load(), leaked.Load())
	}
	b.equal(whole)
}

// follows reports whether the packet's source belongs to the inside address in its payload, in one of the plans.
func follows(plans []*alloc.Plan, p netns.Packet) bool {
	if len(p.Raw) < 34 {
		return false
	}
	inside := alloc.SubscriberFrom("", netip.AddrFrom4([4]byte(p.Raw[28:])))
	for _, plan := range plans {
		if a, err := plan.Lookup(inside); err == nil && a.Outside() == p.Src && a.Ports().Contains(p.SrcPort) {
			return true
		}
	}
	return false
}
