package gate

import (
	"fmt"
	"net"
	"net/netip"
	"testing"
	"time"
)

// TestFamilies listens on one family where only one is asked for.
func TestFamilies(t *testing.T) {
	for at, others := range map[string]map[string]bool{
		"127.0.0.1:0": {"::1": false, "127.0.0.1": true}, "[::1]:0": {"127.0.0.1": false, "::1": true},
		"0.0.0.0:0": {"::1": false, "127.0.0.1": true}, "[::]:0": {"::1": true, "127.0.0.1": true},
	} {
		l, err := ListenTCP(netip.MustParseAddrPort(at))
		if err != nil {
			t.Fatal(err)
		}
		port := fmt.Sprint(l.Addr().(*net.TCPAddr).Port)
		for host, want := range others {
			c, err := net.DialTimeout("tcp", net.JoinHostPort(host, port), time.Second)
			if (err == nil) != want {
				t.Errorf("%s listens on %s: %t, want %t", at, host, err == nil, want)
			}
			if err == nil {
				_ = c.Close()
			}
		}
		_ = l.Close()
	}
}

type from struct {
	net.Conn
	addr net.Addr
}

func (f from) RemoteAddr() net.Addr { return f.addr }

func TestHost(t *testing.T) {
	for addr, want := range map[string]string{
		"192.0.2.1:4711": "192.0.2.1", "[::ffff:192.0.2.1]:4711": "192.0.2.1", "[2001:db8:0:1:2:3:4:5]:1": "2001:db8:0:1::/64",
		"[2001:db8:0:1::]:2": "2001:db8:0:1::/64", "[fe80::1%eth0]:1": "fe80::/64", "[::1]:1": "::/64",
	} {
		if got := Host(from{addr: net.TCPAddrFromAddrPort(netip.MustParseAddrPort(addr))}); got != want {
			t.Errorf("%s is %s, want %s", addr, got, want)
		}
	}
	if got := Host(from{addr: &net.UnixAddr{}}); got != "" {
		t.Error(got)
	}
}
