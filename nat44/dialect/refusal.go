package dialect

import (
	"errors"
	"fmt"

	"github.com/cgnkit/cgnkit/alloc"
)

// ErrInexpressible means: the target has no way to give every subscriber exactly the share of the plan. The errors that
// wrap it name the pool, the reason in numbers, and what to do. Nothing was written.
var ErrInexpressible = errors.New("plan cannot be expressed")

// A refusal is one reason why a plan cannot be rendered.
type refusal struct{ text string }

func (r *refusal) Error() string { return r.text }
func (r *refusal) Unwrap() error { return ErrInexpressible }

// refuse returns a refusal that concerns the plan as a whole.
func refuse(format string, args ...any) error { return &refusal{fmt.Sprintf(format, args...)} }

// refusePool returns a refusal that concerns one pool.
func refusePool(p *alloc.Pool, format string, args ...any) error {
	return &refusal{fmt.Sprintf("pool %q: ", p.Name()) + fmt.Sprintf(format, args...)}
}

// everyPool asks check about each pool and joins the refusals, so that one run shows all of them.
func everyPool(p *alloc.Plan, check func(*alloc.Pool) error) error {
	var all []error
	for pool := range p.Pools() {
		if err := check(pool); err != nil {
			all = append(all, err)
		}
	}
	return errors.Join(all...)
}
