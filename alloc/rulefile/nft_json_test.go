package rulefile_test

import (
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/cgnkit/cgnkit/alloc/rulefile"
)

// listing returns what nft 1.0.6 printed of a ruleset that the kernel had, as text or as JSON.
func listing(t testing.TB, name string) string {
	t.Helper()
	b, err := os.ReadFile(filepath.Join("testdata", "listings", name))
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// TestJSONListing reads the two listings that nft prints of one ruleset: they come to the same.
func TestJSONListing(t *testing.T) {
	for _, name := range []string{"ours", "spread"} {
		asText, asJSON := listing(t, name+".txt"), listing(t, name+".json")
		if f, ok := rulefile.Detect([]byte(asJSON)); !ok || f != rulefile.Nftables {
			t.Errorf("%s: detected as %v", name, f)
		}
		want, got := parse(t, "nftables", asText), parse(t, "nftables", asJSON)
		if rowsOf(want) != rowsOf(got) || want.Len() == 0 {
			t.Errorf("%s: as text\n%s\nas JSON\n%s", name, rowsOf(want), rowsOf(got))
		}
		onlyA, onlyB, both := rulefile.CompareConditions(want.Conditions(), got.Conditions(), rulefile.Protocols{TCP: true, UDP: true, ICMP: true, Other: true})
		if len(onlyA)+len(onlyB) > 0 || len(both) == 0 {
			t.Errorf("%s: only as text %v, only as JSON %v, both %v", name, onlyA, onlyB, both)
		}
	}
}

// TestJSONDormant reads a table that no packet enters, as nft 1.0.6 listed it: the JSON says its name in place of the flag, and of other tables of other
// flags. So flags are refused there, but in tables without IPv4.
func TestJSONDormant(t *testing.T) {
	if _, err := tryParse(t, "nftables", listing(t, "dormant.txt")); !errors.Is(err, rulefile.ErrNothing) {
		t.Errorf("as text: got %v", err)
	}
	asJSON := listing(t, "dormant.json")
	const flags = `"flags": "n"`
	if !strings.Contains(asJSON, flags) {
		t.Fatal("the listing is another one")
	}
	for _, said := range []string{flags, `"flags": "dormant"`, `"flags": "owner"`, `"flags": ["owner", "dormant"]`, `"flags": []`, `"flags": null`, `"flags": 1`} {
		table, err := tryParse(t, "nftables", strings.Replace(asJSON, flags, said, 1))
		var line *rulefile.LineError
		if !errors.As(err, &line) || !errors.Is(err, rulefile.ErrSyntax) || !strings.Contains(err.Error(), "flags") || !strings.Contains(line.Hint, "text") {
			t.Errorf("%s: got %v, %v", said, table, err)
		}
	}
	for _, other := range []string{`{"table": {"family": "ip6", "name": "n", "handle": 9, "flags": "n"}}`, `{"table": {"family": "netdev", "name": "o", "handle": 9, "flags": "dormant"}}`} {
		text := strings.Replace(strings.Replace(asJSON, ", "+flags, "", 1), `{"table":`, other+`, {"table":`, 1)
		if got := rowsOf(parse(t, "nftables", text)); got != twoRows {
			t.Errorf("%s: got\n%s", other, got)
		}
	}
}

// TestJSONRules reads statements as nft lists them. Nothing that may decide about a packet is passed over.
func TestJSONRules(t *testing.T) {
	const row = "10.0.0.1 198.18.0.1 1-9"
	source := `{"match":{"op":"==","left":{"payload":{"protocol":"ip","field":"saddr"}},"right":"10.0.0.1"}}`
	share := `[` + source + `,{"match":{"op":"==","left":{"meta":{"key":"l4proto"}},"right":{"set":["tcp","udp"]}}},{"snat":{"addr":"198.18.0.1","port":{"range":[1,9]}}}]`
	for _, c := range []struct {
		name, before, want string
		err                error
	}{
		{"nothing", ``, row, nil},
		{"to a prefix", `[{"match":{"op":"==","left":{"payload":{"protocol":"ip","field":"daddr"}},"right":{"prefix":{"addr":"192.0.2.0","len":24}}}},{"accept":null}]`, row + " | not translated: to 192.0.2.0/24", nil},
		{"not to a range", `[{"match":{"op":"!=","left":{"payload":{"protocol":"ip","field":"daddr"}},"right":{"range":["0.0.0.0","192.0.2.255"]}}},{"drop":null}]`, row + " | dropped: to 192.0.3.0-255.255.255.255", nil},
		{"ports", `[{"match":{"op":"==","left":{"payload":{"protocol":"udp","field":"dport"}},"right":{"range":[1,65535]}}},{"match":{"op":"==","left":{"payload":{"protocol":"ip","field":"daddr"}},"right":"192.0.2.1"}},{"return":null}]`, row + " | not translated: to 192.0.2.1 udp", nil},
		{"an interface called drop", `[{"match":{"op":"==","left":{"meta":{"key":"oifname"}},"right":"drop"}},{"counter":{"packets":1,"bytes":2}},{"accept":null}]`, row + " | not translated: to 0.0.0.0-10.0.0.0, 10.0.0.2-255.255.255.255, where oifname drop", nil},
		{"counted and logged", `[` + source + `,{"counter":"name"},{"log":{"prefix":"drop"}}]`, row, nil},
		{"limited, and nothing else", `[{"limit":{"rate":5,"per":"second"}},{"log":null}]`, row, nil},
		{"masqueraded", `[` + source + `,{"masquerade":{"flags":"random"}}]`, "", rulefile.ErrNothing},
		{"verdicts by source", `[{"vmap":{"key":{"payload":{"protocol":"ip","field":"saddr"}},"data":{"set":[["10.0.0.1",{"accept":null}]]}}}]`, "", rulefile.ErrNothing},
		{"verdicts by source, named and missing", `[{"vmap":{"key":{"payload":{"protocol":"ip","field":"saddr"}},"data":"@none"}}]`, "", rulefile.ErrSyntax},
		{"limited", `[{"limit":{"rate":5,"per":"second"}},{"accept":null}]`, "", rulefile.ErrSyntax},
		{"an unknown statement", `[{"teleport":{"to":"mars"}}]`, "", rulefile.ErrSyntax},
		{"an unknown match", `[{"match":{"op":"==","left":{"smell":{"key":"x"}},"right":1}},{"accept":null}]`, "", rulefile.ErrSyntax},
		{"an unknown operator", `[{"match":{"op":"~","left":{"payload":{"protocol":"ip","field":"saddr"}},"right":"10.0.0.9"}},{"accept":null}]`, "", rulefile.ErrSyntax},
		{"a part of xtables", `[` + source + `,{"xt":null}]`, "", rulefile.ErrSyntax},
		{"a mark", `[{"match":{"op":"==","left":{"meta":{"key":"mark"}},"right":7}},{"accept":null}]`, "", rulefile.ErrSyntax},
		{"not tracked", `[{"notrack":null}]`, row + " | not translated: where notrack, for some subscribers or protocols only, or for those whom the file does not tell", nil},
		{"rewritten", `[{"mangle":{"key":{"payload":{"protocol":"ip","field":"saddr"}},"value":"10.0.0.7"}}]`, row + " | translated otherwise: where addresses or ports are rewritten, for some subscribers or protocols only, or for those whom the file does not tell", nil},
		{"a variable", `[{"match":{"op":"==","left":{"payload":{"protocol":"ip","field":"saddr"}},"right":"$HOME"}},{"accept":null}]`, "", rulefile.ErrSyntax},
		{"text that ends the line", `[{"match":{"op":"==","left":{"payload":{"protocol":"ip","field":"daddr"}},"right":"192.0.2.1\n add rule ip n p drop"}},{"accept":null}]`, "", rulefile.ErrSyntax},
		{"two statements in one", `[{"accept":null,"drop":null}]`, "", rulefile.ErrSyntax},
	} {
		t.Run(c.name, func(t *testing.T) {
			text := `{"nftables":[{"metainfo":{}},{"table":{"family":"ip","name":"n","handle":1}},{"chain":{"family":"ip","table":"n","name":"p","type":"nat","hook":"postrouting","prio":100,"policy":"accept"}},`
			if c.before != "" {
				text += `{"rule":{"family":"ip","table":"n","chain":"p","handle":2,"expr":` + c.before + `}},`
			}
			text += `{"rule":{"family":"ip","table":"n","chain":"p","handle":3,"expr":` + share + `}}]}`
			if !json.Valid([]byte(text)) {
				t.Fatal("the test has no JSON")
			}
			if c.err != nil {
				if _, err := tryParse(t, "nftables", text); !errors.Is(err, c.err) {
					t.Errorf("got %v, want %v", err, c.err)
				}
				return
			}
			if got := nftSaid(t, text); got != c.want {
				t.Errorf("got\n%s\nwant\n%s", got, c.want)
			}
		})
	}
}

// TestJSONDamaged cuts a listing off, and replaces names in it: it is refused, or the shares and conditions are those of the whole one.
func TestJSONDamaged(t *testing.T) {
	whole := listing(t, "spread.json")
	whole = strings.TrimSpace(whole)
	for n := range whole {
		if n%37 > 0 && n < len(whole)-300 {
			continue
		}
		if table, err := tryParse(t, "nftables", whole[:n]); err == nil {
			t.Errorf("cut off behind %d bytes it was read as\n%s", n, rowsOf(table))
		}
	}
	want := nftSaid(t, whole)
	for _, name := range []string{"match", "op", "left", "right", "payload", "field", "vmap", "key", "data", "accept", "return", "drop", "snat", "set", "elem", "concat", "jump", "expr", "type", "hook"} {
		changed := strings.ReplaceAll(whole, `"`+name+`": `, `"x`+name+`": `)
		if changed == whole {
			t.Errorf("%s: nothing is replaced", name)
		}
		table, err := tryParse(t, "nftables", changed)
		if err == nil && table.Len() > 0 && nftSaid(t, changed) == want {
			t.Errorf("%s does not matter", name)
		}
	}
}
