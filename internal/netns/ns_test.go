//go:build linux

package netns_test

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/cgnkit/cgnkit/internal/netns"
	"github.com/cgnkit/cgnkit/internal/netnstest"
)

// threadNS returns what String returns for the namespace of the calling thread.
func threadNS() (string, error) {
	return os.Readlink("/proc/thread-self/ns/net")
}

// mainNS is the namespace of the main thread, which is that of the process.
func mainNS(tb testing.TB) string {
	tb.Helper()
	s, err := os.Readlink("/proc/self/ns/net")
	if err != nil {
		tb.Fatal(err)
	}
	return s
}

func checkInside(ns *netns.NS) error {
	got, err := threadNS()
	if err != nil {
		return err
	}
	if got != ns.String() {
		return fmt.Errorf("in namespace %s, want %v", got, ns)
	}
	return nil
}

// checkThreads fails the test if any thread of the process is in another namespace than the main thread.
func checkThreads(t *testing.T) {
	t.Helper()
	home := mainNS(t)
	tasks, err := os.ReadDir("/proc/self/task")
	if err != nil {
		t.Fatal(err)
	}
	for _, task := range tasks {
		got, err := os.Readlink("/proc/self/task/" + task.Name() + "/ns/net")
		if errors.Is(err, os.ErrNotExist) || errors.Is(err, unix.ESRCH) {
			continue // Ended meanwhile.
		}
		if err != nil {
			t.Fatal(err)
		}
		if got != home {
			t.Errorf("thread %s is left in %s, want %s", task.Name(), got, home)
		}
	}
}

func TestDo(t *testing.T) {
	t.Parallel()
	ns := netnstest.New(t)
	home := mainNS(t)
	if ns.String() == home {
		t.Fatalf("the new namespace is that of the process, %s", home)
	}
	want := errors.New("from inside")
	err := ns.Do(func() error {
		if err := checkInside(ns); err != nil {
			t.Error(err)
		}
		if got := mainNS(t); got != home {
			t.Errorf("main thread is in %s, want %s", got, home)
		}
		outside := make(chan string)
		go func() {
			got, err := threadNS()
			if err != nil {
				got = err.Error()
			}
			outside <- got
		}()
		if got := <-outside; got != home {
			t.Errorf("a goroutine started inside is in %s, want %s", got, home)
		}
		return want
	})
	if !errors.Is(err, want) {
		t.Errorf("Do returns %v, want %v", err, want)
	}
	if got, err := threadNS(); got != home {
		t.Errorf("after Do in %s (error %v), want %s", got, err, home)
	}
}

func TestDoNested(t *testing.T) {
	t.Parallel()
	a, b := netnstest.New(t), netnstest.New(t)
	err := a.Do(func() error {
		for _, inner := range []*netns.NS{b, a} {
			if err := inner.Do(func() error { return checkInside(inner) }); err != nil {
				return err
			}
			if err := checkInside(a); err != nil {
				return fmt.Errorf("after the inner Do: %w", err)
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

// TestDoConcurrently is not parallel, so that it may look at all threads of the process.
func TestDoConcurrently(t *testing.T) {
	home := mainNS(t)
	spaces := []*netns.NS{netnstest.New(t), netnstest.New(t), netnstest.New(t)}
	var wg sync.WaitGroup
	for i := range 100 {
		wg.Go(func() {
			for j := range 20 {
				ns, other := spaces[(i+j)%3], spaces[(i+j+1)%3]
				err := ns.Do(func() error {
					runtime.Gosched()
					if j%5 == 0 {
						if err := other.Do(func() error { return checkInside(other) }); err != nil {
							return err
						}
					}
					return checkInside(ns)
				})
				if err != nil {
					t.Error(err)
				}
				if got, err := threadNS(); got != home {
					t.Errorf("after Do in %s (error %v), want %s", got, err, home)
				}
			}
		})
	}
	wg.Wait()
	checkThreads(t)
}

func TestDoStartsProcessesInside(t *testing.T) {
	t.Parallel()
	ns := netnstest.New(t)
	var out []byte
	err := ns.Do(func() (err error) {
		out, err = exec.Command("readlink", "/proc/self/ns/net").Output()
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	if got := strings.TrimSpace(string(out)); got != ns.String() {
		t.Errorf("process ran in %s, want %v", got, ns)
	}
}

func TestDoPassesOnPanics(t *testing.T) {
	t.Parallel()
	ns := netnstest.New(t)
	defer func() {
		r := recover()
		if s, ok := r.(string); !ok || !strings.HasPrefix(s, "oops\n") || !strings.Contains(s, "ns_test.go") {
			t.Errorf("recovered %v, want oops with a stack", r)
		}
		if got, err := threadNS(); got != mainNS(t) {
			t.Errorf("after a panic in %s (error %v)", got, err)
		}
	}()
	_ = ns.Do(func() error { panic("oops") })
	t.Error("Do returned")
}

func TestDoPassesOnGoexit(t *testing.T) {
	t.Parallel()
	ns := netnstest.New(t)
	returned := make(chan bool, 1)
	var wg sync.WaitGroup
	wg.Go(func() {
		defer func() { returned <- false }()
		_ = ns.Do(func() error {
			runtime.Goexit()
			return nil
		})
		returned <- true
	})
	wg.Wait()
	if <-returned {
		t.Error("Do returned after a Goexit of its function")
	}
}

// TestDoEndsThreadsThatCannotReturn is not parallel: a thread is lost in a foreign namespace for a moment.
func TestDoEndsThreadsThatCannotReturn(t *testing.T) {
	ns := netnstest.New(t)
	var thread int
	inside := errors.New("from inside")
	err := ns.Do(func() error {
		thread = unix.Gettid()
		// Capabilities belong to the thread, so only this one loses the right to go home.
		header := unix.CapUserHeader{Version: unix.LINUX_CAPABILITY_VERSION_3}
		var none [2]unix.CapUserData
		if err := unix.Capset(&header, &none[0]); err != nil {
			t.Error(err)
		}
		return inside
	})
	if !errors.Is(err, unix.EPERM) || !errors.Is(err, inside) {
		t.Errorf("Do returns %v, want %v and %v", err, inside, unix.EPERM)
	}
	if got, err := threadNS(); got != mainNS(t) {
		t.Errorf("after Do in %s (error %v)", got, err)
	}
	for deadline := time.Now().Add(long); ; runtime.Gosched() {
		err := unix.Tgkill(unix.Getpid(), thread, 0)
		if errors.Is(err, unix.ESRCH) {
			break
		}
		if err != nil || time.Now().After(deadline) {
			t.Fatalf("thread %d is still there (error %v)", thread, err)
		}
	}
	checkThreads(t)
}

func TestClose(t *testing.T) {
	t.Parallel()
	netnstest.Root(t)
	ns, err := netns.New()
	if err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if err := ns.Close(); err != nil {
			t.Errorf("Close: %v", err)
		}
	}
	err = ns.Do(func() error {
		t.Error("ran in a closed namespace")
		return nil
	})
	if !errors.Is(err, os.ErrClosed) {
		t.Errorf("Do after Close: %v, want %v", err, os.ErrClosed)
	}
	if _, err := ns.ListenEcho("udp", anyPort); !errors.Is(err, os.ErrClosed) {
		t.Errorf("ListenEcho after Close: %v, want %v", err, os.ErrClosed)
	}
	// It must not work in another namespace instead.
	if err := ns.AddBridge("netnstest0"); !errors.Is(err, os.ErrClosed) {
		t.Errorf("AddBridge after Close: %v, want %v", err, os.ErrClosed)
	}
}

func TestFdEntersTheNamespace(t *testing.T) {
	t.Parallel()
	ns := netnstest.New(t)
	var stat unix.Stat_t
	if err := unix.Fstat(ns.Fd(), &stat); err != nil {
		t.Fatal(err)
	}
	if stat.Ino != ns.Inode() {
		t.Errorf("descriptor of inode %d, want %d", stat.Ino, ns.Inode())
	}
}
