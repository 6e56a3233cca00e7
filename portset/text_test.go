package portset

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"
)

func TestParseRange(t *testing.T) {
	for _, tc := range []struct{ name, in, want string }{
		{"range", "1024-2023", "1024-2023"},
		{"single port", "1024", "1024"},
		{"port 0", "0", "0"},
		{"last port", "65535", "65535"},
		{"all ports", "0-65535", "0-65535"},
		{"equal ends", "7-7", "7"},
		{"blanks around", " 1024-2023\t", "1024-2023"},
		{"blanks inside", "1024 -\t2023", "1024-2023"},
		{"leading zeros", "0001-00065535", "1-65535"},
		{"many leading zeros", strings.Repeat("0", 100_000) + "80", "80"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			r, err := ParseRange(tc.in)
			if err != nil {
				t.Fatal(err)
			}
			if r.String() != tc.want {
				t.Errorf("got %v, want %s", r, tc.want)
			}
			var u Range
			if err := u.UnmarshalText([]byte(tc.in)); err != nil || u != r {
				t.Errorf("UnmarshalText gives %v, %v; want %v", u, err, r)
			}
		})
	}
}

func TestParseRangeErrors(t *testing.T) {
	for _, tc := range []struct {
		name, in string
		want     error
		text     string
	}{
		{"empty", "", ErrSyntax, `port range "": invalid port set text: a port is missing`},
		{"blank", " \t ", ErrSyntax, `port range " \t ": invalid port set text: a port is missing`},
		{"dash", "-", ErrSyntax, `port range "-": invalid port set text: a port is missing`},
		{"no last", "1024-", ErrSyntax, `port range "1024-": invalid port set text: a port is missing`},
		{"no first", "-1024", ErrSyntax, `port range "-1024": invalid port set text: a port is missing`},
		{"two dashes", "1--2", ErrSyntax, `port range "1--2": invalid port set text: "-2" is not a decimal port number`},
		{"three ports", "1-2-3", ErrSyntax, `port range "1-2-3": invalid port set text: "2-3" is not a decimal port number`},
		{"letter", "a", ErrSyntax, `port range "a": invalid port set text: "a" is not a decimal port number`},
		{"letter last", "1-b", ErrSyntax, `port range "1-b": invalid port set text: "b" is not a decimal port number`},
		{"plus", "+80", ErrSyntax, `port range "+80": invalid port set text: "+80" is not a decimal port number`},
		{"hexadecimal", "0x50", ErrSyntax, `port range "0x50": invalid port set text: "0x50" is not a decimal port number`},
		{"underscore", "1_024", ErrSyntax, `port range "1_024": invalid port set text: "1_024" is not a decimal port number`},
		{"point", "80.0", ErrSyntax, `port range "80.0": invalid port set text: "80.0" is not a decimal port number`},
		{"colon", "1024:2023", ErrSyntax,
			`port range "1024:2023": invalid port set text: "1024:2023" is not a decimal port number`},
		{"blank inside a number", "10 24", ErrSyntax,
			`port range "10 24": invalid port set text: "10 24" is not a decimal port number`},
		{"comma", "1,2", ErrSyntax, `port range "1,2": invalid port set text: "1,2" is not a decimal port number`},
		{"newline", "80\n", ErrSyntax, `port range "80\n": invalid port set text: "80\n" is not a decimal port number`},
		{"NUL", "80\x00", ErrSyntax, `port range "80\x00": invalid port set text: "80\x00" is not a decimal port number`},
		{"byte order mark", "\ufeff80", ErrSyntax,
			`port range "\ufeff80": invalid port set text: "\ufeff80" is not a decimal port number`},
		{"not UTF-8", "\xff80", ErrSyntax, `port range "\xff80": invalid port set text: "\xff80" is not a decimal port number`},
		{"non-breaking space", "\u00a080", ErrSyntax,
			`port range "\u00a080": invalid port set text: "\u00a080" is not a decimal port number`},
		{"Arabic digits", "٨٠", ErrSyntax, `port range "٨٠": invalid port set text: "٨٠" is not a decimal port number`},
		{"en dash", "1–2", ErrSyntax, `port range "1–2": invalid port set text: "1–2" is not a decimal port number`},
		{"past the end", "65536", ErrRange, `port range "65536": invalid port range: port 65536 is past 65535`},
		{"last past the end", "1-65536", ErrRange, `port range "1-65536": invalid port range: port 65536 is past 65535`},
		{"more than 64 bits", "18446744073709551697", ErrRange,
			`port range "18446744073709551697": invalid port range: port 18446744073709551697 is past 65535`},
		{"a large number with a letter is no number", "70000x", ErrSyntax,
			`port range "70000x": invalid port set text: "70000x" is not a decimal port number`},
		{"reversed", "2023-1024", ErrRange, "invalid port range 2023-1024: the range is reversed; write 1024-2023"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			r, err := ParseRange(tc.in)
			sameError(t, err, tc.want, tc.text)
			if r.IsValid() {
				t.Errorf("range is %v, want the zero Range", r)
			}
			keep := mustRange(t, 7, 9)
			sameError(t, keep.UnmarshalText([]byte(tc.in)), tc.want, tc.text)
			if keep != mustRange(t, 7, 9) {
				t.Errorf("UnmarshalText changed the value to %v", keep)
			}
		})
	}
	t.Run("huge", func(t *testing.T) {
		var r Range
		err := r.UnmarshalText([]byte(strings.Repeat("1", maxText+1)))
		sameError(t, err, ErrSyntax, "invalid port set text: 262145 bytes are no port range")
	})
	t.Run("huge number", func(t *testing.T) {
		if _, err := ParseRange(strings.Repeat("9", 1_000_000)); !errors.Is(err, ErrRange) {
			t.Error("a number with a million digits is not refused with ErrRange")
		}
	})
}

func TestParseSet(t *testing.T) {
	for _, tc := range []struct{ name, in, want string }{
		{"single port", "1900", "1900"},
		{"port and range", "1900,5060-5061", "1900,5060-5061"},
		{"any order", "5060-5061,1900", "1900,5060-5061"},
		{"overlap", "10-20,15-30", "10-30"},
		{"nested", "10-30,15-20", "10-30"},
		{"nested, then apart", "10-30,15-20,32", "10-30,32"},
		{"touching", "10-20,21-30", "10-30"},
		{"touching singles", "3,2,1", "1-3"},
		{"one port apart", "10-20,22-30", "10-20,22-30"},
		{"repeated", "80,80,80", "80"},
		{"both ends", "65535,0", "0,65535"},
		{"all ports", "0-65535", "0-65535"},
		{"all ports in two halves", "32768-65535,0-32767", "0-65535"},
		{"all ports and the last again", "0-65535,65535", "0-65535"},
		{"blanks", " 1 , 3 - 4\t,\t6 ", "1,3-4,6"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			s, err := ParseSet(tc.in)
			if err != nil {
				t.Fatal(err)
			}
			if s.String() != tc.want {
				t.Errorf("got %v, want %s", s, tc.want)
			}
		})
	}
}

func TestParseSetErrors(t *testing.T) {
	for _, tc := range []struct {
		name, in string
		want     error
		text     string
	}{
		{"empty", "", ErrEmpty, "empty port set: the text is blank"},
		{"blank", " \t", ErrEmpty, "empty port set: the text is blank"},
		{"comma", ",", ErrSyntax, `port range "": invalid port set text: a port is missing`},
		{"trailing comma", "80,", ErrSyntax, `port range "": invalid port set text: a port is missing`},
		{"leading comma", ",80", ErrSyntax, `port range "": invalid port set text: a port is missing`},
		{"two commas", "80,,81", ErrSyntax, `port range "": invalid port set text: a port is missing`},
		{"blank part", "80, ,81", ErrSyntax, `port range " ": invalid port set text: a port is missing`},
		{"dash", "-", ErrSyntax, `port range "-": invalid port set text: a port is missing`},
		{"no last", "1024-", ErrSyntax, `port range "1024-": invalid port set text: a port is missing`},
		{"letter", "a", ErrSyntax, `port range "a": invalid port set text: "a" is not a decimal port number`},
		{"word after a range", "1-2,none", ErrSyntax,
			`port range "none": invalid port set text: "none" is not a decimal port number`},
		{"semicolon", "1;2", ErrSyntax, `port range "1;2": invalid port set text: "1;2" is not a decimal port number`},
		{"newline", "1\n2", ErrSyntax, `port range "1\n2": invalid port set text: "1\n2" is not a decimal port number`},
		{"byte order mark", "\ufeff1,2", ErrSyntax,
			`port range "\ufeff1": invalid port set text: "\ufeff1" is not a decimal port number`},
		{"negative", "1,-2", ErrSyntax, `port range "-2": invalid port set text: a port is missing`},
		{"past the end", "1,65536", ErrRange, `port range "65536": invalid port range: port 65536 is past 65535`},
		{"reversed", "1,5-4", ErrRange, "invalid port range 5-4: the range is reversed; write 4-5"},
		{"one byte too long", strings.Repeat("1,", maxText/2) + "1", ErrSyntax,
			"invalid port set text: 262145 bytes are more than any port set needs"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			s, err := ParseSet(tc.in)
			sameError(t, err, tc.want, tc.text)
			if s.IsValid() {
				t.Errorf("set is %v, want the zero Set", s)
			}
			keep := mustSet(t, "7-9")
			sameError(t, keep.UnmarshalText([]byte(tc.in)), tc.want, tc.text)
			if keep.String() != "7-9" {
				t.Errorf("UnmarshalText changed the value to %v", keep)
			}
		})
	}
}

// The longest canonical text, every other port, must fit into what ParseSet reads.
func TestParseSetLongestText(t *testing.T) {
	s := ValueMask(1, 1)
	text := s.String()
	if len(text) > maxText {
		t.Fatalf("text of %d ranges has %d bytes, more than maxText", s.RangeCount(), len(text))
	}
	got, err := ParseSet(text)
	if err != nil {
		t.Fatal(err)
	}
	if got.Len() != 32768 || got.RangeCount() != 32768 || !got.Equal(s) {
		t.Errorf("read back %d ports in %d ranges, want 32768 in 32768", got.Len(), got.RangeCount())
	}
}

func TestSetText(t *testing.T) {
	s := mustSet(t, "1900,5060-5061")
	b, err := s.AppendText([]byte("ports="))
	if err != nil || string(b) != "ports=1900,5060-5061" {
		t.Errorf("AppendText = %q, %v", b, err)
	}
	b, err = Set{}.AppendText([]byte("kept"))
	sameError(t, err, ErrEmpty, "empty port set: the zero Set has no text")
	if string(b) != "kept" {
		t.Errorf("AppendText of the zero Set = %q, want the input", b)
	}
	_, err = Set{}.MarshalText()
	sameError(t, err, ErrEmpty, "empty port set: the zero Set has no text")
}

func TestSetJSON(t *testing.T) {
	type subscriber struct {
		Ports Set `json:"ports"`
		Spare Set `json:"spare,omitzero"`
	}
	layout := mustLayout(t, 6, 8)
	psid, err := layout.Set(0x34)
	if err != nil {
		t.Fatal(err)
	}
	for _, tc := range []struct {
		name string
		in   subscriber
		want string // "" for: read back only
	}{
		{"one range", subscriber{Ports: mustSet(t, "1024-2023")}, `{"ports":"1024-2023"}`},
		{"list", subscriber{Ports: mustSet(t, "80,443")}, `{"ports":"80,443"}`},
		{"last port", subscriber{Ports: mustSet(t, "65535"), Spare: mustSet(t, "0")}, `{"ports":"65535","spare":"0"}`},
		{"PSID set", subscriber{Ports: psid}, ""},
		{"staggered", subscriber{Ports: mustSet(t, "1024-65535").Every(3, 16, 4032)}, ""},
		{"slice of a list", subscriber{Ports: mustSet(t, "1-5,9,20-30").Slice(4, 4)}, `{"ports":"5,9,20-21"}`},
	} {
		t.Run(tc.name, func(t *testing.T) {
			b, err := json.Marshal(tc.in)
			if err != nil {
				t.Fatal(err)
			}
			if tc.want != "" && string(b) != tc.want {
				t.Errorf("JSON is %s, want %s", b, tc.want)
			}
			var out subscriber
			if err := json.Unmarshal(b, &out); err != nil {
				t.Fatal(err)
			}
			if !out.Ports.Equal(tc.in.Ports) || !out.Spare.Equal(tc.in.Spare) {
				t.Errorf("read back %v, want %v", out, tc.in)
			}
		})
	}
	t.Run("zero Set has no JSON", func(t *testing.T) {
		if b, err := json.Marshal(subscriber{}); !errors.Is(err, ErrEmpty) {
			t.Errorf("json.Marshal = %s, %v; want ErrEmpty", b, err)
		}
	})
	for _, tc := range []struct {
		name, in string
		want     error
	}{
		{"empty string", `{"ports":""}`, ErrEmpty},
		{"byte order mark", `{"ports":"\ufeff80"}`, ErrSyntax},
		{"past the end", `{"ports":"65536"}`, ErrRange},
	} {
		t.Run(tc.name, func(t *testing.T) {
			var out subscriber
			if err := json.Unmarshal([]byte(tc.in), &out); !errors.Is(err, tc.want) {
				t.Errorf("error %v, want %v", err, tc.want)
			}
			if out.Ports.IsValid() {
				t.Errorf("read %v", out.Ports)
			}
		})
	}
}
