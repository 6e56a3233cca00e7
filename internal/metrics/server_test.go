package metrics

import (
	"compress/gzip"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/cgnkit/cgnkit/internal/gate"
)

func TestHandler(t *testing.T) {
	h := Handler(fixed{full(t)}, Build{Version: "v0.6.0"})
	get := func(method string, header http.Header) *httptest.ResponseRecorder {
		r, w := httptest.NewRequest(method, "/metrics", nil), httptest.NewRecorder()
		r.Header = header
		h.ServeHTTP(w, r)
		return w
	}
	a := get(http.MethodGet, http.Header{})
	for _, want := range []string{"cgnkit_build_info{", "\ngo_goroutines ", "\nprocess_open_fds ", `cgnkit_pool_subscribers{pool="fttx"} 200`} {
		if !strings.Contains(a.Body.String(), want) {
			t.Errorf("a scrape has no %q", want)
		}
	}
	if kind := a.Header().Get("Content-Type"); a.Code != http.StatusOK || !strings.HasPrefix(kind, "text/plain; version=0.0.4") {
		t.Errorf("%d, %s", a.Code, kind)
	}
	promtool(t, a.Body.Bytes(), "check", "metrics")
	open := get(http.MethodGet, http.Header{"Accept": {"application/openmetrics-text; version=1.0.0"}})
	if !strings.HasSuffix(open.Body.String(), "# EOF\n") {
		t.Errorf("no OpenMetrics: %s", open.Header().Get("Content-Type"))
	}
	packed := get(http.MethodGet, http.Header{"Accept-Encoding": {"gzip"}})
	if z, err := gzip.NewReader(packed.Body); packed.Header().Get("Content-Encoding") != "gzip" || err != nil {
		t.Errorf("not compressed: %v", err)
	} else if plain, err := io.ReadAll(z); err != nil || !strings.Contains(string(plain), "cgnkit_build_info{") {
		t.Errorf("compressed badly: %v", err)
	}
	if a := get(http.MethodPost, http.Header{}); a.Code != http.StatusMethodNotAllowed || a.Header().Get("Allow") == "" {
		t.Errorf("POST gets %d", a.Code)
	}
}

// TestRegistriesAreApart: two in one process do not know of each other.
func TestRegistriesAreApart(t *testing.T) {
	a, b := NewRegistry(fixed{full(t)}, Build{}), NewRegistry(fixed{}, Build{})
	one, err := a.Gather()
	if err != nil {
		t.Fatal(err)
	}
	two, err := b.Gather()
	if err != nil {
		t.Fatal(err)
	}
	if len(one) <= len(two)+30 {
		t.Errorf("%d and %d families", len(one), len(two))
	}
}

func TestScrapesAtOnce(t *testing.T) {
	c, want := collector(full(t)), string(render(t, collector(full(t))))
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			if got := string(render(t, c)); got != want {
				t.Error("scrapes at once differ")
			}
		})
	}
	wg.Wait()
}

// TestSlowScrapers has clients ask for scrapes and never read: others are served, and these are thrown out.
func TestSlowScrapers(t *testing.T) {
	var mu sync.Mutex
	dropped := map[gate.Reason]int{}
	drop := func(why gate.Reason) {
		mu.Lock()
		defer mu.Unlock()
		dropped[why]++
	}
	l, err := Listen(netip.MustParseAddrPort("127.0.0.1:0"), drop)
	if err != nil {
		t.Fatal(err)
	}
	server := NewServer(fixed{full(t)}, Build{}, slog.New(slog.DiscardHandler), drop)
	server.Handler, server.WriteTimeout = handler(fixed{full(t)}, Build{}, 200*time.Millisecond, drop), time.Hour // so that nothing else ends them
	go func() { _ = server.Serve(l) }()
	defer func() { _ = server.Close() }()
	const many = maxScrapes + 1
	other := net.Dialer{LocalAddr: &net.TCPAddr{IP: net.IPv4(127, 0, 0, 9)}}
	for range many {
		conn, err := other.Dial("tcp", l.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = conn.Close() }()
		if err := conn.(*net.TCPConn).SetReadBuffer(2048); err != nil {
			t.Fatal(err)
		}
		go func() {
			for {
				if _, err := io.WriteString(conn, "GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n"); err != nil {
					return // it was thrown out
				}
			}
		}()
	}
	c := http.Client{Transport: &http.Transport{DisableKeepAlives: true}, Timeout: 20 * time.Second}
	scrape := func() {
		a, err := c.Get("http://" + l.Addr().String() + "/metrics")
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = a.Body.Close() }()
		if text, err := io.ReadAll(a.Body); a.StatusCode != http.StatusOK || err != nil || !strings.Contains(string(text), "cgnkit_build_info{") {
			t.Fatalf("%s, %v", a.Status, err)
		}
	}
	slow := func() int {
		mu.Lock()
		defer mu.Unlock()
		return dropped[Slow]
	}
	for end := time.Now().Add(time.Minute); slow() < many; time.Sleep(time.Millisecond) {
		scrape()
		if time.Now().After(end) {
			t.Fatalf("they were not thrown out: %v", dropped)
		}
	}
}

// TestOnePath serves nothing else.
func TestOnePath(t *testing.T) {
	h := NewServer(fixed{full(t)}, Build{}, slog.New(slog.DiscardHandler), nil).Handler
	for path, want := range map[string]int{"/metrics": 200, "/": 404, "/v1/status": 404, "/debug/pprof/": 404} {
		w := httptest.NewRecorder()
		if h.ServeHTTP(w, httptest.NewRequest(http.MethodGet, path, nil)); w.Code != want {
			t.Errorf("%s: %d, want %d", path, w.Code, want)
		}
	}
}
