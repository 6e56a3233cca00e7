//go:build linux

package netnstest_test

import (
	"fmt"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"testing"

	"github.com/cgnkit/cgnkit/internal/netns"
	"github.com/cgnkit/cgnkit/internal/netnstest"
)

// A fakeTB stands for a test that is skipped or fails.
type fakeTB struct {
	testing.TB
	outcome string
}

func (f *fakeTB) Helper() {}

func (f *fakeTB) Skip(args ...any) {
	f.outcome = "skip: " + fmt.Sprint(args...)
	runtime.Goexit()
}

func (f *fakeTB) Fatal(args ...any) {
	f.outcome = "fatal: " + fmt.Sprint(args...)
	runtime.Goexit()
}

func (f *fakeTB) Fatalf(format string, args ...any) {
	f.outcome = "fatal: " + fmt.Sprintf(format, args...)
	runtime.Goexit()
}

// outcome runs test with a fake and returns how it ended: empty if it just returned.
func outcome(test func(tb testing.TB)) string {
	f := &fakeTB{}
	done := make(chan struct{})
	go func() {
		defer close(done)
		test(f)
	}()
	<-done
	return f.outcome
}

var outside = netip.MustParseAddr("192.0.2.1")

const childEnv = "NETNSTEST_TEST_CHILD"

func TestMain(m *testing.M) {
	if os.Getenv(childEnv) == "" {
		os.Exit(m.Run())
	}
	fmt.Println(outcome(netnstest.Root))
}

// rootOutcome runs Root in a process of its own and returns its outcome.
func rootOutcome(t *testing.T, cmd *exec.Cmd) string {
	t.Helper()
	cmd.Env = append(os.Environ(), childEnv+"=1")
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	return strings.TrimSpace(string(out))
}

func TestRoot(t *testing.T) {
	t.Parallel()
	netnstest.Root(t)
	// The directory of the test binary is closed to others; the binary itself is not.
	nobody := exec.Command("/proc/self/exe")
	nobody.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: 65534, Gid: 65534}}
	if got, want := rootOutcome(t, nobody), "skip: needs root: makes network namespaces"; got != want {
		t.Errorf("without root: %q, want %q", got, want)
	}
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	if got := rootOutcome(t, exec.Command(self)); got != "" {
		t.Errorf("as root: %q", got)
	}
	contained := exec.Command(netnstest.Tool(t, "setpriv"), "--bounding-set=-sys_admin", self)
	want := "fatal: root, but without the right to make network namespaces (in a container without CAP_SYS_ADMIN?): " +
		"create network namespace: operation not permitted"
	if got := rootOutcome(t, contained); got != want {
		t.Errorf("as root without CAP_SYS_ADMIN: %q, want %q", got, want)
	}
}

func TestTool(t *testing.T) {
	t.Parallel()
	got := outcome(func(tb testing.TB) { netnstest.Tool(tb, "no-such-tool") })
	if !strings.HasPrefix(got, "fatal: find tool no-such-tool (make tools installs it): ") {
		t.Errorf("a tool that is missing: %q, want a failure", got)
	}
	if got := netnstest.Tool(t, "sh"); !filepath.IsAbs(got) {
		t.Errorf("sh is at %q", got)
	}
}

func TestRun(t *testing.T) {
	t.Parallel()
	ns := netnstest.New(t)
	if got, want := netnstest.Run(t, ns, "readlink", "/proc/self/ns/net"), ns.String()+"\n"; got != want {
		t.Errorf("ran in %q, want %q", got, want)
	}
	if got, want := netnstest.Run(t, ns, "sh", "-c", "echo out; echo err >&2"), "out\n"; got != want {
		t.Errorf("Run returns %q, want %q", got, want)
	}
	got := outcome(func(tb testing.TB) { netnstest.Run(tb, ns, "sh", "-c", "echo out; echo err >&2; exit 3") })
	if want := "fatal: run sh -c echo out; echo err >&2; exit 3: exit status 3\nstdout: out\n\nstderr: err\n"; got != want {
		t.Errorf("a program that fails: %q, want %q", got, want)
	}
}

func TestNewTopology(t *testing.T) {
	t.Parallel()
	for range 4 {
		t.Run("", func(t *testing.T) {
			t.Parallel()
			topology := netnstest.NewTopology(t, netns.Options{InsideRoutes: true})
			out := netnstest.Run(t, topology.CGN, "ip", "-brief", "address")
			if !strings.Contains(out, "100.64.255.254/16") || !strings.Contains(out, "203.0.113.254/24") {
				t.Errorf("addresses of the CGN:\n%s", out)
			}
			if err := topology.Subscribers[1].Ping(netns.Ping{To: topology.Servers[1].Addr, ID: 1}); err != nil {
				t.Error(err)
			}
		})
	}
}

// With a NAT in the middle every probe sees the outside address, and the observer sees nothing else.
func TestTranslated(t *testing.T) {
	t.Parallel()
	topology := netnstest.NewTopology(t, netns.Options{})
	client, server := topology.Subscribers[0], topology.Servers[0]
	netnstest.Run(t, topology.CGN, "nft", "add table ip nat; "+
		"add chain ip nat post { type nat hook postrouting priority srcnat; }; "+
		"add rule ip nat post oifname outside meta l4proto { tcp, udp } snat to 192.0.2.1:1024-1055; "+
		"add rule ip nat post oifname outside meta l4proto icmp snat to 192.0.2.1:1024-1055")

	untranslated, err := server.Observe(netns.Watch{Match: func(p netns.Packet) bool { return p.Src == client.Addr }})
	if err != nil {
		t.Fatal(err)
	}
	for _, network := range []string{"udp", "tcp"} {
		echo, err := server.ListenEcho(network, netip.AddrPortFrom(server.Addr, 7))
		if err != nil {
			t.Fatal(err)
		}
		seen, err := client.Ask(netns.Query{Network: network, Remote: echo.Addr()})
		if err != nil || seen.Addr() != outside || seen.Port() < 1024 || seen.Port() > 1055 {
			t.Errorf("%s: server sees %v (error %v), want a port of %v", network, seen, err, outside)
		}
	}
	pings, err := server.WatchPings()
	if err != nil {
		t.Fatal(err)
	}
	if err := client.Ping(netns.Ping{To: server.Addr, ID: 7}); err != nil {
		t.Error(err)
	}
	seen, err := pings.AwaitSeen(t.Context(), 1)
	if err != nil || seen[0].Source != outside || seen[0].ID < 1024 || seen[0].ID > 1055 {
		t.Errorf("ping: server sees %v (error %v), want an identifier of %v", seen, err, outside)
	}
	if n, err := untranslated.Count(); err != nil || n != 0 {
		t.Errorf("%d packets left untranslated (error %v)", n, err)
	}
}

// What is made for a test ends with it.
func TestCleanUp(t *testing.T) {
	t.Parallel()
	netnstest.Root(t)
	var ns *netns.NS
	t.Run("inner", func(t *testing.T) {
		ns = netnstest.New(t)
		if err := ns.Ping(netns.Ping{ID: 1, To: netip.MustParseAddr("127.0.0.1")}); err != nil {
			t.Error(err)
		}
	})
	if err := ns.SetUp("lo"); err == nil {
		t.Error("the namespace outlived its test")
	}
}
