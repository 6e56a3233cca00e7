package main

import (
	"io"
	"math/rand/v2"
	"net/netip"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"testing"
	"time"

	"github.com/cgnkit/cgnkit/internal/testseed"

	"github.com/google/go-cmp/cmp"

	"github.com/cgnkit/cgnkit/alloc/flowlog"
)

// TestKeptFlowsAreSmall keeps a file of flows to one destination: millions of them have to fit into memory.
func TestKeptFlowsAreSmall(t *testing.T) {
	const flows, most = 100_000, 200
	text := []byte("ts,te,td,sa,da,sp,dp,pr\n")
	for i := range flows {
		text = append(text, "2026-01-10 12:30:50.000,2026-01-10 12:30:52.000,2.000,100.64.0."...)
		text = strconv.AppendInt(text, int64(i%250), 10)
		text = append(text, ",203.0.113.9,"...)
		text = strconv.AppendInt(text, int64(1024+i/250), 10)
		text = append(text, ",443,TCP\n"...)
	}
	name := filepath.Join(t.TempDir(), "f.csv")
	if err := os.WriteFile(name, text, 0o600); err != nil {
		t.Fatal(err)
	}
	n := &narrowing{where: flowlog.Filter{Destination: netip.MustParseAddrPort("203.0.113.9:443")}}
	before := heap()
	if err := n.read(&env{stdout: io.Discard, stderr: io.Discard}, name, flowlog.Options{Zone: time.UTC}); err != nil {
		t.Fatal(err)
	}
	if each := (heap() - before) / flows; len(n.found.records) != flows || each > most {
		t.Errorf("%d flows take %d bytes each, want %d and at most %d", len(n.found.records), each, flows, most)
	}
	runtime.KeepAlive(n)
}

func heap() int64 {
	var m runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}

// TestKeptFlowsAreTheSame compares random flows that went through keptFlows with the records of each flow joined.
func TestKeptFlowsAreTheSame(t *testing.T) {
	seed := testseed.New(t)
	r := rand.New(rand.NewPCG(seed, 1))
	type id struct {
		protocol                     uint8
		source, destination, outside netip.AddrPort
	}
	to := netip.MustParseAddr("203.0.113.9")
	joined := 0
	for range 300 {
		var k keptFlows
		records := map[id][]flowlog.Flow{}
		for i := range 1 + r.IntN(30) {
			f := randomFlow(r, to)
			f.Line = i
			k.add(f)
			key := id{f.Protocol, f.Source, f.Destination, f.Outside}
			records[key] = append(records[key], f)
		}
		var want []flowlog.Flow
		for _, list := range records {
			whole := flowlog.Join(slices.Clone(list))
			joined += len(list) - len(whole)
			want = append(want, whole...)
		}
		got := slices.Collect(k.flows(to))
		byLine := func(a, b flowlog.Flow) int { return a.Line - b.Line }
		slices.SortFunc(want, byLine)
		slices.SortFunc(got, byLine)
		if diff := cmp.Diff(want, got, cmp.Comparer(func(a, b netip.AddrPort) bool { return a == b })); diff != "" {
			t.Fatalf("(-want +got):\n%s", diff)
		}
	}
	if joined == 0 {
		t.Error("nothing was ever joined")
	}
}

// randomFlow returns one of few flows, at any time that a log can have.
func randomFlow(r *rand.Rand, to netip.Addr) flowlog.Flow {
	addrs := []string{"100.64.0.1", "100.64.0.2", "198.18.0.0", "2001:db8::1", "0.0.0.0"}
	end := func() netip.AddrPort {
		return netip.AddrPortFrom(netip.MustParseAddr(addrs[r.IntN(len(addrs))]), uint16(r.IntN(2)))
	}
	second := []int64{0, 1767225600, 253402300799}[r.IntN(3)]
	f := flowlog.Flow{
		From: time.Unix(second, r.Int64N(1e9)), Before: time.Duration(r.IntN(3)) * time.Minute, After: time.Duration(r.IntN(3)), Span: time.Duration(r.IntN(3)),
		Earlier: r.IntN(2) == 0, Later: r.IntN(2) == 0, Vague: r.IntN(3) == 0,
		Protocol: uint8(r.IntN(2)), Source: end(), Destination: netip.AddrPortFrom(to, uint16(r.IntN(2))),
	}
	f.To = f.From.Add(time.Duration(r.Int64N(2e9)))
	if r.IntN(2) == 0 {
		f.Outside = end()
	}
	return f
}
