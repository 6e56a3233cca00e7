package main

import (
	"context"
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"net/netip"
	"slices"
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
	// judgedPlan is what random rules are compared with. Half of the shares lie on each address.
	judgedPlan = `version: 1
pools: [{name: p, inside: [100.64.0.0/30], outside: [198.18.0.0/31], scheme: sequential, sharing-ratio: 2, ports-per-subscriber: 2000}]
`
	// exemptPlan does not translate packets to the second server.
	exemptPlan = "no-translate: [203.0.113.53]\n" + judgedPlan
	// judgedPrograms is how many random programs are compared; the kernel is asked about those that are equal to a plan.
	judgedPrograms = 1200
)

// TestEqualBeforeTheKernel compares random rules of nftables with two plans. Where equal says that they are the same, the rules are
// loaded, and a packet of every subscriber to each of two servers must leave as the plan says. The kernel is also asked about what
// it lists itself, which is a text of its own.
func TestEqualBeforeTheKernel(t *testing.T) {
	b := newJudge(t)
	seed := testseed.New(t)
	rng := rand.New(rand.NewPCG(seed, 7))
	equal := 0
	for n := range judgedPrograms {
		text := randomProgram(rng)
		said := b.equalTo(text, "nftables")
		if len(said) == 0 {
			continue
		}
		equal++
		b.load(text)
		seen := b.send(uint16(n))
		b.judge(text, said, seen)
		if equal%4 == 0 {
			listed, asJSON := netnstest.Run(t, b.CGN, "nft", "list", "ruleset"), netnstest.Run(t, b.CGN, "nft", "-j", "list", "ruleset")
			said = b.equalTo(listed, "nftables")
			b.judge(listed, said, seen)
			if as := b.equalTo(asJSON, "nftables"); !slices.Equal(as, said) {
				t.Errorf("equal to %v as text, and to %v as JSON\n%s\n%s", said, as, listed, asJSON)
			}
		}
		if t.Failed() {
			return
		}
	}
	t.Logf("%d programs, %d of them equal to a plan", judgedPrograms, equal)
	if equal < judgedPrograms/50 {
		t.Errorf("only %d of %d programs were equal to a plan: the test shows nothing", equal, judgedPrograms)
	}
}

// TestOurRulesBeforeTheKernel sends packets through what render writes: the judge of the other test must find it right.
func TestOurRulesBeforeTheKernel(t *testing.T) {
	b := newJudge(t)
	for n, name := range []string{"plan", "exempt"} {
		code, text := runCommand(t, "render", "nftables", "-c", b.paths[name])
		if code != exitOK {
			t.Fatalf("%s: exit code %d", name, code)
		}
		b.load("table ip n\n" + text)
		listed := netnstest.Run(t, b.CGN, "nft", "list", "ruleset")
		seen := b.send(uint16(n))
		for _, text := range []string{text, listed} {
			if said := b.equalTo(text, "nftables"); len(said) != 1 || said[0] != name {
				t.Errorf("%s: equal to %v\n%s", name, said, text)
			}
			b.judge(text, []string{name}, seen)
		}
		netnstest.Run(t, b.CGN, "nft", "delete", "table", "ip", "cgn")
	}
}

// TestEqualSleepingTables lists rules that are a plan's, in a table that is dormant: the kernel translates nobody, and neither listing is equal to a plan.
func TestEqualSleepingTables(t *testing.T) {
	b := newJudge(t)
	code, text := runCommand(t, "render", "nftables", "-c", b.paths["plan"])
	if code != exitOK {
		t.Fatalf("exit code %d", code)
	}
	b.load("table ip n\n" + text)
	for n, c := range []struct {
		then  string
		equal bool
	}{{"", true}, {"add table ip cgn { flags dormant; }", false}, {"add table ip cgn", true}} {
		if c.then != "" {
			netnstest.Run(t, b.CGN, "nft", c.then)
		}
		seen := b.send(uint16(n))
		for id, from := range seen {
			if inside := netip.AddrFrom4([4]byte{100, 64, 0, id.subscriber}); (from.Addr() != inside) != c.equal {
				t.Errorf("%q: the kernel sends %v from %v", c.then, inside, from)
			}
		}
		asText, asJSON := netnstest.Run(t, b.CGN, "nft", "list", "ruleset"), netnstest.Run(t, b.CGN, "nft", "-j", "list", "ruleset")
		for _, listed := range []string{asText, asJSON} {
			if said := b.equalTo(listed, "nftables"); (len(said) > 0) != c.equal {
				t.Errorf("%q: equal to %v\n%s", c.then, said, listed)
			}
		}
	}
}

// A judge is a box with subscribers and servers, and two plans.
type judge struct {
	*testing.T
	*netns.Topology
	sightings[packetID, netip.AddrPort] // from where packets came

	dir       string
	plans     map[string]*alloc.Plan
	paths     map[string]string
	observers []*netns.Observer
	sentinels int
}

// A packetID says which packet arrived.
type packetID struct {
	program          uint16
	subscriber, dest byte
}

func newJudge(t *testing.T) *judge {
	t.Helper()
	netnstest.Root(t)
	b := &judge{T: t, dir: t.TempDir(), plans: map[string]*alloc.Plan{}, paths: map[string]string{}}
	b.Topology = netnstest.NewTopology(t, netns.Options{Inside: []netip.Addr{netip.MustParseAddr("100.64.0.200")}, Servers: judgedServers})
	for name, text := range map[string]string{"plan": judgedPlan, "exempt": exemptPlan} {
		f, err := planfile.Parse(name, []byte(text), planfile.Options{})
		if err != nil {
			t.Fatal(err)
		}
		b.plans[name], b.paths[name] = f.Plan, saveText(t, b.dir, name+".yaml", text)
	}
	for _, s := range b.Servers {
		b.observers = append(b.observers, observe(t, s, b.arrived))
	}
	trackConnections(t, b.CGN, b.dir)
	b.send(sentinel - 1)
	return b
}

// load replaces the rules in the kernel.
func (b *judge) load(text string) {
	b.Helper()
	loadRules(b.T, b.CGN, b.dir, text)
}

// equalTo returns the plans that equal says rules are the same as.
func (b *judge) equalTo(text, format string) (names []string) {
	b.Helper()
	path := saveText(b.T, b.dir, "rules", text)
	for _, name := range []string{"plan", "exempt"} {
		if code, _ := runCommand(b.T, "equal", path, b.paths[name], "--from-a", format); code == exitOK {
			names = append(names, name)
		}
	}
	return names
}

// arrived notes a packet, and reports whether it is a sentinel.
func (b *judge) arrived(p netns.Packet) bool {
	if p.Proto != 17 || len(p.Raw) < 32 {
		return false
	}
	id := packetID{binary.BigEndian.Uint16(p.Raw[28:]), p.Raw[30], p.Raw[31]}
	if id.program == sentinel {
		return true
	}
	b.note(id, netip.AddrPortFrom(p.Src, p.SrcPort))
	return false
}

// send sends a packet of each subscriber to each server, and returns from where those came that arrived.
func (b *judge) send(program uint16) map[packetID]netip.AddrPort {
	b.Helper()
	var packets [][]byte
	for subscriber := range byte(4) {
		for dest, to := range judgedServers {
			packets = append(packets, packetID{program, subscriber, byte(dest)}.packet(netip.AddrFrom4([4]byte{100, 64, 0, subscriber}), to))
		}
	}
	for dest, to := range judgedServers {
		packets = append(packets, packetID{sentinel, 0, byte(dest)}.packet(b.Subscribers[0].Addr, to))
	}
	return b.of(func() {
		sendAll(b.T, b.Subscribers[0], packets...)
		b.sentinels++
		ctx, cancel := context.WithTimeout(b.Context(), 10*time.Second)
		defer cancel()
		for _, o := range b.observers {
			if _, err := o.AwaitCount(ctx, b.sentinels); err != nil {
				b.Fatal(err)
			}
		}
	})
}

// packet returns a packet that says which it is.
func (id packetID) packet(from, to netip.Addr) []byte {
	return judgedPacket(id.program, from, netip.AddrPortFrom(to, 7), byte(id.program>>8), byte(id.program), id.subscriber, id.dest)
}

// judge compares what arrived with plans.
func (b *judge) judge(text string, plans []string, seen map[packetID]netip.AddrPort) {
	b.Helper()
	for _, name := range plans {
		for subscriber := range byte(4) {
			for dest := range judgedServers {
				b.judgePacket(text, name, packetID{0, subscriber, byte(dest)}, seen)
			}
		}
	}
}

func (b *judge) judgePacket(text, name string, id packetID, seen map[packetID]netip.AddrPort) {
	b.Helper()
	var got netip.AddrPort
	var sent uint16
	for one, from := range seen {
		if one.subscriber == id.subscriber && one.dest == id.dest {
			got, sent = from, judgedPort(one.program)
		}
	}
	inside := netip.AddrFrom4([4]byte{100, 64, 0, id.subscriber})
	want := netip.AddrPortFrom(inside, sent).String()
	right := got.IsValid() && got.String() == want
	if name == "plan" || id.dest == 0 {
		share, err := b.plans[name].Lookup(alloc.SubscriberFrom("", inside))
		if err != nil {
			b.Fatal(err)
		}
		want = fmt.Sprintf("%v %v", share.Outside(), share.Ports())
		right = got.IsValid() && got.Addr() == share.Outside() && share.Ports().Contains(got.Port())
	}
	if !right {
		b.Errorf("equal to %s, and the kernel sends %v to %v from %v, not from %s\n%s", name, inside, judgedServers[id.dest], got, want, text)
	}
}

// randomProgram returns rules that may do what a plan says.
func randomProgram(rng *rand.Rand) string {
	one := func(list ...string) string { return list[rng.IntN(len(list))] }
	var s strings.Builder
	s.WriteString("table ip n {\n\tmap m { type ipv4_addr : interval ipv4_addr . inet_service; elements = { 100.64.0.0 : 198.18.0.0 . 1024-3023, " +
		"100.64.0.1 : 198.18.0.0 . 3024-5023, 100.64.0.2 : 198.18.0.1 . 1024-3023, 100.64.0.3 : 198.18.0.1 . 3024-5023 }; }\n" +
		"\tset pairs { type ipv4_addr . ipv4_addr; flags interval; elements = { 100.64.0.0/30 . 203.0.113.53 }; }\n\tset protos { type inet_proto; elements = { udp, tcp, icmp }; }\n" +
		"\tset none { type ipv4_addr; }\n\tset exempt { type ipv4_addr; elements = { 203.0.113.53 }; }\n\tset some { type ipv4_addr; elements = { 100.64.0.1, 100.64.0.2 }; }\n")
	rule := func(to ...string) string {
		match := one("", "", "ip daddr 203.0.113.53 ", "ip daddr 203.0.113.53 ", "ip daddr @exempt ", "ip daddr != @exempt ", "ip daddr @none ", "ip daddr 203.0.113.0/24 ",
			"ip daddr & 255.255.255.255 == 203.0.113.53 ", "ip saddr . ip daddr @pairs ", "ip daddr . ip saddr { 203.0.113.53 . 100.64.0.0/24 } ", "meta l4proto @protos ", "fib daddr type local ", "fib daddr type unicast ",
			"oifname \"outside\" ", "oifname \"nowhere\" ", "oifname != \"outside\" ", "udp dport 7 ", "udp dport 8 ") + one("", "", "", "", "", "ip saddr 100.64.0.1 ", "ip saddr @some ", "ip saddr 100.64.0.0/24 ", "ip daddr @exempt ", "ip saddr 10.0.0.0/8 ", "ip saddr & 255.255.255.253 == 100.64.0.0 ", "ip saddr & 255.255.255.252 == 100.64.0.0 ")
		const share = "meta l4proto { icmp, tcp, udp } snat ip to ip saddr map @m"
		switch n := rng.IntN(20); {
		case n < 7:
			return match + share
		case n < 9 && strings.TrimSpace(match) == "":
			return share
		case n < 15:
			return match + one(append(to, "return", "accept", "return")...)
		case n < 16:
			return match + "drop"
		case n < 17:
			return match + "meta l4proto { tcp, udp } masquerade"
		case n < 18 && rng.IntN(2) == 0:
			return match + "ip daddr vmap { 203.0.113.53 : " + one("accept", "return", "drop", "continue", to[0]) + " }"
		case n < 18:
			return match + "ip saddr vmap { 100.64.0.1 : " + one("accept", "return", "drop", "continue") + " }"
		case n < 19:
			return match + "meta l4proto { tcp, udp } ip saddr 100.64.0.3 snat to 198.18.9.9:7000-7999"
		}
		return match + "counter"
	}
	chain := func(name, head string, most int, to ...string) {
		s.WriteString("\tchain " + name + " {\n" + head)
		for range 1 + rng.IntN(most) {
			s.WriteString("\t\t" + rule(to...) + "\n")
		}
		s.WriteString("\t}\n")
	}
	base := func(name string) {
		policy := one("", "", "", " policy accept;", " policy drop;")
		chain(name, "\t\ttype nat hook postrouting priority "+one("srcnat", "100", "srcnat", "srcnat - 10", "filter", "mangle + 10", "security - 10")+";"+policy+"\n", 4,
			"jump a", "jump a", "jump b", "goto a", "goto b")
	}
	chain("b", "", 3, "return")
	chain("a", "", 3, "jump b", "goto b")
	base("p")
	if rng.IntN(3) == 0 {
		base("q")
	}
	if rng.IntN(25) == 0 {
		s.WriteString("\tchain raw {\n\t\ttype filter hook prerouting priority -300;\n\t\tip saddr " + one("100.64.0.1", "10.0.0.1") + " notrack\n\t}\n")
	}
	s.WriteString("}\n")
	return s.String()
}
