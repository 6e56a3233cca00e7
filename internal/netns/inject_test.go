//go:build linux

package netns_test

import (
	"bytes"
	"encoding/binary"
	"errors"
	"net"
	"net/netip"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/cgnkit/cgnkit/internal/netns"
	"github.com/cgnkit/cgnkit/internal/netnstest"
)

func TestSendOtherProtocols(t *testing.T) {
	t.Parallel()
	topology := netnstest.NewTopology(t, netns.Options{})
	client, server := topology.Subscribers[0], topology.Servers[0]
	for _, proto := range []uint8{unix.IPPROTO_GRE, unix.IPPROTO_ESP, unix.IPPROTO_SCTP, 253} {
		o := observe(t, server.NS, netns.Watch{Match: func(p netns.Packet) bool { return p.Proto == proto }})
		sent := netns.IPv4{
			Src: addr("100.64.77.7"), Dst: server.Addr, Proto: proto, ID: 777, TTL: 9, Payload: []byte{0x10, 0x01, 0x20, 0x02, 5, 6, 7, 8},
		}
		if err := client.SendIPv4(sent.Bytes()); err != nil {
			t.Fatal(err)
		}
		if _, err := o.AwaitCount(within(t), 1); err != nil {
			t.Fatal(err)
		}
		packets, err := o.Packets()
		if err != nil || len(packets) != 1 {
			t.Fatalf("protocol %d: %d packets, error %v", proto, len(packets), err)
		}
		want := sent
		want.TTL = 8 // The CGN is a hop.
		if !bytes.Equal(packets[0].Raw, want.Bytes()) {
			t.Errorf("protocol %d: got  %x\nwant %x", proto, packets[0].Raw, want.Bytes())
		}
	}
	if err := client.SendIPv4(make([]byte, 19)); !errors.Is(err, unix.EINVAL) {
		t.Errorf("short packet: %v, want %v", err, unix.EINVAL)
	}
}

// Many packets are made one after the other, and arrive.
func TestSendAll(t *testing.T) {
	t.Parallel()
	topology := netnstest.NewTopology(t, netns.Options{})
	client, server := topology.Subscribers[0], topology.Servers[0]
	o := observe(t, server.NS, netns.Watch{Match: func(p netns.Packet) bool { return p.Proto == 253 }})
	payload := []byte{0}
	err := client.SendAll(100, func(i int) []byte {
		payload[0] = byte(i)
		return netns.IPv4{Src: client.Addr, Dst: server.Addr, Proto: 253, Payload: payload}.Bytes()
	})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := o.AwaitCount(within(t), 100); err != nil {
		t.Fatal(err)
	}
	packets, err := o.Packets()
	if err != nil {
		t.Fatal(err)
	}
	for i, p := range packets {
		if p.Raw[20] != byte(i) {
			t.Errorf("packet %d is number %d", i, p.Raw[20])
		}
	}
	nowhere := netns.IPv4{Src: client.Addr, Dst: addr("255.255.255.255"), Proto: 253}.Bytes()
	if err := client.SendAll(1, func(int) []byte { return nowhere }); !errors.Is(err, unix.EACCES) {
		t.Errorf("to everybody: %v, want %v", err, unix.EACCES)
	}
}

// An ICMP error made by hand reaches the socket that it is about.
func TestSendICMPError(t *testing.T) {
	t.Parallel()
	topology := netnstest.NewTopology(t, netns.Options{InsideRoutes: true})
	client, server := topology.Subscribers[0], topology.Servers[0]
	remote := netip.AddrPortFrom(server.Addr, 9)
	mute, err := server.ListenUDP(remote)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = mute.Close() }()
	o := observe(t, server.NS, netns.Watch{})
	asked := make(chan error, 1)
	go func() {
		_, err := client.Ask(netns.Query{Remote: remote, Timeout: long})
		asked <- err
	}()
	if _, err := o.AwaitCount(within(t), 1); err != nil {
		t.Fatal(err)
	}
	packets, err := o.Packets()
	if err != nil {
		t.Fatal(err)
	}
	msg := append([]byte{3, 1, 0, 0, 0, 0, 0, 0}, packets[0].Raw[:28]...)
	binary.BigEndian.PutUint16(msg[2:], netns.Checksum(msg))
	router := netns.IPv4{Src: addr("203.0.113.77"), Dst: client.Addr, Proto: unix.IPPROTO_ICMP, Payload: msg}
	if err := server.SendIPv4(router.Bytes()); err != nil {
		t.Fatal(err)
	}
	if err := <-asked; !errors.Is(err, unix.EHOSTUNREACH) {
		t.Errorf("Ask returns %v, want %v", err, unix.EHOSTUNREACH)
	}
}

func TestSendFrameChangesNothing(t *testing.T) {
	t.Parallel()
	topology := netnstest.NewTopology(t, netns.Options{})
	client := topology.Subscribers[0]
	gateway, err := topology.CGN.MAC(netns.InsideLink)
	if err != nil {
		t.Fatal(err)
	}
	packet := netns.IPv4{Src: client.Addr, Dst: addr("203.0.113.1"), Proto: unix.IPPROTO_UDP, Frag: 0x2001, Payload: make([]byte, 16)}.Bytes()
	packet[10] ^= 0xff // A wrong checksum, which a raw socket would mend.
	o := observe(t, topology.CGN, netns.Watch{})
	if err := client.SendFrame(netns.HostLink, gateway, packet); err != nil {
		t.Fatal(err)
	}
	if _, err := o.AwaitCount(within(t), 1); err != nil {
		t.Fatal(err)
	}
	packets, err := o.Packets()
	if err != nil || len(packets) != 1 || !bytes.Equal(packets[0].Raw, packet) {
		t.Errorf("CGN saw %x (error %v), want %x", packets, err, packet)
	}
	if err := client.SendFrame(netns.HostLink, net.HardwareAddr{1, 2}, packet); !errors.Is(err, unix.EINVAL) {
		t.Errorf("half an address: %v, want %v", err, unix.EINVAL)
	}
	if err := client.SendFrame("eth9", gateway, packet); err == nil {
		t.Error("sent on a link that is not there")
	}
}
