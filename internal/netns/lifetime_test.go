//go:build linux

package netns_test

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"net/netip"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/cgnkit/cgnkit/internal/netns"
	"github.com/cgnkit/cgnkit/internal/netnstest"
)

var anyPort = netip.AddrPortFrom(netip.IPv4Unspecified(), 0)

const long = 10 * time.Second

// childEnv makes the test binary a child of one of the tests below.
const childEnv = "NETNS_TEST_CHILD"

func TestMain(m *testing.M) {
	switch os.Getenv(childEnv) {
	case "":
		os.Exit(m.Run())
	case "unprivileged":
		_, err := netns.New()
		fmt.Printf("%v\n%v\n", errors.Is(err, os.ErrPermission), err)
	case "killed":
		if err := waitToBeKilled(); err != nil {
			fmt.Println(err)
		}
	}
}

func child(tb testing.TB, role string) *exec.Cmd {
	tb.Helper()
	self, err := os.Executable()
	if err != nil {
		tb.Fatal(err)
	}
	cmd := exec.Command(self)
	cmd.Env = append(os.Environ(), childEnv+"="+role)
	return cmd
}

func TestNewWithoutPrivilege(t *testing.T) {
	t.Parallel()
	if os.Geteuid() != 0 {
		_, err := netns.New()
		if !errors.Is(err, os.ErrPermission) {
			t.Errorf("New: %v, want %v", err, os.ErrPermission)
		}
		return
	}
	cmd := child(t, "unprivileged")
	// The directory of the test binary is closed to others; the binary itself is not.
	cmd.Path = "/proc/self/exe"
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: 65534, Gid: 65534}}
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	if want := "true\ncreate network namespace: operation not permitted\n"; string(out) != want {
		t.Errorf("New in an unprivileged process: %q, want %q", out, want)
	}
}

// waitToBeKilled runs in a namespace of the parent. It joins a namespace of its own to it, with a socket inside.
func waitToBeKilled() error {
	parent, err := netns.Current()
	if err != nil {
		return err
	}
	topology, err := netns.NewTopology(netns.Options{})
	if err != nil {
		return err
	}
	if err := topology.CGN.AddVeth("eth7", parent, "probe"); err != nil {
		return err
	}
	if _, err := topology.CGN.ListenEcho("udp", anyPort); err != nil {
		return err
	}
	fmt.Println("ready")
	_, err = io.Copy(io.Discard, os.Stdin)
	return err
}

func TestNothingSurvivesKill(t *testing.T) {
	t.Parallel()
	witness := netnstest.New(t)
	named := namedNamespaces(t)
	cmd := child(t, "killed")
	// Stdin stays open: the child ends by being killed.
	if _, err := cmd.StdinPipe(); err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := witness.Do(cmd.Start); err != nil {
		t.Fatal(err)
	}
	line, err := bufio.NewReader(out).ReadString('\n')
	if err == nil && line == "ready\n" {
		_, err = witness.MAC("probe")
	}
	if killed := cmd.Process.Kill(); killed != nil {
		t.Error(killed)
	}
	_ = cmd.Wait()
	if err != nil || line != "ready\n" {
		t.Fatalf("child says %q, error %v", line, err)
	}
	if err := witness.AwaitGone(long, "probe"); err != nil {
		t.Errorf("namespace of the killed process: %v", err)
	}
	if got := namedNamespaces(t); got != named {
		t.Errorf("named namespaces are %q, were %q", got, named)
	}
}

func namedNamespaces(tb testing.TB) string {
	tb.Helper()
	entries, err := os.ReadDir("/run/netns")
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		tb.Fatal(err)
	}
	var names []string
	for _, e := range entries {
		names = append(names, e.Name())
	}
	return strings.Join(names, " ")
}

// TestCloseLeavesNothing is not parallel, so that it may count the descriptors of the process.
func TestCloseLeavesNothing(t *testing.T) {
	witness := netnstest.New(t)
	useAll := func(switches bool) {
		topology, err := netns.NewTopology(netns.Options{InsideRoutes: true, Switches: switches})
		if err != nil {
			t.Fatal(err)
		}
		if err := topology.CGN.AddVeth("eth7", witness, "probe"); err != nil {
			t.Error(err)
		}
		useProbes(t, topology)
		if err := topology.Close(); err != nil {
			t.Error(err)
		}
		if err := witness.AwaitGone(long, "probe"); err != nil {
			t.Errorf("closed namespace: %v", err)
		}
	}
	useAll(false) // The runtime opens some descriptors on first use.
	before := openFiles(t)
	for i := range 6 {
		switches := i%2 == 1
		useAll(switches)
		failToBuild(t, switches)
	}
	if after := openFiles(t); after != before {
		t.Errorf("%d descriptors are open, were %d", after, before)
	}
	checkThreads(t)
}

// failToBuild gets as far as the last step.
func failToBuild(t *testing.T, switches bool) {
	t.Helper()
	_, err := netns.NewTopology(netns.Options{Outside: []netip.Prefix{prefix("203.0.113.0/24")}, Switches: switches})
	want := "build topology: server 203.0.113.1: add route 203.0.113.0/24 via 203.0.113.254: file exists"
	if err == nil || err.Error() != want {
		t.Errorf("NewTopology: %v, want %s", err, want)
	}
}

// useProbes leaves probes of all kinds open.
func useProbes(t *testing.T, topology *netns.Topology) {
	t.Helper()
	client, server := topology.Subscribers[0], topology.Servers[0]
	for _, network := range []string{"udp", "tcp"} {
		echo, err := server.ListenEcho(network, netip.AddrPortFrom(server.Addr, 7))
		if err != nil {
			t.Fatal(err)
		}
		flow, err := client.Dial(netns.Query{Network: network, Remote: echo.Addr()})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := flow.Ask(); err != nil {
			t.Error(err)
		}
	}
	sink, err := server.ListenSink(anyPort)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := server.WatchPings(); err != nil {
		t.Error(err)
	}
	if _, err := server.Observe(netns.Watch{}); err != nil {
		t.Error(err)
	}
	remote := netip.AddrPortFrom(server.Addr, sink.Addr().Port())
	transfer, err := client.StartTransfer(t.Context(), netns.Stream{Remote: remote, Bytes: 1 << 40, Rate: 1 << 20})
	if err != nil {
		t.Fatal(err)
	}
	if err := transfer.AwaitSent(t.Context(), 10_000); err != nil {
		t.Error(err)
	}
}

func openFiles(tb testing.TB) int {
	tb.Helper()
	entries, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		tb.Fatal(err)
	}
	return len(entries)
}
