package daemon

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/cgnkit/cgnkit/alloc"
	"github.com/cgnkit/cgnkit/alloc/ledger"
)

// A fakeBackend is a kernel that can be told to refuse, and that others can change.
type fakeBackend struct {
	mu sync.Mutex
	fakeState
}

type fakeState struct {
	sha     string
	mark    int
	exact   bool // all that others change shows in the mark
	links   int
	broken  []string // differences, until the next apply
	refuse  error    // of Apply
	refused string   // the plan that is refused, whatever else
	after   error    // of Apply, when the kernel has the plan
	blind   error    // of InForce
	dumb    error    // of Verify
	files   error    // of Reload
	changed bool
	left    int // connections that contradict the plan
	counted int // how often they were
	// Why they cannot be.
	uncounted error
	takes     time.Duration // Apply
	slow      time.Duration // Verify
	ahead     time.Duration // Ahead, and Apply before it waits
	busy      error         // of Apply before it waits
	waited    int           // waits that ended at the instant
	writes    []string      // plans that were applied although the kernel had something else, and repairs
	applies   int
	looks     int
	compare   int
	verifying bool // Verify goes on
}

func (b *fakeBackend) InForce() (InForce, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.looks++
	return InForce{SHA256: b.sha, Mark: fmt.Sprint(b.mark), Exact: b.exact, Links: fmt.Sprint(b.links)}, b.blind
}

func (b *fakeBackend) Ahead() time.Duration { return b.ahead }

func (b *fakeBackend) Apply(plan *alloc.Plan, wait func() error) (Applied, error) {
	if wait != nil {
		var busy error
		b.do(func() { busy = b.busy })
		if busy != nil {
			return Applied{}, busy
		}
		time.Sleep(b.ahead / 2)
		if err := wait(); err != nil {
			return Applied{}, fmt.Errorf("apply: %w", err)
		}
		b.do(func() { b.waited++ })
	}
	time.Sleep(b.takes)
	b.mu.Lock()
	defer b.mu.Unlock()
	b.applies++
	if b.refuse != nil || plan.SHA256() == b.refused {
		return Applied{}, cmp.Or(b.refuse, errRefused)
	}
	if b.after == nil {
		b.left = 0
	}
	if b.sha == plan.SHA256() && len(b.broken) == 0 {
		return Applied{Way: "unchanged"}, b.after
	}
	b.sha, b.broken, b.mark, b.changed = plan.SHA256(), nil, b.mark+1, false
	b.writes = append(b.writes, plan.SHA256())
	return Applied{Way: "rebuild", Kept: plan.Subscribers()}, b.after
}

func (b *fakeBackend) Verify(plan *alloc.Plan, found func(string)) (Verified, error) {
	var slow time.Duration
	b.do(func() { slow, b.verifying = b.slow, true })
	time.Sleep(slow)
	b.mu.Lock()
	defer b.mu.Unlock()
	b.verifying = false
	if b.compare++; b.dumb != nil {
		return Verified{}, b.dumb
	}
	all := slices.Clone(b.broken)
	if b.sha != plan.SHA256() {
		all = append(all, "another plan")
	}
	var v Verified
	for _, d := range all {
		found(d)
		switch v.Differences++; {
		case strings.HasPrefix(d, "programs"):
			v.OtherRelease++
		case b.sha != "" && !strings.HasPrefix(d, "route") || strings.HasPrefix(d, "unknown"): // what it had under no plan is emptied, unless it says so
			v.Misleading++
		}
	}
	return v, nil
}

func (b *fakeBackend) Leftover(_ *alloc.Plan, _ []*alloc.Plan, forget bool) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.counted++
	n := b.left
	if forget && b.uncounted == nil {
		b.left = 0
	}
	return n, b.uncounted
}

func (b *fakeBackend) Reload() (bool, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.changed, b.files
}

func (b *fakeBackend) Close() error { return nil }

// do changes the kernel as somebody else would.
func (b *fakeBackend) do(fn func()) {
	b.mu.Lock()
	defer b.mu.Unlock()
	fn()
}

func (b *fakeBackend) written() int {
	b.mu.Lock()
	defer b.mu.Unlock()
	return len(b.writes)
}

// seen returns the state at this moment.
func (r *rig) seen() fakeState {
	r.b.mu.Lock()
	defer r.b.mu.Unlock()
	return r.b.fakeState
}

// A rig is a daemon under test, in a bubble of time.
type rig struct {
	*testing.T
	d       *Daemon
	b       *fakeBackend
	path    string
	offset  time.Duration // of the clock on the wall
	mu      sync.Mutex
	told    []string
	logs    strings.Builder
	options Options
	end     func() time.Duration // ends the daemon, and returns how long that took
	held    *ledger.Writer       // see full
}

// inBubble runs a test with a daemon that follows a ledger, or with fill nil and a plan file.
func inBubble(t *testing.T, name string, prepare func(*rig), test func(*rig)) {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	synctest.Test(t, func(t *testing.T) {
		r := &rig{T: t, b: &fakeBackend{}, path: path}
		keys := func() ([]alloc.Key, error) { return nil, nil }
		r.options = Options{Instance: "cgn", Name: "fake", Source: FromLedger(path, keys), Backend: r.b, Log: slog.New(slog.NewTextHandler(&locked{r: r}, nil))}
		if strings.HasSuffix(name, ".yaml") {
			r.options.Source = FromPlan(path, keys)
		}
		r.options.Now = r.now
		begun := time.Now()
		r.options.Uptime = func() (string, time.Duration) { return "this run", time.Since(begun) }
		r.options.Notify = func(s string) {
			r.mu.Lock()
			defer r.mu.Unlock()
			if s != "WATCHDOG=1" {
				r.told = append(r.told, s)
			}
		}
		prepare(r)
		r.d = New(r.options)
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		ended := make(chan struct{})
		go func() {
			defer close(ended)
			r.d.Run(ctx)
		}()
		r.end = func() time.Duration {
			begun := time.Now()
			cancel()
			<-ended
			return time.Since(begun)
		}
		r.after(0)
		test(r)
	})
}

type locked struct{ r *rig }

func (l *locked) Write(p []byte) (int, error) {
	l.r.mu.Lock()
	defer l.r.mu.Unlock()
	return l.r.logs.Write(p)
}

func (r *rig) now() time.Time {
	r.mu.Lock()
	defer r.mu.Unlock()
	return time.Now().Add(r.offset)
}

func (r *rig) logged() string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.logs.String()
}

// step sets the clock on the wall.
func (r *rig) step(by time.Duration) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.offset += by
}

// after lets time go by, and returns the state then.
func (r *rig) after(d time.Duration) *Snapshot {
	r.Helper()
	time.Sleep(d)
	synctest.Wait()
	return r.d.Snapshot()
}

// plan is one of several plans.
func (r *rig) plan(n int) *alloc.Plan {
	r.Helper()
	return planNumber(r.T, n)
}

func planNumber(tb testing.TB, n int) *alloc.Plan {
	tb.Helper()
	in, err := alloc.ParseAddrRange("100.64.0.0/24")
	if err != nil {
		tb.Fatal(err)
	}
	out, err := alloc.ParseAddrRange(fmt.Sprintf("198.18.%d.0/28", n))
	if err != nil {
		tb.Fatal(err)
	}
	p, err := alloc.NewPlan(alloc.Spec{Pools: []alloc.PoolSpec{{Name: "a", Inside: []alloc.AddrRange{in}, Outside: []alloc.AddrRange{out}}}})
	if err != nil {
		tb.Fatal(err)
	}
	return p
}

// add records a plan that is in force from a while from now.
func (r *rig) add(n int, from time.Duration) {
	r.Helper()
	w, err := ledger.Edit(r.path)
	if err != nil {
		r.Fatal(err)
	}
	defer w.Close()
	now := r.now().UTC().Truncate(time.Millisecond)
	if _, err := w.Add(ledger.Entry{Plan: r.plan(n), From: now.Add(from), Now: now}); err != nil {
		r.Fatal(err)
	}
}

func (r *rig) writePlan(n int) {
	r.Helper()
	if err := os.WriteFile(r.path, r.plan(n).AppendCanonical(nil), 0o600); err != nil {
		r.Fatal(err)
	}
}

// has fails the test unless the kernel has a plan, and the daemon says so.
func (r *rig) has(s *Snapshot, n int) {
	r.Helper()
	want := r.plan(n).SHA256()
	r.b.do(func() {
		if r.b.sha != want {
			r.Errorf("the kernel has %.12s, want %.12s (plan %d); problems %v", r.b.sha, want, n, s.Problems)
		}
	})
	if p := r.d.Plan(); p == nil || p.SHA256() != want {
		r.Errorf("the daemon has another plan than %d", n)
	}
}

// problem returns the text of a problem, "" = there is none.
func problem(s *Snapshot, code string) string {
	for _, p := range s.Problems {
		if p.Code == code {
			return p.Text
		}
	}
	return ""
}

var errRefused = errors.New("the kernel refuses")
