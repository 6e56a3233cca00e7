package main

import (
	"bytes"
	"encoding/binary"
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

	"github.com/cgnkit/cgnkit/alloc"
	"github.com/cgnkit/cgnkit/alloc/planfile"
	"github.com/cgnkit/cgnkit/internal/netns"
	"github.com/cgnkit/cgnkit/internal/netnstest"
	"github.com/cgnkit/cgnkit/portset/softwire"
	"github.com/cgnkit/cgnkit/portset/softwire/s46"
)

const keaPlan = `version: 1
pools:
  - {name: cgn, inside: 100.64.0.0/24, outside: 198.51.100.0/29}
  - {name: old, inside: 100.65.0.0/24, outside: 198.51.100.8/29}
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
	server, clients := netnstest.New(t), netnstest.New(t)
	links := []string{"mape", "mapt", "lw", "cgn", "old"}
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
	startKea(t, server, "kea-dhcp6", dir, "--interface", "mape=s-mape", "--interface", "mapt=s-mapt", "--interface", "lw=s-lw")
	for _, link := range links[:3] {
		t.Run(link, func(t *testing.T) { askKea6(t, clients, link, file.Plan) })
	}
	netnstest.Run(t, server, "ip", "address", "add", "100.64.0.254/24", "dev", "s-cgn")
	netnstest.Run(t, server, "ip", "address", "add", "100.65.0.254/24", "dev", "s-old")
	startKea(t, server, "kea-dhcp4", dir, "--dhcp4", "--interface", "cgn=s-cgn", "--interface", "old=s-old", "--ipv6-mostly", "cgn=3600")
	for link, want := range map[string]uint32{"cgn": 3600, "old": 0} {
		t.Run(link, func(t *testing.T) { askKea4(t, clients, link, want, file.Plan) })
	}
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
	text := strings.Replace(config.String(), `"type": "memfile"`, `"type": "memfile", "persist": false`, 1)
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
func exchange(t *testing.T, conn *net.UDPConn, to netip.AddrPort, message []byte, fits func([]byte) bool) []byte {
	t.Helper()
	buf := make([]byte, 1<<16)
	var failed error
	for range 20 {
		_, failed = conn.WriteToUDPAddrPort(message, to)                 // a link that was switched on just now may lack its address
		_ = conn.SetReadDeadline(time.Now().Add(500 * time.Millisecond)) // an error shows in what follows
		for {
			n, err := conn.Read(buf)
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

func option6(code uint16, body ...byte) []byte {
	b := binary.BigEndian.AppendUint16(nil, code)
	return append(binary.BigEndian.AppendUint16(b, uint16(len(body))), body...)
}

// options6 returns the options of a message by code.
func options6(t *testing.T, b []byte) map[uint16][]byte {
	t.Helper()
	out := map[uint16][]byte{}
	for len(b) >= 4 {
		n := 4 + int(binary.BigEndian.Uint16(b[2:]))
		if n > len(b) {
			t.Fatalf("an option is longer than the message: %x", b)
		}
		out[binary.BigEndian.Uint16(b)] = b[4:n]
		b = b[n:]
	}
	return out
}

// askKea6 asks for a prefix (RFC 8415) and for the containers of RFC 7598, and compares the answer with the plan.
func askKea6(t *testing.T, ns *netns.NS, link string, plan *alloc.Plan) {
	var index int
	if err := ns.Do(func() error {
		l, err := net.InterfaceByName(link)
		if err == nil {
			index = l.Index
		}
		return err
	}); err != nil {
		t.Fatal(err)
	}
	conn := listen(t, ns, "udp6", link, "[::]:546")
	servers := netip.AddrPortFrom(netip.MustParseAddr("ff02::1:2").WithZone(fmt.Sprint(index)), 547)
	ask := func(kind, answer byte, more ...byte) []byte {
		m := []byte{kind, 0x5a, 0x46, 0x01}
		m = append(m, option6(1, 0, 3, 0, 1, 2, 0, 0, 0, 0, 7)...) // DUID-LL
		m = append(m, option6(6, 0, 94, 0, 95, 0, 96)...)          // what we want to know
		m = append(m, option6(8, 0, 0)...)
		m = append(append(m, option6(25, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0)...), more...) // IA_PD
		return exchange(t, conn, servers, m, func(b []byte) bool { return len(b) > 4 && b[0] == answer && bytes.Equal(b[1:4], m[1:4]) })
	}
	advertised := options6(t, ask(1, 2)[4:])
	reply := ask(3, 7, option6(2, advertised[2]...)...)
	t.Logf("the reply: %x", reply)
	inIA := options6(t, options6(t, reply[4:])[25][12:])
	lease := inIA[26]
	if len(lease) < 25 {
		t.Fatalf("no prefix in %x", reply)
	}
	delegated := netip.PrefixFrom(netip.AddrFrom16([16]byte(lease[9:25])), int(lease[8]))
	want, err := plan.Lookup(alloc.Subscriber{Prefix: delegated})
	if err != nil || want.Subscriber().Prefix != delegated || want.Pool().Name() != link {
		t.Fatalf("the prefix %v: the plan says %v", delegated, err)
	}
	containers, discarded := s46.Containers(reply[4:])
	if len(discarded) > 0 || len(containers) != 1 {
		t.Fatalf("containers %v, discarded %v, in %x", containers, discarded, reply)
	}
	router, ports, outside := routerOf(t, containers[0], delegated)
	if addr, _ := want.RouterAddr(); router != addr || outside != want.OutsidePrefix() || ports != want.Ports().String() {
		t.Errorf("the router of %v takes %v, %v and ports %s from %+v; the plan has %v, %v and %v", delegated, router, outside, ports, containers[0], addr, want.OutsidePrefix(), want.Ports())
	}
}

// routerOf returns what a router makes of a container and its prefix: its IPv6 address, its ports, its IPv4 address or prefix.
func routerOf(t *testing.T, o s46.Option, delegated netip.Prefix) (netip.Addr, string, netip.Prefix) {
	t.Helper()
	var spec softwire.DomainSpec
	var rules []s46.Rule
	switch o := o.(type) {
	case s46.MAPE:
		rules, spec.Relay = o.Rules, o.BRs[0].Addr
		if len(rules) != 2 {
			t.Errorf("%d rules, want both, because they forward", len(rules))
		}
	case s46.MAPT:
		rules, spec.DMR = o.Rules, o.DMR.Prefix
	case s46.LW:
		table, err := softwire.NewBindings(func(yield func(softwire.BindingSpec) bool) { yield(o.Bind.Spec()) })
		if err != nil {
			t.Fatal(err)
		}
		b, err := table.Behind(delegated.Addr())
		if err != nil {
			t.Fatal(err)
		}
		return b.B4(), b.Ports().String(), netip.PrefixFrom(b.IPv4(), 32)
	}
	for _, r := range rules {
		spec.Rules = append(spec.Rules, r.Spec())
	}
	d, err := softwire.NewDomain(spec)
	if err != nil {
		t.Fatal(err)
	}
	ce, err := d.Forward(delegated)
	if err != nil {
		t.Fatal(err)
	}
	return ce.Address(), ce.Ports().String(), ce.IPv4()
}

// askKea4 asks for an address and for option 108 (RFC 8925). want is 0 where the option must not come.
func askKea4(t *testing.T, ns *netns.NS, link string, want uint32, plan *alloc.Plan) {
	conn := listen(t, ns, "udp4", link, "0.0.0.0:68")
	m := append([]byte(nil), make([]byte, 240)...)
	copy(m, []byte{1, 1, 6, 0, 0x5a, 0x46, 0, 4, 0, 0, 0x80}) // BOOTREQUEST, Ethernet, the answer by broadcast
	copy(m[28:], []byte{2, 0, 0, 0, 0, 7})
	copy(m[236:], []byte{99, 130, 83, 99})
	m = append(m, 53, 1, 1, 55, 2, 1, s46.CodeV6Only, 255) // DISCOVER, and what we want to know
	if err := ns.Do(func() error {
		return exec.Command("ip", "route", "replace", "255.255.255.255", "dev", link).Run()
	}); err != nil {
		t.Fatal(err)
	}
	offer := exchange(t, conn, netip.MustParseAddrPort("255.255.255.255:67"), m, func(b []byte) bool { return len(b) > 240 && b[0] == 2 && bytes.Equal(b[4:8], m[4:8]) })
	given := netip.AddrFrom4([4]byte(offer[16:20]))
	if a, err := plan.Lookup(alloc.SubscriberFrom("", given)); want == 0 && (err != nil || a.Pool().Name() != link) {
		t.Errorf("%v is offered, and the plan says %v", given, err)
	}
	seconds := uint32(0)
	for b := offer[240:]; len(b) > 1 && b[0] != 255; b = b[2+int(b[1]):] {
		if b[0] != s46.CodeV6Only {
			continue
		}
		var err error
		if seconds, _, err = s46.DecodeV6Only(b); err != nil {
			t.Fatal(err)
		}
	}
	if seconds != want {
		t.Errorf("option 108 says %d seconds, want %d, in %x", seconds, want, offer)
	}
}
