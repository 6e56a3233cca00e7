//go:build linux

package ebpf

import (
	"bytes"
	"context"
	"fmt"
	"maps"
	"net"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/cgnkit/cgnkit/alloc"
	"github.com/cgnkit/cgnkit/internal/netns"
	"github.com/cgnkit/cgnkit/internal/netnstest"
)

// crowdPool has shares of 100 ports.
var crowdPool = alloc.PoolSpec{Name: "crowd", Inside: spans("100.64.0.0/28"), Outside: spans("192.0.2.0/32"), PortsPerSubscriber: 100}

// A crowd is a site with one host that floods and others that must not notice: each of those sends a TCP transfer, and asks by UDP
// and ICMP, once after the other, all the while.
type crowd struct {
	*site
	others    []netns.Host
	transfers []*netns.Transfer
	flows     []*netns.Flow
	had       map[string]string // mappings of the others
	leaked    []*netns.Observer
}

// newCrowd makes a crowd. Subscriber 0 is none of the others. Whatever is for no server, server 1 gets and throws away.
func newCrowd(t *testing.T, p Policy) *crowd {
	t.Helper()
	s := &site{TB: t, Topology: netnstest.NewTopology(t, netns.Options{
		Inside: []netip.Addr{ad("100.64.0.1"), ad("100.64.0.2"), ad("100.64.0.3")}, Switches: true,
	})}
	netnstest.Run(t, s.CGN, "ip", "route", "add", "default", "via", s.Servers[1].Addr.String())
	warm(t, s.Topology)
	s.d = attach(t, s.Topology, Config{Plan: mustPlan(t, crowdPool), Policy: p})
	c := &crowd{site: s, others: s.Subscribers[1:]}
	inside := netip.MustParsePrefix("100.64.0.0/10")
	for _, h := range s.Servers {
		o, err := h.Observe(netns.Watch{Match: func(p netns.Packet) bool { return inside.Contains(p.Src) }})
		if err != nil {
			t.Fatal(err)
		}
		c.leaked = append(c.leaked, o)
	}
	c.begin()
	return c
}

// begin has the others begin.
func (c *crowd) begin() {
	c.Helper()
	sink, err := c.Servers[0].ListenSink(netip.AddrPortFrom(c.Servers[0].Addr, 9))
	if err != nil {
		c.Fatal(err)
	}
	echo := c.echo()
	ctx, cancel := context.WithTimeout(c.Context(), 20*time.Minute)
	c.Cleanup(cancel)
	for i, h := range c.others {
		transfer, err := h.StartTransfer(ctx, netns.Stream{Remote: sink.Addr(), Bytes: 1 << 40, Rate: 2 << 20})
		if err != nil {
			c.Fatal(err)
		}
		f, _ := c.flow(1+i, echo.Addr())
		c.transfers, c.flows = append(c.transfers, transfer), append(c.flows, f)
	}
	c.exchange()
	c.had = c.mappingsOfOthers()
}

// exchange has everybody but the flooder ask once by UDP and once by ICMP; every answer must come.
func (c *crowd) exchange() {
	c.Helper()
	for i, h := range c.others {
		if _, err := c.flows[i].Ask(); err != nil {
			c.Fatalf("during the flood: %v", err)
		}
		if err := h.Ping(netns.Ping{To: c.Servers[0].Addr, ID: 7}); err != nil {
			c.Fatalf("during the flood: %v", err)
		}
	}
}

func (c *crowd) mappingsOfOthers() map[string]string {
	c.Helper()
	out := c.ports()
	maps.DeleteFunc(out, func(inside, _ string) bool { return strings.Contains(inside, c.Subscribers[0].Addr.String()) })
	return out
}

// during calls a flood, and has the others do what they do until it ends, at least 30 times.
func (c *crowd) during(flood func() error, exchange func()) {
	c.Helper()
	ended := make(chan error, 1)
	go func() { ended <- flood() }()
	for n := 0; n < 30 || len(ended) == 0; n++ {
		exchange()
	}
	if err := <-ended; err != nil {
		c.Fatal(err)
	}
}

// burst is how many packets of a flood are on their way at once. A veth holds 256: with more of them packets of the others would
// get lost on the cable that they share, before there is a CGN.
const burst = 100

// flood sends packets as fast as the cable carries them.
func flood(from netns.Host, gateway string, count int, packet func(i int) []byte) error {
	for sent := 0; sent < count; sent += burst {
		if err := from.SendAll(min(burst, count-sent), func(i int) []byte { return packet(sent + i) }); err != nil {
			return err
		}
		// The answer comes when what was sent before has left the cable.
		if err := from.Ping(netns.Ping{To: ad(gateway), ID: uint16(sent)}); err != nil {
			return fmt.Errorf("the end of a burst: %w", err)
		}
	}
	return nil
}

// isUnharmed ends the transfers, and fails the test unless they arrived whole, all mappings of the others are what they were,
// nothing has left untranslated, and the kernel equals the plan.
func (c *crowd) isUnharmed() {
	c.Helper()
	for i, transfer := range c.transfers {
		if err := transfer.Finish(); err != nil {
			c.Errorf("transfer of %v: %v", c.others[i].Addr, err)
		}
	}
	if now := c.mappingsOfOthers(); !maps.Equal(now, c.had) {
		c.Errorf("mappings of the others are %v and were %v", now, c.had)
	}
	for _, o := range c.leaked {
		if n, err := o.Count(); n > 0 || err != nil {
			c.Errorf("%d packets left with an inside address (error %v)", n, err)
		}
	}
	c.isWhole(c.d.Plan())
}

// counts returns the counters by name.
func (s *site) counts() map[string]uint64 {
	s.Helper()
	all, err := s.d.Counters()
	if err != nil {
		s.Fatal(err)
	}
	out := make(map[string]uint64)
	for _, n := range all {
		out[n.Verdict.String()] = n.Packets
	}
	return out
}

// drops returns what has been dropped since, by reason.
func (c *crowd) drops(since map[string]uint64) map[string]uint64 {
	c.Helper()
	now := c.counts()
	maps.DeleteFunc(now, func(name string, n uint64) bool { return !strings.HasPrefix(name, "drop-") || n == since[name] })
	for name := range now {
		now[name] -= since[name]
	}
	return now
}

// largeExchange returns an exchange of datagrams that do not fit into one packet, in either direction.
func (c *crowd) largeExchange() func() {
	c.Helper()
	var conns []*net.UDPConn
	for _, h := range c.others {
		conn, err := h.ListenUDP(netip.AddrPortFrom(h.Addr, 6000))
		if err != nil {
			c.Fatal(err)
		}
		c.Cleanup(func() { _ = conn.Close() })
		conns = append(conns, conn)
	}
	to, n := netip.AddrPortFrom(c.Servers[0].Addr, echoPort), byte(0)
	return func() {
		c.Helper()
		for i, conn := range conns {
			n++
			asked := slices.Concat(bytes.Repeat([]byte{n}, 3000), []byte(c.others[i].Addr.String()))
			if err := exchangeOnce(conn, to, asked); err != nil {
				c.Fatalf("%v, %d octets, during the flood: %v", c.others[i].Addr, len(asked), err)
			}
		}
	}
}

// exchangeOnce sends a datagram to an echo server and waits for the answer.
func exchangeOnce(conn *net.UDPConn, to netip.AddrPort, asked []byte) error {
	if err := conn.SetDeadline(time.Now().Add(2 * time.Second)); err != nil {
		return err
	}
	if _, err := conn.WriteToUDPAddrPort(asked, to); err != nil {
		return err
	}
	answer := make([]byte, 65536)
	got, err := conn.Read(answer)
	if err == nil && !bytes.HasPrefix(answer[:got], append(asked, ' ')) {
		err = fmt.Errorf("the answer is another one, %d octets", got)
	}
	return err
}
