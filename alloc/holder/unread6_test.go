package holder

import (
	"net/netip"
	"slices"
	"strings"
	"testing"
)

// TestCut6Inside cuts a line of a lease file off at every byte, by which somebody else has a prefix, and has another line behind it or joined to it. Where the
// address can be read, whoever has the prefix is not denied, and who had it before is not named alone. Where it cannot, that is counted.
func TestCut6Inside(t *testing.T) {
	cut := row6(prefix1, mac2, 200, 1000, 0)
	next := row6(netip.MustParsePrefix("2001:db8:12:5600::/56"), mac1, 250, 1000, 0)
	inner := netip.MustParsePrefix("2001:db8:12:3401::/64")
	address := strings.IndexByte(cut, ',')
	for n := 1; n < len(cut)-1; n++ {
		for name, text := range map[string]string{"alone": cut[:n] + "\n" + next, "joined": cut[:n] + next} {
			b := leases6Of(t, Options{Until: at(900)}, row6(prefix1, mac1, 0, 1000, 0), text)
			if b.Counts().Rejected == 0 && n+2 >= len(cut)-len(",1,2\n") || name == "joined" && b.Counts().Rejected == 0 {
				continue // it reads as a whole line
			}
			for _, inside := range []netip.Prefix{prefix1, inner} {
				a := b.AtPrefix("", inside, at(300), at(300), 0)
				switch p, one := a.Person(); {
				case n <= address:
					if b.Counts().Unplaced != 1 {
						t.Errorf("%s, cut at %d of %q: %+v", name, n, cut, b.Counts())
					}
				case a.Status == Nobody || one && p.MAC == mac1:
					t.Errorf("%s, cut behind %q: %v is %s", name, cut[:n], inside, line(a))
				}
			}
			if got := told6(b, netip.MustParsePrefix("2001:db8:12:7800::/56"), 300, 300, 0); got != "uncertain: no record of the address" {
				t.Errorf("%s, cut behind %q: a prefix without a record is %s", name, cut[:n], got)
			}
		}
	}
}

// TestUnread6 has lines of which the address can be read and the prefix length cannot: what begins with that address, and what holds it, is uncertain.
func TestUnread6(t *testing.T) {
	const cut = ": a record of the address could not be read"
	prefix := netip.MustParsePrefix
	var (
		whole    = row6(prefix1, mac2, 50, 100, 0)
		shorter  = prefix("2001:db8:12::/48")
		longer   = prefix("2001:db8:12:3401::/64")
		single   = prefix("2001:db8:12:3400::1/128")
		neighbor = prefix("2001:db8:12:3500::/56")
	)
	type ask struct {
		inside netip.Prefix
		second int
		want   string
	}
	for _, c := range []struct {
		name, old, new string
		before         []string
		ask            []ask
	}{
		{"another length", ",25,56,", ",25,48,", []string{row6(prefix1, mac1, 0, 100, 0), row6(neighbor, mac1, 0, 1000, 0), row6(prefix1, mac1, 500, 1000, 0)}, []ask{
			{prefix1, 49, "one " + mac1}, {prefix1, 50, "several " + mac1 + " " + mac2 + "?" + cut}, {prefix1, 499, "uncertain " + mac2 + "?" + cut}, {prefix1, 501, "one " + mac1},
			{longer, 60, "several " + mac1 + " " + mac2 + "?" + cut}, {neighbor, 60, "one " + mac1}, {shorter, 60, "uncertain: no record of the address"}}},
		{"no length", ",25,56,", ",25,,", []string{row6(prefix1, mac1, 0, 1000, 0)}, []ask{{prefix1, 60, "several " + mac1 + " " + mac2 + "?" + cut}}},
		{"another type", ",2,25,56,", ",x,25,56,", []string{row6(prefix1, mac1, 0, 1000, 0)}, []ask{{prefix1, 60, "several " + mac1 + " " + mac2 + "?" + cut}}},
		{"a type of single addresses", ",2,25,56,", ",0,25,56,", []string{row6(prefix1, mac1, 0, 1000, 0)}, []ask{{prefix1, 60, "several " + mac1 + " " + mac2 + "?" + cut}}},
		{"a shorter prefix holds it", ",25,56,", ",25,x,", []string{row6(shorter, mac1, 0, 1000, 0)}, []ask{
			{shorter, 60, "several " + mac1 + " " + mac2 + "?" + cut}, {prefix1, 60, "several " + mac1 + " " + mac2 + "?" + cut}}},
		{"nothing else of it", ",25,56,", ",25,x,", []string{row6(neighbor, mac1, 0, 1000, 0)}, []ask{
			{prefix1, 60, "uncertain " + mac2 + "?" + cut}, {longer, 60, "uncertain " + mac2 + "?" + cut}, {neighbor, 60, "one " + mac1}}},
		{"the only one with its length", ",2,25,56,", ",x,25,56,", []string{row6(longer, mac1, 0, 1000, 0)}, []ask{{prefix1, 60, "uncertain " + mac2 + "?" + cut}}},
		{"a longer one in it", ",25,56,", ",25,x,", []string{row6(single, mac1, 0, 1000, 0), row6(neighbor, mac1, 0, 1000, 0)}, []ask{
			{single, 60, "several " + mac1 + " " + mac2 + "?" + cut}, {prefix1, 60, "uncertain " + mac2 + "?" + cut}, {neighbor, 60, "one " + mac1}}},
		{"a line that is torn", ",25,56,0,0,host", ",25", []string{row6(prefix1, mac1, 0, 1000, 0), row6(prefix1, mac1, 500, 1000, 0)}, []ask{
			{prefix1, 1, "uncertain " + mac1 + cut}, {prefix1, 60, "uncertain " + mac1 + cut}}},
	} {
		bad := strings.Replace(whole, c.old, c.new, 1)
		for _, rows := range [][]string{append([]string{bad}, c.before...), append(slices.Clip(c.before), bad)} {
			b := leases6Of(t, Options{Until: at(900)}, rows...)
			if n := b.Counts(); n.Rejected != 1 || n.Unplaced != 1 {
				t.Errorf("%s: %+v, want 1 rejected and unplaced", c.name, n)
			}
			for _, q := range c.ask {
				for range 2 { // the second time after another file was read
					if got := told6(b, q.inside, q.second, q.second, 0); got != q.want {
						t.Errorf("%s: %v at %d: %s\nwant %s", c.name, q.inside, q.second, got, q.want)
					}
					if err := b.ReadLeases(strings.NewReader(""), "more", Options{}); err != nil {
						t.Fatal(err)
					}
				}
				if a := b.AtPrefix("north", q.inside, at(q.second), at(q.second), 0); line(a) != "uncertain: no record of the address" {
					t.Errorf("%s: in another realm %s", c.name, line(a))
				}
			}
		}
	}
}
