//go:build linux

package ebpf

import (
	"errors"
	"os"
	"runtime"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/cgnkit/cgnkit/internal/netns"
	"github.com/cgnkit/cgnkit/internal/netnstest"
)

// inPrivateMounts runs a function in a mount namespace of its own without a BPF filesystem, such as ip netns exec makes.
func inPrivateMounts(f func() error) error {
	done := make(chan error)
	go func() {
		runtime.LockOSThread() // and never unlock: the thread ends with the goroutine
		err := unix.Unshare(unix.CLONE_NEWNS)
		if err == nil {
			err = unix.Mount("", "/", "", unix.MS_REC|unix.MS_PRIVATE, "")
		}
		if err == nil {
			err = unix.Unmount(bpffs, unix.MNT_DETACH)
		}
		if err == nil {
			err = f()
		}
		done <- err
	}()
	return <-done
}

// Where pins would go with the process, nothing is loaded, and who looks for an instance is not told that there is none.
func TestMountThatDoesNotLast(t *testing.T) {
	netnstest.Root(t)
	for name, f := range map[string]func() error{
		"Apply": func() error {
			_, err := Apply(Config{Plan: mustPlan(t, samplePool), Inside: []Interface{{Name: netns.InsideLink}}})
			return err
		},
		"Open":   func() error { _, err := Open(""); return err },
		"Remove": func() error { return Remove("") },
	} {
		if err := inPrivateMounts(f); !errors.Is(err, ErrMount) || !strings.Contains(err.Error(), "nsenter --net=") {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// Where the filesystem is there, whose mount namespace this is does not matter.
func TestMountIsThere(t *testing.T) {
	netnstest.Root(t)
	if err := requireBPFFS(false); err != nil {
		t.Error(err)
	}
	err := inPrivateMounts(func() error {
		if err := unix.Mount("bpf", bpffs, "bpf", 0, "mode=0700"); err != nil {
			return err
		}
		return requireBPFFS(false)
	})
	if err != nil {
		t.Error(err)
	}
	if err := unix.Access(bpffs, unix.W_OK); err != nil && !errors.Is(err, os.ErrNotExist) {
		t.Error(err)
	}
}
