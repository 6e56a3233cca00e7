package api

import (
	"bufio"
	"bytes"
	"crypto/tls"
	"fmt"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"
)

// A listener is one kind of server, and how to connect to it.
type listener struct {
	*client
	plain func() (net.Conn, error) // without TLS
	dial  func() (net.Conn, error) // ready for HTTP
}

// onEach runs a test on a unix socket, on TCP, and on TCP with TLS.
func onEach(t *testing.T, d func() *fakeDaemon, test func(t *testing.T, l listener)) {
	onEachWith(t, func(*Options) {}, d, func(t *testing.T, l listener) {
		t.Parallel()
		test(t, l)
	})
}

// onEachWith does so one after the other, with other options.
func onEachWith(t *testing.T, change func(*Options), d func() *fakeDaemon, test func(t *testing.T, l listener)) {
	t.Run("unix", func(t *testing.T) {
		c := serveWith(t, d(), change)
		dial := func() (net.Conn, error) { return net.Dial("unix", c.socket) }
		test(t, listener{c, dial, dial})
	})
	t.Run("tcp", func(t *testing.T) {
		s := serveTCPWith(t, d(), false, change)
		s.token = s.secrets[Admin]
		dial := func() (net.Conn, error) { return net.Dial("tcp", s.address()) }
		test(t, listener{s.client, dial, dial})
	})
	t.Run("tls", func(t *testing.T) {
		s := serveTCPWith(t, d(), true, change)
		s.token = s.secrets[Admin]
		test(t, listener{
			s.client, func() (net.Conn, error) { return net.Dial("tcp", s.address()) },
			func() (net.Conn, error) {
				return tls.Dial("tcp", s.address(), &tls.Config{RootCAs: s.pool, ServerName: "localhost", MinVersion: tls.VersionTLS12})
			},
		})
	})
}

func fresh() *fakeDaemon { return &fakeDaemon{} }

// TestHugeHeader has a client send more than a header may have.
func TestHugeHeader(t *testing.T) {
	onEach(t, fresh, func(t *testing.T, l listener) {
		conn, err := l.dial()
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = conn.Close() }()
		// Of a refusal the answer may be lost, because the server closes while the client sends.
		_, _ = fmt.Fprintf(conn, "GET /v1/status HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer %s\r\nX: %s\r\n\r\n", l.token, strings.Repeat("x", 1<<20))
		if a, err := http.ReadResponse(bufio.NewReader(conn), nil); err == nil {
			defer func() { _ = a.Body.Close() }()
			if a.StatusCode != http.StatusRequestHeaderFieldsTooLarge {
				t.Error(a.Status)
			}
		}
	})
}

// TestHugeBody has clients send more than a request may have, with and without a length before it.
func TestHugeBody(t *testing.T) {
	onEach(t, fresh, func(t *testing.T, l listener) {
		for _, size := range []int64{maxBody + 1, -1} {
			r, err := http.NewRequest(http.MethodPost, l.url+"/v1/reload", bytes.NewReader(make([]byte, maxBody+1)))
			if err != nil {
				t.Fatal(err)
			}
			r.ContentLength = size
			r.Header.Set("Authorization", "Bearer "+l.token)
			a, err := l.Do(r)
			if err != nil {
				t.Fatal(err)
			}
			_ = a.Body.Close()
			if a.StatusCode != http.StatusRequestEntityTooLarge || l.d.reloads != 0 {
				t.Error(size, a.Status, l.d.reloads)
			}
		}
	})
}

// TestHalfOpen has more clients connect and say nothing, or half of it, than are taken at once. When they are thrown out, others are
// served.
func TestHalfOpen(t *testing.T) {
	onEach(t, fresh, func(t *testing.T, l listener) {
		for i := range limits.Guests + 10 {
			conn, err := l.plain()
			if err != nil {
				t.Fatal(err)
			}
			defer func() { _ = conn.Close() }()
			if i%2 == 0 {
				fmt.Fprint(conn, "GET /v1/sta")
			}
		}
		if code, _ := l.ask("GET", "/v1/status", nil); code != 200 {
			t.Error(code)
		}
	})
}

// TestSlow has a client send its header an octet at a time: it is thrown out when its time is over, not when it is through.
func TestSlow(t *testing.T) {
	onEach(t, fresh, func(t *testing.T, l listener) {
		conn, err := l.dial()
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = conn.Close() }()
		end := make(chan string, 1)
		go func() {
			line, err := bufio.NewReader(conn).ReadString('\n') // it may be told why
			end <- fmt.Sprint(line, err)
		}()
		for sent := 0; ; sent++ {
			select {
			case said := <-end:
				if strings.HasPrefix(said, "HTTP/1.1 2") {
					t.Error(said)
				}
				return
			case <-t.Context().Done():
				t.Fatal("it was not thrown out")
			case <-time.After(usualTimes.header / 50):
				_, _ = conn.Write([]byte("G"))
			}
			if sent > 500 {
				t.Fatal("it was not thrown out")
			}
		}
	})
}

// TestCrowd has many ask at once while answers take their time: as many of one caller as may are served, the others are told to come
// back.
func TestCrowd(t *testing.T) {
	onEachWith(t, func(*Options) {}, func() *fakeDaemon { return &fakeDaemon{hold: make(chan struct{})} }, func(t *testing.T, l listener) {
		const clients = 1000
		var wait sync.WaitGroup
		var mu sync.Mutex
		codes := map[int]int{}
		for range clients {
			wait.Go(func() {
				code, _ := l.ask("GET", "/v1/status", nil)
				mu.Lock()
				defer mu.Unlock()
				if codes[code]++; code == http.StatusServiceUnavailable && codes[code] == clients-requestsOfOne {
					close(l.d.hold)
				}
			})
		}
		wait.Wait()
		if codes[200] != requestsOfOne || codes[503] != clients-requestsOfOne {
			t.Error(codes)
		}
	})
}

// TestCrowdWithoutTokens has those who may not ask take no slot of those who may.
func TestCrowdWithoutTokens(t *testing.T) {
	s := serveTCP(t, &fakeDaemon{hold: make(chan struct{})}, false)
	s.token = "cgnd_wrong"
	var wait sync.WaitGroup
	for range 100 {
		wait.Go(func() {
			if code, _ := s.ask("GET", "/v1/status", nil); code != 401 {
				t.Error(code)
			}
		})
	}
	wait.Wait()
	close(s.d.hold)
	s.token = s.secrets[Read]
	if code, _ := s.ask("GET", "/v1/status", nil); code != 200 {
		t.Error(code)
	}
}
