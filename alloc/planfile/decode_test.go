package planfile

import "testing"

// TestParseKeys gives Parse unknown, duplicate and missing keys.
func TestParseKeys(t *testing.T) {
	for _, c := range []struct{ name, file, want string }{
		{"unknown key at the top", "version: 1\npool: []\nowner: me\n", `
p.yaml:2:1: unknown key "pool" in the plan file
    2 | pool: []
      | ^
hint: did you mean pools?
p.yaml:3:1: unknown key "owner" in the plan file
    3 | owner: me
      | ^
hint: the keys are version, no-translate, pools, softwires
p.yaml:1:1: the key pools is missing
    1 | version: 1
      | ^
hint: list at least one pool
`},
		{"unknown key in a pool", good + "    colour: blue\n", `
p.yaml:6:5: pools[0]: unknown key "colour" in a pool
    6 |     colour: blue
      |     ^
hint: the keys are KEYS
`},
		{"underscore for dash", good + "    sharing_ratio: 32\n", `
p.yaml:6:5: pools[0]: unknown key "sharing_ratio" in a pool
    6 |     sharing_ratio: 32
      |     ^
hint: did you mean sharing-ratio?
`},
		{"letter left out", good + "    sceme: spread\n", `
p.yaml:6:5: pools[0]: unknown key "sceme" in a pool
    6 |     sceme: spread
      |     ^
hint: did you mean scheme?
`},
		{"neighbours swapped", good + "    setp: 4\n", `
p.yaml:6:5: pools[0]: unknown key "setp" in a pool
    6 |     setp: 4
      |     ^
hint: did you mean step?
`},
		{"plural", good + "    port: 1024-2047\n", `
p.yaml:6:5: pools[0]: unknown key "port" in a pool
    6 |     port: 1024-2047
      |     ^
hint: did you mean ports?
`},
		{"upper case", good + "    Realm: x\n", `
p.yaml:6:5: pools[0]: unknown key "Realm" in a pool
    6 |     Realm: x
      |     ^
hint: did you mean realm?
`},
		{"start of a key", good + "    ports-per: 32\n", `
p.yaml:6:5: pools[0]: unknown key "ports-per" in a pool
    6 |     ports-per: 32
      |     ^
hint: did you mean ports-per-subscriber?
`},
		{"unknown key in a subscriber list", "version: 1\npools:\n  - name: a\n    inside:\n      - {file: x.csv, files: y, column: 3}\n    outside: 198.18.0.0/27\n", `
p.yaml:5:16: pools[0].inside[0].file: a plan that does not come from a file cannot name a list file
    5 |       - {file: x.csv, files: y, column: 3}
      |                ^
p.yaml:5:23: pools[0].inside[0]: unknown key "files" in a subscriber list
    5 |       - {file: x.csv, files: y, column: 3}
      |                       ^
hint: did you mean file?
p.yaml:5:33: pools[0].inside[0]: unknown key "column" in a subscriber list
    5 |       - {file: x.csv, files: y, column: 3}
      |                                 ^
hint: the keys are file
`},
		{"list file without a folder", "version: 1\npools:\n  - name: a\n    inside: {file: x.csv}\n    outside: 198.18.0.0/27\n", `
p.yaml:4:20: pools[0].inside.file: a plan that does not come from a file cannot name a list file
    4 |     inside: {file: x.csv}
      |                    ^
`},
		{"empty list file name", "version: 1\npools:\n  - name: a\n    inside:\n      - 100.64.0.0/24\n      - file: \"\"\n    outside: 198.18.0.0/27\n", `
p.yaml:6:15: pools[0].inside[1].file: the name of the list file is empty
    6 |       - file: ""
      |               ^
hint: for example file: subscribers.csv
`},
		{"subscriber list without a file", "version: 1\npools:\n  - name: a\n    inside: [100.64.0.0/24, {}]\n    outside: 198.18.0.0/27\n", `
p.yaml:4:29: pools[0].inside[1]: the subscriber list has no file
    4 |     inside: [100.64.0.0/24, {}]
      |                             ^
hint: for example file: subscribers.csv
`},
		{"duplicate key at the top", "version: 1\nversion: 1\npools: []\n", `
p.yaml:2:1: duplicate key version, first in line 1
    2 | version: 1
      | ^
hint: leave one of them out
`},
		{"duplicate pools", good + "pools: []\n", `
p.yaml:6:1: duplicate key pools, first in line 2
    6 | pools: []
      | ^
hint: leave one of them out
`},
		{"duplicate key in a pool", good + "    name: b\n", `
p.yaml:6:5: pools[0]: duplicate key name, first in line 3
    6 |     name: b
      |     ^
hint: leave one of them out
`},
		{"duplicate as text", good + "    \"outside\": 198.18.1.0/27\n", `
p.yaml:6:5: pools[0]: duplicate key outside, first in line 5
    6 |     "outside": 198.18.1.0/27
      |     ^
hint: leave one of them out
`},
		{"no version", "pools:\n  - name: a\n    inside: 100.64.0.0/24\n    outside: 198.18.0.0/27\n", `
p.yaml:1:1: the key version is missing
    1 | pools:
      | ^
hint: write version: 1 at the top
`},
		{"version 2", "version: 2\npools:\n  - name: a\n    inside: 100.64.0.0/24\n    outside: 198.18.0.0/27\n", `
p.yaml:1:10: version: 2 is unknown; this program reads version 1
    1 | version: 2
      |          ^
`},
		{"version 0", "version: 0\npools:\n  - name: a\n    inside: 100.64.0.0/24\n    outside: 198.18.0.0/27\n", `
p.yaml:1:10: version: 0 is unknown; this program reads version 1
    1 | version: 0
      |          ^
`},
		{"version as text", "version: \"1\"\npools:\n  - name: a\n    inside: 100.64.0.0/24\n    outside: 198.18.0.0/27\n", `
p.yaml:1:10: version: the value must be the number 1, and this is the text "1"
    1 | version: "1"
      |          ^
`},
		{"version 1.0", "version: 1.0\npools:\n  - name: a\n    inside: 100.64.0.0/24\n    outside: 198.18.0.0/27\n", `
p.yaml:1:10: version: the value must be the number 1, and this is "1.0" (float)
    1 | version: 1.0
      |          ^
`},
		{"version 01", "version: 01\npools:\n  - name: a\n    inside: 100.64.0.0/24\n    outside: 198.18.0.0/27\n", `
p.yaml:1:10: version: 01 is unknown; this program reads version 1
    1 | version: 01
      |          ^
`},
		{"version +1", "version: +1\npools:\n  - name: a\n    inside: 100.64.0.0/24\n    outside: 198.18.0.0/27\n", `
p.yaml:1:10: version: +1 is unknown; this program reads version 1
    1 | version: +1
      |          ^
`},
		{"empty version", "version: \npools:\n  - name: a\n    inside: 100.64.0.0/24\n    outside: 198.18.0.0/27\n", `
p.yaml:1:9: version: the value must be the number 1, and this is empty
    1 | version: 
      |         ^
`},
		{"no pools", "version: 1\n", `
p.yaml:1:1: the key pools is missing
    1 | version: 1
      | ^
hint: list at least one pool
`},
		{"empty pools", "version: 1\npools:\n", `
p.yaml:2:7: pools: the value must be a list of pools, and this is empty
    2 | pools:
      |       ^
`},
		{"pools is a mapping", "version: 1\npools:\n  name: a\n", `
p.yaml:3:3: pools: the value must be a list of pools, and this is a mapping
    3 |   name: a
      |   ^
`},
		{"pools is text", "version: 1\npools: a\n", `
p.yaml:2:8: pools: the value must be a list of pools, and this is the text "a"
    2 | pools: a
      |        ^
`},
		{"no pool", "version: 1\npools: []\n", `
p.yaml:2:8: the plan has no pools
    2 | pools: []
      |        ^
`},
		{"pools of all sorts", "version: 1\npools: [1, null, a, []]\n", `
p.yaml:2:9: pools[0]: a pool must be a mapping with the keys KEYS, and this is the number "1"
    2 | pools: [1, null, a, []]
      |         ^
p.yaml:2:12: pools[1]: a pool must be a mapping with the keys KEYS, and this is empty
    2 | pools: [1, null, a, []]
      |            ^
p.yaml:2:18: pools[2]: a pool must be a mapping with the keys KEYS, and this is the text "a"
    2 | pools: [1, null, a, []]
      |                  ^
p.yaml:2:21: pools[3]: a pool must be a mapping with the keys KEYS, and this is a list
    2 | pools: [1, null, a, []]
      |                     ^
`},
		{"an empty pool", "version: 1\npools:\n  - {}\n", `
p.yaml:3:5: pools[0]: the pool has no name
    3 |   - {}
      |     ^
hint: for example name: fttx-north
p.yaml:3:5: pools[0]: the pool has no inside
    3 |   - {}
      |     ^
hint: for example inside: 100.64.0.0/22
p.yaml:3:5: pools[0]: the pool has no outside
    3 |   - {}
      |     ^
hint: for example outside: 198.18.0.0/27
`},
		{"pool without required keys", "version: 1\npools:\n  - realm: x\n", `
p.yaml:3:5: pools[0]: the pool has no name
    3 |   - realm: x
      |     ^
hint: for example name: fttx-north
p.yaml:3:5: pools[0]: the pool has no inside
    3 |   - realm: x
      |     ^
hint: for example inside: 100.64.0.0/22
p.yaml:3:5: pools[0]: the pool has no outside
    3 |   - realm: x
      |     ^
hint: for example outside: 198.18.0.0/27
`},
		{"second pool without name", good + "  - inside: 100.64.1.0/24\n    outside: 198.18.1.0/27\n", `
p.yaml:6:5: pools[1]: the pool has no name
    6 |   - inside: 100.64.1.0/24
      |     ^
hint: for example name: fttx-north
`},
		{"everything at once", "version: 3\npools:\n  - name: [a]\n    inside: 100.64.0.1/24\n    inside: 100.64.0.0/24\n    outside: 198.18.0.9-198.18.0.3\n    sharing_ratio: 4\n    ports: 70000\n  - outside: fe80::1\nextra: 1\n", `
p.yaml:1:10: version: 3 is unknown; this program reads version 1
    1 | version: 3
      |          ^
p.yaml:3:11: pools[0].name: the value must be text, and this is a list
    3 |   - name: [a]
      |           ^
p.yaml:4:13: pools[0].inside: invalid address 100.64.0.1/24: host bits are set; write 100.64.0.0/24 for the prefix or 100.64.0.1 for the one address
    4 |     inside: 100.64.0.1/24
      |             ^
p.yaml:5:5: pools[0]: duplicate key inside, first in line 4
    5 |     inside: 100.64.0.0/24
      |     ^
hint: leave one of them out
p.yaml:6:14: pools[0].outside: invalid address 198.18.0.9-198.18.0.3: the range is reversed; write 198.18.0.3-198.18.0.9
    6 |     outside: 198.18.0.9-198.18.0.3
      |              ^
p.yaml:7:5: pools[0]: unknown key "sharing_ratio" in a pool
    7 |     sharing_ratio: 4
      |     ^
hint: did you mean sharing-ratio?
p.yaml:8:12: pools[0].ports: port range "70000": invalid port range: port 70000 is past 65535
    8 |     ports: 70000
      |            ^
hint: for example 1024-65535
p.yaml:9:14: pools[1].outside: invalid address "fe80::1": this is IPv6; NAT44 takes IPv4 addresses
    9 |   - outside: fe80::1
      |              ^
p.yaml:9:5: pools[1]: the pool has no name
    9 |   - outside: fe80::1
      |     ^
hint: for example name: fttx-north
p.yaml:9:5: pools[1]: the pool has no inside
    9 |   - outside: fe80::1
      |     ^
hint: for example inside: 100.64.0.0/22
p.yaml:10:1: unknown key "extra" in the plan file
   10 | extra: 1
      | ^
hint: the keys are version, no-translate, pools, softwires
`},
	} {
		refused(t, c.name, c.file, c.want)
	}
}
