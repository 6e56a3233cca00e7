package holder

import (
	"cmp"
	"math"
	"slices"
)

// Seconds since 1970 that stand for "not known".
const (
	always = math.MinInt64
	never  = math.MaxInt64
)

// A stamp is the instant of an event: it lies between two seconds, both included. They are equal unless clocks disagree.
type stamp struct{ early, late int64 }

// A span is the time between two seconds, both included. The zero span is empty.
type span struct {
	from, to int64
	some     bool
}

func (s *span) add(t stamp) {
	if !s.some {
		*s = span{t.early, t.late, true}
		return
	}
	s.from, s.to = min(s.from, t.early), max(s.to, t.late)
}

// maxSilence is the number of seconds without a record of anybody after which it is not certain that the server still wrote them.
// NAS send an Interim-Update for each session every five or ten minutes where they send any.
const maxSilence = 900

// cover notes that a record of t was written. Contradictory stamps do not say when.
func (s *source) cover(t stamp) {
	if t.late-t.early > maxSilence {
		return
	}
	if n := len(s.spans); n > 0 && t.early <= s.spans[n-1].to+maxSilence && t.late >= s.spans[n-1].from-maxSilence {
		s.spans[n-1].add(t)
		return
	}
	before := cap(s.spans)
	if len(s.spans) == before && before > 0 { // mixed records make many spans of few
		if s.spans = join(s.spans); len(s.spans) > before/2 {
			s.spans = slices.Grow(s.spans, before)
		}
	}
	var one span
	one.add(t)
	s.spans = append(s.spans, one)
	s.book.need((cap(s.spans) - before) * costSpan)
}

// join sorts spans, in place, and joins those between which no more than maxSilence lies.
func join(spans []span) []span {
	slices.SortFunc(spans, func(a, b span) int { return cmp.Compare(a.from, b.from) })
	out := spans[:0]
	for _, s := range spans {
		if last := len(out) - 1; last >= 0 && s.from <= out[last].to+maxSilence {
			out[last].to = max(out[last].to, s.to)
		} else {
			out = append(out, s)
		}
	}
	return out
}

// reach says what of the time the files do not cover; 0 means nothing.
func reach(spans []span, from, to int64) Reasons {
	switch {
	case len(spans) == 0:
		return NoRecord
	case from < spans[0].from:
		return Before
	case to > spans[len(spans)-1].to:
		return After
	}
	for _, s := range spans {
		if s.from <= from && to <= s.to {
			return 0
		}
	}
	return Gap
}
