package rulefile_test

import (
	"strings"
	"testing"

	"github.com/cgnkit/cgnkit/alloc"
	"github.com/cgnkit/cgnkit/alloc/rulefile"
)

// large is rules for n subscribers, three rules each where a style has that many.
func large(b *testing.B, w writer, n uint32) string {
	b.Helper()
	first := uint32(100)<<24 | uint32(64)<<16
	out := uint32(198)<<24 | uint32(18)<<16
	plan, err := alloc.NewPlan(alloc.Spec{Pools: []alloc.PoolSpec{{Name: "a", PortsPerSubscriber: 2016,
		Inside: []alloc.AddrRange{span(b, first, first+n-1)}, Outside: []alloc.AddrRange{span(b, out, out+n/32)}}}})
	if err != nil {
		b.Fatal(err)
	}
	text, ok := w.write(sharesOf(plan))
	if !ok {
		b.Fatal("the style cannot say it")
	}
	return text
}

// BenchmarkImport reads rules for a third of a million subscribers, which are a million lines in most styles, and infers the plan.
func BenchmarkImport(b *testing.B) {
	for _, w := range writers {
		if w.name == "nftables tree of verdict maps" {
			continue // its writer takes quadratic time
		}
		b.Run(strings.ReplaceAll(w.name, " ", "-"), func(b *testing.B) {
			text := large(b, w, 1<<20/3)
			f, err := rulefile.ParseFormat(w.format)
			if err != nil {
				b.Fatal(err)
			}
			b.SetBytes(int64(len(text)))
			b.ReportAllocs()
			for b.Loop() {
				t, err := rulefile.Parse(strings.NewReader(text), f, "rules")
				if err != nil {
					b.Fatal(err)
				}
				if _, _, err := rulefile.Infer(t); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(float64(strings.Count(text, "\n")), "lines")
		})
	}
}

// BenchmarkShuffled walks a million rules in no order in one chain: the worst for a set of what is left.
func BenchmarkShuffled(b *testing.B) {
	var text strings.Builder
	text.WriteString("*nat\n")
	n, step := uint32(1<<20), uint32(7919)
	for i := range n {
		a := i * step % n
		text.WriteString("-A POSTROUTING -s " + addr4(100<<24|64<<16|a).String() + " -p tcp -j SNAT --to-source " + addr4(198<<24|18<<16|a).String() + ":1024-2047\n")
	}
	text.WriteString("COMMIT\n")
	for b.Loop() {
		if _, err := rulefile.Parse(strings.NewReader(text.String()), rulefile.Iptables, "rules"); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkScattered infers shares of PSID layouts, whose sets have many ranges.
func BenchmarkScattered(b *testing.B) {
	offset, length := 6, 8
	first := uint32(100)<<24 | uint32(64)<<16
	plan, err := alloc.NewPlan(alloc.Spec{Pools: []alloc.PoolSpec{{Name: "a", Scheme: alloc.PSID, PSIDOffset: &offset, PSIDLength: &length,
		Inside: []alloc.AddrRange{span(b, first, first+1<<16-1)}, Outside: []alloc.AddrRange{span(b, 198<<24|18<<16, 198<<24|18<<16|255)}}}})
	if err != nil {
		b.Fatal(err)
	}
	text, _ := csvTable(sharesOf(plan))
	for b.Loop() {
		t, err := rulefile.Parse(strings.NewReader(text), rulefile.CSV, "rules")
		if err != nil {
			b.Fatal(err)
		}
		if _, _, err := rulefile.Infer(t); err != nil {
			b.Fatal(err)
		}
	}
}
