package rulefile_test

import (
	"strings"
	"testing"

	"github.com/cgnkit/cgnkit/alloc/rulefile"
)

// TestChangingSets reads maps and sets that are not the same a minute later: no table follows from them, and a destination in one is
// a condition that is equal to no other.
func TestChangingSets(t *testing.T) {
	const (
		shareMap = " map m { type ipv4_addr : interval ipv4_addr . inet_service; OPTIONS; elements = { 10.0.0.1 AGE : 198.18.0.1 . 1-9, 10.0.0.2 : 198.18.0.1 . 10-19 } }\n" +
			" chain p { type nat hook postrouting priority 100;\n  meta l4proto { tcp, udp } snat ip to ip saddr map @m\n }\n}\n"
		from = " set s { type ipv4_addr; OPTIONS; elements = { 10.0.0.1 AGE, 10.0.0.9 } }\n" +
			" chain p { type nat hook postrouting priority 100;\n  ip saddr @s accept\n" + nftTwo
		aim = " set s { type ipv4_addr; OPTIONS; elements = { 192.0.2.1 AGE } }\n" +
			" chain p { type nat hook postrouting priority 100;\n  ip daddr @s accept\n" + nftTwo
	)
	for _, c := range []struct {
		options, age, rule string
		fixed              bool
	}{
		{"size 1000; policy memory; comment \"add @s\"", "comment \"x\" counter packets 1 bytes 2", "ip saddr @s counter", true},
		{"flags interval", "", "add @other { ip saddr }", true},
		{"flags constant,interval; auto-merge", "", "", true},
		{"flags timeout", "", "", false},
		{"flags interval,timeout; timeout 3s", "", "", false},
		{"flags dynamic", "", "", false},
		{"size 10", "timeout 1h expires 59m59s", "", false},
		{"gc-interval 1s", "", "", false},
		{"evaporates slowly", "", "", false},
		{"size 10", "", "add @s { ip saddr } add @m { ip saddr : 198.18.0.1 . 5 }", false},
		{"size 10", "", "ct state new update @s { ip saddr timeout 5s } update @m { ip saddr : 198.18.0.1 . 5 }", false},
		{"size 10", "", "limit rate 5/second delete @s { ip saddr } delete @m { ip saddr : 198.18.0.1 . 5 } accept", false},
		{"size 10", "", "set add ip saddr @s map add ip saddr @m", false},
	} {
		rules := func(text string) (*rulefile.Table, error) {
			text = strings.NewReplacer("OPTIONS", c.options, "AGE", c.age).Replace(text)
			return tryParse(t, "nftables", "table ip n {\n chain f { type filter hook forward priority 0;\n  "+c.rule+"\n }\n"+strings.TrimSuffix(text, "}\n")+"}\n")
		}
		for name, text := range map[string]string{"map": shareMap, "sources": from} {
			_, err := rules(text)
			if (err == nil) != c.fixed || err != nil && !strings.Contains(err.Error(), "changes by itself") && !strings.Contains(err.Error(), "evaporates") {
				t.Errorf("%s, %s, %s: %s: got %v", c.options, c.age, c.rule, name, err)
			}
		}
		table, err := rules(aim)
		if err != nil {
			t.Errorf("%s, %s, %s: destinations: %v", c.options, c.age, c.rule, err)
			continue
		}
		all := rulefile.Protocols{TCP: true, UDP: true}
		if a, b, _ := rulefile.CompareConditions(table.Conditions(), table.Conditions(), all); (len(a)+len(b) == 0) != c.fixed {
			t.Errorf("%s, %s, %s: destinations: %v differ from themselves", c.options, c.age, c.rule, a)
		}
	}
}

// TestChangingMapNames says which line makes a map change.
func TestChangingMapNames(t *testing.T) {
	checkRefusals(t, "nftables", []refusal{
		{"flag", "table ip n {\n map m {\n  type ipv4_addr : interval ipv4_addr . inet_service\n  flags timeout\n  elements = { 10.0.0.1 : 198.18.0.1 . 1-9 }\n }\n" +
			" chain p { type nat hook postrouting priority 100;\n  snat ip to ip saddr map @m\n }\n}\n", rulefile.ErrSyntax, "rules:4: what is in it changes by itself: map m has flag timeout"},
		{"rule", nftPost + "  ip saddr @s accept\n" + strings.TrimSuffix(nftTwo, "}\n") + " set s { type ipv4_addr; }\n chain f {\n  ct state new add @s { ip saddr }\n }\n}\n",
			rulefile.ErrSyntax, "rules:9: what is in it changes by itself: a rule changes s"},
	})
}
