package dialect

import (
	"fmt"
	"io"
	"math"
	"net/netip"
	"strings"
	"testing"

	"github.com/cgnkit/cgnkit/alloc"
	"github.com/cgnkit/cgnkit/portset"
)

// far is an address that no plan of the tests has or exempts.
var far = ip("8.8.8.8")

// TestIPTablesWalk sends packets of every subscriber through the chains and compares with the plan.
func TestIPTablesWalk(t *testing.T) {
	worst, deepest, rendered := 0, 0, 0
	everyPlan(t, func(name string, p *alloc.Plan) {
		text, err := render(t, IPTables, p)
		if err != nil {
			for pool := range p.Pools() {
				for a := range pool.All() {
					if a.Ports().RangeCount() > maxRanges {
						return
					}
				}
			}
			t.Fatalf("%s: %v", name, err)
		}
		rendered++
		if strings.Contains(text, "--random ") || strings.Contains(text, "--random-fully") {
			t.Fatalf("%s: port randomisation", name)
		}
		tables, err := parseIPTables(text)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		w := &iptWalker{t: t, name: name, nat: tables["nat"], mangle: tables["mangle"]}
		var first, previous alloc.Allocation
		for a := range p.All() {
			found := must(p.Lookup(a.Subscriber()))
			w.subscriber(found)
			if !first.IsValid() {
				first = a
			}
			if previous.IsValid() {
				w.untranslated(iptPacket{src: a.Inside(), dst: previous.Inside(), protocol: "tcp"}, "inside to inside")
			}
			w.untranslated(iptPacket{src: a.Inside(), dst: first.Inside(), protocol: "47"}, "inside to inside")
			w.neighbours(p, a)
			previous = a
		}
		worst, deepest = max(worst, w.worst), max(deepest, w.nat.nested("POSTROUTING"), w.mangle.nested("POSTROUTING"))
	})
	t.Logf("%d plans rendered, worst walk %d rules, %d nested chains", rendered, worst, deepest)
	if worst > 450 || deepest > 15 { // nftables allows 16 nested chains and counts those that are entered by goto
		t.Errorf("a packet walks %d rules through %d nested chains", worst, deepest)
	}
	if rendered < 10 {
		t.Errorf("only %d plans were rendered", rendered)
	}
}

// An iptWalker sends packets and notes the longest walk.
type iptWalker struct {
	t           *testing.T
	name        string
	nat, mangle *iptTable
	worst       int
}

// send sends the first packet of a connection through mangle and, unless it is dropped there, through nat.
func (w *iptWalker) send(p iptPacket) (dropped bool, res iptResult) {
	if p.states == nil {
		p.states = []string{"NEW"}
	}
	m := w.mangle.walk(p)
	w.worst = max(w.worst, m.walked)
	if m.verdict == "DROP" {
		return true, m
	}
	n := w.nat.walk(p)
	w.worst = max(w.worst, n.walked)
	return false, n
}

func (w *iptWalker) subscriber(a alloc.Allocation) {
	w.t.Helper()
	for _, protocol := range protocols {
		p := iptPacket{src: a.Inside(), dst: far, protocol: protocol, dport: 443}
		dropped, res := w.send(p)
		if dropped || res.verdict != "SNAT" {
			w.t.Fatalf("%s: %s of %v: dropped %v, %+v", w.name, protocol, a.Inside(), dropped, res)
		}
		w.compare(a, res.choices)
		// Once translated, a packet meets one rule.
		p.states = []string{"ESTABLISHED", "SNAT"}
		if m := w.mangle.walk(p); m.verdict != "policy" || m.walked != 1 {
			w.t.Fatalf("%s: an established packet of %v: %+v", w.name, a.Inside(), m)
		}
		if protocol != "tcp" {
			continue
		}
		for _, state := range []string{"INVALID", "UNTRACKED", "ESTABLISHED"} {
			p.states = []string{state}
			if m := w.mangle.walk(p); m.verdict != "DROP" {
				w.t.Fatalf("%s: %s packet of %v is not dropped: %+v", w.name, state, a.Inside(), m)
			}
		}
		p.states = []string{"RELATED"}
		if dropped, _ := w.send(p); dropped {
			w.t.Fatalf("%s: related packet of %v is dropped", w.name, a.Inside())
		}
	}
	dropped, res := w.send(iptPacket{src: a.Inside(), dst: far, protocol: "47"})
	if a.Pool().SharingRatio() > 1 {
		if !dropped {
			w.t.Fatalf("%s: GRE of %v, who shares an address, is not dropped: %+v", w.name, a.Inside(), res)
		}
		return
	}
	if dropped || len(res.choices) != 1 || res.choices[0].outside != a.Outside() || res.choices[0].ports.IsValid() {
		w.t.Fatalf("%s: GRE of 1:1 subscriber %v: dropped %v, %+v", w.name, a.Inside(), dropped, res)
	}
}

// compare checks that choices are exactly a share, weighted by size.
func (w *iptWalker) compare(a alloc.Allocation, choices []iptChoice) {
	w.t.Helper()
	var ranges []portset.Range
	total := 0
	for _, c := range choices {
		if c.outside != a.Outside() {
			w.t.Fatalf("%s: %v goes to %v, not %v", w.name, a.Inside(), c.outside, a.Outside())
		}
		ranges = append(ranges, c.ports)
		total += c.ports.Len()
	}
	set, err := portset.NewSet(ranges...)
	if err != nil || !set.Equal(a.Ports()) || total != a.Ports().Len() {
		w.t.Fatalf("%s: %v gets ports %v, not %v (%v)", w.name, a.Inside(), set, a.Ports(), err)
	}
	for _, c := range choices {
		if want := float64(c.ports.Len()) / float64(total); math.Abs(c.weight-want) > 1e-6 {
			w.t.Fatalf("%s: %v gets ports %v with probability %v, not %v", w.name, a.Inside(), c.ports, c.weight, want)
		}
	}
}

// untranslated checks that a packet passes as it is.
func (w *iptWalker) untranslated(p iptPacket, what string) {
	w.t.Helper()
	if dropped, res := w.send(p); dropped || len(res.choices) > 0 {
		w.t.Fatalf("%s: %s: %+v: dropped %v, %+v", w.name, what, p, dropped, res)
	}
}

// neighbours checks that the addresses beside a subscriber, where they are no subscribers, are left alone.
func (w *iptWalker) neighbours(p *alloc.Plan, a alloc.Allocation) {
	w.t.Helper()
	for _, beside := range []netip.Addr{a.Inside().Prev(), a.Inside().Next()} {
		if _, err := p.Lookup(alloc.SubscriberFrom(a.Subscriber().Realm, beside)); err != nil && beside.Is4() && !inAnyRealm(p, beside) {
			w.untranslated(iptPacket{src: beside, dst: far, protocol: "tcp"}, "not a subscriber")
		}
	}
}

func inAnyRealm(p *alloc.Plan, a netip.Addr) bool {
	for _, realm := range p.Realms() {
		if _, err := p.Lookup(alloc.SubscriberFrom(realm, a)); err == nil {
			return true
		}
	}
	return false
}

// TestIPTablesNoTranslate checks the destinations of sample "exempt" one by one.
func TestIPTablesNoTranslate(t *testing.T) {
	p := samples()["exempt"]
	tables, err := parseIPTables(mustRender(t, IPTables, p))
	if err != nil {
		t.Fatal(err)
	}
	w := &iptWalker{t: t, name: "exempt", nat: tables["nat"], mangle: tables["mangle"]}
	for _, c := range exemptCases {
		for _, src := range []string{"100.64.0.0", "100.64.0.63", "100.64.1.3"} {
			pkt := iptPacket{src: ip(src), dst: ip(c.dst), protocol: c.protocol, dport: c.dport}
			if c.exempt {
				w.untranslated(pkt, "no-translate")
				continue
			}
			if dropped, res := w.send(pkt); dropped || res.verdict != "SNAT" {
				t.Errorf("%+v: dropped %v, %+v", pkt, dropped, res)
			}
		}
	}
}

// exemptCases are what subscribers send in sample "exempt".
var exemptCases = []struct {
	dst      string
	protocol string
	dport    int
	exempt   bool
}{
	{"192.0.2.127", "tcp", 80, false}, {"192.0.2.128", "tcp", 80, true}, {"192.0.2.255", "icmp", 0, true},
	{"198.51.100.8", "udp", 9, false}, {"198.51.100.9", "udp", 9, true}, {"198.51.100.20", "tcp", 9, true}, {"198.51.100.21", "tcp", 9, false},
	{"203.0.113.53", "udp", 53, true}, {"203.0.113.53", "udp", 54, false}, {"203.0.113.53", "tcp", 53, false}, {"203.0.113.54", "udp", 53, false},
	{"8.8.8.8", "tcp", 24, false}, {"8.8.8.8", "tcp", 25, true}, {"8.8.8.8", "tcp", 30, true}, {"8.8.8.8", "tcp", 31, false}, {"8.8.8.8", "udp", 25, false},
	{"203.0.113.64", "tcp", 25, false}, {"203.0.113.135", "tcp", 30, false}, {"203.0.113.136", "tcp", 30, true}, // outside addresses are translated
	{"198.19.255.255", "tcp", 90, true}, {"198.19.255.255", "tcp", 91, false}, {"198.17.255.255", "tcp", 90, false},
	{"10.255.0.1", "tcp", 1, true}, {"11.0.0.1", "tcp", 1, false}, {"100.64.0.63", "udp", 1, true}, {"100.64.0.64", "udp", 1, false}, {"100.64.1.7", "tcp", 1, true},
}

func BenchmarkIPTables(b *testing.B) {
	for _, plen := range []int{16, 12} {
		p := plan(pool("p", fmt.Sprintf("100.64.0.0/%d", plen), fmt.Sprintf("198.18.0.0/%d", plen+5), alloc.PoolSpec{SharingRatio: 32}))
		b.Run(fmt.Sprint(p.Subscribers()), func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if err := IPTables(io.Discard, p); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/float64(p.Subscribers()), "ns/subscriber")
		})
	}
}
