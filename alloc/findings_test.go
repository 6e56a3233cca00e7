package alloc

import (
	"errors"
	"strings"
	"testing"
)

func edit(edits ...func(*PoolSpec)) func(*PoolSpec) {
	return func(s *PoolSpec) {
		for _, e := range edits {
			e(s)
		}
	}
}

// good is a valid pool after the edits.
func good(edits ...func(*PoolSpec)) Spec {
	return spec(pool("a", "100.64.0.0/28", "192.0.2.1", edits...))
}

func twoPools(inA, outA, inB, outB string, edits ...func(*PoolSpec)) Spec {
	return spec(pool("a", inA, outA), pool("b", inB, outB, edits...))
}

func scheme(s Scheme) func(*PoolSpec) { return func(p *PoolSpec) { p.Scheme = s } }
func realmB(p *PoolSpec)              { p.Realm = "b" }

// TestFindings has one row for each way in which a spec can be wrong, sizes left out: those are in sizing_test.go.
func TestFindings(t *testing.T) {
	const nameRule = "a name starts with a letter or digit and holds letters, digits, '.', '_' and '-', 64 at most"
	for _, tc := range []struct {
		name            string
		spec            Spec
		err             error
		path, msg, hint string
	}{
		{"no pools", Spec{}, ErrEmpty, "pools", "the plan has no pools", ""},
		{"no inside", good(func(s *PoolSpec) { s.Inside = nil }), ErrEmpty, "pools[0].inside", "the list of subscribers is empty", "list at least one address"},
		{"no outside", good(func(s *PoolSpec) { s.Outside = nil }), ErrEmpty, "pools[0].outside", "the list of outside addresses is empty", "list at least one address"},
		{"all inside excluded", good(func(s *PoolSpec) { s.ExcludeInside = addrs("100.64.0.0/24") }), ErrEmpty, "pools[0].inside", "every inside address is excluded", "exclude fewer addresses"},
		{"all outside excluded", good(func(s *PoolSpec) { s.ExcludeOutside = addrs("192.0.2.1") }), ErrEmpty, "pools[0].outside", "every outside address is excluded", "exclude fewer addresses"},

		{"no name", good(func(s *PoolSpec) { s.Name = "" }), ErrName, "pools[0].name", `"" is no pool name`, nameRule},
		{"name with a blank", good(func(s *PoolSpec) { s.Name = "a b" }), ErrName, "pools[0].name", `"a b" is no pool name`, nameRule},
		{"name with a quote", good(func(s *PoolSpec) { s.Name = `a"` }), ErrName, "pools[0].name", `"a\"" is no pool name`, nameRule},
		{"name starts with a dash", good(func(s *PoolSpec) { s.Name = "-a" }), ErrName, "pools[0].name", `"-a" is no pool name`, nameRule},
		{"name in other letters", good(func(s *PoolSpec) { s.Name = "é" }), ErrName, "pools[0].name", `"é" is no pool name`, nameRule},
		{"name of 65 letters", good(func(s *PoolSpec) { s.Name = strings.Repeat("n", 65) }), ErrName, "pools[0].name", `"` + strings.Repeat("n", 65) + `" is no pool name`, nameRule},
		{"realm with a slash", good(func(s *PoolSpec) { s.Realm = "a/b" }), ErrName, "pools[0].realm", `"a/b" is no realm name`, nameRule},
		{"two pools of one name", twoPools("100.64.0.0/28", "192.0.2.1", "100.64.1.0/28", "192.0.2.2", func(s *PoolSpec) { s.Name = "a" }),
			ErrName, "pools[1].name", "pool 1 has this name too", "give every pool a name of its own"},

		{"inside twice in a pool", good(func(s *PoolSpec) { s.Inside = addrs("100.64.0.9 100.64.0.0/28") }), ErrDuplicate, "pools[0].inside[1]",
			"inside address 100.64.0.9 is listed twice: in 100.64.0.9 and in 100.64.0.0/28", "list every address once"},
		{"the same inside address twice", good(func(s *PoolSpec) { s.Inside = addrs("100.64.0.9 100.64.0.9") }), ErrDuplicate, "pools[0].inside[1]",
			"inside address 100.64.0.9 is listed twice", "list every address once"},
		{"outside twice in a pool", good(func(s *PoolSpec) { s.Outside = addrs("192.0.2.0/30 192.0.2.9 192.0.2.3") }), ErrOverlap, "pools[0].outside[2]",
			"outside address 192.0.2.3 is listed twice: in 192.0.2.0/30 and in 192.0.2.3", "list every address once"},
		{"inside range in two pools", twoPools("100.64.0.0/28", "192.0.2.1", "100.64.9.9 100.64.0.8/29", "192.0.2.2"), ErrDuplicate, "pools[1].inside[1]",
			`inside addresses 100.64.0.8-100.64.0.15 (8) also belong to pool "a"`, "list every inside address in one pool, or give the pools different realms"},
		{"inside address in two pools", twoPools("100.64.0.0/28", "192.0.2.1", "100.64.0.15", "192.0.2.2"), ErrDuplicate, "pools[1].inside[0]",
			`inside address 100.64.0.15 also belongs to pool "a"`, "list every inside address in one pool, or give the pools different realms"},
		{"outside in two pools", twoPools("100.64.0.0/28", "192.0.2.0/30", "100.64.1.0/28", "192.0.2.9 192.0.2.2/31"), ErrOverlap, "pools[1].outside[1]",
			`outside addresses 192.0.2.2-192.0.2.3 (2) also belong to pool "a"`, "give every outside address to one pool"},
		{"outside in two pools of two realms", twoPools("100.64.0.0/28", "192.0.2.1", "100.64.0.0/28", "192.0.2.1", realmB), ErrOverlap, "pools[1].outside[0]",
			`outside address 192.0.2.1 also belongs to pool "a"`, "give every outside address to one pool"},
		{"outside address inside, same pool", good(func(s *PoolSpec) { s.Outside = addrs("192.0.2.1 100.64.0.3") }), ErrLoop, "pools[0].outside[1]",
			`outside address 100.64.0.3 is also an inside address of realm "default", in pool "a"`, "an address cannot be on both sides: correct one of the lists, or use another realm"},
		{"outside address inside, other pool", twoPools("100.64.0.0/28", "192.0.2.1", "100.64.1.0/28", "100.64.0.0/30"), ErrLoop, "pools[1].outside[0]",
			`outside address 100.64.0.0 is also an inside address of realm "default", in pool "a"`, "an address cannot be on both sides: correct one of the lists, or use another realm"},

		{"0.0.0.0/8", good(func(s *PoolSpec) { s.Outside = addrs("0.255.255.255") }), ErrAddress, "pools[0].outside[0]",
			`outside 0.255.255.255 cannot be used: 0.0.0.0/8 means "this network" (RFC 1122)`, ""},
		{"loopback", good(func(s *PoolSpec) { s.Inside = addrs("100.64.0.0/28 127.0.0.1") }), ErrAddress, "pools[0].inside[1]",
			"inside 127.0.0.1 cannot be used: 127.0.0.0/8 is loopback (RFC 1122)", ""},
		{"around loopback", good(func(s *PoolSpec) { s.Inside = addrs("126.0.0.0-128.0.0.0") }), ErrAddress, "pools[0].inside[0]",
			"inside 126.0.0.0-128.0.0.0 cannot be used: 127.0.0.0/8 is loopback (RFC 1122)", ""},
		{"multicast", good(func(s *PoolSpec) { s.Outside = addrs("239.255.255.255") }), ErrAddress, "pools[0].outside[0]",
			"outside 239.255.255.255 cannot be used: 224.0.0.0/4 is multicast (RFC 5771)", ""},
		{"broadcast", good(func(s *PoolSpec) { s.Outside = addrs("255.255.255.255") }), ErrAddress, "pools[0].outside[0]",
			"outside 255.255.255.255 cannot be used: 255.255.255.255 is the limited broadcast address (RFC 919)", ""},
		{"the zero range", good(func(s *PoolSpec) { s.Inside = append(s.Inside, AddrRange{}) }), ErrAddress, "pools[0].inside[1]", "inside range 1 is the zero AddrRange", ""},
		{"exclusion that hits nothing, inside", good(func(s *PoolSpec) { s.ExcludeInside = addrs("100.64.0.1 100.64.0.16") }), ErrAddress, "pools[0].exclude-inside[1]",
			"100.64.0.16 is excluded, but it is in none of the inside ranges", "correct it or leave it out"},
		{"exclusion that hits nothing, outside", good(func(s *PoolSpec) { s.ExcludeOutside = addrs("192.0.2.2/31") }), ErrAddress, "pools[0].exclude-outside[0]",
			"192.0.2.2/31 is excluded, but it is in none of the outside ranges", "correct it or leave it out"},

		{"unknown scheme", good(scheme(9)), ErrScheme, "pools[0].scheme", "scheme number 9 is unknown", ""},
		{"step on sequential", good(func(s *PoolSpec) { s.StepSize = 4 }), ErrScheme, "pools[0].step", "step belongs to scheme step, and the scheme is sequential", "leave it out, or write scheme: step"},
		{"psid-offset on spread", good(scheme(Spread), func(s *PoolSpec) { s.PSIDOffset = new(0) }), ErrScheme, "pools[0].psid-offset",
			"psid-offset belongs to scheme psid, and the scheme is spread", "leave it out, or write scheme: psid"},
		{"psid-length on stripe", good(scheme(Stripe), func(s *PoolSpec) { s.PSIDLength = new(0) }), ErrScheme, "pools[0].psid-length",
			"psid-length belongs to scheme psid, and the scheme is stripe", "leave it out, or write scheme: psid"},
		{"key-id on psid", good(scheme(PSID), func(s *PoolSpec) { s.KeyID = "00" }), ErrScheme, "pools[0].key-id", "key-id belongs to scheme random, and the scheme is psid", "leave it out, or write scheme: random"},
		{"step without a size", good(scheme(Step)), ErrScheme, "pools[0].scheme", "scheme step needs step, the number of interleaved subscribers", "for example step: 4"},
		{"shares on sequential", good(func(s *PoolSpec) { s.Shares = explicit("x", "100.64.0.1 192.0.2.1 1024").Shares }), ErrScheme, "pools[0].shares",
			"shares belongs to scheme explicit, and the scheme is sequential", "leave it out, or write scheme: explicit"},
		{"random without key-id", good(scheme(Random)), ErrKey, "pools[0].scheme", "scheme random needs key-id, the ID of its key", "give a key file: --key-file FILE, and write the ID that it has"},
		{"missing key", good(scheme(Random), func(s *PoolSpec) { s.KeyID = "0011223344556677" }), ErrKey, "pools[0].key-id",
			`the key with ID "0011223344556677" is not at hand`, "give it with --key-file FILE"},
	} {
		t.Run(tc.name, func(t *testing.T) { checkFinding(t, tc.spec, tc.err, tc.path, tc.msg, tc.hint) })
	}
}

// checkFinding fails unless s has exactly this finding.
func checkFinding(t *testing.T, s Spec, err error, path, msg, hint string) {
	t.Helper()
	found := findingsOf(t, s)
	if len(found) != 1 {
		t.Fatalf("%d findings, want 1: %+v", len(found), found)
	}
	f := found[0]
	if !errors.Is(f, err) {
		t.Errorf("finding %v does not wrap %q", f.Err, err)
	}
	if f.Path != path || f.Msg != msg || f.Hint != hint {
		t.Errorf("finding\n got %s: %s\n     (%s)\nwant %s: %s\n     (%s)", f.Path, f.Msg, f.Hint, path, msg, hint)
	}
}

func TestAllowed(t *testing.T) {
	for name, s := range map[string]Spec{
		"the same inside addresses in two realms": twoPools("100.64.0.0/28", "192.0.2.1", "100.64.0.0/28", "192.0.2.2", realmB),
		"outside address inside another realm":    twoPools("100.64.0.0/28", "192.0.2.1", "100.64.1.0/28", "100.64.0.0/30", realmB),
		"excluded here, used there": spec(
			pool("a", "100.64.0.0/28", "192.0.2.0/30", func(s *PoolSpec) { s.ExcludeOutside = addrs("192.0.2.1") }),
			pool("b", "100.64.1.0/28", "192.0.2.1")),
		"inside excluded here, used there": spec(
			pool("a", "100.64.0.0/28", "192.0.2.0", func(s *PoolSpec) { s.ExcludeInside = addrs("100.64.0.3") }),
			pool("b", "100.64.0.3", "192.0.2.1")),
		"outside address excluded inside": good(func(s *PoolSpec) { s.Outside, s.ExcludeInside = addrs("100.64.0.3"), addrs("100.64.0.3") }),
		"pools that interleave":           twoPools("100.64.0.0 100.64.0.2", "192.0.2.1 192.0.2.3", "100.64.0.1 100.64.0.3", "192.0.2.2 192.0.2.0"),
		"a name of 64 letters":            good(func(s *PoolSpec) { s.Name = strings.Repeat("n", 64) }),
		"the highest and lowest hosts": good(func(s *PoolSpec) {
			s.Inside, s.Outside = addrs("1.0.0.0 255.255.255.254"), addrs("223.255.255.255 240.0.0.0")
		}),
	} {
		if found := findingsOf(t, s); found != nil {
			t.Errorf("%s: %+v", name, found)
		}
	}
}

func TestAllFindingsAtOnce(t *testing.T) {
	_, err := NewPlan(spec(
		pool("a b", "100.64.0.0/28", "192.0.2.0/30"),
		pool("b", "100.64.0.15 127.0.0.1", "192.0.2.3", func(s *PoolSpec) { s.StepSize = 2 }),
		pool("c", "100.64.0.2", "192.0.2.1 192.0.2.9")))
	const want = `pool "a b": "a b" is no pool name
pool "b": step belongs to scheme step, and the scheme is sequential
pool "b": inside 127.0.0.1 cannot be used: 127.0.0.0/8 is loopback (RFC 1122)
pool "c": outside address 192.0.2.1 also belongs to pool "a b"
pool "c": inside address 100.64.0.2 also belongs to pool "a b"`
	if err == nil || err.Error() != want {
		t.Errorf("NewPlan:\n%v\nwant\n%s", err, want)
	}
	for _, sentinel := range []error{ErrName, ErrScheme, ErrAddress, ErrOverlap, ErrDuplicate} {
		if !errors.Is(err, sentinel) {
			t.Errorf("the error does not wrap %q", sentinel)
		}
	}
	if errors.Is(err, ErrCapacity) {
		t.Errorf("the error wraps %q", ErrCapacity)
	}
}

func TestOverlapsAreBounded(t *testing.T) {
	var in, out []AddrRange
	for i := range uint32(300) {
		in = append(in, addrRangeOf(span{0x64400000 + 2*i, 0x64400000 + 2*i}))
		out = append(out, addrRangeOf(span{0xc6120000 + 2*i, 0xc6120000 + 2*i}))
	}
	s := spec(PoolSpec{Name: "a", Inside: in, Outside: out}, PoolSpec{Name: "b", Inside: in, Outside: out})
	if n := len(findingsOf(t, s)); n != maxOverlaps {
		t.Errorf("600 overlaps give %d findings, want %d", n, maxOverlaps)
	}
}
