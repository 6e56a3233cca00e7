package planfile

import "testing"

// TestParseValues gives every kind of key values of every wrong type, and numbers and ports that are out of range.
func TestParseValues(t *testing.T) {
	for _, c := range []struct{ name, file, want string }{
		{"name is a number", "version: 1\npools:\n  - name: 1e3\n    inside: 100.64.0.0/24\n    outside: 198.18.0.0/27\n", `
p.yaml:3:11: pools[0].name: the value must be text, and this is "1e3" (float)
    3 |   - name: 1e3
      |           ^
`},
		{"name is hexadecimal", "version: 1\npools:\n  - name: 0x1f\n    inside: 100.64.0.0/24\n    outside: 198.18.0.0/27\n", `
p.yaml:3:11: pools[0].name: the value must be text, and this is the number "0x1f"
    3 |   - name: 0x1f
      |           ^
`},
		{"name is a date", "version: 1\npools:\n  - name: 2026-11-22\n    inside: 100.64.0.0/24\n    outside: 198.18.0.0/27\n", `
p.yaml:3:11: pools[0].name: the value must be text, and this is "2026-11-22" (timestamp)
    3 |   - name: 2026-11-22
      |           ^
`},
		{"name is null", "version: 1\npools:\n  - name: null\n    inside: 100.64.0.0/24\n    outside: 198.18.0.0/27\n", `
p.yaml:3:11: pools[0].name: the value must be text, and this is empty
    3 |   - name: null
      |           ^
`},
		{"name is a boolean", "version: 1\npools:\n  - name: true\n    inside: 100.64.0.0/24\n    outside: 198.18.0.0/27\n", `
p.yaml:3:11: pools[0].name: the value must be text, and this is "true" (bool)
    3 |   - name: true
      |           ^
`},
		{"name is a list", "version: 1\npools:\n  - name: [a]\n    inside: 100.64.0.0/24\n    outside: 198.18.0.0/27\n", `
p.yaml:3:11: pools[0].name: the value must be text, and this is a list
    3 |   - name: [a]
      |           ^
`},
		{"name is binary", "version: 1\npools:\n  - name: !!binary YQ==\n    inside: 100.64.0.0/24\n    outside: 198.18.0.0/27\n", `
p.yaml:3:11: pools[0].name: the value must be text, and this is "YQ==" (binary)
    3 |   - name: !!binary YQ==
      |           ^
`},
		{"realm is a mapping", good + "    realm: {a: b}\n", `
p.yaml:6:12: pools[0].realm: the value must be text, and this is a mapping
    6 |     realm: {a: b}
      |            ^
`},
		{"scheme is unknown", good + "    scheme: round-robin\n", `
p.yaml:6:13: pools[0].scheme: invalid scheme "round-robin": want one of sequential, spread, stripe, staggered, step, psid, random, explicit
    6 |     scheme: round-robin
      |             ^
`},
		{"scheme with a typing mistake", good + "    scheme: sequentail\n", `
p.yaml:6:13: pools[0].scheme: invalid scheme "sequentail": want one of sequential, spread, stripe, staggered, step, psid, random, explicit
    6 |     scheme: sequentail
      |             ^
hint: did you mean sequential?
`},
		{"scheme is empty", good + "    scheme:\n", `
p.yaml:6:12: pools[0].scheme: the value must be text, and this is empty
    6 |     scheme:
      |            ^
`},
		{"scheme is a list", good + "    scheme: [step]\n", `
p.yaml:6:13: pools[0].scheme: the value must be text, and this is a list
    6 |     scheme: [step]
      |             ^
`},
		{"number is empty", good + "    sharing-ratio:\n", `
p.yaml:6:19: pools[0].sharing-ratio: the value must be a number, and this is empty
    6 |     sharing-ratio:
      |                   ^
`},
		{"number as text", good + "    sharing-ratio: \"32\"\n", `
p.yaml:6:20: pools[0].sharing-ratio: the value must be a number, and this is the text "32"
    6 |     sharing-ratio: "32"
      |                    ^
`},
		{"number is a word", good + "    sharing-ratio: many\n", `
p.yaml:6:20: pools[0].sharing-ratio: the value must be a number, and this is the text "many"
    6 |     sharing-ratio: many
      |                    ^
`},
		{"number is a list", good + "    sharing-ratio: [32]\n", `
p.yaml:6:20: pools[0].sharing-ratio: the value must be a number, and this is a list
    6 |     sharing-ratio: [32]
      |                    ^
`},
		{"1e3", good + "    sharing-ratio: 1e3\n", `
p.yaml:6:20: pools[0].sharing-ratio: the value must be a number, and this is "1e3" (float)
    6 |     sharing-ratio: 1e3
      |                    ^
`},
		{"0x10", good + "    sharing-ratio: 0x10\n", `
p.yaml:6:20: pools[0].sharing-ratio: "0x10" is not a decimal number from 1 to 65535
    6 |     sharing-ratio: 0x10
      |                    ^
`},
		{"0o17", good + "    sharing-ratio: 0o17\n", `
p.yaml:6:20: pools[0].sharing-ratio: "0o17" is not a decimal number from 1 to 65535
    6 |     sharing-ratio: 0o17
      |                    ^
`},
		{"010", good + "    sharing-ratio: 010\n", `
p.yaml:6:20: pools[0].sharing-ratio: "010" is not a decimal number from 1 to 65535
    6 |     sharing-ratio: 010
      |                    ^
`},
		{"+8", good + "    sharing-ratio: +8\n", `
p.yaml:6:20: pools[0].sharing-ratio: "+8" is not a decimal number from 1 to 65535
    6 |     sharing-ratio: +8
      |                    ^
`},
		{"1_000", good + "    sharing-ratio: 1_000\n", `
p.yaml:6:20: pools[0].sharing-ratio: "1_000" is not a decimal number from 1 to 65535
    6 |     sharing-ratio: 1_000
      |                    ^
`},
		{"8.0", good + "    sharing-ratio: 8.0\n", `
p.yaml:6:20: pools[0].sharing-ratio: the value must be a number, and this is "8.0" (float)
    6 |     sharing-ratio: 8.0
      |                    ^
`},
		{"zero", good + "    sharing-ratio: 0\n", `
p.yaml:6:20: pools[0].sharing-ratio: "0" is not a decimal number from 1 to 65535
    6 |     sharing-ratio: 0
      |                    ^
`},
		{"negative", good + "    step: -4\n", `
p.yaml:6:11: pools[0].step: "-4" is not a decimal number from 1 to 65535
    6 |     step: -4
      |           ^
`},
		{"minus zero", good + "    dynamic-ports: -0\n", `
p.yaml:6:20: pools[0].dynamic-ports: "-0" is not a decimal number from 0 to 65535
    6 |     dynamic-ports: -0
      |                    ^
`},
		{"past 65535", good + "    ports-per-subscriber: 65536\n", `
p.yaml:6:27: pools[0].ports-per-subscriber: "65536" is not a decimal number from 1 to 65535
    6 |     ports-per-subscriber: 65536
      |                           ^
`},
		{"past 64 bits", good + "    dynamic-shares: 18446744073709551615\n", `
p.yaml:6:21: pools[0].dynamic-shares: "18446744073709551615" is not a decimal number from 0 to 65535
    6 |     dynamic-shares: 18446744073709551615
      |                     ^
`},
		{"past any integer", good + "    dynamic-shares: 99999999999999999999999999\n", `
p.yaml:6:21: pools[0].dynamic-shares: the value must be a number, and this is "99999999999999999999999999" (float)
    6 |     dynamic-shares: 99999999999999999999999999
      |                     ^
`},
		{"infinity", good + "    dynamic-shares: .inf\n", `
p.yaml:6:21: pools[0].dynamic-shares: the value must be a number, and this is ".inf" (float)
    6 |     dynamic-shares: .inf
      |                     ^
`},
		{"offset 16", good + "    psid-offset: 16\n", `
p.yaml:6:18: pools[0].psid-offset: "16" is not a decimal number from 0 to 15
    6 |     psid-offset: 16
      |                  ^
`},
		{"length 17", good + "    psid-length: 17\n", `
p.yaml:6:18: pools[0].psid-length: "17" is not a decimal number from 0 to 16
    6 |     psid-length: 17
      |                  ^
`},
		{"boolean is a word", good + "    skip-edge-addresses: yes\n", `
p.yaml:6:26: pools[0].skip-edge-addresses: the value must be true or false, and this is the text "yes"
    6 |     skip-edge-addresses: yes
      |                          ^
`},
		{"boolean is a number", good + "    skip-edge-addresses: 1\n", `
p.yaml:6:26: pools[0].skip-edge-addresses: the value must be true or false, and this is the number "1"
    6 |     skip-edge-addresses: 1
      |                          ^
`},
		{"boolean is text", good + "    skip-edge-addresses: \"true\"\n", `
p.yaml:6:26: pools[0].skip-edge-addresses: the value must be true or false, and this is the text "true"
    6 |     skip-edge-addresses: "true"
      |                          ^
`},
		{"boolean is empty", good + "    skip-edge-addresses:\n", `
p.yaml:6:25: pools[0].skip-edge-addresses: the value must be true or false, and this is empty
    6 |     skip-edge-addresses:
      |                         ^
`},
		{"boolean by tag only", good + "    skip-edge-addresses: !!bool yes\n", `
p.yaml:6:26: pools[0].skip-edge-addresses: the value must be true or false, and this is "yes" (bool)
    6 |     skip-edge-addresses: !!bool yes
      |                          ^
`},
		{"port 0", good + "    ports: 0-65535\n", `
p.yaml:6:12: pool "a": usable ports 0-65535: port 0 cannot be used
    6 |     ports: 0-65535
      |            ^
hint: write 1-65535, or leave ports out for 1024-65535
`},
		{"port past 65535", good + "    ports: 1024-65536\n", `
p.yaml:6:12: pools[0].ports: port range "1024-65536": invalid port range: port 65536 is past 65535
    6 |     ports: 1024-65536
      |            ^
hint: for example 1024-65535
`},
		{"ports reversed", good + "    ports: 65535-1024\n", `
p.yaml:6:12: pools[0].ports: invalid port range 65535-1024: the range is reversed; write 1024-65535
    6 |     ports: 65535-1024
      |            ^
hint: for example 1024-65535
`},
		{"ports are text", good + "    ports: all\n", `
p.yaml:6:12: pools[0].ports: port range "all": invalid port set text: "all" is not a decimal port number
    6 |     ports: all
      |            ^
hint: for example 1024-65535
`},
		{"ports are empty", good + "    ports:\n", `
p.yaml:6:11: pools[0].ports: the value must be ports such as 1024-65535, and this is empty
    6 |     ports:
      |           ^
`},
		{"ports are a list", good + "    ports: [1024-2047]\n", `
p.yaml:6:12: pools[0].ports: the value must be ports such as 1024-65535, and this is a list
    6 |     ports: [1024-2047]
      |            ^
`},
		{"ports are a float", good + "    ports: 1024.5\n", `
p.yaml:6:12: pools[0].ports: the value must be ports such as 1024-65535, and this is "1024.5" (float)
    6 |     ports: 1024.5
      |            ^
`},
		{"ports with an octal", good + "    ports: 01024\n", `
p.yaml:6:12: pools[0].ports: "01024" is not a decimal port number
    6 |     ports: 01024
      |            ^
hint: write a decimal number without leading zeros
`},
		{"open range", good + "    ports: 1024-\n", `
p.yaml:6:12: pools[0].ports: port range "1024-": invalid port set text: a port is missing
    6 |     ports: 1024-
      |            ^
hint: for example 1024-65535
`},
		{"reserve", good + "    reserve: [0x10, 010, 1e3, 70000, 5-3, \"\", ~, [a], 1_0]\n", `
p.yaml:6:15: pools[0].reserve[0]: "0x10" is not a decimal port number
    6 |     reserve: [0x10, 010, 1e3, 70000, 5-3, "", ~, [a], 1_0]
      |               ^
hint: write a decimal number without leading zeros
p.yaml:6:21: pools[0].reserve[1]: "010" is not a decimal port number
    6 |     reserve: [0x10, 010, 1e3, 70000, 5-3, "", ~, [a], 1_0]
      |                     ^
hint: write a decimal number without leading zeros
p.yaml:6:26: pools[0].reserve[2]: the value must be ports such as 1024-65535, and this is "1e3" (float)
    6 |     reserve: [0x10, 010, 1e3, 70000, 5-3, "", ~, [a], 1_0]
      |                          ^
p.yaml:6:31: pools[0].reserve[3]: port range "70000": invalid port range: port 70000 is past 65535
    6 |     reserve: [0x10, 010, 1e3, 70000, 5-3, "", ~, [a], 1_0]
      |                               ^
hint: for example 1900,5060-5061
p.yaml:6:38: pools[0].reserve[4]: invalid port range 5-3: the range is reversed; write 3-5
    6 |     reserve: [0x10, 010, 1e3, 70000, 5-3, "", ~, [a], 1_0]
      |                                      ^
hint: for example 1900,5060-5061
p.yaml:6:43: pools[0].reserve[5]: empty port set: the text is blank
    6 |     reserve: [0x10, 010, 1e3, 70000, 5-3, "", ~, [a], 1_0]
      |                                           ^
hint: for example 1900,5060-5061
p.yaml:6:47: pools[0].reserve[6]: the value must be ports such as 1024-65535, and this is empty
    6 |     reserve: [0x10, 010, 1e3, 70000, 5-3, "", ~, [a], 1_0]
      |                                               ^
p.yaml:6:50: pools[0].reserve[7]: the value must be ports such as 1024-65535, and this is a list
    6 |     reserve: [0x10, 010, 1e3, 70000, 5-3, "", ~, [a], 1_0]
      |                                                  ^
p.yaml:6:55: pools[0].reserve[8]: port range "1_0": invalid port set text: "1_0" is not a decimal port number
    6 |     reserve: [0x10, 010, 1e3, 70000, 5-3, "", ~, [a], 1_0]
      |                                                       ^
hint: for example 1900,5060-5061
`},
		{"reserve is a mapping", good + "    reserve: {a: 1}\n", `
p.yaml:6:14: pools[0].reserve: the value must be ports such as 1024-65535, and this is a mapping
    6 |     reserve: {a: 1}
      |              ^
`},
		{"reserve leaves nothing", good + "    reserve: 0-65535\n", `
p.yaml:6:14: pool "a": the reserved ports leave none of the usable ports 1024-65535
    6 |     reserve: 0-65535
      |              ^
hint: reserve fewer ports
`},
	} {
		refused(t, c.name, c.file, c.want)
	}
}
