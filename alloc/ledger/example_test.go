package ledger_test

import (
	"fmt"
	"log"
	"net/netip"
	"os"
	"path/filepath"
	"time"

	"github.com/cgnkit/cgnkit/alloc"
	"github.com/cgnkit/cgnkit/alloc/ledger"
)

// Two plans, the second from March on, and who had a port when.
func Example() {
	path := filepath.Join(os.TempDir(), fmt.Sprintf("ledger-%d.jsonl", os.Getpid()))
	defer os.Remove(path)
	if err := example(path); err != nil {
		fmt.Println(err)
	}
	// Output:
	// 2026-03-01T02:00:00Z epoch 1 100.64.0.2
	// 2026-03-01T02:59:59Z epoch 1 100.64.0.2
	// 2026-03-01T02:59:59Z epoch 2 100.64.0.4
	// 2026-03-01T04:00:00Z epoch 2 100.64.0.4
	// no epoch covers that time: the first epoch begins at 2026-01-01T03:00:00Z
}

func example(path string) error {
	january := time.Date(2026, 1, 1, 3, 0, 0, 0, time.UTC)
	march := time.Date(2026, 3, 1, 3, 0, 0, 0, time.UTC)

	w, err := ledger.Edit(path)
	if err != nil {
		return err
	}
	for _, e := range []ledger.Entry{
		{Plan: ports(2016), From: january, Now: january, By: "alice"},
		{Plan: ports(1008), From: march, Now: march, By: "bob", Note: "more subscribers"},
	} {
		if _, err := w.Add(e); err != nil {
			return err
		}
	}
	w.Close()

	l, err := ledger.Open(path)
	if err != nil {
		return err
	}
	defer l.Close()
	outside := netip.MustParseAddr("198.18.0.0")
	for _, at := range []time.Time{march.Add(-time.Hour), march.Add(-time.Second), march.Add(time.Hour), january.Add(-time.Hour)} {
		a, err := l.Trace(ledger.At(outside, ledger.PortOf(6000), at, 5*time.Second))
		if err != nil {
			fmt.Println(err)
			continue
		}
		for _, c := range a.Candidates {
			s, _ := c.Subscriber()
			fmt.Println(at.Format(time.RFC3339), "epoch", c.Epoch.Seq, s)
		}
	}
	return nil
}

func ports(n int) *alloc.Plan {
	inside, err := alloc.ParseAddrRange("100.64.0.0/22")
	if err != nil {
		log.Fatal(err)
	}
	outside, err := alloc.ParseAddrRange("198.18.0.0/27")
	if err != nil {
		log.Fatal(err)
	}
	p, err := alloc.NewPlan(alloc.Spec{Pools: []alloc.PoolSpec{{
		Name: "homes", Inside: []alloc.AddrRange{inside}, Outside: []alloc.AddrRange{outside}, PortsPerSubscriber: n,
	}}})
	if err != nil {
		log.Fatal(err)
	}
	return p
}
