package ledger

import (
	"fmt"
	"net/netip"
	"sort"
	"time"

	"github.com/cgnkit/cgnkit/alloc"
)

// A Port is a port of a question, or says that it is not known. The zero Port is not known.
type Port struct {
	n     uint16
	known bool
}

// PortOf returns a known port.
func PortOf(n uint16) Port { return Port{n: n, known: true} }

// Number returns the port; ok is false where it is not known.
func (p Port) Number() (n uint16, ok bool) { return p.n, p.known }

// A Question asks who had an outside address, and a port of it where that is known, at some instant of a window.
type Question struct {
	Outside netip.Addr
	Port    Port
	// From and To bound the window, both included; they are equal for an exact instant. A tolerance for clocks that are wrong
	// makes the window wider.
	From, To time.Time
	// Unsure is the instant from which on nobody knows whether epochs that begin came into force, so that what was before is possible,
	// too; the zero Time = they did.
	Unsure time.Time
	// Had are the SHA-256 of plans that the kernel had since then besides.
	Had []string
	// Departures are times in which nobody knows who had ports, beyond what the ledger says.
	Departures []Departure
}

// At returns the question about an instant, give or take a tolerance, which must not be negative.
func At(outside netip.Addr, port Port, t time.Time, tolerance time.Duration) Question {
	return Question{Outside: outside, Port: port, From: t.Add(-tolerance), To: t.Add(tolerance)}
}

// A Verdict says what kind of answer there is.
type Verdict uint8

const (
	// One means: exactly one subscriber, in all of the window.
	One Verdict = iota + 1
	// Nobody means: nobody, for the reason that the candidate has, in all of the window.
	Nobody
	// Several means: several answers are possible, and nothing that is known decides.
	Several
)

// A Candidate is an answer that is possible, and the first epoch of the window that gives it.
type Candidate struct {
	Epoch Epoch // the zero Epoch for the time that no epoch covers, or for a plan that the ledger does not know
	// Status is Allocated or the reason why nobody. It is 0 with the zero Epoch.
	Status     alloc.Status
	Pool       *alloc.Pool      // of the outside address; nil where it is in none
	Allocation alloc.Allocation // valid for Allocated
}

// StatusText returns the status, or "not-covered".
func (c Candidate) StatusText() string {
	if c.Status == 0 {
		return "not-covered"
	}
	return c.Status.String()
}

// Subscriber returns who it is; ok is false unless the status is Allocated.
func (c Candidate) Subscriber() (s alloc.Subscriber, ok bool) {
	if c.Status != alloc.Allocated {
		return alloc.Subscriber{}, false
	}
	return c.Allocation.Subscriber(), true
}

// An Answer is what the ledger knows. With One and Nobody there is one candidate. With Several there may be one as well: where
// the port is not known, the subscriber that has a share shares the address with dynamic blocks.
type Answer struct {
	Verdict    Verdict
	Candidates []Candidate // by epoch, then by port
}

// answer is an Answer in the making.
type answer struct {
	first      answerKey
	seen       map[answerKey]bool // the others: most questions have none
	candidates []Candidate
}

// An answerKey tells answers apart. Ports count where the port is not known: they help to ask again.
type answerKey struct {
	status     alloc.Status
	subscriber alloc.Subscriber
	share      string
}

func (a *answer) add(c Candidate, share string) {
	k := answerKey{status: c.Status, share: share}
	k.subscriber, _ = c.Subscriber()
	switch {
	case len(a.candidates) == 0:
		a.first = k
	case a.first == k || a.seen[k]:
		return
	default:
		if a.seen == nil {
			a.seen = map[answerKey]bool{}
		}
		a.seen[k] = true
	}
	a.candidates = append(a.candidates, c)
}

// Trace answers a question. It names a subscriber with the verdict One only if every epoch that may have been in force in
// the window names that one. The error wraps ErrNotCovered where no epoch may have been in force in any of it, or is an
// error of Plan. Each epoch in the window costs a search for the address in its plan, and at the first time its parsing.
func (l *Ledger) Trace(q Question) (Answer, error) {
	epochs, gap := l.possible(q)
	if len(epochs) == 0 {
		return Answer{}, l.notCovered()
	}
	var a answer
	if gap {
		a.add(Candidate{}, "")
	}
	for _, e := range epochs {
		plan, err := l.Plan(*e)
		if err != nil {
			return Answer{}, err
		}
		if n, ok := q.Port.Number(); ok {
			a.port(*e, plan, q.Outside, n)
		} else {
			a.address(*e, plan, q.Outside)
		}
	}
	return Answer{Verdict: a.verdict(), Candidates: a.candidates}, nil
}

func (l *Ledger) notCovered() error {
	epochs := l.time.sure()
	if len(epochs) == 0 {
		return fmt.Errorf("%w: %s has no epochs", ErrNotCovered, l.name)
	}
	return fmt.Errorf("%w: the first epoch begins at %s", ErrNotCovered, stamp(epochs[0].From))
}

// port asks one plan who owns a port.
func (a *answer) port(e Epoch, plan *alloc.Plan, outside netip.Addr, port uint16) {
	t := plan.Trace(outside, port)
	c := Candidate{Epoch: e, Status: t.Status(), Pool: t.Pool()}
	c.Allocation, _ = t.Allocation()
	a.add(c, "")
}

// address asks one plan for everybody on an address.
func (a *answer) address(e Epoch, plan *alloc.Plan, outside netip.Addr) {
	t := plan.Trace(outside, 0) // port 0 is never usable: this says whether the address is
	pool, n := t.Pool(), 0
	for al := range plan.Holders(outside) {
		a.add(Candidate{Epoch: e, Status: alloc.Allocated, Pool: pool, Allocation: al}, al.Ports().String())
		n++
	}
	switch st := t.Status(); {
	case st == alloc.Excluded || st == alloc.NotInPool:
		a.add(Candidate{Epoch: e, Status: st, Pool: pool}, "")
	case pool.DynamicPorts() > 0:
		a.add(Candidate{Epoch: e, Status: alloc.Dynamic, Pool: pool}, "")
	case n == 0:
		a.add(Candidate{Epoch: e, Status: alloc.Unassigned, Pool: pool}, "")
	}
}

// verdict decides. Where one subscriber stands for all candidates, with whatever ports, it is that one.
func (a *answer) verdict() Verdict {
	first := a.candidates[0]
	s, _ := first.Subscriber()
	for _, c := range a.candidates[1:] {
		if t, _ := c.Subscriber(); c.Status != first.Status || t != s {
			return Several
		}
	}
	if first.Status == alloc.Allocated {
		return One
	}
	return Nobody
}

// AtInstant returns the epoch in force at t. The error wraps ErrNotCovered. While a change is under way it is the epoch that
// takes over; one that is pending does not count, nor does a stray.
func (l *Ledger) AtInstant(t time.Time) (Epoch, error) {
	epochs := l.time.sure()
	i := sort.Search(len(epochs), func(i int) bool { return epochs[i].From.After(t) })
	if i == 0 {
		return Epoch{}, l.notCovered()
	}
	return *epochs[i-1], nil
}
