package portset

import (
	"bytes"
	"encoding/json"
	"errors"
	"math/big"
	"regexp"
	"strings"
	"testing"
)

var portText = regexp.MustCompile(`^[ \t]*([0-9]+)[ \t]*$`)

// slowPort reads one port with a regular expression and a number without size.
func slowPort(text string) (port int, err error) {
	m := portText.FindStringSubmatch(text)
	if m == nil {
		return 0, ErrSyntax
	}
	n, _ := new(big.Int).SetString(m[1], 10)
	if n.Cmp(big.NewInt(PortCount)) >= 0 {
		return 0, ErrRange
	}
	return int(n.Int64()), nil
}

// slowRange reads what ParseRange reads. The error is one of ErrSyntax and ErrRange itself.
func slowRange(text string) (first, last int, err error) {
	from, to, found := strings.Cut(text, "-")
	if !found {
		to = from
	}
	if first, err = slowPort(from); err != nil {
		return 0, 0, err
	}
	if last, err = slowPort(to); err != nil {
		return 0, 0, err
	}
	if first > last {
		return 0, 0, ErrRange
	}
	return first, last, nil
}

// slowParse reads what ParseSet reads.
func slowParse(text string) (*slowSet, error) {
	if strings.Trim(text, " \t") == "" {
		return nil, ErrEmpty
	}
	if len(text) > maxText {
		return nil, ErrSyntax
	}
	slow := new(slowSet)
	for part := range strings.SplitSeq(text, ",") {
		first, last, err := slowRange(part)
		if err != nil {
			return nil, err
		}
		for p := first; p <= last; p++ {
			slow[p] = true
		}
	}
	return slow, nil
}

var nastyTexts = []string{
	"", " ", "\t", "-", "--", ",", ",,", "a", "1", "0", "65535", "65536", "00080", "-1", "1-", "1024-", "1-2-3", "+1",
	"1024-2023", "2023-1024", "0-65535", "65535-65535", "65535-65536", " 1 - 2 ", "1\n", "1\r\n", "1\x00", "\ufeff80",
	"\xff", "٨٠", "1–2", "0x10", "1e3", "1_000", "70000x", "18446744073709551617", "1,2", "1,", ",1", "2,1", "1-5,3-9,10",
	"1900,5060-5061", "0,65535", "1232-1235,2256-2259", "0-32767,32768-65535", "null", `"1"`, "1 2", "1;2",
	strings.Repeat("0", 300) + "7", strings.Repeat("9", 300), strings.Repeat("1,", 100) + "1",
}

func FuzzParseRange(f *testing.F) {
	for _, text := range nastyTexts {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		r, err := ParseRange(text)
		first, last, slowErr := slowRange(text)
		if slowErr != nil {
			if !errors.Is(err, slowErr) || r.IsValid() {
				t.Fatalf("ParseRange(%q) = %v, %v; want %v", text, r, err, slowErr)
			}
			return
		}
		if err != nil || int(r.First()) != first || int(r.Last()) != last {
			t.Fatalf("ParseRange(%q) = %v, %v; want %d to %d", text, r, err, first, last)
		}
		if again, err := ParseRange(r.String()); err != nil || again != r {
			t.Fatalf("ParseRange(%q) = %v, %v; want %v", r.String(), again, err, r)
		}
	})
}

func FuzzParseSet(f *testing.F) {
	for _, text := range nastyTexts {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		s, err := ParseSet(text)
		slow, slowErr := slowParse(text)
		if slowErr != nil {
			if !errors.Is(err, slowErr) || s.IsValid() {
				t.Fatalf("ParseSet(%q) = %v, %v; want %v", text, s, err, slowErr)
			}
			return
		}
		if err != nil {
			t.Fatalf("ParseSet(%q): %v", text, err)
		}
		compareRanges(t, s, slow.ranges())
		if s.Len() != len(slow.ports()) {
			t.Fatalf("ParseSet(%q) has %d ports, want %d", text, s.Len(), len(slow.ports()))
		}
		if again, err := ParseSet(s.String()); err != nil || !again.Equal(s) {
			t.Fatalf("ParseSet(%q) = %v, %v; want %v", s.String(), again, err, s)
		}
	})
}

func FuzzUnmarshalSetJSON(f *testing.F) {
	for _, text := range nastyTexts {
		quoted, err := json.Marshal(text)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(quoted)
		f.Add([]byte(text))
	}
	for _, text := range []string{`{}`, `[]`, `true`, `1.5`, `"\u0031"`, `"\ud800"`, `"1" 2`, `["1"]`, `"1`} {
		f.Add([]byte(text))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		keep := mustSet(t, "7,9")
		s := keep
		err := json.Unmarshal(data, &s)

		var text *string // what encoding/json itself makes of the data
		if textErr := json.Unmarshal(data, &text); textErr != nil || text == nil {
			if (err == nil) != (textErr == nil) || !s.Equal(keep) {
				t.Fatalf("JSON %q: set %v, error %v; as a string: error %v", data, s, err, textErr)
			}
			return
		}
		slow, slowErr := slowParse(*text)
		if slowErr != nil {
			if !errors.Is(err, slowErr) || !s.Equal(keep) {
				t.Fatalf("JSON %q: set %v, error %v; want %v and the set as it was", data, s, err, slowErr)
			}
			return
		}
		if err != nil {
			t.Fatalf("JSON %q: %v", data, err)
		}
		compareRanges(t, s, slow.ranges())
		out, err := json.Marshal(s)
		if err != nil || string(out) != `"`+strings.Join(slow.ranges(), ",")+`"` {
			t.Fatalf("JSON %q is written as %s, %v", data, out, err)
		}
	})
}

func FuzzParsePortSetOption(f *testing.F) {
	for _, b := range [][]byte{
		nil, {0x82}, {0x82, 0, 0, 5},
		{0x82, 0, 0, 5, 0, 100, 0xc3, 0x50, 0, 0, 0, 0},
		{0x82, 0, 0, 5, 0, 100, 0xc3, 0x50, 1, 0, 0, 0, 0x82, 0, 0, 5},
		{0x82, 0xff, 0, 5, 0, 1, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff},
		{0x82, 0, 0, 5, 0, 2, 0xff, 0xff, 0, 0, 0, 0},
		{0x82, 0, 0, 5, 0xff, 0xff, 0, 1, 0, 0, 0, 0},
		{0x82, 0, 0, 5, 0, 0, 0, 1, 0, 0, 0, 0},
		{0x82, 0, 0, 8, 0, 1, 0, 1, 0, 0, 0, 0},
		{0x03, 0, 0, 5, 0, 1, 0, 1, 0, 0, 0, 0},
	} {
		f.Add(b)
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		before := bytes.Clone(b)
		o, rest, err := ParsePortSetOption(b)
		if !bytes.Equal(b, before) {
			t.Fatalf("the input %x changed to %x", before, b)
		}
		wellFormed := len(b) >= 12 && b[0] == 130 && b[2] == 0 && b[3] == 5
		var size, first int
		if wellFormed {
			size, first = int(b[4])*256+int(b[5]), int(b[6])*256+int(b[7])
		}
		if !wellFormed || size == 0 || first+size > PortCount {
			if !errors.Is(err, ErrWire) || o != (PortSetOption{}) || !bytes.Equal(rest, b) {
				t.Fatalf("%x: %v, rest %x, error %v; want ErrWire, the zero option and the input", b, o, rest, err)
			}
			return
		}
		if err != nil || int(o.Size) != size || int(o.FirstInternal) != first || o.Parity != (b[8]%2 == 1) {
			t.Fatalf("%x: %v, %v; want %d ports from %d", b, o, err, size, first)
		}
		if !bytes.Equal(rest, b[12:]) {
			t.Fatalf("%x: rest %x, want what follows the twelfth octet", b, rest)
		}
		if r, err := o.Internal(); err != nil || int(r.First()) != first || r.Len() != size {
			t.Fatalf("%x: Internal() = %v, %v; want %d ports from %d", b, r, err, size, first)
		}
		out, err := o.AppendBinary(nil)
		if err != nil || len(out) != 12 {
			t.Fatalf("AppendBinary of %v = %x, %v", o, out, err)
		}
		if again, rest, err := ParsePortSetOption(out); err != nil || again != o || len(rest) != 0 {
			t.Fatalf("%x reads as %v, %x, %v; want %v", out, again, rest, err, o)
		}
	})
}
