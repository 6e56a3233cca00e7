package planfile

import (
	"slices"
	"testing"
)

// TestParseDestinations gives no-translate everything that is no destination.
func TestParseDestinations(t *testing.T) {
	const hint = "hint: for example 203.0.113.0/24, 203.0.113.53 udp/53 or 0.0.0.0/0 tcp/8000-8080\n"
	for _, c := range []struct{ name, file, want string }{
		{"host bits", exempt("\n  - 203.0.113.0/24\n  - 198.51.100.1/24 tcp/80 # web\n"), `
p.yaml:4:5: no-translate[1]: invalid destination: invalid address 198.51.100.1/24: host bits are set; write 198.51.100.0/24 for the prefix or 198.51.100.1 for the one address
    4 |   - 198.51.100.1/24 tcp/80 # web
      |     ^
` + hint},
		{"several on a line", exempt(" [2001:db8::1, 203.0.113.0/24, 203.0.113.53 icmp, 203.0.113.53 udp/70000]"), `
p.yaml:2:16: no-translate[0]: invalid destination: invalid address "2001:db8::1": this is IPv6; NAT44 takes IPv4 addresses
    2 | no-translate: [2001:db8::1, 203.0.113.0/24, 203.0.113.53 icmp, 203.0.113.53 udp/70000]
      |                ^
` + hint + `p.yaml:2:45: no-translate[2]: invalid destination: want tcp/PORTS or udp/PORTS behind the addresses, and this is "icmp"
    2 | no-translate: [2001:db8::1, 203.0.113.0/24, 203.0.113.53 icmp, 203.0.113.53 udp/70000]
      |                                             ^
` + hint + `p.yaml:2:64: no-translate[3]: invalid destination: port range "70000": invalid port range: port 70000 is past 65535
    2 | no-translate: [2001:db8::1, 203.0.113.0/24, 203.0.113.53 icmp, 203.0.113.53 udp/70000]
      |                                                                ^
` + hint},
		{"protocol without ports", exempt(" 203.0.113.53 udp"), `
p.yaml:2:15: no-translate: invalid destination: udp has no ports; all of them are udp/0-65535
    2 | no-translate: 203.0.113.53 udp
      |               ^
` + hint},
		{"several in one text", exempt(" 203.0.113.0/24, 203.0.113.53 udp/53"), `
p.yaml:2:15: no-translate: invalid destination: invalid address "203.0.113.0/24, 203.0.113.53": the prefix length is a number from 0 to 32
    2 | no-translate: 203.0.113.0/24, 203.0.113.53 udp/53
      |               ^
hint: write several as a list: [203.0.113.0/24, 203.0.113.53 udp/53]
`},
		{"a port alone", exempt(" [53]"), `
p.yaml:2:16: no-translate[0]: the value must be a destination such as 203.0.113.0/24 or 203.0.113.53 udp/53, and this is the number "53"
    2 | no-translate: [53]
      |                ^
`},
		{"a mapping", exempt("\n  - 203.0.113.53: udp/53"), `
p.yaml:3:5: no-translate[0]: the value must be a destination such as 203.0.113.0/24 or 203.0.113.53 udp/53, and this is a mapping
    3 |   - 203.0.113.53: udp/53
      |     ^
`},
		{"a list file", exempt(" {file: x}"), `
p.yaml:2:15: no-translate: the value must be a destination such as 203.0.113.0/24 or 203.0.113.53 udp/53, and this is a mapping
    2 | no-translate: {file: x}
      |               ^
`},
		{"empty", exempt(""), `
p.yaml:2:14: no-translate: the value must be a destination such as 203.0.113.0/24 or 203.0.113.53 udp/53, and this is empty
    2 | no-translate:
      |              ^
`},
		{"an empty item", exempt("\n  -\n  - 203.0.113.0/24"), `
p.yaml:3:4: no-translate[0]: the value must be a destination such as 203.0.113.0/24 or 203.0.113.53 udp/53, and this is empty
    3 |   -
      |    ^
`},
		{"an alias", exempt("\n  - &a 203.0.113.0/24\n  - *a"), `
p.yaml:4:5: no-translate[1]: the value must be a destination such as 203.0.113.0/24 or 203.0.113.53 udp/53, and this is an alias
    4 |   - *a
      |     ^
`},
		{"in a pool", good + "    no-translate: 203.0.113.0/24\n", `
p.yaml:6:5: pools[0]: unknown key "no-translate" in a pool
    6 |     no-translate: 203.0.113.0/24
      |     ^
hint: the keys are KEYS
`},
		{"with an underscore, and twice", exempt(" 203.0.113.0/24\nno_translate: 203.0.113.0/24\nno-translate: 203.0.113.0/24"), `
p.yaml:3:1: unknown key "no_translate" in the plan file
    3 | no_translate: 203.0.113.0/24
      | ^
hint: did you mean no-translate?
p.yaml:4:1: duplicate key no-translate, first in line 2
    4 | no-translate: 203.0.113.0/24
      | ^
hint: leave one of them out
`},
	} {
		refused(t, c.name, c.file, c.want)
	}
}

func TestDestinations(t *testing.T) {
	plain := must(Parse("p.yaml", []byte(good), Options{})).Plan
	for value, want := range map[string]string{
		" 203.0.113.53 udp/53": "203.0.113.53 udp/53", "\n  - 203.0.113.0/24\n  - '0.0.0.0/0   tcp/8000 - 8080'": "203.0.113.0/24,0.0.0.0/0 tcp/8000-8080",
		" [203.0.113.7/32, 10.0.0.2-10.0.0.3 udp/0-0]": "203.0.113.7,10.0.0.2/31 udp/0", "\n- 203.0.113.53\n  udp/53\n": "203.0.113.53 udp/53",
	} {
		f, err := Parse("p.yaml", []byte(exempt(value)), Options{})
		if err != nil {
			t.Errorf("no-translate:%s: %v", value, err)
			continue
		}
		if got := f.Plan.NoTranslate(); !slices.Equal(got, dests(want)) || !slices.Equal(f.Spec.NoTranslate, got) || f.Plan.SHA256() == plain.SHA256() {
			t.Errorf("no-translate:%s is read as %v, want %s", value, got, want)
		}
	}
	f, err := Parse("p.yaml", []byte(exempt(" []")), Options{})
	if err != nil || len(f.Plan.NoTranslate()) != 0 || f.Plan.SHA256() != plain.SHA256() {
		t.Errorf("an empty list: %v, %v", f, err)
	}
}
