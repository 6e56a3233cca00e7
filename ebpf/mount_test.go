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
			if errors.Is(err, unix.EINVAL) { // nothing is mounted there, as on a machine that has just started
				err = nil
			}
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
	if err := requireBPFFS(true); err != nil {
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

// The first process may be one that not even root may trace: its mounts can be read all the same.
func TestLastingMounts(t *testing.T) {
	if err := lastingMounts(); err != nil {
		t.Error("where the tests run:", err)
	}
	if err := inPrivateMounts(lastingMounts); !errors.Is(err, ErrMount) || !strings.Contains(err.Error(), "nsenter --net=") {
		t.Error("in mounts of its own:", err)
	}
	const one, two = "22 27 0:21 / /proc rw - proc proc rw\n27 1 254:0 / / rw - ext4 /dev/vda rw\n", "122 127 0:21 / /proc rw - proc proc rw\n"
	for _, tt := range []struct {
		a, b string
		want bool
	}{
		{one, one, true},
		{one, two, false},
		{two, "127 1 254:0 / / rw - ext4 /dev/vda rw\n" + two, true},
		{one, "2 1 0:3 / / rw - ext4 /dev/vda rw\n", false},
		{"", "", false},
	} {
		if got := shareMount([]byte(tt.a), []byte(tt.b)); got != tt.want {
			t.Errorf("%q and %q: %v, want %v", tt.a, tt.b, got, tt.want)
		}
	}
}
