package planfile

import "testing"

// TestParseSyntax gives Parse texts that are not YAML, or no plan at all.
func TestParseSyntax(t *testing.T) {
	for _, c := range []struct{ name, file, want string }{
		{"empty file", "", `
p.yaml: the file is empty
hint: see docs/plan-format.md for an example
`},
		{"comments only", "# nothing\n\n# here\n", `
p.yaml: the file is empty
hint: see docs/plan-format.md for an example
`},
		{"byte order mark only", "\ufeff", `
p.yaml: the file is empty
hint: see docs/plan-format.md for an example
`},
		{"null document", "~\n", `
p.yaml: the file is empty
hint: see docs/plan-format.md for an example
`},
		{"document marker only", "---\n", `
p.yaml: the file is empty
hint: see docs/plan-format.md for an example
`},
		{"list", "- version: 1\n", `
p.yaml:1:1: the plan file must be a mapping with the keys version, no-translate, pools, softwires, and this is a list
    1 | - version: 1
      | ^
`},
		{"text", "subscribers\n", `
p.yaml:1:1: the plan file must be a mapping with the keys version, no-translate, pools, softwires, and this is the text "subscribers"
    1 | subscribers
      | ^
`},
		{"number", "42\n", `
p.yaml:1:1: the plan file must be a mapping with the keys version, no-translate, pools, softwires, and this is the number "42"
    1 | 42
      | ^
`},
		{"random words with a colon", "a: b: c\n", `
p.yaml:1: this is not YAML: mapping values are not allowed in this context
    1 | a: b: c
`},
		{"two documents", good + "---\nversion: 1\npools:\n  - name: a\n    inside: 100.64.0.0/24\n    outside: 198.18.0.0/27\n", `
p.yaml:6:1: the file holds more than one document
    6 | ---
      | ^
hint: write one plan a file
`},
		{"two empty documents", "---\n---\n", `
p.yaml:2:1: the file holds more than one document
    2 | ---
      | ^
hint: write one plan a file
`},
		{"text behind a flow document", "{version: 1, pools: []} }\n", `
p.yaml:1: this is not YAML: did not find expected <document start>
    1 | {version: 1, pools: []} }
`},
		{"document end and junk", "version: 1\n...\n@x\n", `
p.yaml:3: this is not YAML: found character that cannot start any token
    3 | @x
`},
		{"tab as indentation", "version: 1\npools:\n  - name: a\n\tinside: 100.64.0.0/24\n", `
p.yaml:4:1: this is not YAML: found a tab character that violates indentation
    4 |  inside: 100.64.0.0/24
      | ^
hint: indent with spaces, not with tabs
`},
		{"tab before a dash", "version: 1\npools:\n\t- name: a\n", `
p.yaml:3:1: this is not YAML: found character that cannot start any token
    3 |  - name: a
      | ^
hint: indent with spaces, not with tabs
`},
		{"tab behind blanks", "version: 1\npools:\n  - name: a\n  \tinside: b\n", `
p.yaml:4:3: this is not YAML: found a tab character that violates indentation
    4 |    inside: b
      |   ^
hint: indent with spaces, not with tabs
`},
		{"wrong indentation", "version: 1\npools:\n  - name: a\n   inside: b\n", `
p.yaml:4: this is not YAML: did not find expected '-' indicator
    4 |    inside: b
`},
		{"unclosed bracket", "version: 1\npools: [a, b\nc: d\ne: f\n", `
p.yaml:2: this is not YAML: did not find expected ',' or ']'
    2 | pools: [a, b
`},
		{"unclosed bracket at the end", "version: 1\n\npools: [\n", `
p.yaml:3: this is not YAML: did not find expected node content
    3 | pools: [
`},
		{"unclosed quote", "version: 1\nname: 'x\n\n\npools: 2\n", `
p.yaml:2: this is not YAML: found unexpected end of stream
    2 | name: 'x
`},
		{"two commas", "version: 1\npools:\n  - {name: a,, b}\n", `
p.yaml:3: this is not YAML: did not find expected node content
    3 |   - {name: a,, b}
`},
		{"reserved indicator", "version: 1\npools: @x\n", `
p.yaml:2: this is not YAML: found character that cannot start any token
    2 | pools: @x
`},
		{"bad escape", "version: 1\npools: \"\\q\"\n", `
p.yaml:2: this is not YAML: found unknown escape character
    2 | pools: "\q"
`},
		{"percent", "version: 1\npools: %x\n", `
p.yaml:2: this is not YAML: found character that cannot start any token
    2 | pools: %x
`},
		{"unknown anchor", "version: 1\npools:\n- *x\n", `
p.yaml:3: this is not YAML: unknown anchor 'x' referenced
    3 | - *x
`},
		{"alias as item", "version: &v 1\npools:\n- *v\n", `
p.yaml:3:3: pools[0]: a pool must be a mapping with the keys KEYS, and this is an alias
    3 | - *v
      |   ^
`},
		{"alias as key", "version: &x 1\n*x : 2\npools: []\n", `
p.yaml:2:1: a key of the plan file must be text, and this is an alias
    2 | *x : 2
      | ^
`},
		{"alias as value", "version: 1\npools:\n  - name: a\n    inside: &i [100.64.0.0/24]\n    exclude-inside: *i\n    outside: [*i, 198.18.0.1]\n", `
p.yaml:5:21: pools[0].exclude-inside: aliases are not accepted
    5 |     exclude-inside: *i
      |                     ^
hint: write the value out
p.yaml:6:15: pools[0].outside[0]: the value must be an address, prefix or range such as 100.64.0.0/22, and this is an alias
    6 |     outside: [*i, 198.18.0.1]
      |               ^
`},
		{"alias as required value", "version: 1\npools:\n  - name: a\n    outside: &i 198.18.0.1\n    inside: *i\n", `
p.yaml:5:13: pools[0].inside: aliases are not accepted
    5 |     inside: *i
      |             ^
hint: write the value out
`},
		{"merge key", "version: 1\nbase: &b {name: a}\npools:\n  - <<: *b\n    inside: 100.64.0.0/24\n    outside: 198.18.0.0/27\n", `
p.yaml:2:1: unknown key "base" in the plan file
    2 | base: &b {name: a}
      | ^
hint: the keys are version, no-translate, pools, softwires
p.yaml:4:5: pools[0]: unknown key "<<" in a pool
    4 |   - <<: *b
      |     ^
hint: the keys are KEYS
p.yaml:4:5: pools[0]: the pool has no name
    4 |   - <<: *b
      |     ^
hint: for example name: fttx-north
`},
		{"list as key", "version: 1\n? [a]\n: b\npools: []\n", `
p.yaml:2:3: a key of the plan file must be text, and this is a list
    2 | ? [a]
      |   ^
`},
		{"null as key", "version: 1\n~: b\npools: []\n", `
p.yaml:2:1: unknown key "~" in the plan file
    2 | ~: b
      | ^
hint: the keys are version, no-translate, pools, softwires
`},
		{"UTF-16 little endian", "\xff\xfev\x00e\x00r\x00s\x00i\x00o\x00n\x00:\x00 \x001\x00\n\x00", `
p.yaml:1: this is not YAML: the file is in UTF-16
    1 | ??v?e?r?s?i?o?n?:? ?1?
hint: save it as UTF-8
`},
		{"UTF-16 big endian", "\xfe\xff\x00v\x00e", `
p.yaml:1: this is not YAML: the file is in UTF-16
    1 | ???v?e
hint: save it as UTF-8
`},
		{"UTF-16 without a mark", "v\x00e\x00r\x00", `
p.yaml:1:2: this is not YAML: control character U+0000
    1 | v?e?r?
      |  ^
`},
		{"Latin-1", "version: 1\npools:\n  - name: M\xfcnchen\n", `
p.yaml:3:12: this is not YAML: byte 0xFC is not UTF-8
    3 |   - name: M?nchen
      |            ^
hint: save it as UTF-8
`},
		{"replacement character", "version: 1\npools: �\n", `
p.yaml:2:8: pools: the value must be a list of pools, and this is the text "?"
    2 | pools: ?
      |        ^
`},
		{"escape sequence", "version: 1\npools: \x1b[31mred\n", `
p.yaml:2:8: this is not YAML: control character U+001B
    2 | pools: ?[31mred
      |        ^
`},
		{"NUL", "version: 1\n\x00", `
p.yaml:2:1: this is not YAML: control character U+0000
    2 | ?
      | ^
`},
		{"C1 control", "version: 1\n# \u009b31m\n", `
p.yaml:2:3: this is not YAML: control character U+009B
    2 | # ?31m
      |   ^
`},
		{"DEL", "version: 1 \x7f\n", `
p.yaml:1:12: this is not YAML: control character U+007F
    1 | version: 1 ?
      |            ^
`},
		{"byte order mark and CRLF", "\ufeffversion: 1\r\npools:\r\n  - nme: a\r\n    inside: 100.64.0.0/24\r\n    outside: 198.18.0.0/27\r\n", `
p.yaml:3:5: pools[0]: unknown key "nme" in a pool
    3 |   - nme: a
      |     ^
hint: did you mean name?
p.yaml:3:5: pools[0]: the pool has no name
    3 |   - nme: a
      |     ^
hint: for example name: fttx-north
`},
		{"CR alone", "version: 1\rpools:\r  - name: a\r    inside: x\r    outside: 198.18.0.0/27\r", `
p.yaml:4:13: pools[0].inside: invalid address "x": want an IPv4 address such as 100.64.0.1
    4 |     inside: x
      |             ^
`},
		{"NEL and line separators", "version: 1\u0085pools:\u2028  - name: a\u2029    inside: x\n    outside: 198.18.0.0/27\n", `
p.yaml:4:13: pools[0].inside: invalid address "x": want an IPv4 address such as 100.64.0.1
    4 |     inside: x
      |             ^
`},
		{"tag with an escape sequence", "version: 1\npools: !%1b%5b31m foo\n", `
p.yaml:2:8: pools: the value must be a list of pools, and this is "foo" (!?[31m)
    2 | pools: !%1b%5b31m foo
      |        ^
`},
		{"name with an escape sequence", "version: 1\npools:\n  - name: \"\\e[31m\"\n    inside: 100.64.0.0/24\n    outside: 198.18.0.0/27\n", `
p.yaml:3:11: pool "\x1b[31m": "\x1b[31m" is no pool name
    3 |   - name: "\e[31m"
      |           ^
hint: a name starts with a letter or digit and holds letters, digits, '.', '_' and '-', 64 at most
`},
		{"list file with an escape sequence", "version: 1\npools:\n  - name: a\n    inside: {file: \"../\\e[31m\"}\n    outside: 198.18.0.0/27\n", `
p.yaml:4:20: pools[0].inside.file: a plan that does not come from a file cannot name a list file
    4 |     inside: {file: "../\e[31m"}
      |                    ^
`},
		{"direction override in a key", good + "    \u202eratio: 1\n", `
p.yaml:6:5: pools[0]: unknown key "\u202eratio" in a pool
    6 |     ?ratio: 1
      |     ^
hint: the keys are KEYS
`},
	} {
		refused(t, c.name, c.file, c.want)
	}
}
