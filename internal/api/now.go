package api

import (
	"fmt"
	"net/http"
	"time"

	"github.com/cgnkit/cgnkit/alloc"
	"github.com/cgnkit/cgnkit/alloc/ledger"
	"github.com/cgnkit/cgnkit/internal/daemon"
)

// answerNow asks the plans that the kernel may have now. Without a ledger nothing is known of any other time.
func (s *server) answerNow(q traceQuestion, shot *daemon.Snapshot, a *traceAnswer) error {
	const file = "the daemon follows a plan file, which knows of no time but now; a ledger does"
	has, at := s.holding()
	port, known := q.Port.Number()
	switch {
	case has.Plan == nil:
		return errNoPlan
	case q.hasTime:
		return failf(http.StatusBadRequest, "at: "+file)
	case q.hasTolerance:
		return failf(http.StatusBadRequest, "tolerance: "+file)
	case !known:
		return failf(http.StatusBadRequest, "port: without a ledger it is required")
	}
	c, who := ofPlan(has.Plan, q, port)
	a.From, a.To, a.Status, a.Candidates = at, at, c.Status, []candidate{c}
	if has.Other != nil {
		a.Warnings = append(a.Warnings, otherText(has)+"; ask again in a moment")
		if c, other := ofPlan(has.Other, q, port); c.Status != a.Status || other != who {
			a.Status, a.Candidates = "ambiguous", append(a.Candidates, c)
		}
	}
	if text := elsewhere(shot, has); text != "" {
		a.Status, a.Candidates = "ambiguous", append(a.Candidates, candidate{Status: ledger.Candidate{}.StatusText()})
		a.Warnings = append(a.Warnings, text)
	}
	return nil
}

// holding returns which plan the kernel has, and an instant at which it was so.
func (s *server) holding() (has *daemon.Holding, at time.Time) {
	for {
		if has, at = s.Daemon.Holding(), s.Now().UTC(); has == s.Daemon.Holding() {
			return has, at
		}
	}
}

// ofPlan asks one plan.
func ofPlan(plan *alloc.Plan, q traceQuestion, port uint16) (c candidate, who alloc.Subscriber) {
	t := plan.Trace(q.Outside, port)
	c = candidate{Status: t.Status().String(), SHA256: plan.SHA256()}
	if share, ok := t.Allocation(); ok {
		c.fill(share)
		who = share.Subscriber()
	}
	return c, who
}

// otherText says that the kernel may have another plan than the one that was applied last.
func otherText(has *daemon.Holding) string {
	return fmt.Sprintf("the kernel may have plan %.12s or plan %.12s: one is taking the place of the other, or did so and that did not end well", has.Plan.SHA256(), has.Other.SHA256())
}

// elsewhere says why the kernel may have none of the plans that it should have now; "" = it has one of them.
func elsewhere(s *daemon.Snapshot, has *daemon.Holding) string {
	if s.InForce != has.Plan.SHA256() || has.Unknown {
		return fmt.Sprintf("the kernel does not have plan %.12s, so it is not known who has the port", has.Plan.SHA256())
	}
	if p, ok := departure(s); ok {
		return p.Text + ": it is not known who has the port"
	}
	return ""
}
