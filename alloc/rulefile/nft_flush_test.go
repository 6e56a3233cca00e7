package rulefile_test

import (
	"strings"
	"testing"
)

// TestFlushedBuckets empties a chain whose rules asked maps: nothing of them is left, and what comes behind is what it has.
func TestFlushedBuckets(t *testing.T) {
	const head = "table ip n {\n map m { type ipv4_addr . mark : interval ipv4_addr . inet_service; elements = { 10.0.0.1 . 0 : 198.18.0.1 . 1-9, 10.0.0.1 . 1 : 198.18.0.1 . 20-29 } }\n" +
		" chain p { type nat hook postrouting priority 100;\n  meta mark set jhash ip saddr mod 2\n"
	const ask = " meta l4proto { tcp, udp } snat ip to ip saddr . meta mark map @m\n"
	for _, flush := range []string{"flush chain ip n p", "flush table ip n"} {
		if table, err := tryParse(t, "nftables", head+ask+" }\n}\n"+flush+"\n"); err == nil {
			t.Errorf("%s: it was read as\n%s", flush, rowsOf(table))
		}
		table := parse(t, "nftables", head+" }\n}\n"+flush+"\nadd rule ip n p "+ask)
		if len(table.Conditions()) == 0 {
			t.Errorf("%s: the rule of buckets is gone, and shares do not depend on the mark", flush)
		}
	}
}

// TestDormant reads tables that sleep, whatever else they are: nobody is translated.
func TestDormant(t *testing.T) {
	for flags, sleeps := range map[string]bool{"dormant": true, "owner,dormant": true, "persist, dormant": true, "owner": false} {
		table, err := tryParse(t, "nftables", strings.Replace(nftPost, "{\n", "{\n flags "+flags+"\n", 1)+nftTwo)
		if (err == nil) == sleeps {
			t.Errorf("%s: got %v, %v", flags, table, err)
		}
	}
}

// TestDeletedDormant makes a table again that slept before it was deleted: packets enter its chains.
func TestDeletedDormant(t *testing.T) {
	table := parse(t, "nftables", "table ip n {\n flags dormant;\n}\ndelete table ip n\n"+nftPost+nftTwo)
	if got := rowsOf(table); got != twoRows {
		t.Errorf("got\n%s", got)
	}
}
