package main

import (
	"context"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/cgnkit/cgnkit/alloc"
	"github.com/cgnkit/cgnkit/internal/alarm"
	"github.com/cgnkit/cgnkit/internal/api"
	"github.com/cgnkit/cgnkit/internal/daemon"
	"github.com/cgnkit/cgnkit/internal/daemonfile"
	"github.com/cgnkit/cgnkit/internal/metrics"
	"github.com/cgnkit/cgnkit/internal/metrics/live"
)

// Reading who uses how many ports stays below such a part of the time. With nftables it takes long where there is much traffic, and with
// XDP where there are many addresses, also when nothing happens: a million subscribers are to cost little then.
const (
	usageShareNftables = 100
	usageShareXDP      = 500
)

// A meter tells Prometheus what the daemon and the kernel know. It implements metrics.Source.
type meter struct {
	config *daemonfile.Config
	daemon *daemon.Daemon
	log    *slog.Logger
	survey *metrics.Survey
	tally  *requestTally
	alarms atomic.Pointer[metrics.Alarms]
	kernel atomic.Pointer[kernelCounts]

	credentials atomic.Pointer[api.Credentials] // nil without TCP

	mu    sync.Mutex
	of    *alloc.Plan // whose pools these are
	pools []metrics.Pool
}

// newMeter watches who uses how many ports, and raises alarms, until ctx ends.
func newMeter(ctx context.Context, c *daemonfile.Config, d *daemon.Daemon, tally *requestTally, log *slog.Logger) (*meter, error) {
	m := &meter{config: c, daemon: d, tally: tally, log: log}
	if err := m.watch(ctx); err != nil {
		return nil, fmt.Errorf("metrics: %w", err)
	}
	return m, nil
}

// subscribers returns what tells the API what subscribers use.
func (m *meter) subscribers(ctx context.Context) (api.Kernel, error) {
	return newSubscriberReader(ctx, m)
}

// serve serves /metrics until ctx ends. Without an address it does nothing.
func (m *meter) serve(ctx context.Context, at *listeners) {
	if m.config.Metrics.IsValid() {
		at.keep(ctx, "metrics", m.open)
	}
}

// open listens where Prometheus reads.
func (m *meter) open() (net.Listener, *http.Server, error) {
	drop := m.tally.drops("metrics")
	l, err := metrics.Listen(m.config.Metrics, drop)
	if err != nil {
		return nil, nil, err
	}
	return l, metrics.NewServer(m, metrics.Build{Version: release, Revision: revision(), GoVersion: runtime.Version()}, m.log, drop), nil
}

// watch begins to read who uses how many ports, and the kernel's counters.
func (m *meter) watch(ctx context.Context) error {
	monitor, err := alarm.New(m.config.Alarms)
	if err != nil {
		return err
	}
	reader, err := m.reader()
	if err != nil {
		return err
	}
	share := usageShareNftables
	if m.config.Backend == daemonfile.XDP {
		share = usageShareXDP
	}
	m.survey, err = metrics.NewSurvey(reader, m.daemon.Plan, metrics.SurveyConfig{
		Interval: m.config.UsageEvery, Share: share, Alarms: monitor,
		Rank: metrics.MaxTop, Keep: m.config.Backend == daemonfile.Nftables, Top: m.config.MetricsTop,
		Events: func(events []alarm.Event, a metrics.Alarms) {
			m.alarms.Store(&a)
			for _, e := range events {
				m.log.Log(ctx, e.Level(), e.String(), "alarm", e)
			}
		},
	})
	if err != nil {
		return err
	}
	counts, err := m.counter()
	if err != nil {
		return err
	}
	go func() { _ = m.survey.Run(ctx, (&complaint{log: m.log, about: "ports in use"}).hear) }()
	go m.count(ctx, counts, (&complaint{log: m.log, about: "counters of the kernel"}).hear)
	return nil
}

// Snapshot implements metrics.Source.
func (m *meter) Snapshot() *metrics.Snapshot {
	s := m.daemon.Snapshot()
	bad := func(code string) bool {
		return slices.ContainsFunc(s.Problems, func(p daemon.Problem) bool { return p.Code == code })
	}
	out := &metrics.Snapshot{
		Backend: s.Backend, Instance: s.Instance, PlanSHA256: s.InForce, Healthy: s.Healthy,
		Pools: m.poolsOf(m.daemon.Plan()), Usage: m.survey.Last(), UsageErrors: m.survey.Errors(),
		Apply: metrics.Apply{Succeeded: s.Apply.OK, Failed: s.Apply.Failed, At: s.Apply.At, Took: s.Apply.Took, OK: !bad("apply")},
		Verify: metrics.Verify{
			Equal: s.Verify.Runs - s.Verify.Different, Different: s.Verify.Different, Failed: s.Verify.Failed, At: s.Verify.At, Took: s.Verify.Took,
			OK: s.Verify.Differences == 0 && !bad("verify"), Differences: s.Verify.Differences,
		},
		Drift: metrics.Drift{At: s.Looked, Noticed: s.Drift.Found, Repaired: s.Drift.Repaired, Failed: s.Drift.Failed},
	}
	for _, code := range daemon.Codes {
		out.Problems = append(out.Problems, metrics.Problem{Code: code, Is: bad(code)})
	}
	credentials := m.credentials.Load()
	out.Problems = append(out.Problems, metrics.Problem{Code: staleCredentials, Is: credentials != nil && credentials.Failed() != nil})
	if credentials != nil {
		out.CertificateEnd, _ = credentials.Expires()
	}
	if bad("drift") {
		out.Drift.Differences = s.Verify.Differences
	}
	if m.config.Ledger != "" {
		out.Ledger = &metrics.Ledger{Head: s.Head, Records: uint64(s.Records), Readable: !bad("source"), ReadAt: s.Read}
		out.Epoch = m.epoch(s)
	}
	if a := m.alarms.Load(); a != nil {
		out.Alarms = *a
	}
	out.Requests, out.Dropped = m.tally.counts(), m.tally.droppedConnections()
	if k := m.kernel.Load(); k != nil {
		k.show(out)
	}
	if m.config.Backend == daemonfile.XDP && out.Usage != nil {
		out.Maps = append(out.Maps, live.SlotsOf(out.Usage, out.Pools))
	}
	return out
}

// epoch says where the ledger stands.
func (m *meter) epoch(s *daemon.Snapshot) *metrics.Epoch {
	e := &metrics.Epoch{}
	if s.Epoch != nil {
		e.InForce, e.From = s.Epoch.Seq, s.Epoch.From
	}
	if s.Next != nil {
		e.Next = s.Next.From
	}
	if l := m.daemon.Ledger(); l != nil {
		if due, err := l.AtInstant(time.Now()); err == nil {
			e.Due = due.Seq
		}
	}
	return e
}

// poolsOf says what a plan says of its pools, once a plan.
func (m *meter) poolsOf(plan *alloc.Plan) []metrics.Pool {
	m.mu.Lock()
	defer m.mu.Unlock()
	if plan != nil && plan != m.of {
		m.of, m.pools = plan, metrics.PoolsOf(plan)
	}
	return m.pools
}
