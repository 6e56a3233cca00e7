package planfile

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
)

func TestExcerpt(t *testing.T) {
	long := strings.Repeat("abcdefghij", 30)
	for _, c := range []struct {
		name string
		d    Diagnostic
		want string
	}{
		{"no line", Diagnostic{source: "x"}, ""},
		{"no text", Diagnostic{Line: 3, Column: 1}, ""},
		{"no column", Diagnostic{Line: 3, source: "abc"}, "    3 | abc\n"},
		{"first column", Diagnostic{Line: 3, Column: 1, source: "abc"}, "    3 | abc\n      | ^\n"},
		{"behind the end", Diagnostic{Line: 3, Column: 4, source: "abc"}, "    3 | abc\n      |    ^\n"},
		{"far behind the end", Diagnostic{Line: 3, Column: 400, source: "abc"}, "    3 | abc\n      |    ^\n"},
		{"tabs count as one", Diagnostic{Line: 3, Column: 4, source: "\t\tabc"}, "    3 |   abc\n      |    ^\n"},
		{"letters of two bytes", Diagnostic{Line: 3, Column: 4, source: "äöüß"}, "    3 | äöüß\n      |    ^\n"},
		{"terminal control", Diagnostic{Line: 3, Column: 6, source: "\x1b[2J\u202eX\u009b\x7f\xff\r"}, "    3 | ?[2J?X???\n      |      ^\n"},
		{"large line number", Diagnostic{Line: 1234567, Column: 2, source: "ab"}, "1234567 | ab\n        |  ^\n"},
		{"start of a long line", Diagnostic{Line: 3, Column: 3, source: long}, "    3 | " + long[:100] + "\n      |   ^\n"},
		{"long line without column", Diagnostic{Line: 3, source: long}, "    3 | " + long[:100] + "\n"},
		{"middle of a long line", Diagnostic{Line: 3, Column: 155, source: long},
			"    3 | " + long[105:205] + "\n      | " + strings.Repeat(" ", 49) + "^\n"},
		{"end of a long line", Diagnostic{Line: 3, Column: 300, source: long},
			"    3 | " + long[250:] + "\n      | " + strings.Repeat(" ", 49) + "^\n"},
	} {
		t.Run(c.name, func(t *testing.T) {
			if diff := cmp.Diff(c.want, c.d.Excerpt()); diff != "" {
				t.Errorf("Excerpt (-want +got):\n%s", diff)
			}
		})
	}
}

// TestExcerptOfLongLine puts a mistake at many places of long lines: the caret stands under its first letter.
func TestExcerptOfLongLine(t *testing.T) {
	for n := range 300 {
		items := strings.Repeat("198.18.0.1, ", n/12) + strings.Repeat(" ", n%12)
		_, err := Parse("p.yaml", []byte(strings.Replace(good, "198.18.0.0/27", "["+items+"WRONG, 198.18.0.2"+strings.Repeat(" ", n)+"]", 1)), Options{})
		ds := diagnosticsOf(err)
		if len(ds) != 1 {
			t.Fatalf("%d characters before the mistake: %v", n, err)
		}
		text, caret, _ := strings.Cut(ds[0].Excerpt(), "\n")
		caret = strings.TrimSuffix(caret, "\n")
		if got, want := strings.Index(caret, "^"), strings.Index(text, "WRONG"); got != want || want < 0 || len(text) > 8+maxExcerpt {
			t.Errorf("%d characters before the mistake:\n%s", n, ds[0].Excerpt())
		}
	}
}

func TestDiagnosticError(t *testing.T) {
	for _, c := range []struct {
		d    Diagnostic
		want string
	}{
		{Diagnostic{File: "f", Msg: "m"}, "f: m"},
		{Diagnostic{File: "f", Line: 2, Msg: "m"}, "f:2: m"},
		{Diagnostic{File: "f", Line: 2, Column: 3, Msg: "m"}, "f:2:3: m"},
		{Diagnostic{File: "\x1b[31mf", Line: 2, Column: 3, Msg: "m"}, "?[31mf:2:3: m"},
	} {
		if got := c.d.Error(); got != c.want {
			t.Errorf("Error() = %q, want %q", got, c.want)
		}
	}
	all := &Error{[]Diagnostic{{File: "f", Msg: "a", Err: ErrRead}, {File: "f", Line: 1, Msg: "b", Err: ErrList}}}
	if got, want := all.Error(), "f: a\nf:1: b"; got != want {
		t.Errorf("Error() = %q, want %q", got, want)
	}
	if !errors.Is(all, ErrRead) || !errors.Is(all, ErrList) || errors.Is(all, ErrSyntax) {
		t.Errorf("%v does not wrap exactly what its diagnostics wrap", all)
	}
}

// TestMessagesAreShort feeds values of a megabyte: nobody wants to read those in a message.
func TestMessagesAreShort(t *testing.T) {
	huge := strings.Repeat("é", 1<<19)
	for _, c := range []struct{ name, old, new string }{
		{"address", "198.18.0.0/27", huge},
		{"name", "name: a", "name: " + huge},
		{"scheme", "name: a", "name: a\n    scheme: " + huge},
		{"ports", "name: a", "name: a\n    ports: " + huge},
		{"reserve", "name: a", "name: a\n    reserve: " + huge},
		{"number", "name: a", "name: a\n    step: " + huge},
		{"key", "name: a", "name: a\n    ? " + huge + "\n    : 1"},
		{"tag", "name: a", "name: !" + strings.Repeat("a", 1<<20) + " a"},
		{"anchor", "name: a", "name: *" + strings.Repeat("a", 1<<20)},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := Parse("p.yaml", []byte(strings.Replace(good, c.old, c.new, 1)), Options{})
			if err == nil {
				t.Fatal("no error")
			}
			for _, d := range diagnosticsOf(err) {
				if len(d.Error()) > 1500 || len(d.Excerpt()) > 1000 || !utf8.ValidString(d.Error()) {
					t.Errorf("a message of %d and an excerpt of %d bytes: %.300q", len(d.Error()), len(d.Excerpt()), d.Error())
				}
			}
		})
	}
}

// TestManyComplaints checks that a large file that is no plan does not drown its reader.
func TestManyComplaints(t *testing.T) {
	for name, file := range map[string]string{
		"pools":        "version: 1\npools:\n" + strings.Repeat("  - 1\n", 5000),
		"keys":         "version: 1\n" + strings.Repeat("a: b\n", 5000),
		"addresses":    strings.Replace(good, "100.64.0.0/24", strings.Repeat("\n      - x", 5000), 1),
		"destinations": exempt(strings.Repeat("\n  - x", 5000)),
		"ports":        good + "    reserve:\n" + strings.Repeat("      - x\n", 5000),
	} {
		t.Run(name, func(t *testing.T) {
			_, err := Parse("p.yaml", []byte(file), Options{})
			ds := diagnosticsOf(err)
			if len(ds) != maxFound+1 {
				t.Fatalf("%d complaints, want %d and one that says that the rest is left out", len(ds), maxFound)
			}
			if last := ds[maxFound]; last.Msg != "more is wrong from here on, and is left out" || last.Hint != "correct the others first" {
				t.Errorf("the last complaint is %q, hint %q", last.Msg, last.Hint)
			}
		})
	}
}

// TestSpellings lists values that look unusual and are good.
func TestSpellings(t *testing.T) {
	for _, c := range []struct{ name, file string }{
		{"CRLF", strings.ReplaceAll(good, "\n", "\r\n")},
		{"byte order mark", "\ufeff" + good},
		{"no final newline", strings.TrimSuffix(good, "\n")},
		{"flow style", "{version: 1, pools: [{name: a, inside: 100.64.0.0/24, outside: 198.18.0.0/27}]}"},
		{"JSON", `{"version": 1, "pools": [{"name": "a", "inside": ["100.64.0.0/24"], "outside": "198.18.0.0/27"}]}`},
		{"document markers", "---\n" + good + "...\n"},
		{"comments", "# top\n" + strings.ReplaceAll(good, "\n", " # end\n")},
		{"anchor that nobody uses", strings.Replace(good, "name: a", "name: &x a", 1)},
		{"default realm", good + "    realm: default\n"},
		{"zero", good + "    dynamic-ports: 0\n    dynamic-shares: 0\n"},
		{"False", good + "    skip-edge-addresses: False\n"},
		{"nothing reserved", good + "    reserve: []\n"},
	} {
		t.Run(c.name, func(t *testing.T) {
			want := must(Parse("p.yaml", []byte(good), Options{})).Plan.SHA256()
			got, err := Parse("p.yaml", []byte(c.file), Options{})
			if err != nil {
				t.Fatal(err)
			}
			if got.Plan.SHA256() != want {
				t.Errorf("the plan is %s", got.Plan.AppendCanonical(nil))
			}
		})
	}
	for _, word := range []string{"true", "True", "TRUE"} {
		f, err := Parse("p.yaml", fmt.Appendf(nil, "%s    skip-edge-addresses: %s\n", good, word), Options{})
		if err != nil {
			t.Fatal(err)
		}
		if !f.Spec.Pools[0].SkipEdges || f.Plan.Subscribers() != 254 {
			t.Errorf("skip-edge-addresses: %s leaves %d subscribers, want 254", word, f.Plan.Subscribers())
		}
	}
	f := must(Parse("p.yaml", []byte(good+"    reserve: [1900, 5060-5061, \"3074,3478-3480\"]\n    ports: 1024-65535\n"), Options{}))
	if got, want := f.Spec.Pools[0].Reserve.String(), "1900,3074,3478-3480,5060-5061"; got != want {
		t.Errorf("reserve is %s, want %s", got, want)
	}
}
