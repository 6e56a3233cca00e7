package api

import (
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net/http"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"
	"go.yaml.in/yaml/v3"

	"github.com/cgnkit/cgnkit/internal/api/form"
	"github.com/cgnkit/cgnkit/internal/daemon"
	"github.com/cgnkit/cgnkit/internal/metrics"
)

var readDocument = sync.OnceValues(func() (doc map[string]any, err error) {
	text, err := os.ReadFile("../../docs/openapi.yaml")
	if err == nil {
		err = yaml.Unmarshal(text, &doc)
	}
	return doc, err
})

// document returns docs/openapi.yaml.
func document(tb testing.TB) map[string]any {
	tb.Helper()
	doc, err := readDocument()
	if err != nil {
		tb.Fatal(err)
	}
	return doc
}

// codesOf returns the statuses that the document has of a route.
func codesOf(tb testing.TB, rt route) (codes []int) {
	tb.Helper()
	op := document(tb)["paths"].(map[string]any)[rt.path].(map[string]any)[strings.ToLower(rt.method)].(map[string]any)
	for text := range op["responses"].(map[string]any) {
		code, err := strconv.Atoi(text)
		if err != nil {
			tb.Fatal(err)
		}
		codes = append(codes, code)
	}
	slices.Sort(codes)
	return codes
}

// TestDocumentedRefusals compares the statuses of the document with those that the handlers give: none is missing, and none is there that
// nothing gives. Whoever asks in any other test is checked, too.
func TestDocumentedRefusals(t *testing.T) {
	const epoch, trace = "/v1/epochs?from=2026-03-01T13:00:00Z", "/v1/trace?outside=198.18.0.0&port=2100&case=1&reason=r"
	long := strings.Repeat("x", maxPlan+1)
	provoked := map[string]map[int]string{ // what gives them, beside those that all or all of a role have
		"GET /v1/subscribers/{realm}/{addr}": {400: "/v1/subscribers/default/x", 404: "/v1/subscribers/default/192.0.2.1"},
		"GET /v1/top":                        {400: "/v1/top?n=0"},
		"GET /v1/trace":                      {400: trace + "&x=y"},
		"GET /v1/epochs":                     {404: "/v1/epochs"},
		"POST /v1/epochs":                    {400: "/v1/epochs", 409: "/v1/epochs?from=2026-03-01T11:00:00Z", 413: epoch},
		"POST /v1/reload":                    {400: "/v1/reload", 413: "/v1/reload"},
	}
	s := serveTCPWith(t, &fakeDaemon{plan: samplePlan(t, "198.18.0.0/30")}, false, func(o *Options) {
		o.AddEpoch = func(NewEpoch) (form.Added, error) { return form.Added{}, nil }
	})
	s.token = s.secrets[Admin]
	for _, rt := range routes {
		want := []int{rt.code, http.StatusUnauthorized, http.StatusServiceUnavailable}
		if rt.role > Read {
			want = append(want, http.StatusForbidden)
		}
		for code, path := range provoked[rt.method+" "+rt.path] {
			want = append(want, code)
			body := "x"
			if code == http.StatusRequestEntityTooLarge {
				body = long
			}
			if got, a := s.ask(rt.method, path, strings.NewReader(body)); got != code {
				t.Errorf("%s %s: %d %v, want %d", rt.method, path, got, a, code)
			}
		}
		slices.Sort(want)
		if got := codesOf(t, rt); !slices.Equal(got, want) {
			t.Errorf("%s %s: the document has %v, and it gives %v", rt.method, rt.path, got, want)
		}
	}
}

// TestPaths compares the document with the handlers, both ways.
func TestPaths(t *testing.T) {
	var written []string
	for path, item := range document(t)["paths"].(map[string]any) {
		for method := range item.(map[string]any) {
			written = append(written, strings.ToUpper(method)+" "+path)
		}
	}
	var served []string
	for _, r := range routes {
		served = append(served, r.method+" "+r.path)
	}
	slices.Sort(written)
	slices.Sort(served)
	for _, r := range routes {
		op, ok := document(t)["paths"].(map[string]any)[r.path].(map[string]any)[strings.ToLower(r.method)].(map[string]any)
		if ok && op["x-role"] != r.role.String() {
			t.Errorf("%s %s: the document wants role %v, and the handler %v", r.method, r.path, op["x-role"], r.role)
		}
	}
	if !slices.Equal(written, served) {
		t.Errorf("the document has %q, and the handlers are %q", written, served)
	}
}

// TestParameters has the document name the parameters that handlers take, and no others.
func TestParameters(t *testing.T) {
	for path, keys := range map[string][]string{"get /v1/trace": traceKeys, "get /v1/top": topKeys, "get /v1/subscribers/{realm}/{addr}": {"realm", "addr", "now"}, "post /v1/epochs": addKeys} {
		method, path, _ := strings.Cut(path, " ")
		op := document(t)["paths"].(map[string]any)[path].(map[string]any)[method].(map[string]any)
		var names []string
		for _, p := range op["parameters"].([]any) {
			names = append(names, p.(map[string]any)["name"].(string))
		}
		if !slices.Equal(names, keys) {
			t.Errorf("%s: the document has %q, and the handler takes %q", path, names, keys)
		}
	}
}

// TestSchemas validates real answers against the document.
func TestSchemas(t *testing.T) {
	doc := document(t)
	b, err := json.Marshal(doc)
	if err != nil {
		t.Fatal(err)
	}
	root, err := jsonschema.UnmarshalJSON(strings.NewReader(string(b)))
	if err != nil {
		t.Fatal(err)
	}
	compiler := jsonschema.NewCompiler()
	compiler.DefaultDraft(jsonschema.Draft2020)
	if err := compiler.AddResource("api.json", root); err != nil {
		t.Fatal(err)
	}
	check := func(name string, answer []byte) {
		t.Helper()
		schema, err := compiler.Compile("api.json#/components/schemas/" + name)
		if err != nil {
			t.Fatal(err)
		}
		v, err := jsonschema.UnmarshalJSON(strings.NewReader(string(answer)))
		if err == nil {
			err = schema.Validate(v)
		}
		if err != nil {
			t.Errorf("%s: %v\n%s", name, err, answer)
		}
	}
	get := func(c *client, path string) []byte {
		t.Helper()
		a, err := c.Get("http://cgnd" + path)
		if err != nil {
			t.Fatal(err)
		}
		text, err := io.ReadAll(a.Body)
		_ = a.Body.Close()
		if err != nil || a.StatusCode != http.StatusOK {
			t.Fatalf("%s: %s %v %s", path, a.Status, err, text)
		}
		return text
	}
	plan := samplePlan(t, "198.18.1.0/30")
	d := &fakeDaemon{plan: plan, ledger: sampleLedger(t)}
	use := Use{Use: metrics.Use{Ports: metrics.Protocols{TCP: 5}}, Taken: noon, Now: true, HasSessions: true, Refusals: &form.Refusals{Since: noon, Last: &noon, LastKind: "rate"}}
	c := serveWith(t, d, func(o *Options) {
		o.Kernel = &fakeKernel{usage: usageOfPlan(plan, true), use: use}
		o.AddEpoch = func(en NewEpoch) (form.Added, error) {
			return form.Added{Epoch: form.Epoch{From: en.From}, Difference: form.Difference{ComparedWith: new(uint64(1))}}, nil
		}
	})
	bare := serve(t, d)
	less := serveWith(t, d, func(o *Options) {
		o.Kernel = &fakeKernel{usage: usageOfPlan(plan, false), use: Use{Use: metrics.Use{}, Taken: noon}}
	})
	for path, name := range map[string]string{
		"/v1/pools": "Pools", "/v1/epochs": "Epochs", "/v1/subscribers/default/100.64.0.1": "Subscriber", "/v1/top": "Top",
		"/v1/trace?outside=198.18.1.0&port=2100&case=1&reason=r":                           "Trace",
		"/v1/trace?outside=198.18.1.0&case=1&reason=r":                                     "Trace",
		"/v1/trace?outside=198.18.1.9&port=1&case=1&reason=r":                              "Trace",
		"/v1/trace?outside=198.18.0.0&port=1&at=2026-03-01T09:00:00Z&case=1&reason=r":      "Trace",
		"/v1/trace?outside=198.18.0.0&port=2100&at=2026-03-01T10:00:00Z&case=1&reason=r":   "Trace",
		"/v1/trace?outside=198.18.0.0&port=2100&at=2026-03-01T11:00Z&case=%C3%A4&reason=r": "Trace",
	} {
		for _, c := range []*client{c, bare, less} {
			if c != bare || name != "Top" {
				check(name, get(c, path))
			}
		}
	}
	a, err := c.Post("http://cgnd/v1/epochs?from=2026-03-01T13:00:00Z", "application/yaml", strings.NewReader("x"))
	if err != nil {
		t.Fatal(err)
	}
	added, err := io.ReadAll(a.Body)
	_ = a.Body.Close()
	if err != nil {
		t.Fatal(err)
	}
	check("Added", added)
	info := &daemon.EpochInfo{Seq: 1, From: noon, SHA256: "x"}
	for _, s := range []daemon.Snapshot{
		{Backend: "xdp", Problems: []daemon.Problem{}, Drift: daemon.DriftInfo{Examples: []string{}}},
		{
			Backend: "nftables", Doing: "look", Epoch: info, Next: info, Head: "x", Records: 1, Read: noon, Unsure: noon,
			Problems: []daemon.Problem{{Code: "late", Text: "x", Since: noon, Warning: true}},
			Apply:    daemon.ApplyInfo{At: noon}, Verify: daemon.VerifyInfo{At: noon}, Drift: daemon.DriftInfo{Last: noon, Examples: []string{"x"}},
		},
	} {
		text, err := json.Marshal(s)
		if err != nil {
			t.Fatal(err)
		}
		check("Status", text)
	}
	if all := slices.Sorted(maps.Keys(doc["components"].(map[string]any)["schemas"].(map[string]any))); fmt.Sprint(all) != "[Added Epoch EpochOfStatus Epochs Pools Protocols Status Subscriber Top Trace Warnings]" {
		t.Errorf("a schema is not tested: %v", all)
	}
}
