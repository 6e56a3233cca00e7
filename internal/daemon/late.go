package daemon

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/cgnkit/cgnkit/alloc/ledger"
)

// A lateness is what the ledger is to be told of an epoch that was late, or of a plan that the kernel had besides.
type lateness struct {
	ledger.Lateness
	text     string // for people
	say      bool   // also when it could be recorded
	leap     bool   // by a clock that was set forward a moment ago, which may be taken back
	twice    bool   // it is about a time that came twice
	departed bool   // it is about a departure
	recorded bool   // the ledger has it, and was not read since
}

// sayLate has the ledger say that it and the kernel did not agree for a while.
func (l *loop) sayLate(a attempt) {
	l.open = doubt{}
	e, from := a.want.epoch, a.open.since
	if from.Equal(e.From) && len(a.open.had) == 0 {
		from = e.Settled
	}
	by := a.switched.Sub(from)
	if e.Seq == 0 || a.open.none() || by <= lateAfter && len(a.open.had) == 0 {
		if e.Seq > 0 && a.before.SHA256 == "" && by > sayLateAfter { // there was nobody who could have had ports
			l.log.Info("the kernel had no plan until now, as after a boot", "epoch", e.Seq, "since", stamp(e.From))
		}
		if l.late == nil {
			l.over("late")
		}
		return
	}
	until := a.switched.Truncate(time.Millisecond).Add(time.Millisecond)
	x := &lateness{
		Lateness: ledger.Lateness{Before: a.before.SHA256, Until: until, Since: a.open.since, Had: a.open.had, By: "cgnd"}, text: a.lateText(), say: by > sayLateAfter,
		leap: l.leaptAt.After(l.steppedBack) && time.Since(l.leaptAt) < leapFor,
	}
	if x.Before == a.want.sha256 {
		x.Before = ""
	}
	if l.late != nil && l.late.departed && !l.late.recorded { // its turn comes again
		l.late = nil
	}
	if l.late != nil && !l.late.recorded {
		both := x.doubt().and(l.late.doubt())
		x.Since, x.Had, x.say, x.leap = both.since, both.had, true, x.leap && l.late.leap
		if l.late.Until.After(x.Until) { // the clock was set back since
			x.Until = l.late.Until
		}
	}
	l.late, l.lateAt = x, time.Time{}
}

// doubt returns what is in doubt until the ledger has it. A departure is noted apart.
func (x *lateness) doubt() doubt {
	if x == nil || x.departed {
		return doubt{}
	}
	return doubt{x.Since, x.Had}
}

// lateText says it to people.
func (a attempt) lateText() string {
	e, at, since := a.want.epoch, stamp(a.switched), stamp(a.open.since)
	switch has := a.before.SHA256; {
	case len(a.open.had) > 0:
		return fmt.Sprintf("the kernel had %s between %s and %s, which is not what the ledger says", plansText(a.open.had), since, at)
	case has == "" || has == a.want.sha256:
		return fmt.Sprintf("the kernel surely had epoch %d at %s, and it is not known which plan it had since %s", e.Seq, at, since)
	default:
		return fmt.Sprintf("epoch %d in force since %s by the ledger was applied at %s, and the kernel had plan %.12s before", e.Seq, stamp(e.From), at, has)
	}
}

// plansText names plans, whose hashes may be anything.
func plansText(had []string) string {
	all := make([]string, len(had))
	for i, sha := range had {
		all[i] = fmt.Sprintf("plan %.12s", strconv.QuoteToASCII(sha)[1:])
	}
	return strings.Join(all, ", ")
}

// recordDue reports whether a lateness is to be recorded now: not while the clock may be set back, and not again and again while somebody changes the
// kernel again and again.
func (l *loop) recordDue(now time.Time) bool {
	if l.late == nil || l.late.recorded || now.Sub(l.lateAt) < lateOften || l.late.leap && now.Sub(l.leaptAt) < leapFor {
		return false
	}
	if l.late.Until.Sub(l.wall()) > lookEvery { // the clock was set back: until then, what is recorded would be in force
		return false
	}
	return l.late.twice || l.late.departed || len(l.late.Had) == 0 || l.strayAt.IsZero() || now.Sub(l.strayAt) >= calmAfter
}

// record has the ledger say that an epoch was late.
func (l *loop) record() {
	source, old, x := l.o.Source, l.timeline, *l.late
	l.lateAt = time.Now()
	l.start("record", func() func() {
		// Before the end of what the kernel had besides, that would be in force by the ledger.
		time.Sleep(min(x.Until.Sub(l.wall()), time.Millisecond))
		x.Now = l.wall().Truncate(time.Millisecond)
		n, err := source.late(old, x)
		return func() {
			if errors.Is(err, errMore) { // what the kernel surely has is another question then
				l.reread = true
				return
			}
			if err != nil {
				l.trouble("late", fmt.Sprintf("%s; this cannot be recorded, so answers of cgnctl about the time in between may be wrong: %v", x.text, err), true)
				return
			}
			x.recorded = true
			l.late, l.reread = &x, true // until it is read
			if len(x.Had) > 0 || x.departed {
				l.strayAt = time.Now()
			}
			what := "recorded that the kernel was late"
			if x.departed {
				what = "recorded that it is not known who had ports"
			}
			l.log.Info(what, "records", n, "since", x.Since, "until", x.Until)
			if x.say {
				said := "; it is recorded that in between both are possible"
				if len(x.Had) > 0 {
					said = "; it is recorded that this is possible, too"
				}
				if x.departed {
					said = "; it is recorded that in between it is not known who had ports"
				}
				l.trouble("late", x.text+said, true)
				l.lateSaid = time.Now()
			} else {
				l.over("late")
			}
		}
	})
}

// lateShown ends the problem of a lateness that the ledger has, after a while.
func (l *loop) lateShown(now time.Time) {
	if l.late == nil && !l.lateSaid.IsZero() && now.Sub(l.lateSaid) >= lateFor {
		l.lateSaid = time.Time{}
		l.over("late")
	}
}

// errMore is a ledger that has more than what was read.
var errMore = errors.New("the ledger has more than what was read")

// late records that the kernel was late, in a ledger that is what was read. The error wraps errMore where it has more.
func (s Source) late(read *timeline, x lateness) (n int, err error) {
	if s.underWay() { // who has the lock for so long
		return 0, ledger.ErrPending
	}
	keys, err := s.keys()
	if err != nil {
		return 0, err
	}
	w, err := ledger.EditExisting(s.path, keys...)
	if err != nil {
		return 0, err
	}
	defer w.Close()
	if err := goesOn(w.Ledger(), read.ledger); err != nil {
		return 0, fmt.Errorf("%s: %w", s.path, err)
	}
	if w.Ledger().Head() != read.ledger.Head() {
		return 0, fmt.Errorf("%s: %w", s.path, errMore)
	}
	if x.departed {
		return w.Depart(ledger.Departure{From: x.Since, To: x.Until}, x.Now, x.By)
	}
	return w.Late(x.Lateness)
}
