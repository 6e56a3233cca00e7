package rulefile_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/cgnkit/cgnkit/alloc"
	"github.com/cgnkit/cgnkit/alloc/rulefile"
)

// exceptRules is rules of iptables for n subscribers, 32 on an address, with a jump chain for each address, behind exceptions for destinations that are
// not translated, and for interfaces. Where nested is set, the exceptions stand in a chain of their own.
func exceptRules(n, exceptions, interfaces uint32, nested bool) string {
	const first, out = 100<<24 | 64<<16, 198<<24 | 18<<16
	var text strings.Builder
	text.WriteString("*nat\n:POSTROUTING ACCEPT [0:0]\n:EXEMPT - [0:0]\n")
	for c := range n / 32 {
		fmt.Fprintf(&text, ":C%d - [0:0]\n", c)
	}
	chain, verdict := "POSTROUTING", "RETURN"
	if nested {
		text.WriteString("-A POSTROUTING -j EXEMPT\n")
		chain, verdict = "EXEMPT", "ACCEPT"
	}
	for e := range exceptions {
		fmt.Fprintf(&text, "-A %s -d %v/32 -j %s\n", chain, exceptAddr(e), verdict)
	}
	for i := range interfaces {
		fmt.Fprintf(&text, "-A POSTROUTING -o tun%d -j RETURN\n", i)
	}
	for c := range n / 32 {
		fmt.Fprintf(&text, "-A POSTROUTING -s %v/27 -j C%d\n", addr4(first+32*c), c)
	}
	for i := range n {
		for _, proto := range []string{"tcp", "udp", "icmp"} {
			fmt.Fprintf(&text, "-A C%d -s %v/32 -p %s -j SNAT --to-source %v:%d-%d\n", i/32, addr4(first+i), proto, addr4(out+i/32), 1024+2016*(i%32), 1024+2016*(i%32)+2015)
		}
	}
	return text.String() + "COMMIT\n"
}

func exceptAddr(e uint32) string { return addr4(10<<24 + 21*e).String() }

// exceptPlan is the plan of those rules.
func exceptPlan(t testing.TB, n, exceptions uint32) *alloc.Plan {
	t.Helper()
	const first, out = 100<<24 | 64<<16, 198<<24 | 18<<16
	spec := alloc.Spec{Pools: []alloc.PoolSpec{{Name: "a", PortsPerSubscriber: 2016, SharingRatio: 32,
		Inside: []alloc.AddrRange{span(t, first, first+n-1)}, Outside: []alloc.AddrRange{span(t, out, out+n/32-1)}}}}
	for e := range exceptions {
		d, err := alloc.ParseDestination(exceptAddr(e))
		if err != nil {
			t.Fatal(err)
		}
		spec.NoTranslate = append(spec.NoTranslate, d)
	}
	p, err := alloc.NewPlan(spec)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// TestManyExceptions proves that rules with many exceptions for many subscribers do what their plan does, and that one exception less is found.
func TestManyExceptions(t *testing.T) {
	const n = 16_384
	for _, nested := range []bool{false, true} {
		for _, exceptions := range []uint32{300, 4000} {
			table := parse(t, "iptables", exceptRules(n, exceptions, 0, nested))
			for less, plan := range []*alloc.Plan{exceptPlan(t, n, exceptions), exceptPlan(t, n, exceptions-1)} {
				onlyA, onlyB, _ := rulefile.CompareConditions(table.Conditions(), rulefile.PlanConditions(plan), rulefile.Protocols{TCP: true, UDP: true, ICMP: true})
				if len(onlyA) != less || len(onlyB) != 0 {
					t.Errorf("%d exceptions, nested %v, %d less in the plan: only the rules %v, only the plan %v", exceptions, nested, less, onlyA, onlyB)
				}
			}
		}
	}
	for _, text := range []string{
		exceptRules(n, 1000, 5, false),
		strings.ReplaceAll(exceptRules(n, 1000, 0, false), "-j RETURN", "-p tcp -j RETURN"), // what goes on in other protocols is many
		strings.ReplaceAll(exceptRules(n, 1000, 0, false), "-j RETURN", "-p tcp --dport 53 -j RETURN"),
	} {
		for _, c := range parse(t, "iptables", text).Conditions() {
			if c.Vague {
				t.Errorf("not proven: %v", c)
			}
		}
	}
}

// BenchmarkExceptions reads and proves rules for 16,384 subscribers behind 1,000 destinations that are not translated, and five interfaces.
func BenchmarkExceptions(b *testing.B) {
	text := exceptRules(16_384, 1000, 5, false)
	for b.Loop() {
		if _, err := rulefile.Parse(strings.NewReader(text), rulefile.Iptables, "rules"); err != nil {
			b.Fatal(err)
		}
	}
}
