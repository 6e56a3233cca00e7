//go:build linux

package netns

import (
	"context"
	"fmt"
	"slices"
	"sync"
)

// A bell wakes all who wait for a change. The zero value is ready.
type bell struct {
	mu      sync.Mutex
	waiting chan struct{} // nil while nobody waits.
}

// next returns a channel that the next ring closes. Ask for it before looking at what may change.
func (b *bell) next() <-chan struct{} {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.waiting == nil {
		b.waiting = make(chan struct{})
	}
	return b.waiting
}

func (b *bell) ring() {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.waiting != nil {
		close(b.waiting)
		b.waiting = nil
	}
}

// A record collects what a probe saw. The zero value is ready.
type record[T any] struct {
	bell  bell
	mu    sync.Mutex
	items []T
}

func (r *record[T]) add(item T) {
	r.mu.Lock()
	r.items = append(r.items, item)
	r.mu.Unlock()
	r.bell.ring()
}

func (r *record[T]) all() []T {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Clone(r.items)
}

// await waits until there are at least n items and returns them all.
func (r *record[T]) await(ctx context.Context, n int) ([]T, error) {
	for {
		changed := r.bell.next()
		items := r.all()
		if len(items) >= n {
			return items, nil
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return items, fmt.Errorf("wait for %d sightings, have %d: %w", n, len(items), ctx.Err())
		}
	}
}
