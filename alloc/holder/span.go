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

func (s span) empty() bool { return !s.some }

// maxGap is the number of seconds without a record that a file and the next one may have between them.
const maxGap = 3600

// join sorts spans and joins those between which no more than maxGap lies.
func join(spans []span) []span {
	spans = slices.Clone(spans)
	slices.SortFunc(spans, func(a, b span) int { return cmp.Compare(a.from, b.from) })
	var out []span
	for _, s := range spans {
		if last := len(out) - 1; last >= 0 && s.from <= out[last].to+maxGap {
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
