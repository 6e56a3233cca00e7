package ebpf

import (
	"os"
	"strings"
	"testing"
)

func TestMeanings(t *testing.T) {
	page := string(must(os.ReadFile("../docs/xdp.md")))
	seen := make(map[string]Verdict)
	for v := range Verdict(len(meanings)) {
		m := v.Meaning()
		if other, twice := seen[m]; m == "" || twice {
			t.Errorf("%v means %q, as %v does", v, m, other)
		}
		seen[m] = v
		if !strings.Contains(page, "`"+v.String()+"`") {
			t.Errorf("docs/xdp.md does not explain %v", v)
		}
	}
	if m := Verdict(1000).Meaning(); m != "unknown" {
		t.Errorf("a verdict that does not exist means %q", m)
	}
}
