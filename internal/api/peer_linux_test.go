package api

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/cgnkit/cgnkit/internal/netnstest"
)

// as has a thread of its own belong to another user, and the client connect from there.
func (c *client) as(uid int) {
	c.Helper()
	for path, mode := range map[string]os.FileMode{filepath.Dir(c.folder): 0o755, c.folder: 0o755, c.socket: 0o666} {
		if err := os.Chmod(path, mode); err != nil {
			c.Fatal(err)
		}
	}
	t := &http.Transport{DialContext: func(context.Context, string, string) (conn net.Conn, err error) {
		err = errors.Join(netnstest.AsUser(uid, func() { conn, err = net.Dial("unix", c.socket) }), err)
		return conn, err
	}}
	c.Cleanup(t.CloseIdleConnections)
	c.Transport = t
}

// TestOtherUser has somebody ask on the socket who is neither root nor the user of the daemon: he may trace, and change nothing.
func TestOtherUser(t *testing.T) {
	netnstest.Root(t)
	const uid = 54321
	c := serve(t, &fakeDaemon{plan: samplePlan(t, "198.18.0.0/30")})
	if code, a := c.ask("POST", "/v1/reload", nil); code != 202 || c.d.reloads != 1 {
		t.Fatal("root: ", code, a)
	}
	c.as(uid)
	for path, want := range map[string]int{
		"GET /v1/status": 200, "GET /v1/trace?outside=198.18.0.0&port=2100&case=1&reason=r": 200,
		"POST /v1/reload": 403, "POST /v1/epochs?from=2026-03-01T13:00:00Z": 403,
	} {
		method, path, _ := strings.Cut(path, " ")
		if code, a := c.ask(method, path, nil); code != want {
			t.Errorf("%s %s: %d %v, want %d", method, path, code, a, want)
		}
	}
	if c.d.reloads != 1 {
		t.Error("it was reloaded")
	}
	if lines := c.auditLines(); len(lines) != 1 || fmt.Sprint(lines[0]["uid"]) != fmt.Sprint(uid) {
		t.Errorf("audit: %v", lines)
	}
}

// TestForeignGroup has a process that is not root give its socket to a group that it is not in: it is told what to do.
func TestForeignGroup(t *testing.T) {
	netnstest.Root(t)
	folder := t.TempDir()
	for _, path := range []string{filepath.Dir(folder), folder} {
		if err := os.Chmod(path, 0o777|os.ModeSticky); err != nil {
			t.Fatal(err)
		}
	}
	for name, owner := range map[string][2]int{"user": {1, -1}, "group": {-1, 1}} {
		var l net.Listener
		var err error
		if failed := netnstest.AsUser(54321, func() { l, err = ListenUnix(filepath.Join(folder, name), 0o660, owner[0], owner[1], nil) }); failed != nil {
			t.Fatal(failed)
		}
		if l != nil || !errors.Is(err, fs.ErrPermission) || !strings.Contains(err.Error(), "SupplementaryGroups=") {
			t.Errorf("%s: %v", name, err)
		}
		if _, err := os.Stat(filepath.Join(folder, name)); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("%s: the socket is there still: %v", name, err)
		}
	}
}

// TestUsersAreApart has one user open more connections than there are places: another one is answered at once.
func TestUsersAreApart(t *testing.T) {
	netnstest.Root(t)
	c := serve(t, &fakeDaemon{})
	for range 1000 {
		conn, err := net.Dial("unix", c.socket)
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = conn.Close() }()
	}
	c.as(54321)
	c.Timeout = usualTimes.header / 5
	if code, a := c.ask("GET", "/v1/status", nil); code != 200 {
		t.Error(code, a)
	}
}

// TestOneSource has one user of the machine open a thousand connections that say nothing, or that ask without a token again and again, from many
// of its addresses: another user is answered at once, and the same one after a while.
func TestOneSource(t *testing.T) {
	netnstest.Root(t)
	for name, text := range map[string]string{
		"silent": "", "half a request": "GET /v1/sta", "without a token": "OPTIONS * HTTP/1.1\r\nHost: x\r\n\r\n",
	} {
		t.Run(name, func(t *testing.T) {
			s := serveTCP(t, &fakeDaemon{}, false)
			dial := func(n int) (conn net.Conn, err error) {
				from := net.Dialer{LocalAddr: &net.TCPAddr{IP: net.IPv4(127, 0, byte(n>>8), byte(n)|1)}}
				err = errors.Join(netnstest.AsUser(54321, func() { conn, err = from.Dial("tcp4", s.address()) }), err)
				return conn, err
			}
			for n := range 1000 {
				conn, err := dial(n)
				if err != nil {
					t.Fatal(err)
				}
				defer func() { _ = conn.Close() }()
				if _, err := io.WriteString(conn, text); err != nil {
					continue // it is over for this one
				}
			}
			s.Timeout = time.Second
			for range 20 {
				if code, _ := s.ask("GET", "/v1/status", nil); code != 200 {
					t.Fatal(code)
				}
				s.CloseIdleConnections()
			}
			s.Timeout = 20 * time.Second
			s.Transport = &http.Transport{DialContext: func(context.Context, string, string) (net.Conn, error) { return dial(9) }}
			if code, _ := s.ask("GET", "/v1/status", nil); code != 200 {
				t.Error(code)
			}
		})
	}
}
