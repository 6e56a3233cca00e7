package lines

import (
	"errors"
	"io"
	"strings"
	"testing"
	"testing/iotest"
)

// TestMembers reads what may stand behind a gzip.
func TestMembers(t *testing.T) {
	one, two := packed(t, "one\n"), packed(t, "two\n")
	for _, c := range []struct {
		name, in, want string
		err            error
	}{
		{"one", one, "one\n", nil},
		{"two", one + two, "one\ntwo\n", nil},
		{"an empty one between", one + packed(t, "") + two, "one\ntwo\n", nil},
		{"zeros", one + strings.Repeat("\x00", 10000), "one\n", nil},
		{"a byte", one + "x", "one\n", ErrTrailing},
		{"nearly a member", one + "\x1f", "one\n", ErrTrailing},
		{"bytes", one + two + "more bytes than a header has", "one\ntwo\n", ErrTrailing},
		{"bytes behind zeros", one + "\x00\x00x", "one\n", ErrTrailing},
		{"a member that is cut off", one + two[:10], "one\n", io.ErrUnexpectedEOF},
		{"a header that is cut off", one + two[:5], "one\n", io.ErrUnexpectedEOF},
	} {
		for _, r := range []io.Reader{strings.NewReader(c.in), iotest.OneByteReader(strings.NewReader(c.in)), iotest.DataErrReader(strings.NewReader(c.in))} {
			text, err := Text(r, Limits{})
			if err != nil {
				t.Fatal(err)
			}
			got, err := io.ReadAll(text)
			if string(got) != c.want || !errors.Is(err, c.err) || c.err == nil && err != nil {
				t.Errorf("%s: %q, %v; want %q, %v", c.name, got, err, c.want, c.err)
			}
		}
	}
	broken := errors.New("broken")
	text, err := Text(io.MultiReader(strings.NewReader(one), iotest.ErrReader(broken)), Limits{})
	if err != nil {
		t.Fatal(err)
	}
	if got, err := io.ReadAll(text); string(got) != "one\n" || !errors.Is(err, broken) {
		t.Errorf("a reader that breaks: %q, %v", got, err)
	}
}
