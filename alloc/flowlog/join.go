package flowlog

import (
	"cmp"
	"slices"
	"time"
)

// Join makes one flow of the records that tell of it: of its beginning, of its life, and of its end. records are those with one protocol, source,
// destination and outside endpoint, of logs that are whole, in any order; Join sorts them. O(n log n).
//
// A translator has one flow at a time with these endpoints, so the next end that is told is that of the flow that began before. Where the
// record of the end says since when the flow lived (delta-time or [start=...] of conntrack), that must fit, within the two minutes that the kernel may
// take to tell: an end that belongs to a later flow, as when events were lost in between, is left alone, and the one before stays open. Other losses
// go unnoticed.
//
// Between a record of its life and the end, the flow lived for as long as the end says, and perhaps longer: the kernel tells of the end of a flow that
// ran out when it comes across it, up to minutes later.
func Join(records []Flow) []Flow {
	slices.SortStableFunc(records, func(a, b Flow) int { return cmp.Or(a.last().Compare(b.last()), cmp.Compare(a.Line, b.Line)) })
	var out []Flow
	for _, f := range records {
		if k := len(out) - 1; k >= 0 && out[k].Later && !out[k].Vague && !f.first().After(out[k].To) {
			out[k] = out[k].with(f)
			continue
		}
		out = append(out, f)
	}
	return out
}

// first and last return between which instants the flow may have lived by its record; the zero time where that is open.
func (f Flow) first() time.Time {
	if f.Earlier {
		return time.Time{}
	}
	return f.From.Add(-f.Before)
}

func (f Flow) last() time.Time { return f.To.Add(f.After) }

// with returns the flow of which g tells as well, later.
func (f Flow) with(g Flow) Flow {
	if f.Earlier && !g.Earlier {
		f.Before = f.From.Sub(g.first())
		if !g.Vague && g.From.Before(f.From) {
			f.From, f.Before = g.From, g.Before
		}
		f.Earlier = false
	}
	to, end := f.To, g.last()
	if !g.Vague {
		to = latest(to, g.To)
	} else if g.Earlier {
		to = latest(to, g.From) // it ended after that
	}
	if !f.Earlier {
		to = latest(to, f.first().Add(g.Span))
	}
	f.To = earliest(to, end)
	f.After, f.Later, f.Span = end.Sub(f.To), g.Later, max(f.Span, g.Span)
	return f
}
