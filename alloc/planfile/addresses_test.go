package planfile

import "testing"

// TestParseAddresses gives the keys that take addresses everything that is none.
func TestParseAddresses(t *testing.T) {
	for _, c := range []struct{ name, file, want string }{
		{"host bits", "version: 1\npools:\n  - name: a\n    inside: 100.64.0.1/24\n    outside: 198.18.0.0/27\n", `
p.yaml:4:13: pools[0].inside: invalid address 100.64.0.1/24: host bits are set; write 100.64.0.0/24 for the prefix or 100.64.0.1 for the one address
    4 |     inside: 100.64.0.1/24
      |             ^
`},
		{"reversed range", "version: 1\npools:\n  - name: a\n    inside: 100.64.0.9-100.64.0.3\n    outside: 198.18.0.0/27\n", `
p.yaml:4:13: pools[0].inside: invalid address 100.64.0.9-100.64.0.3: the range is reversed; write 100.64.0.3-100.64.0.9
    4 |     inside: 100.64.0.9-100.64.0.3
      |             ^
`},
		{"/33", "version: 1\npools:\n  - name: a\n    inside: 100.64.0.0/33\n    outside: 198.18.0.0/27\n", `
p.yaml:4:13: pools[0].inside: invalid address "100.64.0.0/33": the prefix length is a number from 0 to 32
    4 |     inside: 100.64.0.0/33
      |             ^
`},
		{"/024", "version: 1\npools:\n  - name: a\n    inside: 100.64.0.0/024\n    outside: 198.18.0.0/27\n", `
p.yaml:4:13: pools[0].inside: invalid address "100.64.0.0/024": the prefix length is a number from 0 to 32
    4 |     inside: 100.64.0.0/024
      |             ^
`},
		{"IPv6", "version: 1\npools:\n  - name: a\n    inside: 2001:db8::1\n    outside: 198.18.0.0/27\n", `
p.yaml:4:13: pools[0].inside: invalid address "2001:db8::1": this is IPv6; NAT44 takes IPv4 addresses
    4 |     inside: 2001:db8::1
      |             ^
`},
		{"IPv6 prefix", "version: 1\npools:\n  - name: a\n    inside: 2001:db8::/32\n    outside: 198.18.0.0/27\n", `
p.yaml:4:13: pools[0].inside: invalid address "2001:db8::": this is IPv6; NAT44 takes IPv4 addresses
    4 |     inside: 2001:db8::/32
      |             ^
`},
		{"IPv4 in IPv6", "version: 1\npools:\n  - name: a\n    inside: ::ffff:100.64.0.1\n    outside: 198.18.0.0/27\n", `
p.yaml:4:13: pools[0].inside: invalid address "::ffff:100.64.0.1": this is IPv6; NAT44 takes IPv4 addresses
    4 |     inside: ::ffff:100.64.0.1
      |             ^
`},
		{"octet past 255", "version: 1\npools:\n  - name: a\n    inside: 100.64.0.256\n    outside: 198.18.0.0/27\n", `
p.yaml:4:13: pools[0].inside: invalid address "100.64.0.256": want an IPv4 address such as 100.64.0.1
    4 |     inside: 100.64.0.256
      |             ^
`},
		{"leading zeros", "version: 1\npools:\n  - name: a\n    inside: 100.064.0.1\n    outside: 198.18.0.0/27\n", `
p.yaml:4:13: pools[0].inside: invalid address "100.064.0.1": want an IPv4 address such as 100.64.0.1
    4 |     inside: 100.064.0.1
      |             ^
`},
		{"three octets", "version: 1\npools:\n  - name: a\n    inside: 100.64.1\n    outside: 198.18.0.0/27\n", `
p.yaml:4:13: pools[0].inside: invalid address "100.64.1": want an IPv4 address such as 100.64.0.1
    4 |     inside: 100.64.1
      |             ^
`},
		{"address as number", "version: 1\npools:\n  - name: a\n    inside: 1681915904\n    outside: 198.18.0.0/27\n", `
p.yaml:4:13: pools[0].inside: the value must be an address, prefix or range such as 100.64.0.0/22, and this is the number "1681915904"
    4 |     inside: 1681915904
      |             ^
`},
		{"address is empty", "version: 1\npools:\n  - name: a\n    inside: \n    outside: 198.18.0.0/27\n", `
p.yaml:4:12: pools[0].inside: the value must be an address, prefix or range such as 100.64.0.0/22, and this is empty
    4 |     inside: 
      |            ^
`},
		{"address is a mapping", "version: 1\npools:\n  - name: a\n    inside: 100.64.0.0/24\n    outside: {file: x}\n", `
p.yaml:5:14: pools[0].outside: the value must be an address, prefix or range such as 100.64.0.0/22, and this is a mapping
    5 |     outside: {file: x}
      |              ^
`},
		{"list in a list", "version: 1\npools:\n  - name: a\n    inside: [[100.64.0.0/24]]\n    outside: 198.18.0.0/27\n", `
p.yaml:4:14: pools[0].inside[0]: the value must be an address, prefix or range such as 100.64.0.0/22, and this is a list
    4 |     inside: [[100.64.0.0/24]]
      |              ^
`},
		{"empty text", "version: 1\npools:\n  - name: a\n    inside: \"\"\n    outside: 198.18.0.0/27\n", `
p.yaml:4:13: pools[0].inside: invalid address "": want an IPv4 address such as 100.64.0.1
    4 |     inside: ""
      |             ^
`},
		{"one text with two", "version: 1\npools:\n  - name: a\n    inside: 100.64.0.0/24, 100.64.1.0/24\n    outside: 198.18.0.0/27\n", `
p.yaml:4:13: pools[0].inside: invalid address "100.64.0.0/24, 100.64.1.0/24": the prefix length is a number from 0 to 32
    4 |     inside: 100.64.0.0/24, 100.64.1.0/24
      |             ^
hint: write several as a list: [100.64.0.0/24, 100.64.1.0/24]
`},
		{"empty list", "version: 1\npools:\n  - name: a\n    inside: []\n    outside: 198.18.0.0/27\n", `
p.yaml:4:13: pool "a": the list of subscribers is empty
    4 |     inside: []
      |             ^
hint: list at least one address
`},
		{"third item of a list", "version: 1\npools:\n  - name: a\n    inside: \n      - 100.64.0.0/24\n      - 100.64.1.0/24\n      - 100.64.2.1/24\n      - 100.64.3.0/24\n    outside: 198.18.0.0/27\n", `
p.yaml:7:9: pools[0].inside[2]: invalid address 100.64.2.1/24: host bits are set; write 100.64.2.0/24 for the prefix or 100.64.2.1 for the one address
    7 |       - 100.64.2.1/24
      |         ^
`},
		{"exclusions", good + "    exclude-inside: [100.64.0.0/25, x]\n    exclude-outside: {a: b}\n", `
p.yaml:6:37: pools[0].exclude-inside[1]: invalid address "x": want an IPv4 address such as 100.64.0.1
    6 |     exclude-inside: [100.64.0.0/25, x]
      |                                     ^
p.yaml:7:22: pools[0].exclude-outside: the value must be an address, prefix or range such as 100.64.0.0/22, and this is a mapping
    7 |     exclude-outside: {a: b}
      |                      ^
`},
		{"key ID is a list", good + "    key-id: [a]\n", `
p.yaml:6:13: pools[0].key-id: the value must be text, and this is a list
    6 |     key-id: [a]
      |             ^
`},
		{"key ID is empty", good + "    key-id:\n", `
p.yaml:6:12: pools[0].key-id: the value must be text, and this is empty
    6 |     key-id:
      |            ^
`},
	} {
		refused(t, c.name, c.file, c.want)
	}
}
