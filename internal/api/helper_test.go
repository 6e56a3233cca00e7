package api

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/cgnkit/cgnkit/alloc"
	"github.com/cgnkit/cgnkit/alloc/ledger"
	"github.com/cgnkit/cgnkit/internal/daemon"
)

// A fakeDaemon has what a test gives it.
type fakeDaemon struct {
	plan    *alloc.Plan
	ledger  *ledger.Ledger
	mu      sync.Mutex
	reloads int
	hold    chan struct{} // Snapshot waits until it is closed

	problems []daemon.Problem
	other    bool            // the kernel has another plan
	holding  *daemon.Holding // nil = plan alone
	unsure   time.Time
	departed time.Time
	had      []string
}

func (d *fakeDaemon) Snapshot() *daemon.Snapshot {
	if d.hold != nil {
		<-d.hold
	}
	s := &daemon.Snapshot{Instance: "cgn", Backend: "fake", Healthy: true, Problems: d.problems, Unsure: d.unsure, Departed: d.departed, Had: d.had}
	if d.plan != nil && !d.other {
		s.InForce = d.plan.SHA256()
	}
	return s
}
func (d *fakeDaemon) Asked() (*daemon.Snapshot, *ledger.Ledger) {
	return d.Snapshot(), d.ledger
}
func (d *fakeDaemon) Plan() *alloc.Plan { return d.plan }

func (d *fakeDaemon) Holding() *daemon.Holding {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.holding == nil {
		d.holding = &daemon.Holding{Plan: d.plan}
	}
	return d.holding
}
func (d *fakeDaemon) Ledger() *ledger.Ledger { return d.ledger }
func (d *fakeDaemon) Reload() {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.reloads++
}

// A client asks a server over a unix socket.
type client struct {
	testing.TB
	http.Client
	d      *fakeDaemon
	url    string // before the path
	token  string // that it shows, "" = none
	folder string
	socket string
	audit  string
}

var noon = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

// serve starts a server.
func serve(tb testing.TB, d *fakeDaemon) *client {
	tb.Helper()
	return serveWith(tb, d, func(*Options) {})
}

// serveWith starts a server with other options.
func serveWith(tb testing.TB, d *fakeDaemon, change func(*Options)) *client {
	tb.Helper()
	c := &client{TB: tb, d: d, url: "http://cgnd", folder: tb.TempDir()}
	c.socket, c.audit = filepath.Join(c.folder, "s"), filepath.Join(c.folder, "audit.jsonl")
	o := Options{Daemon: d, Audit: NewAudit(c.audit), Log: slog.New(slog.DiscardHandler), Now: func() time.Time { return noon }}
	change(&o)
	l, err := ListenUnix(c.socket, 0o660, -1, -1, o.Dropped)
	if err != nil {
		tb.Fatal(err)
	}
	server := New(o)
	go func() { _ = server.Serve(l) }()
	tb.Cleanup(func() { _ = server.Close() })
	t := &http.Transport{DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return (&net.Dialer{}).DialContext(ctx, "unix", c.socket)
	}}
	tb.Cleanup(t.CloseIdleConnections)
	c.Transport, c.Timeout = t, 20*time.Second
	return c
}

// ask returns the status and the body of an answer.
func (c *client) ask(method, path string, body io.Reader) (int, map[string]any) {
	c.Helper()
	r, err := http.NewRequest(method, c.url+path, body)
	if err != nil {
		c.Fatal(err)
	}
	if c.token != "" {
		r.Header.Set("Authorization", "Bearer "+c.token)
	}
	a, err := c.Do(r)
	if err != nil {
		c.Fatal(err)
	}
	defer func() { _ = a.Body.Close() }()
	b, err := io.ReadAll(a.Body)
	if err != nil {
		c.Fatal(err)
	}
	if rt, err := find(r); err == nil && !slices.Contains(codesOf(c, rt), a.StatusCode) {
		c.Errorf("%s %s: %d is not documented", method, path, a.StatusCode)
	}
	var v map[string]any
	if a.Header.Get("Content-Type") == "application/json" {
		if err := json.Unmarshal(b, &v); err != nil {
			c.Fatalf("%s %s: %v in %q", method, path, err, b)
		}
	}
	return a.StatusCode, v
}

// auditLines returns the lines of the audit log.
func (c *client) auditLines() (lines []map[string]any) {
	c.Helper()
	text, err := os.ReadFile(c.audit)
	if os.IsNotExist(err) {
		return nil
	}
	if err != nil {
		c.Fatal(err)
	}
	for line := range bytes.Lines(text) {
		var v map[string]any
		if err := json.Unmarshal(line, &v); err != nil {
			v = map[string]any{"torn": string(line)}
		}
		lines = append(lines, v)
	}
	return lines
}

func samplePlan(tb testing.TB, outside string) *alloc.Plan {
	tb.Helper()
	ranges := func(s string) []alloc.AddrRange {
		r, err := alloc.ParseAddrRange(s)
		if err != nil {
			tb.Fatal(err)
		}
		return []alloc.AddrRange{r}
	}
	p, err := alloc.NewPlan(alloc.Spec{Pools: []alloc.PoolSpec{{Name: "a", Inside: ranges("100.64.0.0/29"), Outside: ranges(outside), PortsPerSubscriber: 1000}}})
	if err != nil {
		tb.Fatal(err)
	}
	return p
}

// sampleLedger has one plan from 10:00 on, and another from 11:00 on.
func sampleLedger(tb testing.TB) *ledger.Ledger {
	tb.Helper()
	path := filepath.Join(tb.TempDir(), "ledger.jsonl")
	w, err := ledger.Edit(path)
	if err != nil {
		tb.Fatal(err)
	}
	defer w.Close()
	for i, outside := range []string{"198.18.0.0/30", "198.18.1.0/30"} {
		from := noon.Add(time.Duration(i-2) * time.Hour)
		if _, err := w.Add(ledger.Entry{Plan: samplePlan(tb, outside), From: from, Now: from, By: "noc", Note: "test"}); err != nil {
			tb.Fatal(err)
		}
	}
	led, err := ledger.Open(path)
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() { led.Close() })
	return led
}
