package gate

import (
	"errors"
	"net"
	"net/netip"
	"strings"
	"testing"

	"github.com/cgnkit/cgnkit/internal/netnstest"
)

// TestOwner tells users of the machine apart, whatever addresses of it they come from and go to, and hosts from them.
func TestOwner(t *testing.T) {
	netnstest.Root(t)
	for at, from := range map[string][]string{"127.0.0.1:0": {"127.0.0.1", "127.9.9.9"}, "[::1]:0": {"::1"}, "[::]:0": {"127.0.0.1", "127.3.2.1", "::1"}} {
		l, err := ListenTCP(netip.MustParseAddrPort(at))
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = l.Close() }()
		for uid, want := range map[int]string{0: "uid 0", 65534: "uid 65534", 4242: "uid 4242"} {
			for _, from := range from {
				to, addr := l.Addr().(*net.TCPAddr).Port, net.ParseIP(from)
				var c net.Conn
				other := netnstest.AsUser(uid, func() {
					host := net.IPv4(127, 0, 0, 1)
					if strings.Contains(from, ":") {
						host = net.IPv6loopback
					}
					c, err = net.DialTCP("tcp", &net.TCPAddr{IP: addr}, &net.TCPAddr{IP: host, Port: to})
				})
				if err := errors.Join(other, err); err != nil {
					t.Fatal(err)
				}
				in, err := l.Accept()
				if err != nil {
					t.Fatal(err)
				}
				if got := Owner(in); got != want {
					t.Errorf("%s: user %d from %s is %q, want %q", at, uid, from, got, want)
				}
				if err := c.(*net.TCPConn).CloseWrite(); err != nil {
					t.Fatal(err)
				}
				if got := Owner(in); got != "closed" {
					t.Errorf("%s: who has closed is %q", at, got)
				}
				_ = c.Close()
				if got := Owner(in); got != "closed" {
					t.Errorf("%s: who is gone is %q", at, got)
				}
				_ = in.Close()
			}
		}
	}
}

// TestOwnerElsewhere is about connections whose other end is no socket of this machine, or one that listens here by chance.
func TestOwnerElsewhere(t *testing.T) {
	l, err := ListenTCP(netip.MustParseAddrPort("127.0.0.1:0"))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = l.Close() }()
	far := l.Addr().(*net.TCPAddr)
	for want, c := range map[string]remote{
		"127.0.0.1":  {near: &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1), Port: 9742}, far: far},
		"192.0.2.77": {near: &net.TCPAddr{IP: net.IPv4(192, 0, 2, 1), Port: 9742}, far: &net.TCPAddr{IP: net.IPv4(192, 0, 2, 77), Port: 4711}},
		"":           {near: &net.UnixAddr{}, far: &net.UnixAddr{}},
	} {
		if got := Owner(c); got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
}

// A remote is a connection with addresses.
type remote struct {
	net.Conn
	near, far net.Addr
}

func (r remote) LocalAddr() net.Addr  { return r.near }
func (r remote) RemoteAddr() net.Addr { return r.far }

// BenchmarkOwner is what every new connection costs.
func BenchmarkOwner(b *testing.B) {
	l, err := ListenTCP(netip.MustParseAddrPort("127.0.0.1:0"))
	if err != nil {
		b.Fatal(err)
	}
	defer func() { _ = l.Close() }()
	c, err := net.Dial("tcp", l.Addr().String())
	if err != nil {
		b.Fatal(err)
	}
	defer func() { _ = c.Close() }()
	in, err := l.Accept()
	if err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		if Owner(in) == "127.0.0.1" {
			b.Fatal("it is nobody's")
		}
	}
}
