package metrics

import (
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/testutil"
	"go.yaml.in/yaml/v3"
)

const (
	rulesPath     = "../../docs/monitoring/cgnkit.rules.yml"
	testsPath     = "../../docs/monitoring/cgnkit.test.yml"
	dashboardPath = "../../docs/monitoring/cgnkit.dashboard.json"
	readmePath    = "../../docs/monitoring/README.md"
)

// A rule is an alert.
type rule struct {
	Alert, Expr string
	Labels      map[string]string
	Annotations map[string]string
}

func readRules(t *testing.T) (out []rule) {
	t.Helper()
	var file struct{ Groups []struct{ Rules []rule } }
	if err := yaml.Unmarshal(read(t, rulesPath), &file); err != nil {
		t.Fatal(err)
	}
	for _, g := range file.Groups {
		out = append(out, g.Rules...)
	}
	return out
}

func read(t *testing.T, path string) []byte {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func TestRules(t *testing.T) {
	if out, err := exec.CommandContext(t.Context(), "promtool", "check", "rules", "--lint-fatal", rulesPath).CombinedOutput(); err != nil {
		t.Errorf("promtool check rules: %v\n%s(Debian: apt install prometheus)", err, out)
	}
	if out, err := testRules(t, string(read(t, rulesPath))); err != nil {
		t.Errorf("promtool test rules: %v\n%s", err, out)
	}
	readme := string(read(t, readmePath))
	for _, r := range readRules(t) {
		s := r.Labels["severity"]
		if s != "page" && s != "ticket" || r.Annotations["summary"] == "" || r.Annotations["action"] == "" {
			t.Errorf("%s: severity %q, annotations %v", r.Alert, s, r.Annotations)
		}
		if !strings.Contains(readme, fmt.Sprintf("| `%s` | %s |", r.Alert, s)) {
			t.Errorf("%s, severity %s, is not in the README like that", r.Alert, s)
		}
		if err := sound(r.Expr); err != nil {
			t.Errorf("%s: %v", r.Alert, err)
		}
	}
}

// testRules runs the unit tests on some rules.
func testRules(t *testing.T, rules string) ([]byte, error) {
	t.Helper()
	dir := t.TempDir()
	for name, text := range map[string]string{"cgnkit.rules.yml": rules, "cgnkit.test.yml": string(read(t, testsPath))} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return exec.CommandContext(t.Context(), "promtool", "test", "rules", filepath.Join(dir, "cgnkit.test.yml")).CombinedOutput()
}

// TestRuleTestsCanFail makes all rules silent, and then fire always: the unit tests must complain about each of them.
func TestRuleTestsCanFail(t *testing.T) {
	for _, way := range []string{"(%s) and on () vector(0) > 1", `(%s) or on () label_replace(vector(1), "job", "cgnd", "", "")`} {
		rules, text := readRules(t), string(read(t, rulesPath))
		for _, r := range rules {
			broken := strings.Replace(text, "expr: "+r.Expr+"\n", "expr: "+fmt.Sprintf(way, r.Expr)+"\n", 1)
			if broken == text {
				t.Fatalf("%s is not in the file as it was read", r.Alert)
			}
			text = broken
		}
		out, err := testRules(t, text)
		if err == nil {
			t.Errorf("%s: no test notices", way)
		}
		for _, r := range rules {
			if !strings.Contains(string(out), "alertname: "+r.Alert+",") {
				t.Errorf("%s can be %s, and no test notices:\n%s", r.Alert, way, out)
			}
		}
	}
}

var (
	quoted    = regexp.MustCompile(`"(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*'`)
	matchers  = regexp.MustCompile(`\{[^}]*\}`)
	grouping  = regexp.MustCompile(`\b(?:by|without|on|ignoring|group_left|group_right)\s*\(([^)]*)\)`)
	durations = regexp.MustCompile(`\[[^\]]*\]`)
	words     = regexp.MustCompile(`[a-zA-Z_:][a-zA-Z0-9_:]*(\s*\()?`)
	label     = regexp.MustCompile(`([a-z_]+)\s*(?:=~|!~|!=|=)`)
)

// sound reports metrics and labels in an expression that do not exist. What is left of it without strings, selectors, groupings and
// ranges are functions, operators, numbers and metrics.
func sound(expr string) error {
	expr = quoted.ReplaceAllString(expr, `""`)
	known := knownMetrics()
	var labels []string
	for _, m := range matchers.FindAllString(expr, -1) {
		for _, l := range label.FindAllStringSubmatch(m, -1) {
			labels = append(labels, l[1])
		}
	}
	expr = matchers.ReplaceAllString(expr, "")
	for _, m := range grouping.FindAllStringSubmatch(expr, -1) {
		labels = append(labels, strings.FieldsFunc(m[1], func(r rune) bool { return r == ',' || r == ' ' })...)
	}
	expr = durations.ReplaceAllString(grouping.ReplaceAllString(expr, ""), "")
	all := []string{"job", "instance", "le"}
	for _, w := range words.FindAllString(expr, -1) {
		if strings.HasSuffix(w, "(") || slices.Contains([]string{"and", "or", "unless", "bool", "offset", "sum", "max"}, w) {
			continue
		}
		own, ok := known[w]
		if !ok {
			return fmt.Errorf("there is no metric %s", w)
		}
		all = append(all, own...)
	}
	for _, l := range labels {
		if !slices.Contains(all, l) {
			return fmt.Errorf("none of its metrics has a label %s", l)
		}
	}
	return nil
}

// knownMetrics are the names that can be queried, with their labels.
func knownMetrics() map[string][]string {
	out := map[string][]string{"up": nil}
	maps.Copy(out, Families())
	for _, f := range []*family{subscriberUse, addressUse} {
		delete(out, f.name)
		for _, suffix := range []string{"_bucket", "_sum", "_count"} {
			out[f.name+suffix] = f.labels
		}
	}
	for _, name := range []string{"process_resident_memory_bytes", "process_cpu_seconds_total"} {
		if testutil.CollectAndCount(collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}), name) == 1 {
			out[name] = nil
		}
	}
	return out
}

func TestSoundFindsWhatIsWrong(t *testing.T) {
	for expr, word := range map[string]string{
		"cgnkit_epok":                                   "cgnkit_epok",
		"sum(rate(cgnkit_packets[5m]))":                 "cgnkit_packets",
		`cgnkit_alarms{plevel="pool"}`:                  "plevel",
		"sum by (reason) (cgnkit_alarms)":               "reason",
		"cgnkit_subscriber_used_ports":                  "cgnkit_subscriber_used_ports",
		`up and nonsense{job="cgnkit_alarms"}`:          "nonsense",
		"max by (pool, proto) (cgnkit_pool_used_ports)": "proto",
	} {
		if err := sound(expr); err == nil || !strings.HasSuffix(err.Error(), " "+word) {
			t.Errorf("%s: %v", expr, err)
		}
	}
}

// A dashboard is what of Grafana's JSON matters here.
type dashboard struct {
	Title, UID    string
	SchemaVersion int
	Templating    struct {
		List []struct{ Name, Type, Definition string }
	}
	Panels []panel
}

type panel struct {
	ID          int
	Type, Title string
	GridPos     struct{ X, Y, W, H int }
	Datasource  *struct{ Type, UID string }
	Targets     []struct{ RefID, Expr string }
}

func TestDashboard(t *testing.T) {
	var d dashboard
	if err := json.Unmarshal(read(t, dashboardPath), &d); err != nil {
		t.Fatal(err)
	}
	if d.Title == "" || d.UID == "" || d.SchemaVersion < 36 || len(d.Panels) < 20 {
		t.Errorf("dashboard %q, uid %q, schema %d, %d panels", d.Title, d.UID, d.SchemaVersion, len(d.Panels))
	}
	variables := []string{"__rate_interval"}
	for _, v := range d.Templating.List {
		variables = append(variables, v.Name)
		if inner := strings.TrimSuffix(strings.TrimPrefix(v.Definition, "label_values("), ")"); v.Type == "query" {
			metric, _, _ := strings.Cut(inner, ", ")
			if err := sound(metric); err != nil {
				t.Errorf("variable %s: %v", v.Name, err)
			}
		}
	}
	ids, cells, exprs := map[int]bool{}, map[[2]int]string{}, []string{}
	for _, p := range d.Panels {
		if p.ID <= 0 || ids[p.ID] || p.Title == "" {
			t.Errorf("panel %d, %q: its id is not its own, or it has no title", p.ID, p.Title)
		}
		ids[p.ID] = true
		p.checkPlace(t, cells)
		if p.Type != "row" {
			exprs = append(exprs, p.checkTargets(t, variables)...)
		}
	}
	parses(t, exprs)
	used := strings.Join(exprs, "\n")
	for _, name := range []string{"cgnkit_pool_used_ports", "cgnkit_subscriber_used_ports_bucket", "cgnkit_packets_total", "cgnkit_drift_differences", "cgnkit_epoch"} {
		if !strings.Contains(used, name) {
			t.Errorf("no panel shows %s", name)
		}
	}
}

// checkPlace makes sure that a panel is on the grid of 24 columns, and on no other panel.
func (p panel) checkPlace(t *testing.T, cells map[[2]int]string) {
	t.Helper()
	g := p.GridPos
	if g.X < 0 || g.W <= 0 || g.X+g.W > 24 || g.Y < 0 || g.H <= 0 || g.H > 50 {
		t.Errorf("%s: off the grid: %+v", p.Title, g)
		return
	}
	for x := g.X; x < g.X+g.W; x++ {
		for y := g.Y; y < g.Y+g.H; y++ {
			if other, taken := cells[[2]int{x, y}]; taken {
				t.Errorf("%s lies on %s", p.Title, other)
				return
			}
			cells[[2]int{x, y}] = p.Title
		}
	}
}

// checkTargets returns the expressions of a panel, with values for its variables.
func (p panel) checkTargets(t *testing.T, variables []string) (out []string) {
	t.Helper()
	if p.Datasource == nil || p.Datasource.UID != "${datasource}" || len(p.Targets) == 0 {
		t.Errorf("%s: datasource %+v, %d targets", p.Title, p.Datasource, len(p.Targets))
	}
	refs := map[string]bool{}
	for _, q := range p.Targets {
		if q.RefID == "" || refs[q.RefID] {
			t.Errorf("%s: refId %q stands twice", p.Title, q.RefID)
		}
		refs[q.RefID] = true
		expr := regexp.MustCompile(`\$([a-z_]+)`).ReplaceAllStringFunc(q.Expr, func(v string) string {
			if !slices.Contains(variables, v[1:]) {
				t.Errorf("%s: there is no variable %s", p.Title, v)
			}
			return "5m"
		})
		if err := sound(expr); err != nil {
			t.Errorf("%s: %v", p.Title, err)
		}
		out = append(out, expr)
	}
	return out
}

// parses has promtool parse expressions.
func parses(t *testing.T, exprs []string) {
	t.Helper()
	type recording struct{ Record, Expr string }
	var rules []recording
	for i, e := range exprs {
		rules = append(rules, recording{fmt.Sprintf("panel:%d", i), e})
	}
	b, err := yaml.Marshal(map[string]any{"groups": []any{map[string]any{"name": "panels", "rules": rules}}})
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "panels.yml")
	if err := os.WriteFile(path, b, 0o600); err != nil {
		t.Fatal(err)
	}
	if out, err := exec.CommandContext(t.Context(), "promtool", "check", "rules", path).CombinedOutput(); err != nil {
		t.Errorf("promtool check rules: %v\n%s", err, out)
	}
}
