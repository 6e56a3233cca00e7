package metrics

import (
	"net/netip"
	"testing"
	"time"

	"github.com/cgnkit/cgnkit/alloc"
	"github.com/cgnkit/cgnkit/internal/alarm"
)

// now is the clock of tests.
var now = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

// A fixed Source has one Snapshot.
type fixed struct{ snapshot *Snapshot }

func (f fixed) Snapshot() *Snapshot { return f.snapshot }

func ranges(tb testing.TB, s ...string) (out []alloc.AddrRange) {
	tb.Helper()
	for _, s := range s {
		r, err := alloc.ParseAddrRange(s)
		if err != nil {
			tb.Fatal(err)
		}
		out = append(out, r)
	}
	return out
}

func plan(tb testing.TB, pools ...alloc.PoolSpec) *alloc.Plan {
	tb.Helper()
	p, err := alloc.NewPlan(alloc.Spec{Pools: pools})
	if err != nil {
		tb.Fatal(err)
	}
	return p
}

// twoPools is a plan with tail, dynamic and unassigned ports: 200 subscribers on 8 addresses of which 7 are needed, and 10 on 1:1.
func twoPools(tb testing.TB) *alloc.Plan {
	tb.Helper()
	return plan(tb,
		alloc.PoolSpec{Name: "fttx", Inside: ranges(tb, "100.64.0.0-100.64.0.199"), Outside: ranges(tb, "192.0.2.0/29"), PortsPerSubscriber: 2000, SharingRatio: 32},
		alloc.PoolSpec{Name: "lte", Inside: ranges(tb, "100.65.0.0/24"), Outside: ranges(tb, "198.51.100.0/28"), PortsPerSubscriber: 1000, DynamicPorts: 30_000},
	)
}

func share(tb testing.TB, p *alloc.Plan, inside string) alloc.Allocation {
	tb.Helper()
	a, err := p.Lookup(alloc.SubscriberFrom("", netip.MustParseAddr(inside)))
	if err != nil {
		tb.Fatal(err)
	}
	return a
}

// full returns a Snapshot in which nothing is missing.
func full(tb testing.TB) *Snapshot {
	tb.Helper()
	p := twoPools(tb)
	t := NewTally(p, 2)
	for inside, ports := range map[string]Protocols{
		"100.64.0.0": {TCP: 40, UDP: 12, ICMP: 1}, "100.64.0.1": {TCP: 3, UDP: 1999}, "100.64.0.40": {UDP: 7}, "100.65.0.9": {TCP: 100, ICMP: 2},
	} {
		t.Add(Use{Share: share(tb, p, inside), Ports: ports, Mappings: ports, Sessions: ports.plus(ports)}, nil)
	}
	u := t.Usage(PoolsOf(p), nil)
	u.Taken, u.Took, u.HasSessions = now.Add(-12500*time.Millisecond), 250*time.Millisecond, true
	return &Snapshot{
		Backend: "nftables", Instance: "cgn", PlanSHA256: "8bef28f4f7c0ab524b672754e3d30f04568dac15066bb0be55dc8c0e1e2cc1a6",
		Pools: PoolsOf(p), Usage: u, UsageErrors: 1, NewMappings: &Protocols{TCP: 9000, UDP: 3300, ICMP: 45},
		Healthy: true, Problems: []Problem{{"apply", false}, {"late", true}},
		Packets: []PacketCount{
			{"translated", "outbound", 1_000_000, 512_000_000}, {"passed", "not-subscriber", 12, 720}, {"dropped", "no-mapping", 345, 20_700},
		},
		Refusals:       []Refusal{{"exhausted", 4}, {"limit", 2}, {"rate", 1}},
		LostEvents:     new(uint64(3)),
		Apply:          Apply{Succeeded: 5, Failed: 1, At: now.Add(-time.Hour), Took: 1500 * time.Millisecond, OK: true},
		Verify:         Verify{Equal: 9, Different: 1, Failed: 2, At: now.Add(-time.Minute), Took: 80 * time.Millisecond, OK: true, Differences: 0},
		Drift:          Drift{At: now.Add(-2 * time.Second), Differences: 1, Noticed: 3, Repaired: 2, Failed: 1},
		Epoch:          &Epoch{InForce: 3, Due: 4, From: now.Add(-24 * time.Hour), Next: now.Add(24 * time.Hour)},
		Ledger:         &Ledger{Head: "c3ab8ff13720e8ad9047dd39466b3c8974e592c2fa383d4a3960714caef0c4f2", Records: 5, Readable: true, ReadAt: now.Add(-time.Second)},
		Conntrack:      &Conntrack{Entries: 2164, Limit: 262_144, Dropped: 1, EarlyDropped: 2, InsertsFailed: 3},
		Maps:           []MapFill{{"slots", 2164, 1_572_864}, {"displaced", 5, 1_048_576}},
		MapBytes:       new(uint64(25_165_824)),
		Interfaces:     []Interface{{"eth0", "inside", true}, {"eth1", "outside", false}},
		Alarms:         Alarms{Pool: alarm.Counts{Raised: 1, Cleared: 1}, Subscriber: alarm.Counts{Active: 1, Raised: 4, Cleared: 3, Suppressed: 9, Missed: 2}},
		CertificateEnd: now.Add(90 * 24 * time.Hour),
		Requests:       []Requests{{"unix", "200", 41}, {"tcp", "401", 3}},
		Dropped:        []Dropped{{"tcp", "silent", 7}, {"metrics", "slow", 1}},
	}
}

func collector(s *Snapshot) *Collector {
	c := NewCollector(fixed{s}, Build{Version: "v0.6.0", Revision: "04eb858", GoVersion: "go1.26.0"})
	c.now = func() time.Time { return now }
	return c
}
