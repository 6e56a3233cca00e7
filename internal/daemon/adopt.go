package daemon

import (
	"errors"
	"time"

	"github.com/cgnkit/cgnkit/alloc"
	"github.com/cgnkit/cgnkit/alloc/ledger"
)

// Where what is to be in force is refused when a daemon begins, the plan of the daemon before stays in force, which may be the same one. It is looked after then
// as if this daemon had applied it: compared, repaired, and asked about.

// refusedAtStart is why a plan that the kernel had is applied once more: as at a start, what somebody has changed may only be told.
const refusedAtStart = "it was refused when this daemon began"

// errNoHeir is a kernel whose plan is not what the daemon before noted.
var errNoHeir = errors.New("the kernel has something else than the daemon before noted")

// adoptDue reports whether the kernel may have such a plan.
func (l *loop) adoptDue(now time.Time) bool {
	if l.has || l.failures == 0 || l.timeline == nil || l.timeline.ledger == nil || l.unread() || l.inForce.SHA256 == "" || !l.pendingSince.IsZero() || now.Before(l.adoptAt) {
		return false
	}
	_, err := l.timeline.at(l.wall())
	return err == nil
}

// adopt takes that plan for applied.
func (l *loop) adopt() {
	backend, line, now := l.o.Backend, l.timeline, l.wall()
	l.start("look", func() func() {
		at := time.Now()
		in, err := backend.InForce()
		m := line.ledger.Recall()
		var t target
		var plan *alloc.Plan
		if err == nil {
			if t, err = line.at(now); err != nil || t.sha256 != in.SHA256 {
				t, err = line.of(m, in.SHA256)
			}
			if err == nil {
				plan, err = t.plan()
			}
		}
		return func() {
			if err != nil || l.timeline != line {
				l.adoptAt = time.Now().Add(rereadEvery)
				return
			}
			l.haveAdopted(t, plan, m, in, at)
		}
	})
}

func (l *loop) haveAdopted(t target, plan *alloc.Plan, m memory, in InForce, at time.Time) {
	l.untidy()
	l.saw(in.SHA256, at)
	l.open = l.open.and(doubt{m.Since, m.Had})
	if l.leapt.IsZero() {
		l.leapt = m.Leapt
	}
	l.applied, l.has, l.inForce, l.rightAt = t, true, in, at
	l.plan.Store(plan)
	if l.isRight(t.sha256) {
		l.redo, l.repairs, l.repairAt = refusedAtStart, l.failures, l.retryAt
		l.failures, l.retryAt = 0, time.Time{}
	}
	l.log.Info("what is to be in force was refused: what the kernel has stays in force", "plan_sha256", t.sha256, "epoch", t.epoch.Seq)
}

// of returns the epoch to which a kernel that has a plan has come by what is remembered.
func (t *timeline) of(m memory, has string) (target, error) {
	if m.PlanSHA256 != has {
		return target{}, errNoHeir
	}
	var found target
	for e := range t.ledger.Epochs() {
		if e.From.Equal(m.From) && e.PlanSHA256 == has && !e.Stray {
			found = t.targetOf(e)
		}
	}
	if found.plan == nil {
		return target{}, errNoHeir
	}
	return found, nil
}

// targetOf returns an epoch as what is to be in force.
func (t *timeline) targetOf(e ledger.Epoch) target {
	return target{sha256: e.PlanSHA256, epoch: e, plan: func() (*alloc.Plan, error) { return t.ledger.Plan(e) }}
}
