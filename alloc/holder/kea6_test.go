package holder

import (
	"fmt"
	"net/netip"
	"strings"
	"testing"
	"time"
)

const kea6Header = "address,duid,valid_lifetime,expire,subnet_id,pref_lifetime,lease_type,iaid,prefix_len,fqdn_fwd,fqdn_rev,hostname,hwaddr,state,user_context,hwtype,hwaddr_source\n"

var prefix1 = netip.MustParsePrefix("2001:db8:12:3400::/56")

// row6 writes one line of a lease file of DHCPv6, as row does.
func row6(p netip.Prefix, client string, second int, valid int64, state int) string {
	duid, kind := "00:03:00:01:"+client, typePD
	if state == 1 {
		duid, client = "00", ""
	}
	if p.IsSingleIP() {
		kind = typeNA
	}
	return fmt.Sprintf("%v,%s,%d,%d,1,0,%d,25,%d,0,0,host,%s,%d,,1,2\n", p.Addr(), duid, valid, at(second).Unix()+valid, kind, p.Bits(), client, state)
}

func leases6Of(tb testing.TB, o Options, rows ...string) *Book {
	tb.Helper()
	b := New(Limits{})
	if err := b.ReadLeases(strings.NewReader(kea6Header+strings.Join(rows, "")), "kea-leases6.csv", o); err != nil {
		tb.Fatal(err)
	}
	return b
}

// asSix turns lines of a lease file of DHCPv4 into those of DHCPv6 that say the same of prefix1.
func asSix(tb testing.TB, rows []string) []string {
	tb.Helper()
	out := make([]string, len(rows))
	for i, line := range rows {
		fields := strings.Split(line, ",")
		var valid, expire int64
		var state int
		if _, err := fmt.Sscan(fields[3]+" "+fields[4]+" "+fields[9], &valid, &expire, &state); err != nil {
			tb.Fatal(err)
		}
		out[i] = row6(prefix1, fields[1], int(expire-valid-base.Unix()), valid, state)
	}
	return out
}

// What is asked of a prefix is answered from the leases of that prefix, and of shorter ones that hold all of it. Longer ones are of parts of it.
func TestLeases6(t *testing.T) {
	o := Options{Until: at(300)}
	inner, outer, single := netip.MustParsePrefix("2001:db8:12:3401::/64"), netip.MustParsePrefix("2001:db8:12::/48"), netip.MustParsePrefix("2001:db8:12:3400::1/128")
	b := leases6Of(t, o, row6(prefix1, mac1, 0, 100, 0), row6(inner, mac2, 0, 100, 0), row6(single, mac2, 150, 100, 0), row6(netip.MustParsePrefix("2001:db8:12:3500::/56"), mac2, 0, 300, 0))
	for _, c := range []struct {
		inside netip.Prefix
		second int
		want   string
	}{
		{prefix1, 50, "one " + mac1}, {prefix1, 200, "nobody"}, {outer, 50, "uncertain: no record of the address"},
		{inner, 50, "several " + mac2 + " " + mac1 + ": several had it at once"}, {single, 200, "one " + mac2}, {single, 50, "one " + mac1},
		{netip.MustParsePrefix("2001:db8:12:3402::/64"), 50, "one " + mac1}, {netip.MustParsePrefix("2001:db8:13::/56"), 50, "uncertain: no record of the address"},
		{netip.MustParsePrefix("100.64.0.1/32"), 50, "uncertain: no record of the address"}, {netip.Prefix{}, 50, "uncertain: no record of the address"},
	} {
		if got := told6(b, c.inside, c.second, c.second, 0); got != c.want {
			t.Errorf("%v at %d: %s, want %s", c.inside, c.second, got, c.want)
		}
	}
	if got := ask(b, single.Addr(), 200, 200, 0); got != "one "+mac2 {
		t.Errorf("an address: %s", got)
	}
	both := leases6Of(t, o, row6(outer, mac2, 0, 40, 0), row6(prefix1, mac1, 50, 50, 0))
	for second, want := range map[int]string{20: "one " + mac2, 45: "uncertain: before the first record", 60: "one " + mac1, 150: "nobody"} {
		if got := told6(both, prefix1, second, second, 0); got != want {
			t.Errorf("behind a shorter prefix, second %d: %s, want %s", second, got, want)
		}
	}
}

// told6 asks about a prefix, as ask does.
func told6(b *Book, inside netip.Prefix, from, to, skew int) string {
	return line(b.AtPrefix("", inside, at(from), at(to), time.Duration(skew)*time.Second))
}

func TestRelay6(t *testing.T) {
	relay := func(hop int, options string) string {
		return fmt.Sprintf(`{ "hop": %d, "link": "2001:db9:1::1", "options": "%s", "peer": "fe80::7" }`, hop, options)
	}
	const ofKea22 = "0x001200086F6C743120312F320025000700000009010203"
	for context, want := range map[string]string{
		`{ "ISC": { "relays": [ ` + relay(0, ofKea22) + ` ] } }`:                                      "olt1 1/2",
		`{ "ISC": { "relay-info": [ ` + relay(1, "0x0012000161") + "," + relay(0, ofKea22) + ` ] } }`: "olt1 1/2",
		`{ "ISC": { "relay-info": [ ` + relay(0, "0x0025000700000009010203") + ` ] } }`:               "0x010203",
		`{ "ISC": { "relay-info": [ ` + relay(0, "") + ` ] } }`:                                       "",
		`{ "ISC": { "relay-info": [ ] }, "mine": 1 }`:                                                 "",
		`{ "relay": "north" }`: "", ``: "",
	} {
		b := leases6Of(t, Options{}, strings.Replace(row6(prefix1, mac1, 0, 100, 0), ",0,,1,2", ",0,"+strings.ReplaceAll(context, ",", "&#x2c")+",1,2", 1))
		p, ok := b.AtPrefix("", prefix1, at(0), at(0), 0).Person()
		if !ok || p.Circuit != want || p.MAC != mac1 || p.Client != "00:03:00:01:"+mac1 || len(b.Warnings()) > 0 {
			t.Errorf("%s: %+v %v", context, p, b.Warnings())
		}
	}
}

func TestLeaseWarnings6(t *testing.T) {
	good := row6(prefix1, mac1, 0, 100, 0)
	for _, c := range []struct{ old, new, want string }{
		{"2001:db8:12:3400::", "100.64.0.1", "none of IPv6"}, {"2001:db8:12:3400::", "::ffff:100.64.0.1", "none of IPv6"}, {"2001:db8:12:3400::", "fe80::1%eth0", "none of IPv6"},
		{",2,25,56,", ",3,25,56,", "lease_type and prefix_len"}, {",2,25,56,", ",2,25,129,", "lease_type and prefix_len"}, {",2,25,56,", ",0,25,56,", "lease_type and prefix_len"},
		{",2,25,56,", ",2,25,,", "lease_type and prefix_len"}, {",2,25,56,", ",2,25,48,", "bits behind its length"}, {",100,", ",x,", "not the numbers"},
		{",0,,1,2", `,0,{ "ISC": { "relays": 1 } },1,2`, "circuit id is left out"}, {",0,,1,2", `,0,{ "ISC": { "relays": [{"options":"0x0012"}] } },1,2`, "circuit id is left out"},
		{",0,,1,2", `,0,{ "ISC": { "relays": [{"options":"0x00120009aa"}] } },1,2`, "circuit id is left out"},
	} {
		b := leases6Of(t, Options{}, strings.Replace(good, c.old, c.new, 1), row6(prefix1, mac1, 0, 100, 0))
		if w := b.Warnings(); len(w) != 1 || w[0].Line != 2 || !strings.Contains(w[0].Msg, c.want) {
			t.Errorf("%s: warnings %v, want %s", c.new, w, c.want)
		}
	}
}

// TestCut6 cuts a lease file off at every byte of its last line, by which somebody else has a prefix: he is never denied, and nobody else is named, unless it
// is said that a line could not be read at all.
func TestCut6(t *testing.T) {
	last := row6(prefix1, mac2, 200, 1000, 0)
	for n := range len(last) {
		b := leases6Of(t, Options{Until: at(900)}, row6(prefix1, mac1, 0, 100, 0), last[:n])
		a := b.AtPrefix("", prefix1, at(300), at(300), 0)
		if p, one := a.Person(); n > 0 && b.Counts().Unplaced == 0 && (a.Status == Nobody || one && p.MAC != mac2) {
			t.Errorf("cut behind %q: %s", last[:n], line(a))
		}
		if got := told6(b, prefix1, 50, 50, 0); got != "one "+mac1 && got != "uncertain "+mac1+": a record of the address could not be read" {
			t.Errorf("cut behind %q: before that, %s", last[:n], got)
		}
	}
}
