//go:build linux

package conformance

import (
	"bytes"
	"errors"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/cgnkit/cgnkit/alloc"
	"github.com/cgnkit/cgnkit/alloc/ledger"
	"github.com/cgnkit/cgnkit/ebpf"
	"github.com/cgnkit/cgnkit/internal/alarm"
	"github.com/cgnkit/cgnkit/internal/metrics"
	"github.com/cgnkit/cgnkit/internal/metrics/live"
)

// What the ledger keeps and what cgnd tells. Their own tests go through histories, damage and rules; here is that it is there.

func nftablesManagedProbes() map[string]probe {
	return map[string]probe{
		"6888-10":  like("6888-11c"),
		"6888-11c": shows(with(4), lossesAreCounted),
		"7422-11":  shows(with(4), alarmIsRaised),
	}
}

func xdpManagedProbes() map[string]probe {
	return map[string]probe{
		"6888-10":  like("6888-11c"),
		"6888-11c": shows(overXDP(4), refusalsAreCounted),
		"7422-11":  shows(overXDP(4), alarmIsRaised),
	}
}

func ledgerProbes() map[string]probe {
	return map[string]probe{
		"7422-10": shows(nil, changesAreRecorded),
		"6302-2":  shows(nil, askedOverTime),
	}
}

// history records plans with 16, 8 and 32 subscribers an address, an hour apart, and returns when.
func history(t *testing.T) (path string, plans []*alloc.Plan, times []time.Time) {
	t.Helper()
	path = filepath.Join(t.TempDir(), "ledger.jsonl")
	w, err := ledger.Edit(path)
	if err != nil {
		t.Fatal(err)
	}
	defer w.Close()
	for i, ratio := range []int{16, 8, 32} {
		at := time.Date(2026, 3, 1, 3+i, 0, 0, 0, time.UTC)
		plan := samplePlan(t, func(p *alloc.PoolSpec) {
			p.Inside, p.SharingRatio = ranges(t, "100.64.0.0/26"), ratio
		})
		if _, err := w.Add(ledger.Entry{Plan: plan, From: at, Now: at, By: "operator"}); err != nil {
			t.Fatal(err)
		}
		plans, times = append(plans, plan), append(times, at)
	}
	early := ledger.Entry{Plan: plans[0], From: times[1].Add(time.Minute), Now: times[2].Add(time.Hour), By: "operator"}
	if _, err := w.Add(early); !errors.Is(err, ledger.ErrBefore) {
		t.Errorf("a change is recorded among those that are there: %v", err)
	}
	return path, plans, times
}

// changesAreRecorded shows that every plan is kept with its instant and who recorded it, and that no octet of that can be changed
// unseen.
func changesAreRecorded(t *testing.T, _ *bench) {
	path, plans, times := history(t)
	l, err := ledger.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	n := 0
	for e := range l.Epochs() {
		canonical, err := l.Canonical(e)
		if err != nil || n >= len(plans) || !e.From.Equal(times[n]) || e.By != "operator" || !bytes.Equal(canonical, plans[n].AppendCanonical(nil)) {
			t.Fatalf("record %d: %+v, error %v", n, e, err)
		}
		n++
	}
	if n != len(plans) {
		t.Errorf("%d records of %d changes", n, len(plans))
	}
	whole, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	for at := 0; at < len(whole)-1; at += 17 {
		changed := slices.Clone(whole)
		changed[at] ^= 1
		if err := os.WriteFile(path, changed, 0o600); err != nil {
			t.Fatal(err)
		}
		if other, err := ledger.Open(path); err == nil {
			_ = other.Close()
			t.Errorf("octet %d of %d is another one, and nothing is said", at, len(whole))
		}
	}
}

// askedOverTime shows that address, port and time name the subscriber of the plan of that time, that two are named where the time is
// not exact enough, and nobody where nothing is known of it.
func askedOverTime(t *testing.T, _ *bench) {
	path, plans, times := history(t)
	l, err := ledger.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	outside := addr("192.0.2.0")
	for port := 1024; port < 1<<16; port += 101 {
		for i, at := range times {
			for _, exact := range []time.Time{at, at.Add(59 * time.Minute)} {
				a, err := l.Trace(ledger.At(outside, ledger.PortOf(uint16(port)), exact, 0))
				want, _ := plans[i].Trace(outside, uint16(port)).Allocation()
				if err != nil || a.Verdict != ledger.One || named(a)[0] != want.Subscriber() {
					t.Fatalf("port %d at %v: %+v, error %v, want %v", port, exact, a, err, want)
				}
			}
		}
	}
	a, err := l.Trace(ledger.At(outside, ledger.PortOf(65000), times[1], time.Second))
	if err != nil || a.Verdict != ledger.Several || len(named(a)) != 2 {
		t.Errorf("a second before or after a change: %+v, error %v", a, err)
	}
	if a, err := l.Trace(ledger.At(outside, ledger.PortOf(65000), times[0].Add(-time.Second), 0)); err == nil {
		t.Errorf("before the first plan: %+v", a)
	}
}

// named returns the subscribers of an answer.
func named(a ledger.Answer) (out []alloc.Subscriber) {
	for _, c := range a.Candidates {
		if s, ok := c.Subscriber(); ok {
			out = append(out, s)
		}
	}
	return out
}

// A snapshot is what metrics show.
type snapshot metrics.Snapshot

func (s *snapshot) Snapshot() *metrics.Snapshot { return (*metrics.Snapshot)(s) }

// shows fails the test unless the page that Prometheus reads has a line.
func (s *snapshot) shows(t *testing.T, line string) {
	t.Helper()
	w := httptest.NewRecorder()
	metrics.Handler(s, metrics.Build{}).ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/metrics", nil))
	if !slices.Contains(strings.Split(w.Body.String(), "\n"), line) {
		t.Errorf("no line %q", line)
	}
}

// refusalsAreCounted shows that a subscriber who gets no port is counted where the management reads it.
func refusalsAreCounted(t *testing.T, b *bench) {
	server, _ := fill(t, b)
	b.refused(t, 0, 40004, server)
	var tallies ebpf.Tallies
	err := b.CGN.Do(func() error {
		d, err := ebpf.Open("")
		if err != nil {
			return err
		}
		tallies, err = d.Tallies()
		return errors.Join(err, d.Close())
	})
	if err != nil {
		t.Fatal(err)
	}
	s := snapshot{Backend: "xdp", Instance: "cgn", Refusals: live.RefusalsOf(tallies)}
	s.shows(t, `cgnkit_exhaustion_events_total{kind="exhausted"} 1`)
}

// lossesAreCounted shows that a flow that gets no port is counted where the management reads it, but not whose it is.
func lossesAreCounted(t *testing.T, b *bench) {
	server, _ := fill(t, b)
	read := func() (c *metrics.Conntrack) {
		t.Helper()
		err := b.CGN.Do(func() error {
			k, err := live.OpenConntrack()
			if err != nil {
				return err
			}
			defer k.Close()
			c, err = k.Read()
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
		return c
	}
	before := read()
	b.refused(t, 0, 40004, server)
	if after := read(); after.InsertsFailed <= before.InsertsFailed {
		t.Errorf("conntrack %+v, before %+v", *after, *before)
	}
}

// alarmIsRaised shows that a subscriber who uses all of its ports raises an alarm, which names it, and is shown.
func alarmIsRaised(t *testing.T, b *bench) {
	monitor, err := alarm.New(alarm.DefaultConfig())
	if err != nil {
		t.Fatal(err)
	}
	var events []alarm.Event
	s := snapshot{Backend: "nftables", Instance: "cgn"}
	read := func() {
		t.Helper()
		err := b.CGN.Do(func() error {
			reader, done, err := b.reader()
			if err != nil {
				return err
			}
			defer done()
			survey, err := metrics.NewSurvey(reader, func() *alloc.Plan { return b.plan }, metrics.SurveyConfig{
				Alarms: monitor, Events: func(e []alarm.Event, a metrics.Alarms) { events, s.Alarms = append(events, e...), a },
			})
			if err != nil {
				return err
			}
			return survey.Read(t.Context())
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	read()
	if len(events) != 0 {
		t.Errorf("nobody uses anything: %v", events)
	}
	fill(t, b)
	read()
	s.shows(t, `cgnkit_alarms{level="subscriber"} 1`)
	who := b.Subscribers[0].Addr.String()
	if !slices.ContainsFunc(events, func(e alarm.Event) bool { return e.Kind == alarm.Raised && strings.Contains(e.Key.String(), who) }) {
		t.Errorf("no alarm names %s: %v", who, events)
	}
}

// reader returns what cgnd reads with the backend of a bench.
func (b *bench) reader() (metrics.Reader, func(), error) {
	if b.path == nil {
		r, err := live.OpenNFTables()
		return r, func() { r.Close() }, err
	}
	d, err := ebpf.Open("")
	return live.XDP{Datapath: func() *ebpf.Datapath { return d }}, func() { _ = d.Close() }, err
}
