//go:build linux

package nat44

import (
	"errors"
	"fmt"
	"os"

	"github.com/google/nftables"
	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"
)

// Errors to compare with errors.Is. Refusals of the kernel are *KernelError, which wraps a unix.Errno.
var (
	// ErrForeign says that the instance's table exists and somebody else made it.
	ErrForeign = errors.New("table was not made by cgnkit")
	// ErrBusy says that another process applies or removes an instance in the same network namespace.
	ErrBusy = errors.New("another process is changing this network namespace")
	// ErrUnstable says that the kernel's ruleset changed again and again while a change was prepared.
	ErrUnstable = errors.New("the ruleset keeps changing")
	// ErrNotLoaded says that the kernel holds nothing of the instance.
	ErrNotLoaded = errors.New("instance is not in the kernel")
	// ErrUnsupported says that the kernel has no nftables, or not what is needed of it.
	ErrUnsupported = errors.New("the kernel does not support this")
	// ErrDescriptors says that the process has too many files open.
	ErrDescriptors = errors.New("too many open files")
)

// A Kernel is a connection to nf_tables in one network namespace. It is for one goroutine at a time.
type Kernel struct {
	// Progress, if not nil, is told now and then how far a long operation is: "elements read", 300,000 of 1,000,000.
	Progress func(what string, done, total uint64)

	nft    *nftables.Conn
	sock   *socket
	routes *netlink.Handle
	box    *box
	lock   lockSpace
	wire   wire // the buffer of bulk loads
}

// Open connects to the network namespace of the calling thread. It needs CAP_NET_ADMIN there; the error wraps os.ErrPermission
// without it, ErrUnsupported where the kernel has no nftables, and ErrDescriptors where too many files are open.
func Open() (*Kernel, error) {
	k := &Kernel{}
	if err := k.open(); err != nil {
		k.Close()
		return nil, err
	}
	return k, nil
}

func (k *Kernel) open() (err error) {
	if k.sock, err = openSocket(); err != nil {
		return supported(err)
	}
	if err := lowDescriptor(); err != nil {
		return err
	}
	if k.nft, err = nftables.New(nftables.AsLasting()); err != nil {
		return supported(fmt.Errorf("open nf_tables: %w", err))
	}
	if k.routes, err = netlink.NewHandle(unix.NETLINK_ROUTE, unix.NETLINK_NETFILTER); err != nil {
		return supported(fmt.Errorf("open rtnetlink: %w", err))
	}
	if k.lock, err = thisNamespace(); err != nil {
		return err
	}
	k.box = openBox()
	// The cheapest question there is; without the privilege or without nf_tables it is refused.
	_, err = k.sock.generation()
	return supported(err)
}

// lowDescriptor returns an error where the next descriptor is above those that pselect knows: the library of nf_tables waits by that, and panics.
func lowDescriptor() error {
	fd, err := unix.Open("/dev/null", unix.O_RDONLY|unix.O_CLOEXEC, 0)
	if err != nil {
		return fmt.Errorf("open nf_tables: %w", err)
	}
	_ = unix.Close(fd)
	if fd >= unix.FD_SETSIZE {
		return fmt.Errorf("%w: a Kernel takes descriptors below %d, and those are all in use: open it before so many files", ErrDescriptors, unix.FD_SETSIZE)
	}
	return nil
}

// progressEvery is after how many elements progress is told.
const progressEvery = 10_000

func (k *Kernel) progress(what string, done, total uint64) {
	if k.Progress != nil {
		k.Progress(what, done, total)
	}
}

// supported adds what an error number of opening means.
func supported(err error) error {
	switch {
	case err == nil:
		return nil
	case errors.Is(err, unix.EPERM), errors.Is(err, unix.EACCES):
		return fmt.Errorf("%w: it takes CAP_NET_ADMIN in this network namespace: %w", os.ErrPermission, err)
	case errors.Is(err, unix.EPROTONOSUPPORT), errors.Is(err, unix.EINVAL), errors.Is(err, unix.ENOENT), errors.Is(err, unix.EAFNOSUPPORT):
		return fmt.Errorf("%w: it has no nf_tables (CONFIG_NF_TABLES): %w", ErrUnsupported, err)
	}
	return err
}

// Close ends the connection. What is in the kernel stays.
func (k *Kernel) Close() {
	if k.sock != nil {
		k.sock.close()
	}
	if k.nft != nil {
		_ = k.nft.CloseLasting() // nothing is in flight
	}
	if k.routes != nil {
		k.routes.Close()
	}
	if k.box != nil {
		k.box.close()
	}
}
