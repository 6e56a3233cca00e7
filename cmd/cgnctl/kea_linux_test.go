package main

import (
	"bytes"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/cgnkit/cgnkit/alloc/planfile"
	"github.com/cgnkit/cgnkit/internal/netns"
	"github.com/cgnkit/cgnkit/internal/netnstest"
)

const keaPlan = `version: 1
pools:
  - {name: cgn, inside: 100.64.0.0/29, outside: 198.51.100.0/29}
  - {name: old, inside: 100.65.0.0/24, outside: 198.51.100.8/29}
  - {name: away, inside: 100.66.0.0/24, outside: 198.51.100.16/29}
softwires:
  - name: mape
    kind: map-e
    relay: 2001:db8:ffff::1
    rules:
      - {rule6: 2001:db8::/40, rule4: 192.0.2.0/24, ea-len: 16, forwarding: true}
      - {rule6: 2001:db8:100::/44, rule4: 198.18.0.0/26, ea-len: 10, psid-offset: 4, forwarding: true}
  - name: mapt
    kind: map-t
    dmr: 2001:db8:fffe::/64
    rules:
      - {rule6: 2001:db8:200::/56, rule4: 203.0.113.9/32, ea-len: 0, psid-offset: 4, psid-length: 6, psid: 33}
  - name: lw
    kind: lw4o6
    relay: 2001:db8:fffd::1
    bindings: [2001:db8:400:100::/56 203.0.113.1 0 8 5]
  - name: mixed
    kind: lw4o6
    relay: 2001:db8:fffd::1
    bindings: [2001:db8:500::/56 203.0.113.2 0 8 4, 2001:db8:500:100::1 203.0.113.2 0 8 5, 2001:db8:500:200::/56 203.0.113.3]
  - name: far
    kind: map-e
    relay: 2001:db8:ffff::1
    rules: [{rule6: 2001:db8:600::/40, rule4: 198.18.4.0/24, ea-len: 16}, {rule6: 2001:db8:700::/40, rule4: 198.18.5.0/24, ea-len: 16}]
`

// keaRouters says which routers of keaPlan have what. DUIDs end in the number of the router.
const keaRouters = `customer,duid,end-user-prefix
north,00:03:00:01:02:00:00:00:00:01,2001:db8:500:200::/56
south,00030001020000000002,2001:db8:500:100::1
east,00030001020000000003,2001:db8:500::/56
west,00030001020000000004,2001:db8:612:3400::/56
`

// TestKea gives what render kea writes to real servers and asks them as routers do. From the answer alone each router comes to the
// address and the ports that the plan has for the prefix that it was given.
func TestKea(t *testing.T) {
	dir := t.TempDir()
	write(t, filepath.Join(dir, "plan.yaml"), keaPlan)
	file, err := planfile.Load(filepath.Join(dir, "plan.yaml"), planfile.Options{})
	if err != nil {
		t.Fatal(err)
	}
	write(t, filepath.Join(dir, "routers.csv"), keaRouters)
	server, clients := netnstest.New(t), netnstest.New(t)
	links := []string{"mape", "mapt", "lw", "mixed", "far", "cgn", "old", "away"}
	for _, link := range links {
		if err := server.AddVeth("s-"+link, clients, link); err != nil {
			t.Fatal(err)
		}
	}
	for i, ns := range []*netns.NS{server, clients} {
		enableIPv6(t, ns)
		for _, link := range links {
			netnstest.Run(t, ns, "ip", "link", "set", []string{"s-", ""}[i]+link, "up")
		}
	}
	netnstest.Run(t, server, "ip", "address", "add", "2001:db9::53/64", "dev", "s-far", "nodad")
	netnstest.Run(t, clients, "ip", "address", "add", "2001:db9::1/64", "dev", "far", "nodad")
	startKea(t, server, "kea-dhcp6", dir, "--interface", "mape=s-mape", "--interface", "mapt=s-mapt", "--interface", "lw=s-lw", "--interface", "mixed=s-mixed",
		"--interface", "far=s-far/2001:db9::53", "--relay", "far=2001:db9:1::1", "--reservations", filepath.Join(dir, "routers.csv"))
	for _, link := range links[:3] {
		t.Run(link, func(t *testing.T) { askKea6(t, clients, link, file.Plan) })
	}
	t.Run("reserved", func(t *testing.T) { askReserved(t, clients, file.Plan) })
	t.Run("relayed", func(t *testing.T) { askRelayed(t, clients, file.Plan) })
	t.Run("holders", func(t *testing.T) { traceLeases6(t, dir, file.Plan) })
	netnstest.Run(t, server, "ip", "address", "add", "100.64.0.1/29", "dev", "s-cgn")
	netnstest.Run(t, server, "ip", "address", "add", "100.65.0.254/24", "dev", "s-old")
	netnstest.Run(t, server, "ip", "address", "add", "100.70.0.254/24", "dev", "s-away")
	netnstest.Run(t, clients, "ip", "address", "add", "100.70.0.1/24", "dev", "away")
	startKea(t, server, "kea-dhcp4", dir, "--dhcp4", "--interface", "away=s-away", "--relay", "away=100.70.0.1", "--gateway", "away=100.66.0.1/24", "--interface", "cgn=s-cgn", "--interface", "old=s-old", "--ipv6-mostly", "cgn=3600", "--gateway", "cgn=100.64.0.1/29", "--gateway", "old=100.65.0.254/24")
	for link, want := range map[string]uint32{"cgn": 3600, "old": 0} {
		t.Run(link, func(t *testing.T) { askKea4(t, clients, link, want, file.Plan) })
	}
	t.Run("away", func(t *testing.T) { askRelayed4(t, clients) })
	t.Run("leases", func(t *testing.T) { leaseAll4(t, clients, file.Plan) })
}

// enableIPv6 switches IPv6 on, for links that are there and down.
func enableIPv6(t *testing.T, ns *netns.NS) {
	t.Helper()
	// No waiting for others with the same address, or nothing could be sent for a second.
	netnstest.Run(t, ns, "sh", "-c", "cd /proc/sys/net/ipv6/conf && for f in */accept_dad; do echo 0 > $f; done && for f in */disable_ipv6; do echo 0 > $f; done")
}

// startKea renders a configuration, has the server check it, and runs the server in a namespace until the test ends.
func startKea(t *testing.T, ns *netns.NS, server, dir string, args ...string) {
	t.Helper()
	var config, complaints, out bytes.Buffer
	if code := run(&env{stdout: &config, stderr: &complaints}, append([]string{"render", "kea", "-c", filepath.Join(dir, "plan.yaml")}, args...)); code != 0 {
		t.Fatalf("exit code %d: %s", code, complaints.String())
	}
	// Where files are is the system's business, and this is not the system's server.
	store := `"persist": false`
	if server == "kea-dhcp6" {
		store = fmt.Sprintf(`"persist": true, "name": %q`, filepath.Join(dir, "kea-leases6.csv"))
	}
	text := strings.Replace(config.String(), `"type": "memfile"`, `"type": "memfile", `+store, 1)
	if server == "kea-dhcp6" {
		text = strings.Replace(text, `"Dhcp6": {`, fmt.Sprintf(`"Dhcp6": { "data-directory": %q,`, dir), 1)
	}
	path := filepath.Join(dir, server+".conf")
	write(t, path, text)
	environment := append(os.Environ(), "KEA_PIDFILE_DIR="+dir, "KEA_LOCKFILE_DIR="+dir)
	tool := netnstest.Tool(t, server)
	check := exec.Command(tool, "-t", path)
	check.Env = environment
	check.Stdout, check.Stderr = &out, &out
	if err := ns.Do(check.Run); err != nil {
		t.Fatalf("%s refuses: %v\n%s\n%s", server, err, out.String(), text)
	}
	log, err := os.Create(path + ".log")
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(tool, "-c", path)
	cmd.Env, cmd.Stdout, cmd.Stderr = environment, log, log
	if err := ns.Do(cmd.Start); err != nil {
		t.Fatal(err)
	}
	said := func() string { b, _ := os.ReadFile(path + ".log"); return string(b) } // for people, or searched below
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
		_ = log.Close()
		if t.Failed() {
			t.Logf("%s: %s", server, said())
		}
	})
	for deadline := time.Now().Add(20 * time.Second); !strings.Contains(said(), "_STARTED"); time.Sleep(20 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("%s does not start", server)
		}
	}
}

// listen opens a UDP socket on a link of a namespace that may broadcast.
func listen(t *testing.T, ns *netns.NS, network, link, local string) *net.UDPConn {
	t.Helper()
	var conn net.PacketConn
	config := net.ListenConfig{Control: func(_, _ string, raw syscall.RawConn) error {
		var failed error
		err := raw.Control(func(fd uintptr) {
			failed = errors.Join(syscall.SetsockoptString(int(fd), syscall.SOL_SOCKET, syscall.SO_BINDTODEVICE, link),
				syscall.SetsockoptInt(int(fd), syscall.SOL_SOCKET, syscall.SO_BROADCAST, 1))
		})
		return errors.Join(err, failed)
	}}
	if err := ns.Do(func() (err error) {
		conn, err = config.ListenPacket(t.Context(), network, local)
		return err
	}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	return conn.(*net.UDPConn)
}

// exchange sends until something that fits is answered.
func exchange(t *testing.T, conn net.PacketConn, to netip.AddrPort, message []byte, fits func([]byte) bool) []byte {
	t.Helper()
	buf := make([]byte, 1<<16)
	var failed error
	for range 20 {
		_, failed = conn.WriteTo(message, net.UDPAddrFromAddrPort(to))   // a link that was switched on just now may lack its address
		_ = conn.SetReadDeadline(time.Now().Add(500 * time.Millisecond)) // an error shows in what follows
		for {
			n, _, err := conn.ReadFrom(buf)
			if err != nil {
				break
			}
			if fits(buf[:n]) {
				return bytes.Clone(buf[:n])
			}
		}
	}
	t.Fatalf("no answer; sending says %v", failed)
	return nil
}
