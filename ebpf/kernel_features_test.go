package ebpf

import (
	"errors"
	"fmt"
	"os"
	"strings"
	"syscall"
	"testing"

	"github.com/cilium/ebpf"
)

// fakeKernel replaces what is asked of the kernel for one test.
func fakeKernel(t *testing.T, probes ...error) {
	t.Helper()
	before := kernelFeatures
	t.Cleanup(func() { kernelFeatures = before })
	kernelFeatures = nil
	for i, err := range probes {
		kernelFeatures = append(kernelFeatures, feature{fmt.Sprint("feature ", i), fmt.Sprintf("6.%d", i), func() error { return err }})
	}
}

// What is missing is named with the version that has it, all of it.
func TestKernelLacks(t *testing.T) {
	root(t)
	fakeKernel(t, nil, ebpf.ErrNotSupported, nil, ebpf.ErrNotSupported)
	err := checkKernel()
	want := "the kernel is too old: feature 1, which Linux 6.1 has: not supported\nthe kernel is too old: feature 3, which Linux 6.3 has: not supported"
	if !errors.Is(err, ErrKernel) || err.Error() != want {
		t.Errorf("error %v, want %s", err, want)
	}
	fakeKernel(t, fmt.Errorf("load program: %w", os.ErrPermission))
	if err := checkKernel(); !errors.Is(err, ErrPermission) || errors.Is(err, ErrKernel) || !strings.Contains(err.Error(), "CAP_BPF") {
		t.Errorf("without permission: %v", err)
	}
	fakeKernel(t, syscall.EIO)
	if err := checkKernel(); err == nil || errors.Is(err, ErrKernel) || errors.Is(err, ErrPermission) {
		t.Errorf("a probe that fails: %v", err)
	}
}

// This kernel has everything.
func TestKernelHas(t *testing.T) {
	root(t)
	if err := checkKernel(); err != nil {
		t.Error(err)
	}
}

// Refusals say what was asked for, and what to do.
func TestRefusalsAreExplained(t *testing.T) {
	for want, err := range map[string]error{
		"no memory for maps: make the slots of 192.0.2.1, 3145728 bytes: cannot allocate memory":                                              mapError(syscall.ENOMEM, "make the slots of 192.0.2.1", 3<<20),
		"make the slots of 192.0.2.1, 3145728 bytes: not permitted: it takes CAP_BPF, CAP_NET_ADMIN and CAP_PERFMON: operation not permitted": mapError(syscall.EPERM, "make the slots of 192.0.2.1", 3<<20),
		"interface cannot be used: its driver cannot run XDP programs: use the interfaces below a bridge or bond: operation not supported":    attachError(syscall.EOPNOTSUPP),
		"the instance has changed since it was opened: no such file or directory":                                                             pinError(syscall.ENOENT),
	} {
		if err == nil || err.Error() != want {
			t.Errorf("error %v\nwant  %s", err, want)
		}
	}
}
