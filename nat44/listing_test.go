//go:build linux

package nat44

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/cgnkit/cgnkit/alloc"
)

// listingPlans are rulesets with every shape of map, set and rule.
func listingPlans(t *testing.T) map[string]*Ruleset {
	out := map[string]*Ruleset{}
	for _, name := range []string{"tiny", "village", "business", "rfc7422-example", "br-1to32", "exempt", "routeros-stripe", "psid-lw4o6", "juniper-spread"} {
		out[name] = rulesetOf(t, loadPlan(t, name+".yaml"))
	}
	out["psid"] = rulesetOf(t, onePool(t, psid(2, 8), "100.64.0.0/22", "192.0.2.0/30"))
	out["holes"] = rulesetOf(t, onePool(t, func(p *alloc.PoolSpec) {
		p.Reserve = mustSet(t, "1900,5060-5061,8080")
		p.PortsPerSubscriber = 1000
	}, "100.64.0.0/24", "192.0.2.0/29"))
	return out
}

// TestListing loads every ruleset as text and through netlink, and compares what nft lists byte for byte. Then it saves the
// listing, flushes, loads it again, and compares once more.
func TestListing(t *testing.T) {
	for name, rs := range listingPlans(t) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := newBench(t)
			dir := t.TempDir()
			text, saved := filepath.Join(dir, "text.nft"), filepath.Join(dir, "saved.nft")
			write(t, text, rs.String())
			b.nft("-f", text)
			fromText := b.nft("list", "ruleset")
			b.nft("flush", "ruleset")

			b.apply(rs)
			fromNetlink := b.nft("list", "ruleset")
			if fromText != fromNetlink {
				t.Fatalf("text and netlink differ:\n%s", firstDifference(fromText, fromNetlink))
			}
			write(t, saved, fromNetlink)
			b.nft("flush", "ruleset")
			b.nft("-f", saved)
			if again := b.nft("list", "ruleset"); again != fromNetlink {
				t.Fatalf("reloading the listing changes it:\n%s", firstDifference(fromNetlink, again))
			}
			b.equal(rs)
		})
	}
}

// TestListingAfterRebuild compares the other generation of sets with the text as well.
func TestListingAfterRebuild(t *testing.T) {
	b := newBench(t)
	b.apply(rulesetOf(t, onePool(t, ports(1000), "100.64.0.0/24", "192.0.2.0/28")))
	rs := rulesetOf(t, onePool(t, psid(2, 8), "100.64.0.0/24", "192.0.2.0/28"))
	if r := b.apply(rs); r.Way != Rebuild {
		t.Fatal(r.Way)
	}
	rebuilt := b.nft("list", "ruleset")
	b.nft("flush", "ruleset")
	text := filepath.Join(t.TempDir(), "text.nft")
	write(t, text, rs.String())
	b.nft("-f", text)
	// Only the names differ, and where things stand: objects are older than sets now.
	a, c := sortedLines(strings.ReplaceAll(strings.ReplaceAll(rebuilt, "_b ", " "), "_b\n", "\n")), sortedLines(b.nft("list", "ruleset"))
	if a != c {
		t.Fatal(firstDifference(a, c))
	}
}

func sortedLines(s string) string {
	lines := strings.Split(s, "\n")
	slices.Sort(lines)
	return strings.Join(lines, "\n")
}

func write(t *testing.T, path, text string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

func firstDifference(a, b string) string {
	x, y := strings.Split(a, "\n"), strings.Split(b, "\n")
	for i := range min(len(x), len(y)) {
		if x[i] != y[i] {
			return "- " + x[i] + "\n+ " + y[i]
		}
	}
	return "one is longer"
}
