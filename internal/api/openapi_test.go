package api

import (
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net/http"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"
	"go.yaml.in/yaml/v3"

	"github.com/cgnkit/cgnkit/internal/daemon"
)

// document returns docs/openapi.yaml.
func document(t *testing.T) map[string]any {
	t.Helper()
	text, err := os.ReadFile("../../docs/openapi.yaml")
	if err != nil {
		t.Fatal(err)
	}
	var doc map[string]any
	if err := yaml.Unmarshal(text, &doc); err != nil {
		t.Fatal(err)
	}
	return doc
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
		served = append(served, r.pattern)
	}
	slices.Sort(written)
	slices.Sort(served)
	if !slices.Equal(written, served) {
		t.Errorf("the document has %q, and the handlers are %q", written, served)
	}
}

// TestParameters has the document name the parameters that a trace takes, and no others.
func TestParameters(t *testing.T) {
	get := document(t)["paths"].(map[string]any)["/v1/trace"].(map[string]any)["get"].(map[string]any)
	var names []string
	for _, p := range get["parameters"].([]any) {
		names = append(names, p.(map[string]any)["name"].(string))
	}
	if !slices.Equal(names, traceKeys) {
		t.Errorf("the document has %q, and a trace takes %q", names, traceKeys)
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
	c := serve(t, &fakeDaemon{plan: samplePlan(t, "198.18.1.0/30"), ledger: sampleLedger(t)})
	for path, name := range map[string]string{
		"/v1/pools": "Pools", "/v1/epochs": "Epochs", "/v1/subscribers/default/100.64.0.1": "Subscriber",
		"/v1/trace?outside=198.18.1.0&port=2100&case=1&reason=r":                           "Trace",
		"/v1/trace?outside=198.18.1.0&case=1&reason=r":                                     "Trace",
		"/v1/trace?outside=198.18.1.9&port=1&case=1&reason=r":                              "Trace",
		"/v1/trace?outside=198.18.0.0&port=1&at=2026-03-01T09:00:00Z&case=1&reason=r":      "Trace",
		"/v1/trace?outside=198.18.0.0&port=2100&at=2026-03-01T10:00:00Z&case=1&reason=r":   "Trace",
		"/v1/trace?outside=198.18.0.0&port=2100&at=2026-03-01T11:00Z&case=%C3%A4&reason=r": "Trace",
	} {
		a, err := c.Get("http://cgnd" + path)
		if err != nil {
			t.Fatal(err)
		}
		text, err := io.ReadAll(a.Body)
		_ = a.Body.Close()
		if err != nil || a.StatusCode != http.StatusOK {
			t.Fatalf("%s: %s %v %s", path, a.Status, err, text)
		}
		check(name, text)
	}
	info := &daemon.EpochInfo{Seq: 1, From: noon, SHA256: "x"}
	for _, s := range []daemon.Snapshot{
		{Backend: "xdp", Problems: []daemon.Problem{}, Drift: daemon.DriftInfo{Examples: []string{}}},
		{
			Backend: "nftables", Doing: "look", Epoch: info, Next: info, Head: "x", Records: 1, Read: noon,
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
	if all := slices.Sorted(maps.Keys(doc["components"].(map[string]any)["schemas"].(map[string]any))); fmt.Sprint(all) != "[Epoch EpochOfStatus Epochs Pools Status Subscriber Trace]" {
		t.Errorf("a schema is not tested: %v", all)
	}
}
