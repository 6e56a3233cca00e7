package api

import (
	"context"
	"sync"
)

// places are a number of places, of which one caller gets a part. They are safe for concurrent use. Make them with newPlaces.
type places struct {
	all, ofOne int

	mu      sync.Mutex
	n       int
	of      map[string]int
	changed chan struct{} // closed when places are given back
}

func newPlaces(all, ofOne int) *places {
	return &places{all: all, ofOne: ofOne, of: map[string]int{}, changed: make(chan struct{})}
}

// try takes some places, and reports whether there were as many. A caller who has none gets more than its part, if it needs them at once.
func (p *places) try(who string, n int) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.n > 0 && p.n+n > p.all || p.of[who] > 0 && p.of[who]+n > p.ofOne {
		return false
	}
	p.n += n
	p.of[who] += n
	return true
}

// take waits for a place until ctx ends, and reports whether there was one.
func (p *places) take(ctx context.Context, who string) bool {
	for {
		p.mu.Lock()
		changed := p.changed
		p.mu.Unlock()
		if p.try(who, 1) {
			return true
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return false
		}
	}
}

// give gives places back.
func (p *places) give(who string, n int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.n -= n
	if p.of[who] -= n; p.of[who] == 0 {
		delete(p.of, who)
	}
	close(p.changed)
	p.changed = make(chan struct{})
}
