package alloc

import (
	"errors"
	"net/netip"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/cgnkit/cgnkit/portset"
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

var slowPorts = regexp.MustCompile(`(?s)^(.*)[ \t](tcp|udp)/[ \t]*([0-9]+)[ \t]*(?:-[ \t]*([0-9]+)[ \t]*)?$`)

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
		"1.2.3.4tcp/1", "1.2.3.4\ntcp/1", "1.2.3.4\n tcp/1", "1.2.3.4\u00a0tcp/1", "1.2.3.4\u00a0 tcp/1", "1.2.3.4 tcp/1\n", "1.2.3.4 80", "1.2.3.4:80", "2001:db8::1", "2001:db8::1 tcp/80", "::ffff:1.2.3.4 tcp/1", "1.2.3.4 \xfftcp/1", "1.2.3.4 tcp/\u0661",
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
