package main

import (
	"context"
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/cgnkit/cgnkit/internal/testseed"

	"github.com/cgnkit/cgnkit/alloc"
	"github.com/cgnkit/cgnkit/alloc/planfile"
	"github.com/cgnkit/cgnkit/internal/netns"
	"github.com/cgnkit/cgnkit/internal/netnstest"
)

const (
	forwardedPlan = `version: 1
pools: [{name: p, inside: [100.64.0.4/30], outside: [198.18.0.0/31], scheme: sequential, sharing-ratio: 2, ports-per-subscriber: 2000}]
`
	// forwardedShares is that plan as rules.
	forwardedShares = "\tmap m { type ipv4_addr : interval ipv4_addr . inet_service; elements = { 100.64.0.4 : 198.18.0.0 . 1024-3023, " +
		"100.64.0.5 : 198.18.0.0 . 3024-5023, 100.64.0.6 : 198.18.0.1 . 1024-3023, 100.64.0.7 : 198.18.0.1 . 3024-5023 }; }\n" +
		"\tchain post { type nat hook postrouting priority srcnat; meta l4proto { icmp, tcp, udp } snat ip to ip saddr map @m; }\n"
	// forwardPrograms is how many random programs are compared; the kernel is asked about those that are equal to the plan.
	forwardPrograms = 1500
)

// forwardedTo is where packets are sent to: both ends of shares, between them, and beyond.
var forwardedTo = []uint16{7, 80, 1023, 1024, 1500, 3023, 3024, 4000, 5023, 5024, 40000}

// TestForwardsBeforeTheKernel compares rules of nftables that share addresses as a plan says, and forward what comes in at random. Where
// equal says that they are as the plan, the rules are loaded: of what servers send to the outside addresses, nothing that is for the share
// of one subscriber may come to another.
func TestForwardsBeforeTheKernel(t *testing.T) {
	b := newForwardJudge(t)
	seed := testseed.New(t)
	rng := rand.New(rand.NewPCG(seed, 11))
	equal, forwarded, robbing := 0, 0, 0
	for n := range forwardPrograms {
		text := randomForwards(rng)
		code, _ := runCommand(t, "equal", saveText(t, b.dir, "rules", text), b.path, "--from-a", "nftables")
		if code != exitOK && n%10 != 0 { // of those that differ a few, so that the test is seen to have something to find
			continue
		}
		loadRules(t, b.CGN, b.dir, text)
		seen := b.send(uint16(n))
		robbed := b.robbed(seen)
		if code != exitOK {
			if robbed != "" {
				robbing++
			}
			continue
		}
		if equal, forwarded = equal+1, forwarded+len(seen); robbed != "" {
			t.Fatalf("equal to the plan, but %s\n%s", robbed, text)
		}
	}
	t.Logf("%d programs, %d of them equal to the plan, which forwarded %d packets; others robbed a subscriber %d times", forwardPrograms, equal, forwarded, robbing)
	if equal < forwardPrograms/50 || forwarded < equal/4 || robbing < forwardPrograms/200 {
		t.Error("that is too few: the test shows nothing")
	}
}

// A forwardJudge is a box with subscribers, who all are one host, and a server.
type forwardJudge struct {
	*testing.T
	*netns.Topology
	sightings[netip.AddrPort, netip.Addr] // for where packets were, and where they came to

	dir, path string
	plan      *alloc.Plan
	observer  *netns.Observer
	sentinels int
}

// sentinelTo is where a packet goes that comes after the others. No rule touches it: its connection was there before.
var sentinelTo = netip.MustParseAddr("100.64.0.200")

func newForwardJudge(t *testing.T) *forwardJudge {
	t.Helper()
	netnstest.Root(t)
	b := &forwardJudge{T: t, dir: t.TempDir()}
	b.Topology = netnstest.NewTopology(t, netns.Options{Inside: []netip.Addr{sentinelTo}, Servers: judgedServers[:1], InsideRoutes: true, Outside: []netip.Prefix{netip.MustParsePrefix("198.18.0.0/24")}})
	f, err := planfile.Parse("plan", []byte(forwardedPlan), planfile.Options{})
	if err != nil {
		t.Fatal(err)
	}
	b.plan, b.path = f.Plan, saveText(t, b.dir, "plan.yaml", forwardedPlan)
	for s := range byte(4) {
		a := netip.AddrFrom4([4]byte{100, 64, 0, 4 + s})
		if err := b.Subscribers[0].AddAddr(netns.HostLink, netip.PrefixFrom(a, 32)); err != nil {
			t.Fatal(err)
		}
	}
	b.observer = observe(t, b.Subscribers[0], b.arrived)
	trackConnections(t, b.CGN, b.dir)
	b.awaitSentinel()
	return b
}

// arrived notes for where a packet was and where it came to, and reports whether it is a sentinel.
func (b *forwardJudge) arrived(p netns.Packet) bool {
	if p.Proto != 17 || len(p.Raw) < 36 {
		return false
	}
	if p.Dst == sentinelTo {
		return true
	}
	b.note(netip.AddrPortFrom(netip.AddrFrom4([4]byte(p.Raw[28:32])), binary.BigEndian.Uint16(p.Raw[32:])), p.Dst)
	return false
}

// send sends packets to the outside addresses, and returns where those came to that arrived. Each is the first of a connection.
func (b *forwardJudge) send(program uint16) map[netip.AddrPort]netip.Addr {
	b.Helper()
	var packets [][]byte
	for last := range byte(2) {
		for _, port := range forwardedTo {
			packets = append(packets, forwardedPacket(judgedServers[0], netip.AddrPortFrom(netip.AddrFrom4([4]byte{198, 18, 0, last}), port), program))
		}
	}
	return b.of(func() {
		sendAll(b.T, b.Servers[0], packets...)
		b.awaitSentinel()
	})
}

// awaitSentinel waits until a sentinel has arrived that was sent now, and with it all that was sent before. The first one of all may be lost, while
// neighbours look for each other.
func (b *forwardJudge) awaitSentinel() {
	b.Helper()
	packet := forwardedPacket(judgedServers[0], netip.AddrPortFrom(sentinelTo, 9), sentinel-10000)
	for range 20 {
		sendAll(b.T, b.Servers[0], packet)
		ctx, cancel := context.WithTimeout(b.Context(), time.Second)
		n, err := b.observer.AwaitCount(ctx, b.sentinels+1)
		cancel()
		if b.sentinels = n; err == nil {
			return
		}
	}
	b.Fatal("no sentinel arrives")
}

// forwardedPacket returns a packet that says for where it is.
func forwardedPacket(from netip.Addr, to netip.AddrPort, program uint16) []byte {
	addr := to.Addr().As4()
	return judgedPacket(program, from, to, append(addr[:], byte(to.Port()>>8), byte(to.Port()), 0, 0)...)
}

// robbed says of a packet that is for one subscriber's share and came to another; "" where there is none.
func (b *forwardJudge) robbed(seen map[netip.AddrPort]netip.Addr) string {
	for at, to := range seen {
		a, ok := b.plan.Trace(at.Addr(), at.Port()).Allocation()
		if ok && a.Subscriber().Addr() != to {
			return fmt.Sprintf("what is sent to %v comes to %v, and the plan says %v", at, to, a.Subscriber())
		}
	}
	return ""
}

// randomForwards returns rules that share addresses as the plan says, and forward what comes in.
func randomForwards(rng *rand.Rand) string {
	one := func(list ...string) string { return list[rng.IntN(len(list))] }
	rule := func(to ...string) string {
		match := one("", "iifname \"outside\" ", "iifname \"inside\" ", "ip saddr 203.0.113.0/24 ", "ip saddr 198.18.0.0/31 ") +
			one("", "ip daddr 198.18.0.0 ", "ip daddr 198.18.0.1 ", "ip daddr 198.18.0.0/31 ", "ip daddr { 198.18.0.1, 198.18.9.9 } ", "ip daddr != 198.18.0.0 ", "fib daddr type unicast ")
		ports := one("udp dport 80 ", "udp dport 80 ", "udp dport 1500 ", "udp dport 1500 ", "udp dport 1024-3023 ", "udp dport 4000 ", "udp dport { 7, 4000 } ", "udp dport 3024-5023 ",
			"tcp dport 1500 ", "meta l4proto udp udp dport 5024 ", "udp dport 0-1023 ", "udp dport 5024-65535 ", "udp dport != 1024-65535 ")
		switch rng.IntN(10) {
		case 0:
			return match + ports + one("accept", "return", "drop")
		case 1:
			return match + one(append(to, "accept", "return")...)
		case 2:
			return match + "udp dport vmap { 80 : " + one(append(to, "accept")...) + ", 1500 : " + one("return", to[0]) + " }"
		case 3:
			return match + "dnat to udp dport map { 80 : 100.64.0.5, 1500 : 100.64.0." + one("4", "6") + " }"
		}
		return match + ports + "dnat to 100.64.0." + one("4", "5", "6", "7") + one("", "", ":8080")
	}
	var s strings.Builder
	s.WriteString("table ip n {\n" + forwardedShares)
	chain := func(name, head string, most int, to ...string) {
		s.WriteString("\tchain " + name + " {\n" + head)
		for range 1 + rng.IntN(most) {
			s.WriteString("\t\t" + rule(to...) + "\n")
		}
		s.WriteString("\t}\n")
	}
	chain("b", "", 2, "return")
	chain("a", "", 2, "jump b", "goto b")
	chain("pre", "\t\ttype nat hook prerouting priority "+one("dstnat", "-100", "dstnat + 5")+";\n", 3, "jump a", "goto a", "jump b")
	s.WriteString("}\n")
	return s.String()
}
