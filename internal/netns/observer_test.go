//go:build linux

package netns_test

import (
	"bytes"
	"encoding/binary"
	"errors"
	"net/netip"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/cgnkit/cgnkit/internal/netns"
	"github.com/cgnkit/cgnkit/internal/netnstest"
)

func observe(tb testing.TB, ns *netns.NS, w netns.Watch) *netns.Observer {
	tb.Helper()
	o, err := ns.Observe(w)
	if err != nil {
		tb.Fatal(err)
	}
	return o
}

func TestObserverCountsExactly(t *testing.T) {
	t.Parallel()
	topology := netnstest.NewTopology(t, netns.Options{})
	client, server := topology.Subscribers[0], topology.Servers[0]
	odd := func(p netns.Packet) bool {
		return p.Proto == unix.IPPROTO_UDP && p.Src == client.Addr && p.Dst == server.Addr && p.SrcPort == 4000 && p.DstPort%2 == 1
	}
	atServer := observe(t, server.NS, netns.Watch{Match: odd, Keep: 10, Link: netns.HostLink})
	atCGN := observe(t, topology.CGN, netns.Watch{Match: odd, Keep: -1})
	elsewhere := observe(t, topology.Servers[1].NS, netns.Watch{})

	conn, err := client.ListenUDP(netip.AddrPortFrom(client.Addr, 4000))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.Close() }()
	const sent = 500
	for i := range sent {
		to := netip.AddrPortFrom(server.Addr, uint16(10_000+i))
		if _, err := conn.WriteToUDPAddrPort([]byte("hello"), to); err != nil {
			t.Fatal(err)
		}
		// Pace by what has arrived: the queue of a virtual link is not endless.
		if i%100 == 99 {
			if _, err := atServer.AwaitCount(within(t), (i+1)/2); err != nil {
				t.Fatal(err)
			}
		}
	}
	for name, o := range map[string]*netns.Observer{"server": atServer, "CGN": atCGN} {
		if n, err := o.Count(); err != nil || n != sent/2 {
			t.Errorf("%s counts %d (error %v), want %d", name, n, err, sent/2)
		}
	}
	if n, err := atServer.Seen(); err != nil || n != sent {
		t.Errorf("server sees %d packets (error %v), want %d", n, err, sent)
	}
	if n, err := elsewhere.Seen(); err != nil || n != 0 {
		t.Errorf("the other server sees %d packets (error %v), want none", n, err)
	}
	kept, err := atServer.Packets()
	if err != nil || len(kept) != 10 {
		t.Fatalf("kept %d packets (error %v), want 10", len(kept), err)
	}
	for i, p := range kept {
		if want := uint16(10_001 + 2*i); p.DstPort != want || !bytes.HasSuffix(p.Raw, []byte("hello")) || len(p.Raw) != 33 {
			t.Errorf("packet %d is %+v, want one to port %d", i, p, want)
		}
	}
	if kept, err := atCGN.Packets(); err != nil || len(kept) != 0 {
		t.Errorf("CGN kept %d packets (error %v), want none", len(kept), err)
	}
	// The numbers outlive the observation.
	for range 2 {
		if err := atServer.Close(); err != nil {
			t.Error(err)
		}
	}
	if n, err := atServer.Count(); err != nil || n != sent/2 {
		t.Errorf("after Close server counts %d (error %v), want %d", n, err, sent/2)
	}
}

func TestObserverReportsLoss(t *testing.T) {
	t.Parallel()
	topology := netnstest.NewTopology(t, netns.Options{})
	client, server := topology.Subscribers[0], topology.Servers[0]
	blocked, release := make(chan struct{}), make(chan struct{})
	first := true
	o := observe(t, server.NS, netns.Watch{Match: func(netns.Packet) bool {
		if first {
			first = false
			close(blocked)
			<-release
		}
		return true
	}})
	if err := o.ShrinkBuffer(); err != nil {
		t.Fatal(err)
	}
	conn, err := client.ListenUDP(anyPort)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.Close() }()
	send := func() {
		if _, err := conn.WriteToUDPAddrPort(make([]byte, 1000), netip.AddrPortFrom(server.Addr, 9)); err != nil {
			t.Error(err)
		}
	}
	send()
	<-blocked
	arrived := observe(t, server.NS, netns.Watch{})
	for range 50 {
		send()
	}
	if _, err := arrived.AwaitCount(within(t), 50); err != nil {
		t.Error(err)
	}
	close(release)
	if n, err := o.Count(); !errors.Is(err, netns.ErrDropped) || n >= 51 {
		t.Errorf("counted %d, error %v; want less than 51 and %v", n, err, netns.ErrDropped)
	}
	if err := o.Close(); !errors.Is(err, netns.ErrDropped) {
		t.Errorf("Close returns %v, want %v", err, netns.ErrDropped)
	}
}

// On the virtual wire there are only packets that could be on a real one.
func TestLinksCarryRealPackets(t *testing.T) {
	t.Parallel()
	topology := netnstest.NewTopology(t, netns.Options{InsideRoutes: true})
	server := topology.Servers[0]
	tcp := func(p netns.Packet) bool { return p.Proto == unix.IPPROTO_TCP }
	o := observe(t, server.NS, netns.Watch{Match: tcp})
	transfer, err := topology.Subscribers[0].StartTransfer(within(t), netns.Stream{Remote: listenSink(t, server).Addr(), Bytes: 300_000})
	if err != nil {
		t.Fatal(err)
	}
	if err := transfer.Wait(); err != nil {
		t.Error(err)
	}
	packets, err := o.Packets()
	if err != nil || len(packets) < 200 {
		t.Errorf("%d packets (error %v) for 300000 bytes", len(packets), err)
	}
	for _, p := range packets {
		if len(p.Raw) > 1500 || netns.Checksum(p.Raw[:20]) != 0 || pseudoChecksum(p) != 0 {
			t.Fatalf("%d bytes, header checksum off by %#x, TCP checksum by %#x",
				len(p.Raw), netns.Checksum(p.Raw[:20]), pseudoChecksum(p))
		}
	}
}

// pseudoChecksum is zero for a packet with a right checksum of TCP or UDP (RFC 9293, section 3.1).
func pseudoChecksum(p netns.Packet) uint16 {
	b := append([]byte{}, p.Raw[12:20]...)
	b = append(b, 0, p.Proto)
	b = binary.BigEndian.AppendUint16(b, uint16(len(p.Raw)-20))
	return netns.Checksum(append(b, p.Raw[20:]...))
}
