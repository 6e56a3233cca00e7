package main

import (
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/cgnkit/cgnkit/ebpf"
	"github.com/cgnkit/cgnkit/internal/daemon"
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
	hear := func(want string) {
		t.Helper()
		if err := manager.SetReadDeadline(time.Now().Add(30 * time.Second)); err != nil {
			t.Fatal(err)
		}
		b := make([]byte, 4096)
		for {
			n, err := manager.Read(b)
			if err != nil {
				t.Fatalf("%s was not heard: %v", want, err)
			}
			if strings.HasPrefix(string(b[:n]), want) {
				return
			}
		}
	}
	s.start()
	hear("READY=1")
	if !strings.Contains(s.ruleset(), "table ip cgn") {
		t.Error("it is ready, and the kernel has no plan")
	}
	hear("STATUS=plan ")
	hear("WATCHDOG=1")
	hear("WATCHDOG=1")
	if err := s.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	hear("STOPPING=1")
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

// TestCapabilities runs cgnd with the capabilities of the unit and no others, as root, with both backends; and once more without
// CAP_NET_ADMIN, to see that the others are really gone.
func TestCapabilities(t *testing.T) {
	netnstest.Root(t)
	t.Parallel()
	setpriv := netnstest.Tool(t, "setpriv")
	var keep []string
	for c := range strings.FieldsSeq(unitValue(t, "CapabilityBoundingSet")) {
		keep = append(keep, "+"+strings.ToLower(strings.TrimPrefix(c, "CAP_")))
	}
	for _, c := range []struct {
		name, lines string
		without     string
	}{
		{"nftables", "", ""},
		{"xdp", "backend: xdp\ninterfaces: {inside: [" + netns.InsideLink + "], outside: [" + netns.OutsideLink + "]}\n", ""},
		{"nftables without net_admin", "", "+net_admin"},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := newSite(t, netnstest.NewTopology(t, netns.Options{Switches: strings.HasPrefix(c.name, "xdp")}), c.lines)
			if strings.HasPrefix(c.name, "xdp") {
				t.Cleanup(func() {
					if err := s.CGN.Do(func() error { return ebpf.Remove("") }); err != nil {
						t.Error(err)
					}
				})
			}
			s.write("plan.yaml", plan(1000))
			set := "-all"
			for _, k := range keep {
				if k != c.without {
					set += "," + k
				}
			}
			s.prefix = []string{setpriv, "--bounding-set=" + set, "--inh-caps=-all", "--no-new-privs", "--"}
			s.start()
			if c.without != "" {
				if err := s.cmd.Wait(); err == nil || !strings.Contains(s.log.String(), "CAP_NET_ADMIN") {
					t.Errorf("%v\n%s", err, s.log)
				}
				s.cmd = nil
				return
			}
			s.await("start", healthy)
			if c.name == "nftables" {
				before := s.await("drift", healthy)
				netnstest.Run(t, s.CGN, "nft", "flush", "ruleset")
				s.await("repair", func(n daemon.Snapshot) bool { return n.Drift.Repaired > before.Drift.Repaired && n.Healthy })
			}
			transfer := s.startTransfer()
			s.flows(transfer, "with few capabilities")
			if err := transfer.Finish(); err != nil {
				t.Error(err)
			}
		})
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
