package metrics

import (
	"regexp"
	"testing"
)

// TestDocument fails when docs/metrics.md is not what the code says.
func TestDocument(t *testing.T) {
	golden(t, "../../docs/metrics.md", "UPDATE_METRICS", Document())
}

// TestNames holds every family to the rules of Prometheus that promtool does not look at.
func TestNames(t *testing.T) {
	name, label := regexp.MustCompile(`^cgnkit_[a-z]+(_[a-z]+)*$`), regexp.MustCompile(`^[a-z][a-z0-9]*$`)
	seen := map[string]bool{}
	for _, s := range sections {
		for _, f := range s.families {
			if !name.MatchString(f.name) || seen[f.name] || len(f.help) < 10 || f.help[len(f.help)-1] != '.' {
				t.Errorf("%s: name or help is not as it should be", f.name)
			}
			seen[f.name] = true
			if total := regexp.MustCompile(`_total$`).MatchString(f.name); total != (f.kind == counters) {
				t.Errorf("%s is a %v", f.name, f.kind)
			}
			for _, l := range f.labels {
				if !label.MatchString(l) || l == "instance" || l == "job" || l == "le" {
					t.Errorf("%s: label %q belongs to others", f.name, l)
				}
			}
		}
	}
}
