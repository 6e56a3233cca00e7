package instance

import (
	"strings"
	"testing"
)

func TestParse(t *testing.T) {
	for name, want := range map[string]bool{
		"": true, "cgn": true, "a": true, "a-b_9": true, strings.Repeat("a", 32): true,
		strings.Repeat("a", 33): false, "9a": false, "-a": false, "A": false, "a.b": false, "a/b": false, "..": false, "a b": false, "é": false,
	} {
		if got, ok := Parse(name); ok != want || (ok && name != "" && got != name) {
			t.Errorf("Parse(%q) = %q, %v; want %v", name, got, ok, want)
		}
	}
	if got, _ := Parse(""); got != Default {
		t.Errorf("Parse of nothing = %q", got)
	}
}
