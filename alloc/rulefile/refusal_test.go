package rulefile_test

import (
	"errors"
	"testing"

	"github.com/cgnkit/cgnkit/alloc/rulefile"
)

const (
	nftPost = "table ip n {\n chain p { type nat hook postrouting priority srcnat; policy accept;\n"
	nftTwo  = "  ip saddr 10.0.0.1 meta l4proto { tcp, udp } snat to 198.18.0.1:1-9\n  ip saddr 10.0.0.2 meta l4proto { tcp, udp } snat to 198.18.0.1:10-19\n }\n}\n"
	twoRows = "10.0.0.1 198.18.0.1 1-9\n10.0.0.2 198.18.0.1 10-19"
)

// A refusal is a file that cannot be read exactly, and where that shows.
type refusal struct {
	name, text string
	err        error
	want       string
}

func checkRefusals(t *testing.T, format string, cases []refusal) {
	t.Helper()
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			table, err := tryParse(t, format, c.text)
			if err == nil {
				t.Fatalf("it was read as\n%s\nwith %+v", rowsOf(table), table.Findings())
			}
			if !errors.Is(err, c.err) || !contains(err.Error(), c.want) {
				t.Errorf("got %v, want %v with %q", err, c.err, c.want)
			}
		})
	}
}

// TestNetmapOfRanges maps ranges one to one: kernels keep host bits, so that counting from the first address names the wrong
// subscriber.
func TestNetmapOfRanges(t *testing.T) {
	checkRefusals(t, "iptables", []refusal{
		{"iprange", "*nat\n-A POSTROUTING -m iprange --src-range 10.0.0.5-10.0.0.8 -j NETMAP --to 198.18.0.0/30\n", rulefile.ErrShared, "rules:2: 10.0.0.5-10.0.0.8 is mapped one to one to 198.18.0.0/30"},
	})
	checkRefusals(t, "nftables", []refusal{
		{"map", nftPost + "  snat ip prefix to ip saddr map { 10.0.0.5-10.0.0.8 : 198.18.0.0/30 }\n }\n}\n", rulefile.ErrShared, "rules:3: 10.0.0.5-10.0.0.8 is mapped"},
		{"rule", nftPost + "  ip saddr 10.0.0.5-10.0.0.8 snat prefix to 198.18.0.0/30\n }\n}\n", rulefile.ErrShared, "rules:3: 10.0.0.5-10.0.0.8 is mapped"},
	})
	checkRefusals(t, "routeros", []refusal{
		{"netmap", "/ip firewall nat\nadd action=netmap chain=srcnat src-address=10.0.0.37-10.0.0.40 to-addresses=198.18.0.8/30\n", rulefile.ErrShared, "rules:2: 10.0.0.37-10.0.0.40 is mapped"},
		{"to a range", "/ip firewall nat\nadd action=netmap chain=srcnat src-address=10.0.0.4/31 to-addresses=198.18.0.7-198.18.0.8\n", rulefile.ErrShared, "rules:2: 10.0.0.4/31 is mapped"},
	})
}
