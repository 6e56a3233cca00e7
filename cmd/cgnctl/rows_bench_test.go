package main

import (
	"io"
	"testing"

	"github.com/cgnkit/cgnkit/alloc"
)

// BenchmarkRows measures what allocate does with a plan of 4,194,304 subscribers once it is made.
func BenchmarkRows(b *testing.B) {
	in, err := alloc.ParseAddrRange("100.64.0.0/10")
	if err != nil {
		b.Fatal(err)
	}
	out, err := alloc.ParseAddrRange("198.18.0.0/15")
	if err != nil {
		b.Fatal(err)
	}
	for _, scheme := range []alloc.Scheme{alloc.Sequential, alloc.Stripe, alloc.PSID} {
		plan, err := alloc.NewPlan(alloc.Spec{Pools: []alloc.PoolSpec{{Name: "default", Scheme: scheme, Inside: []alloc.AddrRange{in}, Outside: []alloc.AddrRange{out}}}})
		if err != nil {
			b.Fatal(err)
		}
		for _, format := range []string{"csv", "ndjson"} {
			b.Run(scheme.String()+"/"+format, func(b *testing.B) {
				e := &env{stdout: io.Discard, stderr: io.Discard}
				for b.Loop() {
					if err := e.allocate(plan, format); err != nil {
						b.Fatal(err)
					}
				}
				b.ReportMetric(float64(plan.Subscribers())*float64(b.N)/b.Elapsed().Seconds()/1e6, "Mrows/s")
			})
		}
	}
}
