package ebpf

import (
	"errors"
	"fmt"
	"os"
	"strings"

	"github.com/cilium/ebpf"
	"github.com/cilium/ebpf/asm"
	"github.com/cilium/ebpf/features"
)

// A feature is something that the kernel has to have.
type feature struct {
	name  string
	since string // the first version that has it
	probe func() error
}

// kernelFeatures are what is needed and not in every kernel that is still kept. What an interface must have shows when a program
// is attached to it.
var kernelFeatures = []feature{
	{"maps of maps", "4.12", func() error { return features.HaveMapType(ebpf.ArrayOfMaps) }},
	{"arrays in shared memory", "5.5", func() error { return features.HaveMapFlag(features.BPF_F_MMAPABLE) }},
	{"the helper jiffies64 for XDP", "5.6", helper(ebpf.XDP, asm.FnJiffies64)},
	{"inner arrays of several sizes", "5.10", func() error { return features.HaveMapFlag(features.BPF_F_INNER_MAP) }},
	{"the helper redirect_neigh", "5.10", helper(ebpf.SchedCLS, asm.FnRedirectNeigh)},
	{"the helper loop", "5.17", helper(ebpf.XDP, asm.FnLoop)},
	{"links behind the driver (tcx), and source addresses of routes (BPF_FIB_LOOKUP_SRC)", "6.7", since(6, 7)},
}

func helper(t ebpf.ProgramType, f asm.BuiltinFunc) func() error {
	return func() error { return features.HaveProgramHelper(t, f) }
}

// since asks for the version where there is nothing else to ask.
func since(major, minor uint32) func() error {
	return func() error {
		v, err := features.LinuxVersionCode()
		if err == nil && v < major<<16|minor<<8 {
			err = fmt.Errorf("%w: it is %d.%d", ebpf.ErrNotSupported, v>>16, v>>8&0xff)
		}
		return err
	}
}

// checkKernel names what the process or the kernel lacks, all of it.
func checkKernel() error {
	if missing := missingCapabilities(); len(missing) > 0 {
		return fmt.Errorf("%w: %s, and %s is missing", ErrPermission, capabilities, strings.Join(missing, ", "))
	}
	var errs []error
	for _, f := range kernelFeatures {
		switch err := f.probe(); {
		case errors.Is(err, ebpf.ErrNotSupported):
			errs = append(errs, fmt.Errorf("%w: %s, which Linux %s has: %w", ErrKernel, f.name, f.since, err))
		case errors.Is(err, os.ErrPermission):
			return permission(err)
		case err != nil:
			return fmt.Errorf("ask the kernel for %s: %w", f.name, err)
		}
	}
	return errors.Join(errs...)
}
