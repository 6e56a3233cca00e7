package answer

import (
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"time"

	"github.com/cgnkit/cgnkit/alloc"
	"github.com/cgnkit/cgnkit/alloc/holder"
	"github.com/cgnkit/cgnkit/alloc/ledger"
	"github.com/cgnkit/cgnkit/alloc/request"
)

// A Status says what became of a request.
type Status uint8

const (
	// Answered means: exactly one subscriber.
	Answered Status = iota + 1
	// Nobody means: no subscriber, for a reason that the plan gives.
	Nobody
	// Ambiguous means: several answers are possible.
	Ambiguous
	// Refused means: the request cannot be answered as it is.
	Refused
)

var statusNames = [...]string{Answered: "answered", Nobody: "nobody", Ambiguous: "ambiguous", Refused: "refused"}

// String returns "answered", "nobody", "ambiguous" or "refused".
func (s Status) String() string {
	if s == 0 || int(s) >= len(statusNames) {
		return "invalid Status"
	}
	return statusNames[s]
}

// A Row is a request and its answer.
type Row struct {
	Input   string // the name of the input that has the request
	Request request.Request
	Status  Status
	Why     string // why not Answered; else ""
	// Candidates has the one answer of Answered and Nobody, all that are possible with Ambiguous, and nothing with Refused.
	Candidates []Candidate
}

// A Candidate is an answer that is possible.
type Candidate struct {
	ledger.Candidate
	// Holder says to whom the inside address belonged, for a subscriber and where there are records; else its Status is 0.
	Holder holder.Answer
}

// A Desk answers requests.
type Desk struct {
	Ledger *ledger.Ledger
	// Tolerance is how wrong the clock behind a request may be, before and behind.
	Tolerance time.Duration
	// Now is the time of the run: requests about later are refused.
	Now time.Time
	// Book, if not nil, says who had an inside address; its clocks may be wrong by Skew.
	Book *holder.Book
	Skew time.Duration
}

// Answer answers one request. The error is one of ledger.Ledger.Trace other than ErrNotCovered: then no answer can be relied on.
func (d *Desk) Answer(input string, q request.Request) (Row, error) {
	row := Row{Input: input, Request: q, Status: Refused}
	switch {
	case q.Err != nil:
		row.Why = q.Err.Error()
		return row, nil //nolint:nilerr // the row says it
	case q.To.After(d.Now):
		row.Why = fmt.Sprintf("%s lies behind the time of this run, %s", stamp(q.To), stamp(d.Now))
		return row, nil
	}
	question := ledger.Question{Outside: q.Outside, From: q.From.Add(-d.Tolerance), To: last(q).Add(d.Tolerance)}
	if q.HasPort {
		question.Port = ledger.PortOf(q.Port)
	}
	a, err := d.Ledger.Trace(question)
	switch {
	case errors.Is(err, ledger.ErrNotCovered):
		row.Why = err.Error()
		return row, nil
	case err != nil:
		return row, err
	}
	row.Candidates = d.join(a.Candidates, question)
	switch a.Verdict {
	case ledger.One:
		row.Status = Answered
		row.Candidates = row.Candidates[:1] // the same subscriber, with other ports
	case ledger.Nobody:
		row.Status, row.Why = Nobody, whyNobody(q, a.Candidates[0])
	default:
		row.Status, row.Why = Ambiguous, d.whyAmbiguous(q, question, a.Candidates)
	}
	if why := d.otherEnd(q, question, a); why != "" {
		row.Status, row.Why, row.Candidates = Refused, why, nil
	}
	return row, nil
}

// otherEnd says why the other end of a flow may be meant, or "".
func (d *Desk) otherEnd(q request.Request, question ledger.Question, a ledger.Answer) string {
	other := endpoint(q.Destination)
	switch nobody := a.Verdict == ledger.Nobody; {
	case nobody && a.Candidates[0].Status == alloc.NotInPool && d.isOurs(q.Destination, question):
		return fmt.Sprintf("%s, but %s was: if that end is meant, ask about it", whyNobody(q, a.Candidates[0]), other)
	case !nobody && !q.Packet || !d.mayBeMeant(q.Destination, question):
		return ""
	case nobody:
		return fmt.Sprintf("%s; but the other end, %s, may have been a subscriber's: if it is meant, ask about it, and else about this one alone",
			whyNobody(q, a.Candidates[0]), other)
	}
	return fmt.Sprintf("both ends may have been subscribers', and nothing but the direction tells which is meant: ask about %s or %s alone", asked(q), other)
}

// asked returns what a request asks about.
func asked(q request.Request) string {
	return endpoint(netip.AddrPortFrom(q.Outside, q.Port))
}

// mayBeMeant reports whether a destination may have been a subscriber's at the time of a question.
func (d *Desk) mayBeMeant(to netip.AddrPort, q ledger.Question) bool {
	if !to.IsValid() {
		return false
	}
	q.Outside, q.Port = to.Addr(), ledger.Port{}
	if to.Port() != 0 {
		q.Port = ledger.PortOf(to.Port())
	}
	a, err := d.Ledger.Trace(q)
	return err == nil && slices.ContainsFunc(a.Candidates, func(c ledger.Candidate) bool { return c.Status == alloc.Allocated || c.Status == alloc.Dynamic })
}

// isOurs reports whether a destination was in a pool at the time of a question: lines of the way back have our address there.
func (d *Desk) isOurs(to netip.AddrPort, q ledger.Question) bool {
	if !to.IsValid() {
		return false
	}
	q.Outside, q.Port = to.Addr(), ledger.Port{}
	a, err := d.Ledger.Trace(q)
	return err == nil && a.Candidates[0].Status != alloc.NotInPool
}

// last returns the last instant that a request means: an interval ends where the next one would begin, and a time to the second
// means all of that second.
func last(q request.Request) time.Time {
	if q.To.After(q.From) {
		return q.To.Add(-1)
	}
	return ledger.LastOf(q.To)
}

func (d *Desk) join(found []ledger.Candidate, q ledger.Question) []Candidate {
	out := make([]Candidate, len(found))
	for i, c := range found {
		out[i].Candidate = c
		if s, ok := c.Subscriber(); ok && d.Book != nil {
			out[i].Holder = d.Book.AtPrefix(s.Realm, s.Prefix, q.From, q.To, d.Skew)
		}
	}
	return out
}

func whyNobody(q request.Request, c ledger.Candidate) string {
	switch c.Status {
	case alloc.Reserved:
		return fmt.Sprintf("port %d is reserved: it is never given to anyone", q.Port)
	case alloc.Tail:
		return fmt.Sprintf("port %d is in the tail of the address, which belongs to nobody", q.Port)
	case alloc.Unassigned:
		if !q.HasPort {
			return "no subscriber held a share on the address"
		}
		return fmt.Sprintf("port %d is in a share that no subscriber held", q.Port)
	case alloc.Dynamic:
		return "set aside for dynamic blocks: the log of blocks says who held them"
	case alloc.Excluded:
		return fmt.Sprintf("%v was excluded from its pool", q.Outside)
	default:
		return fmt.Sprintf("%v was in no pool", q.Outside)
	}
}

// whyAmbiguous says why several answers are possible.
func (d *Desk) whyAmbiguous(q request.Request, question ledger.Question, found []ledger.Candidate) string {
	who := map[alloc.Subscriber]bool{}
	epochs := map[uint64]bool{}
	changed, stray := false, false
	for _, c := range found {
		if s, ok := c.Subscriber(); ok {
			who[s] = true
		}
		epochs[c.Epoch.Seq] = true
		stray = stray || c.Epoch.Stray
		changed = changed || c.Epoch.From.After(question.From) && !c.Epoch.From.After(question.To)
	}
	gap := ""
	if epochs[0] {
		gap = d.whyUnknown(question)
	}
	switch {
	case !q.HasPort && gap != "":
		return fmt.Sprintf("without a port: %d subscribers had a share on the address; and %s", len(who), gap)
	case !q.HasPort:
		return fmt.Sprintf("without a port: %d subscribers had a share on the address", len(who))
	case gap != "":
		return gap
	case stray:
		return "the kernel may have had another plan then than the one in force, by somebody's hand or by a clock that was wrong"
	case changed:
		return fmt.Sprintf("the plan changed in the time that was asked for, or within the tolerance: %d epochs", len(epochs))
	}
	return fmt.Sprintf("%d plans are possible then: a change was under way, or the ledger does not say that it came into force", len(epochs))
}

// whyUnknown says why nobody knows what was in force in part of the time.
func (d *Desk) whyUnknown(question ledger.Question) string {
	if _, err := d.Ledger.AtInstant(question.From); errors.Is(err, ledger.ErrNotCovered) {
		return "part of the time lies before the first epoch"
	}
	return "for part of the time it is not known what the kernel had: another plan, or one that somebody had changed"
}

func stamp(t time.Time) string { return t.UTC().Format(time.RFC3339Nano) }

// endpoint returns an address with a port, or without one where it is 0.
func endpoint(a netip.AddrPort) string {
	switch {
	case !a.IsValid():
		return ""
	case a.Port() == 0:
		return a.Addr().String()
	}
	return a.String()
}
