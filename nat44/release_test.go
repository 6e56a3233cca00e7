//go:build linux

package nat44

import (
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/cgnkit/cgnkit/alloc"
)

// verified verifies, and checks that what is counted is what was told.
func (b *bench) verified(rs *Ruleset) (Verification, []Difference) {
	b.Helper()
	var found []Difference
	v, err := b.k.Verify(rs, func(d Difference) { found = append(found, d) })
	if err != nil {
		b.Fatal(err)
	}
	var misleading, release uint64
	for _, d := range found {
		if d.Misleading {
			misleading++
		}
		if d.OtherRelease {
			release++
		}
		if d.OtherRelease != strings.HasSuffix(d.String(), "; made by another release") || d.OtherRelease && d.Misleading {
			b.Errorf("%+v says %s", d, d)
		}
	}
	if v.Differences != uint64(len(found)) || v.Misleading != misleading || v.OtherRelease != release {
		b.Fatalf("%+v for %v", v, found)
	}
	return v, found
}

// otherReleases are what another release could want of the same plan.
var otherReleases = map[string]func(*Ruleset){
	"a timer": func(rs *Ruleset) {
		rs.timers = timeouts()
		rs.timers[1].policy[0].seconds++
	},
	"a timer less": func(rs *Ruleset) {
		rs.timers = timeouts()
		rs.timers[0].policy = rs.timers[0].policy[:3]
		rs.timers[0].policy[2].seconds = 86400
	},
	"rules": func(rs *Ruleset) {
		rs.services = append(slices.Clone(rs.services), must(alloc.ParseDestination("192.0.2.53 udp/53")))
	},
	"a set and rules": func(rs *Ruleset) { rs.exempt = spans("203.0.113.0/24") },
}

// madeBy returns what another release makes of a plan.
func (rs *Ruleset) madeBy(release func(*Ruleset)) *Ruleset {
	other := *rs
	release(&other)
	return &other
}

// remark gives the table another mark.
func (b *bench) remark(text string) {
	b.Helper()
	b.nft("flush set ip cgn plan; add element ip cgn plan { 0x1 comment \"" + text + "\" }")
}

// TestOtherRelease has another release make the rules, in both generations of sets and as text: what differs is of that release, and nobody's doing.
func TestOtherRelease(t *testing.T) {
	rs := subscribersOf(t, "192.0.2.0/28", 1000, "100.64.0.0/24")
	for name, release := range otherReleases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b, other := newBench(t), rs.madeBy(release)
			for _, load := range []func(){
				func() { b.apply(other) },
				func() { b.nft("flush chain ip cgn guard"); b.apply(other) }, // which builds it anew, under other names
				func() {
					path := filepath.Join(t.TempDir(), "other.nft")
					write(t, path, other.String())
					b.nft("-f", path)
				},
			} {
				load()
				b.equal(other)
				if v, found := b.verified(rs); v.Differences == 0 || v.OtherRelease != v.Differences || v.Misleading > 0 {
					t.Fatalf("%+v: %v", v, found)
				}
			}
			if r := b.apply(rs); r.Way != Rebuild || r.Kept != rs.plan.Subscribers() {
				t.Errorf("applied by this release: %+v", r)
			}
			b.equal(rs)
			if r := b.apply(rs); r.Way != Unchanged {
				t.Errorf("and again: %+v", r)
			}
		})
	}
}

// TestOtherReleaseTampered has somebody change what another release has made: that is his doing.
func TestOtherReleaseTampered(t *testing.T) {
	rs := subscribersOf(t, "192.0.2.0/28", 1000, "100.64.0.0/24")
	timer, both := rs.madeBy(otherReleases["a timer"]), rs.madeBy(otherReleases["a timer"]).madeBy(otherReleases["rules"])
	for _, c := range []struct {
		name    string
		by      *Ruleset
		nft     string
		what    string // of all that is not of the other release
		release bool   // something is
		mislead bool
	}{
		{"a rule, of this release", rs, "insert rule ip cgn translate accept", "chain translate", false, true},
		{"a rule, where its rules are the same", timer, "insert rule ip cgn translate accept", "chain translate", true, true},
		{"a rule, where its rules differ", both, "insert rule ip cgn translate accept", "chain", true, true},
		{"a chain", both, "add chain ip cgn mine { type filter hook forward priority 0; policy accept; }", "chain", true, true},
		{"a policy", both, "add chain ip cgn guard { policy drop; }", "chain", true, true},
		{"a set of another generation", both, "add set ip cgn inside_b { type ipv4_addr; flags interval; }; add rule ip cgn guard ip saddr @inside_b accept", "chain", true, true},
		{"an element", both, "delete element ip cgn shares { 100.64.0.7 }", "subscriber 100.64.0.7", true, true},
		{"addresses", both, "add element ip cgn inside { 10.0.0.0/8 }", "set inside", true, true},
		{"an element for all", both, "add element ip cgn shares { * : 192.0.2.9 . 1-2 }", "set shares", true, true},
		{"a table asleep", timer, "add table ip cgn { flags dormant; }", "table ip cgn", true, false},
		{"a timer, of this release", rs, "flush chain ip cgn timers; delete ct timeout ip cgn rfc_udp; add ct timeout ip cgn rfc_udp { protocol udp; l3proto ip; policy = { replied : 30 }; };" +
			"add rule ip cgn timers ct state established,related accept; add rule ip cgn timers ip saddr @inside meta l4proto tcp ct timeout set \"rfc_tcp\";" +
			"add rule ip cgn timers ip saddr @inside meta l4proto udp ct timeout set \"rfc_udp\"", "object rfc_udp", false, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			b := newBench(t)
			b.apply(c.by)
			b.nft(c.nft)
			v, found := b.verified(rs)
			own := slices.DeleteFunc(slices.Clone(found), func(d Difference) bool { return d.OtherRelease })
			if len(own) == 0 || slices.ContainsFunc(own, func(d Difference) bool { return !strings.HasPrefix(d.What, c.what) }) {
				t.Errorf("not of the other release: %v of %v", own, found)
			}
			if c.release != (v.OtherRelease > 0) || c.mislead != (v.Misleading > 0) {
				t.Errorf("%+v: %v", v, found)
			}
			b.apply(rs)
			b.equal(rs)
		})
	}
}

// TestMarkOfAnEarlyRelease checks that a mark without digests says which plan it is, and that nothing is of another release then: nobody knows.
func TestMarkOfAnEarlyRelease(t *testing.T) {
	b, rs := newBench(t), subscribersOf(t, "192.0.2.0/28", 1000, "100.64.0.0/24")
	other := rs.madeBy(otherReleases["a timer"])
	sha := rs.plan.SHA256()
	b.apply(rs)
	b.remark(sha)
	b.equal(rs)
	if got, err := b.k.InForce(rs.instance); err != nil || got != sha {
		t.Errorf("in force is %q, %v", got, err)
	}
	if all, err := b.k.Instances(); err != nil || len(all) != 1 || all[0].SHA256 != sha {
		t.Errorf("instances are %+v, %v", all, err)
	}
	if over, err := b.k.Overlaps(rs.plan); err != nil || len(over) != 1 || over[0].SHA256 != sha {
		t.Errorf("overlaps are %+v, %v", over, err)
	}
	if r := b.apply(rs); r.Way != Increment || r.Kept != rs.plan.Subscribers() {
		t.Errorf("applied: %+v", r)
	}
	if r := b.apply(rs); r.Way != Unchanged {
		t.Errorf("and again: %+v", r)
	}
	for _, mark := range []string{sha, sha + " ", sha + " 0123456789abcdef", sha + " 0 0", other.mark() + " x"} {
		b.apply(other)
		b.remark(mark)
		if v, found := b.verified(rs); v.Differences != 1 || v.OtherRelease != 0 || found[0].What != "object rfc_udp" {
			t.Errorf("with mark %q: %+v, %v", mark, v, found)
		}
	}
	b.apply(other)
	b.remark(strings.Repeat("0", len(sha)) + strings.TrimPrefix(other.mark(), sha))
	if v, found := b.verified(rs); v.Differences != 2 || v.OtherRelease != 0 || v.Misleading != 0 {
		t.Errorf("with the mark of another plan: %+v, %v", v, found)
	}
}

// TestDigestsOfTheKernel checks for every shape of rule that the kernel's chains have the digest of what was wanted, whoever loaded them.
func TestDigestsOfTheKernel(t *testing.T) {
	for name, rs := range listingPlans(t) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := newBench(t)
			check := func() {
				t.Helper()
				st, err := b.k.read(rs.instance)
				if err != nil {
					t.Fatal(err)
				}
				if !slices.Equal(st.chainLines(), rs.chainLines()) {
					t.Errorf("generation %d has\n%s\nwanted\n%s", st.live, strings.Join(st.chainLines(), "\n"), strings.Join(rs.chainLines(), "\n"))
				}
				if st.mark.String() != rs.mark() || len(rs.mark()) > 127 || st.mark.plan != rs.plan.SHA256() {
					t.Errorf("the mark is %q, wanted %q", st.mark, rs.mark())
				}
			}
			path := filepath.Join(t.TempDir(), "text.nft")
			write(t, path, rs.String())
			b.nft("-f", path)
			check()
			b.nft("flush chain ip " + rs.instance.Table() + " guard")
			b.apply(rs)
			check()
		})
	}
}

// TestMisleading has one difference of each class, and tells those by which somebody else may have a port.
func TestMisleading(t *testing.T) {
	shares, exempt := subscribersOf(t, "192.0.2.0/28", 1000, "100.64.0.0/24"), rulesetOf(t, loadPlan(t, "exempt.yaml"))
	for _, c := range []struct {
		name, nft string
		all       bool // differences mislead, or none does
	}{
		{"element", "delete element ip cgn shares { 100.64.0.7 }", true},
		{"surplus element", "add element ip cgn shares { 10.9.9.9 : 192.0.2.1 . 1024-2023 }", true},
		{"inside", "add element ip cgn inside { 11.0.0.0/8 }", true},
		{"exempt", "flush set ip cgn exempt", true},
		{"catch-all", "add element ip cgn shares { * : 9.9.9.9 . 1-2 }", true},
		{"rule", "insert rule ip cgn translate accept", true},
		{"guard", "flush chain ip cgn guard", true},
		{"surplus chain", "add chain ip cgn mine { type nat hook postrouting priority 90; }", true},
		{"surplus chain without a hook", "add chain ip cgn mine", false},
		{"surplus set", "add set ip cgn mine { type ipv4_addr; }", false},
		{"surplus set in use", "add set ip cgn mine { type ipv4_addr; }; insert rule ip cgn translate ip saddr @mine accept", true},
		{"set gone", "delete set ip cgn outside", true},
		{"surplus object", "add counter ip cgn mine", false},
		{"mark gone", "delete set ip cgn plan", false},
		{"mark empty", "flush set ip cgn plan", false},
		{"mark of another plan", "flush set ip cgn plan; add element ip cgn plan { 0x1 comment \"x\" }", false},
		{"dormant", "add table ip cgn { flags dormant; }", false},
		{"dormant and changed", "delete element ip cgn shares { 100.64.0.7 }; add table ip cgn { flags dormant; }", false},
		{"no rules", "flush table ip cgn", false},
		{"no table", "delete table ip cgn", false},
		{"a stranger's table", "delete table ip cgn; add table ip cgn; add chain ip cgn x { type filter hook forward priority 0; }; add rule ip cgn x accept", false},
		{"a stranger's table that translates", "delete table ip cgn; add table ip cgn; add chain ip cgn x { type nat hook postrouting priority 0; }; add rule ip cgn x masquerade", true},
		{"a stranger's rules in ours", "flush chain ip cgn translate; add rule ip cgn translate masquerade", true},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			b, rs := newBench(t), shares
			if c.name == "exempt" {
				rs = exempt
			}
			b.apply(rs)
			b.nft(c.nft)
			v, found := b.verified(rs)
			if v.Differences == 0 || v.OtherRelease > 0 || c.all && v.Misleading == 0 || !c.all && v.Misleading > 0 {
				t.Errorf("%+v: %v", v, found)
			}
		})
	}
	t.Run("route", func(t *testing.T) {
		t.Parallel()
		b, rs := newBench(t), shares
		b.apply(rs)
		if err := b.ns.Do(func() error { _, err := b.k.setRoutes(rs.instance, nil); return err }); err != nil {
			t.Fatal(err)
		}
		if v, found := b.verified(rs); v.Differences == 0 || v.Misleading > 0 || v.OtherRelease > 0 {
			t.Errorf("%+v: %v", v, found)
		}
	})
}
