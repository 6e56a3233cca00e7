package main

import (
	"context"
	"fmt"
	"net/netip"
	"time"

	"github.com/cgnkit/cgnkit/internal/netns"
)

const (
	// demoPort is where every subscriber talks from: a port in nobody's share, so that it must be translated.
	demoPort = 40000
	// demoTimeout bounds the wait for an answer that takes microseconds, and more on a machine that is busy.
	demoTimeout = 3 * time.Second
	// protoGRE stands for everything without ports, which cannot be translated to a shared address.
	protoGRE = 47
)

// A demoFlow is a question of a subscriber to a server.
type demoFlow struct {
	subscriber, server netip.Addr
	proto              string
	seen               netip.AddrPort // by the server; invalid: nothing
	judgement
}

// send asks every server from every subscriber. A question without an answer is a wrong row, not an error.
func (n *demoNet) send(ctx context.Context) error {
	servers, err := serveAll(n.Topology)
	if err != nil {
		return err
	}
	w, err := watchLeaks(n.Topology)
	if err != nil {
		return err
	}
	return n.sendTo(ctx, servers, w)
}

// sendTo asks servers that are there.
func (n *demoNet) sendTo(ctx context.Context, servers []*demoServer, w *leakWatch) (err error) {
	for _, subscriber := range n.Subscribers {
		for _, proto := range []string{"tcp", "udp", "icmp"} {
			for _, server := range servers {
				if err := n.sendOne(ctx, subscriber, server, proto); err != nil {
					return err
				}
			}
		}
	}
	n.leaks, err = w.count(ctx)
	return err
}

func (n *demoNet) sendOne(ctx context.Context, subscriber netns.Host, server *demoServer, proto string) error {
	seen, err := server.hear(ctx, subscriber, proto)
	if ctx.Err() != nil {
		return ctx.Err()
	}
	if err != nil {
		n.e.warn([]string{err.Error()})
	}
	a, err := n.judge(subscriber.Addr, seen)
	n.flows = append(n.flows, demoFlow{subscriber.Addr, server.Addr, proto, seen, a})
	return err
}

// A demoServer remembers who asks it.
type demoServer struct {
	netns.Host
	echo  map[string]*netns.Echo
	pings *netns.PingWatch
	asked uint16 // by ping
}

func serveAll(t *netns.Topology) (servers []*demoServer, err error) {
	for _, host := range t.Servers {
		s, err := serve(host)
		if err != nil {
			return nil, err
		}
		servers = append(servers, s)
	}
	return servers, nil
}

func serve(host netns.Host) (s *demoServer, err error) {
	s = &demoServer{Host: host, echo: map[string]*netns.Echo{}}
	for _, network := range []string{"tcp", "udp"} {
		if s.echo[network], err = host.ListenEcho(network, netip.AddrPortFrom(host.Addr, 7)); err != nil {
			return nil, err
		}
	}
	s.pings, err = host.WatchPings()
	return s, err
}

// hear has the subscriber ask the server and returns the source endpoint that the server saw. The identifier of a ping counts
// as port.
func (s *demoServer) hear(ctx context.Context, subscriber netns.Host, proto string) (netip.AddrPort, error) {
	if proto != "icmp" {
		local := netip.AddrPortFrom(subscriber.Addr, demoPort)
		return subscriber.Ask(netns.Query{Network: proto, Local: local, Remote: s.echo[proto].Addr(), Timeout: demoTimeout})
	}
	s.asked++
	if err := subscriber.Ping(netns.Ping{To: s.Addr, ID: demoPort, Seq: s.asked, Timeout: demoTimeout}); err != nil {
		return netip.AddrPort{}, fmt.Errorf("icmp %v: %w", subscriber.Addr, err)
	}
	ctx, cancel := context.WithTimeout(ctx, demoTimeout)
	defer cancel()
	for n := 1; ; {
		seen, err := s.pings.AwaitSeen(ctx, n)
		if err != nil {
			return netip.AddrPort{}, fmt.Errorf("icmp %v: what %v saw: %w", subscriber.Addr, s.Addr, err)
		}
		for _, p := range seen[n-1:] {
			if p.Seq == s.asked {
				return netip.AddrPortFrom(p.Source, p.ID), nil
			}
		}
		n = len(seen) + 1
	}
}

// A leakWatch finds packets that reach a server untranslated.
type leakWatch struct {
	entered func(ctx context.Context, n int) error // waits until so many of them are at the CGN
	arrived []*netns.Observer
	sent    int
}

// watchLeaks also has each subscriber send a packet that cannot be translated, so that there is something to find. It comes
// before all other traffic: once that is through, this would be.
func watchLeaks(t *netns.Topology) (*leakWatch, error) {
	entered, err := t.CGN.Observe(netns.Watch{Link: netns.InsideLink, Match: isGRE})
	if err != nil {
		return nil, err
	}
	return watchLeaksWith(t, func(ctx context.Context, n int) error {
		_, err := entered.AwaitCount(ctx, n)
		return err
	})
}

func isGRE(p netns.Packet) bool { return p.Proto == protoGRE }

// watchLeaksWith is for a CGN where somebody else knows what has entered.
func watchLeaksWith(t *netns.Topology, entered func(context.Context, int) error) (*leakWatch, error) {
	inside := netip.MustParsePrefix(demoInside)
	w := &leakWatch{entered: entered}
	for _, s := range t.Servers {
		o, err := s.Observe(netns.Watch{Match: func(p netns.Packet) bool { return isGRE(p) || inside.Contains(p.Src) }})
		if err != nil {
			return nil, err
		}
		w.arrived = append(w.arrived, o)
	}
	for i, s := range t.Subscribers {
		// A GRE header that announces IPv4, with nothing behind it.
		packet := netns.IPv4{Src: s.Addr, Dst: t.Servers[i%len(t.Servers)].Addr, Proto: protoGRE, Payload: []byte{0, 0, 8, 0}}
		if err := s.SendIPv4(packet.Bytes()); err != nil {
			return nil, err
		}
		w.sent++
	}
	return w, nil
}

func (w *leakWatch) count(ctx context.Context) (leaks int, err error) {
	ctx, cancel := context.WithTimeout(ctx, demoTimeout)
	defer cancel()
	if err := w.entered(ctx, w.sent); err != nil {
		return 0, fmt.Errorf("GRE of the subscribers has not reached the CGN: %w", err)
	}
	for _, o := range w.arrived {
		n, err := o.Count()
		if err != nil {
			return 0, err
		}
		leaks += n
	}
	return leaks, nil
}
