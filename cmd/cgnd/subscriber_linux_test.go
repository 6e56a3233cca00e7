package main

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/cgnkit/cgnkit/alloc"
	"github.com/cgnkit/cgnkit/internal/api"
)

// TestOthersAreAsking has somebody be at reading: who wants what is known already has it at once, also with now where the other one takes
// long, and who wants what is not known waits.
func TestOthersAreAsking(t *testing.T) {
	then := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	known := true
	s := &subscriberReader{
		slot: make(chan struct{}, 1),
		last: func(alloc.Allocation) (api.Use, bool) { return api.Use{Taken: then}, known },
		read: func(alloc.Allocation, bool) (api.Use, error) { return api.Use{Now: true}, nil },
	}
	s.slot <- struct{}{}
	for _, now := range []bool{false, true} {
		if u, err := s.Use(t.Context(), alloc.Allocation{}, now); err != nil || u.Now || !u.Taken.Equal(then) {
			t.Errorf("now %t: %+v, %v", now, u, err)
		}
	}
	known = false
	short, cancel := context.WithTimeout(t.Context(), 10*time.Millisecond)
	defer cancel()
	if u, err := s.Use(short, alloc.Allocation{}, false); !errors.Is(err, api.ErrUnknown) {
		t.Errorf("%+v, %v", u, err)
	}
	<-s.slot
	for _, is := range []bool{false, true} {
		known = is
		if u, err := s.Use(t.Context(), alloc.Allocation{}, true); err != nil || !u.Now || len(s.slot) != 0 {
			t.Errorf("known %t: %+v, %v", is, u, err)
		}
	}
	s.last = nil // as with xdp
	if u, err := s.Use(t.Context(), alloc.Allocation{}, false); err != nil || !u.Now {
		t.Errorf("%+v, %v", u, err)
	}
}
