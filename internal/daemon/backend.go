package daemon

import (
	"sync/atomic"
	"time"

	"github.com/cgnkit/cgnkit/alloc"
)

// A Backend is an instance in the kernel. One goroutine at a time uses it.
type Backend interface {
	// InForce says what the kernel has. It is cheap: it is asked every second.
	InForce() (InForce, error)
	// Apply makes the kernel obey a plan. It trusts nothing that it remembers, so that it is a repair, too. It calls wait, unless that is
	// nil, when all is done that can be done before: packets obey the plan some milliseconds after wait returns. After an error from
	// wait, which Apply wraps, the kernel is as it was.
	Apply(plan *alloc.Plan, wait func() error) (Applied, error)
	// Ahead says how long before its instant an Apply of another plan had better begin.
	Ahead() time.Duration
	// Verify compares the kernel with a plan, and calls found with every difference. It changes nothing.
	Verify(plan *alloc.Plan, found func(difference string)) (Verified, error)
	// Leftover returns how many connections go on that contradict a plan, which is in force: another one made them, and no Apply has ended them. The former
	// plans are those that it may have been, as far as they are known. With forget they are ended. The error wraps errGivenUp where
	// somebody else changes the kernel just now.
	Leftover(plan *alloc.Plan, former []*alloc.Plan, forget bool) (n int, err error)
	// Reload reads anew what the backend has of files, and reports whether any of it has changed since the last Apply.
	Reload() (changed bool, err error)
	Close() error
}

// InForce is what the kernel has of an instance.
type InForce struct {
	SHA256 string // of the plan, "" where there is none
	Mark   string // another one means that somebody may have changed something of the instance
	Exact  bool   // the same one means that nobody has changed who has which ports
	Links  string // another one means that what failed for want of an interface may succeed; "" = there is no need of any
}

// Applied is what an apply did.
type Applied struct {
	Way                         string // "unchanged", "first load", and so on
	Kept, Moved, Added, Removed uint64 // subscribers, against what the kernel had
	Warnings                    []string
}

// Verified is the result of a comparison.
type Verified struct {
	Differences  uint64
	Misleading   uint64   // of them, those by which somebody else than the plan says may have a port
	OtherRelease uint64   // and those that are so because another release has made what the kernel has: they are nobody's doing
	Notes        []string // what does not change what packets meet
}

// A watched backend notes when it could say what the kernel has, whatever that was asked for.
type watched struct {
	Backend
	at *atomic.Pointer[time.Time]
}

func (w watched) InForce() (InForce, error) {
	at := time.Now()
	in, err := w.Backend.InForce()
	if err == nil {
		w.at.Store(&at)
	}
	return in, err
}
