package api

import (
	"fmt"
	"time"

	"github.com/cgnkit/cgnkit/alloc/ledger"
	"github.com/cgnkit/cgnkit/internal/daemon"
)

// sourceProblem returns what is wrong with ledger or plan file; ok is false where nothing is.
func sourceProblem(s *daemon.Snapshot) (p daemon.Problem, ok bool) {
	for _, p := range s.Problems {
		if p.Code == "source" {
			return p, true
		}
	}
	return p, false
}

// stale says that there may be records that the daemon does not know.
func stale(s *daemon.Snapshot) []string {
	p, ok := sourceProblem(s)
	if !ok {
		return []string{}
	}
	return []string{fmt.Sprintf("the source has not been readable since %s: this is what it said at %s, and what was recorded since is not known: %s",
		p.Since.UTC().Format(time.RFC3339), s.Read.UTC().Format(time.RFC3339), p.Text)}
}

// doubts says why an answer about who had ports may be wrong.
func doubts(s *daemon.Snapshot) []string {
	out := stale(s)
	if !s.Unsure.IsZero() {
		out = append(out, fmt.Sprintf("the kernel may not have had what the ledger says since %s: from then on what was in force before is possible, too", s.Unsure.UTC().Format(time.RFC3339Nano)))
	}
	for _, sha := range s.Had {
		if sha == "" {
			out = append(out, "the ledger was changed, or somebody began to apply a plan, since it was read: that plan is possible, too; ask again in a moment")
			continue
		}
		if sha == ledger.Anything {
			out = append(out, "the kernel had other plans since then for a while, and nobody knows which, so nobody can say who had ports by them")
			continue
		}
		out = append(out, fmt.Sprintf("the kernel had plan %.12s since then for a while, which is possible, too; where the ledger does not know it, nobody can say who had ports by it", sha))
	}
	if s.InForce != "" && s.Wanted != "" && s.InForce != s.Wanted && s.Unsure.IsZero() {
		out = append(out, fmt.Sprintf("the kernel has plan %.12s now, and plan %.12s is to be in force by what was read", s.InForce, s.Wanted))
	}
	for _, p := range s.Problems {
		if p.Code == "clock" || p.Code == "pending" {
			out = append(out, p.Text)
		}
	}
	return out
}

// departure returns why the kernel may give ports to others than its plan says, though it has it; ok is false where it does not.
func departure(s *daemon.Snapshot) (p daemon.Problem, ok bool) {
	if s.Departed.IsZero() { // what is wrong gives no port to anybody
		return p, false
	}
	for _, p := range s.Problems {
		if p.Code == "kernel" || p.Code == "drift" || p.Code == "verify" {
			return p, true
		}
	}
	return p, false
}

// wasDeparted says so of times that are over, of a window in which any of one lies.
func wasDeparted(s *daemon.Snapshot, from, to time.Time) (out []string) {
	for _, d := range s.Departures {
		if d.Overlaps(from, to) {
			out = append(out, fmt.Sprintf("somebody had changed the kernel between %s and %s: it is not known who had the port then",
				d.From.UTC().Format(time.RFC3339Nano), d.To.UTC().Format(time.RFC3339Nano)))
		}
	}
	return out
}

// departed says so of a window that reaches into it; "" = it does not.
func departed(s *daemon.Snapshot, to time.Time) string {
	p, ok := departure(s)
	if !ok || to.Before(s.Departed) {
		return ""
	}
	return fmt.Sprintf("%s: it was noticed at %s, and may be so since %s: it is not known who had the port from then on",
		p.Text, p.Since.UTC().Format(time.RFC3339), s.Departed.UTC().Format(time.RFC3339Nano))
}
