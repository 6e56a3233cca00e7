//go:build linux

package nat44

import (
	"net/netip"
	"testing"

	"pgregory.net/rapid"
)

// flowPlans are a ruleset and the one before it, as they stand when the first has just come into force. 100.64.0.0 to 100.64.0.7 are
// on 192.0.2.1, 8,064 ports each from 1024 on; 100.64.1.0, 100.64.1.1 and 100.64.3.1 have an address each.
func flowPlans(testing.TB) map[string]*staleness {
	rs := must(NewRuleset(planBut("203.0.113.0/24, 198.51.100.53 udp/53, 198.51.100.54 tcp/8000-8080, 0.0.0.0/0 udp/5060, 0.0.0.0/0 tcp/25",
		pool("homes", "100.64.0.0/28", "192.0.2.1 192.0.2.2", ratio(8)),
		pool("business", "100.64.1.0/31", "192.0.2.16/31", ratio(1)),
		pool("realm", "172.16.0.0/30", "192.0.2.32", ratio(4), realm("wholesale")),
		listedAs("list", "100.64.3.1 192.0.2.40 1-1000", "100.64.3.2 192.0.2.41 1-1000", "100.64.3.3 192.0.2.41 2000-2999")), cgn))
	now := func() *staleness {
		return &staleness{
			rs: rs, local: map[netip.Addr]bool{ip("198.18.0.1"): true},
			// Before, 100.64.2.0/24 and 192.0.2.128 were in it as well.
			outside: merge(append(spans("192.0.2.128"), rs.outside...)),
		}
	}
	first := now()
	first.outside = rs.outside
	return map[string]*staleness{"now": now(), "first": first}
}

// A staleFlow is a flow and whether it has to go.
type staleFlow struct {
	name     string
	when     string // "now" or "first"
	proto    byte
	from, to string // before translation
	as       string // source after translation; "" is no translation
	stale    bool
}

// flow makes the two tuples: an answer comes from where the flow goes, to what it is translated to.
func (s staleFlow) flow() flow {
	ends := func(text string) (netip.Addr, uint16) {
		ap := netip.MustParseAddrPort(text)
		return ap.Addr(), ap.Port()
	}
	var f flow
	f.orig.proto, f.reply.proto = s.proto, s.proto
	f.orig.src, f.orig.srcPort = ends(s.from)
	f.orig.dst, f.orig.dstPort = ends(s.to)
	f.reply.src, f.reply.srcPort = f.orig.dst, f.orig.dstPort
	f.reply.dst, f.reply.dstPort = f.orig.src, f.orig.srcPort
	if s.as != "" {
		f.reply.dst, f.reply.dstPort = ends(s.as)
	}
	switch s.proto {
	case icmp: // the identifier stands for both ports
		f.orig.dstPort, f.reply.srcPort = f.orig.srcPort, f.reply.dstPort
	case tcp, udp:
	default:
		f.orig.srcPort, f.orig.dstPort, f.reply.srcPort, f.reply.dstPort = 0, 0, 0, 0
	}
	return f
}

const (
	gre  = 47
	esp  = 50
	sctp = 132
)

var staleFlows = []staleFlow{
	{"kept: its address, its ports", "now", udp, "100.64.0.0:5000", "9.9.9.9:443", "192.0.2.1:1024", false},
	{"kept: the last port of its share", "now", tcp, "100.64.0.0:5000", "9.9.9.9:443", "192.0.2.1:9087", false},
	{"kept: the last subscriber of an address", "now", tcp, "100.64.0.7:5000", "9.9.9.9:443", "192.0.2.1:65535", false},
	{"kept: in another realm", "now", tcp, "172.16.0.3:5000", "9.9.9.9:443", "192.0.2.32:65535", false},
	{"kept: its own port to somebody's outside port", "now", tcp, "100.64.0.0:5000", "192.0.2.2:2000", "192.0.2.1:2000", false},
	{"moved: the first port of the next share", "now", udp, "100.64.0.0:5000", "9.9.9.9:443", "192.0.2.1:9088", true},
	{"moved: the last port of the share before", "now", udp, "100.64.0.1:5000", "9.9.9.9:443", "192.0.2.1:9087", true},
	{"moved: a reserved port", "now", tcp, "100.64.0.0:5000", "9.9.9.9:443", "192.0.2.1:1023", true},
	{"moved: to another address of the pool", "now", tcp, "100.64.0.0:5000", "9.9.9.9:443", "192.0.2.2:1024", true},
	{"moved: from an address that is gone", "now", tcp, "100.64.0.0:5000", "9.9.9.9:443", "192.0.2.128:1024", true},
	{"moved: the address of another realm", "now", tcp, "100.64.0.0:1024", "9.9.9.9:443", "192.0.2.32:1024", true},
	{"removed: no longer a subscriber", "now", udp, "100.64.2.9:5000", "9.9.9.9:443", "192.0.2.1:1024", true},
	{"removed: no longer a subscriber, its address gone", "now", udp, "100.64.2.9:5000", "9.9.9.9:443", "192.0.2.128:1024", true},
	{"from elsewhere, with an address of ours", "now", udp, "10.0.0.1:5000", "9.9.9.9:443", "192.0.2.1:1024", true},
	{"to a subscriber, with an address of ours", "now", tcp, "9.9.9.9:443", "100.64.0.0:22", "192.0.2.1:1024", true},
	{"not ours: another NAT's address", "now", udp, "100.64.0.0:5000", "9.9.9.9:443", "198.18.0.1:33333", false},
	{"not ours: another NAT's address, no longer a subscriber", "now", udp, "100.64.2.9:5000", "9.9.9.9:443", "198.18.0.1:33333", false},
	{"not ours: the box's own", "now", tcp, "198.18.0.1:5000", "9.9.9.9:443", "", false},

	{"icmp: an identifier of its share", "now", icmp, "100.64.0.0:77", "9.9.9.9:0", "192.0.2.1:1024", false},
	{"icmp: an identifier of the next share", "now", icmp, "100.64.0.0:77", "9.9.9.9:0", "192.0.2.1:9088", true},
	{"icmp: 1:1", "now", icmp, "100.64.1.1:77", "9.9.9.9:0", "192.0.2.17:1024", false},
	{"icmp: 1:1, an identifier nobody has", "now", icmp, "100.64.1.1:77", "9.9.9.9:0", "192.0.2.17:77", true},

	{"gre: 1:1", "now", gre, "100.64.1.0:0", "9.9.9.9:0", "192.0.2.16:0", false},
	{"gre: 1:1, another address", "now", gre, "100.64.1.0:0", "9.9.9.9:0", "192.0.2.17:0", true},
	{"esp: 1:1", "now", esp, "100.64.1.1:0", "9.9.9.9:0", "192.0.2.17:0", false},
	{"sctp: 1:1", "now", sctp, "100.64.1.1:0", "9.9.9.9:0", "192.0.2.17:0", false},
	{"esp: a shared address is nobody's", "now", esp, "100.64.0.0:0", "9.9.9.9:0", "192.0.2.1:0", true},
	{"gre: the only one on an address of a list", "now", gre, "100.64.3.1:0", "9.9.9.9:0", "192.0.2.40:0", false},
	{"gre: two on an address of the same list", "now", gre, "100.64.3.2:0", "9.9.9.9:0", "192.0.2.41:0", true},
	{"gre: no longer a subscriber", "now", gre, "100.64.2.9:0", "9.9.9.9:0", "192.0.2.16:0", true},
	{"udp: 1:1, its ports", "now", udp, "100.64.1.0:5000", "9.9.9.9:443", "192.0.2.16:65535", false},
	{"udp: 1:1, a reserved port", "now", udp, "100.64.1.0:500", "9.9.9.9:500", "192.0.2.16:500", true},

	{"untranslated, its destination was exempt once", "now", udp, "100.64.0.0:5000", "9.9.9.9:443", "", true},
	{"untranslated, of a former subscriber", "now", udp, "100.64.2.9:5000", "9.9.9.9:443", "", false},

	{"first load: untranslated", "first", udp, "100.64.0.0:5000", "9.9.9.9:443", "", true},
	{"first load: untranslated tcp", "first", tcp, "100.64.0.0:5000", "9.9.9.9:443", "", true},
	{"first load: untranslated echo", "first", icmp, "100.64.0.0:77", "9.9.9.9:0", "", true},
	{"first load: untranslated esp", "first", esp, "100.64.1.0:0", "9.9.9.9:0", "", true},
	{"first load: to the box itself", "first", tcp, "100.64.0.0:5000", "198.18.0.1:22", "", false},
	{"first load: to another subscriber", "first", tcp, "100.64.0.0:5000", "100.64.0.9:22", "", false},
	{"first load: to a subscriber of another realm", "first", tcp, "100.64.0.0:5000", "172.16.0.1:22", "", false},
	{"first load: exempt addresses", "first", tcp, "100.64.0.0:5000", "203.0.113.255:22", "", false},
	{"first load: exempt addresses, any protocol", "first", esp, "100.64.0.0:0", "203.0.113.0:0", "", false},
	{"first load: behind the exempt addresses", "first", tcp, "100.64.0.0:5000", "203.0.114.0:22", "", true},
	{"first load: from elsewhere", "first", tcp, "10.0.0.1:5000", "9.9.9.9:22", "", false},
	{"first load: translated by another NAT", "first", tcp, "100.64.0.0:5000", "9.9.9.9:22", "198.18.0.1:5000", false},
	{"first load: translated by chance to what it owns", "first", tcp, "100.64.0.0:5000", "9.9.9.9:22", "192.0.2.1:5000", false},
	{"first load: translated to what another owns", "first", tcp, "100.64.0.0:5000", "9.9.9.9:22", "192.0.2.2:5000", true},

	{"service: udp", "first", udp, "100.64.0.0:5000", "198.51.100.53:53", "", false},
	{"service: tcp where udp is exempt", "first", tcp, "100.64.0.0:5000", "198.51.100.53:53", "", true},
	{"service: another port", "first", udp, "100.64.0.0:5000", "198.51.100.53:54", "", true},
	{"service: another address", "first", udp, "100.64.0.0:5000", "198.51.100.54:53", "", true},
	{"service: the first port of a range", "first", tcp, "100.64.0.0:5000", "198.51.100.54:8000", "", false},
	{"service: the last port of a range", "first", tcp, "100.64.0.0:5000", "198.51.100.54:8080", "", false},
	{"service: behind a range", "first", tcp, "100.64.0.0:5000", "198.51.100.54:8081", "", true},
	{"service: before a range", "first", tcp, "100.64.0.0:5000", "198.51.100.54:7999", "", true},
	{"service: udp where tcp is exempt", "first", udp, "100.64.0.0:5000", "198.51.100.54:8000", "", true},
	{"service: the port is the source's", "first", udp, "100.64.0.0:53", "198.51.100.53:5000", "", true},
	{"service: an echo with the port as identifier", "first", icmp, "100.64.0.0:53", "198.51.100.53:0", "", true},
	{"everywhere: udp", "first", udp, "100.64.0.0:5000", "9.9.9.9:5060", "", false},
	{"everywhere: tcp", "first", tcp, "100.64.0.0:5000", "9.9.9.9:25", "", false},
	{"everywhere: the other protocol", "first", tcp, "100.64.0.0:5000", "9.9.9.9:5060", "", true},
	{"everywhere: an address of the pools is not meant", "first", udp, "100.64.0.0:5000", "192.0.2.2:5060", "", true},
	{"everywhere: nor is one of another realm's pool", "first", tcp, "100.64.0.0:5000", "192.0.2.32:25", "", true},
}

func TestStale(t *testing.T) {
	plans := flowPlans(t)
	for _, tt := range staleFlows {
		t.Run(tt.name, func(t *testing.T) {
			if got := plans[tt.when].stale(tt.flow()); got != tt.stale {
				t.Errorf("stale is %t for %+v", got, tt.flow())
			}
		})
	}
}

// TestStaleFollowsThePlan compares stale with the plan's own answer for every port of an outside address: a flow stays exactly when
// the trace of its outside endpoint names its subscriber.
func TestStaleFollowsThePlan(t *testing.T) {
	s := flowPlans(t)["now"]
	for _, outside := range []string{"192.0.2.1", "192.0.2.17"} {
		for port := range 1 << 16 {
			a, ok := s.rs.plan.Trace(ip(outside), uint16(port)).Allocation()
			for _, inside := range []string{"100.64.0.0", "100.64.0.5", "100.64.0.8", "100.64.1.1", "100.64.2.1"} {
				f := staleFlow{proto: udp, from: "10.0.0.1:5000", to: "9.9.9.9:443"}.flow()
				f.orig.src, f.reply.dst, f.reply.dstPort = ip(inside), ip(outside), uint16(port)
				if want := !ok || a.Inside() != f.orig.src; s.stale(f) != want {
					t.Fatalf("a flow of %s on %s:%d: stale is %t", inside, outside, port, !want)
				}
			}
		}
	}
}

// TestParseFlow decodes what another encoder makes of each flow.
func TestParseFlow(t *testing.T) {
	for _, tt := range staleFlows {
		got, err := parseFlow(conntrackMessage(t, tt.flow()))
		if err != nil || got != tt.flow() {
			t.Errorf("%s: got %+v, %v\nwant %+v", tt.name, got, err, tt.flow())
		}
	}
}

// TestContains compares with asking every range.
func TestContains(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		ranges := merge(drawSpans(t, 0))
		for _, base := range []uint32{0, 0x64400000 - 32, 1<<32 - 66} {
			for i := range uint32(66) {
				a, want := at(base+i), false
				for _, r := range ranges {
					want = want || r.Contains(a)
				}
				if got := contains(ranges, a); got != want {
					t.Fatalf("contains(%v, %v) = %t", ranges, a, got)
				}
			}
		}
		if contains(ranges, netip.IPv6Unspecified()) || contains(ranges, netip.Addr{}) {
			t.Fatalf("%v contains an address that is not IPv4", ranges)
		}
	})
}

// TestZones leaves flows alone that an operator keeps apart in a zone of conntrack.
func TestZones(t *testing.T) {
	s := flowPlans(t)["now"]
	f := flow{orig: tuple{src: ip("100.64.0.0"), dst: ip("9.9.9.9"), proto: udp}, reply: tuple{src: ip("9.9.9.9"), dst: ip("192.0.2.2"), proto: udp}}
	if !s.stale(f) {
		t.Fatal("the flow is not stale to begin with")
	}
	if f.zone = 5; s.stale(f) {
		t.Fatal("a flow in zone 5 is taken for ours")
	}
}
