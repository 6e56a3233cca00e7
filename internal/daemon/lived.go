package daemon

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"slices"
	"time"

	"github.com/cgnkit/cgnkit/alloc/ledger"
)

// lived is what the kernel had by the clock on the wall, as far as it was seen. Where the clock is set back, times come twice, and what is recorded for
// such a time says what was so the second time, if at all: what was so the first time is possible, too, and is added to the ledger where it is missing.
type lived struct {
	spans  []span    // in the order in which they were lived through
	broken bool      // the next sighting begins one of its own
	seen   time.Time // when the kernel was seen last, by the clock as it is; zero = not yet
	unread bool      // no ledger was read yet: nobody can compare what is seen with it

	first sighting // since this daemon began

	past    memory    // of the daemon before, until the kernel was seen
	cutAt   time.Time // the clock was set then, as it was noticed
	cutWall time.Time // what it would have said then
	cutFrom time.Time // when it may have said that it was what it is since
	cutSeen time.Time // when the kernel was seen last before, by the clock before
}

type span struct {
	ledger.Span
	told int  // how often it was recorded
	past bool // a daemon before saw it
}

// counts reports whether the ledger may lack it.
func (s span) counts() bool { return s.Twice || s.Unread }

// A sighting is what the kernel was seen with, and for how long the machine had been running then.
type sighting struct {
	sha, boot string
	up        time.Duration
	at        time.Time
}

// livedFor is how far the clock may be set back at least without that what it said is forgotten, however often the kernel changed.
const livedFor = time.Hour

// mostTold is how often a span is recorded: more than once only where what is recorded later takes it away.
const mostTold = 5

// high returns the end of the times that may come twice, or the zero Time.
func (v *lived) high() (end time.Time) {
	for _, s := range v.spans {
		if s.Twice && s.To.After(end) {
			end = s.To
		}
	}
	return end
}

// see notes that the kernel was seen with a plan, "" = none. What was there before may have been there until then, and what is there now since it was seen
// before.
func (v *lived) see(sha string, at time.Time) {
	from, n := at, len(v.spans)
	if !v.seen.IsZero() && v.seen.Before(at) {
		from = v.seen
	}
	if v.seen = at; n > 0 && !v.broken && v.spans[n-1].PlanSHA256 != sha && at.After(v.spans[n-1].To) {
		v.spans[n-1].To = at
	}
	v.add(sha, from, at)
}

// add notes that the kernel had a plan, "" = none, from an instant until another one.
func (v *lived) add(sha string, from, to time.Time) {
	if b, err := hex.DecodeString(sha); sha != "" && (err != nil || len(b) != sha256.Size) { // somebody's text of any length
		sha = ledger.Anything
	}
	n := len(v.spans)
	if n > 0 && !v.broken && v.spans[n-1].PlanSHA256 == sha && v.spans[n-1].Unread == v.unread && !from.Before(v.spans[n-1].From) {
		if v.spans[n-1].past = false; to.After(v.spans[n-1].To) {
			v.spans[n-1].To = to
		}
		return
	}
	if v.broken = sha == ""; v.broken {
		return
	}
	v.push(span{Span: ledger.Span{From: from, To: to, PlanSHA256: sha, Unread: v.unread}})
}

// push adds a span to those before.
func (v *lived) push(s span) {
	if len(v.spans) == ledger.MaxLived {
		v.makeRoom(s.From)
	}
	s.Twice = s.Twice || s.From.Before(v.high())
	v.spans = append(v.spans, s)
}

// makeRoom forgets the oldest span of long ago that the ledger cannot lack. Where there is none, two become one, of which it is only known that the kernel
// may have had anything: a clock that is set back soon does not find nothing.
func (v *lived) makeRoom(now time.Time) {
	if i := slices.IndexFunc(v.spans, func(s span) bool { return !s.counts() && now.Sub(s.To) > livedFor }); i >= 0 {
		v.spans = slices.Delete(v.spans, i, i+1)
		return
	}
	var once, twice []int
	for i, s := range v.spans[:len(v.spans)-1] { // the last one goes on
		if s.counts() {
			twice = append(twice, i)
		} else {
			once = append(once, i)
		}
	}
	of := once
	if len(twice) > len(once) {
		of = twice
	}
	a, b := v.spans[of[0]], v.spans[of[1]]
	if b.From.Before(a.From) {
		a.From = b.From
	}
	a.To, a.PlanSHA256, a.told = later(a.To, b.To), ledger.Anything, 0
	a.Twice, a.Unread, a.past = a.Twice || b.Twice, a.Unread || b.Unread, a.past && b.past
	v.spans[of[0]] = a
	v.spans = slices.Delete(v.spans, of[1], of[1]+1)
}

// cut notes that the clock was set: it would have said end, and says wall now; from is when it may have said that it was what it is since.
func (v *lived) cut(end, from, wall, mono time.Time) {
	v.cutAt, v.cutWall, v.cutFrom, v.cutSeen = mono, end, from, v.seen
	if !v.seen.IsZero() {
		v.seen = from
	}
	n := len(v.spans)
	if n == 0 {
		return
	}
	last := v.spans[n-1].PlanSHA256
	if !v.broken && end.After(v.spans[n-1].To) {
		v.spans[n-1].To = end
	}
	v.backTo(from)
	if !v.broken {
		v.broken = from.After(v.spans[len(v.spans)-1].To) // what was leapt over was not lived through
		v.add(last, from, wall)
	}
}

// before notes that the kernel had a plan at an instant before it was noticed that the clock was set: by the clock before, too.
func (v *lived) before(sha string, at time.Time) {
	if n := len(v.spans); !v.cutAt.After(at) || sha == "" || n > 0 && !v.broken && v.spans[n-1].PlanSHA256 == sha {
		return
	}
	from := v.cutWall.Add(-v.cutAt.Sub(at))
	if !v.cutSeen.IsZero() && v.cutSeen.Before(from) {
		from = v.cutSeen
	}
	v.apart(sha, from, v.cutWall)
	v.backTo(v.cutFrom)
	v.broken = true
}

// backTo notes which times will come twice. Of what is only known to be anything, the part before is another span where there is room for it: of that
// nothing is in doubt unless the clock is set back further.
func (v *lived) backTo(wall time.Time) {
	for i := 0; i < len(v.spans); i++ {
		s := &v.spans[i]
		if s.Twice || !s.To.After(wall) {
			continue
		}
		s.Twice = true
		if s.PlanSHA256 == ledger.Anything && s.From.Before(wall) && len(v.spans) < ledger.MaxLived {
			before := *s
			before.To, before.Twice, s.From = wall, false, wall
			v.spans = slices.Insert(v.spans, i, before)
			i++
		}
	}
}

// recall goes on from what the daemon before remembered. What was seen since then, as where that could not be read before, comes behind it.
func (v *lived) recall(m memory, wall time.Time) {
	if m.IsZero() {
		return
	}
	own, seen, broken := v.spans, v.seen, v.broken
	v.spans = nil
	for _, s := range m.Lived {
		v.spans = append(v.spans, span{Span: s, past: true})
	}
	for _, s := range own {
		wall = earlier(wall, s.From)
	}
	v.past, v.broken = m, true
	if n := len(v.spans); n > 0 {
		s := &v.spans[n-1]
		if s.To = later(s.To, m.Seen); !m.Empty {
			s.To = later(s.To, m.Looked)
		}
		until := s.To.Add(seenEvery) // it is noted that often
		switch {
		case s.To.After(wall):
			s.To = until
		case !m.Empty && until.Before(wall):
			s.To = until
		case !m.Empty:
			s.To = wall
		}
		v.backTo(wall)
	}
	if v.first.at.IsZero() {
		return
	}
	v.seen = time.Time{}
	v.resume(v.first)
	v.see(v.first.sha, v.first.at)
	for _, s := range own {
		v.push(s)
	}
	v.seen, v.broken = seen, broken
}

// forget forgets what a daemon before remembered, of another ledger.
func (v *lived) forget() {
	v.spans = slices.DeleteFunc(v.spans, func(s span) bool { return s.past })
	v.past = memory{}
}

// resume notes what the kernel had since the daemon before saw it last. Where the clock was set meanwhile, nobody knows when: all of the time that has gone
// by may lie before that, or behind it. More than once is more than can be known.
func (v *lived) resume(now sighting) {
	m, n, sha, at := v.past, len(v.spans), now.sha, now.at
	v.past = memory{}
	gone, last := now.up-m.Up, ""
	if m.Boot == "" || m.Boot != now.boot || gone < 0 || n == 0 && !m.Empty {
		return
	}
	if !m.Empty {
		last = v.spans[n-1].PlanSHA256
	}
	if step := at.Sub(m.Looked) - gone; step.Abs() <= stepOver {
		v.seen, v.broken = at.Add(-gone), last == ""
		return
	}
	found := sha != "" && sha != last
	if last != "" {
		v.spans[n-1].To = later(v.spans[n-1].To, m.Looked.Add(gone))
	}
	if found {
		v.apart(sha, m.Looked, m.Looked.Add(gone))
	}
	v.backTo(at.Add(-gone))
	v.apart(last, at.Add(-gone), at)
	if found {
		v.apart(sha, at.Add(-gone), at)
	}
}

// apart is add of what does not go on from what was before.
func (v *lived) apart(sha string, from, to time.Time) {
	v.broken = true
	v.add(sha, from, to)
}

// list returns what is to be remembered.
func (v *lived) list() (out []ledger.Span) {
	for _, s := range v.spans {
		out = append(out, s.Span)
	}
	return out
}

func later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

// saw notes that the kernel was seen with a plan.
func (l *loop) saw(sha string, at time.Time) {
	if !l.o.Source.ledger {
		return
	}
	wall := l.back(at)
	boot, up := l.o.Uptime()
	now := sighting{sha, boot, up - time.Since(at), wall}
	l.lookedFrom, l.lived.unread = at, l.timeline == nil
	if l.lived.first.at.IsZero() {
		l.lived.first = now
	}
	if !l.lived.past.IsZero() {
		l.lived.resume(now)
	}
	l.lived.before(sha, at)
	l.lived.see(sha, wall)
}

// sawChange notes what the kernel has after an apply.
func (l *loop) sawChange(a attempt) {
	v, begun := &l.lived, a.ended.Add(-a.took)
	if l.saw(a.before.SHA256, a.ended); a.in.SHA256 == a.before.SHA256 || !l.o.Source.ledger {
		return
	}
	if v.cutAt.After(begun) { // it may have had it before the clock was set, too
		v.add(a.in.SHA256, v.cutWall.Add(-v.cutAt.Sub(begun)), v.cutWall)
	}
	v.seen = l.wall()
	v.add(a.in.SHA256, l.back(begun), v.seen)
}

// lacking returns since when answers by the ledger lack what was so when a time came first, or again.
func (l *loop) lacking(now time.Time) (d doubt) {
	for _, s := range l.lived.spans {
		if part, ok := l.lacks(s); ok && !part.From.After(now) {
			d = d.and(doubt{part.From, []string{s.PlanSHA256}})
		}
	}
	return d
}

// lacks returns what the ledger lacks of a span of a time that came twice, or in which it could not be read.
func (l *loop) lacks(s span) (part ledger.Span, ok bool) {
	if !s.counts() || l.timeline == nil || l.timeline.ledger == nil {
		return part, false
	}
	return l.timeline.ledger.Lacks(s.Span)
}

// audit has what the ledger lacks be recorded, when that time is over and all else is recorded.
func (l *loop) audit() {
	if l.late != nil || !l.open.none() || !l.has || l.foreign || l.reread || !l.pendingSince.IsZero() || l.redo != "" || !l.isRight(l.inForce.SHA256) {
		return
	}
	wall := l.wall()
	for i := range l.lived.spans {
		s := &l.lived.spans[i]
		part, ok := l.lacks(*s)
		if !ok && wall.Sub(s.To) > leapFor { // what is recorded about that time from now on is somebody's decision
			s.Twice, s.Unread = false, false
		}
		if !ok || s.told == mostTold || !part.To.Before(wall) {
			continue
		}
		s.told++
		which := fmt.Sprintf("plan %.12s", s.PlanSHA256)
		if s.PlanSHA256 == ledger.Anything {
			which = "one plan after the other"
		}
		why := "the clock was set back"
		if !s.Twice {
			why = "the ledger could not be read"
		}
		text := fmt.Sprintf("%s, and the kernel had %s between %s and %s, which is not what the ledger says", why, which, stamp(part.From), stamp(part.To))
		l.late = &lateness{
			Lateness: ledger.Lateness{Since: part.From.Truncate(time.Millisecond), Until: part.To.Truncate(time.Millisecond).Add(time.Millisecond), Had: []string{s.PlanSHA256}, By: "cgnd"},
			text:     text, say: true, twice: true,
		}
		l.lateAt = time.Time{}
		return
	}
}
