package holder

import (
	"strings"
	"testing"
)

// TestSilence asks about times in which the server wrote nothing of anybody.
func TestSilence(t *testing.T) {
	pair := func(id string, from, to int) string {
		return block("Start", id, from, joao, ip1) + block("Stop", id, to, joao, ip1)
	}
	first, second := pair("a", 0, 100), pair("b", 3000, 3100)
	const gap = "uncertain: no record of any address around then"
	var others strings.Builder
	for at := 100; at < 3000; at += 700 {
		others.WriteString(block("Interim-Update", "o", at, maria, ip2))
	}
	for _, c := range []struct {
		name  string
		files []string
		want  string
	}{
		{"two files", []string{first, second}, gap}, {"one file", []string{first + second}, gap}, {"one file, mixed", []string{second + first}, gap},
		{"others in one file", []string{first + others.String() + second}, "nobody"}, {"others in another", []string{second, others.String(), first}, "nobody"},
		{"a clock that jumps", []string{first + second + block("Start", "x", 0, maria, ip2, "Timestamp = 1772369400")}, gap},
	} {
		b := read(t, c.files...)
		if got := ask(b, inside1, 1500, 1500, 0); got != c.want {
			t.Errorf("%s: %s, want %s", c.name, got, c.want)
		}
		if got := ask(b, inside1, 50, 50, 0); got != "one joao@isp" {
			t.Errorf("%s: within a session: %s", c.name, got)
		}
	}
}
