package planfile

import (
	"bytes"
	"errors"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"github.com/cgnkit/cgnkit/alloc"
)

// nasty are texts that have broken readers of YAML before.
var nasty = []string{
	"", "\x00", "\ufeff", "\xff\xfe\x00", "---", "...", "~", "!!binary x", "!!null", "!<>", "!%00 a", "%YAML 9.9\n---\n", "%TAG ! !\n", "<<: *x", "<<: [1]", "&a [*a]", "&a {*a : *a}",
	"&a &b c", "*a", "? ", "? ? ?", "- - - -", "[?", "{?", "[,", "{,", "[a: ", "{a: ", ": :", "- :", "\"\\", "\"\\x", "\"\\uD800\"", "'", "|", "|9", ">-\n\t", "a: |2\n x", "a:\n\t- b", "#", "@", "`", "\r", "\u0085", "\u2028",
	"a: &a [x]\nb: &b [*a, *a]\nc: &c [*b, *b]\nd: [*c, *c]\n", "version: &v 1\npools: *v\n", "version: 1\npools: [&p {name: a, inside: *p}]\n", good + "    <<: {realm: b}\n", "\"\\N\\_\\L\\P\": 1",
	strings.Repeat("[", 10050), strings.Repeat("{", 10050), strings.Repeat("- ", 10050), strings.Repeat("? ", 10050), strings.Repeat("a: ", 1000), strings.Repeat("[{a: ", 500), strings.Repeat("#\n", 1000),
}

// fuzzLimit is the size of inputs that fuzz targets look at: long ones only slow them down.
const fuzzLimit = 16 << 10

func FuzzParse(f *testing.F) {
	for _, pattern := range []string{plansFolder + "/*.yaml", plansFolder + "/bad/*.yaml"} {
		paths, err := filepath.Glob(pattern)
		if err != nil || len(paths) == 0 {
			f.Fatalf("no plans at %s (%v)", pattern, err)
		}
		for _, path := range paths {
			text, err := os.ReadFile(path)
			if err != nil {
				f.Fatal(err)
			}
			f.Add(text)
		}
	}
	for _, text := range append(nasty, good, strings.ReplaceAll(good, "\n", "\r\n")) {
		f.Add([]byte(text))
	}
	opts := Options{Keys: []alloc.Key{exampleKey}}
	f.Fuzz(func(t *testing.T, data []byte) {
		if len(data) > fuzzLimit {
			return
		}
		file, err := Parse("p.yaml", data, opts)
		if err != nil {
			checkDiagnostics(t, err)
			return
		}
		text, plan := written(t, file.Spec)
		again, err := Parse("p.yaml", []byte(text), opts)
		if err != nil {
			t.Fatalf("what Write wrote is refused: %v\n%s", err, text)
		}
		if plan.SHA256() != file.Plan.SHA256() || again.Plan.SHA256() != file.Plan.SHA256() {
			t.Fatalf("the plan changes when it is written and read:\n%s\n%s", file.Plan.AppendCanonical(nil), again.Plan.AppendCanonical(nil))
		}
	})
}

// checkDiagnostics checks that an error can be shown to a user.
func checkDiagnostics(t *testing.T, err error) {
	t.Helper()
	ds := diagnosticsOf(err)
	if len(ds) == 0 {
		t.Fatalf("error without diagnostics: %v", err)
	}
	for _, d := range ds {
		if d.Msg == "" || d.Err == nil || d.File == "" || d.Line < 0 || d.Column < 0 || d.Column > 0 && d.Line == 0 {
			t.Errorf("incomplete diagnostic %+v", d)
		}
		shown := d.Error() + d.Hint + strings.ReplaceAll(d.Excerpt(), "\n", "")
		if i := strings.IndexFunc(shown, func(r rune) bool { return !unicode.IsPrint(r) }); i >= 0 || !utf8.ValidString(shown) {
			t.Errorf("a terminal would get %q", shown)
		}
	}
}

func TestParseNasty(t *testing.T) {
	for _, text := range append(nasty, strings.Repeat("[", 1<<20), strings.Repeat("- ", 1<<19), strings.Repeat("? ", 1<<19), strings.Repeat("a: ", 1<<18)) {
		file, err := Parse("p.yaml", []byte(text), Options{})
		if err == nil {
			t.Errorf("Parse(%.40q) = %v", text, file)
			continue
		}
		checkDiagnostics(t, err)
		if !errors.Is(err, ErrSyntax) {
			t.Errorf("Parse(%.40q): %v; want ErrSyntax", text, err)
		}
	}
}

// slowList reads a list without quotes as the documentation says it. ok is false when a line is wrong or none has an entry.
func slowList(text string) (out []alloc.AddrRange, ok bool) {
	text = strings.TrimPrefix(text, "\ufeff")
	separator, column, started, named := "", 0, false, false
	for line := range strings.SplitSeq(text, "\n") {
		line, _, _ = strings.Cut(line, "#")
		if strings.TrimSpace(line) == "" {
			continue
		}
		if separator == "\t" { // a tab at the start ends an empty column
			line = strings.Trim(line, " \r")
		} else {
			line = strings.TrimSpace(line)
		}
		if !started {
			started = true
			if i := strings.IndexAny(line, ",;\t"); i >= 0 {
				separator = line[i : i+1]
			}
			names := []string{line}
			if separator != "" {
				names = strings.Split(line, separator)
			}
			header := len(names) > 1 && names[0] != "" && (names[0][0]|0x20 >= 'a' && names[0][0]|0x20 <= 'z') && !strings.ContainsAny(names[0], ".:")
			for i, name := range slices.Backward(names) {
				if strings.EqualFold(strings.TrimSpace(name), "subscriber") {
					column, header = i, true
				}
			}
			if named = header; header {
				continue
			}
		}
		fields := []string{line}
		if separator != "" {
			fields = strings.Split(line, separator)
		}
		if column >= len(fields) {
			return nil, false
		}
		r, err := alloc.ParseAddrRange(strings.TrimSpace(fields[column]))
		if err != nil {
			return nil, false
		}
		if out = append(out, r); len(out) == 1 && !named && len(fields) > 1 { // several addresses in the first entry
			others := 0
			for _, f := range fields {
				if _, err := alloc.ParseAddrRange(f); err != nil {
					others++
				}
			}
			if others == 0 {
				return nil, false
			}
		}
	}
	return out, len(out) > 0
}

func FuzzReadList(f *testing.F) {
	csv, err := os.ReadFile(plansFolder + "/explicit-list.csv")
	if err != nil {
		f.Fatal(err)
	}
	f.Add(csv)
	for _, text := range []string{
		"", "\ufeff", "#", "100.64.0.1", "100.64.0.1\n100.64.0.0/30 # x\r\n", "subscriber\n1.2.3.4", "id,subscriber\n1,1.2.3.4\n", "id;subscriber;x\n1;1.2.3.4;,\n", "a\tSubscriber\n\t1.2.3.4-1.2.3.9\n",
		"1.2.3.4,x\n5.6.7.8\n", "fd00::1,x\n1.2.3.4,x\n", "\"1.2.3.4\",\"a,b\"\n", "a,b,c,subscriber\n,,,1.2.3.4\n1,2\n", "\x00", "\xff\xfe1\x00", "1.2.3.4\r1.2.3.4", "subscriber,subscriber\n1.2.3.4,5.6.7.8\n",
		"A.,\n", "1.2.3.4,5.6.7.8\n", "1.2.3.4,x\n1.2.3.5,5.6.7.8\n", "\t1.2.3.4\n", "1.2.3.4\t\n\t\n \n5.6.7.8", "l0.0.0.1,x\n1.2.3.4", "ı,subscriber\n1,1.2.3.4", ",\n1.2.3.4,", "\v1.2.3.4\f\n",
	} {
		f.Add([]byte(text))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		if len(data) > fuzzLimit {
			return
		}
		list, err := ReadList(bytes.NewReader(data), "l")
		if err != nil {
			checkDiagnostics(t, err)
			if !errors.Is(err, ErrList) {
				t.Fatalf("error %v, want ErrList", err)
			}
		}
		if bytes.IndexByte(data, '"') >= 0 {
			return
		}
		want, ok := slowList(string(data))
		if ok != (err == nil) {
			t.Fatalf("ReadList: %v; the reference says that the list is good: %v", err, ok)
		}
		if !ok {
			return
		}
		if len(list.Ranges) != len(want) || len(list.Lines) != len(want) {
			t.Fatalf("%d entries and %d lines, want %d", len(list.Ranges), len(list.Lines), len(want))
		}
		for i, r := range list.Ranges {
			if r != want[i] || i > 0 && list.Lines[i] <= list.Lines[i-1] || list.Lines[i] < 1 || int(list.Lines[i]) > bytes.Count(data, []byte("\n"))+1 {
				t.Fatalf("entry %d is %v of line %d, want %v", i, r, list.Lines[i], want[i])
			}
		}
	})
}

func FuzzExcerpt(f *testing.F) {
	f.Add("    outside: [198.18.0.1/27]", 14, 15)
	f.Add("\x1b[31m\t\u202e\xff\r", 1, 3)
	f.Add(strings.Repeat("ä", 300), 1<<30, 250)
	f.Add("x", 1, math.MaxInt)
	f.Add("x", -1, -1)
	f.Fuzz(func(t *testing.T, source string, line, column int) {
		if line < 0 || column < 0 {
			return // Parse counts from 1
		}
		got := Diagnostic{Line: line, Column: column, source: source}.Excerpt()
		if source == "" || line == 0 {
			if got != "" {
				t.Fatalf("excerpt %q of nothing", got)
			}
			return
		}
		lines := strings.Split(got, "\n")
		if want := map[bool]int{true: 2, false: 3}[column == 0]; len(lines) != want || lines[want-1] != "" {
			t.Fatalf("the excerpt has %d parts: %q", len(lines), got)
		}
		gutter, text, _ := strings.Cut(lines[0], "| ")
		if utf8.RuneCountInString(text) > maxExcerpt || strings.IndexFunc(lines[0], func(r rune) bool { return !unicode.IsPrint(r) }) >= 0 {
			t.Errorf("excerpt %q", got)
		}
		if column == 0 {
			return
		}
		caret := strings.TrimPrefix(lines[1], strings.Repeat(" ", len(gutter))+"| ")
		if strings.TrimLeft(caret, " ") != "^" || len(caret) > utf8.RuneCountInString(text)+1 {
			t.Fatalf("caret %q under %q", lines[1], lines[0])
		}
		runes := []rune(strings.TrimRight(source, "\r\n"))
		if column > len(runes) {
			return
		}
		want := runes[column-1]
		if want == '\t' {
			want = ' '
		} else if want == utf8.RuneError || !unicode.IsPrint(want) {
			want = '?'
		}
		if under := []rune(text)[len(caret)-1]; under != want {
			t.Errorf("the caret stands under %q, want %q:\n%s", under, want, got)
		}
	})
}
