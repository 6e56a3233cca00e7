package portset

import (
	"bytes"
	"encoding/hex"
	"errors"
	"testing"
)

func TestPortSetOptionRoundTrip(t *testing.T) {
	for _, tc := range []struct {
		name     string
		option   PortSetOption
		wire     string
		internal string
	}{
		{"RFC 7753 section 5.1", PortSetOption{Size: 100, FirstInternal: 50000}, "820000050064c35000000000", "50000-50099"},
		{"parity", PortSetOption{Size: 100, FirstInternal: 50000, Parity: true}, "820000050064c35001000000", "50000-50099"},
		{"one port", PortSetOption{Size: 1, FirstInternal: 80}, "820000050001005000000000", "80"},
		{"port 0", PortSetOption{Size: 1}, "820000050001000000000000", "0"},
		{"the last port", PortSetOption{Size: 1, FirstInternal: 65535}, "820000050001ffff00000000", "65535"},
		{"up to the last port", PortSetOption{Size: 512, FirstInternal: 65024}, "820000050200fe0000000000", "65024-65535"},
		{"the largest size", PortSetOption{Size: 65535, FirstInternal: 1}, "82000005ffff000100000000", "1-65535"},
		{"the largest size from 0", PortSetOption{Size: 65535}, "82000005ffff000000000000", "0-65534"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			b, err := tc.option.AppendBinary([]byte{0xaa})
			if err != nil {
				t.Fatal(err)
			}
			if got := hex.EncodeToString(b); got != "aa"+tc.wire {
				t.Errorf("AppendBinary = %s, want aa%s", got, tc.wire)
			}
			for _, rest := range [][]byte{nil, {0xbb}, bytes.Repeat([]byte{0xbb}, 12)} {
				o, left, err := ParsePortSetOption(append(b[1:13:13], rest...))
				if err != nil || o != tc.option || !bytes.Equal(left, rest) {
					t.Errorf("ParsePortSetOption with %d octets behind = %v, %x, %v; want %v", len(rest), o, left, err, tc.option)
				}
			}
			if r, err := tc.option.Internal(); err != nil || r.String() != tc.internal {
				t.Errorf("Internal() = %v, %v; want %s", r, err, tc.internal)
			}
		})
	}
}

// Receivers ignore the reserved octet, the reserved flags and the padding.
func TestPortSetOptionReserved(t *testing.T) {
	for _, tc := range []struct {
		name, wire string
		want       PortSetOption
	}{
		{"reserved octet", "82ff00050064c35000000000", PortSetOption{Size: 100, FirstInternal: 50000}},
		{"reserved flags", "820000050064c350fe000000", PortSetOption{Size: 100, FirstInternal: 50000}},
		{"all flags", "820000050064c350ff000000", PortSetOption{Size: 100, FirstInternal: 50000, Parity: true}},
		{"padding", "820000050064c35000ffffff", PortSetOption{Size: 100, FirstInternal: 50000}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			b, err := hex.DecodeString(tc.wire)
			if err != nil {
				t.Fatal(err)
			}
			o, rest, err := ParsePortSetOption(b)
			if err != nil || o != tc.want || len(rest) != 0 {
				t.Errorf("got %v, %x, %v; want %v", o, rest, err, tc.want)
			}
		})
	}
}

func TestParsePortSetOptionErrors(t *testing.T) {
	for _, tc := range []struct{ name, wire, text string }{
		{"nothing", "", "malformed PORT_SET option: 0 octets, want 12"},
		{"header only", "82000005", "malformed PORT_SET option: 4 octets, want 12"},
		{"no padding", "820000050064c35000", "malformed PORT_SET option: 9 octets, want 12"},
		{"one octet short", "820000050064c350000000", "malformed PORT_SET option: 11 octets, want 12"},
		{"another option", "030000050064c35000000000", "malformed PORT_SET option: option code 3, want 130"},
		{"length 0", "820000000064c35000000000", "malformed PORT_SET option: option length 0, want 5"},
		{"length 4", "820000040064c35000000000", "malformed PORT_SET option: option length 4, want 5"},
		{"length with the padding", "820000080064c35000000000", "malformed PORT_SET option: option length 8, want 5"},
		{"length in the wrong byte order", "820005000064c35000000000", "malformed PORT_SET option: option length 1280, want 5"},
		{"size 0", "820000050000c35000000000", "malformed PORT_SET option: size 0 (RFC 7753 section 4.2)"},
		{"one past the last port", "820000050002ffff00000000",
			"malformed PORT_SET option: 2 ports from 65535 end at 65536, past 65535"},
		{"far past the last port", "82000005ffffffff00000000",
			"malformed PORT_SET option: 65535 ports from 65535 end at 131069, past 65535"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			b, err := hex.DecodeString(tc.wire)
			if err != nil {
				t.Fatal(err)
			}
			o, rest, err := ParsePortSetOption(b)
			sameError(t, err, ErrWire, tc.text)
			if o != (PortSetOption{}) || !bytes.Equal(rest, b) {
				t.Errorf("got %v and %x, want the zero option and the input", o, rest)
			}
		})
	}
}

func TestPortSetOptionInvalid(t *testing.T) {
	for _, tc := range []struct {
		name   string
		option PortSetOption
		text   string
	}{
		{"zero value", PortSetOption{}, "malformed PORT_SET option: size 0 (RFC 7753 section 4.2)"},
		{"size 0", PortSetOption{FirstInternal: 80, Parity: true}, "malformed PORT_SET option: size 0 (RFC 7753 section 4.2)"},
		{"past the last port", PortSetOption{Size: 65535, FirstInternal: 2},
			"malformed PORT_SET option: 65535 ports from 2 end at 65536, past 65535"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			b, err := tc.option.AppendBinary([]byte("kept"))
			sameError(t, err, ErrWire, tc.text)
			if string(b) != "kept" {
				t.Errorf("AppendBinary returns %q, want its input", b)
			}
			r, err := tc.option.Internal()
			sameError(t, err, ErrWire, tc.text)
			if r.IsValid() {
				t.Errorf("Internal() = %v, want the zero Range", r)
			}
		})
	}
	if errors.Is(ErrWire, ErrRange) {
		t.Error("ErrWire is ErrRange")
	}
}
