package api

import (
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/cgnkit/cgnkit/internal/api/form"
)

// A handler is a server that a fuzz target asks without a network.
type handler struct{ http.Handler }

// fuzzHandlers returns a server as it is on a unix socket, and one as on TCP.
func fuzzHandlers(f *testing.F) map[string]handler {
	f.Helper()
	folder := f.TempDir()
	_, line, err := NewToken("a", Admin)
	if err != nil {
		f.Fatal(err)
	}
	tokens := filepath.Join(folder, "tokens")
	writeFile(f, tokens, []byte(line), 0o600)
	credentials, err := NewCredentials(tokens, "", "")
	if err != nil {
		f.Fatal(err)
	}
	plan := samplePlan(f, "198.18.0.0/30")
	o := Options{
		Daemon: &fakeDaemon{plan: plan, ledger: sampleLedger(f)}, Audit: NewAudit(filepath.Join(folder, "audit")), Log: slog.New(slog.DiscardHandler),
		Kernel: &fakeKernel{usage: usageOfPlan(plan, true)}, Now: func() time.Time { return noon },
		AddEpoch: func(NewEpoch) (form.Added, error) { return form.Added{}, ErrPlan },
	}
	tcp := o
	tcp.Credentials = credentials
	return map[string]handler{"unix": {New(o).Handler}, "tcp": {New(tcp).Handler}}
}

// try returns the answer to a request; ok is false for one that cannot be sent.
func (h handler) try(method, target, authorization, body string) (code int, answer string, ok bool) {
	u, err := url.ParseRequestURI(target)
	if target == "*" {
		u, err = &url.URL{Path: target}, nil
	}
	if err != nil || method == "" {
		return 0, "", false
	}
	r, err := http.NewRequest(method, "http://cgnd", strings.NewReader(body))
	if err != nil {
		return 0, "", false
	}
	r.URL.Path, r.URL.RawPath, r.URL.RawQuery, r.RequestURI = u.Path, u.RawPath, u.RawQuery, target
	r.Header.Set("Authorization", authorization)
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w.Code, w.Body.String(), true
}
