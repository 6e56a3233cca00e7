package main

import (
	"context"
	"fmt"
	"net/netip"
	"time"

	"github.com/cgnkit/cgnkit/internal/netns"
)

const (
	// demoEndpoints is how many inside endpoints talk to each server: 90 % of a share with both.
	demoEndpoints = demoShare * 45 / 100
	// demoPatience is how long to wait for a packet that may never come.
	demoPatience                                 = 300 * time.Millisecond
	firstEndpoint, secondEndpoint, quietEndpoint = 20000, 30000, 41000
)

// An ability is something that RFCs ask of a CGN beyond the plan, and whether a backend has it.
type ability struct {
	what string
	yes  bool
	seen string // where there is more to say than yes or no
}

func (a ability) String() string {
	switch {
	case a.seen != "":
		return a.seen
	case a.yes:
		return "yes"
	}
	return "no"
}

// abilities tries what RFC 4787 and RFC 6888 ask for. The share is filled last.
func (n *demoNet) abilities(ctx context.Context, servers []*demoServer) (out []ability, err error) {
	for _, try := range []func(context.Context, []*demoServer) (ability, error){n.unsolicited, n.hairpin, n.independent} {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		a, err := try(ctx, servers)
		if err != nil {
			return nil, err
		}
		out = append(out, a)
	}
	return out, nil
}

// ask has a subscriber ask a server by UDP, and returns what the server saw.
func (n *demoNet) ask(subscriber int, port uint16, s *demoServer) (netip.AddrPort, error) {
	who := n.Subscribers[subscriber]
	return who.Ask(netns.Query{Network: "udp", Local: netip.AddrPortFrom(who.Addr, port), Remote: s.echo["udp"].Addr(), Timeout: demoTimeout})
}

// throw sends a datagram and forgets it.
func throw(from *netns.NS, local, to netip.AddrPort) error {
	conn, err := from.ListenUDP(local)
	if err != nil {
		return err
	}
	defer func() { _ = conn.Close() }()
	// Where the host knows no way, or was told so, it says no, and that is an answer.
	_, _ = conn.WriteToUDPAddrPort([]byte("?"), to)
	return nil
}

// unsolicited has a host send to a mapping that has never sent to it (RFC 4787 REQ-8, endpoint-independent filtering).
func (n *demoNet) unsolicited(ctx context.Context, servers []*demoServer) (ability, error) {
	a := ability{what: "a host that was not asked reaches the mapping (EIF)"}
	at, err := n.ask(0, quietEndpoint, servers[0])
	if err != nil {
		return a, err
	}
	stranger := netip.AddrPortFrom(servers[1].Addr, 9)
	seen, err := n.Subscribers[0].Observe(netns.Watch{Match: func(p netns.Packet) bool {
		return p.Src == stranger.Addr() && p.SrcPort == stranger.Port() && p.DstPort == quietEndpoint
	}})
	if err != nil {
		return a, err
	}
	defer func() { _ = seen.Close() }()
	if err := throw(servers[1].NS, stranger, at); err != nil {
		return a, err
	}
	a.yes = arrives(ctx, seen)
	return a, nil
}

// hairpin has a subscriber send to the outside endpoint of the other (RFC 4787 REQ-9, external source address and port).
func (n *demoNet) hairpin(ctx context.Context, servers []*demoServer) (ability, error) {
	a := ability{what: "a neighbour is reached by its outside endpoint (hairpin)"}
	at, err := n.ask(1, quietEndpoint, servers[0])
	if err != nil {
		return a, err
	}
	seen, err := n.Subscribers[1].Observe(netns.Watch{Match: func(p netns.Packet) bool {
		right, err := n.judge(n.Subscribers[0].Addr, netip.AddrPortFrom(p.Src, p.SrcPort))
		return err == nil && right.right && p.DstPort == quietEndpoint
	}})
	if err != nil {
		return a, err
	}
	defer func() { _ = seen.Close() }()
	if err := throw(n.Subscribers[0].NS, netip.AddrPortFrom(n.Subscribers[0].Addr, quietEndpoint), at); err != nil {
		return a, err
	}
	a.yes = arrives(ctx, seen)
	return a, nil
}

// arrives waits for a packet.
func arrives(ctx context.Context, o *netns.Observer) bool {
	ctx, cancel := context.WithTimeout(ctx, demoPatience)
	defer cancel()
	n, err := o.AwaitCount(ctx, 1)
	return err == nil && n > 0
}

// independent fills most of a share, and counts the endpoints that have the same outside port towards both servers (RFC 4787
// REQ-1, endpoint-independent mapping).
func (n *demoNet) independent(ctx context.Context, servers []*demoServer) (ability, error) {
	a := ability{what: "one port towards all servers, share 90 % full (EIM)"}
	for i := range uint16(demoEndpoints) {
		if _, err := n.ask(0, firstEndpoint+i, servers[0]); err != nil || ctx.Err() != nil {
			return a, firstOf(ctx.Err(), err)
		}
	}
	same := 0
	for i := range uint16(demoEndpoints) {
		one, err := n.ask(0, secondEndpoint+i, servers[1])
		if err != nil || ctx.Err() != nil {
			return a, firstOf(ctx.Err(), err)
		}
		other, err := n.ask(0, secondEndpoint+i, servers[0])
		if err != nil {
			return a, err
		}
		if one == other {
			same++
		}
	}
	a.yes, a.seen = same == demoEndpoints, fmt.Sprintf("%d of %d", same, demoEndpoints)
	return a, nil
}

func firstOf(errs ...error) error {
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}
