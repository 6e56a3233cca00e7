package daemon

import (
	"fmt"
	"slices"
	"time"

	"github.com/cgnkit/cgnkit/alloc/ledger"
)

// A departed is a departure that is over, and was found: nobody will know who had ports then.
type departed struct {
	from, to instant
	past     bool // the daemon before noted it
	told     int  // how often it was recorded
}

// oneDeparture is how soon behind another one that is not recorded a departure is one with it.
const oneDeparture = time.Minute

// departedUntil notes that it is over.
func (l *loop) departedUntil() {
	d := &l.departure
	o := departed{from: d.from, to: l.instant(time.Now())}
	o.to.wall = later(later(o.to.wall, d.latest.wall), o.from.wall.Add(time.Millisecond))
	if n := len(d.over); n > 0 && d.over[n-1].told == 0 && !o.from.wall.Before(d.over[n-1].from.wall) && o.from.wall.Sub(d.over[n-1].to.wall) < oneDeparture {
		o = d.over[n-1].and(o)
		d.over = d.over[:n-1]
	}
	if d.over = append(d.over, o); len(d.over) > ledger.MaxDepartures {
		d.over[1] = d.over[0].and(d.over[1])
		d.over = d.over[1:]
	}
}

// and returns what covers two, and all between them.
func (o departed) and(p departed) departed {
	if p.from.wall.Before(o.from.wall) {
		o.from = p.from
	}
	if p.to.wall.After(o.to.wall) {
		o.to = p.to
	}
	o.past, o.told = o.past && p.past, 0
	return o
}

// departures returns those that are over and that the ledger does not have.
func (l *loop) departures() (all []ledger.Departure) {
	for i := range l.departure.over {
		all = append(all, l.departure.over[i].departure())
	}
	if l.timeline == nil || l.timeline.ledger == nil {
		return all
	}
	return l.timeline.ledger.Unrecorded(all)
}

func (o *departed) departure() ledger.Departure {
	return ledger.Departure{From: o.from.wall, To: o.to.wall}
}

// departureDue returns the first one that is to be recorded now, and forgets what is: not while the clock may be set back, and not again and again while
// somebody changes the kernel again and again.
func (l *loop) departureDue(now time.Time) *departed {
	d, wall := &l.departure, l.wall()
	if len(d.over) == 0 || l.late != nil || l.timeline == nil || l.unread() || l.reread || !l.pendingSince.IsZero() {
		return nil
	}
	d.over = slices.DeleteFunc(d.over, func(o departed) bool {
		return o.to.wall.Before(wall) && len(l.timeline.ledger.Unrecorded([]ledger.Departure{o.departure()})) == 0
	})
	if !l.strayAt.IsZero() && now.Sub(l.strayAt) < calmAfter || l.leaptAt.After(l.steppedBack) && now.Sub(l.leaptAt) < leapFor {
		return nil
	}
	for i := range d.over {
		if o := &d.over[i]; o.told < mostTold && o.to.wall.Before(wall) {
			return o
		}
	}
	return nil
}

// auditDepartures has a departure that is over be recorded.
func (l *loop) auditDepartures(now time.Time) {
	o := l.departureDue(now)
	if o == nil {
		return
	}
	o.told++
	l.late = &lateness{
		Lateness: ledger.Lateness{Since: o.from.wall, Until: o.to.wall, By: "cgnd"},
		text:     fmt.Sprintf("the kernel departed from its plan between %s and %s, by somebody's hand", stamp(o.from.wall), stamp(o.to.wall)),
		say:      o.to.wall.Sub(o.from.wall) > sayLateAfter, departed: true,
	}
	l.lateAt = time.Time{}
}
