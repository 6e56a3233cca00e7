package daemon

import (
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/cgnkit/cgnkit/alloc"
	"github.com/cgnkit/cgnkit/alloc/ledger"
)

// Connections may outlive the plan by which they were made. Apply ends those that contradict its plan. Where somebody gives the kernel another plan, or other
// elements, and takes that back himself, nobody does, and subscribers have ports of others until such connections are gone. So a plan by hand is over when
// these are, and not when the kernel has the right one again.

const (
	leftEvery = 10 * time.Second // how often connections that are only reported are counted
	leftShare = 50               // of the time, at most one part in so many goes to that
)

// leftDue reports whether it is to be looked for connections that something else has left than what the kernel has.
func (l *loop) leftDue(now time.Time) bool {
	waits := (l.redo == "drift" || l.redo == refusedAtStart) && len(l.open.had) == 0 && now.Before(l.repairAt) // what is refused may be something else
	if !l.has || l.foreign || l.unread() || l.redo != "" && !waits || l.inForce.SHA256 != l.applied.sha256 || now.Before(l.leftAt) {
		return false
	}
	return len(l.open.had) > 0 && l.isRight(l.applied.sha256) || l.departed && l.isEqual()
}

// isEqual reports whether the kernel was equal to the plan when it was compared last, as far as that can give ports to others, and nobody has changed it since.
func (l *loop) isEqual() bool { return !l.changed() && l.misleading == 0 }

// leftovers looks for such connections, and has them forgotten if the kernel is to be repaired.
func (l *loop) leftovers() {
	backend, plan, forget, line, had := l.o.Backend, l.plan.Load(), !l.o.Report, l.timeline, l.open.had
	l.start("verify", func() func() {
		begun := time.Now()
		n, err := backend.Leftover(plan, line.plansOf(had), forget)
		took := time.Since(begun)
		in, inErr := backend.InForce()
		return func() {
			if inErr != nil || in.SHA256 != plan.SHA256() || errors.Is(err, errGivenUp) {
				l.lookedAt, l.leftAt = time.Time{}, time.Now().Add(lookEvery)
				return
			}
			l.haveLeft(n, err, forget, took)
		}
	})
}

// haveLeft notes what was found.
func (l *loop) haveLeft(n int, err error, forget bool, took time.Duration) {
	l.leftAt = time.Now().Add(max(leftEvery, leftShare*took))
	was := l.leftBad
	if l.leftBad = err != nil; err != nil {
		l.trouble("verify", fmt.Sprintf("somebody gave the kernel something else than plan %.12s for a while, and whether there are connections of that time cannot be looked at: %v", l.applied.sha256, err), false)
		return
	}
	if was {
		l.over("verify")
	}
	if n > 0 && !forget {
		if l.left == 0 {
			l.snapshot.Drift.Found++
		}
		l.left = n
		l.sayLeft()
		return
	}
	l.left, l.leftAt = 0, time.Now().Add(max(lookEvery, leftShare*took)) // what is open may be so again at once, where the clock was set back
	if n > 0 {
		l.log.Info("connections that contradict the plan were forgotten", "plan_sha256", l.applied.sha256, "connections", n)
	}
	if l.isEqual() {
		if l.departed, l.departure.misled = false, false; l.snapshot.Verify.Differences == 0 {
			l.over("drift")
		}
	}
	if len(l.open.had) > 0 && l.isRight(l.applied.sha256) {
		l.sayLate(attempt{want: l.applied, before: InForce{SHA256: l.applied.sha256}, open: l.open, switched: l.wall()})
	}
}

// sayLeft says that there are such connections.
func (l *loop) sayLeft() {
	text := fmt.Sprintf("the kernel has plan %.12s again, and connections that were made by something else go on: they may have ports of other subscribers; cgnctl apply ends those with outside addresses of its plan, and conntrack -D -q ADDRESS those with others", l.applied.sha256)
	l.snapshot.Drift.Last, l.snapshot.Drift.Examples = l.wall(), []string{fmt.Sprintf("%d connections contradict plan %.12s", l.left, l.applied.sha256)}
	l.trouble("drift", text, false)
}

// leftNone ends what is known of such connections: an apply has ended them.
func (l *loop) leftNone() { l.left, l.departed, l.leftAt = 0, false, time.Time{} }

// departs notes that the kernel was seen with something else than it is to have.
func (l *loop) departs() { l.departed, l.leftAt = true, time.Time{} }

// endsAll reports whether an apply ended the connections of all plans of which it is open whether the kernel had them: where there is none but its own.
// It knows which plan it has replaced, but the one that was seen before may have been gone by then.
func (a attempt) endsAll() bool {
	return !slices.ContainsFunc(a.open.had, func(sha string) bool { return sha != a.want.sha256 })
}

// stays returns what an apply that does not end all connections leaves open.
func (a attempt) stays(since time.Time) doubt {
	if a.before.SHA256 == "" || a.before.SHA256 == a.want.sha256 {
		return a.open
	}
	return a.open.and(doubt{earlier(a.open.since, since), []string{a.before.SHA256}})
}

// plansOf returns those of some plans that a source knows.
func (t *timeline) plansOf(had []string) (plans []*alloc.Plan) {
	if t.ledger == nil {
		return nil
	}
	for _, sha := range had {
		i := slices.IndexFunc(plans, func(p *alloc.Plan) bool { return p.SHA256() == sha })
		if i >= 0 || !t.ledger.Knows(sha) {
			continue
		}
		if p, err := t.ledger.Plan(ledger.Epoch{PlanSHA256: sha}); err == nil {
			plans = append(plans, p)
		}
	}
	return plans
}
