package softwire

import (
	"errors"
	"net/netip"
	"strings"
	"testing"

	"github.com/cgnkit/cgnkit/portset"
)

// smallDomains have every kind of rule, few enough CEs to ask for every port of every address.
var smallDomains = map[string][]RuleSpec{
	"shared":          {ruleOf(func(s *RuleSpec) { s.IPv4, s.EALen = pfx("192.0.2.16/30"), 6 })},
	"shared, a=0":     {ruleOf(func(s *RuleSpec) { s.IPv4, s.EALen, s.PSIDOffset = pfx("192.0.2.16/30"), 6, new(0) })},
	"whole addresses": {ruleOf(func(s *RuleSpec) { s.IPv4, s.EALen = pfx("192.0.2.16/30"), 2 })},
	"prefixes":        {ruleOf(func(s *RuleSpec) { s.IPv4, s.EALen = pfx("192.0.2.16/29"), 1 })},
	"one prefix":      {ruleOf(func(s *RuleSpec) { s.IPv4, s.EALen = pfx("192.0.2.16/30"), 0 })},
	"one address":     {ruleOf(func(s *RuleSpec) { s.IPv4, s.EALen = pfx("192.0.2.16/32"), 0 })},
	"draft form":      {ruleOf(func(s *RuleSpec) { s.IPv4, s.EALen, s.IID = pfx("192.0.2.16/31"), 4, IIDDraft })},
	"draft, long": {ruleOf(func(s *RuleSpec) {
		s.IPv6, s.IPv4, s.EALen, s.IID, s.OverwriteIID = pfx("2001:db8::/70"), pfx("192.0.2.16/31"), 4, IIDDraft, true
	})},
	"explicit PSID":  {one("2001:db8:1::/64", "192.0.2.16/32", 4, 3, 5)},
	"explicit PSIDs": {one("2001:db8:1::/64", "192.0.2.16/32", 6, 4, 9), one("2001:db8:2::/48", "192.0.2.16/32", 6, 4, 0), one("2001:db8::/48", "192.0.2.16/32", 6, 4, 15)},
	"explicit, many": {shareOf("2001:db8:1::/48", 1), shareOf("2001:db8:2::/48", 3)},
	"over bit 64": {ruleOf(func(s *RuleSpec) {
		s.IPv6, s.IPv4, s.EALen, s.OverwriteIID = pfx("2001:db8::/62"), pfx("192.0.2.16/30"), 6, true
	})},
	"behind bit 64": {ruleOf(func(s *RuleSpec) {
		s.IPv6, s.IPv4, s.EALen, s.OverwriteIID = pfx("2001:db8::8000:0:0:0/122"), pfx("192.0.2.16/30"), 6, true
	})},
	"several":      {ruleOf(func(s *RuleSpec) { s.IPv4, s.EALen = pfx("192.0.2.16/31"), 3 }), ruleOf(func(s *RuleSpec) { s.IPv6, s.IPv4, s.EALen = pfx("2001:db8:100::/40"), pfx("192.0.2.18/31"), 4 })},
	"nested":       {ruleOf(func(s *RuleSpec) { s.IPv4, s.EALen = pfx("192.0.2.16/30"), 4 }), one("2001:db8:30::/44", "192.0.2.20/32", 6, 2, 1)},
	"nested twice": {ruleOf(func(s *RuleSpec) { s.IPv4, s.EALen = pfx("192.0.2.16/30"), 4 }), ruleOf(func(s *RuleSpec) { s.IPv6, s.IPv4, s.EALen = pfx("2001:db8:40::/42"), pfx("192.0.2.20/30"), 3 }), one("2001:db8:48::/45", "192.0.2.24/32", 6, 2, 1)},
	"nested past 64": {ruleOf(func(s *RuleSpec) {
		s.IPv6, s.IPv4, s.EALen, s.OverwriteIID = pfx("2001:db8::/64"), pfx("192.0.2.16/30"), 4, true
	}), long("2001:db8::/66", "192.0.2.20/31", 2), long("2001:db8::8000:0:0:0/65", "192.0.2.22/32", 3)},
	"all of IPv4, a=0":  {{IPv6: pfx("2001:db8::/48"), IPv4: pfx("192.0.2.16/32"), EALen: 16, PSIDOffset: new(0)}},
	"one port a router": {{IPv6: pfx("2001:db8::/48"), IPv4: pfx("192.0.2.16/32"), EALen: 10}},
}

// shareOf returns a rule for four CEs that all have the same PSID, each on its own address.
func shareOf(ipv6 string, psid int) RuleSpec {
	s := one(ipv6, "192.0.2.16/30", 6, 2, psid)
	s.EALen = 2
	return s
}

func long(ipv6, ipv4 string, ea int) RuleSpec {
	return RuleSpec{IPv6: pfx(ipv6), IPv4: pfx(ipv4), EALen: ea, OverwriteIID: true}
}

// Every port of every address in and around a domain, and every CE, both ways, against the oracle.
func TestExhaustive(t *testing.T) {
	for name, rules := range smallDomains {
		t.Run(name, func(t *testing.T) {
			d := mustDomain(t, DomainSpec{Rules: rules})
			all := slowAll(rules)
			compareForward(t, d, all)
			for a := ip("192.0.2.14"); a != ip("192.0.2.27"); a = a.Next() {
				holders := holdersOf(all, a)
				fields := lengths(holders)
				step := 1
				if len(holders) == 0 {
					step = 1021
				}
				for port := 0; port < portset.PortCount; port += step {
					compareReverse(t, d, holders, fields, a, port)
				}
			}
		})
	}
}

// compareForward compares what every end-user prefix stands for with the oracle, and notes it.
func compareForward(t *testing.T, d *Domain, all []slowCE) {
	t.Helper()
	for i, want := range all {
		endUser := netip.PrefixFrom(addrOfBits(pad(want.prefix, 128)), len(want.prefix))
		ce, err := d.Forward(endUser)
		if err != nil {
			t.Fatalf("Forward(%v): %v", endUser, err)
		}
		if diff := want.differs(ce); diff != "" {
			t.Fatalf("Forward(%v): %s", endUser, diff)
		}
		if back, err := d.Source(want.address); err != nil || back != ce {
			t.Fatalf("Source(%v) = %v, %v; want %v", want.address, back, err, ce)
		}
		all[i].ce = ce
	}
}

// A portField is where a PSID lies in ports, and a value of it.
type portField struct {
	a    int
	psid string
}

// holdersOf returns the CEs that have ports of an address, by their PSIDs.
func holdersOf(all []slowCE, a netip.Addr) map[portField][]slowCE {
	holders := map[portField][]slowCE{}
	address := bitText(a)
	for _, ce := range all {
		if strings.HasPrefix(address, ce.ipv4) {
			f := portField{ce.a, ce.psid}
			holders[f] = append(holders[f], ce)
		}
	}
	return holders
}

// lengths returns every offset and length that holders have.
func lengths(holders map[portField][]slowCE) map[[2]int]bool {
	l := map[[2]int]bool{}
	for f := range holders {
		l[[2]int{f.a, len(f.psid)}] = true
	}
	return l
}

// compareReverse compares the owner of a port with the oracle, which must not find two.
func compareReverse(t *testing.T, d *Domain, holders map[portField][]slowCE, lengths map[[2]int]bool, a netip.Addr, port int) {
	ce, err := d.Reverse(a, uint16(port))
	found := 0
	text := portTexts[port]
	for l := range lengths {
		for _, want := range holders[portField{l[0], text[l[0] : l[0]+l[1]]}] {
			if !want.hasPort(port) {
				continue
			}
			found++
			if err != nil || ce != want.ce {
				t.Fatalf("Reverse(%v, %d) = %v, %v; want %v", a, port, ce, err, want.ce)
			}
			if err := d.Check(want.address, a, uint16(port)); err != nil {
				t.Fatalf("Check(%v, %v, %d): %v", want.address, a, port, err)
			}
		}
	}
	if found > 1 {
		t.Fatalf("%v port %d has %d owners", a, port, found)
	}
	if found == 0 && (err == nil || ce.IsValid()) {
		t.Fatalf("Reverse(%v, %d) = %v; nobody has it", a, port, ce)
	}
}

// Every source that is wrong in one respect is refused, and for that reason.
func TestCheckReasons(t *testing.T) {
	d := mustDomain(t, DomainSpec{Rules: []RuleSpec{
		ruleOf(), one("2001:db8:100:1::/64", "198.51.100.7/32", 6, 4, 3), ruleOf(func(s *RuleSpec) { s.IPv6, s.IPv4, s.EALen = pfx("2001:db8:200::/40"), pfx("203.0.113.0/24"), 4 }),
	}})
	for _, tc := range []struct {
		name, ipv6, ipv4 string
		port             uint16
		want             error
	}{
		{"right", "2001:db8:12:3400:0:c000:212:34", "192.0.2.18", 1232, nil},
		{"last port", "2001:db8:12:3400:0:c000:212:34", "192.0.2.18", 64723, nil},
		{"prefix of nobody", "2001:db9:12:3400:0:c000:212:34", "192.0.2.18", 1232, ErrNoRule},
		{"IPv4 as source", "192.0.2.18", "192.0.2.18", 1232, ErrNoRule},
		{"other address", "2001:db8:12:3400:0:c000:212:34", "192.0.2.19", 1232, ErrIPv4Source},
		{"outside the rule", "2001:db8:12:3400:0:c000:212:34", "10.0.0.1", 1232, ErrIPv4Source},
		{"IPv6 as inner source", "2001:db8:12:3400:0:c000:212:34", "::ffff:192.0.2.18", 1232, ErrIPv4Source},
		{"suffix of another", "2001:db8:13:3400:0:c000:212:34", "192.0.2.18", 1232, ErrIPv4Source},
		{"port of another", "2001:db8:12:3400:0:c000:212:34", "192.0.2.18", 1236, ErrPort},
		{"port below", "2001:db8:12:3400:0:c000:212:34", "192.0.2.18", 1231, ErrPort},
		{"PSID of another", "2001:db8:12:3500:0:c000:212:34", "192.0.2.18", 1232, ErrPort},
		{"system port", "2001:db8:12:3400:0:c000:212:34", "192.0.2.18", 208, ErrExcluded},
		{"subnet", "2001:db8:12:3401:0:c000:212:34", "192.0.2.18", 1232, ErrIPv6Source},
		{"identifier: PSID", "2001:db8:12:3400:0:c000:212:35", "192.0.2.18", 1232, ErrIPv6Source},
		{"identifier: IPv4", "2001:db8:12:3400:0:c000:213:34", "192.0.2.18", 1232, ErrIPv6Source},
		{"identifier: top", "2001:db8:12:3400:1:c000:212:34", "192.0.2.18", 1232, ErrIPv6Source},
		{"identifier: draft", "2001:db8:12:3400:c0:2:1200:3400", "192.0.2.18", 1232, ErrIPv6Source},
		{"explicit PSID", "2001:db8:100:1:0:c633:6407:3", "198.51.100.7", 1024 + 3*64, nil},
		{"not its explicit PSID", "2001:db8:100:1:0:c633:6407:3", "198.51.100.7", 1024 + 4*64, ErrPort},
		{"first of its prefix", "2001:db8:250:0:0:cb00:7150:0", "203.0.113.80", 0, nil},
		{"last of its prefix", "2001:db8:250:0:0:cb00:7150:0", "203.0.113.95", 65535, nil},
		{"behind its prefix", "2001:db8:250:0:0:cb00:7150:0", "203.0.113.96", 1, ErrIPv4Source},
	} {
		t.Run(tc.name, func(t *testing.T) {
			if err := d.Check(ip(tc.ipv6), ip(tc.ipv4), tc.port); !errors.Is(err, tc.want) {
				t.Errorf("Check = %v, want %v", err, tc.want)
			}
		})
	}
	if err := d.Check(netip.Addr{}, netip.Addr{}, 0); !errors.Is(err, ErrNoRule) {
		t.Errorf("zero addresses: %v", err)
	}
}

func TestReverseReasons(t *testing.T) {
	d := mustDomain(t, DomainSpec{Rules: smallDomains["nested"]})
	explicit := mustDomain(t, DomainSpec{Rules: smallDomains["explicit PSIDs"]})
	for _, tc := range []struct {
		name string
		d    *Domain
		a    netip.Addr
		port uint16
		want error
	}{
		{"no rule", d, ip("192.0.2.15"), 5000, ErrNoRule},
		{"behind all", d, ip("255.255.255.255"), 5000, ErrNoRule},
		{"IPv6", d, ip("2001:db8::"), 5000, ErrNoRule},
		{"mapped", d, ip("::ffff:192.0.2.16"), 5000, ErrNoRule},
		{"zero", d, netip.Addr{}, 5000, ErrNoRule},
		{"below 1024", d, ip("192.0.2.16"), 1023, ErrExcluded},
		{"taken away", d, ip("192.0.2.16"), 1024 + 3*256, ErrShadowed},
		{"left", d, ip("192.0.2.16"), 1024 + 2*256, nil},
		{"nobody's PSID", explicit, ip("192.0.2.16"), 1024 + 64, ErrUnassigned},
		{"nobody's PSID, one rule", mustDomain(t, DomainSpec{Rules: smallDomains["explicit PSID"]}), ip("192.0.2.16"), 4096, ErrUnassigned},
		{"excluded, several", explicit, ip("192.0.2.16"), 64, ErrExcluded},
	} {
		t.Run(tc.name, func(t *testing.T) {
			if ce, err := tc.d.Reverse(tc.a, tc.port); !errors.Is(err, tc.want) || ce.IsValid() != (err == nil) {
				t.Errorf("Reverse = %v, %v; want %v", ce, err, tc.want)
			}
		})
	}
}
