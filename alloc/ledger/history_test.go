package ledger_test

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"net/netip"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/cgnkit/cgnkit/internal/testseed"

	"github.com/cgnkit/cgnkit/alloc"
	"github.com/cgnkit/cgnkit/alloc/ledger"
)

// An event is an epoch of the replay: plain data, in order of recording.
type event struct {
	from, settled time.Time
	plan          *alloc.Plan
}

// possible returns who may have had a port at an instant, by going through the whole history: the plan that began last, and
// every one before it as long as nothing that began after it is settled. "" stands for no epoch.
func possible(history []event, t time.Time, outside netip.Addr, port uint16) []string {
	order := make([]int, len(history))
	for i := range order {
		order[i] = i
	}
	slices.SortStableFunc(order, func(a, b int) int { return history[a].from.Compare(history[b].from) })
	var out []string
	for k, i := range order {
		ev := history[i]
		if ev.from.After(t) || k+1 < len(order) && history[order[k+1]].from.Equal(ev.from) { // not yet, or replaced
			continue
		}
		over := false
		for _, j := range order[k+1:] {
			replaced := slices.ContainsFunc(order, func(x int) bool { return x > j && history[x].from.Equal(history[j].from) })
			over = over || !replaced && !history[j].settled.After(t)
		}
		if !over {
			out = append(out, who(ev.plan, outside, port))
		}
	}
	settled := slices.ContainsFunc(order, func(j int) bool {
		return !slices.ContainsFunc(order, func(x int) bool { return x > j && history[x].from.Equal(history[j].from) }) && !history[j].settled.After(t)
	})
	if !settled {
		out = append(out, "")
	}
	return out
}

func who(p *alloc.Plan, outside netip.Addr, port uint16) string {
	t := p.Trace(outside, port)
	if al, ok := t.Allocation(); ok {
		return al.Subscriber().String()
	}
	return t.Status().String()
}

// TestHistories plays random histories, with plans that change at random instants, some of them backdated or taking a while,
// and asks random questions: the answer must be that of the replay at every instant of the window at which anything changes.
func TestHistories(t *testing.T) {
	seed := testseed.New(t)
	r := rand.New(rand.NewPCG(seed, 1))
	plans := []*alloc.Plan{plan(t, 30, 2016), plan(t, 30, 1000), plan(t, 20, 4000), plan(t, 100, 2016), plan(t, 16, 64512)}
	for round := range 150 {
		path := filepath.Join(t.TempDir(), "l")
		history := play(t, r, path, plans)
		l := open(t, path)
		for range 60 {
			ask(t, r, l, history, round)
		}
	}
}

// play records a random history.
func play(t *testing.T, r *rand.Rand, path string, plans []*alloc.Plan) []event {
	w, err := ledger.Edit(path)
	if err != nil {
		t.Fatal(err)
	}
	defer w.Close()
	var history []event
	for range 1 + r.IntN(12) {
		ev := event{from: hour(0).Add(time.Duration(r.IntN(40)) * time.Second), plan: plans[r.IntN(len(plans))]}
		ev.settled = ev.from
		if r.IntN(3) == 0 {
			ev.settled = ev.from.Add(time.Duration(r.IntN(8)) * time.Second)
		}
		en := ledger.Entry{Plan: ev.plan, From: ev.from, Settled: ev.settled, Now: hour(1), Backdate: true, Note: "random"}
		if _, err := w.Add(en); err != nil {
			t.Fatal(err)
		}
		history = append(history, ev)
	}
	return history
}

// ask asks one random question and compares with the replay.
func ask(t *testing.T, r *rand.Rand, l *ledger.Ledger, history []event, round int) {
	t.Helper()
	outside, port := addr("198.18.0.0", r.IntN(18)), uint16(r.IntN(65536))
	from := hour(0).Add(time.Duration(r.IntN(52)-6) * time.Second)
	to := from
	switch r.IntN(3) {
	case 1:
		to = from.Add(time.Duration(r.IntN(10)) * time.Second)
	case 2: // next to a boundary
		from = from.Add(-1)
		to = from
	}
	want := map[string]bool{}
	instants := []time.Time{from, to}
	for _, ev := range history {
		for _, b := range []time.Time{ev.from, ev.settled} {
			instants = append(instants, b, b.Add(-1))
		}
	}
	for _, at := range instants {
		if at.Before(from) || at.After(to) {
			continue
		}
		for _, s := range possible(history, at, outside, port) {
			want[s] = true
		}
	}
	a, err := l.Trace(ledger.Question{Outside: outside, Port: ledger.PortOf(port), From: from, To: to})
	describe := func() string {
		return fmt.Sprintf("round %d, %v:%d from %v to %v: %+v, %v; want %v", round, outside, port, from, to, a, err, want)
	}
	if len(want) == 1 && want[""] {
		if !errors.Is(err, ledger.ErrNotCovered) {
			t.Fatal(describe())
		}
		return
	}
	if err != nil {
		t.Fatal(describe())
	}
	got := map[string]bool{}
	for _, c := range a.Candidates {
		s, ok := c.Subscriber()
		switch {
		case ok:
			got[s.String()] = true
		case c.Status == 0:
			got[""] = true
		default:
			got[c.Status.String()] = true
		}
	}
	if fmt.Sprint(got) != fmt.Sprint(want) || (len(want) > 1) != (a.Verdict == ledger.Several) || len(want) == 1 && (a.Verdict == ledger.One) != a.Candidates[0].Allocation.IsValid() {
		t.Fatal(describe())
	}
}
