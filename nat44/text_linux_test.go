package nat44

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/cgnkit/cgnkit/internal/netnstest"
)

// acceptedSamples are the sample plans that nft is asked about: those that it takes no longer than a second for.
var acceptedSamples = []string{
	"br-1to32", "business", "exempt", "explicit-list", "juniper-spread", "legacy-rules", "psid-lw4o6", "rfc7422-example", "routeros-stripe", "tiny", "village",
}

// TestTextIsAccepted has the real nft check each golden text, and those of the sample plans.
func TestTextIsAccepted(t *testing.T) {
	netnstest.Root(t)
	texts := goldenRulesets()
	for _, name := range acceptedSamples {
		rs := must(NewRuleset(loadPlan(t, name+".yaml"), cgn))
		if rs.Elements() > 100_000 {
			t.Fatalf("%s has %d elements", name, rs.Elements())
		}
		texts["sample "+name] = rs
	}
	dir := t.TempDir()
	for name, rs := range texts {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			path := filepath.Join(dir, strings.ReplaceAll(name, " ", "-")+".nft")
			if err := os.WriteFile(path, []byte(rs.String()), 0o600); err != nil {
				t.Fatal(err)
			}
			netnstest.Run(t, netnstest.New(t), "nft", "-c", "-f", path)
		})
	}
}

// TestInstanceNamesAreAccepted has the real nft load tables with names that could mean something to it, side by side, and twice.
func TestInstanceNamesAreAccepted(t *testing.T) {
	ns := netnstest.New(t)
	p := plan(pool("flats", "192.168.7.10-192.168.7.13", "203.0.113.7", ratio(4)))
	names := []string{"", "a", "ip", "table", "inet", "mark", "north-2", "ends-", "x_", "cgn_a", strings.Repeat("x", maxInstance)}
	path := filepath.Join(t.TempDir(), "x.nft")
	for _, name := range append(names, names...) {
		rs := must(NewRuleset(p, must(ParseInstance(name))))
		if err := os.WriteFile(path, []byte(rs.String()), 0o600); err != nil {
			t.Fatal(err)
		}
		netnstest.Run(t, ns, "nft", "-f", path)
	}
	tables := strings.Fields(netnstest.Run(t, ns, "nft", "list", "tables"))
	if len(tables) != 3*len(names) {
		t.Errorf("%d instances give %q", len(names), tables)
	}
}
