package portset

import (
	"encoding/json"
	"errors"
	"math"
	"testing"
)

// failer is what the helpers need of *testing.T, *testing.B and *rapid.T.
type failer interface {
	Helper()
	Fatalf(format string, args ...any)
}

func mustRange(t failer, first, last int) Range {
	t.Helper()
	r, err := NewRange(first, last)
	if err != nil {
		t.Fatalf("NewRange(%d, %d): %v", first, last, err)
	}
	return r
}

// sameError fails unless err wraps want and has exactly text.
func sameError(t *testing.T, err, want error, text string) {
	t.Helper()
	if !errors.Is(err, want) {
		t.Errorf("error %v does not wrap %q", err, want)
	}
	if err != nil && err.Error() != text {
		t.Errorf("error text\n got %s\nwant %s", err, text)
	}
}

func TestNewRange(t *testing.T) {
	for _, tc := range []struct {
		name        string
		first, last int
		len         int
		text        string
	}{
		{"port 0", 0, 0, 1, "0"},
		{"system ports", 0, 1023, 1024, "0-1023"},
		{"two ports", 7, 8, 2, "7-8"},
		{"the last port", 65535, 65535, 1, "65535"},
		{"up to the last port", 1024, 65535, 64512, "1024-65535"},
		{"all ports", 0, 65535, 65536, "0-65535"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			r := mustRange(t, tc.first, tc.last)
			if !r.IsValid() {
				t.Error("IsValid() = false")
			}
			if int(r.First()) != tc.first || int(r.Last()) != tc.last {
				t.Errorf("ends are %d and %d, want %d and %d", r.First(), r.Last(), tc.first, tc.last)
			}
			if r.Len() != tc.len {
				t.Errorf("Len() = %d, want %d", r.Len(), tc.len)
			}
			if r.String() != tc.text {
				t.Errorf("String() = %q, want %q", r, tc.text)
			}
			if again := mustRange(t, tc.first, tc.last); again != r {
				t.Errorf("%v != %v", again, r)
			}
			n := 0
			for p := range PortCount {
				if r.Contains(uint16(p)) {
					n++
					if p < tc.first || p > tc.last {
						t.Fatalf("Contains(%d) = true", p)
					}
				}
			}
			if n != tc.len {
				t.Errorf("contains %d ports, want %d", n, tc.len)
			}
		})
	}
}

func TestNewRangeErrors(t *testing.T) {
	for _, tc := range []struct {
		name        string
		first, last int
		text        string
	}{
		{"reversed", 2023, 1024, "invalid port range 2023-1024: the range is reversed; write 1024-2023"},
		{"reversed by one", 1, 0, "invalid port range 1-0: the range is reversed; write 0-1"},
		{"all ports reversed", 65535, 0, "invalid port range 65535-0: the range is reversed; write 0-65535"},
		{"negative first", -1, 5, "invalid port range -1-5: -1 is not a port; ports are 0 to 65535"},
		{"negative last", 0, -1, "invalid port range 0--1: -1 is not a port; ports are 0 to 65535"},
		{"first past the end", 65536, 65536, "invalid port range 65536-65536: 65536 is not a port; ports are 0 to 65535"},
		{"last past the end", 0, 65536, "invalid port range 0-65536: 65536 is not a port; ports are 0 to 65535"},
		{"wraps to a port in 16 bits", 65536 + 80, 65536 + 90,
			"invalid port range 65616-65626: 65616 is not a port; ports are 0 to 65535"},
		{"largest 32-bit number", 0, math.MaxInt32,
			"invalid port range 0-2147483647: 2147483647 is not a port; ports are 0 to 65535"},
		{"smallest 32-bit number", math.MinInt32, 0,
			"invalid port range -2147483648-0: -2147483648 is not a port; ports are 0 to 65535"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			r, err := NewRange(tc.first, tc.last)
			sameError(t, err, ErrRange, tc.text)
			if r != (Range{}) {
				t.Errorf("range is %v, want the zero Range", r)
			}
		})
	}
}

func TestZeroRange(t *testing.T) {
	var r Range
	if r.IsValid() {
		t.Error("IsValid() = true")
	}
	if r.Len() != 0 {
		t.Errorf("Len() = %d, want 0", r.Len())
	}
	if got := r.String(); got != "invalid Range" {
		t.Errorf("String() = %q", got)
	}
	for p := range PortCount {
		if r.Contains(uint16(p)) {
			t.Fatalf("Contains(%d) = true", p)
		}
	}
	if r == mustRange(t, 0, 0) {
		t.Error("the zero Range equals port 0")
	}
	if r == mustRange(t, 0, 65535) {
		t.Error("the zero Range equals all ports")
	}
	_, err := r.MarshalText()
	sameError(t, err, ErrRange, "invalid port range: the zero Range has no text")
}

func TestRangeJSON(t *testing.T) {
	type block struct {
		Ports Range         `json:"ports"`
		Spare Range         `json:"spare,omitzero"`
		Names map[Range]int `json:"names,omitempty"`
	}
	for _, tc := range []struct {
		name string
		in   block
		text string
	}{
		{"range", block{Ports: mustRange(t, 1024, 2023)}, `{"ports":"1024-2023"}`},
		{"single port", block{Ports: mustRange(t, 0, 0)}, `{"ports":"0"}`},
		{"last port", block{Ports: mustRange(t, 0, 65535), Spare: mustRange(t, 65535, 65535)},
			`{"ports":"0-65535","spare":"65535"}`},
		{"map key", block{Ports: mustRange(t, 1, 2), Names: map[Range]int{mustRange(t, 3, 4): 5}},
			`{"ports":"1-2","names":{"3-4":5}}`},
	} {
		t.Run(tc.name, func(t *testing.T) {
			b, err := json.Marshal(tc.in)
			if err != nil {
				t.Fatal(err)
			}
			if string(b) != tc.text {
				t.Errorf("JSON is %s, want %s", b, tc.text)
			}
			var out block
			if err := json.Unmarshal(b, &out); err != nil {
				t.Fatal(err)
			}
			if out.Ports != tc.in.Ports || out.Spare != tc.in.Spare || len(out.Names) != len(tc.in.Names) {
				t.Errorf("read back %v, want %v", out, tc.in)
			}
			for r, n := range tc.in.Names {
				if out.Names[r] != n {
					t.Errorf("Names[%v] = %d, want %d", r, out.Names[r], n)
				}
			}
		})
	}
	t.Run("zero Range has no JSON", func(t *testing.T) {
		if b, err := json.Marshal(block{}); !errors.Is(err, ErrRange) {
			t.Errorf("json.Marshal = %s, %v; want ErrRange", b, err)
		}
	})
	t.Run("an error leaves the value alone", func(t *testing.T) {
		in := block{Ports: mustRange(t, 7, 9)}
		if err := json.Unmarshal([]byte(`{"ports":"9-7"}`), &in); !errors.Is(err, ErrRange) {
			t.Errorf("error %v, want ErrRange", err)
		}
		if in.Ports != mustRange(t, 7, 9) {
			t.Errorf("value changed to %v", in.Ports)
		}
	})
}
