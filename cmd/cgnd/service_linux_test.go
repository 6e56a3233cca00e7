package main

import (
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/cgnkit/cgnkit/ebpf"
	"github.com/cgnkit/cgnkit/internal/daemon"
	"github.com/cgnkit/cgnkit/internal/daemonfile"
	"github.com/cgnkit/cgnkit/internal/netns"
	"github.com/cgnkit/cgnkit/internal/netnstest"
)

// TestNotify is what systemd hears: READY when the kernel has the plan, a state, the watchdog, and the end.
func TestNotify(t *testing.T) {
	netnstest.Root(t)
	t.Parallel()
	s := newSite(t, netnstest.NewTopology(t, netns.Options{}), "")
	s.write("plan.yaml", plan(1000))
	manager, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: s.path("notify"), Net: "unixgram"})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = manager.Close() }()
	s.env = []string{"NOTIFY_SOCKET=" + s.path("notify")}
	heard := map[string]int{} // by what stands before the first blank
	hear := func(want string, times int) {
		t.Helper()
		if err := manager.SetReadDeadline(time.Now().Add(30 * time.Second)); err != nil {
			t.Fatal(err)
		}
		for b := make([]byte, 4096); heard[want] < times; {
			n, err := manager.Read(b)
			if err != nil {
				t.Fatalf("%s was not heard: %v", want, err)
			}
			what, _, _ := strings.Cut(string(b[:n]), " ")
			heard[what]++
		}
	}
	s.start()
	hear("READY=1", 1)
	if !strings.Contains(s.ruleset(), "table ip cgn") {
		t.Error("it is ready, and the kernel has no plan")
	}
	hear("STATUS=plan", 1)
	hear("WATCHDOG=1", heard["WATCHDOG=1"]+2)
	if err := s.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	hear("STOPPING=1", 1)
}

// unitValue returns what the unit says of a setting.
func unitValue(t *testing.T, key string) string {
	t.Helper()
	text, err := os.ReadFile("dist/cgnd.service")
	if err != nil {
		t.Fatal(err)
	}
	m := regexp.MustCompile(`(?m)^` + key + `=(.*)$`).FindSubmatch(text)
	if m == nil {
		t.Fatalf("the unit has no %s", key)
	}
	return string(m[1])
}

// TestCapabilities runs cgnd as root with few capabilities: for each backend those that it needs are enough, and none of them can be
// spared. The unit has what both need, and nothing more.
func TestCapabilities(t *testing.T) {
	needs := map[string][]string{
		daemonfile.Nftables: {"net_admin"},
		daemonfile.XDP:      {"net_admin", "bpf", "perfmon"},
	}
	var unit, all []string
	for c := range strings.FieldsSeq(unitValue(t, "CapabilityBoundingSet")) {
		unit = append(unit, strings.ToLower(strings.TrimPrefix(c, "CAP_")))
	}
	for _, n := range needs {
		all = append(all, n...)
	}
	slices.Sort(unit)
	slices.Sort(all)
	if all = slices.Compact(all); !slices.Equal(unit, all) {
		t.Errorf("the unit has %q, want %q", unit, all)
	}
	onBoth(t, func(t *testing.T, backend string) {
		enough := needs[backend]
		t.Run("enough", func(t *testing.T) { enoughCapabilities(t, backend, enough) })
		for i, c := range enough {
			t.Run("without "+c, func(t *testing.T) {
				tooFewCapabilities(t, backend, c, slices.Delete(slices.Clone(enough), i, i+1))
			})
		}
	})
}

// only returns what runs a command with some capabilities and no others.
func only(t *testing.T, capabilities []string) []string {
	t.Helper()
	set := "-all"
	for _, c := range capabilities {
		set += ",+" + c
	}
	return []string{netnstest.Tool(t, "setpriv"), "--bounding-set=" + set, "--inh-caps=-all", "--no-new-privs", "--"}
}

// enoughCapabilities has cgnd start, repair what somebody takes away, and translate.
func enoughCapabilities(t *testing.T, backend string, capabilities []string) {
	s := newSiteOf(t, backend, "metrics: 127.0.0.1:9742\nusage-interval: 1s\n")
	s.write("plan.yaml", plan(1000))
	s.prefix = only(t, capabilities)
	s.start()
	before := s.await("start", healthy)
	if err := s.do(func() error { return takeAway(s, backend) }); err != nil {
		t.Fatal(err)
	}
	s.await("repair", func(n daemon.Snapshot) bool { return n.Drift.Repaired > before.Drift.Repaired && n.Healthy })
	transfer := s.startTransfer()
	s.flows(transfer, "with few capabilities")
	s.write("plan.yaml", plan(2000))
	s.await("another plan", func(n daemon.Snapshot) bool { return n.Healthy && n.InForce != before.InForce })
	s.metrics(`cgnkit_pool_mappings{pool="a",protocol="tcp"}`)
	if err := s.stop(syscall.SIGTERM); err != nil {
		t.Error(err)
	}
	if n := strings.Count(s.log.String(), `level=WARN msg="cannot be read: `); n > 2 {
		t.Errorf("the same is said %d times", n)
	}
	if m := regexp.MustCompile(`level=(INFO|WARN|ERROR).*(not permitted|denied|CAP_).*`).FindString(s.log.String()); m != "" {
		t.Errorf("something needs more: %s", m)
	}
}

// takeAway removes all of an instance.
func takeAway(s *site, backend string) error {
	if backend == daemonfile.XDP {
		return ebpf.Remove("")
	}
	netnstest.Run(s.T, s.CGN, "nft", "flush", "ruleset")
	return nil
}

// tooFewCapabilities has cgnd fail: the log says what is missing, and the kernel gets nothing.
func tooFewCapabilities(t *testing.T, backend, missing string, capabilities []string) {
	s := newSiteOf(t, backend, "")
	s.write("plan.yaml", plan(1000))
	s.prefix = only(t, capabilities)
	s.start()
	want := "CAP_" + strings.ToUpper(missing)
	if backend == daemonfile.XDP {
		n := s.await("refused", func(n daemon.Snapshot) bool { return n.Apply.Failed > 0 })
		if got := problemOf(n, "apply"); !strings.HasSuffix(got, want+" is missing") || n.InForce != "" {
			t.Errorf("%+v", n)
		}
		return
	}
	err := s.cmd.Wait()
	s.cmd = nil
	if err == nil || !strings.Contains(s.log.String(), want) || strings.Contains(s.ruleset(), "table") {
		t.Errorf("%v, %s", err, s.ruleset())
	}
}

// TestUnit has systemd read the unit.
func TestUnit(t *testing.T) {
	for key, want := range map[string]string{"Type": "notify", "ProtectSystem": "strict", "NoNewPrivileges": "yes"} {
		if got := unitValue(t, key); got != want {
			t.Errorf("%s=%s", key, got)
		}
	}
	text, err := os.ReadFile("dist/cgnd.service")
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "cgnd.service")
	if err := os.WriteFile(path, []byte(strings.ReplaceAll(string(text), "/usr/sbin/cgnd", "/bin/true")), 0o600); err != nil {
		t.Fatal(err)
	}
	if out, err := exec.Command("systemd-analyze", "verify", "--man=no", path).CombinedOutput(); err != nil || strings.Contains(string(out), "cgnd.service:") {
		t.Errorf("%v\n%s", err, out)
	}
}
