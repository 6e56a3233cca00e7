package api

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/cgnkit/cgnkit/alloc"
	"github.com/cgnkit/cgnkit/internal/api/form"
	"github.com/cgnkit/cgnkit/internal/metrics"
)

// A Kernel tells what subscribers use. Several goroutines ask it at once.
type Kernel interface {
	// Use reads what the subscriber of a share of the plan that was applied uses: as it was a moment ago where that is quicker, unless
	// now is wanted, which is as it is where that can be had. It gives up with ctx. The error wraps ErrUnknown where it cannot be told.
	Use(ctx context.Context, share alloc.Allocation, now bool) (Use, error)
	// Usage returns the last reading of what all of them use, with rankings, or nil before the first.
	Usage() *metrics.Usage
}

// A Use is what a subscriber uses.
type Use struct {
	metrics.Use
	Taken       time.Time
	Now         bool              // it was read for this; otherwise by a reading in the background
	HasSessions bool              // the backend knows sessions
	Limit       metrics.Protocols // mappings that it may have; 0 = as many as it has ports
	Refusals    *form.Refusals    // nil = the backend does not tell
}

// ErrUnknown means: what a subscriber uses cannot be told at the moment.
var ErrUnknown = errors.New("what the subscriber uses is not known yet")

// useTime is how long reading what a subscriber uses may take.
const useTime = 2 * time.Second

// ownedPorts remembers the ports of pools of a plan, which some schemes take a while to add up.
type ownedPorts struct {
	mu    sync.Mutex
	of    *alloc.Plan
	pools []metrics.Pool
}

func (o *ownedPorts) get(plan *alloc.Plan) []metrics.Pool {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.of != plan {
		o.of, o.pools = plan, metrics.PoolsOf(plan)
	}
	return o.pools
}
