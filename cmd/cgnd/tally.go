package main

import (
	"cmp"
	"slices"
	"strconv"
	"sync"

	"github.com/cgnkit/cgnkit/internal/metrics"
)

// A requestTally counts requests of the API by listener and status.
type requestTally struct {
	mu sync.Mutex
	by map[requestKind]uint64 // there are few statuses
}

type requestKind struct {
	listener string
	code     int
}

// of returns what counts the requests of a listener.
func (t *requestTally) of(listener string) func(code int) {
	return func(code int) {
		t.mu.Lock()
		defer t.mu.Unlock()
		if t.by == nil {
			t.by = map[requestKind]uint64{}
		}
		t.by[requestKind{listener, code}]++
	}
}

// counts returns the numbers.
func (t *requestTally) counts() (out []metrics.Requests) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for k, n := range t.by {
		out = append(out, metrics.Requests{Listener: k.listener, Code: strconv.Itoa(k.code), Count: n})
	}
	slices.SortFunc(out, func(a, b metrics.Requests) int {
		return cmp.Or(cmp.Compare(a.Listener, b.Listener), cmp.Compare(a.Code, b.Code))
	})
	return out
}
