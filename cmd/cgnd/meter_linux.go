package main

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"log/slog"
	"net"
	"net/http"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/cgnkit/cgnkit/alloc"
	"github.com/cgnkit/cgnkit/ebpf"
	"github.com/cgnkit/cgnkit/internal/alarm"
	"github.com/cgnkit/cgnkit/internal/api"
	"github.com/cgnkit/cgnkit/internal/daemon"
	"github.com/cgnkit/cgnkit/internal/daemonfile"
	"github.com/cgnkit/cgnkit/internal/metrics"
	"github.com/cgnkit/cgnkit/internal/metrics/live"
)

// How often the kernel's own counters are read for metrics, and below which part of the time that stays.
const (
	countEvery = 15 * time.Second
	countShare = 100
)

// alarmAt is where alarms of port use are raised and cleared, in percent.
var alarmAt = alarm.Thresholds{Raise: 90, Clear: 70}

// A meter tells Prometheus what the daemon and the kernel know. It implements metrics.Source.
type meter struct {
	config *daemonfile.Config
	daemon *daemon.Daemon
	log    *slog.Logger
	survey *metrics.Survey
	tally  *requestTally
	alarms atomic.Pointer[metrics.Alarms]
	kernel atomic.Pointer[kernelCounts]

	mu    sync.Mutex
	of    *alloc.Plan // whose pools these are
	pools []metrics.Pool
}

// kernelCounts are what the kernel counts by itself.
type kernelCounts struct {
	conntrack  *metrics.Conntrack
	packets    []metrics.PacketCount
	interfaces []metrics.Interface
	lost       *uint64
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
func (m *meter) serve(ctx context.Context) error {
	c, log := m.config, m.log
	if !c.Metrics.IsValid() {
		return nil
	}
	l, err := net.Listen("tcp", c.Metrics.String())
	if err != nil {
		return fmt.Errorf("metrics: %w", err)
	}
	mux := http.NewServeMux()
	mux.Handle("GET /metrics", metrics.Handler(m, metrics.Build{Version: release, Revision: revision(), GoVersion: runtime.Version()}))
	server := &http.Server{
		Handler: mux, ReadHeaderTimeout: 5 * time.Second, ReadTimeout: 10 * time.Second, WriteTimeout: 30 * time.Second,
		IdleTimeout: time.Minute, MaxHeaderBytes: 16 << 10, ErrorLog: slog.NewLogLogger(log.Handler(), slog.LevelDebug),
	}
	go func() {
		<-ctx.Done()
		_ = server.Close()
	}()
	go func() {
		if err := server.Serve(l); !errors.Is(err, http.ErrServerClosed) {
			log.Error("metrics are gone", "error", err)
		}
	}()
	return nil
}

// watch begins to read who uses how many ports, and the kernel's counters.
func (m *meter) watch(ctx context.Context) error {
	monitor, err := alarm.New(alarm.Config{Pool: alarmAt, Address: alarmAt, Subscriber: alarmAt})
	if err != nil {
		return err
	}
	reader, err := m.reader()
	if err != nil {
		return err
	}
	m.survey, err = metrics.NewSurvey(reader, m.daemon.Plan, metrics.SurveyConfig{Rank: metrics.MaxTop, Keep: m.config.Backend == daemonfile.Nftables, Top: m.config.MetricsTop, Alarms: monitor, Events: func(events []alarm.Event, a metrics.Alarms) {
		m.alarms.Store(&a)
		for _, e := range events {
			m.log.Warn("ports run out", "alarm", e)
		}
	}})
	if err != nil {
		return err
	}
	failed := func(err error) { m.log.Warn("metrics: "+err.Error(), "backend", m.config.Backend) }
	go func() { _ = m.survey.Run(ctx, failed) }()
	go m.count(ctx, failed)
	return nil
}

func (m *meter) reader() (metrics.Reader, error) {
	if m.config.Backend == daemonfile.XDP {
		return openEachTime{m.open}, nil
	}
	return live.OpenNFTables()
}

// open opens the instance of the XDP backend.
func (m *meter) open() (*ebpf.Datapath, error) {
	keys, err := files{m.config}.keys()
	if err != nil {
		return nil, err
	}
	return ebpf.Open(m.config.Instance, keys...)
}

// openEachTime is a reader of an instance that may be another one by the next time.
type openEachTime struct {
	open func() (*ebpf.Datapath, error)
}

func (openEachTime) HasSessions() bool { return live.XDP{}.HasSessions() }

func (o openEachTime) Uses(ctx context.Context, plan *alloc.Plan) iter.Seq2[metrics.Use, error] {
	return func(yield func(metrics.Use, error) bool) {
		d, err := o.open()
		if err != nil {
			yield(metrics.Use{}, err)
			return
		}
		defer func() { _ = d.Close() }()
		for u, err := range (live.XDP{Datapath: func() *ebpf.Datapath { return d }}).Uses(ctx, plan) {
			if !yield(u, err) {
				return
			}
		}
	}
}

// count reads the kernel's counters until ctx ends.
func (m *meter) count(ctx context.Context, failed func(error)) {
	for {
		began := time.Now()
		if m.daemon.Plan() != nil {
			if err := m.countOnce(); err != nil {
				failed(err)
			}
		}
		select {
		case <-ctx.Done():
			return
		case <-time.After(max(countEvery, countShare*time.Since(began))):
		}
	}
}

func (m *meter) countOnce() error {
	k := &kernelCounts{}
	defer m.kernel.Store(k) // what could not be read is left out
	if m.config.Backend == daemonfile.Nftables {
		c, err := live.OpenConntrack()
		if err != nil {
			return err
		}
		defer c.Close()
		k.conntrack, err = c.Read()
		return err
	}
	d, err := m.open()
	if err != nil {
		return err
	}
	defer func() { _ = d.Close() }()
	counters, err := d.Counters()
	if err != nil {
		return err
	}
	k.packets = live.PacketsOf(counters)
	links, err := d.Links()
	if err != nil {
		return err
	}
	k.interfaces = live.InterfacesOf(links)
	lost, err := d.LostEvents()
	k.lost = &lost
	return err
}

// Snapshot implements metrics.Source.
func (m *meter) Snapshot() *metrics.Snapshot {
	s := m.daemon.Snapshot()
	bad := func(code string) bool {
		return slices.ContainsFunc(s.Problems, func(p daemon.Problem) bool { return p.Code == code })
	}
	out := &metrics.Snapshot{
		Backend: s.Backend, Instance: s.Instance, PlanSHA256: s.InForce, Pools: m.poolsOf(m.daemon.Plan()), Usage: m.survey.Last(), UsageErrors: m.survey.Errors(),
		Apply: metrics.Apply{Succeeded: s.Apply.OK, Failed: s.Apply.Failed, At: s.Apply.At, Took: s.Apply.Took, OK: !bad("apply")},
		Verify: metrics.Verify{
			Equal: s.Verify.Runs - s.Verify.Different, Different: s.Verify.Different, Failed: s.Verify.Failed, At: s.Verify.At, Took: s.Verify.Took,
			OK: s.Verify.Differences == 0 && !bad("verify"), Differences: s.Verify.Differences,
		},
		Drift: metrics.Drift{At: s.Taken, Noticed: s.Drift.Found, Repaired: s.Drift.Repaired},
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
	out.Requests = m.tally.counts()
	if k := m.kernel.Load(); k != nil {
		out.Conntrack, out.Packets, out.Interfaces, out.LostEvents = k.conntrack, k.packets, k.interfaces, k.lost
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
