package metrics

import (
	"compress/gzip"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
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
