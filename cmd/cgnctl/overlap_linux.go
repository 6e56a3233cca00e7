package main

import (
	"errors"
	"fmt"
	"os"

	"github.com/cgnkit/cgnkit/alloc"
	"github.com/cgnkit/cgnkit/ebpf"
	"github.com/cgnkit/cgnkit/nat44"
)

// The backends know nothing of each other; here both are known. Where one of them cannot be asked, because the kernel has no
// nftables or its BPF filesystem is not to be seen from here, it is not asked, which is said: the other one works without.

// checkNftables looks for instances of the nftables backend with addresses of a plan that is for the XDP backend.
func (e *env) checkNftables(plan *alloc.Plan) error {
	k, err := nat44.Open()
	if errors.Is(err, nat44.ErrUnsupported) || errors.Is(err, os.ErrPermission) {
		e.note([]string{"whether an instance of backend nftables has the same addresses was not looked at: " + err.Error()})
		return nil
	}
	if err != nil {
		return kernelFault(err)
	}
	defer k.Close()
	over, err := k.Overlaps(plan)
	if err != nil {
		return kernelFault(err)
	}
	for _, o := range over {
		if err := e.overlap(nftables, o.Instance.String(), fmt.Sprintf("outside addresses in %v", o.Range), o.SHA256 == plan.SHA256()); err != nil {
			return err
		}
	}
	return nil
}

// unseen reports whether an error means that the XDP backend cannot be looked at from here, whatever it has.
func unseen(err error) bool {
	return errors.Is(err, ebpf.ErrMount) || errors.Is(err, ebpf.ErrKernel) || errors.Is(err, os.ErrPermission)
}

// checkXDP looks for instances of the XDP backend with addresses of a plan that is for the nftables backend.
func (e *env) checkXDP(plan *alloc.Plan) error {
	over, err := ebpf.Overlaps(plan)
	if unseen(err) {
		e.note([]string{"whether an instance of backend xdp has the same addresses was not looked at: " + err.Error()})
		return nil
	}
	if err != nil {
		return xdpFault(err, "")
	}
	for _, o := range over {
		if err := e.overlap(xdp, o.Instance, fmt.Sprintf("outside address %v", o.Address), o.SHA256 == plan.SHA256()); err != nil {
			return err
		}
	}
	return nil
}

// overlap refuses what would give ports two owners, and warns where both backends agree who has which port: packets on the
// interfaces of XDP never get to nftables.
func (e *env) overlap(backend, instance, what string, samePlan bool) error {
	remove := command("remove", backend, instance)
	if !samePlan {
		return badInput("give every address to one instance; "+remove+" takes that one away",
			"instance %s of backend %s has %s by another plan", instance, backend, what)
	}
	e.warn([]string{fmt.Sprintf("instance %s of backend %s has the same plan: packets on the interfaces of XDP are translated there and nowhere else; "+
		"%s ends the other one", instance, backend, remove)})
	return nil
}
