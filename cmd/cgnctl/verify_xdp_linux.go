package main

import (
	"errors"
	"fmt"

	"github.com/cgnkit/cgnkit/ebpf"
)

// verifyXDP compares an instance of the XDP backend with a plan.
func (e *env) verifyXDP(in *instanceFlag, p *planFlags, format string) error {
	instance, err := in.parse()
	if err != nil {
		return err
	}
	f, err := p.load()
	if err != nil {
		return err
	}
	w := e.newDifferenceWriter(format)
	w.begin(instance.String(), f.Plan.SHA256())
	var v ebpf.Verified
	hint := ""
	d, err := ebpf.Open(instance.String(), f.Spec.Keys...)
	switch {
	case errors.Is(err, ebpf.ErrNotLoaded):
		w.add("instance "+instance.String(), ebpf.Missing.String(), "the kernel holds nothing of it")
	case errors.Is(err, ebpf.ErrDamaged):
		w.add("record", ebpf.Missing.String(), "what else is pinned cannot be told without it")
		hint = command("remove", xdp, instance.String()) + " takes the instance away, which ends its mappings; then apply the plan again"
	case err != nil:
		return xdpFault(err, instance.String())
	default:
		defer func() { _ = d.Close() }()
		v, err = d.Verify(f.Plan, func(d ebpf.Difference) { w.add(d.What, d.Kind.String(), d.Detail) })
		if err != nil {
			return xdpFault(err, instance.String())
		}
	}
	e.note(v.Notes)
	if err := w.end(f.Plan.SHA256(), value{"entries", v.Entries}, value{"mappings", v.Mappings}); err != nil {
		return err
	}
	if w.n > 0 {
		if hint == "" {
			hint = repair(command("apply", xdp, instance.String()), uint64(w.n), v.OtherRelease)
		}
		return &fault{
			code: exitCheck, hint: hint,
			msg: fmt.Sprintf("the kernel departs from the plan in %s", many(uint64(w.n), "place")),
		}
	}
	return nil
}
