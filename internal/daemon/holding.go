package daemon

import (
	"sync/atomic"

	"github.com/cgnkit/cgnkit/alloc"
)

// A Holding says which plan the kernel has, as far as the daemon knows. It is never changed after it was published.
type Holding struct {
	Plan *alloc.Plan // what was applied last; nil before
	// Other is a plan that the kernel may have as well: it is being applied, what came of that is not known, or it was in force before and not all that
	// belongs to it is gone. nil = none.
	Other *alloc.Plan
	// Unknown says that it may have one that is neither: somebody's, when Other was begun with.
	Unknown bool
}

// held is the Holding of a daemon. Whoever works for the loop changes it, and the loop while nobody works; anybody may read it.
type held struct {
	is     atomic.Pointer[Holding]
	last   string // SHA-256 of what the kernel had when it was asked last
	failed bool   // the last Apply did not end well
	half   bool   // nor did that of the plan that the kernel has
}

// Load returns the plan that was applied last.
func (h *held) Load() *alloc.Plan { return h.is.Load().Plan }

// Store notes that a plan was applied. Where not all went well, something of the one before may have stayed.
func (h *held) Store(plan *alloc.Plan) {
	was, now := h.is.Load(), &Holding{Plan: plan}
	if h.half = h.failed && was.Plan != nil && was.Plan.SHA256() != plan.SHA256(); h.half {
		now.Other, now.Unknown = was.Plan, was.Unknown
	}
	h.is.Store(now)
}

// begin notes that the kernel is about to get a plan.
func (h *held) begin(plan *alloc.Plan) {
	was := h.is.Load()
	if was.Plan == nil || was.Plan.SHA256() == plan.SHA256() {
		return
	}
	h.is.Store(&Holding{Plan: was.Plan, Other: plan, Unknown: h.half || h.last != was.Plan.SHA256()})
}

// ended notes what came of that.
func (h *held) ended(plan *alloc.Plan, err error) {
	was := h.is.Load()
	h.failed = err != nil
	h.half = h.half && (h.failed || was.Plan.SHA256() != plan.SHA256())
}

// see notes which plan the kernel has. Where that is still the one that was applied, nothing came of another one.
func (h *held) see(sha string) {
	h.last = sha
	if was := h.is.Load(); was.Other != nil && !h.half && was.Plan.SHA256() == sha {
		h.is.Store(&Holding{Plan: was.Plan})
	}
}

// A noting Backend notes which plan the kernel has, from before an Apply touches it until it is known what came of that.
type noting struct {
	Backend
	held *held
}

// InForce is that of the backend.
func (n noting) InForce() (InForce, error) {
	in, err := n.Backend.InForce()
	if err == nil {
		n.held.see(in.SHA256)
	}
	return in, err
}

// Apply is that of the backend.
func (n noting) Apply(plan *alloc.Plan, wait func() error) (Applied, error) {
	if instant := wait; instant == nil {
		n.held.begin(plan)
	} else {
		wait = func() error {
			err := instant()
			if err == nil { // until now nothing that packets meet was changed
				n.held.begin(plan)
			}
			return err
		}
	}
	done, err := n.Backend.Apply(plan, wait)
	n.held.ended(plan, err)
	return done, err
}
