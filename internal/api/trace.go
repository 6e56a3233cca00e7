package api

import (
	"errors"
	"net/http"
	"net/netip"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/cgnkit/cgnkit/alloc"
	"github.com/cgnkit/cgnkit/alloc/ledger"
)

// A traceAnswer says who had an outside address and port.
type traceAnswer struct {
	// Status is "allocated" or the reason why nobody, "ambiguous" or "not-covered".
	Status     string      `json:"status"`
	Outside    netip.Addr  `json:"outside"`
	Port       *uint16     `json:"port"`
	From       time.Time   `json:"from"` // the window that was asked about
	To         time.Time   `json:"to"`
	Candidates []candidate `json:"candidates"` // one, unless the answer is ambiguous or nothing covers the time
	Warnings   []string    `json:"warnings"`   // what else may be so, as sentences
}

type candidate struct {
	Status     string     `json:"status"`
	Subscriber string     `json:"subscriber,omitempty"`
	Realm      string     `json:"realm,omitempty"`
	Pool       string     `json:"pool,omitempty"`
	Ports      string     `json:"ports,omitempty"`
	Epoch      uint64     `json:"epoch,omitempty"` // 0 where no epoch covers the time, and with a plan file
	From       *time.Time `json:"from,omitempty"`  // of the epoch
	Until      *time.Time `json:"until,omitempty"`
	SHA256     string     `json:"plan_sha256,omitempty"`
}

// A traceQuestion is what a trace asks, checked.
type traceQuestion struct {
	ledger.Question
	hasTime            bool
	hasTolerance       bool
	caseNumber, reason string
}

const (
	maxText      = 256 // of case and reason
	maxTolerance = 24 * time.Hour
)

// trace answers, and writes down that it does before.
func (s *server) trace(r *http.Request) (any, error) {
	q, err := s.parseTrace(r.URL.RawQuery)
	if err != nil {
		return nil, err
	}
	a, err := s.answer(q)
	if err != nil {
		return nil, err
	}
	line := auditLine{
		Time: s.Now().UTC(), Action: "trace", Outside: q.Outside.String(), Port: a.Port, From: a.From, To: a.To,
		Case: q.caseNumber, Reason: q.reason, Status: a.Status, Candidate: len(a.Candidates),
	}
	who := callerOf(r.Context())
	if line.Token, line.Remote = who.token, who.remote; who.peer.Known {
		line.UID, line.PID = &who.peer.UID, &who.peer.PID
	}
	if err := s.Audit.write(line); err != nil {
		s.Log.Error("a trace was refused, because it could not be written down", "error", err)
		return nil, failf(http.StatusServiceUnavailable, "the trace cannot be written to the audit log, so it is not answered: %v", err)
	}
	return a, nil
}

var traceKeys = []string{"outside", "port", "at", "tolerance", "case", "reason"}

// parseTrace reads the query of a trace.
func (s *server) parseTrace(query string) (q traceQuestion, err error) {
	v, err := parseQuery(query, traceKeys)
	if err != nil {
		return q, err
	}
	if q.Outside, err = netip.ParseAddr(v.Get("outside")); err != nil || !q.Outside.Is4() {
		return q, failf(http.StatusBadRequest, "outside: %q is no IPv4 address", v.Get("outside"))
	}
	if v.Has("port") {
		n, err := strconv.ParseUint(v.Get("port"), 10, 16)
		if err != nil {
			return q, failf(http.StatusBadRequest, "port: %q is no port", v.Get("port"))
		}
		q.Port = ledger.PortOf(uint16(n))
	}
	for _, t := range []struct {
		key string
		to  *string
	}{{"case", &q.caseNumber}, {"reason", &q.reason}} {
		if *t.to = v.Get(t.key); !isText(*t.to) {
			return q, failf(http.StatusBadRequest, "%s: want 1 to %d bytes of printable text with a letter or digit: every trace is written down with case and reason", t.key, maxText)
		}
	}
	return q, s.window(&q, v)
}

// window reads the time of a trace.
func (s *server) window(q *traceQuestion, v url.Values) (err error) {
	q.From = s.Now().UTC()
	q.To = q.From
	if q.hasTime = v.Has("at"); q.hasTime {
		if q.From, q.To, err = ledger.ParseTime(v.Get("at")); err != nil {
			return failf(http.StatusBadRequest, "at: %v", err)
		}
	}
	if q.hasTolerance = v.Has("tolerance"); q.hasTolerance {
		d, err := time.ParseDuration(v.Get("tolerance"))
		if err != nil || d < 0 || d > maxTolerance {
			return failf(http.StatusBadRequest, "tolerance: %q is no time from 0s to %v", v.Get("tolerance"), maxTolerance)
		}
		q.From, q.To = q.From.Add(-d), q.To.Add(d)
	}
	return nil
}

func isText(s string) bool {
	return len(s) <= maxText && utf8.ValidString(s) && strings.IndexFunc(s, func(r rune) bool { return !unicode.IsPrint(r) }) < 0 &&
		strings.IndexFunc(s, func(r rune) bool { return unicode.IsLetter(r) || unicode.IsNumber(r) }) >= 0
}

// answer asks the ledger, or without one the plan in force.
func (s *server) answer(q traceQuestion) (a traceAnswer, err error) {
	shot, led := s.Daemon.Asked()
	a = traceAnswer{Outside: q.Outside, From: q.From, To: q.To, Candidates: []candidate{}, Warnings: doubts(shot)}
	q.Unsure, q.Had, q.Departures = shot.Unsure, shot.Had, shot.Departures
	if n, ok := q.Port.Number(); ok {
		a.Port = &n
	}
	if led == nil {
		return a, s.answerNow(q, shot, &a)
	}
	if q.hasTime && q.To.After(s.Now().Add(time.Second)) { // an instant without fractions covers its second
		a.Warnings = append(a.Warnings, q.To.UTC().Format(time.RFC3339Nano)+" lies in the future: another plan may be in force by then")
	}
	found, err := led.Trace(q.Question)
	if errors.Is(err, ledger.ErrNotCovered) {
		a.Status = "not-covered"
		return a, nil
	}
	if err != nil {
		return a, failf(http.StatusServiceUnavailable, "the ledger cannot answer: %v", err)
	}
	for _, c := range found.Candidates {
		a.Candidates = append(a.Candidates, ofLedger(c))
	}
	if a.Status = "ambiguous"; found.Verdict != ledger.Several {
		a.Status = a.Candidates[0].Status
	}
	a.Warnings = append(a.Warnings, wasDeparted(shot, q.From, q.To)...)
	if text := departed(shot, q.To); text != "" {
		a.Status, a.Warnings = "ambiguous", append(a.Warnings, text)
		if unknown := (candidate{Status: ledger.Candidate{}.StatusText()}); !slices.Contains(a.Candidates, unknown) {
			a.Candidates = append(a.Candidates, unknown)
		}
	}
	return a, nil
}

func ofLedger(c ledger.Candidate) candidate {
	out := candidate{Status: c.StatusText()}
	if c.Status == alloc.Allocated {
		out.fill(c.Allocation)
	}
	if c.Epoch.Seq > 0 {
		out.Epoch, out.SHA256, out.From = c.Epoch.Seq, c.Epoch.PlanSHA256, &c.Epoch.From
		if !c.Epoch.Until.IsZero() {
			out.Until = &c.Epoch.Until
		}
	}
	return out
}

func (c *candidate) fill(a alloc.Allocation) {
	c.Subscriber, c.Realm, c.Pool, c.Ports = a.Subscriber().Text(), a.Pool().Realm(), a.Pool().Name(), a.Ports().String()
}
