package main

import (
	"cmp"
	"slices"
	"strconv"
	"sync"

	"github.com/cgnkit/cgnkit/internal/api"
	"github.com/cgnkit/cgnkit/internal/gate"
	"github.com/cgnkit/cgnkit/internal/metrics"
)

// A requestTally counts requests of the API by listener and status, and connections that were closed by listener and reason.
type requestTally struct {
	mu      sync.Mutex
	by      map[requestKind]uint64 // there are few statuses
	dropped map[dropKind]uint64
}

type dropKind struct {
	listener string
	why      gate.Reason
}

// reasons are all reasons for closing a connection.
var reasons = []gate.Reason{gate.Silent, gate.Crowded, api.Slow}

// drops returns what counts the connections of a listener that are closed. They are shown from now on.
func (t *requestTally) drops(listener string) func(gate.Reason) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.dropped == nil {
		t.dropped = map[dropKind]uint64{}
	}
	for _, why := range reasons {
		t.dropped[dropKind{listener, why}] = 0
	}
	return func(why gate.Reason) {
		t.mu.Lock()
		defer t.mu.Unlock()
		t.dropped[dropKind{listener, why}]++
	}
}

// droppedConnections returns their numbers.
func (t *requestTally) droppedConnections() (out []metrics.Dropped) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for k, n := range t.dropped {
		out = append(out, metrics.Dropped{Listener: k.listener, Reason: string(k.why), Count: n})
	}
	slices.SortFunc(out, func(a, b metrics.Dropped) int {
		return cmp.Or(cmp.Compare(a.Listener, b.Listener), cmp.Compare(a.Reason, b.Reason))
	})
	return out
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
