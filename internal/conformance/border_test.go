//go:build linux

package conformance

import (
	"bufio"
	"errors"
	"io"
	"net"
	"net/netip"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/cgnkit/cgnkit/ebpf"
	"github.com/cgnkit/cgnkit/internal/netns"
	"github.com/cgnkit/cgnkit/internal/netnstest"
	"github.com/cgnkit/cgnkit/nat44"
)

func borderProbes() map[string]probe {
	exempt := setup{ports: roomy, routes: true, noTranslate: []string{"203.0.113.2", "203.0.113.1 udp/53", "203.0.113.1 tcp/8000-8080"}}
	return map[string]probe{
		"6888-6":  shows(exempt.make, noTranslate),
		"6888-1d": shows(with(allOfIt), otherProtocols),
		"4787-10": shows(with(roomy), noUDPGateway),
		"5382-6":  shows(with(roomy), noTCPGateway),
		"6598-2":  shows(sharedSpaceOutside(nil), sharedSpaceOnBothSides),
		"6598-3":  shows(with(4), nothingLeaks),
		"6598-3a": shows(setup{ports: roomy, routes: true}.make, ingressIsOpen),
	}
}

// noTranslate shows destinations that are excepted by address, for all protocols, and by port, for one.
func noTranslate(t *testing.T, b *bench) {
	for _, c := range []struct {
		server   int
		protocol string
		port     uint16
		excepted bool
	}{
		{1, "udp", 7000, true}, {1, "tcp", 7000, true},
		{0, "udp", 53, true}, {0, "tcp", 53, false}, {0, "udp", 54, false},
		{0, "tcp", 8080, true}, {0, "udp", 8080, false}, {0, "tcp", 8081, false},
	} {
		from := b.from(0, 40000)
		seen := b.ask(t, 0, c.protocol, from.Port(), b.echo(t, c.server, c.protocol, c.port).Addr())
		if c.excepted && seen != from {
			t.Errorf("%s %d of server %d sees %v, want %v", c.protocol, c.port, c.server, seen, from)
		}
		if !c.excepted {
			b.owns(t, 0, seen)
		}
	}
	pings := newTalk(t, b, "icmp")
	if seen := pings.say(t, 0, 40000, 1); seen != b.from(0, 40000) {
		t.Errorf("the excepted server is pinged by %v", seen)
	}
	b.owns(t, 0, pings.say(t, 0, 40000, 0))
}

// otherProtocols shows that protocols without ports leave a subscriber that has an address of its own, and nobody else; and that
// DCCP, whose checksum covers addresses and would be left wrong, leaves nobody.
func otherProtocols(t *testing.T, b *bench) {
	const dccp = 33
	payload := map[uint8][]byte{unix.IPPROTO_GRE: make([]byte, 8), unix.IPPROTO_ESP: make([]byte, 16)}
	for proto, data := range payload {
		w := watch(t, b.Servers[0].NS, protocol(proto))
		send(t, b.Subscribers[0], netns.IPv4{Src: b.Subscribers[0].Addr, Dst: b.Servers[0].Addr, Proto: proto, Payload: data})
		p := w.await(t, 1)[0]
		if want := b.share(t, 0).Outside; p.Src != want {
			t.Errorf("protocol %d came from %v, want %v", proto, p.Src, want)
		}
		back := watch(t, b.Subscribers[0].NS, protocol(proto))
		send(t, b.Servers[0], netns.IPv4{Src: b.Servers[0].Addr, Dst: p.Src, Proto: proto, Payload: data})
		back.await(t, 1)
	}
	payload[dccp] = dccpRequest(b.Subscribers[0].Addr, b.Servers[0].Addr)
	b.swallowed(t, netns.IPv4{Src: b.Subscribers[0].Addr, Dst: b.Servers[0].Addr, Proto: dccp, Payload: payload[dccp]})
	b.apply(t, setup{ports: roomy}.plan(t))
	for proto, data := range payload {
		b.swallowed(t, netns.IPv4{Src: b.Subscribers[0].Addr, Dst: b.Servers[0].Addr, Proto: proto, Payload: data})
	}
}

// dccpRequest makes a DCCP-Request with its checksum.
func dccpRequest(src, dst netip.Addr) []byte {
	b := make([]byte, 20)
	b[1], b[3] = 200, 201 // ports
	b[4] = 5              // data offset in words
	b[8] = 0<<1 | 1       // request, extended sequence numbers
	sum := transportChecksum(src, dst, 33, b)
	b[6], b[7] = byte(sum>>8), byte(sum)
	return b
}

// noGateway shows that no conntrack helper is at work: none in the rules, none by sysctl, no expectation.
func noGateway(t *testing.T, b *bench) {
	t.Helper()
	if b.path != nil {
		return // there is no conntrack that could have one
	}
	instance, err := nat44.ParseInstance("")
	if err != nil {
		t.Fatal(err)
	}
	if rs, err := nat44.NewRuleset(b.plan, instance); err != nil || strings.Contains(rs.String(), "ct helper") {
		t.Errorf("the ruleset has a helper (error %v)", err)
	}
	// The sysctl that gave helpers to flows by their port is gone since Linux 6.0.
	if v, err := b.CGN.Sysctl("net.netfilter.nf_conntrack_helper"); err == nil && strings.TrimSpace(v) != "0" {
		t.Errorf("nf_conntrack_helper is %q", v)
	}
	if out := netnstest.Run(t, b.CGN, "conntrack", "-L", "expect"); out != "" {
		t.Errorf("conntrack expects flows:\n%s", out)
	}
}

func noUDPGateway(t *testing.T, b *bench) {
	const invite = "INVITE sip:a@b SIP/2.0\r\nContact: <sip:c@100.64.0.1:40000>\r\n\r\nc=IN IP4 100.64.0.1\r\nm=audio 4000 RTP/AVP 0\r\n"
	for _, port := range []uint16{5060, 69, 161, 137} {
		w := watch(t, b.Servers[0].NS, func(p netns.Packet) bool { return p.DstPort == port })
		send(t, b.Subscribers[0], datagram(b.from(0, 40000), netip.AddrPortFrom(b.Servers[0].Addr, port), invite))
		if got := string(body(w.await(t, 1)[0])[8:]); got != invite {
			t.Errorf("port %d got %q", port, got)
		}
	}
	noGateway(t, b)
}

func noTCPGateway(t *testing.T, b *bench) {
	const line = "PORT 100,64,0,1,10,20 PRIVMSG x :\x01DCC SEND f 1681915905 5000\x01\n"
	for _, port := range []uint16{21, 554, 1720, 1723, 5060, 6667} {
		listener, err := b.Servers[0].ListenTCP(netip.AddrPortFrom(b.Servers[0].Addr, port))
		if err != nil {
			t.Fatal(err)
		}
		closeAtEnd(t, listener)
		err = b.Subscribers[0].Do(func() error {
			conn, err := net.Dial("tcp4", listener.Addr().String())
			if err != nil {
				return err
			}
			_, err = io.WriteString(conn, line)
			return errors.Join(err, conn.Close())
		})
		if err != nil {
			t.Fatal(err)
		}
		conn, err := listener.Accept()
		if err != nil {
			t.Fatal(err)
		}
		closeAtEnd(t, conn)
		if got, err := bufio.NewReader(conn).ReadString('\n'); err != nil || got != line {
			t.Errorf("port %d got %q, error %v", port, got, err)
		}
	}
	noGateway(t, b)
}

// sharedSpaceOutside makes a network whose servers are in the shared space too: one with an address that nobody has inside,
// one with that of a subscriber.
func sharedSpaceOutside(xdp *ebpf.Policy) func(*testing.T) *bench {
	return func(t *testing.T) *bench {
		t.Helper()
		b := setup{ports: roomy, xdp: xdp, extra: netns.Options{
			Inside:         []netip.Addr{addr("100.64.0.1")},
			Servers:        []netip.Addr{addr("100.64.0.4"), addr("100.64.0.2")},
			OutsideGateway: netip.MustParsePrefix("100.64.0.6/29"),
		}}.make(t)
		if err := b.CGN.AddRoute(netns.Route{To: netip.PrefixFrom(b.Subscribers[0].Addr, 32), Link: netns.InsideLink}); err != nil {
			t.Fatal(err)
		}
		return b
	}
}

func sharedSpaceOnBothSides(t *testing.T, b *bench) {
	b.owns(t, 0, b.ask(t, 0, "udp", 40000, b.echo(t, 0, "udp", 7000).Addr()))
	w := watch(t, b.Servers[1].NS, protocol(unix.IPPROTO_UDP))
	send(t, b.Subscribers[0], datagram(b.from(0, 40000), netip.AddrPortFrom(b.Servers[1].Addr, 9), "twice"))
	if p := w.await(t, 1)[0]; p.Src != b.Subscribers[0].Addr {
		t.Errorf("the server with a subscriber's address sees %v: the table says that it sees the inside address", p.Src)
	}
}

// nothingLeaks shows that no packet of a subscriber leaves with its inside address. It shows as well that only subscribers are looked
// after.
func nothingLeaks(t *testing.T, b *bench) {
	leaked := noSubscriberLeaks(t, b)
	// An inside address that no pool has is not ours to translate, and not ours to drop.
	stranger := netip.AddrPortFrom(addr("100.64.0.3"), 5000)
	send(t, b.Subscribers[0], datagram(stranger, netip.AddrPortFrom(b.Servers[0].Addr, 80), "stranger"))
	if p := leaked.await(t, 1)[0]; p.Src != stranger.Addr() {
		t.Errorf("%v leaked", p.Src)
	}
}

// noSubscriberLeaks shows that no packet of a subscriber leaves with its inside address: not with the share used up, not of a
// protocol without ports, not when conntrack finds it invalid. It returns who looks for sources of the shared space.
func noSubscriberLeaks(t *testing.T, b *bench) watcher {
	t.Helper()
	shared := netip.MustParsePrefix("100.64.0.0/10")
	leaked := watch(t, b.Servers[0].NS, func(p netns.Packet) bool { return shared.Contains(p.Src) })
	server, _ := fill(t, b)
	b.refused(t, 0, 40004, server)
	me, him := b.Subscribers[0].Addr, b.Servers[0].Addr
	broken := b.query(8, 1, "x")
	broken.Payload[2] ^= 0xff
	web := netip.AddrPortFrom(him, 80)
	for _, p := range []netns.IPv4{
		{Src: me, Dst: him, Proto: unix.IPPROTO_GRE, Payload: make([]byte, 8)},
		{Src: me, Dst: him, Proto: unix.IPPROTO_ESP, Payload: make([]byte, 8)},
		{Src: me, Dst: him, Proto: unix.IPPROTO_SCTP, Payload: make([]byte, 12)},
		{Src: me, Dst: him, Proto: 253, Payload: make([]byte, 8)},
		{Src: me, Dst: him, Proto: unix.IPPROTO_UDP, Payload: []byte{1, 2, 3}},
		{Src: me, Dst: him, Proto: unix.IPPROTO_TCP, Payload: make([]byte, 20)},
		segment{flags: syn | fin}.packet(b.from(0, 1024), web),
		segment{flags: rst | ack, ack: 1}.packet(b.from(0, 1024), web),
		segment{flags: fin | ack, ack: 1}.packet(b.from(0, 1025), web),
		b.query(0, 1, "reply to nothing"), b.query(200, 1, "?"), broken,
		icmpError(me, him, 3, 3, 0, datagram(web, b.from(0, 4444), "never sent").Bytes()),
	} {
		send(t, b.Subscribers[0], p)
	}
	out := watch(t, b.Servers[0].NS, protocol(unix.IPPROTO_ICMP))
	if err := b.Subscribers[0].Ping(netns.Ping{To: him, ID: 1024}); err != nil {
		t.Fatal(err)
	}
	out.await(t, 1)
	leaked.none(t)
	return leaked
}

// ingressIsOpen shows that packets with shared-space sources come in from outside, to subscribers directly, and that the
// reverse path filter is what keeps them out.
func ingressIsOpen(t *testing.T, b *bench) {
	w := watch(t, b.Subscribers[0].NS, protocol(unix.IPPROTO_UDP))
	forge := func(source string) {
		send(t, b.Servers[0], datagram(netip.AddrPortFrom(addr(source), 5000), b.from(0, 5000), "forged"))
	}
	forge("100.64.0.2")
	forge("100.64.0.77")
	w.await(t, 2)
	if err := b.CGN.SetSysctl("net.ipv4.conf."+netns.OutsideLink+".rp_filter", "1"); err != nil {
		t.Fatal(err)
	}
	forge("100.64.0.2")
	forge("100.64.0.77")
	forge(b.Servers[0].Addr.String()) // a true one, behind them
	if p := w.await(t, 3); len(p) != 3 || p[2].Src != b.Servers[0].Addr {
		t.Errorf("%d packets arrived, the third from %v", len(p), p[2].Src)
	}
}
