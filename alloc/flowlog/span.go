package flowlog

import "time"

// wholeSecond is what a time in whole seconds leaves open: it stands for any instant until the next one.
const wholeSecond = time.Second - 1

// bounds are what a record says of when a flow began and ended: each lies between two instants.
type bounds struct {
	began, ended [2]time.Time
	span         time.Duration // between the two, at least
	more         time.Duration // that it may have been longer
}

// into writes them into a flow: from the last instant at which it can have begun to the first at which it can have ended it lived for
// certain, if there is such a time. It returns false for a flow that ends before it begins.
func (b bounds) into(f *Flow) bool {
	b.began[0] = latest(b.began[0], b.ended[0].Add(-b.span-b.more))
	b.began[1] = earliest(b.began[1], b.ended[1].Add(-b.span))
	b.ended[0] = latest(b.ended[0], b.began[0].Add(b.span))
	b.ended[1] = earliest(b.ended[1], b.began[1].Add(b.span+b.more))
	if b.began[1].Before(b.began[0]) || b.ended[1].Before(b.ended[0]) || b.ended[1].Before(b.began[0]) {
		return false
	}
	f.Span = b.span
	if b.began[1].After(b.ended[0]) {
		f.From, f.To, f.Vague = b.began[0], b.ended[1], true
		return true
	}
	f.From, f.Before = b.began[1], b.began[1].Sub(b.began[0])
	f.To, f.After = b.ended[0], b.ended[1].Sub(b.ended[0])
	return true
}

func earliest(a, b time.Time) time.Time {
	if a.Before(b) {
		return a
	}
	return b
}

func latest(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}
