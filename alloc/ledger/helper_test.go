package ledger_test

import (
	"net/netip"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/cgnkit/cgnkit/alloc"
	"github.com/cgnkit/cgnkit/alloc/ledger"
)

// day is the instant that many hours after the start of the histories in these tests.
func hour(n int) time.Time {
	return time.Date(2026, 1, 1, n, 0, 0, 0, time.UTC)
}

// plan returns a plan of n subscribers from 100.64.0.0 on, with so many ports each, on 198.18.0.0/28.
func plan(t testing.TB, n, ports int) *alloc.Plan {
	t.Helper()
	inside, err := alloc.AddrRangeFrom(netip.MustParseAddr("100.64.0.0"), addr("100.64.0.0", n-1))
	if err != nil {
		t.Fatal(err)
	}
	outside, err := alloc.ParseAddrRange("198.18.0.0/28")
	if err != nil {
		t.Fatal(err)
	}
	p, err := alloc.NewPlan(alloc.Spec{Pools: []alloc.PoolSpec{{
		Name: "a", Inside: []alloc.AddrRange{inside}, Outside: []alloc.AddrRange{outside}, PortsPerSubscriber: ports,
	}}})
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// addr returns an address so many behind another.
func addr(base string, n int) netip.Addr {
	b := netip.MustParseAddr(base).As4()
	v := uint32(b[0])<<24 | uint32(b[1])<<16 | uint32(b[2])<<8 | uint32(b[3]) + uint32(n)
	return netip.AddrFrom4([4]byte{byte(v >> 24), byte(v >> 16), byte(v >> 8), byte(v)})
}

// add records epochs in a ledger.
func add(t testing.TB, path string, entries ...ledger.Entry) []ledger.Epoch {
	t.Helper()
	w, err := ledger.Edit(path)
	if err != nil {
		t.Fatal(err)
	}
	defer w.Close()
	var out []ledger.Epoch
	for _, en := range entries {
		if en.Now.IsZero() {
			en.Now = hour(0)
		}
		e, err := w.Add(en)
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, e)
	}
	return out
}

func open(t testing.TB, path string) *ledger.Ledger {
	t.Helper()
	l, err := ledger.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	return l
}

// small makes a ledger with three epochs, the last of which has the plan of the first.
func small(t testing.TB) (path string) {
	t.Helper()
	path = filepath.Join(t.TempDir(), "ledger.jsonl")
	add(t, path,
		ledger.Entry{Plan: plan(t, 100, 2016), From: hour(1), By: "alice", Note: `the "first", plan`},
		ledger.Entry{Plan: plan(t, 100, 1000), From: hour(2), Settled: hour(2).Add(time.Second), By: "bob"},
		ledger.Entry{Plan: plan(t, 100, 2016), From: hour(3), Note: "back again"},
	)
	return path
}

func readFile(t testing.TB, path string) []byte {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func writeFile(t testing.TB, path string, b []byte) {
	t.Helper()
	if err := os.WriteFile(path, b, 0o600); err != nil {
		t.Fatal(err)
	}
}
