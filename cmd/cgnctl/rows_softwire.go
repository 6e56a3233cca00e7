package main

import (
	"fmt"

	"github.com/cgnkit/cgnkit/alloc"
)

// maxSoftRows is the number of subscribers of MAP and lw4o6 that allocate lists: a rule may have 2^48.
const maxSoftRows = 1 << 24

// listable refuses a plan with more subscribers than anybody would list.
func listable(plan *alloc.Plan) error {
	n := uint64(0)
	for pool := range plan.Softwires() {
		if n += pool.Subscribers(); n > maxSoftRows {
			return badInput("ask for single ones with cgnctl lookup and cgnctl trace",
				"pool %q brings the subscribers of MAP and lw4o6 to %d, and at most %d are listed", pool.Name(), n, maxSoftRows)
		}
	}
	return nil
}

// soft writes the allocations of a pool of MAP or lw4o6.
func (r *rows) soft(pool *alloc.Pool) error {
	r.pool = nil // another pool of NAT44 starts anew
	for a := range pool.All() {
		if err := r.softRow(a); err != nil {
			return err
		}
		r.count++
	}
	return nil
}

func (r *rows) softRow(a alloc.Allocation) error {
	name, who, outside := a.Pool().Name(), a.Subscriber().Text(), outsideText(a)
	b := make([]byte, 0, 128)
	switch r.format {
	case "table":
		return r.append(fmt.Appendf(b, "%-*s  %-*s  %-15s  %s\n", r.width, name, r.who, who, outside, shortPorts(a.Ports())))
	case "csv":
		b = append(append(append(append(append(b, name...), ','), who...), ','), outside...)
	default:
		if r.format == "json" && r.count > 0 {
			b = append(b, ',')
		}
		if r.format == "json" {
			b = append(b, '\n')
		}
		b = append(append(append(b, `{"pool":"`...), name...), `","subscriber":"`...)
		b = append(append(append(b, who...), `","outside":"`...), outside...)
	}
	return r.append(append(b, r.endOf(a.Ports())...))
}
