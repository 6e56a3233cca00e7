//go:build linux

package conformance

import (
	"errors"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/cgnkit/cgnkit/ebpf"
	"github.com/cgnkit/cgnkit/internal/netns"
	"github.com/cgnkit/cgnkit/internal/netnstest"
)

// TestSTUN has a program that knows nothing of us find out how the NAT behaves (RFC 5780): coturn's client, against coturn's server
// on two addresses.
func TestSTUN(t *testing.T) {
	t.Parallel()
	const (
		eim  = "NAT with Endpoint Independent Mapping!"
		eif  = "NAT with Endpoint Independent Filtering!"
		adf  = "NAT with Address Dependent Filtering!"
		apdf = "NAT with Address and Port Dependent Filtering!"
	)
	for _, c := range []struct {
		name  string
		setup setup
		want  []string
	}{
		{"EIF", setup{ports: roomy, xdp: &ebpf.Policy{}}, []string{eim, eif}},
		{"ADF", setup{ports: roomy, xdp: &ebpf.Policy{Filtering: ebpf.AddressDependent}}, []string{eim, adf}},
		{"APDF", setup{ports: roomy, xdp: &ebpf.Policy{Filtering: ebpf.AddressAndPortDependent}}, []string{eim, apdf}},
		{"nftables", setup{ports: roomy}, []string{eim, apdf}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			b := c.setup.make(t)
			b.serveSTUN(t)
			// With more subscribers than one at it, as nobody is alone behind a CGN.
			for _, s := range b.Subscribers {
				said := netnstest.Run(t, s.NS, "turnutils_natdiscovery", "-m", "-f", b.Servers[0].Addr.String())
				for _, line := range c.want {
					if strings.Count(said, line) != 1 {
						t.Errorf("%v is not told %q:\n%s", s.Addr, line, said)
					}
				}
			}
		})
	}
}

// serveSTUN runs a STUN server on two addresses and two ports of server 0.
func (b *bench) serveSTUN(t *testing.T) {
	t.Helper()
	const second = "203.0.113.101"
	first := b.Servers[0].Addr.String()
	if err := b.Servers[0].AddAddr(netns.HostLink, netip.MustParsePrefix(second+"/24")); err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	cmd := exec.Command(netnstest.Tool(t, "turnserver"), "-n", "-L", first, "-L", second, "--stun-only", "--no-tcp", "--no-tls", "--no-dtls",
		"--no-cli", "--no-auth", "--relay-threads", "1", "--log-file", "stdout", "--pidfile", dir+"/pid", "--userdb", dir+"/db")
	if err := b.Servers[0].Do(cmd.Start); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
	})
	for _, a := range []string{first, second} {
		for _, port := range []string{"3478", "3479"} {
			b.awaitSTUN(t, net.JoinHostPort(a, port))
		}
	}
}

// awaitSTUN waits until a server answers, asking from server 1.
func (b *bench) awaitSTUN(t *testing.T, server string) {
	t.Helper()
	request := append([]byte{0, 1, 0, 0, 0x21, 0x12, 0xa4, 0x42}, "transaction."...) // RFC 5389: binding
	err := b.Servers[1].Do(func() error {
		conn, err := net.Dial("udp4", server)
		if err != nil {
			return err
		}
		defer func() { _ = conn.Close() }()
		for begun := soon(t); begun.Err() == nil; {
			if _, err := conn.Write(request); err != nil && !errors.Is(err, unix.ECONNREFUSED) {
				return err
			}
			if err := conn.SetReadDeadline(time.Now().Add(100 * time.Millisecond)); err != nil {
				return err
			}
			answer := make([]byte, 1500)
			n, err := conn.Read(answer)
			if err == nil && n >= 20 && answer[0] == 1 && answer[1] == 1 {
				return nil
			}
			if errors.Is(err, unix.ECONNREFUSED) {
				time.Sleep(20 * time.Millisecond)
			}
		}
		return os.ErrDeadlineExceeded
	})
	if err != nil {
		t.Fatalf("STUN server %s: %v", server, err)
	}
}
