package api

import (
	"container/list"
	"sync"
	"time"

	"github.com/cgnkit/cgnkit/alloc"
	"github.com/cgnkit/cgnkit/internal/api/form"
)

// MaxRefused is of how many subscribers Refusals remembers something: those that were refused last.
const MaxRefused = 10_000

// Refusals remember which subscribers were refused mappings. They are safe for concurrent use. Make them with NewRefusals.
type Refusals struct {
	mu    sync.Mutex
	since time.Time
	by    map[alloc.Subscriber]*list.Element
	order *list.List // of *remembered, the last one first
}

type remembered struct {
	who alloc.Subscriber
	form.Refusals
}

// NewRefusals returns Refusals that know of nothing before an instant.
func NewRefusals(since time.Time) *Refusals {
	return &Refusals{since: since.UTC(), by: map[alloc.Subscriber]*list.Element{}, order: list.New()}
}

// Add notes that a subscriber was refused a mapping: kind is "exhausted", "limit" or "rate".
func (r *Refusals) Add(who alloc.Subscriber, kind string, at time.Time) {
	r.mu.Lock()
	defer r.mu.Unlock()
	e := r.by[who]
	if e == nil {
		if r.order.Len() == MaxRefused {
			r.drop(r.order.Back())
		}
		e = r.order.PushFront(&remembered{who: who, Refusals: form.Refusals{Since: r.since}})
		r.by[who] = e
	}
	r.order.MoveToFront(e)
	one := e.Value.(*remembered)
	switch kind {
	case "exhausted":
		one.Exhausted++
		one.LastExhausted = later(one.LastExhausted, at)
	case "limit":
		one.Limit++
	case "rate":
		one.Rate++
	}
	if last := later(one.Last, at); last != one.Last {
		one.Last, one.LastKind = last, kind
	}
}

// later returns the later one of two instants; nil is before all.
func later(was *time.Time, at time.Time) *time.Time {
	if was != nil && was.After(at) {
		return was
	}
	return new(at.UTC())
}

// drop forgets a subscriber. What others are told of those that are not remembered begins now.
func (r *Refusals) drop(e *list.Element) {
	one := e.Value.(*remembered)
	delete(r.by, one.who)
	r.order.Remove(e)
	if one.Last.After(r.since) {
		r.since = *one.Last
	}
}

// Of returns what is remembered of a subscriber.
func (r *Refusals) Of(who alloc.Subscriber) form.Refusals {
	r.mu.Lock()
	defer r.mu.Unlock()
	if e := r.by[who]; e != nil {
		return e.Value.(*remembered).Refusals
	}
	return form.Refusals{Since: r.since}
}
