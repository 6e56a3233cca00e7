//go:build linux

package netns

import (
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"sync"
	"syscall"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"
)

// An NS is a network namespace without a name. It lives until Close, or until the process ends in whatever way.
//
// All methods may be called concurrently.
type NS struct {
	file  *os.File
	inode uint64

	handling sync.RWMutex
	handle   *netlink.Handle // nil after Close.

	mu     sync.Mutex
	closed bool
	probes []io.Closer
}

// New makes an empty network namespace: one loopback link, which is down, and the sysctls of a fresh namespace. Without the
// privilege to do so the error matches os.ErrPermission.
func New() (*NS, error) {
	n := &NS{}
	err := abroad(func() error { return unix.Unshare(unix.CLONE_NEWNET) }, n.open)
	if err != nil {
		return nil, fmt.Errorf("create network namespace: %w", err)
	}
	return n, nil
}

// open runs in the namespace and takes hold of it.
func (n *NS) open() error {
	file, err := os.Open(threadNetns)
	if err != nil {
		return err
	}
	info, err := file.Stat()
	if err != nil {
		return errors.Join(err, file.Close())
	}
	handle, err := netlink.NewHandle(unix.NETLINK_ROUTE)
	if err != nil {
		return errors.Join(fmt.Errorf("open netlink: %w", err), file.Close())
	}
	n.file, n.handle = file, handle
	n.inode = info.Sys().(*syscall.Stat_t).Ino
	return nil
}

// Do runs fn inside the namespace and returns its error. See the package comment for what "inside" means for goroutines,
// sockets and processes. fn may call Do of this and of other namespaces.
//
// fn runs on another goroutine than the caller, but a panic or a runtime.Goexit, and so t.FailNow, goes through to the
// caller.
func (n *NS) Do(fn func() error) error {
	return abroad(n.enter, fn)
}

func (n *NS) enter() error {
	err := n.control(func(fd int) error { return unix.Setns(fd, unix.CLONE_NEWNET) })
	if err != nil {
		return fmt.Errorf("enter network namespace %v: %w", n, err)
	}
	return nil
}

// control lends the descriptor to fn; a concurrent Close waits for it, so the number cannot change its meaning meanwhile.
func (n *NS) control(fn func(fd int) error) error {
	conn, err := n.file.SyscallConn()
	if err != nil {
		return err
	}
	var inner error
	if err := conn.Control(func(fd uintptr) { inner = fn(int(fd)) }); err != nil {
		return os.ErrClosed // The only reason, though the runtime has another name for it.
	}
	return inner
}

// request lends the netlink socket to fn. It must not be used after Close: a handle without sockets opens new ones in
// whatever namespace it is called from, and changes that.
func (n *NS) request(fn func(*netlink.Handle) error) error {
	n.handling.RLock()
	defer n.handling.RUnlock()
	if n.handle == nil {
		return os.ErrClosed
	}
	return fn(n.handle)
}

// Close ends the probes that are open in the namespace and lets go of it. Closing twice is fine.
func (n *NS) Close() error {
	n.mu.Lock()
	probes := n.probes
	closed := n.closed
	n.probes, n.closed = nil, true
	n.mu.Unlock()
	if closed {
		return nil
	}
	var errs []error
	// The latest first, as defer does.
	for _, p := range slices.Backward(probes) {
		errs = append(errs, p.Close())
	}
	n.handling.Lock()
	n.handle.Close()
	n.handle = nil
	n.handling.Unlock()
	errs = append(errs, n.file.Close())
	return errors.Join(errs...)
}

// own makes Close close c too. A namespace that is closed already closes c at once and refuses.
func (n *NS) own(c io.Closer) error {
	n.mu.Lock()
	closed := n.closed
	if !closed {
		n.probes = append(n.probes, c)
	}
	n.mu.Unlock()
	if closed {
		return errors.Join(fmt.Errorf("use network namespace %v: %w", n, os.ErrClosed), c.Close())
	}
	return nil
}

// disown forgets c, which its user closed.
func (n *NS) disown(c io.Closer) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.probes = slices.DeleteFunc(n.probes, func(p io.Closer) bool { return p == c })
}

// Fd returns the descriptor of the namespace, for libraries that enter namespaces by themselves. It is valid until Close.
func (n *NS) Fd() int {
	return int(n.file.Fd())
}

// Inode returns the number that identifies the namespace in /proc/PID/ns/net.
func (n *NS) Inode() uint64 {
	return n.inode
}

// String returns what readlink /proc/PID/ns/net prints for processes in the namespace: "net:[4026532281]".
func (n *NS) String() string {
	return fmt.Sprintf("net:[%d]", n.inode)
}
