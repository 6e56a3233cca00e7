package api

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/cgnkit/cgnkit/internal/api/form"
	"github.com/cgnkit/cgnkit/internal/daemon"
	"github.com/cgnkit/cgnkit/internal/gate"
)

// counts is told what a server answers, and which connections it closes.
type counts struct {
	mu      sync.Mutex
	codes   map[int]int
	dropped map[gate.Reason]int
}

// into has a server tell.
func (c *counts) into(o *Options) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.codes, c.dropped = map[int]int{}, map[gate.Reason]int{}
	o.Count = func(code int) {
		c.mu.Lock()
		defer c.mu.Unlock()
		c.codes[code]++
	}
	o.Dropped = func(why gate.Reason) {
		c.mu.Lock()
		defer c.mu.Unlock()
		c.dropped[why]++
	}
}

func (c *counts) of(code int) int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.codes[code]
}

func (c *counts) drops(why gate.Reason) int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.dropped[why]
}

// A heard is what a raw connection was answered.
type heard struct {
	code   int
	header http.Header
	body   string
	ended  bool // the connection
}

// say sends something, and returns the answer.
func say(t *testing.T, conn net.Conn, text string) (h heard) {
	t.Helper()
	if err := conn.SetDeadline(time.Now().Add(20 * time.Second)); err != nil {
		t.Fatal(err)
	}
	if _, err := io.WriteString(conn, text); err != nil {
		t.Fatal(err)
	}
	r := bufio.NewReader(conn)
	method, _, _ := strings.Cut(text, " ")
	a, err := http.ReadResponse(r, &http.Request{Method: method})
	if err != nil {
		t.Fatalf("%q: %v", text, err)
	}
	defer func() { _ = a.Body.Close() }()
	b, err := io.ReadAll(a.Body)
	if err != nil {
		t.Fatal(err)
	}
	h = heard{code: a.StatusCode, header: a.Header, body: string(b)}
	if a.Close {
		_, err := r.ReadByte()
		h.ended = errors.Is(err, io.EOF)
	}
	return h
}

// TestNothingWithoutToken has every method and every path, also those that package http would answer by itself, be refused without a
// token, be counted, and end the connection.
func TestNothingWithoutToken(t *testing.T) {
	var c counts
	s := serveTCPWith(t, &fakeDaemon{}, false, c.into)
	for i, line := range []string{
		"GET /v1/status", "OPTIONS *", "OPTIONS /v1/status", "GET //v1/status", "GET /v1/x/../trace", "GET /v1/status/", "GET /v1//status", "CONNECT x:80",
		"TRACE /", "DELETE /v1/epochs", "HEAD /v1/status", "POST /v1/nothing", "GET http://elsewhere/v1/status", "GET /", "PRI *", "* *", "X /v1/%2e%2e/trace",
	} {
		conn, err := net.Dial("tcp", s.address())
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = conn.Close() }()
		a := say(t, conn, line+" HTTP/1.1\r\nHost: x\r\n\r\n")
		if line == "* *" || line == "PRI *" {
			if a.code < 400 || !a.ended { // it is no request at all
				t.Errorf("%s: %+v", line, a)
			}
			continue
		}
		var said form.Refusal
		if a.code != http.StatusUnauthorized || !a.ended || a.header.Get("WWW-Authenticate") == "" {
			t.Errorf("%s: %+v", line, a)
		}
		if err := json.Unmarshal([]byte(a.body), &said); !strings.HasPrefix(line, "HEAD") && (err != nil || said.Error == "") {
			t.Errorf("%s: %q", line, a.body)
		}
		if c.of(401) == 0 || i == 0 && c.of(401) != 1 {
			t.Errorf("%s: it is not counted: %v", line, c.codes)
		}
	}
}

// TestSlowReaders has clients ask and ask and never read: nobody else is kept waiting, and they are thrown out.
func TestSlowReaders(t *testing.T) {
	const slow = requestsOfOne + 4
	var c counts
	change := func(o *Options) {
		c.into(o)
		o.times = usualTimes
		o.times.write, o.times.read = 200*time.Millisecond, time.Hour // so that nothing else ends them
	}
	long := []daemon.Problem{{Text: strings.Repeat("x", slowest-1000)}}
	onEachWith(t, change, func() *fakeDaemon { return &fakeDaemon{problems: long} }, func(t *testing.T, l listener) {
		for range slow {
			conn, err := l.dial()
			if err != nil {
				t.Fatal(err)
			}
			defer func() { _ = conn.Close() }()
			if small, ok := conn.(interface{ SetReadBuffer(int) error }); ok {
				if err := small.SetReadBuffer(2048); err != nil {
					t.Fatal(err)
				}
			}
			go func() {
				ask := fmt.Sprintf("GET /v1/status HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer %s\r\n\r\n", l.token)
				for range 4000 {
					if _, err := io.WriteString(conn, ask); err != nil {
						return // it was thrown out
					}
				}
			}()
		}
		for range 200 {
			if code, a := l.ask("GET", "/v1/epochs", nil); code != 404 {
				t.Fatal(code, a)
			}
		}
		for end := time.Now().Add(20 * time.Second); c.drops(Slow) < slow; time.Sleep(10 * time.Millisecond) {
			if time.Now().After(end) {
				t.Fatalf("they were not thrown out: %v", c.dropped)
			}
		}
	})
}

// TestRefusalsEnd has what is refused for want of a token or a role end the connection, and nothing else.
func TestRefusalsEnd(t *testing.T) {
	s := serveTCP(t, &fakeDaemon{}, false)
	for _, c := range []struct {
		line string
		role Role // 0 = without a token
		code int
		ends bool
	}{
		{"GET /v1/status", 0, 401, true}, {"GET /v1/trace", Read, 403, true}, {"POST /v1/reload", Trace, 403, true},
		{"GET /v1/status", Read, 200, false}, {"GET /v1/nothing", Read, 404, false}, {"GET //v1/status", Read, 404, false},
		{"GET /v1/trace", Trace, 400, false}, {"OPTIONS *", Read, 404, false}, {"DELETE /v1/epochs", Admin, 405, false},
	} {
		conn, err := net.Dial("tcp", s.address())
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = conn.Close() }()
		if a := say(t, conn, fmt.Sprintf("%s HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer %s\r\n\r\n", c.line, s.secrets[c.role])); a.code != c.code || a.ended != c.ends {
			t.Errorf("%s with role %v: %+v", c.line, c.role, a)
		}
	}
}

// TestMethods has a wrong method be told the right ones.
func TestMethods(t *testing.T) {
	c := serve(t, &fakeDaemon{})
	for _, q := range []struct{ line, allow string }{
		{"DELETE /v1/epochs", "GET, POST, HEAD"}, {"GET /v1/reload", "POST"}, {"OPTIONS /v1/status", "GET, HEAD"}, {"POST /v1/subscribers/a/b", "GET, HEAD"},
	} {
		conn, err := net.Dial("unix", c.socket)
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = conn.Close() }()
		if a := say(t, conn, q.line+" HTTP/1.1\r\nHost: x\r\n\r\n"); a.code != http.StatusMethodNotAllowed || a.header.Get("Allow") != q.allow {
			t.Errorf("%s: %+v", q.line, a)
		}
	}
}

// TestIdle has a connection on which nothing more is asked be closed, and one on which the next request does not come whole.
func TestIdle(t *testing.T) {
	for name, next := range map[string]string{"nothing more": "", "half a request": "GET /v1/sta"} {
		c := serveWith(t, &fakeDaemon{}, func(o *Options) {
			o.times = usualTimes
			o.times.idle, o.times.header, o.times.read = 100*time.Millisecond, 100*time.Millisecond, time.Hour
		})
		conn, err := net.Dial("unix", c.socket)
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = conn.Close() }()
		say(t, conn, "GET /v1/epochs HTTP/1.1\r\nHost: x\r\n\r\n")
		if _, err := io.WriteString(conn, next); err != nil {
			t.Fatal(err)
		}
		if err := conn.SetReadDeadline(time.Now().Add(20 * time.Second)); err != nil {
			t.Fatal(err)
		}
		if _, err := io.ReadAll(conn); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	if limit := 2 * time.Minute; usualTimes.idle > limit || usualTimes.header > 5*time.Second || usualTimes.read > 10*time.Second || usualTimes.write > 5*time.Second {
		t.Errorf("the usual times are too long: %+v", usualTimes)
	}
}

// TestOneCaller has one token ask more than it may at once: another one is served meanwhile.
func TestOneCaller(t *testing.T) {
	s := serveTCP(t, &fakeDaemon{hold: make(chan struct{})}, false)
	s.token = s.secrets[Read]
	var wait sync.WaitGroup
	for range 2 * maxRequests {
		wait.Go(func() { s.ask("GET", "/v1/status", nil) })
	}
	other := *s.client
	other.token = s.secrets[Admin]
	for range 20 {
		if code, a := other.ask("GET", "/v1/epochs", nil); code != 404 {
			t.Error(code, a)
		}
	}
	close(s.d.hold)
	wait.Wait()
}
