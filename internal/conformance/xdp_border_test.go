//go:build linux

package conformance

import (
	"net/netip"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/cgnkit/cgnkit/alloc"
	"github.com/cgnkit/cgnkit/ebpf"
	"github.com/cgnkit/cgnkit/internal/netns"
)

func xdpBorderProbes() map[string]probe {
	exempt := setup{ports: roomy, routes: true, noTranslate: []string{"203.0.113.2", "203.0.113.1 udp/53", "203.0.113.1 tcp/8000-8080"}}
	open := setup{ports: roomy, routes: true, xdp: &ebpf.Policy{}}
	exempt.xdp = &ebpf.Policy{}
	return map[string]probe{
		"6888-6":  shows(exempt.make, noTranslate),
		"6888-1d": shows(overXDP(allOfIt), portlessProtocols),
		"4787-10": shows(overXDP(roomy), noUDPGateway),
		"5382-6":  shows(overXDP(roomy), noTCPGateway),
		"6598-2":  shows(sharedSpaceOutside(&ebpf.Policy{}), routesTellSides),
		"6598-3":  shows(overXDP(4), sharedSpaceStays),
		"6598-3a": shows(open.make, ingressIsFiltered),
	}
}

// routesTellSides shows that a subscriber reaches hosts outside that have addresses of the shared space, one of them that of another
// subscriber, from its outside address, and hears their answers.
func routesTellSides(t *testing.T, b *bench) {
	for i := range b.Servers {
		for _, protocol := range []string{"udp", "tcp"} {
			b.owns(t, 0, b.ask(t, 0, protocol, 40000, b.echo(t, i, protocol, 7000).Addr()))
		}
	}
}

// sharedSpaceStays shows that nothing leaves with a source of the shared space, be it a subscriber's or nobody's; and that what is sent
// to such an address leaves where a route says so, and not by the default route where the shared space has one of its own.
func sharedSpaceStays(t *testing.T, b *bench) {
	leaked := noSubscriberLeaks(t, b)
	for _, source := range []string{"100.64.0.3", "100.127.0.1"} {
		send(t, b.Subscribers[0], datagram(netip.AddrPortFrom(addr(source), 5000), netip.AddrPortFrom(b.Servers[0].Addr, 80), "stranger"))
	}
	for _, route := range []netns.Route{
		{Via: b.Servers[1].Addr},
		{To: netip.MustParsePrefix("100.64.0.0/10"), Blackhole: true},
		{To: netip.MustParsePrefix("100.99.2.0/24"), Via: b.Servers[1].Addr},
	} {
		if err := b.CGN.AddRoute(route); err != nil {
			t.Fatal(err)
		}
	}
	w := watch(t, b.Servers[1].NS, protocol(unix.IPPROTO_UDP))
	b.apply(t, setup{ports: roomy}.plan(t))
	for _, to := range []string{"100.99.1.1:9", "100.99.2.1:9", "198.51.100.1:9"} {
		send(t, b.Subscribers[0], datagram(b.from(0, 7000), netip.MustParseAddrPort(to), "to the shared space"))
	}
	if p := w.await(t, 2); len(p) != 2 || p[0].Dst != addr("100.99.2.1") || p[1].Dst != addr("198.51.100.1") {
		t.Errorf("%d packets arrived, the first for %v", len(p), p[0].Dst)
	}
	leaked.none(t)
}

// ingressIsFiltered shows that nothing comes in from an inside address, nothing from another one of the shared space unless a route says
// that it is outside, and nothing to an inside address.
func ingressIsFiltered(t *testing.T, b *bench) {
	seen := b.endpoint(t, 0, 40000, 9)
	if err := b.CGN.AddRoute(netns.Route{To: netip.MustParsePrefix("100.64.9.0/24"), Via: b.Servers[0].Addr}); err != nil {
		t.Fatal(err)
	}
	w := watch(t, b.Subscribers[0].NS, protocol(unix.IPPROTO_UDP))
	neighbour, other, outside := addr("100.64.0.2"), addr("100.64.0.77"), addr("100.64.9.1")
	for _, to := range []netip.AddrPort{b.from(0, 5000), b.from(0, 40000), seen} {
		for _, source := range []netip.Addr{neighbour, other, outside, b.Servers[0].Addr} {
			send(t, b.Servers[0], datagram(netip.AddrPortFrom(source, 5000), to, "from outside"))
		}
	}
	if p := w.await(t, 2); len(p) != 2 || p[0].Src != outside || p[1].Src != b.Servers[0].Addr {
		t.Errorf("%d packets arrived, from %v first", len(p), p[0].Src)
	}
}

// portlessProtocols shows that protocols without ports leave and reach a subscriber that has an address of its own, with checksums
// that are right where they cover addresses, and that those of others go nowhere.
func portlessProtocols(t *testing.T, b *bench) {
	const dccp, other = 33, 253
	me, him := b.Subscribers[0].Addr, b.Servers[0].Addr
	payload := map[uint8][]byte{
		unix.IPPROTO_GRE: make([]byte, 8), unix.IPPROTO_ESP: make([]byte, 16), unix.IPPROTO_SCTP: make([]byte, 12), other: make([]byte, 8),
		dccp: dccpRequest(me, him),
	}
	for proto, data := range payload {
		w := watch(t, b.Servers[0].NS, protocol(proto))
		send(t, b.Subscribers[0], netns.IPv4{Src: me, Dst: him, Proto: proto, Payload: data})
		p := w.await(t, 1)[0]
		sound(t, p)
		if want := b.share(t, 0).Outside; p.Src != want {
			t.Errorf("protocol %d came from %v, want %v", proto, p.Src, want)
		}
		if proto == dccp && transportChecksum(p.Src, p.Dst, dccp, body(p)) != 0 {
			t.Errorf("wrong checksum in the DCCP packet %x", p.Raw)
		}
		b.errorIsTold(t, icmpError(addr("203.0.113.77"), p.Src, 3, 4, 1400, p.Raw))
		if proto == dccp {
			data = dccpRequest(him, p.Src)
		}
		back := watch(t, b.Subscribers[0].NS, protocol(proto))
		send(t, b.Servers[0], netns.IPv4{Src: him, Dst: p.Src, Proto: proto, Payload: data})
		p = back.await(t, 1)[0]
		if proto == dccp && transportChecksum(p.Src, p.Dst, dccp, body(p)) != 0 {
			t.Errorf("wrong checksum in the DCCP packet %x", p.Raw)
		}
	}
	b.neighbours(t)
	b.apply(t, setup{ports: roomy}.plan(t))
	for proto, data := range payload {
		b.swallowed(t, netns.IPv4{Src: me, Dst: him, Proto: proto, Payload: data})
	}
}

// errorIsTold fails the test unless an ICMP error from outside about a packet without ports gets to subscriber 0, and is about what
// it has sent.
func (b *bench) errorIsTold(t *testing.T, e netns.IPv4) {
	t.Helper()
	w := watch(t, b.Subscribers[0].NS, icmpOf(3))
	send(t, b.Servers[1], e)
	p := w.await(t, 1)[0]
	sound(t, p)
	about := netns.Packet{Raw: quoted(p)}
	src, dst := netip.AddrFrom4([4]byte(about.Raw[12:])), netip.AddrFrom4([4]byte(about.Raw[16:]))
	if src != b.Subscribers[0].Addr || dst != b.Servers[0].Addr || netns.Checksum(about.Raw[:20]) != 0 {
		t.Errorf("the error is about %x", about.Raw)
	}
	if about.Raw[9] == 33 && transportChecksum(src, dst, 33, body(about)) != 0 {
		t.Errorf("wrong checksum in the DCCP packet %x that an error is about", about.Raw)
	}
}

// neighbours shows that a packet without ports gets to another subscriber with an address of its own, from the outside address.
func (b *bench) neighbours(t *testing.T) {
	t.Helper()
	send(t, b.Subscribers[1], netns.IPv4{Src: b.Subscribers[1].Addr, Dst: b.Servers[0].Addr, Proto: unix.IPPROTO_GRE, Payload: make([]byte, 8)})
	w := watch(t, b.Subscribers[1].NS, protocol(unix.IPPROTO_GRE))
	send(t, b.Subscribers[0], netns.IPv4{Src: b.Subscribers[0].Addr, Dst: b.share(t, 1).Outside, Proto: unix.IPPROTO_GRE, Payload: make([]byte, 8)})
	if p := w.await(t, 1)[0]; p.Src != b.share(t, 0).Outside || p.Dst != b.Subscribers[1].Addr {
		t.Errorf("the neighbour's packet arrived from %v for %v", p.Src, p.Dst)
	}
}

func xdpPoolProbes() map[string]probe {
	routes := netns.Options{Outside: []netip.Prefix{netip.MustParsePrefix("192.0.2.0/24"), netip.MustParsePrefix("198.51.100.0/24")}}
	scattered := setup{
		ports: roomy, scheme: alloc.Stripe, outside: []string{"198.51.100.3", "192.0.2.7-192.0.2.9", "192.0.2.1"}, extra: routes, xdp: &ebpf.Policy{},
	}
	return map[string]probe{
		"6888-1a": shows(nil, chapter(XDP(), "6888-1a", "4787-")),
		"6888-1b": shows(nil, chapter(XDP(), "6888-1b", "5382-")),
		"6888-1c": shows(nil, chapter(XDP(), "6888-1c", "5508-")),
		"6888-2":  shows(scattered.make, paired),
		"4787-2":  like("6888-2"),
		"6888-3":  shows(scattered.make, notContiguous),
	}
}
