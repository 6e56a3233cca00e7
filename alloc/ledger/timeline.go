package ledger

import (
	"cmp"
	"slices"
	"sort"
	"time"
)

// A timeline says which epochs may have been in force when. It leaves out epochs that another with the same instant has replaced.
type timeline struct {
	epochs []*Epoch // by From, all different
	// ends has the instant at which each of them is surely over: the first at which a later one is settled. The zero Time
	// means never. It does not decrease. One more in front says from when the ledger surely knows the plan.
	ends   []time.Time
	strays []*Epoch // plans that the kernel may have had besides, by From
}

// newTimeline sorts the epochs and sets their Until. pending is an apply whose end is not known, or nil: it may be in force, and so
// may what was before, also when an epoch that is planned begins after since: who follows the ledger waits for the end of the apply.
func newTimeline(epochs []Epoch, pending *Epoch, since time.Time) timeline {
	var t timeline
	all := make([]*Epoch, 0, len(epochs))
	for i := range epochs {
		e := &epochs[i]
		if e.Stray {
			e.Until = e.Settled
			t.strays = append(t.strays, e)
			continue
		}
		all = append(all, e)
	}
	slices.SortStableFunc(all, byFrom)
	slices.SortStableFunc(t.strays, byFrom)
	for i, e := range all {
		if i+1 == len(all) {
			t.epochs = append(t.epochs, e)
			break
		}
		e.Until = all[i+1].From // for one that was replaced, its own From: it was never in force
		if e.Until.After(e.From) {
			t.epochs = append(t.epochs, e)
		}
	}
	if pending != nil {
		at := sort.Search(len(t.epochs), func(i int) bool { return t.epochs[i].From.After(pending.From) })
		t.epochs = slices.Insert(t.epochs, at, pending)
	}
	t.ends = make([]time.Time, len(t.epochs)+1)
	var first time.Time
	for i, e := range slices.Backward(t.epochs) {
		t.ends[i+1] = first
		settled := !e.Pending && (pending == nil || !e.From.After(since))
		if settled && (first.IsZero() || e.Settled.Before(first)) {
			first = e.Settled
		}
	}
	t.ends[0] = first
	return t
}

// byFrom is the order of the timeline.
func byFrom(a, b *Epoch) int { return cmp.Or(a.From.Compare(b.From), cmp.Compare(a.Seq, b.Seq)) }

// straysIn returns the strays of a window, both ends included. What ends at unsure or after it counts as not ended, unless unsure is zero.
func (t timeline) straysIn(from, to, unsure time.Time) (strays []*Epoch) {
	for _, e := range t.strays {
		if e.From.After(to) {
			break
		}
		if e.Settled.After(from) || !unsure.IsZero() && !e.Settled.Before(unsure) {
			strays = append(strays, e)
		}
	}
	return strays
}

// sure returns the epochs that were recorded.
func (t timeline) sure() []*Epoch {
	return slices.DeleteFunc(slices.Clone(t.epochs), func(e *Epoch) bool { return e.Pending })
}

// between returns the epochs that may have been in force at some instant of a window, both ends included, and whether
// there may have been none. What settles at unsure or after it counts as not settled, unless unsure is zero.
func (t timeline) between(from, to, unsure time.Time) (epochs []*Epoch, gap bool) {
	past := func(end time.Time) bool {
		return !end.IsZero() && !end.After(from) && (unsure.IsZero() || end.Before(unsure))
	}
	// The first that is not surely over, and the first that has surely not begun.
	lo := sort.Search(len(t.epochs), func(i int) bool { return !past(t.ends[i+1]) })
	hi := sort.Search(len(t.epochs), func(i int) bool { return t.epochs[i].From.After(to) })
	if lo > hi {
		lo = hi
	}
	return t.epochs[lo:hi], !past(t.ends[0])
}
