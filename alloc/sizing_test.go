package alloc

import (
	"errors"
	"fmt"
	"regexp"
	"strconv"
	"testing"
)

func size(n int) func(*PoolSpec)         { return func(s *PoolSpec) { s.PortsPerSubscriber = n } }
func ratio(n int) func(*PoolSpec)        { return func(s *PoolSpec) { s.SharingRatio = n } }
func dynShares(n int) func(*PoolSpec)    { return func(s *PoolSpec) { s.DynamicShares = n } }
func dynPorts(n int) func(*PoolSpec)     { return func(s *PoolSpec) { s.DynamicPorts = n } }
func step(n int) func(*PoolSpec)         { return func(s *PoolSpec) { s.Scheme, s.StepSize = Step, n } }
func usable(text string) func(*PoolSpec) { return func(s *PoolSpec) { s.Ports = portRange(text) } }
func reserve(text string) func(*PoolSpec) {
	return func(s *PoolSpec) { s.Reserve = portSet(text) }
}
func psid(offset, length int) func(*PoolSpec) {
	return func(s *PoolSpec) { s.Scheme, s.PSIDOffset, s.PSIDLength = PSID, new(offset), new(length) }
}
func psidOffset(offset int) func(*PoolSpec) {
	return func(s *PoolSpec) { s.Scheme, s.PSIDOffset = PSID, new(offset) }
}

// TestSizeFindings has a row for each way in which sizes cannot be met.
func TestSizeFindings(t *testing.T) {
	const eleven, four = "100.64.0.1-100.64.0.11", "192.0.2.0/30"
	for _, tc := range []struct {
		name            string
		spec            Spec
		err             error
		path, msg, hint string
	}{
		// 64512*4/22000 = 11.7: counted over all addresses the ports seem to suffice for 11.
		{"capacity counts whole shares of an address", spec(pool("a", eleven, four, size(22000))), ErrCapacity, "pools[0].outside",
			"11 subscribers do not fit on 4 addresses: 8 fit with 22000 ports each (2 on an address)",
			"it fits with 6 addresses (2 more), or with at most 21504 ports per subscriber (sharing ratio 3)"},
		{"exclusions shrink the capacity", spec(pool("a", "100.64.0.0/30", four, size(64512), func(s *PoolSpec) { s.ExcludeOutside = addrs("192.0.2.2") })), ErrCapacity, "pools[0].outside",
			"4 subscribers do not fit on 3 addresses: 3 fit with 64512 ports each (1 on an address)",
			"it fits with 4 addresses (1 more), or with at most 32256 ports per subscriber (sharing ratio 2)"},
		{"dynamic shares shrink the capacity", spec(pool("a", eleven, "192.0.2.1", size(5000), dynShares(3))), ErrCapacity, "pools[0].outside",
			"11 subscribers do not fit on 1 address: 9 fit with 5000 ports each (9 on an address), with 3 shares set aside for dynamic blocks",
			"it fits with 2 addresses (1 more), or with at most 4608 ports per subscriber (sharing ratio 11)"},
		{"dynamic ports shrink the capacity", spec(pool("a", eleven, "192.0.2.1", size(5000), dynPorts(20000))), ErrCapacity, "pools[0].outside",
			"11 subscribers do not fit on 1 address: 8 fit with 5000 ports each (8 on an address), after 20000 are set aside for dynamic blocks",
			"it fits with 2 addresses (1 more), or with at most 4046 ports per subscriber (sharing ratio 11)"},
		{"spread", spec(pool("a", eleven, four, scheme(Spread), size(22000))), ErrCapacity, "pools[0].ports-per-subscriber",
			"11 subscribers do not fit on 4 addresses: 8 fit with 22000 ports each (2 on an address)",
			"it fits with 6 addresses (2 more), or with at most 21504 ports per subscriber (sharing ratio 3)"},
		{"step wastes windows", spec(pool("a", eleven, "192.0.2.1", step(4), size(5500))), ErrCapacity, "pools[0].outside",
			"11 subscribers do not fit on 1 address: 8 fit with 5500 ports each (8 on an address)",
			"it fits with 2 addresses (1 more), at most 5376 ports per subscriber (sharing ratio 11), or with scheme sequential, where 11 fit with the same number of ports"},
		{"psid of a given length", spec(pool("a", eleven, "192.0.2.1", psid(6, 3))), ErrCapacity, "pools[0].outside",
			"11 subscribers do not fit on 1 address: 8 fit with 8064 ports each (8 on an address)",
			"it fits with 2 addresses (1 more), or with PSID length 4 (4032 ports per subscriber)"},
		{"psid of any length", spec(pool("a", eleven, "192.0.2.1", psidOffset(13))), ErrCapacity, "pools[0].outside",
			"11 subscribers do not fit on 1 address: 8 fit, with PSID offset 13 (8 on an address)",
			"it fits with 2 addresses (1 more); a smaller PSID offset has more PSIDs"},
		{"psid, more subscribers than ports", spec(pool("a", "10.0.0.0/16", "192.0.2.1", psidOffset(0))), ErrCapacity, "pools[0].outside",
			"65536 subscribers do not fit on 1 address: 64512 fit, with PSID offset 0 (64512 on an address)",
			"it fits with 2 addresses (1 more)"},
		{"more subscribers than ports", spec(pool("a", "10.0.0.0/16", "192.0.2.1", usable("65000-65535"))), ErrCapacity, "pools[0].outside",
			"65536 subscribers do not fit on 1 address: 536 fit, with a single port each",
			"it takes at least 123 addresses to give each subscriber a single port"},
		{"more subscribers than ports, step", spec(pool("a", eleven, "192.0.2.1", step(4), usable("65526-65535"))), ErrCapacity, "pools[0].outside",
			"11 subscribers do not fit on 1 address: 8 fit, with a single port each",
			"it takes at least 2 addresses to give each subscriber a single port"},

		{"ratio that leaves no ports", good(ratio(11), usable("65526-65535")), ErrPorts, "pools[0].sharing-ratio",
			"a sharing ratio of 11 leaves no ports: an address has 10 ports for shares", "the sharing ratio is at most 10 here"},
		{"ratio that leaves no ports, step", good(ratio(9), step(4), usable("65526-65535")), ErrPorts, "pools[0].sharing-ratio",
			"a sharing ratio of 9 leaves no ports: an address has 10 ports for shares", "the sharing ratio is at most 8 here"},
		{"dynamic shares leave no ports", good(ratio(3), dynShares(10), usable("65526-65535")), ErrPorts, "pools[0].sharing-ratio",
			"a sharing ratio of 3 leaves no ports: an address has 10 ports for shares, with 10 shares set aside for dynamic blocks", "set less aside for dynamic blocks and use more outside addresses"},
		{"ports that do not fit", good(size(64513)), ErrPorts, "pools[0].ports-per-subscriber",
			"64513 ports per subscriber do not fit into 64512 ports of an address", "at most 64512 ports per subscriber fit"},
		{"ports that do not fit a window", good(size(20000), step(4)), ErrPorts, "pools[0].ports-per-subscriber",
			"20000 ports per subscriber do not fit into 64512 ports of an address in windows of 4 owners (80000 ports)", "at most 16128 ports per subscriber fit"},
		{"ratio and ports", good(size(5000), ratio(13)), ErrPorts, "pools[0].ports-per-subscriber", "13 shares of 5000 ports do not fit into 64512 ports of an address",
			"with sharing ratio 13 at most 4962 ports per subscriber fit; with 5000 ports per subscriber the sharing ratio is at most 12"},
		{"dynamic ports take everything", good(dynPorts(64512)), ErrPorts, "pools[0].dynamic-ports",
			"64512 dynamic ports leave none of the 64512 usable ports for shares", "set at most 64496 ports aside for dynamic blocks"},
		{"both kinds of dynamic", good(dynPorts(1), dynShares(1)), ErrPorts, "pools[0].dynamic-ports", "dynamic-shares and dynamic-ports are both given", "leave one of them out"},
		{"port 0", good(usable("0-65535")), ErrPorts, "pools[0].ports", "usable ports 0-65535: port 0 cannot be used", "write 1-65535, or leave ports out for 1024-65535"},
		{"reserve takes everything", good(usable("5000-5001"), reserve("0-9999")), ErrPorts, "pools[0].reserve", "the reserved ports leave none of the usable ports 5000-5001", "reserve fewer ports"},
		{"negative ratio", good(ratio(-1)), ErrPorts, "pools[0].sharing-ratio", "sharing-ratio -1 is not in 0 to 65536", ""},
		{"too many ports", good(size(65537)), ErrPorts, "pools[0].ports-per-subscriber", "ports-per-subscriber 65537 is not in 0 to 65536", ""},

		{"psid a+k > 16", good(psid(6, 11)), ErrScheme, "pools[0].psid-length",
			"invalid PSID layout: PSID offset 6 + PSID length 11 is more than the 16 bits of a port; with offset 6 the length is at most 10", ""},
		{"psid a > 15", good(psid(16, 0)), ErrScheme, "pools[0].psid-offset", "invalid PSID layout: PSID offset 16 is not in 0 to 15 (RFC 7597 section 5.1)", ""},
		{"psid k < 0", good(psid(6, -1)), ErrScheme, "pools[0].psid-length", "invalid PSID layout: PSID length -1 is not in 0 to 16", ""},
		{"psid ratio", good(scheme(PSID), ratio(48)), ErrScheme, "pools[0].sharing-ratio", "sharing ratio 48 is not a power of two, as scheme psid needs", "use 32 or 64"},
		{"psid ratio beyond the offset", good(psidOffset(10), ratio(100)), ErrScheme, "pools[0].sharing-ratio", "sharing ratio 100 is not a power of two, as scheme psid needs", "use 64"},
		{"psid ratio and length", good(psid(6, 4), ratio(32)), ErrScheme, "pools[0].sharing-ratio",
			"sharing ratio 32 contradicts PSID length 4, which is a sharing ratio of 16", "leave one of them out"},
		{"psid ports", good(scheme(PSID), size(1000)), ErrScheme, "pools[0].ports-per-subscriber", "ports per subscriber follow from the PSID length in scheme psid",
			"leave it out; PSID length 6 gives 1008 ports"},
		{"psid dynamic", good(psid(6, 4), dynShares(16)), ErrPorts, "pools[0].psid-length",
			"PSID offset 6 and length 4 leave no share: 16 PSIDs have usable ports, with 16 shares set aside for dynamic blocks", "set less aside for dynamic blocks"},
	} {
		t.Run(tc.name, func(t *testing.T) { checkFinding(t, tc.spec, tc.err, tc.path, tc.msg, tc.hint) })
	}
}

var (
	moreAddresses = regexp.MustCompile(`fits with (\d+) addresses`)
	fewerPorts    = regexp.MustCompile(`at most (\d+) ports per subscriber \(sharing ratio (\d+)\)`)
	psidLength    = regexp.MustCompile(`PSID length (\d+) \((\d+) ports per subscriber\)`)
	asSequential  = regexp.MustCompile(`scheme sequential, where (\d+) fit`)
)

// TestAdvice follows the advice of capacity findings: with it the plan is valid, with one address less or one port more it
// is not.
func TestAdvice(t *testing.T) {
	seen := map[string]int{}
	for _, kind := range []Scheme{Sequential, Spread, Stripe, Staggered, Step, PSID, Random} {
		for _, subscribers := range []int{11, 12, 100, 700} {
			for _, addresses := range []int{1, 2, 5} {
				for _, aside := range []func(*PoolSpec){edit(), dynShares(2), dynPorts(999), reserve("5000-5100,60000-65535")} {
					for _, wanted := range []func(*PoolSpec){size(5000), size(22000), ratio(8), edit(ratio(2), size(30))} {
						s := pool("a", fmt.Sprintf("10.0.0.1-%v", addr4(0x0a000000+uint32(subscribers))), fmt.Sprintf("192.0.2.1-192.0.2.%d", addresses), scheme(kind), aside, wanted)
						switch kind {
						case PSID:
							s.PortsPerSubscriber, s.SharingRatio = 0, 0
							s.PSIDOffset, s.PSIDLength = new(subscribers%7), new(3)
						case Step:
							s.StepSize = 3
						case Random:
							s.KeyID = testKey.ID()
						}
						for _, f := range findingsOf(t, Spec{Pools: []PoolSpec{s}, Keys: []Key{testKey}}) {
							if errors.Is(f, ErrCapacity) {
								followAdvice(t, s, f, seen)
							}
						}
					}
				}
			}
		}
	}
	for _, way := range []string{"addresses", "ports", "psid", "sequential"} {
		if seen[way] < 5 {
			t.Errorf("advice about %s was followed %d times only", way, seen[way])
		}
	}
}

func followAdvice(t *testing.T, s PoolSpec, f Finding, seen map[string]int) {
	t.Helper()
	try := func(what string, want bool, change func(*PoolSpec)) {
		t.Helper()
		changed := s
		change(&changed)
		p, err := NewPlan(Spec{Pools: []PoolSpec{changed}, Keys: []Key{testKey}})
		if (err == nil) != want {
			t.Errorf("%s\n%s\n%s: NewPlan = %v, %v", f.Msg, f.Hint, what, p != nil, err)
		}
	}
	number := func(text string) int { return must(strconv.Atoi(text)) }
	if m := moreAddresses.FindStringSubmatch(f.Hint); m != nil {
		seen["addresses"]++
		last := 0xc0000200 + uint32(number(m[1]))
		try("with the addresses", true, func(s *PoolSpec) { s.Outside = []AddrRange{addrRangeOf(span{0xc0000201, last})} })
		try("with one address less", false, func(s *PoolSpec) { s.Outside = []AddrRange{addrRangeOf(span{0xc0000201, last - 1})} })
	}
	if m := fewerPorts.FindStringSubmatch(f.Hint); m != nil {
		seen["ports"]++
		try("with fewer ports", true, edit(size(number(m[1])), ratio(number(m[2]))))
		try("with one port more", false, edit(size(number(m[1])+1), ratio(number(m[2]))))
		try("with a ratio one less", false, edit(size(number(m[1])), ratio(number(m[2])-1)))
	}
	if m := psidLength.FindStringSubmatch(f.Hint); m != nil {
		seen["psid"]++
		try("with the length", true, func(s *PoolSpec) { s.PSIDLength = new(number(m[1])) })
		try("with a length one less", false, func(s *PoolSpec) { s.PSIDLength = new(number(m[1]) - 1) })
		changed := s
		changed.PSIDLength = new(number(m[1]))
		for p := range mustPlan(t, spec(changed)).Pools() {
			if p.PortsPerSubscriber() != number(m[2]) {
				t.Errorf("%s: the plan gives %d ports", f.Hint, p.PortsPerSubscriber())
			}
		}
	}
	if m := asSequential.FindStringSubmatch(f.Hint); m != nil {
		seen["sequential"]++
		ports := number(regexp.MustCompile(`fit with (\d+) ports`).FindStringSubmatch(f.Msg)[1])
		changed := s
		changed.Scheme, changed.StepSize, changed.PSIDOffset, changed.PSIDLength = Sequential, 0, nil, nil
		changed.PortsPerSubscriber, changed.SharingRatio = ports, 0
		for p := range mustPlan(t, spec(changed)).Pools() {
			if p.Capacity() != uint64(number(m[1])) {
				t.Errorf("%s: the plan has %d shares", f.Hint, p.Capacity())
			}
		}
	}
}
