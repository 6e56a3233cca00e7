package main

import (
	"slices"

	"github.com/cgnkit/cgnkit/ebpf"
)

// removeXDP takes an instance of the XDP backend out of the kernel.
func (e *env) removeXDP(instance, format string) error {
	there, err := ebpf.Instances()
	if err != nil {
		return xdpFault(err, instance)
	}
	if !slices.Contains(there, instance) {
		return &fault{code: exitNobody, msg: "no such instance: " + instance + " is not in the kernel of this network namespace"}
	}
	if err := ebpf.Remove(instance); err != nil {
		return xdpFault(err, instance)
	}
	return printRecords(e.stdout, format, record{{"instance", instance}, {"backend", xdp}})
}
