package softwire

import "testing"

// What other implementations answer, in their own tests or in their users' reports, where they are right.
func TestPeers(t *testing.T) {
	for _, tc := range []struct {
		name                string
		rule                RuleSpec
		endUser             string
		ipv4                string
		psid                uint16
		address             string // "" = not known
		count               int
		first, second, last string
	}{
		{
			"VPP test_map_br", RuleSpec{IPv6: pfx("2001:db8:f0::/48"), IPv4: pfx("198.18.0.0/24"), EALen: 12},
			"2001:db8:f0:c30::/60", "198.18.0.12", 3, "2001:db8:f0:c30:0:c612:c:3", 63, "1216-1279", "2240-2303", "64704-64767",
		},
		{
			"VPP test_map", RuleSpec{IPv6: pfx("2001::/32"), IPv4: pfx("192.168.0.0/16"), EALen: 20, PSIDOffset: new(4)},
			"2001:0:101:7000::/52", "192.168.1.1", 7, "2001:0:101:7000:0:c0a8:101:7", 15, "5888-6143", "9984-10239", "63232-63487",
		},
		{
			"OpenWrt 14449", RuleSpec{IPv6: pfx("2001:db8:4000::/38"), IPv4: pfx("192.0.2.0/28"), EALen: 10},
			"2001:db8:4011::/48", "192.0.2.0", 17, "", 63, "1296-1311", "2320-2335", "64784-64799",
		},
		{
			"v6plus, PSID 0xd3", one("2001:db8::/56", "192.0.2.1/32", 4, 8, 0xd3),
			"2001:db8::/56", "192.0.2.1", 0xd3, "", 15, "7472-7487", "11568-11583", "64816-64831",
		},
		{
			"Bouygues, a=0", one("2001:db8::/60", "192.0.2.1/32", 0, 3, 2),
			"2001:db8::/60", "192.0.2.1", 2, "", 1, "16384-24575", "", "16384-24575",
		},
	} {
		t.Run(tc.name, func(t *testing.T) {
			r := mustRule(t, tc.rule)
			ce, err := r.Forward(pfx(tc.endUser))
			if err != nil {
				t.Fatal(err)
			}
			psid, _ := ce.PSID()
			if psid != tc.psid || ce.IPv4().Addr() != ip(tc.ipv4) || tc.address != "" && ce.Address() != ip(tc.address) {
				t.Errorf("%v at %v", ce, ce.Address())
			}
			var ranges []string
			for p := range ce.Ports().Ranges() {
				ranges = append(ranges, p.String())
			}
			if len(ranges) != tc.count || ranges[0] != tc.first || ranges[len(ranges)-1] != tc.last || tc.second != "" && ranges[1] != tc.second {
				t.Errorf("%d ranges: %v", len(ranges), ranges)
			}
			if back, err := r.Reverse(ip(tc.ipv4), ce.Ports().Last()); err != nil || back != ce {
				t.Errorf("Reverse = %v, %v", back, err)
			}
		})
	}
}
