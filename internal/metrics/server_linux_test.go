package metrics

import (
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"testing"
	"time"

	"github.com/cgnkit/cgnkit/internal/netnstest"
)

// TestManyScrapers has one user of the machine open more connections than he may, from many of its addresses: another one is served at once.
func TestManyScrapers(t *testing.T) {
	netnstest.Root(t)
	l, err := Listen(netip.MustParseAddrPort("127.0.0.1:0"), nil)
	if err != nil {
		t.Fatal(err)
	}
	server := NewServer(fixed{full(t)}, Build{}, slog.New(slog.DiscardHandler), nil)
	go func() { _ = server.Serve(l) }()
	defer func() { _ = server.Close() }()
	const uid = 54321
	err = netnstest.AsUser(uid, func() {
		for n := range 1000 {
			from := net.Dialer{LocalAddr: &net.TCPAddr{IP: net.IPv4(127, 0, byte(n>>8), byte(n)|1)}}
			conn, err := from.Dial("tcp4", l.Addr().String())
			if err != nil {
				t.Error(err)
				return
			}
			t.Cleanup(func() { _ = conn.Close() })
		}
	})
	if err != nil {
		t.Fatal(err)
	}
	c := http.Client{Transport: &http.Transport{DisableKeepAlives: true}, Timeout: time.Second}
	for range 20 {
		a, err := c.Get("http://" + l.Addr().String() + "/metrics")
		if err != nil {
			t.Fatal(err)
		}
		if _ = a.Body.Close(); a.StatusCode != http.StatusOK {
			t.Error(a.Status)
		}
	}
}
