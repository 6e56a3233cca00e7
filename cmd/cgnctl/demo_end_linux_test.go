package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/cgnkit/cgnkit/alloc"
	"github.com/cgnkit/cgnkit/internal/netns"
	"github.com/cgnkit/cgnkit/internal/netnstest"
	"github.com/cgnkit/cgnkit/nat44"
)

// A trigger calls fn when a text is written.
type trigger struct {
	bytes.Buffer
	at string
	fn func()
}

func (w *trigger) Write(b []byte) (int, error) {
	if bytes.Contains(b, []byte(w.at)) {
		w.fn()
	}
	return w.Buffer.Write(b)
}

const interrupted = "cgnctl: interrupted, everything is removed\n"

// TestDemoInterruptedAtEachStep is exact about the moment, and looks at what the process still holds. It is not parallel, so
// that nothing else in the process holds namespaces.
func TestDemoInterruptedAtEachStep(t *testing.T) {
	netnstest.Root(t)
	before := heldNamespaces(t)
	for backend, moments := range map[string][]string{
		nftables: {"1. ", "2. ", "3. ", "4. ", "SUBSCRIBER", "5. "},
		both:     {"1. ", "2. ", "3. ", "   nftables", "   xdp"},
	} {
		for _, at := range moments {
			ctx, cancel := context.WithCancel(t.Context())
			out, stderr := &trigger{at: at, fn: cancel}, &bytes.Buffer{}
			e := &env{stdout: out, stderr: stderr}
			code := e.explain(newDemo(e), e.demo(ctx, "table", backend))
			cancel()
			if code != exitInput || stderr.String() != interrupted {
				t.Errorf("%s, interrupted at %q: exit code %d, stderr %s", backend, at, code, stderr)
			}
			if strings.Contains(out.String(), " flows left") {
				t.Errorf("%s, interrupted at %q: went on to the end", backend, at)
			}
			if diff := cmp.Diff(before, heldNamespaces(t)); diff != "" {
				t.Errorf("%s, interrupted at %q: namespaces are left (-before +after):\n%s", backend, at, diff)
			}
		}
	}
}

// TestDemoKilled kills the program while XDP is in force: what it pinned goes with it. The BPF filesystem is the test's own, where
// others leave nothing.
func TestDemoKilled(t *testing.T) {
	t.Parallel()
	netnstest.Root(t)
	cmd := exec.Command("sh", "-c", `mount -t bpf bpf /sys/fs/bpf && : > out
cgnctl demo --backend xdp > out &
for i in $(seq 600); do ! grep -q "^   xdp" out || break; sleep 0.05; done
kill -9 $! && grep -c "^   xdp" out && find /sys/fs/bpf -mindepth 1 ! -name "*.debug"`)
	cmd.Dir = t.TempDir()
	cmd.SysProcAttr = &syscall.SysProcAttr{Unshareflags: syscall.CLONE_NEWNS}
	out, err := cmd.CombinedOutput()
	if err != nil || string(out) != "1\n" {
		t.Errorf("%v: files are left:\n%s", err, out)
	}
}

// heldNamespaces lists the network namespaces that descriptors of this process hold, and its sockets, which hold them too.
func heldNamespaces(t *testing.T) (held []string) {
	t.Helper()
	entries, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		t.Fatal(err)
	}
	for _, entry := range entries {
		if to, err := os.Readlink("/proc/self/fd/" + entry.Name()); err == nil && (strings.HasPrefix(to, "net:") || strings.HasPrefix(to, "socket:")) {
			held = append(held, to)
		}
	}
	return held
}

// TestDemoInterruptedWhileWaiting has servers that cannot answer, so that every question waits for its full time.
func TestDemoInterruptedWhileWaiting(t *testing.T) {
	t.Parallel()
	n := &demoNet{demo: testDemo(t), Topology: netnstest.NewTopology(t, netns.Options{Inside: demoHosts[:]})}
	ctx, cancel := context.WithCancel(t.Context())
	time.AfterFunc(100*time.Millisecond, cancel)
	start := time.Now()
	if err := n.send(ctx); !errors.Is(err, context.Canceled) {
		t.Errorf("send returns %v, want %v", err, context.Canceled)
	}
	if took := time.Since(start); took > 4*time.Second {
		t.Errorf("gave up after %v", took)
	}
}

// TestDemoSignals sends real signals to the real program at many moments. A signal may find it not yet listening, or through
// already; whatever happens, nothing is left and it ends soon.
func TestDemoSignals(t *testing.T) {
	t.Parallel()
	host := demoHost(t)
	before := state(t, host)
	said := 0
	for i := range 24 {
		signal := []os.Signal{os.Interrupt, syscall.SIGTERM}[i%2]
		delay := time.Duration(i) * 6 * time.Millisecond
		cmd, stdout, stderr := demoProcess()
		if err := host.Do(cmd.Start); err != nil {
			t.Fatal(err)
		}
		time.Sleep(delay)
		sent := time.Now()
		if err := cmd.Process.Signal(signal); err != nil && !errors.Is(err, os.ErrProcessDone) {
			t.Fatal(err)
		}
		err := cmd.Wait()
		if took := time.Since(sent); took > 5*time.Second {
			t.Errorf("%v after %v: ended after %v", signal, delay, took)
		}
		status := cmd.ProcessState.Sys().(syscall.WaitStatus)
		switch {
		case status.Signaled() && status.Signal() == signal && stdout.Len() == 0: // before it listened
		case status.ExitStatus() == exitOK && strings.HasSuffix(stdout.String(), "Everything is removed.\n"): // too late
		case status.ExitStatus() == exitInput && stderr.String() == interrupted:
			said++
		default:
			t.Errorf("%v after %v: %v\n%s\n%s", signal, delay, err, stderr, stdout)
		}
	}
	if said == 0 {
		t.Error("no signal met the program at work")
	}
	t.Log("met at work:", said)
	if diff := cmp.Diff(before, state(t, host)); diff != "" {
		t.Errorf("the host was changed (-before +after):\n%s", diff)
	}
}

// TestDemoLeavesNoFile gives the program a /run of its own, where other tests leave nothing.
func TestDemoLeavesNoFile(t *testing.T) {
	t.Parallel()
	netnstest.Root(t)
	cmd := exec.Command("sh", "-c", "mount -t tmpfs tmpfs /run && cgnctl demo >&2 && find /run -type f")
	cmd.SysProcAttr = &syscall.SysProcAttr{Unshareflags: syscall.CLONE_NEWNS}
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%v\n%s", err, stderr.String())
	}
	if len(out) > 0 {
		t.Errorf("files are left:\n%s", out)
	}
}

// TestDemoFindsWhatIsWrong has the kernel obey another plan than the demo believes in.
func TestDemoFindsWhatIsWrong(t *testing.T) {
	t.Parallel()
	d := testDemo(t)
	out, stderr := d.e.stdout.(*bytes.Buffer), d.e.stderr.(*bytes.Buffer)
	n := &demoNet{demo: d, Topology: netnstest.NewTopology(t, netns.Options{Inside: demoHosts[:]})}
	// Everyone one place further: both subscribers get the share of their neighbour.
	inside, err := alloc.ParseAddrRange("100.64.0.1-100.64.0.7")
	if err != nil {
		t.Fatal(err)
	}
	outside, err := alloc.ParseAddrRange(demoOutside)
	if err != nil {
		t.Fatal(err)
	}
	other, err := alloc.NewPlan(alloc.Spec{Pools: []alloc.PoolSpec{{
		Name: flagPool, Inside: []alloc.AddrRange{inside}, Outside: []alloc.AddrRange{outside}, PortsPerSubscriber: demoShare,
	}}})
	if err != nil {
		t.Fatal(err)
	}
	instance, err := nat44.ParseInstance("")
	if err != nil {
		t.Fatal(err)
	}
	if n.rs, err = nat44.NewRuleset(other, instance); err != nil {
		t.Fatal(err)
	}
	if err := n.run(t.Context()); err != nil {
		t.Fatalf("%v\n%s", err, stderr)
	}
	if got := strings.Count(out.String(), "WRONG\n"); got != 12 {
		t.Errorf("%d rows are wrong, want 12:\n%s", got, out)
	}
	if !strings.Contains(out.String(), "2024-3023  100.64.0.0  WRONG") {
		t.Errorf("trace does not name the other subscriber:\n%s", out)
	}
	var f *fault
	if err := n.sum(); !errors.As(err, &f) || f.code != exitCheck {
		t.Errorf("sum returns %v, want a fault with exit code 5", err)
	}
}

// TestDemoWithoutTranslation has a CGN that only forwards.
func TestDemoWithoutTranslation(t *testing.T) {
	t.Parallel()
	d := testDemo(t)
	out := d.e.stdout.(*bytes.Buffer)
	n := &demoNet{demo: d, Topology: netnstest.NewTopology(t, netns.Options{Inside: demoHosts[:], InsideRoutes: true})}
	for _, step := range []func(context.Context) error{n.send, n.show} {
		if err := step(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	if n.right() != 0 || n.leaks < 14 || !strings.Contains(out.String(), fmt.Sprintf("5. Untranslated: %d packets!", n.leaks)) {
		t.Errorf("%d right, %d leaks:\n%s", n.right(), n.leaks, out)
	}
	n.flows = nil
	var f *fault
	if err := n.sum(); !errors.As(err, &f) || f.code != exitCheck {
		t.Errorf("sum of leaks returns %v, want a fault with exit code 5", err)
	}
}

func TestDemoCannotWrite(t *testing.T) {
	t.Parallel()
	netnstest.Root(t)
	full, err := os.OpenFile("/dev/full", os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer full.Close()
	cmd, _, stderr := demoProcess()
	cmd.Stdout = full
	_ = cmd.Run()
	if code := cmd.ProcessState.ExitCode(); code != exitInput || !strings.HasPrefix(stderr.String(), "cgnctl: write output: ") {
		t.Errorf("exit code %d, stderr %s", code, stderr)
	}
}

func TestNetworkFault(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		errno syscall.Errno
		hint  string
	}{
		{syscall.EROFS, "privileged"},
		{syscall.ENOSPC, "user.max_net_namespaces"},
		{syscall.EINVAL, "CONFIG_NET_NS"},
		{syscall.EOPNOTSUPP, "CONFIG_VETH"},
		{syscall.ENOMEM, ""},
	} {
		var f *fault
		err := networkFault(fmt.Errorf("build topology: %w", tt.errno))
		if !errors.As(err, &f) || f.code != exitInput || !strings.Contains(f.hint, tt.hint) || !strings.Contains(f.msg, tt.errno.Error()) {
			t.Errorf("%v: %+v", tt.errno, f)
		}
	}
	for _, errno := range []syscall.Errno{syscall.EPERM, syscall.EACCES} {
		if err := networkFault(errno); !errors.Is(err, errNoTraffic) {
			t.Errorf("%v: %v, want %v", errno, err, errNoTraffic)
		}
	}
}
