package daemon

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"net/netip"
	"os"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/cgnkit/cgnkit/internal/testseed"

	"github.com/cgnkit/cgnkit/alloc"
	"github.com/cgnkit/cgnkit/alloc/ledger"
)

// A mortalBackend is a kernel whose changes are noted, and to which a daemon that was killed does nothing any longer.
type mortalBackend struct {
	*fakeBackend
	dead atomic.Bool
	note func()
}

func (b *mortalBackend) Apply(plan *alloc.Plan, wait func() error) (Applied, error) {
	if b.dead.Load() {
		return Applied{}, errors.New("it was killed")
	}
	a, err := b.fakeBackend.Apply(plan, wait)
	b.note()
	return a, err
}

// A tick is a plan that the kernel had from an instant on, until another one by the same clock where that is not zero; "" = none.
type tick struct {
	at, end time.Time
	sha     string
}

// A model plays a daemon, its kernel and its ledger at random, and knows what the kernel had at every instant.
type model struct {
	*rig
	rnd    *rand.Rand
	b      *mortalBackend
	had    []tick
	script []string
	up     bool
	upAt   time.Time
	handAt time.Time // when somebody gave the kernel a plan last; not on the wall
	setAt  time.Time // when the clock was set last
	downAt time.Time // when the daemon ended last
	away   bool      // the ledger cannot be read
	boots  int
	bootAt time.Time
}

// What may happen in a model.
type modelOf struct{ report, byHand, kill, graceful, refuse, unreadable, flush, boot, clock bool }

// briefly is for how long the kernel may have a plan that nobody sees: it is looked at every second.
const briefly = lookEvery + lateAfter + 100*time.Millisecond

// TestModel plays histories in which others change the kernel, the daemon is killed or stopped, the kernel refuses, the ledger is away, and the clock is set
// forward and back, whether a daemon runs or not. It asks the daemon about the present, and daemon and ledger about random instants, each time that the clock said so, after whatever happened and at the end: what the
// kernel had for longer than it takes to be seen is never missing in the answer.
func TestModel(t *testing.T) {
	seeds := rand.New(rand.NewPCG(testseed.New(t), 7))
	for _, of := range []modelOf{
		{byHand: true}, {byHand: true, kill: true, graceful: true}, {report: true, byHand: true, kill: true}, {kill: true, graceful: true, unreadable: true, flush: true},
		{byHand: true, kill: true, graceful: true, refuse: true, flush: true}, {byHand: true, unreadable: true, refuse: true},
		{byHand: true, unreadable: true, kill: true, graceful: true, flush: true}, {byHand: true, unreadable: true, boot: true, report: true},
		{clock: true}, {clock: true, kill: true, graceful: true}, {clock: true, byHand: true, unreadable: true, refuse: true, flush: true},
		{clock: true, byHand: true, kill: true, graceful: true, refuse: true, flush: true}, {clock: true, report: true, byHand: true, kill: true},
		{clock: true, byHand: true, unreadable: true, kill: true, graceful: true, refuse: true, flush: true, boot: true},
	} {
		for n := range 10 {
			seed := seeds.Uint64()
			t.Run(fmt.Sprintf("%+v/%d", of, n), func(t *testing.T) { playModel(t, of, seed) })
		}
	}
}

func playModel(t *testing.T, of modelOf, seed uint64) {
	m := &model{rnd: rand.New(rand.NewPCG(seed, 7))}
	inBubble(t, "l.jsonl", func(r *rig) {
		m.rig = r
		r.add(1, 0)
		r.options.Report = of.report
		r.b.takes = time.Duration(m.rnd.IntN(3000)) * time.Millisecond
		r.b.ahead = time.Duration(m.rnd.IntN(2)*4) * time.Second
		m.b = &mortalBackend{fakeBackend: r.b, note: m.note}
		r.options.Backend, m.up = m.b, true
		r.options.Uptime = func() (string, time.Duration) { return fmt.Sprint("run ", m.boots), time.Since(m.bootAt) }
		m.bootAt = time.Now()
	}, func(r *rig) {
		r.after(10 * time.Second)
		for range 25 {
			most := []time.Duration{3 * time.Second, 30 * time.Second, 4 * time.Minute}[m.rnd.IntN(3)]
			time.Sleep(time.Duration(m.rnd.Int64N(int64(most))))
			m.step(of)
			m.askNow()
			m.askPast()
		}
		if m.away {
			m.move()
		}
		r.b.do(func() { r.b.refuse = nil })
		if !m.up {
			m.start()
		}
		r.after(40 * time.Minute)
		m.check()
		m.settled()
		if t.Failed() {
			t.Logf("seed %#x\n%v\n%v", seed, m.script, m.history())
		}
		r.end()
	})
}

// step has one thing happen.
func (m *model) step(of modelOf) {
	switch n := m.rnd.IntN(10); {
	case n < 2 && !m.away:
		m.addEpoch()
	case n == 2 && of.byHand && m.up && time.Since(m.upAt) > 8*time.Second && m.rig.d.Snapshot().Doing == "":
		k := 1 + m.rnd.IntN(5)
		m.say("plan %d by hand", k)
		m.handAt = time.Now()
		m.byHand(k)
		m.note()
	case n == 3 && m.up && (of.kill || of.graceful) && time.Since(m.handAt) > briefly: // what is gone before anybody looks cannot be known
		m.stop(of.kill && (!of.graceful || m.rnd.IntN(2) == 0))
	case n == 3 && !m.up:
		m.start()
	case n == 4 && of.refuse:
		m.say("refuse or no longer")
		m.b.do(func() {
			if m.b.refuse == nil {
				m.b.refuse = errRefused
			} else {
				m.b.refuse = nil
			}
		})
	case n == 5 && of.unreadable:
		m.say("the ledger is away or back")
		m.move()
	case n == 6 && of.flush:
		m.say("flush")
		m.byHand(0)
		m.note()
	case n == 7 && of.boot && m.up && time.Since(m.handAt) > briefly:
		m.stop(true)
		m.say("the machine starts again")
		m.byHand(0)
		m.note()
		m.boots, m.bootAt = m.boots+1, time.Now()
		time.Sleep(time.Duration(m.rnd.IntN(20)) * time.Second)
		m.start()
	case n >= 8 && of.clock && m.seesClock(): // else nobody can know what it said in between
		m.set(time.Duration(m.rnd.IntN(240)-120) * time.Second * []time.Duration{1, 1, 10}[m.rnd.IntN(3)])
	}
}

func (m *model) say(format string, args ...any) {
	m.script = append(m.script, m.now().UTC().Format("15:04:05.000 ")+fmt.Sprintf(format, args...)+"\n")
}

// history is what the kernel had, and what the ledger says, for people.
func (m *model) history() string {
	var b strings.Builder
	for _, k := range m.had {
		fmt.Fprintf(&b, "kernel from %s until %s: plan %d\n", stamp(k.at), stamp(k.end), m.number(k.sha))
	}
	led, err := ledger.Open(m.path)
	if err != nil {
		return err.Error()
	}
	defer led.Close()
	for e := range led.Epochs() {
		fmt.Fprintf(&b, "epoch %d from %s settled %s added %s: plan %d %s\n", e.Seq, stamp(e.From), stamp(e.Settled), stamp(e.Added), m.number(e.PlanSHA256), e.Note)
	}
	return b.String() + m.logged()
}

// number returns which plan it is, 7 = none of them.
func (m *model) number(sha string) (n int) {
	for n = range 7 {
		if m.plan(n).SHA256() == sha {
			return n
		}
	}
	return 7
}

// note notes what the kernel has.
func (m *model) note() {
	m.b.do(func() {
		if n := len(m.had); n == 0 || m.had[n-1].sha != m.b.sha {
			m.had = append(m.had, tick{at: m.now(), sha: m.b.sha})
		}
	})
}

// seesClock reports whether a daemon has seen the clock since it was set last, or was there then.
func (m *model) seesClock() bool {
	if !m.up {
		return m.downAt.Sub(m.setAt) > briefly
	}
	return time.Since(m.setAt) > briefly && time.Since(m.upAt) > 8*time.Second
}

// set sets the clock.
func (m *model) set(by time.Duration) {
	m.say("the clock by %v", by)
	m.setAt = time.Now()
	m.b.do(func() {
		if n := len(m.had); n > 0 {
			m.had[n-1].end = m.now()
		}
		m.rig.step(by)
		m.had = append(m.had, tick{at: m.now(), sha: m.b.sha})
	})
}

func (m *model) addEpoch() {
	n, in := 1+m.rnd.IntN(4), time.Duration(m.rnd.IntN(90))*time.Second
	w, err := ledger.Edit(m.path)
	if err != nil {
		m.Fatal(err)
	}
	defer w.Close()
	now := m.now().UTC().Truncate(time.Millisecond)
	_, err = w.Add(ledger.Entry{Plan: m.plan(n), From: now.Add(in), Now: now}) // it may lie before the last one
	m.say("plan %d in %v: %v", n, in, err)
}

func (m *model) move() {
	from, to := m.path, m.path+".away"
	if m.away {
		from, to = to, from
	}
	m.away = !m.away
	if err := os.Rename(from, to); err != nil {
		m.Fatal(err)
	}
}

// stop ends the daemon, or kills it, so that nothing is written by it any more.
func (m *model) stop(kill bool) {
	m.say("the daemon ends, killed: %t", kill)
	kept, err := os.ReadFile(m.path + ledger.MemorySuffix)
	m.b.dead.Store(kill)
	m.end()
	if kill && err == nil {
		if err := os.WriteFile(m.path+ledger.MemorySuffix, kept, 0o600); err != nil {
			m.Fatal(err)
		}
	}
	m.up, m.downAt = false, time.Now()
}

func (m *model) start() {
	m.say("the daemon begins")
	m.b = &mortalBackend{fakeBackend: m.rig.b, note: m.note}
	m.options.Backend = m.b
	m.restart(func() {})
	m.up, m.upAt = true, time.Now()
}

// check asks the ledger about instants at random, and about those at the ends of what the kernel had.
func (m *model) check() {
	led := m.heeded()
	defer led.Close()
	m.askAll(led, ledger.Question{}, 0, 20)
}

// heeded is the ledger as cgnctl reads it.
func (m *model) heeded() *ledger.Ledger {
	led, err := ledger.Open(m.path)
	if err == nil {
		err = led.Heed(m.now())
	}
	if err != nil {
		m.Fatal(err)
	}
	return led
}

// askAll asks about instants, of which some are taken at random, in each time that was over a while ago.
func (m *model) askAll(led *ledger.Ledger, q ledger.Question, ago time.Duration, n int) {
	for i, k := range m.had {
		now := m.now().Add(-ago)
		end := now
		if !k.end.IsZero() {
			end = k.end
		} else if i+1 < len(m.had) {
			end = m.had[i+1].at
		}
		if end.After(now) { // by a clock that was ahead: that time is to come once more
			end = now
		}
		if k.sha == "" || end.Sub(k.at) < briefly {
			continue
		}
		first, last := k.at.Add(5*time.Millisecond), end.Add(-lateAfter-5*time.Millisecond)
		m.ask(led, q, first, k.sha)
		m.ask(led, q, last, k.sha)
		for range n {
			m.ask(led, q, first.Add(time.Duration(m.rnd.Int64N(int64(last.Sub(first))))), k.sha)
		}
	}
}

// settled fails the test where the present is still in doubt when nothing has happened for long, and all times that were lived through are over.
func (m *model) settled() {
	for _, k := range m.had {
		if k.end.After(m.now()) {
			return
		}
	}
	if s := m.d.Snapshot(); !s.Unsure.IsZero() && s.Healthy {
		m.Errorf("unsure since %s, %v", stamp(s.Unsure), s.Had)
	}
}

// askNow asks the daemon about the present, as soon as it may know.
func (m *model) askNow() {
	if !m.up || m.away || time.Since(m.handAt) < 4*time.Second || time.Since(m.setAt) < 4*time.Second || time.Since(m.upAt) < 8*time.Second {
		return
	}
	m.after(0)
	sha := m.seen().sha
	if s, led := m.d.Asked(); sha != "" && led != nil && problem(s, "source") == "" {
		m.askOf(led, ledger.Question{From: m.now(), To: m.now(), Unsure: s.Unsure, Had: s.Had}, sha)
	}
}

// askPast asks about what is over by now, the daemon and the files beside it, as soon as they may know.
func (m *model) askPast() {
	if m.away || time.Since(m.handAt) < 8*time.Second || time.Since(m.setAt) < 8*time.Second || m.up && time.Since(m.upAt) < 12*time.Second {
		return
	}
	if !m.up && (m.downAt.Before(m.setAt) || m.downAt.Sub(m.upAt) < 12*time.Second) { // none has seen what there is since
		return
	}
	m.after(0)
	if s, led := m.d.Asked(); m.up && led != nil && problem(s, "source") == "" {
		m.askAll(led, ledger.Question{Unsure: s.Unsure, Had: s.Had}, 3*time.Second, 3)
	}
	led := m.heeded()
	defer led.Close()
	m.askAll(led, ledger.Question{}, 3*time.Second, 3)
}

func (m *model) ask(led *ledger.Ledger, q ledger.Question, at time.Time, sha string) {
	q.From, q.To = at, at
	m.askOf(led, q, sha)
}

// askOf fails the test where the answer about a port that a plan gives to somebody has neither him nor that it is not known.
func (m *model) askOf(led *ledger.Ledger, q ledger.Question, sha string) {
	if m.Failed() { // once is enough
		return
	}
	n := m.number(sha)
	q.Outside, q.Port = netip.AddrFrom4([4]byte{198, 18, byte(n), 1}), ledger.PortOf(5000)
	share, _ := m.plan(n).Trace(q.Outside, 5000).Allocation()
	a, err := led.Trace(q)
	if err != nil {
		return // nothing covers the time, and nobody is named
	}
	for _, c := range a.Candidates {
		if who, ok := c.Subscriber(); c.Status == 0 || ok && who == share.Subscriber() {
			return
		}
	}
	m.Errorf("at %s the kernel had plan %d, and the answer is %v", stamp(q.From), n, a.Candidates)
}
