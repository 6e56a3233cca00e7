package alloc

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/cgnkit/cgnkit/portset"
)

func TestExplicitFindings(t *testing.T) {
	const once = "list every subscriber once: its ports are on one outside address (RFC 6888 REQ-2), and several ranges make one share"
	const oneOwner, widen = "give every port of an outside address to one subscriber", "widen ports or reserve less, or take them out of the share"
	for _, tc := range []struct {
		name            string
		pool            PoolSpec
		err             error
		path, msg, hint string
	}{
		{"no shares", PoolSpec{Name: "p", Scheme: Explicit}, ErrEmpty, "shares", "scheme explicit has no shares", "list them: subscriber, outside address and ports"},
		{"two shares", explicit("p", "100.64.0.1 192.0.2.1 1024-2047\n100.64.0.2 192.0.2.1 2048\n100.64.0.1 192.0.2.2 1024"), ErrDuplicate, "shares[2]",
			"subscriber 100.64.0.1 has two shares: 192.0.2.1 with ports 1024-2047, and 192.0.2.2 with port 1024", once},
		{"ports twice", explicit("p", "100.64.0.1 192.0.2.1 1024-2047\n100.64.0.3 192.0.2.2 1024-2047\n100.64.0.2 192.0.2.1 1000-1100,2000-2100"), ErrOverlap, "shares[2]",
			"subscribers 100.64.0.1 and 100.64.0.2 both have ports 1024-1100,2000-2047 of outside address 192.0.2.1", oneOwner},
		{"the same share twice", explicit("p", "100.64.0.2 192.0.2.1 1024\n100.64.0.1 192.0.2.1 1024"), ErrOverlap, "shares[1]",
			"subscribers 100.64.0.2 and 100.64.0.1 both have port 1024 of outside address 192.0.2.1", oneOwner},
		{"many ranges twice", explicit("p", "100.64.0.2 192.0.2.1 1,3,5,7,9,11\n100.64.0.1 192.0.2.1 1-20"), ErrOverlap, "shares[1]",
			"subscribers 100.64.0.2 and 100.64.0.1 both have ports 1,3,5,7 and 2 more ranges of outside address 192.0.2.1", oneOwner},
		{"port 0", explicit("p", "100.64.0.1 192.0.2.1 0"), ErrPorts, "shares[0]", "the share of subscriber 100.64.0.1 has port 0, which cannot be used", "begin at port 1"},
		{"port 0 and others", explicit("p", "100.64.0.1 192.0.2.1 0-1023"), ErrPorts, "shares[0]", "the share of subscriber 100.64.0.1 has port 0, which cannot be used", "begin at port 1"},
		{"not usable", explicit("p", "100.64.0.1 192.0.2.1 1024-2047\n100.64.0.2 192.0.2.1 1000-1023", usable("1024-65535")), ErrPorts, "shares[1]",
			"the share of subscriber 100.64.0.2 has ports 1000-1023, which the pool does not use", widen},
		{"reserved", explicit("p", "100.64.0.1 192.0.2.1 1024-2047", reserve("1900")), ErrPorts, "shares[0]",
			"the share of subscriber 100.64.0.1 has port 1900, which the pool does not use", widen},
		{"IPv6 inside", explicitOf(ExplicitShare{addr("2001:db8::1"), addr("192.0.2.1"), portSet("1024")}), ErrAddress, "shares[0]", "share of 2001:db8::1 on 192.0.2.1: NAT44 takes IPv4 addresses", ""},
		{"zero share", explicitOf(ExplicitShare{}), ErrAddress, "shares[0]", "share of invalid IP on invalid IP: NAT44 takes IPv4 addresses", ""},
		{"no ports", explicitOf(ExplicitShare{Inside: addr("100.64.0.1"), Outside: addr("192.0.2.1")}), ErrPorts, "shares[0]", "the share of subscriber 100.64.0.1 has no ports", "give it ports, or leave the subscriber out"},
		{"loopback inside", explicit("p", "127.0.0.1 192.0.2.1 1024"), ErrAddress, "shares[0]", "inside 127.0.0.1 cannot be used: 127.0.0.0/8 is loopback (RFC 1122)", ""},
		{"multicast outside", explicit("p", "100.64.0.1 224.0.0.1 1024"), ErrAddress, "shares[0]", "outside 224.0.0.1 cannot be used: 224.0.0.0/4 is multicast (RFC 5771)", ""},
		{"outside is inside", explicit("p", "100.64.0.1 192.0.2.1 1024\n100.64.0.2 100.64.0.1 1024"), ErrLoop, "shares[1]",
			`outside address 100.64.0.1 is also an inside address of realm "default", in pool "p"`, "an address cannot be on both sides: correct one of the lists, or use another realm"},
		{"usable from port 0", explicit("p", "100.64.0.1 192.0.2.1 1024", usable("0-65535")), ErrPorts, "ports", "usable ports 0-65535: port 0 cannot be used", "write 1-65535, or leave ports out for 1-65535"},
		{"inside too", explicit("p", "100.64.0.1 192.0.2.1 1024", func(s *PoolSpec) { s.Inside = addrs("100.64.0.1") }), ErrScheme, "inside", "scheme explicit takes no inside: its subscribers are those of its shares", "leave it out"},
		{"exclusion too", explicit("p", "100.64.0.1 192.0.2.1 1024", func(s *PoolSpec) { s.ExcludeInside = addrs("100.64.0.1") }), ErrScheme, "exclude-inside", "scheme explicit takes no exclude-inside: its subscribers are those of its shares", "leave it out"},
		{"outside too", explicit("p", "100.64.0.1 192.0.2.1 1024", func(s *PoolSpec) { s.Outside = addrs("192.0.2.1") }), ErrScheme, "outside", "scheme explicit takes no outside: its outside addresses are those of its shares", "leave it out"},
		{"outside exclusion too", explicit("p", "100.64.0.1 192.0.2.1 1024", func(s *PoolSpec) { s.ExcludeOutside = addrs("192.0.2.1") }), ErrScheme, "exclude-outside", "scheme explicit takes no exclude-outside: its outside addresses are those of its shares", "leave it out"},
		{"edges too", explicit("p", "100.64.0.1 192.0.2.1 1024", func(s *PoolSpec) { s.SkipEdges = true }), ErrScheme, "skip-edge-addresses", "scheme explicit takes no skip-edge-addresses: its addresses are those of its shares", "leave it out"},
		{"ratio too", explicit("p", "100.64.0.1 192.0.2.1 1024", ratio(1)), ErrScheme, "sharing-ratio", "scheme explicit takes no sharing-ratio: its shares say it", "leave it out"},
		{"size too", explicit("p", "100.64.0.1 192.0.2.1 1024", size(1)), ErrScheme, "ports-per-subscriber", "scheme explicit takes no ports-per-subscriber: its shares say it", "leave it out"},
		{"dynamic ports", explicit("p", "100.64.0.1 192.0.2.1 1024", dynPorts(1)), ErrScheme, "dynamic-ports", "scheme explicit takes no dynamic-ports: what its shares leave is set aside for nothing", "leave it out"},
		{"dynamic shares", explicit("p", "100.64.0.1 192.0.2.1 1024", dynShares(1)), ErrScheme, "dynamic-shares", "scheme explicit takes no dynamic-shares: what its shares leave is set aside for nothing", "leave it out"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			found := findingsOf(t, spec(tc.pool))
			if len(found) != 1 {
				t.Fatalf("%d findings: %+v", len(found), found)
			}
			f, want := found[0], Finding{Err: tc.err, Path: "pools[0]." + tc.path, Pool: "p", Msg: tc.msg, Hint: tc.hint}
			if f != want {
				t.Errorf("finding\n got %+v\nwant %+v", f, want)
			}
		})
	}
}

func explicitOf(shares ...ExplicitShare) PoolSpec {
	return PoolSpec{Name: "p", Scheme: Explicit, Shares: shares}
}

// TestExplicitFindingsBetweenPools has lists that overlap with other pools: the path is that of the share.
func TestExplicitFindingsBetweenPools(t *testing.T) {
	list := explicit("b", "100.64.1.1 198.51.100.1 1024\n100.64.1.2 198.51.100.2 1024")
	for _, tc := range []struct {
		first     PoolSpec
		err       error
		path, msg string
	}{
		{pool("a", "100.64.0.0/24", "198.51.100.2"), ErrOverlap, "pools[1].shares[1]", `outside address 198.51.100.2 also belongs to pool "a"`},
		{pool("a", "100.64.1.0/31", "198.51.100.9"), ErrDuplicate, "pools[1].shares[0]", `inside address 100.64.1.1 also belongs to pool "a"`},
		{explicit("a", "100.64.1.2 198.51.100.9 1024"), ErrDuplicate, "pools[1].shares[1]", `inside address 100.64.1.2 also belongs to pool "a"`},
	} {
		found := findingsOf(t, spec(tc.first, list))
		if len(found) != 1 || !errors.Is(found[0], tc.err) || found[0].Path != tc.path || found[0].Msg != tc.msg {
			t.Errorf("got %+v, want %v %s %s", found, tc.err, tc.path, tc.msg)
		}
	}
}

// TestExplicitFindingsAreBounded has lists of which every line is wrong.
func TestExplicitFindingsAreBounded(t *testing.T) {
	for name, line := range map[string]func(i int) string{
		"port 0":        func(i int) string { return fmt.Sprintf("100.64.%d.%d 192.0.2.1 0", i/256, i%256) },
		"one address":   func(i int) string { return fmt.Sprintf("100.64.%d.%d 192.0.2.1 1024-2047", i/256, i%256) },
		"many":          func(i int) string { return fmt.Sprintf("100.64.%d.%d 192.0.2.%d 1024-2047", i/256, i%256, i/2%256) },
		"two shares":    func(i int) string { return fmt.Sprintf("100.64.0.1 192.0.%d.%d 1024-2047", i/256, i%256) },
		"not reachable": func(i int) string { return fmt.Sprintf("127.64.%d.%d 192.0.2.1 1024-2047", i/256, i%256) },
	} {
		s := PoolSpec{Name: "p", Scheme: Explicit}
		for i := range 1000 {
			s.Shares = append(s.Shares, must(ParseExplicitShare(line(i))))
		}
		if n := len(findingsOf(t, spec(s))); n != maxBadShares {
			t.Errorf("%s: %d findings, want %d", name, n, maxBadShares)
		}
	}
}

// TestExplicitTooMany has one range more than a plan takes: the same large set again and again, which costs its owner nothing.
func TestExplicitTooMany(t *testing.T) {
	var list []portset.Range
	for p := 1; p < 65536; p += 2 {
		list = append(list, must(portset.NewRange(p, p)))
	}
	set := must(portset.NewSet(list...))
	s := PoolSpec{Name: "p", Scheme: Explicit}
	for i := range uint32(maxShareRanges/32768 + 1) {
		s.Shares = append(s.Shares, ExplicitShare{addr4(0x64400000 + i), addr4(0xc6120000 + i), set})
	}
	found := findingsOf(t, spec(s))
	if len(found) != 1 || !errors.Is(found[0], ErrShare) || found[0].Path != fmt.Sprintf("pools[0].shares[%d]", len(s.Shares)-1) || !strings.Contains(found[0].Msg, "16777216 shares, with 67108864 ranges") {
		t.Errorf("%+v", found)
	}
}
