package daemon

import (
	"fmt"
	"math/rand/v2"
	"os"
	"slices"
	"testing"
	"time"

	"github.com/cgnkit/cgnkit/alloc/ledger"
	"github.com/cgnkit/cgnkit/internal/testseed"
)

// TestDepartureModel plays random histories of changes under the plan, of daemons that end or are killed, of epochs and clocks: of a time in which the kernel
// departed for longer than some seconds nobody is ever named alone, while it lasts, soon behind it, or long after; and long after nothing is in doubt.
func TestDepartureModel(t *testing.T) {
	seeds := rand.New(rand.NewPCG(testseed.New(t), 7))
	for n := range 60 {
		seed := seeds.Uint64()
		t.Run(fmt.Sprint(n), func(t *testing.T) { playDepartures(t, seed, n%2 == 0, n%4 < 2, n%8 < 4) })
	}
}

// departures is a history: when the kernel departed, by the clock as it was.
type departures struct {
	*rig
	rnd    *rand.Rand
	script []string
	were   []ledger.Departure
	open   time.Time // it does since then; zero = it does not
}

func playDepartures(t *testing.T, seed uint64, report, exact, clock bool) {
	m := &departures{rnd: rand.New(rand.NewPCG(seed, 7))}
	inBubble(t, "l.jsonl", func(r *rig) {
		r.add(1, -10*time.Hour)
		r.options.Report, r.options.VerifyEvery = report, 5*time.Minute
		r.b.exact, r.b.takes = exact, time.Duration(m.rnd.IntN(2000))*time.Millisecond
	}, func(r *rig) {
		m.rig = r
		m.pass(20 * time.Second)
		for range 25 {
			m.pass(time.Duration(m.rnd.Int64N(int64([]time.Duration{3 * time.Second, 30 * time.Second, 4 * time.Minute}[m.rnd.IntN(3)]))))
			m.happens(clock)
		}
		m.pass(15 * time.Second)
		m.check("in the end")
		r.swap()
		m.pass(40 * time.Minute)
		m.check("long after")
		if s := r.after(0); !s.Unsure.IsZero() || !s.Departed.IsZero() || len(s.Departures) > 0 || !s.Healthy {
			t.Errorf("it is in doubt still: %+v", s)
		}
		if t.Failed() {
			t.Logf("seed %#x report %t exact %t clock %t\n%v\n%s", seed, report, exact, clock, m.script, r.logged())
		}
		r.end()
	})
}

func (m *departures) say(format string, args ...any) {
	m.script = append(m.script, stamp(m.now())+" "+fmt.Sprintf(format, args...)+"\n")
}

// sample notes whether the kernel departs.
func (m *departures) sample() {
	s := m.seen()
	departs := len(s.broken) > 0 && s.sha != ""
	switch {
	case departs && m.open.IsZero():
		m.open = m.now()
	case !departs && !m.open.IsZero():
		m.were = append(m.were, ledger.Departure{From: m.open, To: m.now()})
		m.open = time.Time{}
	}
}

// pass lets time go by.
func (m *departures) pass(d time.Duration) {
	for ; d > 0; d -= 500 * time.Millisecond {
		time.Sleep(min(d, 500*time.Millisecond))
		m.sample()
	}
}

// happens has something happen.
func (m *departures) happens(clock bool) {
	switch m.rnd.IntN(6) {
	case 0, 1:
		if broken := len(m.seen().broken) > 0; broken {
			m.say("it is taken back")
			m.swap()
		} else {
			m.say("somebody changes it")
			m.swap("an element is another one")
		}
		m.sample()
	case 2:
		m.restarts()
	case 3:
		in := time.Duration(m.rnd.IntN(60)) * time.Second
		w, err := ledger.Edit(m.path)
		if err != nil {
			m.Fatal(err)
		}
		now := m.now().UTC().Truncate(time.Millisecond)
		_, err = w.Add(ledger.Entry{Plan: m.plan(1 + m.rnd.IntN(2)), From: now.Add(in), Now: now})
		w.Close()
		m.say("epoch in %v %v", in, err)
	case 4:
		if clock {
			m.sets(time.Duration(m.rnd.IntN(1200)-600) * time.Second)
		}
	case 5:
		m.pass(12 * time.Second)
		m.check("meanwhile")
	}
}

// restarts has the daemon end, or be killed, which notes nothing at its end.
func (m *departures) restarts() {
	kill := m.rnd.IntN(2) == 0
	m.say("restart, kill %t", kill)
	m.pass(4 * time.Second)
	kept, err := os.ReadFile(m.path + ledger.MemorySuffix)
	m.restart(func() {
		if kill && err == nil {
			_ = os.WriteFile(m.path+ledger.MemorySuffix, kept, 0o600)
		}
		m.pass(time.Duration(m.rnd.IntN(60)) * time.Second)
	})
	m.pass(15 * time.Second)
}

// sets has the clock be set.
func (m *departures) sets(by time.Duration) {
	m.pass(15 * time.Second)
	m.say("the clock goes by %v", by)
	if !m.open.IsZero() {
		m.were = append(m.were, ledger.Departure{From: m.open, To: m.now()})
	}
	m.step(by)
	if !m.open.IsZero() {
		m.open = m.now()
	}
	m.pass(15 * time.Second)
}

// check asks the files.
func (m *departures) check(when string) {
	all := m.were
	if !m.open.IsZero() {
		all = append(slices.Clip(all), ledger.Departure{From: m.open, To: m.now()})
	}
	for _, d := range all {
		took := d.To.Sub(d.From)
		if took < 3*time.Second {
			continue
		}
		for range 3 {
			at := d.From.Add(600*time.Millisecond + time.Duration(m.rnd.Int64N(int64(took-1200*time.Millisecond))))
			if at.Before(m.now().Add(-5*time.Second)) && m.knownAlone(at) && !m.Failed() {
				m.Errorf("%s, at %s: of %s, when the kernel departed (%s to %s), somebody is named alone", when, stamp(m.now()), stamp(at), stamp(d.From), stamp(d.To))
			}
		}
	}
}
