package packaging

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/cgnkit/cgnkit/internal/daemon"
	"github.com/cgnkit/cgnkit/internal/netns"
	"github.com/cgnkit/cgnkit/internal/netnstest"
)

const (
	planFile = "/etc/cgnd/plan.yaml"
	unitPlan = "version: 1\npools:\n  - {name: a, inside: [100.64.0.0/24], outside: [192.0.2.0/28], ports-per-subscriber: 1000}\n"
	confFile = "/etc/cgnd/cgnd.yaml"
	unitConf = "plan: " + planFile + "\nlisten: {group: cgnd}\n"
)

// get asks the API of the cgnd in the box.
func (b *box) get(path string, into any) error {
	c := &http.Client{Timeout: 5 * time.Second, Transport: &http.Transport{
		DisableKeepAlives: true,
		DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			return (&net.Dialer{}).DialContext(ctx, "unix", b.path("/run/cgnd/cgnd.sock"))
		},
	}}
	r, err := c.Get("http://cgnd" + path)
	if err != nil {
		return err
	}
	defer func() { _ = r.Body.Close() }()
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return err
	}
	return json.Unmarshal(body, into)
}

// await waits until a command says something.
func (b *box) await(command, want string) {
	b.Helper()
	var out string
	for until := time.Now().Add(time.Minute); time.Now().Before(until); time.Sleep(50 * time.Millisecond) {
		if out, _ = b.try(command); strings.Contains(out, want) {
			return
		}
	}
	b.Fatalf("%s: %q, want %q\n%s", command, out, want, b.run("journalctl -u cgnd -n 30 --no-pager"))
}

// of returns what systemd knows of the unit.
func (b *box) of(property string) string {
	b.Helper()
	return strings.TrimSpace(b.run("systemctl show cgnd -P " + property))
}

// healthy waits until the daemon is well, and returns its state.
func (b *box) healthy() (s daemon.Snapshot) {
	b.Helper()
	var err error
	for until := time.Now().Add(time.Minute); time.Now().Before(until); time.Sleep(50 * time.Millisecond) {
		s = daemon.Snapshot{}
		if err = b.get("/v1/status", &s); err == nil && s.Healthy {
			return s
		}
	}
	b.Fatalf("cgnd is not well: %v %+v\n%s", err, s, b.run("journalctl -u cgnd -n 30 --no-pager"))
	return s
}

// traffic is a transfer through the CGN, and what fails where it stands still.
func traffic(t *testing.T, top *netns.Topology) (flows func(when string), finish func()) {
	t.Helper()
	sink, err := top.Servers[0].ListenSink(netip.AddrPortFrom(top.Servers[0].Addr, 0))
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Minute)
	t.Cleanup(cancel)
	transfer, err := top.Subscribers[0].StartTransfer(ctx, netns.Stream{Remote: sink.Addr(), Bytes: 1 << 40, Rate: 1 << 20})
	if err != nil {
		t.Fatal(err)
	}
	flows = func(when string) {
		t.Helper()
		ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
		defer cancel()
		if err := transfer.AwaitSent(ctx, transfer.Sent()+1<<17); err != nil {
			t.Fatalf("%s: %v", when, err)
		}
	}
	return flows, func() {
		t.Helper()
		if err := transfer.Finish(); err != nil {
			t.Errorf("the transfer: %v", err)
		}
	}
}

// TestSystemd has a real systemd run the unit of the package: installing, starting, the sandbox, the watchdog, upgrades under a transfer,
// and the end.
func TestSystemd(t *testing.T) {
	needRoot(t)
	top := netnstest.NewTopology(t, netns.Options{Switches: true})
	b := bootBox(t, top.CGN)
	first, next, last := b.put(debFile(t)), b.put(repack(t, "98", nil)), b.put(repack(t, "99", nil))

	b.says("dpkg -i "+first, "cgnd: not started")
	if active, enabled := b.of("ActiveState"), b.of("UnitFileState"); active != "inactive" || enabled != "disabled" {
		t.Fatalf("after the installation it is %s and %s", active, enabled)
	}

	b.write(planFile, unitPlan)
	b.write(confFile, unitConf)
	b.run("systemctl enable --now cgnd") // comes back at READY=1
	b.says("nft list table ip cgn", "map shares")
	b.says("ls -ld /run/cgnd/cgnd.sock", "srw-rw---- 1 root cgnd")
	b.await("systemctl show cgnd -P StatusText", "plan ")
	b.sandbox()
	flows, finish := traffic(t, top)
	flows("at the start")

	b.killed()
	flows("after a restart by systemd")
	b.watchdog()
	flows("after the watchdog")

	// An upgrade replaces the process, and nothing else.
	before, pid := b.run("nft list ruleset"), b.of("MainPID")
	b.run("dpkg -i " + next)
	if n := b.healthy(); b.of("MainPID") == pid || n.Apply.Way != "unchanged" {
		t.Errorf("after the upgrade: process %s was %s, %+v", b.of("MainPID"), pid, n.Apply)
	}
	if after := b.run("nft list ruleset"); after != before {
		t.Errorf("the upgrade changed the ruleset:\n%s\nbecame\n%s", before, after)
	}
	flows("after an upgrade")

	// A release that refuses the configuration does not end the one that runs.
	pid = b.of("MainPID")
	b.write(confFile, unitConf+"of-another-release: 1\n")
	b.says("dpkg -i "+last, "the release before goes on running, because this one refuses the configuration:\ncgnd: /etc/cgnd/cgnd.yaml:3:1: unknown key")
	if got := b.of("MainPID"); got != pid {
		t.Errorf("process %s took the place of %s", got, pid)
	}
	b.write(confFile, unitConf)

	// What was stopped on purpose stays so, also at a downgrade.
	b.run("systemctl stop cgnd")
	b.run("dpkg -i " + first)
	if got := b.of("ActiveState"); got != "inactive" {
		t.Errorf("an upgrade made it %s", got)
	}
	flows("stopped")
	b.run("systemctl start cgnd")

	b.says("dpkg -r cgnkit", "the kernel goes on translating")
	b.says("nft list ruleset", "table ip cgn")
	flows("after the package is gone")
	finish()
}

// sandbox asserts what the process may do, as the kernel has it.
func (b *box) sandbox() {
	b.Helper()
	pid := b.of("MainPID")
	status := b.read("/proc/" + pid + "/status")
	const caps = 1<<12 | 1<<38 | 1<<39 // NET_ADMIN, PERFMON, BPF
	for _, want := range []string{fmt.Sprintf("CapEff:\t%016x\n", caps), fmt.Sprintf("CapBnd:\t%016x\n", caps), "NoNewPrivs:\t1\n", "Seccomp:\t2\n"} {
		if !strings.Contains(status, want) {
			b.Errorf("%q is not in the status of the process:\n%s", want, status)
		}
	}
	within := "nsenter -t " + pid + " -m "
	for _, path := range []string{"/etc/cgnd/x", "/usr/sbin/x", "/var/lib/x", "/run/x", "/sys/x", "/proc/sys/net/ipv4/ip_forward"} {
		if out, err := b.try(within + "touch " + path); err == nil || !strings.Contains(out, "Read-only file system") {
			b.Errorf("%s can be written: %v %s", path, err, out)
		}
	}
	for _, path := range []string{"/var/lib/cgnd/x", "/var/log/cgnd/x", "/run/cgnd/x", "/run/cgnkit/x", "/tmp/x"} {
		b.run(within + "touch " + path + " && " + within + "rm " + path)
	}
	for _, path := range []string{"/root", "/home", "/tmp"} {
		if out, err := b.try(within + "ls -A " + path); err == nil && out != "" {
			b.Errorf("it sees %s: %s", path, out)
		}
	}
}

// killed kills the process and waits until systemd has started another.
func (b *box) killed() {
	b.Helper()
	b.run("kill -KILL " + b.of("MainPID"))
	b.await("systemctl show cgnd -P NRestarts", "1")
	if n := b.healthy(); n.Apply.Way != "unchanged" {
		b.Errorf("after a restart: %+v", n.Apply)
	}
}

// watchdog stops the process, as if it hung, and waits until systemd has noticed.
func (b *box) watchdog() {
	b.Helper()
	if got := b.of("WatchdogUSec"); got != "30s" {
		b.Errorf("the watchdog waits for %s", got)
	}
	b.run("mkdir -p /run/systemd/system/cgnd.service.d")
	b.write("/run/systemd/system/cgnd.service.d/short.conf", "[Service]\nWatchdogSec=3s\n")
	b.run("systemctl daemon-reload && systemctl restart cgnd")
	b.healthy()
	b.run("kill -STOP " + b.of("MainPID"))
	b.await("journalctl -u cgnd --no-pager | grep Watchdog", "Watchdog timeout (limit 3s)!")
	b.await("systemctl show cgnd -P NRestarts", "1")
	b.healthy()
	b.run("rm -r /run/systemd/system/cgnd.service.d && systemctl daemon-reload && systemctl restart cgnd")
	b.healthy()
}

// TestSystemdXDP has a real systemd run the unit with the XDP backend: the sandbox must let programs be loaded and pinned.
func TestSystemdXDP(t *testing.T) {
	needRoot(t)
	top := netnstest.NewTopology(t, netns.Options{Switches: true})
	b := bootBox(t, top.CGN)
	b.run("dpkg -i " + b.put(debFile(t)))
	b.write(planFile, unitPlan)
	b.write(confFile, unitConf+"backend: xdp\ninterfaces: {inside: [inside], outside: [outside]}\n")
	b.run("systemctl start cgnd")
	b.healthy()
	b.says("cgnctl verify --backend xdp -c "+planFile, "equals the plan")
	b.sandbox()
	flows, finish := traffic(t, top)
	flows("at the start")
	b.killed()
	flows("after a restart by systemd")
	b.run("dpkg -P cgnkit")
	if b.has("/run/cgnd") || b.has("/run/cgnkit") {
		t.Error("purging leaves something in /run")
	}
	flows("after the package is gone")
	finish()
}

// TestConfigured installs the package where a ledger is already: it starts at once, and with every boot.
func TestConfigured(t *testing.T) {
	needRoot(t)
	b := bootBox(t, netnstest.New(t))
	deb := b.put(debFile(t))
	b.run("dpkg -i " + deb)
	b.run("cgnctl ledger add -c /usr/share/doc/cgnkit/examples/br-1to32.yaml --ledger /var/lib/cgnd/ledger.jsonl --from 2026-01-01T00:00:00Z")
	b.run("dpkg -P cgnkit")
	b.run("dpkg -i " + deb)
	if active, enabled := b.of("ActiveState"), b.of("UnitFileState"); active != "active" || enabled != "enabled" {
		t.Errorf("it is %s and %s", active, enabled)
	}
	if s := b.healthy(); s.Epoch == nil || s.Epoch.Seq != 1 {
		t.Errorf("%+v", s)
	}
}
