//go:build linux

package netns

import (
	"fmt"

	"golang.org/x/sys/unix"
)

// bpffs is where a BPF filesystem is by convention.
const bpffs = "/sys/fs/bpf"

// A Room is a thread in a namespace that has mounts of its own, and a BPF filesystem at /sys/fs/bpf that nobody else sees. It goes
// with the room, or with the process, however that ends, and whatever is pinned there goes with it.
type Room struct{ work chan func() }

// OpenRoom opens a room. It takes CAP_SYS_ADMIN.
func (n *NS) OpenRoom() (*Room, error) {
	r := &Room{work: make(chan func())}
	ready := make(chan error)
	spareThread(func() { // which stays locked, so that the thread ends here
		err := n.furnish()
		ready <- err
		if err != nil {
			return
		}
		for f := range r.work {
			f()
		}
	})
	if err := <-ready; err != nil {
		return nil, fmt.Errorf("open a room in %v: %w", n, err)
	}
	return r, nil
}

// furnish gives the current thread its mounts.
func (n *NS) furnish() error {
	if err := unix.Unshare(unix.CLONE_NEWNS); err != nil {
		return fmt.Errorf("make a mount namespace: %w", err)
	}
	if err := unix.Mount("", "/", "", unix.MS_REC|unix.MS_PRIVATE, ""); err != nil {
		return fmt.Errorf("keep mounts private: %w", err)
	}
	if err := unix.Mount("bpf", bpffs, "bpf", 0, "mode=0700"); err != nil {
		return fmt.Errorf("mount a BPF filesystem: %w", err)
	}
	return n.enter()
}

// Do runs fn in the room and returns its error. fn must not call Do.
func (r *Room) Do(fn func() error) (err error) {
	done := make(chan struct{})
	r.work <- func() {
		defer close(done)
		err = fn()
	}
	<-done
	return err
}

// Close ends the room. It is called once.
func (r *Room) Close() { close(r.work) }
