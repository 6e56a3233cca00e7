package rulefile_test

import (
	"strings"
	"testing"

	"github.com/cgnkit/cgnkit/alloc/rulefile"
)

// TestHostBits refuses prefixes with bits behind them in a match: nft cuts them when it loads one, and lists so a mask with a value that no
// address has, "ip saddr & 255.255.255.254 == 10.0.0.1". Elements of sets are ranges, and never listed so.
func TestHostBits(t *testing.T) {
	const map2 = " map m { type ipv4_addr : interval ipv4_addr . inet_service; elements = { 10.0.0.0 : 198.18.0.1 . 1-9, 10.0.0.1 : 198.18.0.1 . 10-19 } }\n"
	rules := func(match string) string {
		return "table ip n {\n" + map2 + " chain p {\n  type nat hook postrouting priority srcnat; policy accept;\n  " + match + " snat ip to ip saddr map @m\n }\n}\n"
	}
	var cases []refusal
	for _, match := range []string{"ip saddr 10.0.0.1/31", "ip saddr != 10.0.0.9/29", "ip daddr 0.0.0.1/0", "ip daddr != 192.0.2.1/24"} {
		cases = append(cases, refusal{match, rules(match), rulefile.ErrSyntax, "rules:5: "})
	}
	checkRefusals(t, "nftables", cases)
	for _, match := range []string{"ip saddr 10.0.0.0/31", "ip saddr 10.0.0.1/32", "ip saddr { 10.0.0.1/31, 10.0.0.8 }", "ip saddr 0.0.0.0/0", "ip saddr 10.0.0.0-10.0.0.1"} {
		if table := parse(t, "nftables", rules(match)); !strings.HasPrefix(rowsOf(table), "10.0.0.") {
			t.Errorf("%s: %s", match, rowsOf(table))
		}
	}
	listed := `{"nftables":[{"table":{"family":"ip","name":"n"}},{"chain":{"family":"ip","table":"n","name":"p","type":"nat","hook":"postrouting","prio":100}},` +
		`{"rule":{"family":"ip","table":"n","chain":"p","expr":[{"match":{"op":"==","left":{"payload":{"protocol":"ip","field":"saddr"}},"right":{"prefix":{"addr":"10.0.0.1","len":31}}}},` +
		`{"snat":{"addr":"198.18.0.1","port":{"range":[1,9]}}}]}}]}`
	if _, err := tryParse(t, "nftables", listed); err == nil || !strings.Contains(err.Error(), "bits behind") {
		t.Errorf("JSON: got %v", err)
	}
}
