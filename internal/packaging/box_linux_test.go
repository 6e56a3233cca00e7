package packaging

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/cgnkit/cgnkit/internal/netns"
	"github.com/cgnkit/cgnkit/internal/netnstest"
)

// A box is a copy-on-write view of this system in namespaces of its own, with a network namespace that is given. It is gone when the
// test ends, or dies.
type box struct {
	testing.TB
	pid int
}

var boxes atomic.Int64

// newBox makes a box with a command as its first process.
func newBox(tb testing.TB, ns *netns.NS, command ...string) *box {
	tb.Helper()
	name := fmt.Sprintf("cgnkit-box-%d-%d", os.Getpid(), boxes.Add(1))
	script, err := filepath.Abs("testdata/box.sh")
	if err != nil {
		tb.Fatal(err)
	}
	var said bytes.Buffer
	cmd := exec.Command("/bin/sh", append([]string{script, tb.TempDir(), name}, command...)...)
	cmd.Stdout, cmd.Stderr = &said, &said
	cmd.SysProcAttr = &syscall.SysProcAttr{Cloneflags: syscall.CLONE_NEWNS | syscall.CLONE_NEWPID | syscall.CLONE_NEWUTS | syscall.CLONE_NEWIPC}
	if err := ns.Do(cmd.Start); err != nil {
		tb.Fatal(err)
	}
	b := &box{tb, cmd.Process.Pid}
	// The end of the box follows from that of its standard input, whose other end the kernel closes however the test ends.
	guard := exec.Command("/bin/sh", "-c", "cat; kill -KILL "+strconv.Itoa(b.pid))
	end, err := guard.StdinPipe()
	if err == nil {
		err = guard.Start()
	}
	if err != nil {
		_ = cmd.Process.Kill()
		tb.Fatal(err)
	}
	var how error
	ended := make(chan struct{})
	go func() {
		how = cmd.Wait()
		close(ended)
	}()
	tb.Cleanup(func() {
		_ = end.Close()
		_ = guard.Wait()
		select {
		case <-ended: // killed
		case <-time.After(20 * time.Second):
			tb.Error("the box does not end")
		}
		removeGroups(tb, name)
	})
	for until := time.Now().Add(30 * time.Second); ; time.Sleep(10 * time.Millisecond) {
		if _, err := os.Stat(b.path("/run/boxed")); err == nil {
			return b
		}
		select {
		case <-ended:
			tb.Fatalf("the box did not begin: %v\n%s", how, said.String())
		default:
		}
		if time.Now().After(until) {
			tb.Fatalf("the box did not begin\n%s", said.String())
		}
	}
}

// bootBox makes a box whose first process is systemd, and waits until that has nothing more to do.
func bootBox(tb testing.TB, ns *netns.NS) *box {
	tb.Helper()
	b := newBox(tb, ns, "/lib/systemd/systemd", "--unit=box.target", "--show-status=no", "--log-target=journal")
	var out string
	for until := time.Now().Add(time.Minute); time.Now().Before(until); time.Sleep(50 * time.Millisecond) {
		if out, _ = b.try("systemctl is-active box.target"); out == "active\n" {
			return b
		}
	}
	failed, _ := b.try("systemctl list-jobs; systemctl --failed")
	tb.Fatalf("systemd did not come up: %s\n%s", out, failed)
	return nil
}

// removeGroups removes the cgroups of a box that is gone.
func removeGroups(tb testing.TB, name string) {
	script := `mount -t cgroup2 cgroup2 /mnt; for n in 1 2 3 4 5; do find "/mnt/$0" -depth -type d -exec rmdir {} + && exit; sleep 0.2; done; exit 1`
	cmd := exec.Command("/bin/sh", "-ec", script, name)
	cmd.SysProcAttr = &syscall.SysProcAttr{Unshareflags: syscall.CLONE_NEWNS}
	if out, err := cmd.CombinedOutput(); err != nil {
		tb.Errorf("remove cgroup %s: %v\n%s", name, err, out)
	}
}

// path returns where a file of the box is, seen from outside.
func (b *box) path(name string) string {
	return filepath.Join("/proc", strconv.Itoa(b.pid), "root", name)
}

// write writes a file in the box.
func (b *box) write(name, text string) {
	b.Helper()
	if err := os.WriteFile(b.path(name), []byte(text), 0o644); err != nil {
		b.Fatal(err)
	}
}

// read returns what is in a file of the box.
func (b *box) read(name string) string {
	b.Helper()
	text, err := os.ReadFile(b.path(name))
	if err != nil {
		b.Fatal(err)
	}
	return string(text)
}

// has reports whether there is a file in the box.
func (b *box) has(name string) bool {
	_, err := os.Lstat(b.path(name))
	return err == nil
}

// try runs a shell command in the box, and returns all that it says.
func (b *box) try(command string) (string, error) {
	cmd := exec.Command("nsenter", "-t", strconv.Itoa(b.pid), "-m", "-u", "-i", "-n", "-p", "-C", "/bin/sh", "-c", "cd\n"+command)
	cmd.Env = []string{"PATH=/usr/sbin:/usr/bin:/sbin:/bin", "HOME=/root", "LC_ALL=C.UTF-8", "TERM=dumb", "TZ=UTC", "DEBIAN_FRONTEND=noninteractive", "SYSTEMD_PAGER=", "SYSTEMD_COLORS=0"}
	out, err := cmd.CombinedOutput()
	return string(out), err
}

// run is try, where the command must not fail.
func (b *box) run(command string) string {
	b.Helper()
	out, err := b.try(command)
	if err != nil {
		b.Fatalf("%s: %v\n%s", command, err, out)
	}
	return out
}

// says runs a command that must not fail and must say something.
func (b *box) says(command, want string) {
	b.Helper()
	if out := b.run(command); !strings.Contains(out, want) {
		b.Errorf("%s: %q\nwant %q", command, out, want)
	}
}

// needRoot is what every test in a box needs.
func needRoot(t *testing.T) {
	netnstest.Root(t)
	t.Parallel()
}
