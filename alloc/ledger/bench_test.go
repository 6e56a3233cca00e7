package ledger_test

import (
	"math/rand/v2"
	"net/netip"
	"path/filepath"
	"testing"
	"time"

	"github.com/cgnkit/cgnkit/alloc"
	"github.com/cgnkit/cgnkit/alloc/ledger"
	"github.com/cgnkit/cgnkit/portset"
)

// Ten thousand epochs, each another plan with about four million subscribers.
const benchEpochs = 10_000

// benchLedger records the plans: 100.64.0.0/10 on 198.18.0.0/15, with a different first subscriber each hour.
func benchLedger(b *testing.B) string {
	b.Helper()
	path := filepath.Join(b.TempDir(), "ledger.jsonl")
	outside, err := alloc.ParseAddrRange("198.18.0.0/15")
	if err != nil {
		b.Fatal(err)
	}
	w, err := ledger.Edit(path)
	if err != nil {
		b.Fatal(err)
	}
	defer w.Close()
	for n := range benchEpochs {
		inside, err := alloc.AddrRangeFrom(addr("100.64.0.0", n), netip.MustParseAddr("100.127.255.255"))
		if err != nil {
			b.Fatal(err)
		}
		p, err := alloc.NewPlan(alloc.Spec{Pools: []alloc.PoolSpec{{
			Name: "a", Inside: []alloc.AddrRange{inside}, Outside: []alloc.AddrRange{outside}, PortsPerSubscriber: 2016,
		}}})
		if err != nil {
			b.Fatal(err)
		}
		if _, err := w.Add(ledger.Entry{Plan: p, From: hour(n), Now: hour(n)}); err != nil {
			b.Fatal(err)
		}
	}
	return path
}

// BenchmarkTrace asks at random instants of 10,000 epochs with 4,194,304 subscribers each: about plans that were parsed
// before, and about others.
func BenchmarkTrace(b *testing.B) {
	path := benchLedger(b)
	ask := func(b *testing.B, l *ledger.Ledger, n int) {
		q := ledger.At(addr("198.18.0.0", rand.IntN(1<<17)), ledger.PortOf(uint16(rand.IntN(65536))), hour(n).Add(time.Minute), time.Second)
		if _, err := l.Trace(q); err != nil {
			b.Fatal(err)
		}
	}
	b.Run("parsed", func(b *testing.B) {
		l := open(b, path)
		for n := range 100 {
			ask(b, l, n)
		}
		for i := 0; b.Loop(); i++ {
			ask(b, l, i%100)
		}
	})
	b.Run("first", func(b *testing.B) {
		l := open(b, path)
		for i := 0; b.Loop(); i++ {
			if i%benchEpochs == 0 {
				b.StopTimer()
				l = open(b, path)
				b.StartTimer()
			}
			ask(b, l, i%benchEpochs)
		}
	})
}

// BenchmarkOpen opens those 10,000 epochs.
func BenchmarkOpen(b *testing.B) {
	path := benchLedger(b)
	for b.Loop() {
		open(b, path).Close()
	}
}

// BenchmarkExplicit asks about a list of 4,194,304 subscribers in one epoch: after it was opened, which reads and parses the list, and then.
func BenchmarkExplicit(b *testing.B) {
	const n = 1 << 22
	spec := alloc.PoolSpec{Name: "a", Scheme: alloc.Explicit}
	for i := range n {
		first := 1024 + 2016*(i%32)
		r, err := portset.NewRange(first, first+2015)
		if err != nil {
			b.Fatal(err)
		}
		ports, err := portset.NewSet(r)
		if err != nil {
			b.Fatal(err)
		}
		spec.Shares = append(spec.Shares, alloc.ExplicitShare{Inside: addr("100.64.0.0", i), Outside: addr("198.18.0.0", i/32), Ports: ports})
	}
	p, err := alloc.NewPlan(alloc.Spec{Pools: []alloc.PoolSpec{spec}})
	if err != nil {
		b.Fatal(err)
	}
	path := filepath.Join(b.TempDir(), "ledger.jsonl")
	add(b, path, ledger.Entry{Plan: p, From: hour(1)})
	ask := func(b *testing.B, l *ledger.Ledger) {
		q := ledger.At(addr("198.18.0.0", rand.IntN(1<<17)), ledger.PortOf(uint16(rand.IntN(65536))), hour(2), time.Second)
		if _, err := l.Trace(q); err != nil {
			b.Fatal(err)
		}
	}
	b.Run("open", func(b *testing.B) {
		for b.Loop() {
			open(b, path).Close()
		}
	})
	b.Run("first", func(b *testing.B) {
		for b.Loop() {
			b.StopTimer()
			l := open(b, path)
			b.StartTimer()
			ask(b, l)
		}
	})
	b.Run("parsed", func(b *testing.B) {
		l := open(b, path)
		ask(b, l)
		for b.Loop() {
			ask(b, l)
		}
	})
}
