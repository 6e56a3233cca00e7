package ebpf

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"syscall"

	"github.com/cilium/ebpf"
)

// capabilities says what is needed.
const capabilities = "it takes CAP_BPF, CAP_NET_ADMIN and CAP_PERFMON"

// permission says what it means that the kernel does not permit something. Other errors it leaves as they are.
func permission(err error) error {
	if errors.Is(err, os.ErrPermission) {
		return fmt.Errorf("%w: %s: %w", ErrPermission, capabilities, err)
	}
	return err
}

// pinError says what it means that a pin cannot be opened.
func pinError(err error) error {
	if errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("%w: %w", ErrChanged, err)
	}
	return permission(err)
}

// mapError says what a map was for that the kernel refused, and how much it asked for.
func mapError(err error, what string, bytes uint64) error {
	if noMemory(err) {
		return fmt.Errorf("%w: %s, %d bytes: %w", ErrMemory, what, bytes, err)
	}
	return fmt.Errorf("%s, %d bytes: %w", what, bytes, permission(err))
}

func noMemory(err error) bool {
	return errors.Is(err, syscall.ENOMEM) || errors.Is(err, syscall.E2BIG)
}

// memoryError adds to a refusal of memory how much it takes altogether, and what to do. Other errors it leaves as they are.
func (b *builder) memoryError(err error) error {
	if !errors.Is(err, syscall.ENOMEM) && (!errors.Is(err, ErrMemory) || !noMemory(err)) {
		return err // E2BIG alone is of a program
	}
	if !errors.Is(err, ErrMemory) {
		err = fmt.Errorf("%w: %w", ErrMemory, err)
	}
	n, others := b.need(), ""
	if b.spec != nil {
		others = fmt.Sprintf(" and all other maps about %d MiB", n.others>>20)
	}
	return fmt.Errorf("%w: the slots of %d new outside addresses take %d MiB%s: the host has less to give, "+
		"or the memory cgroup of this process, see memory.max: it needs more, or the plan fewer outside addresses", err, n.addresses, n.slots>>20, others)
}

// loadError says what it means that the object does not load.
func loadError(err error) error {
	if errors.Is(err, ebpf.ErrNotSupported) {
		return fmt.Errorf("%w: %w", ErrKernel, err)
	}
	return permission(err)
}

// attachError says what it means that a program cannot be attached.
func attachError(err error) error {
	switch {
	case errors.Is(err, syscall.EBUSY), errors.Is(err, syscall.EEXIST):
		return fmt.Errorf("%w: it has another XDP program, of somebody else: take that away first, see `ip link`: %w", ErrInterface, err)
	case errors.Is(err, syscall.EOPNOTSUPP):
		return fmt.Errorf("%w: its driver cannot run XDP programs: use the interfaces below a bridge or bond: %w", ErrInterface, err)
	case errors.Is(err, ebpf.ErrNotSupported):
		return fmt.Errorf("%w: links behind the driver (tcx) need Linux 6.6: %w", ErrKernel, err)
	}
	return permission(err)
}
