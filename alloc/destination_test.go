package alloc

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"net/netip"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/cgnkit/cgnkit/portset"
	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

// dests reads destinations separated by commas.
func dests(text string) []Destination {
	var out []Destination
	for f := range strings.SplitSeq(text, ",") {
		out = append(out, must(ParseDestination(f)))
	}
	return out
}

// exempt is a valid plan that does not translate these destinations.
func exempt(list ...Destination) Spec {
	s := good()
	s.NoTranslate = list
	return s
}

func TestParseDestination(t *testing.T) {
	for _, tc := range []struct {
		text, want, first, last string
		protocol                Protocol
		ports                   string
	}{
		{"203.0.113.0/24", "203.0.113.0/24", "203.0.113.0", "203.0.113.255", AnyProtocol, ""},
		{"203.0.113.53 udp/53", "203.0.113.53 udp/53", "203.0.113.53", "203.0.113.53", UDP, "53"},
		{"0.0.0.0/0 tcp/8000-8080", "0.0.0.0/0 tcp/8000-8080", "0.0.0.0", "255.255.255.255", TCP, "8000-8080"},
		{"0.0.0.0/0", "0.0.0.0/0", "0.0.0.0", "255.255.255.255", AnyProtocol, ""},
		{"0.0.0.0-255.255.255.255 udp/0-65535", "0.0.0.0/0 udp/0-65535", "0.0.0.0", "255.255.255.255", UDP, "0-65535"},
		{"203.0.113.7/32", "203.0.113.7", "203.0.113.7", "203.0.113.7", AnyProtocol, ""},
		{"203.0.113.7-203.0.113.7 tcp/0", "203.0.113.7 tcp/0", "203.0.113.7", "203.0.113.7", TCP, "0"},
		{"10.0.0.2-10.0.0.3", "10.0.0.2/31", "10.0.0.2", "10.0.0.3", AnyProtocol, ""},
		{"10.0.0.1-10.0.0.2", "10.0.0.1-10.0.0.2", "10.0.0.1", "10.0.0.2", AnyProtocol, ""},
		{"10.0.0.0-10.0.0.2", "10.0.0.0-10.0.0.2", "10.0.0.0", "10.0.0.2", AnyProtocol, ""},
		{"255.255.255.255", "255.255.255.255", "255.255.255.255", "255.255.255.255", AnyProtocol, ""},
		{"224.0.0.0/4", "224.0.0.0/4", "224.0.0.0", "239.255.255.255", AnyProtocol, ""}, // multicast and loopback are destinations
		{"127.0.0.1 tcp/80", "127.0.0.1 tcp/80", "127.0.0.1", "127.0.0.1", TCP, "80"},
		{"  10.0.0.4 - 10.0.0.9 \t tcp/ 1 - 65535 ", "10.0.0.4-10.0.0.9 tcp/1-65535", "10.0.0.4", "10.0.0.9", TCP, "1-65535"},
		{"10.0.0.0/8 tcp/0080", "10.0.0.0/8 tcp/80", "10.0.0.0", "10.255.255.255", TCP, "80"},
	} {
		d, err := ParseDestination(tc.text)
		if err != nil {
			t.Errorf("ParseDestination(%q): %v", tc.text, err)
			continue
		}
		ports, ok := d.Ports()
		if !d.IsValid() || d.String() != tc.want || d.Addrs().First() != addr(tc.first) || d.Addrs().Last() != addr(tc.last) || d.Protocol() != tc.protocol {
			t.Errorf("ParseDestination(%q) = %v, %v-%v %v; want %s", tc.text, d, d.Addrs().First(), d.Addrs().Last(), d.Protocol(), tc.want)
		}
		if ok != (tc.ports != "") || ok && ports != portRange(tc.ports) || !ok && ports.IsValid() {
			t.Errorf("ParseDestination(%q) has the ports %v, %v; want %q", tc.text, ports, ok, tc.ports)
		}
		var again Destination
		if err := again.UnmarshalText(must(d.MarshalText())); err != nil || again != d {
			t.Errorf("%v is read back as %v, %v", d, again, err)
		}
	}
}

func TestParseDestinationErrors(t *testing.T) {
	const behind = "invalid destination: want tcp/PORTS or udp/PORTS behind the addresses, and this is "
	for _, tc := range []struct{ text, want string }{
		{"", `invalid destination: invalid address "": want an IPv4 address such as 100.64.0.1`},
		{"example.com", `invalid destination: invalid address "example.com": want an IPv4 address such as 100.64.0.1`},
		{"udp/53", `invalid destination: invalid address "udp": want an IPv4 address such as 100.64.0.1`},
		{"203.0.113.1/24", "invalid destination: invalid address 203.0.113.1/24: host bits are set; write 203.0.113.0/24 for the prefix or 203.0.113.1 for the one address"},
		{"203.0.113.1/24 udp/53", "invalid destination: invalid address 203.0.113.1/24: host bits are set; write 203.0.113.0/24 for the prefix or 203.0.113.1 for the one address"},
		{"203.0.113.9-203.0.113.1", "invalid destination: invalid address 203.0.113.9-203.0.113.1: the range is reversed; write 203.0.113.1-203.0.113.9"},
		{"2001:db8::/32", `invalid destination: invalid address "2001:db8::": this is IPv6; NAT44 takes IPv4 addresses`},
		{"2001:db8::1 udp/53", `invalid destination: invalid address "2001:db8::1 udp": not an IPv4 address, and IPv6 is not translated by NAT44`},
		{"203.0.113.53:53", `invalid destination: invalid address "203.0.113.53:53": want an IPv4 address such as 100.64.0.1`},
		{"203.0.113.53 53", `invalid destination: invalid address "203.0.113.53 53": want an IPv4 address such as 100.64.0.1`},
		{"203.0.113.53udp/53", `invalid destination: invalid address "203.0.113.53udp": want an IPv4 address such as 100.64.0.1`},
		{"203.0.113.53 /udp/53", `invalid destination: invalid address "203.0.113.53 ": want an IPv4 address such as 100.64.0.1`},
		{"203.0.113.53 udp", "invalid destination: udp has no ports; all of them are udp/0-65535"},
		{"203.0.113.53 UDP/53", behind + `"UDP/53"`},
		{"203.0.113.53 icmp", behind + `"icmp"`},
		{"203.0.113.53 sctp/53", behind + `"sctp/53"`},
		{"203.0.113.53 udp 53", behind + `"udp 53"`},
		{"203.0.113.53 any/53", behind + `"any/53"`},
		{"203.0.113.53 x" + strings.Repeat("y", 100), behind + `"x` + strings.Repeat("y", 63) + `"`},
		{"203.0.113.53 udp/", `invalid destination: port range "": invalid port set text: a port is missing`},
		{"203.0.113.53 udp/dns", `invalid destination: port range "dns": invalid port set text: "dns" is not a decimal port number`},
		{"203.0.113.53 udp/65536", `invalid destination: port range "65536": invalid port range: port 65536 is past 65535`},
		{"203.0.113.53 udp/9-8", "invalid destination: invalid port range 9-8: the range is reversed; write 8-9"},
		{"203.0.113.53 udp/53,54", `invalid destination: port range "53,54": invalid port set text: "53,54" is not a decimal port number`},
		{"203.0.113.53 udp/53 tcp/53", `invalid destination: port range "53 tcp/53": invalid port set text: "53 tcp/53" is not a decimal port number`},
	} {
		d, err := ParseDestination(tc.text)
		if d != (Destination{}) || !errors.Is(err, ErrDestination) || err.Error() != tc.want {
			t.Errorf("ParseDestination(%q) = %v:\n got %v\nwant %s", tc.text, d, err, tc.want)
		}
		if errors.Is(err, ErrAddress) != strings.Contains(tc.want, "invalid address") {
			t.Errorf("ParseDestination(%q): %v wraps ErrAddress: %v", tc.text, err, errors.Is(err, ErrAddress))
		}
	}
}

func TestDestinationFrom(t *testing.T) {
	net, web := addrs("203.0.113.0/24")[0], portRange("80")
	for _, tc := range []struct {
		addrs    AddrRange
		protocol Protocol
		ports    portset.Range
		want     string
	}{
		{net, AnyProtocol, portset.Range{}, ""},
		{net, TCP, web, ""},
		{net, UDP, web, ""},
		{AddrRange{}, AnyProtocol, portset.Range{}, "invalid destination: it has no addresses"},
		{net, 1, portset.Range{}, "invalid destination: protocol 1 is neither TCP nor UDP"},
		{net, 132, web, "invalid destination: protocol 132 is neither TCP nor UDP"},
		{net, AnyProtocol, web, "invalid destination: ports 80 belong to a protocol, TCP or UDP"},
		{net, TCP, portset.Range{}, "invalid destination: tcp has no ports; all of them are 0-65535"},
	} {
		d, err := DestinationFrom(tc.addrs, tc.protocol, tc.ports)
		if tc.want == "" {
			ports, _ := d.Ports()
			if err != nil || d.Addrs() != tc.addrs || d.Protocol() != tc.protocol || ports != tc.ports {
				t.Errorf("DestinationFrom(%v, %v, %v) = %v, %v", tc.addrs, tc.protocol, tc.ports, d, err)
			}
			continue
		}
		if d.IsValid() || !errors.Is(err, ErrDestination) || err.Error() != tc.want {
			t.Errorf("DestinationFrom(%v, %v, %v) = %v, %v; want %s", tc.addrs, tc.protocol, tc.ports, d, err, tc.want)
		}
	}
	for p, want := range map[Protocol]string{AnyProtocol: "any", TCP: "tcp", UDP: "udp", 1: "invalid Protocol", 255: "invalid Protocol"} {
		if got := p.String(); got != want {
			t.Errorf("Protocol %d is %q, want %q", p, got, want)
		}
	}
}

func TestZeroDestination(t *testing.T) {
	var zero Destination
	if ports, ok := zero.Ports(); zero.IsValid() || ok || ports.IsValid() || zero.Addrs().IsValid() || zero.Protocol() != AnyProtocol || zero.String() != "invalid Destination" {
		t.Errorf("the zero Destination is %v", zero)
	}
	if text, err := zero.MarshalText(); text != nil || !errors.Is(err, ErrDestination) {
		t.Errorf("MarshalText = %q, %v", text, err)
	}
	d := dests("203.0.113.0/24")[0]
	if err := d.UnmarshalText([]byte("nowhere")); !errors.Is(err, ErrDestination) || d != dests("203.0.113.0/24")[0] {
		t.Errorf("UnmarshalText = %v, and the destination is now %v", err, d)
	}
}

// slowPrefix returns the prefix that holds exactly first to last, tried bit by bit.
func slowPrefix(first, last netip.Addr) (netip.Prefix, bool) {
	for n := range 32 {
		p := netip.PrefixFrom(first, n)
		if r, err := AddrRangeFromPrefix(p); err == nil && r.Last() == last {
			return p, true
		}
	}
	return netip.Prefix{}, false
}

// checkDestination checks that there is one text for what d means.
func checkDestination(t failer, d Destination, first, last netip.Addr) {
	t.Helper()
	if d.Addrs().First() != first || d.Addrs().Last() != last {
		t.Fatalf("%v holds %v to %v, want %v to %v", d, d.Addrs().First(), d.Addrs().Last(), first, last)
	}
	want := first.String()
	if p, ok := slowPrefix(first, last); ok {
		want = p.String()
	} else if first != last {
		want += "-" + last.String()
	}
	if ports, ok := d.Ports(); ok {
		want += " " + d.Protocol().String() + "/" + ports.String()
	}
	if d.String() != want {
		t.Fatalf("the text is %q, want %q", d, want)
	}
	var again Destination
	if err := again.UnmarshalText(must(d.MarshalText())); err != nil || again != d {
		t.Fatalf("%v is read back as %v, %v", d, again, err)
	}
}

func drawDestination(t *rapid.T) Destination {
	ends := []uint32{rapid.Uint32().Draw(t, "address"), rapid.Uint32().Draw(t, "address")}
	if rapid.Bool().Draw(t, "prefix") {
		size := uint32(1)<<rapid.IntRange(0, 31).Draw(t, "bits") - 1
		ends[0] &^= size
		ends[1] = ends[0] | size
	}
	slices.Sort(ends)
	protocol, ports := rapid.SampledFrom([]Protocol{AnyProtocol, TCP, UDP}).Draw(t, "protocol"), portset.Range{}
	if protocol != AnyProtocol {
		first := rapid.IntRange(0, 65535).Draw(t, "first")
		ports = must(portset.NewRange(first, rapid.IntRange(first, 65535).Draw(t, "last")))
	}
	d, err := DestinationFrom(addrRangeOf(span{ends[0], ends[1]}), protocol, ports)
	if err != nil {
		t.Fatalf("DestinationFrom: %v", err)
	}
	checkDestination(t, d, addr4(ends[0]), addr4(ends[1]))
	return d
}

func TestPropertyDestination(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		a, b := drawDestination(t), drawDestination(t)
		if (a == b) != (a.String() == b.String()) {
			t.Fatalf("%v and %v are equal: %v", a, b, a == b)
		}
	})
}

var slowPorts = regexp.MustCompile(`^(.*)[ \t](tcp|udp)/[ \t]*([0-9]+)[ \t]*(?:-[ \t]*([0-9]+)[ \t]*)?$`)

// slowDestination reads what ParseDestination reads, with a regular expression.
func slowDestination(s string) (first, last netip.Addr, ok bool) {
	if m := slowPorts.FindStringSubmatch(s); m != nil {
		from, err := strconv.ParseUint(m[3], 10, 16)
		to, err2 := from, error(nil)
		if m[4] != "" {
			to, err2 = strconv.ParseUint(m[4], 10, 16)
		}
		if err != nil || err2 != nil || from > to {
			return first, last, false
		}
		s = m[1]
	}
	return slowAddrRange(s)
}

func FuzzParseDestination(f *testing.F) {
	for _, s := range []string{
		"203.0.113.0/24", "203.0.113.53 udp/53", "0.0.0.0/0 tcp/8000-8080", "10.0.0.1 - 10.0.0.9\ttcp/1 - 65535\t", " 1.2.3.4 udp/ 0 ", "1.2.3.4/32", "1.2.3.4-1.2.3.5 tcp/00080",
		"", " ", "tcp/80", " tcp/80", "1.2.3.4 tcp", "1.2.3.4 tcp/", "1.2.3.4 tcp/-", "1.2.3.4 tcp/1-", "1.2.3.4 tcp/2-1", "1.2.3.4 tcp/65536", "1.2.3.4 tcp/1,2", "1.2.3.4 TCP/1", "1.2.3.4 icmp/1", "1.2.3.4 tcp/1 udp/1",
		"1.2.3.4tcp/1", "1.2.3.4\ntcp/1", "1.2.3.4\u00a0tcp/1", "1.2.3.4\u00a0 tcp/1", "1.2.3.4 tcp/1\n", "1.2.3.4 80", "1.2.3.4:80", "2001:db8::1", "2001:db8::1 tcp/80", "::ffff:1.2.3.4 tcp/1", "1.2.3.4 \xfftcp/1", "1.2.3.4 tcp/\u0661",
		"1.2.3.4 tcp/18446744073709551616", "0.0.0.0-255.255.255.255", "255.255.255.255 udp/65535",
	} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		d, err := ParseDestination(s)
		first, last, ok := slowDestination(s)
		if ok != (err == nil) {
			t.Fatalf("ParseDestination(%q): %v; the oracle says %v", s, err, ok)
		}
		if err != nil {
			if d != (Destination{}) || !errors.Is(err, ErrDestination) || len(err.Error()) > 600 {
				t.Fatalf("ParseDestination(%q) = %v, %v", s, d, err)
			}
			return
		}
		checkDestination(t, d, first, last)
	})
}

func TestDestinationFindings(t *testing.T) {
	const always = "outside addresses are translated always: leave them out, or choose by port alone, for example 0.0.0.0/0 udp/53"
	for _, tc := range []struct {
		name            string
		list            []Destination
		err             error
		path, msg, hint string
	}{
		{"the zero Destination", append(dests("203.0.113.0/24"), Destination{}), ErrDestination, "no-translate[1]", "destination 1 is the zero Destination", ""},
		{"twice", dests("203.0.113.0/24,203.0.113.1,203.0.113.0/24"), ErrDestination, "no-translate[2]", "destination 203.0.113.0/24 is listed twice", "list every destination once"},
		{"twice in two spellings", dests("203.0.113.0/24 tcp/80,203.0.113.0-203.0.113.255 tcp/80-80"), ErrDestination, "no-translate[1]",
			"destination 203.0.113.0/24 tcp/80 is listed twice", "list every destination once"},
		{"an outside address", dests("203.0.113.0/24,192.0.2.1"), ErrLoop, "no-translate[1]", `destination 192.0.2.1 holds outside address 192.0.2.1 of pool "a"`, always},
		{"a prefix with an outside address", dests("192.0.2.0/24"), ErrLoop, "no-translate[0]", `destination 192.0.2.0/24 holds outside address 192.0.2.1 of pool "a"`, always},
		{"a port of an outside address", dests("192.0.0.0/8 udp/53"), ErrLoop, "no-translate[0]", `destination 192.0.0.0/8 udp/53 holds outside address 192.0.2.1 of pool "a"`, always},
		{"everything", dests("0.0.0.0/0"), ErrLoop, "no-translate[0]", `destination 0.0.0.0/0 holds outside address 192.0.2.1 of pool "a"`, always},
		{"a half of everything", dests("128.0.0.0/1 tcp/1-65535"), ErrLoop, "no-translate[0]", `destination 128.0.0.0/1 tcp/1-65535 holds outside address 192.0.2.1 of pool "a"`, always},
	} {
		t.Run(tc.name, func(t *testing.T) { checkFinding(t, exempt(tc.list...), tc.err, tc.path, tc.msg, tc.hint) })
	}
	t.Run("beside others", func(t *testing.T) {
		s := exempt(dests("192.0.2.0/24")...)
		s.Pools[0].Name = "a b"
		found := findingsOf(t, s)
		if len(found) != 2 || !errors.Is(found[0], ErrName) || !errors.Is(found[1], ErrLoop) || found[1].Pool != "" {
			t.Errorf("findings %+v", found)
		}
	})
	t.Run("without pools", func(t *testing.T) {
		found := findingsOf(t, Spec{NoTranslate: append(dests("0.0.0.0/0"), Destination{})})
		if len(found) != 2 || !errors.Is(found[0], ErrEmpty) || !errors.Is(found[1], ErrDestination) {
			t.Errorf("findings %+v", found)
		}
	})
}

func TestDestinationsAllowed(t *testing.T) {
	for _, list := range []string{
		"0.0.0.0/0 tcp/8000-8080,0.0.0.0-255.255.255.255 udp/0-65535",                                           // by port alone
		"203.0.113.0/24,203.0.113.0/25,203.0.113.7,203.0.113.7 tcp/80,203.0.113.7 udp/80,203.0.113.7 tcp/80-81", // they overlap
		"192.0.2.0,192.0.2.2", // beside the outside address
		"100.64.0.0/10",       // subscribers among each other
		"224.0.0.0/4,127.0.0.1,255.255.255.255,0.0.0.0",
	} {
		want := dests(list)
		if diff := cmp.Diff(want, mustPlan(t, exempt(want...)).NoTranslate(), cmp.AllowUnexported(Destination{}, AddrRange{}, portset.Range{})); diff != "" {
			t.Errorf("%s: NoTranslate (-want +got):\n%s", list, diff)
		}
	}
	s := good(func(s *PoolSpec) { s.Outside, s.ExcludeOutside = addrs("192.0.2.0/30"), addrs("192.0.2.3") })
	s.NoTranslate = dests("192.0.2.3")
	mustPlan(t, s)
}

// manyDestinations returns n single addresses.
func manyDestinations(n int, protocol Protocol, ports portset.Range) []Destination {
	out := make([]Destination, n)
	for i := range out {
		a := 0x0a000000 + uint32(i)
		out[i] = must(DestinationFrom(addrRangeOf(span{a, a}), protocol, ports))
	}
	return out
}

func TestDestinationLimits(t *testing.T) {
	const join = "join prefixes and port ranges that continue each other"
	plain, ported := manyDestinations(65537, AnyProtocol, portset.Range{}), manyDestinations(1025, UDP, portRange("53"))
	full := slices.Concat(plain[:65536-1024], ported[:1024])
	if got := mustPlan(t, exempt(full...)).NoTranslate(); !slices.Equal(got, full) {
		t.Errorf("%d of %d destinations come back", len(got), len(full))
	}
	mustPlan(t, exempt(plain[:65536]...))
	checkFinding(t, exempt(plain...), ErrDestination, "no-translate[65536]", "the list has 65537 destinations; a plan has at most 65536", join)
	checkFinding(t, exempt(slices.Concat(plain[:7], ported)...), ErrDestination, "no-translate[1031]", "a plan has at most 1024 destinations with ports", join)

	if n := len(findingsOf(t, exempt(make([]Destination, 1000)...))); n != maxBadDestinations {
		t.Errorf("1000 zero destinations give %d findings, want %d", n, maxBadDestinations)
	}
}

// TestDestinationLoopsAgainstBruteForce compares the search for outside addresses in destinations with looking at every address.
func TestDestinationLoopsAgainstBruteForce(t *testing.T) {
	const base = 0xc0000200
	loops, clean := 0, 0
	for seed := range uint64(2000) {
		rng := rand.New(rand.NewPCG(seed, 17))
		var s Spec
		for n := range 1 + rng.IntN(3) {
			out := smallRanges(rng, base+uint32(rng.IntN(3)*40))
			s.Pools = append(s.Pools, PoolSpec{Name: fmt.Sprintf("p%d", n), Ports: portRange("1-65535"), Inside: addrs(fmt.Sprintf("100.64.0.%d", n)),
				Outside: out, ExcludeOutside: []AddrRange{addrRangeOf(span{out[0].span().first, out[0].span().first})}})
		}
		if len(findingsOf(t, s)) > 0 {
			continue
		}
		var want []string
		for range 10 {
			first := base - 2 + uint32(rng.IntN(200))
			d := must(DestinationFrom(addrRangeOf(span{first, first + uint32(rng.IntN(1<<rng.IntN(6)))}), TCP, portRange(strconv.Itoa(len(s.NoTranslate)))))
			for a := d.addrs.span().first; a <= d.addrs.span().last; a++ {
				if slices.ContainsFunc(s.Pools, func(p PoolSpec) bool { return listed(p, "outside", a) && p.ExcludeOutside[0].First() != addr4(a) }) {
					want = append(want, fmt.Sprintf("no-translate[%d]", len(s.NoTranslate)))
					break
				}
			}
			s.NoTranslate = append(s.NoTranslate, d)
		}
		var got []string
		for _, f := range findingsOf(t, s) {
			if !errors.Is(f, ErrLoop) {
				t.Fatalf("seed %d: %v", seed, f)
			}
			got = append(got, f.Path)
		}
		if !slices.Equal(got, want) {
			t.Fatalf("seed %d: findings at %v, want %v", seed, got, want)
		}
		loops, clean = loops+len(want), clean+10-len(want)
	}
	if loops < 100 || clean < 100 {
		t.Errorf("%d loops and %d destinations without", loops, clean)
	}
}

func TestNoTranslateIsACopy(t *testing.T) {
	list := dests("203.0.113.0/24,0.0.0.0/0 udp/53")
	plan := mustPlan(t, exempt(list...))
	list[0] = Destination{}
	plan.NoTranslate()[1] = Destination{}
	if got, want := plan.NoTranslate(), dests("203.0.113.0/24,0.0.0.0/0 udp/53"); !slices.Equal(got, want) {
		t.Errorf("NoTranslate = %v, want %v", got, want)
	}
	if got := mustPlan(t, good()).NoTranslate(); len(got) != 0 {
		t.Errorf("a plan without has %v", got)
	}
	if got := new(Plan).NoTranslate(); len(got) != 0 {
		t.Errorf("the zero plan has %v", got)
	}
}

// TestDestinationsMoveNobody: what is not translated has no part in shares.
func TestDestinationsMoveNobody(t *testing.T) {
	without, with := mustPlan(t, good()), mustPlan(t, exempt(dests("203.0.113.0/24,100.64.0.3,0.0.0.0/0 udp/53")...))
	if d := Diff(without, with); !d.IsEmpty() || d.Kept != without.Subscribers() {
		t.Errorf("Diff = %+v", d)
	}
	if without.SHA256() == with.SHA256() {
		t.Error("the hash does not tell them apart")
	}
	for port := range uint16(65535) {
		if a, b := answerOf(without.Trace(addr("192.0.2.1"), port)), answerOf(with.Trace(addr("192.0.2.1"), port)); a != b {
			t.Fatalf("Trace(192.0.2.1, %d) = %+v, without destinations %+v", port, b, a)
		}
	}
}

func TestDestinationsCanonical(t *testing.T) {
	text := string(mustPlan(t, good()).AppendCanonical(nil))
	for _, tc := range []struct{ list, want string }{
		{"203.0.113.0/24", `"203.0.113.0/24"`},
		{"203.0.113.53 udp/53,203.0.113.0-203.0.113.255,10.0.0.1-10.0.0.2", `"203.0.113.53 udp/53","203.0.113.0/24","10.0.0.1-10.0.0.2"`},
		{"0.0.0.0-255.255.255.255  tcp/8000 - 8080", `"0.0.0.0/0 tcp/8000-8080"`},
	} {
		plan := mustPlan(t, exempt(dests(tc.list)...))
		want := strings.TrimSuffix(text, "}") + `,"no_translate":[` + tc.want + "]}"
		if diff := cmp.Diff(want, string(plan.AppendCanonical(nil))); diff != "" {
			t.Errorf("the canonical form differs (-want +got):\n%s", diff)
		}
		if again := must(ParseCanonical([]byte(want))); !slices.Equal(again.NoTranslate(), plan.NoTranslate()) || again.SHA256() != plan.SHA256() {
			t.Errorf("%v is read back as %v", plan.NoTranslate(), again.NoTranslate())
		}
	}
	const notWritten = "invalid canonical plan: these bytes are not what AppendCanonical writes for this plan"
	for _, tc := range []struct{ name, list, want string }{
		{"an empty list", "[]", notWritten},
		{"no list", "null", notWritten},
		{"a prefix as a range", `["203.0.113.0-203.0.113.255"]`, notWritten},
		{"a /32", `["203.0.113.0/32"]`, notWritten},
		{"two blanks", `["203.0.113.0  tcp/80"]`, notWritten},
		{"an escape", `["203.0.113.0 tcp\/80"]`, notWritten},
		{"a port as a range", `["203.0.113.0 tcp/80-80"]`, notWritten},
		{"twice", `["10.0.0.1","10.0.0.1"]`, "invalid canonical plan: destination 10.0.0.1 is listed twice"},
		{"an outside address", `["192.0.2.0/24"]`, `invalid canonical plan: destination 192.0.2.0/24 holds outside address 192.0.2.1 of pool "a"`},
		{"null", `[null]`, "invalid canonical plan: destination 0 is the zero Destination"},
		{"a protocol", `["10.0.0.1 icmp"]`, `invalid canonical plan: invalid destination: want tcp/PORTS or udp/PORTS behind the addresses, and this is "icmp"`},
	} {
		p, err := ParseCanonical([]byte(strings.TrimSuffix(text, "}") + `,"no_translate":` + tc.list + "}"))
		if p != nil || !errors.Is(err, ErrCanonical) || err.Error() != tc.want {
			t.Errorf("%s: ParseCanonical = %v, %v; want %s", tc.name, p, err, tc.want)
		}
	}
	before := strings.Replace(text, `"pools"`, `"no_translate":["10.0.0.1"],"pools"`, 1)
	if _, err := ParseCanonical([]byte(before)); err == nil || err.Error() != notWritten {
		t.Errorf("the list before the pools: %v", err)
	}
}
