//go:build linux

package nat44

import (
	"encoding/binary"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"sync"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/cgnkit/cgnkit/internal/netns"
	"github.com/cgnkit/cgnkit/internal/netnstest"
	"github.com/cgnkit/cgnkit/portset/softwire"
)

// A tunnel is an end of IPv4 in IPv6 (RFC 2473): a TUN interface of a namespace, and a raw socket of protocol 4. Not every kernel has
// ip6_tunnel.
type tunnel struct {
	tun  *os.File
	conn *net.IPConn
}

// openTunnel adds an interface to a namespace. to says where in IPv6 a packet goes, and from whether one may come from there.
func openTunnel(t *testing.T, ns *netns.NS, name string, local netip.Addr, to func(packet []byte) (netip.Addr, error), from func(ipv6 netip.Addr, packet []byte) error) {
	t.Helper()
	var e tunnel
	err := ns.Do(func() error {
		fd, err := unix.Open("/dev/net/tun", unix.O_RDWR|unix.O_NONBLOCK|unix.O_CLOEXEC, 0)
		if err != nil {
			return err
		}
		request, err := unix.NewIfreq(name)
		if err != nil {
			return err
		}
		request.SetUint16(unix.IFF_TUN | unix.IFF_NO_PI)
		if err := unix.IoctlIfreq(fd, unix.TUNSETIFF, request); err != nil {
			return err
		}
		e.tun = os.NewFile(uintptr(fd), "tun") // not before: the runtime would wait for something that never becomes ready
		e.conn, err = net.ListenIP("ip6:4", &net.IPAddr{IP: local.AsSlice()})
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	netnstest.Run(t, ns, "ip", "link", "set", name, "mtu", "1460", "up")
	var both sync.WaitGroup
	both.Go(func() { e.send(t, to) })
	both.Go(func() { e.receive(t, from) })
	t.Cleanup(func() {
		_, _ = e.tun.Close(), e.conn.Close()
		both.Wait()
	})
}

func (e *tunnel) send(t *testing.T, to func([]byte) (netip.Addr, error)) {
	buf := make([]byte, 1<<16)
	for {
		n, err := e.tun.Read(buf)
		if errors.Is(err, os.ErrClosed) {
			return
		}
		if err != nil || buf[0]>>4 != 4 {
			continue // the interface is not up yet, or the kernel speaks IPv6 on it
		}
		a, err := to(buf[:n])
		if err != nil {
			t.Errorf("a packet for nobody: %v", err)
			continue
		}
		if _, err := e.conn.WriteToIP(buf[:n], &net.IPAddr{IP: a.AsSlice()}); err != nil && !errors.Is(err, net.ErrClosed) {
			t.Error(err)
		}
	}
}

func (e *tunnel) receive(t *testing.T, from func(netip.Addr, []byte) error) {
	buf := make([]byte, 1<<16)
	for {
		n, source, err := e.conn.ReadFromIP(buf)
		if err != nil {
			return
		}
		a, _ := netip.AddrFromSlice(source.IP)
		if err := from(a, buf[:n]); err != nil {
			t.Error(err)
			continue
		}
		if _, err := e.tun.Write(buf[:n]); err != nil && !errors.Is(err, os.ErrClosed) {
			t.Error(err)
		}
	}
}

// ends returns the addresses of a packet, and its ports or its identifier.
func ends(p []byte) (src, dst netip.AddrPort) {
	sport, dport := binary.BigEndian.Uint16(p[20:]), binary.BigEndian.Uint16(p[22:])
	if p[9] == icmp {
		sport, dport = binary.BigEndian.Uint16(p[24:]), binary.BigEndian.Uint16(p[24:])
	}
	return netip.AddrPortFrom(netip.AddrFrom4([4]byte(p[12:])), sport), netip.AddrPortFrom(netip.AddrFrom4([4]byte(p[16:])), dport)
}

// A relayBench is two hosts, their router, and a border relay that is the server, too.
type relayBench struct {
	testing.TB
	domain *softwire.Domain
	ce     softwire.CE
	relay  netip.Addr // its IPv6 address
	server netip.Addr // its IPv4 address
	hosts  []netns.Host
	br     *netns.NS
}

func newRelayBench(t *testing.T) *relayBench {
	t.Helper()
	b := &relayBench{TB: t, server: netip.MustParseAddr("198.51.100.1"), relay: netip.MustParseAddr("2001:db8:ffff::1")}
	b.domain = must(softwire.NewDomain(softwire.DomainSpec{
		Rules: []softwire.RuleSpec{{IPv6: netip.MustParsePrefix("2001:db8::/40"), IPv4: netip.MustParsePrefix("192.0.2.0/24"), EALen: 16}}, Relay: b.relay,
	}))
	b.ce = must(b.domain.Forward(netip.MustParsePrefix("2001:db8:12:3400::/56")))
	top := netnstest.NewTopology(t, netns.Options{
		Inside:        []netip.Addr{netip.MustParseAddr("192.168.1.10"), netip.MustParseAddr("192.168.1.11")},
		InsideGateway: netip.MustParsePrefix("192.168.1.1/24"),
	})
	b.hosts, b.br = top.Subscribers, netnstest.New(t)
	for _, ns := range []*netns.NS{top.CGN, b.br} {
		for _, name := range []string{"all.disable_ipv6", "default.disable_ipv6"} {
			if err := ns.SetSysctl("net.ipv6.conf."+name, "0"); err != nil {
				t.Fatal(err)
			}
		}
	}
	if err := top.CGN.AddVeth("wan", b.br, "access"); err != nil {
		t.Fatal(err)
	}
	s := routerSpec(t, 6, 8, 0)
	s.Outside, s.Ports, s.Link = b.ce.IPv4().Addr(), b.ce.Ports(), "map0"
	loadRouter(t, top.CGN, routerOf(t, s))
	b.end(t, top.CGN, "wan", b.ce.Address(), b.relay)
	openTunnel(t, top.CGN, "map0", b.ce.Address(), b.toRelay, b.fromRelay)
	b.end(t, b.br, "access", b.relay, b.ce.Address())
	openTunnel(t, b.br, "br0", b.relay, b.toRouter, b.fromRouter)
	b.address(top.CGN, "map0", netip.MustParseAddr("192.0.0.2")) // RFC 7335
	b.address(b.br, "br0", b.server)
	return b
}

// end gives an end of the cable its IPv6 address.
func (b *relayBench) end(t *testing.T, ns *netns.NS, link string, own, other netip.Addr) {
	t.Helper()
	netnstest.Run(t, ns, "ip", "link", "set", link, "up")
	netnstest.Run(t, ns, "ip", "-6", "address", "add", own.String()+"/128", "dev", link, "nodad")
	netnstest.Run(t, ns, "ip", "-6", "route", "add", other.String(), "dev", link)
}

// address gives a tunnel its IPv4 address, and all that goes elsewhere.
func (b *relayBench) address(ns *netns.NS, link string, a netip.Addr) {
	b.Helper()
	netnstest.Run(b.TB, ns, "ip", "address", "add", a.String()+"/32", "dev", link)
	netnstest.Run(b.TB, ns, "ip", "route", "add", "default", "dev", link)
}

func (b *relayBench) toRelay(p []byte) (netip.Addr, error) {
	_, dst := ends(p)
	return b.domain.Destination(dst.Addr(), dst.Port())
}

func (b *relayBench) fromRelay(a netip.Addr, _ []byte) error {
	if a != b.relay {
		return fmt.Errorf("a packet from %v", a)
	}
	return nil
}

func (b *relayBench) toRouter(p []byte) (netip.Addr, error) {
	_, dst := ends(p)
	ce, err := b.domain.Reverse(dst.Addr(), dst.Port())
	if err != nil {
		return netip.Addr{}, err
	}
	return ce.Address(), nil
}

func (b *relayBench) fromRouter(a netip.Addr, p []byte) error {
	src, _ := ends(p)
	if err := b.domain.Check(a, src.Addr(), src.Port()); err != nil {
		return fmt.Errorf("from %v %v, protocol %d: %w", a, src, p[9], err)
	}
	return nil
}

// TestRouterMAPE sends through a border relay that is a MAP domain: each packet that comes out of the tunnel must have the addresses and
// a port of the router (RFC 7597 section 8.1), and each answer goes where the domain says.
func TestRouterMAPE(t *testing.T) {
	t.Parallel()
	b := newRelayBench(t)
	for _, network := range []string{"udp", "tcp"} {
		var seen [2][3]netip.AddrPort
		for i, port := range []uint16{7, 8, 443} {
			if _, err := b.br.ListenEcho(network, netip.AddrPortFrom(b.server, port)); err != nil {
				t.Fatal(err)
			}
			for k, h := range b.hosts {
				var err error
				if seen[k][i], err = h.Ask(netns.Query{Network: network, Local: netip.AddrPortFrom(h.Addr, 5000), Remote: netip.AddrPortFrom(b.server, port), Timeout: 5 * time.Second}); err != nil {
					t.Fatal(err)
				}
			}
		}
		for k := range seen {
			if s := seen[k]; s[0] != s[1] || s[0] != s[2] || !b.ce.Has(s[0].Port()) {
				t.Errorf("%s: host %d is seen as %v", network, k, s)
			}
		}
		if seen[0][0] == seen[1][0] {
			t.Errorf("%s: both hosts are seen as %v", network, seen[0][0])
		}
	}
	sink, err := b.br.ListenSink(netip.AddrPortFrom(b.server, 9))
	if err != nil {
		t.Fatal(err)
	}
	var transfers []*netns.Transfer
	for _, h := range b.hosts {
		if err := h.Ping(netns.Ping{To: b.server, ID: 1}); err != nil {
			t.Error(err)
		}
		tr, err := h.StartTransfer(t.Context(), netns.Stream{Remote: sink.Addr(), Bytes: 2 << 20})
		if err != nil {
			t.Fatal(err)
		}
		transfers = append(transfers, tr)
	}
	for _, tr := range transfers {
		if err := tr.Wait(); err != nil {
			t.Error(err)
		}
	}
}
