package s46

import (
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestDecodeErrors(t *testing.T) {
	for _, tc := range []struct {
		name, hex string
		want      error
		text      string
	}{
		{"empty", "", ErrTruncated, "code and length"},
		{"unknown", "000100020000", ErrUnknown, "option 1"},
		{"ea-len 49", "0059000d013118c00002002820010db800", ErrValue, "S46_RULE: ea-len: invalid value: 49"},
		{"prefix4-len 33", "0059000d011021c00002002820010db800", ErrValue, "S46_RULE: prefix4-len"},
		{"prefix6-len 129", "0059000d011018c00002008120010db800", ErrValue, "S46_RULE: prefix6-len"},
		{"prefix6-len lies", "0059000d011018c00002003020010db800", ErrTruncated, "S46_RULE: prefix6"},
		{"prefix6-len lies, short", "0059000d011018c00002002020010db800", ErrTruncated, "code and length"},
		{"mapped rule6", "00590018000018c00002006000000000000000000000ffff0000000000", ErrValue, "S46_RULE: ipv6-prefix"},
		{"offset 16", "005d000410000000", ErrValue, "S46_PORTPARAMS: offset"},
		{"a + k = 17", "005d0004060b0000", ErrValue, "PSID-len"},
		{"k = 255", "005d000400ff0000", ErrValue, "PSID-len"},
		{"port parameters too long", "005d00050608340000", ErrTrailing, "S46_PORTPARAMS"},
		{"two port parameters", "0059001f000020c00002123820010db8001234005d000406083400005d000406083400", ErrContent, "number 1: invalid content: S46_PORTPARAMS stands twice"},
		{"BR of 15", "005a000f20010db8ffff000000000000000000", ErrTruncated, "address"},
		{"BR of 17", "005a001120010db8ffff0000000000000000000100", ErrTrailing, "S46_BR"},
		{"BR is ::", "005a001000000000000000000000000000000000", ErrValue, "address"},
		{"BR is ::1", "005a001000000000000000000000000000000001", ErrValue, "address"},
		{"BR is fe80::1", "005a0010fe800000000000000000000000000001", ErrValue, "address"},
		{"BR is ff02::1", "005a0010ff020000000000000000000000000001", ErrValue, "address"},
		{"BR is IPv4", "005a001000000000000000000000ffffc0000201", ErrValue, "address"},
		{"DMR /63", "005b00093f20010db8ffff0000", ErrValue, "dmr-ipv6-prefix"},
		{"DMR /97", "005b000e6120010db8ffff000000000000000000", ErrValue, "dmr-ipv6-prefix"},
		{"DMR too long", "005b000a4020010db8ffff000000", ErrTrailing, "S46_DMR"},
		{"rule in a rule", "0059001c011018c00002002020010db80059000c011018c00002002020010db8", ErrContent, "S46_RULE does not belong here"},
		{"container in a container", "005e0004005e0000", ErrContent, "S46_CONT_MAPE: invalid content: S46_CONT_MAPE is inside another option"},
		{"container in a rule", "00590010011018c00002002020010db8005e0000", ErrContent, "inside another option"},
		{"bad rule in a container", "005e00250059000d013118c00002002820010db800005a001020010db8ffff00000000000000000001", ErrValue, "S46_CONT_MAPE: number 0: S46_RULE: ea-len"},
		{"empty container", "005f0000", ErrContent, "S46_RULE is missing"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			o, _, err := Decode(mustHex(t, tc.hex))
			if o != nil {
				t.Errorf("Decode = %v", o)
			}
			if !errors.Is(err, tc.want) {
				t.Fatalf("error is %v, want %v", err, tc.want)
			}
			if err == nil || !strings.Contains(err.Error(), tc.text) {
				t.Errorf("error %q does not say %q", err, tc.text)
			}
		})
	}
}

// What RFC 7598 has a client ignore is ignored: bits behind prefixes and PSIDs, flags, options of others.
func TestIgnored(t *testing.T) {
	for _, tc := range []struct {
		name, hex string
		want      Option
	}{
		{"flags", "0059000cff1018c00002002020010db8", Rule{Forwarding: true, EALen: 16, IPv4: pfx("192.0.2.0/24"), IPv6: pfx("2001:db8::/32")}},
		{"host bits", "0059000d011018c00002ff2420010db8ff", Rule{Forwarding: true, EALen: 16, IPv4: pfx("192.0.2.0/24"), IPv6: pfx("2001:db8:f000::/36")}},
		{"bits behind the PSID", "005d0004060834ff", PortParams{6, 8, 0x34}},
		{"PSID-len 0", "005d00040600ffff", PortParams{6, 0, 0}},
		{"all bits", "005d00040010ffff", PortParams{0, 16, 0xffff}},
		{"an option of another RFC", "00600019" + "00010001ff" + "005a001020010db8ffff00000000000000000001", LW{nil, []BR{br}}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			got, _, err := Decode(mustHex(t, tc.hex))
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tc.want, got, equal); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}
