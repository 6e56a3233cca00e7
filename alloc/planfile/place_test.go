package planfile

import (
	"fmt"
	"strings"
	"testing"
)

// manyPorts returns n destinations as a list in block style.
func manyPorts(n int) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, "\n  - 203.0.113.53 udp/%d", i)
	}
	return b.String()
}

// TestPlace checks that findings about the plan stand where the file says what is wrong.
func TestPlace(t *testing.T) {
	for _, c := range []struct{ name, file, want string }{
		{"overlap in the third item of the second pool", good + "  - name: b\n    inside: 100.64.1.0/24\n    outside:\n      - 203.0.113.0/29\n      - 203.0.113.8\n      - 198.18.0.16/30 # in the first pool\n", `
p.yaml:11:9: pool "b": outside addresses 198.18.0.16-198.18.0.19 (4) also belong to pool "a"
   11 |       - 198.18.0.16/30 # in the first pool
      |         ^
hint: give every outside address to one pool
`},
		{"overlap in a list on one line", good + "  - name: b\n    inside: 100.64.1.0/24\n    outside: [203.0.113.0/29, 198.18.0.16/30]\n", `
p.yaml:8:31: pool "b": outside addresses 198.18.0.16-198.18.0.19 (4) also belong to pool "a"
    8 |     outside: [203.0.113.0/29, 198.18.0.16/30]
      |                               ^
hint: give every outside address to one pool
`},
		{"overlap in one pool", "version: 1\npools:\n  - name: a\n    inside: 100.64.0.0/24\n    outside: [198.18.0.0/27, 198.18.0.3]\n", `
p.yaml:5:30: pool "a": outside address 198.18.0.3 is listed twice: in 198.18.0.0/27 and in 198.18.0.3
    5 |     outside: [198.18.0.0/27, 198.18.0.3]
      |                              ^
hint: list every address once
`},
		{"capacity", "version: 1\npools:\n  - name: a\n    inside: 100.64.0.0/24\n    outside: 198.18.0.0\n    ports-per-subscriber: 2000\n", `
p.yaml:5:14: pool "a": 256 subscribers do not fit on 1 address: 32 fit with 2000 ports each (32 on an address)
    5 |     outside: 198.18.0.0
      |              ^
hint: it fits with 8 addresses (7 more), or with at most 252 ports per subscriber (sharing ratio 256)
`},
		{"too many for any port", "version: 1\npools:\n  - name: a\n    inside: 100.64.0.0/10\n    outside: 198.18.0.0\n", `
p.yaml:5:14: pool "a": 4194304 subscribers do not fit on 1 address: 64512 fit, with a single port each
    5 |     outside: 198.18.0.0
      |              ^
hint: it takes at least 66 addresses to give each subscriber a single port
`},
		{"sharing ratio leaves no ports", good + "    ports: 65000-65535\n    sharing-ratio: 1000\n", `
p.yaml:7:20: pool "a": a sharing ratio of 1000 leaves no ports: an address has 536 ports for shares
    7 |     sharing-ratio: 1000
      |                    ^
hint: the sharing ratio is at most 536 here
`},
		{"ports do not fit", good + "    ports: 65000-65535\n    ports-per-subscriber: 1000\n", `
p.yaml:7:27: pool "a": 1000 ports per subscriber do not fit into 536 ports of an address
    7 |     ports-per-subscriber: 1000
      |                           ^
hint: at most 536 ports per subscriber fit
`},
		{"ratio and ports contradict", good + "    ports-per-subscriber: 2016\n    sharing-ratio: 64\n", `
p.yaml:6:27: pool "a": 64 shares of 2016 ports do not fit into 64512 ports of an address
    6 |     ports-per-subscriber: 2016
      |                           ^
hint: with sharing ratio 64 at most 1008 ports per subscriber fit; with 2016 ports per subscriber the sharing ratio is at most 32
`},
		{"inside listed twice", "version: 1\npools:\n  - name: a\n    inside: \n      - 100.64.0.0/24\n      - 100.64.1.0/24\n      - 100.64.0.200-100.64.0.210\n    outside: 198.18.0.0/27\n", `
p.yaml:7:9: pool "a": inside address 100.64.0.200 is listed twice: in 100.64.0.0/24 and in 100.64.0.200-100.64.0.210
    7 |       - 100.64.0.200-100.64.0.210
      |         ^
hint: list every address once
`},
		{"inside listed in two pools", good + "  - name: b\n    inside: [100.65.0.0/24, 100.64.0.7]\n    outside: 198.18.1.0/27\n", `
p.yaml:7:29: pool "b": inside address 100.64.0.7 also belongs to pool "a"
    7 |     inside: [100.65.0.0/24, 100.64.0.7]
      |                             ^
hint: list every inside address in one pool, or give the pools different realms
`},
		{"loop", "version: 1\npools:\n  - name: a\n    inside: 100.64.0.0/24\n    outside: [198.18.0.0/27, 100.64.0.128/27]\n", `
p.yaml:5:30: pool "a": outside address 100.64.0.128 is also an inside address of realm "default", in pool "a"
    5 |     outside: [198.18.0.0/27, 100.64.0.128/27]
      |                              ^
hint: an address cannot be on both sides: correct one of the lists, or use another realm
`},
		{"unusable", "version: 1\npools:\n  - name: a\n    inside: [100.64.0.0/24, 127.0.0.1]\n    outside: 198.18.0.0/27\n", `
p.yaml:4:29: pool "a": inside 127.0.0.1 cannot be used: 127.0.0.0/8 is loopback (RFC 1122)
    4 |     inside: [100.64.0.0/24, 127.0.0.1]
      |                             ^
`},
		{"multicast outside", "version: 1\npools:\n  - name: a\n    inside: 100.64.0.0/24\n    outside: 224.0.0.0/27\n", `
p.yaml:5:14: pool "a": outside 224.0.0.0/27 cannot be used: 224.0.0.0/4 is multicast (RFC 5771)
    5 |     outside: 224.0.0.0/27
      |              ^
`},
		{"exclusion that hits nothing", good + "    exclude-outside: [198.18.0.1, 198.18.1.1]\n", `
p.yaml:6:35: pool "a": 198.18.1.1 is excluded, but it is in none of the outside ranges
    6 |     exclude-outside: [198.18.0.1, 198.18.1.1]
      |                                   ^
hint: correct it or leave it out
`},
		{"everything excluded", good + "    exclude-inside: 100.64.0.0/24\n", `
p.yaml:4:13: pool "a": every inside address is excluded
    4 |     inside: 100.64.0.0/24
      |             ^
hint: exclude fewer addresses
`},
		{"bad name", "version: 1\npools:\n  - name: north east\n    inside: 100.64.0.0/24\n    outside: 198.18.0.0/27\n", `
p.yaml:3:11: pool "north east": "north east" is no pool name
    3 |   - name: north east
      |           ^
hint: a name starts with a letter or digit and holds letters, digits, '.', '_' and '-', 64 at most
`},
		{"empty name", "version: 1\npools:\n  - name: \"\"\n    inside: 100.64.0.0/24\n    outside: 198.18.0.0/27\n", `
p.yaml:3:11: "" is no pool name
    3 |   - name: ""
      |           ^
hint: a name starts with a letter or digit and holds letters, digits, '.', '_' and '-', 64 at most
`},
		{"bad realm", good + "    realm: _\n", `
p.yaml:6:12: pool "a": "_" is no realm name
    6 |     realm: _
      |            ^
hint: a name starts with a letter or digit and holds letters, digits, '.', '_' and '-', 64 at most
`},
		{"name taken", good + "  - name: a\n    inside: 100.64.1.0/24\n    outside: 198.18.1.0/27\n", `
p.yaml:6:11: pool "a": pool 1 has this name too
    6 |   - name: a
      |           ^
hint: give every pool a name of its own
`},
		{"step is missing", good + "    scheme: step\n", `
p.yaml:6:13: pool "a": scheme step needs step, the number of interleaved subscribers
    6 |     scheme: step
      |             ^
hint: for example step: 4
`},
		{"step does not belong", good + "    step: 4\n", `
p.yaml:6:11: pool "a": step belongs to scheme step, and the scheme is sequential
    6 |     step: 4
      |           ^
hint: leave it out, or write scheme: step
`},
		{"key ID is missing", good + "    scheme: random\n", `
p.yaml:6:13: pool "a": scheme random needs key-id, the ID of its key
    6 |     scheme: random
      |             ^
hint: give a key file: --key-file FILE, and write the ID that it has
`},
		{"key is missing", good + "    scheme: random\n    key-id: 70cdcdcdbfe1ad0e\n", `
p.yaml:7:13: pool "a": the key with ID "70cdcdcdbfe1ad0e" is not at hand
    7 |     key-id: 70cdcdcdbfe1ad0e
      |             ^
hint: give it with --key-file FILE
`},
		{"a + k > 16", good + "    scheme: psid\n    psid-offset: 10\n    psid-length: 7\n", `
p.yaml:8:18: pool "a": invalid PSID layout: PSID offset 10 + PSID length 7 is more than the 16 bits of a port; with offset 10 the length is at most 6
    8 |     psid-length: 7
      |                  ^
`},
		{"offset does not belong", good + "    psid-offset: 0\n", `
p.yaml:6:18: pool "a": psid-offset belongs to scheme psid, and the scheme is sequential
    6 |     psid-offset: 0
      |                  ^
hint: leave it out, or write scheme: psid
`},
		{"two kinds of dynamic", good + "    dynamic-shares: 1\n    dynamic-ports: 100\n", `
p.yaml:7:20: pool "a": dynamic-shares and dynamic-ports are both given
    7 |     dynamic-ports: 100
      |                    ^
hint: leave one of them out
`},
		{"dynamic ports are all", good + "    dynamic-ports: 64512\n", `
p.yaml:6:20: pool "a": 64512 dynamic ports leave none of the 64512 usable ports for shares
    6 |     dynamic-ports: 64512
      |                    ^
hint: set at most 64504 ports aside for dynamic blocks
`},
		{"destination twice", exempt("\n  - 203.0.113.0/24\n  - 203.0.113.53 udp/53\n\n  - \"203.0.113.0 - 203.0.113.255\"  # again"), `
p.yaml:6:5: destination 203.0.113.0/24 is listed twice
    6 |   - "203.0.113.0 - 203.0.113.255"  # again
      |     ^
hint: list every destination once
`},
		{"destination holds an outside address", exempt(" [203.0.113.53 udp/53, 198.18.0.0/15 tcp/80, 198.18.0.31]"), `
p.yaml:2:37: destination 198.18.0.0/15 tcp/80 holds outside address 198.18.0.0 of pool "a"
    2 | no-translate: [203.0.113.53 udp/53, 198.18.0.0/15 tcp/80, 198.18.0.31]
      |                                     ^
hint: outside addresses are translated always: leave them out, or choose by port alone, for example 0.0.0.0/0 udp/53
p.yaml:2:59: destination 198.18.0.31 holds outside address 198.18.0.31 of pool "a"
    2 | no-translate: [203.0.113.53 udp/53, 198.18.0.0/15 tcp/80, 198.18.0.31]
      |                                                           ^
hint: outside addresses are translated always: leave them out, or choose by port alone, for example 0.0.0.0/0 udp/53
`},
		{"nothing is translated", exempt(" 0.0.0.0/0"), `
p.yaml:2:15: destination 0.0.0.0/0 holds outside address 198.18.0.0 of pool "a"
    2 | no-translate: 0.0.0.0/0
      |               ^
hint: outside addresses are translated always: leave them out, or choose by port alone, for example 0.0.0.0/0 udp/53
`},
		{"too many destinations with ports", exempt(manyPorts(1025)), `
p.yaml:1027:5: a plan has at most 1024 destinations with ports
 1027 |   - 203.0.113.53 udp/1024
      |     ^
hint: join prefixes and port ranges that continue each other
`},
		{"destination and pool", strings.Replace(exempt(" 198.18.0.0"), "name: a", "name: a b", 1), `
p.yaml:4:11: pool "a b": "a b" is no pool name
    4 |   - name: a b
      |           ^
hint: a name starts with a letter or digit and holds letters, digits, '.', '_' and '-', 64 at most
p.yaml:2:15: destination 198.18.0.0 holds outside address 198.18.0.0 of pool "a b"
    2 | no-translate: 198.18.0.0
      |               ^
hint: outside addresses are translated always: leave them out, or choose by port alone, for example 0.0.0.0/0 udp/53
`},
		{"several pools", "version: 1\npools:\n  - name: a b\n    inside: 100.64.0.0/24\n    outside: 198.18.0.0/27\n    step: 4\n  - name: b\n    inside: 100.64.0.0/25\n    outside: 198.18.0.31\n", `
p.yaml:3:11: pool "a b": "a b" is no pool name
    3 |   - name: a b
      |           ^
hint: a name starts with a letter or digit and holds letters, digits, '.', '_' and '-', 64 at most
p.yaml:6:11: pool "a b": step belongs to scheme step, and the scheme is sequential
    6 |     step: 4
      |           ^
hint: leave it out, or write scheme: step
p.yaml:9:14: pool "b": outside address 198.18.0.31 also belongs to pool "a b"
    9 |     outside: 198.18.0.31
      |              ^
hint: give every outside address to one pool
p.yaml:8:13: pool "b": inside addresses 100.64.0.0-100.64.0.127 (128) also belong to pool "a b"
    8 |     inside: 100.64.0.0/25
      |             ^
hint: list every inside address in one pool, or give the pools different realms
`},
		{"two lists of which one is flow", "version: 1\npools:\n  - name: a\n    inside: [\n      100.64.0.0/25,\n      100.64.0.128/25,\n      100.64.0.255 ]\n    outside: 198.18.0.0/27\n", `
p.yaml:7:7: pool "a": inside address 100.64.0.255 is listed twice: in 100.64.0.128/25 and in 100.64.0.255
    7 |       100.64.0.255 ]
      |       ^
hint: list every address once
`},
	} {
		refused(t, c.name, c.file, c.want)
	}
}
