package metrics

import (
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"os"
	"runtime"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// asOther does something in a thread of its own that belongs to another user.
func asOther(tb testing.TB, do func()) {
	tb.Helper()
	const uid = 54321
	done := make(chan unix.Errno)
	go func() {
		runtime.LockOSThread() // for good: the thread ends with the goroutine
		_, _, errno := unix.RawSyscall(unix.SYS_SETRESUID, uid, uid, uid)
		if errno == 0 {
			do()
		}
		done <- errno
	}()
	if errno := <-done; errno != 0 {
		tb.Fatal(errno)
	}
}

// TestManyScrapers has one user of the machine open more connections than he may, from many of its addresses: another one is served at once.
func TestManyScrapers(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("being another user takes root")
	}
	l, err := Listen(netip.MustParseAddrPort("127.0.0.1:0"), nil)
	if err != nil {
		t.Fatal(err)
	}
	server := NewServer(fixed{full(t)}, Build{}, slog.New(slog.DiscardHandler), nil)
	go func() { _ = server.Serve(l) }()
	defer func() { _ = server.Close() }()
	asOther(t, func() {
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
