package api

import (
	"errors"
	"io"
	"net/http"
	"time"

	"github.com/cgnkit/cgnkit/alloc/ledger"
	"github.com/cgnkit/cgnkit/alloc/planfile"
)

// maxPlan is how long the body with a plan may be.
const maxPlan = 4 << 20

var addKeys = []string{"from", "by", "note"}

// A NewEpoch is an epoch that somebody wants to have recorded.
type NewEpoch struct {
	Plan []byte // a plan file
	From time.Time
	By   string
	Note string
}

// ErrPlan means: a plan for an epoch is not valid, or the backend cannot do what it asks for.
var ErrPlan = errors.New("the plan cannot be used")

// addEpoch records an epoch. The daemon follows the ledger, so that the kernel gets the plan at its instant.
func (s *server) addEpoch(r *http.Request) (any, error) {
	if s.AddEpoch == nil {
		return nil, failf(http.StatusConflict, "the daemon follows a plan file and not a ledger")
	}
	if p, bad := sourceProblem(s.Daemon.Snapshot()); bad {
		return nil, failf(http.StatusServiceUnavailable, "nothing was recorded: the daemon does not follow the ledger at the moment: %s", p.Text)
	}
	en, err := parseEpoch(r)
	if err != nil {
		return nil, err
	}
	if en.Plan, err = io.ReadAll(r.Body); err != nil {
		if tooLarge := (*http.MaxBytesError)(nil); errors.As(err, &tooLarge) {
			return nil, failf(http.StatusRequestEntityTooLarge, "the plan has more than %d bytes", maxPlan)
		}
		return nil, failf(http.StatusBadRequest, "the body cannot be read: %v", err)
	}
	if !en.From.After(s.Now()) {
		return nil, failf(http.StatusConflict, "from: %s does not lie ahead: subscribers cannot have had other ports than they had", en.From.Format(time.RFC3339Nano))
	}
	added, err := s.AddEpoch(en)
	if err != nil {
		return nil, unrecorded(err)
	}
	who := callerOf(r.Context())
	s.Log.Info("epoch recorded", "epoch", added.Seq, "from", added.From, "plan_sha256", added.SHA256, "by", added.By, "who", who.String(), "remote", who.remote)
	s.Daemon.Reload()
	return added, nil
}

// parseEpoch reads the query of an epoch.
func parseEpoch(r *http.Request) (en NewEpoch, err error) {
	v, err := parseQuery(r.URL.RawQuery, addKeys)
	if err != nil {
		return en, err
	}
	first, last, err := ledger.ParseTime(v.Get("from"))
	if err != nil || last.Sub(first) >= time.Second {
		return en, failf(http.StatusBadRequest, "from: %q: want an instant with seconds and an offset", v.Get("from"))
	}
	en.From, en.By, en.Note = first, v.Get("by"), v.Get("note")
	who := callerOf(r.Context())
	switch {
	case en.By == "":
		en.By = who.String()
	case who.token != "": // which is known, and the other is said
		en.By += " (" + who.String() + ")"
	}
	return en, nil
}

// unrecorded gives an error of recording its status.
func unrecorded(err error) *failure {
	code := http.StatusServiceUnavailable
	switch {
	case errors.Is(err, ErrPlan), errors.Is(err, planfile.ErrSyntax), errors.Is(err, ledger.ErrText), errors.Is(err, ledger.ErrTime):
		code = http.StatusBadRequest
	case errors.Is(err, ledger.ErrBefore), errors.Is(err, ledger.ErrLocked), errors.Is(err, ledger.ErrPending):
		code = http.StatusConflict
	}
	return failf(code, "nothing was recorded: %v", err)
}
