package ebpf

import (
	"errors"
	"fmt"
	"os"
	"syscall"

	"github.com/cilium/ebpf"
)

// mapError says what a map was for that the kernel refused, and how much it asked for.
func mapError(err error, what string, bytes uint64) error {
	switch {
	case errors.Is(err, syscall.ENOMEM), errors.Is(err, syscall.E2BIG):
		return fmt.Errorf("%w: %s, %d bytes: the plan needs a host with more memory, or fewer outside addresses: %w", ErrMemory, what, bytes, err)
	case errors.Is(err, os.ErrPermission):
		return fmt.Errorf("%w: %s, %d bytes: %s: %w", ErrPermission, what, bytes, capabilities, err)
	}
	return fmt.Errorf("%s: %w", what, err)
}

// capabilities says what is needed.
const capabilities = "it takes CAP_BPF, CAP_NET_ADMIN and CAP_PERFMON"

// explainLoad says what it means that the object does not load.
func explainLoad(err error) error {
	switch {
	case errors.Is(err, os.ErrPermission):
		return fmt.Errorf("%w: %s: %w", ErrPermission, capabilities, err)
	case errors.Is(err, syscall.ENOMEM), errors.Is(err, syscall.E2BIG):
		return fmt.Errorf("%w: %w", ErrMemory, err)
	case errors.Is(err, ebpf.ErrNotSupported):
		return fmt.Errorf("%w: %w", ErrKernel, err)
	}
	return err
}

// explainAttach says what it means that a program cannot be attached.
func explainAttach(h hook, err error) error {
	switch {
	case errors.Is(err, syscall.EBUSY), errors.Is(err, syscall.EEXIST):
		return fmt.Errorf("%w: it has another XDP program, of another instance perhaps: take that away first, see `ip link`: %w", ErrInterface, err)
	case errors.Is(err, syscall.EOPNOTSUPP):
		return fmt.Errorf("%w: its driver cannot run XDP programs: use the interfaces below a bridge or bond: %w", ErrInterface, err)
	case errors.Is(err, ebpf.ErrNotSupported):
		return fmt.Errorf("%w: %s needs Linux %s: %w", ErrKernel, h.name, map[string]string{"tcx": "6.6", "xdp": "5.9"}[h.name], err)
	case errors.Is(err, os.ErrPermission):
		return fmt.Errorf("%w: %s: %w", ErrPermission, capabilities, err)
	}
	return err
}
