package daemon

import (
	"context"
	"log/slog"
	"slices"
	"sync/atomic"
	"time"

	"github.com/cgnkit/cgnkit/alloc"
	"github.com/cgnkit/cgnkit/alloc/ledger"
)

// Options are what a daemon is made of. Source, Backend and Log are required.
type Options struct {
	Instance, Name string // of the instance and of the backend, for people
	Source         Source
	Backend        Backend
	Log            *slog.Logger
	// Report says that drift is only reported. The zero value repairs.
	Report bool
	// VerifyEvery is how often the kernel is compared whole, besides when somebody may have changed it. 0 = 5 minutes.
	VerifyEvery time.Duration
	// Now is the clock on the wall, which may jump; nil = that of the system. How long something takes is measured with the
	// monotonic clock of package time.
	Now func() time.Time
	// Uptime names the run of the machine, and says for how long it has been running, sleep included, whatever the clock on the wall is set to; nil = that is
	// not known, and "" neither.
	Uptime func() (boot string, up time.Duration)
	// Notify tells the service manager: "READY=1", "STATUS=…", "WATCHDOG=1", "STOPPING=1". nil = nobody is told.
	Notify func(state string)
}

// The times that the daemon keeps.
const (
	lookEvery    = time.Second            // how often file and kernel are looked at
	lateAfter    = 100 * time.Millisecond // how late an epoch may be in force without a record
	sayLateAfter = 5 * time.Second        // how late it may be without a word
	prepareAgain = 2 * time.Second        // after a failure
	lateOften    = 10 * time.Second       // how often such a record is tried again
	endPatience  = time.Second / 2        // how long the end waits for a disk
	lateFor      = 5 * time.Minute        // how long a lateness that is recorded is shown
	leapFor      = 15 * time.Minute       // how long a clock that was set forward may be set back, before what follows from it is recorded
	seenEvery    = time.Minute            // how often it is noted on disk that the kernel has what it is to have
	maxHad       = 16                     // plans that are told apart which the kernel had by somebody's hand; the last one stands for all further ones
	stepOver     = 2 * time.Second        // what the two clocks may differ between two passes before it is a step
	backOver     = time.Millisecond       // what it may be behind the other one before times come twice
	steadyFor    = time.Minute            // how long after a step back no earlier epoch is gone back to
	clockFor     = 5 * time.Minute        // how long a step is shown
	rereadEvery  = 10 * time.Second       // how often a file that cannot be read is tried again
	foreignFor   = ledger.Patience        // how long to wait for somebody who is about to record what he applied
	tidyAfter    = 5 * time.Second        // how long after such work memory is given back
	workLimit    = 10 * time.Minute       // work that takes longer hangs: the watchdog is no longer told that all is well
	maxBackoff   = time.Minute
	// Between repairs while somebody undoes them: subscribers have nothing meanwhile, so it is short.
	maxRepairWait = 3 * time.Second
	calmAfter     = 5 * time.Minute // a repair this long after the one before is the first of a row again
	defaultEvery  = 5 * time.Minute
	idleShare     = 500              // of the time, at most one part in so many goes to comparisons without a reason
	verifyAgain   = 10 * time.Second // after a comparison that failed
	beforeEpoch   = 10 * time.Second // how long before an epoch is prepared the kernel is compared at the latest
	verifyShare   = 10               // of the time, at most one part in so many goes to comparisons because somebody changed something
	maxExamples   = 20               // of differences that are kept and logged
)

// A Daemon makes the kernel follow a plan. Make one with New. Its methods may be called by anybody at any time, Run once.
type Daemon struct {
	o      Options
	reload chan struct{}
	public atomic.Pointer[published]
	plan   held

	unheard atomic.Pointer[string]
	looked  atomic.Pointer[time.Time] // when the kernel said last which plan it has, whoever asked
}

// New returns a daemon that has not begun.
func New(o Options) *Daemon {
	if o.VerifyEvery == 0 {
		o.VerifyEvery = defaultEvery
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Uptime == nil {
		o.Uptime = func() (string, time.Duration) { return "", 0 }
	}
	if o.Notify == nil {
		o.Notify = func(string) {}
	}
	d := &Daemon{o: o, reload: make(chan struct{}, 1)}
	d.plan.is.Store(&Holding{})
	d.o.Backend = noting{watched{o.Backend, &d.looked}, &d.plan}
	d.public.Store(&published{shot: &Snapshot{Instance: o.Instance, Backend: o.Name, Problems: []Problem{}, Drift: DriftInfo{Examples: []string{}}}})
	return d
}

// What is published is what was known at an instant: the state, and the ledger by which it came about. One without the other would be an answer that
// nobody has found out: by a ledger that the kernel does not follow yet, and without a word about that.
type published struct {
	shot   *Snapshot
	ledger *ledger.Ledger // nil = there is none, or it could not be read yet
	fresh  freshness
}

// A freshness says what the source was when it was read, and when it was that last.
type freshness struct {
	mark string
	at   time.Time // zero = it was not read
}

// Snapshot returns the present state. It costs nothing.
func (d *Daemon) Snapshot() *Snapshot { return d.public.Load().shot }

// Asked returns the present state for a question about who had ports, and the ledger that is to be asked: where that was changed, or somebody began to apply,
// since it was read, another plan is possible since then, of which nothing is known yet; Had has "" for it. It looks at two files.
func (d *Daemon) Asked() (*Snapshot, *ledger.Ledger) {
	k := d.public.Load()
	if k.fresh.at.IsZero() || !d.o.Source.ledger || d.o.Source.mark()+"\n"+d.o.Source.intentMark() == k.fresh.mark {
		return k.shot, k.ledger
	}
	out := *k.shot
	out.Unsure, out.Had = earlier(k.shot.Unsure, k.fresh.at), append(slices.Clone(k.shot.Had), "")
	return &out, k.ledger
}

// Plan returns the plan that the daemon has applied, or nil before it has.
func (d *Daemon) Plan() *alloc.Plan { return d.plan.Load() }

// Holding returns which plan the kernel has, as far as is known: another one while that is. Ask Snapshot or Asked before.
func (d *Daemon) Holding() *Holding { return d.plan.is.Load() }

// Ledger returns the ledger as it was read last, or nil: with a plan file, and before it could be read. It must not be closed. Who asks it about the
// present asks Asked for it.
func (d *Daemon) Ledger() *ledger.Ledger { return d.public.Load().ledger }

// Reload has the daemon read its files anew. It does not wait.
func (d *Daemon) Reload() {
	select {
	case d.reload <- struct{}{}:
	default: // one that has not begun is enough
	}
}

// Run does the daemon's work until the context ends. It leaves the kernel as it is, and does not wait for what is under way
// there: a transaction is whole or not at all.
func (d *Daemon) Run(ctx context.Context) {
	l := newLoop(d)
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		select {
		case <-ctx.Done():
			l.giveUp()
			d.o.Notify("STOPPING=1")
			l.keepAtEnd(time.After(endPatience))
			d.o.Source.release()
			return
		case <-timer.C:
		case <-d.reload:
			l.reread, l.retryAt, l.repairAt = true, time.Time{}, time.Time{} // after what is being prepared: that looks after its file itself
		case settle := <-l.done:
			l.settle(settle)
		}
		l.watchClock()
		l.decide()
		l.publish()
		timer.Reset(l.wake())
	}
}
