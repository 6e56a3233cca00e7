package lines

import (
	"bytes"
	"compress/gzip"
	"errors"
	"io"
	"slices"
	"strings"
	"testing"
	"testing/iotest"
)

func packed(tb testing.TB, text string) string {
	tb.Helper()
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	if _, err := io.WriteString(w, text); err != nil {
		tb.Fatal(err)
	}
	if err := w.Close(); err != nil {
		tb.Fatal(err)
	}
	return b.String()
}

// all reads everything. A line that is too long becomes its start and "...".
func all(r io.Reader, lim Limits) (out []string, err error) {
	l, err := New(r, lim)
	if err != nil {
		return nil, err
	}
	for l.Next() {
		text := string(l.Line())
		if l.TooLong() {
			text += "..."
		}
		if out = append(out, text); l.Number() != len(out) {
			return out, errors.New("lines are counted wrongly")
		}
	}
	return out, l.Err()
}

func TestLines(t *testing.T) {
	const most = maxHead
	long := strings.Repeat("x", most+300)
	for _, c := range []struct {
		name, text string
		want       []string
	}{
		{"empty", "", nil},
		{"no end", "a\nb", []string{"a", "b"}},
		{"end", "a\nb\n", []string{"a", "b"}},
		{"blank lines", "\n\na\n\n", []string{"", "", "a", ""}},
		{"CRLF", "a\r\n\r\nb\r\n", []string{"a", "", "b"}},
		{"byte order mark alone", "\xef\xbb\xbf", nil},
		{"byte order mark", "\xef\xbb\xbfa\n\xef\xbb\xbfb", []string{"a", "\xef\xbb\xbfb"}},
		{"too long", "a\n" + long + "\nb\n" + long, []string{"a", long[:most] + "...", "b", long[:most] + "..."}},
		{"just fits", long[:most] + "\n" + long[:most] + "\r\n" + long[:most], []string{long[:most], long[:most], long[:most]}},
		{"just too long", long[:most+1] + "\n" + long[:most+1] + "\r\n" + long[:most+1], []string{long[:most] + "...", long[:most] + "...", long[:most] + "..."}},
		{"gzip twice", packed(t, "a\nb\n") + packed(t, "c\n"), []string{"a", "b", "c"}},
	} {
		text := c.text
		if c.name != "gzip twice" {
			got, err := all(strings.NewReader(packed(t, text)), Limits{Line: most})
			if err != nil || !slices.Equal(got, c.want) {
				t.Errorf("%s, compressed: %q, %v; want %q", c.name, got, err, c.want)
			}
		}
		got, err := all(iotest.OneByteReader(strings.NewReader(text)), Limits{Line: most})
		if err != nil || !slices.Equal(got, c.want) {
			t.Errorf("%s: %q, %v; want %q", c.name, got, err, c.want)
		}
	}
}

func TestLimits(t *testing.T) {
	bomb := packed(t, strings.Repeat("a\n", 20<<20))
	if _, err := all(strings.NewReader(bomb), Limits{}); !errors.Is(err, ErrTooLarge) {
		t.Errorf("a file that grows a thousand times: %v", err)
	}
	oneLine := packed(t, strings.Repeat("a", 40<<20))
	if _, err := all(strings.NewReader(oneLine), Limits{}); !errors.Is(err, ErrTooLarge) {
		t.Errorf("a line that grows a thousand times: %v", err)
	}
	for _, text := range []string{"a\nb\nc\n", packed(t, "a\nb\nc\n")} {
		got, err := all(strings.NewReader(text), Limits{Bytes: 4})
		if !errors.Is(err, ErrTooLarge) || !slices.Equal(got, []string{"a", "b"}) {
			t.Errorf("six bytes where four are allowed: %q, %v", got, err)
		}
		if got, err = all(strings.NewReader(text), Limits{Bytes: 6}); err != nil || len(got) != 3 {
			t.Errorf("six bytes where six are allowed: %q, %v", got, err)
		}
	}
}

func TestWhole(t *testing.T) {
	long := strings.Repeat("x", 2*maxHead)
	for text, want := range map[string][]bool{
		"": nil, "a": {false}, "a\n": {true}, "a\r\nb": {true, false}, "a\n\n": {true, true}, long: {false}, long + "\n": {true}, long + "\nb": {true, false},
	} {
		for _, form := range []string{text, packed(t, text)} {
			l, err := New(strings.NewReader(form), Limits{Line: maxHead})
			if err != nil {
				t.Fatal(err)
			}
			var got []bool
			for l.Next() {
				got = append(got, l.Whole())
			}
			if l.Err() != nil || !slices.Equal(got, want) {
				t.Errorf("%.20q: %v, %v; want %v", text, got, l.Err(), want)
			}
		}
	}
}

func TestErrors(t *testing.T) {
	broken := errors.New("broken")
	if _, err := all(iotest.ErrReader(broken), Limits{}); !errors.Is(err, broken) {
		t.Errorf("a reader that fails: %v", err)
	}
	got, err := all(io.MultiReader(strings.NewReader("first\nb"), iotest.ErrReader(broken)), Limits{})
	if !errors.Is(err, broken) || !slices.Equal(got, []string{"first"}) {
		t.Errorf("a reader that fails later: %q, %v", got, err)
	}
	whole := packed(t, strings.Repeat("line\n", 1000))
	if _, err := all(strings.NewReader(whole[:len(whole)-9]), Limits{}); !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Errorf("a compressed file that is cut: %v", err)
	}
	for _, magic := range []string{"\x28\xb5\x2f\xfd----", "BZh91AY", "\xfd7zXZ\x00", "\xff\xfea\x00", packed(t, packed(t, "a\n"))} {
		if _, err := all(strings.NewReader(magic), Limits{}); !errors.Is(err, ErrFormat) {
			t.Errorf("a file that starts with %q: %v", magic, err)
		}
	}
}

func FuzzLines(f *testing.F) {
	f.Add([]byte("a\r\n\nb"))
	f.Add([]byte(packed(f, "a\nb\n")))
	f.Add([]byte("\x1f\x8b\x08\x00"))
	f.Add([]byte("\xef\xbb\xbf" + strings.Repeat("x", 3*maxHead) + "\ny"))
	f.Fuzz(func(t *testing.T, data []byte) {
		got, err := all(bytes.NewReader(data), Limits{Line: maxHead, Bytes: 1 << 20})
		if err != nil || bytes.HasPrefix(data, []byte("\x1f\x8b")) {
			return
		}
		text := strings.TrimSuffix(strings.TrimPrefix(string(data), "\xef\xbb\xbf"), "\n")
		want := strings.Count(text, "\n") + 1
		if string(data) == "" || string(data) == "\xef\xbb\xbf" {
			want = 0
		}
		if len(got) != want {
			t.Fatalf("%d lines of %q, want %d", len(got), data, want)
		}
		for _, line := range got {
			if strings.Contains(line, "\n") || len(line) > maxHead+len("...") {
				t.Fatalf("line %q", line)
			}
		}
	})
}

// TestAhead looks at what follows a line, which changes nothing of it or of the lines behind, and tells what fails only where they end.
func TestAhead(t *testing.T) {
	text := strings.Repeat("0123456789\n", 3000)
	broken := errors.New("broken")
	for _, end := range []error{nil, broken} {
		var in io.Reader = strings.NewReader(text)
		if end != nil {
			in = io.MultiReader(in, iotest.ErrReader(end))
		}
		l, err := New(iotest.OneByteReader(in), Limits{})
		if err != nil {
			t.Fatal(err)
		}
		n := 0
		for ; l.Next(); n++ {
			rest := text[11*(n+1):]
			if ahead := string(l.Ahead(100)); ahead != rest[:min(100, len(rest))] || string(l.Line()) != "0123456789" {
				t.Fatalf("line %d: %q, ahead %q", n, l.Line(), ahead)
			}
		}
		if n != 3000 || !errors.Is(l.Err(), end) {
			t.Errorf("%d lines, error %v, want %v", n, l.Err(), end)
		}
	}
}
