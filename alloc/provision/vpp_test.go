package provision

import (
	"bytes"
	"encoding/binary"
	"net/netip"
	"strconv"
	"strings"
	"testing"

	"github.com/cgnkit/cgnkit/alloc"
	"github.com/cgnkit/cgnkit/portset/softwire"
)

// vppDomain is a domain as VPP's map plugin keeps it, with what the plugin computes from it.
type vppDomain struct {
	four, six, src     netip.Prefix // src is the DMR of MAP-T, or the border relay
	ea, offset, length int
	psids              map[int]netip.Addr
}

// to returns the IPv6 address to which VPP sends a packet, as map_get_pfx and map_get_sfx of the plugin do.
func (d vppDomain) to(a netip.Addr, port uint16) (netip.Addr, bool) {
	psid := 0
	if d.length > 0 {
		if d.offset > 0 && port>>(16-d.offset) == 0 {
			return netip.Addr{}, false
		}
		psid = int(port) >> (16 - d.length - d.offset) & (1<<d.length - 1)
	}
	six := d.six.Addr().As16()
	switch {
	case d.psids != nil:
		to, ok := d.psids[psid]
		return to, ok
	case d.ea == 0:
		return d.six.Addr(), true
	}
	four4 := a.As4()
	four := uint64(binary.BigEndian.Uint32(four4[:]))
	suffix, shift := 32-d.four.Bits(), 0
	if d.four.Bits()+d.ea < 32 {
		suffix, shift = d.ea, 32-d.four.Bits()-d.ea
	}
	bits := (four>>shift&(1<<suffix-1))<<d.length | uint64(psid)
	hi := binary.BigEndian.Uint64(six[:8]) | bits<<(64-d.six.Bits()-suffix-d.length)
	if shift > 0 {
		four = four >> shift << shift // the address of a prefix is its first
	}
	binary.BigEndian.PutUint64(six[:8], hi)
	binary.BigEndian.PutUint64(six[8:], four<<16|uint64(psid))
	return netip.AddrFrom16(six), true
}

// A vppTable is all domains of a VPP.
type vppTable []vppDomain

// to returns where a packet to an IPv4 address goes: by the longest match of ip4_prefix_tbl.
func (v vppTable) to(a netip.Addr, port uint16) (netip.Addr, bool) {
	best := -1
	for i, d := range v {
		if d.four.Contains(a) && (best < 0 || d.four.Bits() >= v[best].four.Bits()) {
			best = i
		}
	}
	if best < 0 {
		return netip.Addr{}, false
	}
	return v[best].to(a, port)
}

// from returns as whose IPv4 address a packet of MAP-T from source to dmr goes on, as ip6_map_t does: the domain is the longest match of
// ip6_src_prefix_tbl, where of two with one prefix the later counts, the address is in the source, and the source must be what follows from it.
func (v vppTable) from(source, dmr netip.Addr, port uint16) (netip.Addr, bool) {
	best := -1
	for i, d := range v {
		if d.src.Contains(dmr) && (best < 0 || d.src.Bits() >= v[best].src.Bits()) {
			best = i
		}
	}
	if best < 0 {
		return netip.Addr{}, false
	}
	b := source.As16()
	a := netip.AddrFrom4([4]byte(b[10:14]))
	want, ok := v[best].to(a, port)
	return a, ok && want == source
}

func source(text string) netip.Prefix {
	if a, err := netip.ParseAddr(text); err == nil {
		return netip.PrefixFrom(a, 128)
	}
	return pfx(text)
}

func number(t *testing.T, text string) int {
	t.Helper()
	n, err := strconv.Atoi(text)
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// vppDomains reads commands as VPP does.
func vppDomains(t *testing.T, text string) vppTable {
	t.Helper()
	var out vppTable
	for line := range strings.Lines(text) {
		f := strings.Fields(line)
		if f[0] == "comment" {
			continue
		}
		args := map[string]string{}
		for i := 3; i+1 < len(f); i += 2 {
			args[f[i]] = f[i+1]
		}
		num := func(key string) int { return number(t, args[key]) }
		switch strings.Join(f[:3], " ") {
		case "map add domain":
			out = append(out, vppDomain{pfx(args["ip4-pfx"]), pfx(args["ip6-pfx"]), source(args["ip6-src"]), num("ea-bits-len"), num("psid-offset"), num("psid-len"), nil})
		case "map add rule":
			d := &out[num("index")]
			if d.psids == nil {
				d.psids = map[int]netip.Addr{}
			}
			d.psids[num("psid")] = netip.MustParseAddr(args["ip6-dst"])
		default:
			t.Fatalf("what is %q?", line)
		}
	}
	return out
}

// For every port of addresses of every pool, VPP sends where the plan says, or drops where the plan says nobody.
func TestVPPMap(t *testing.T) {
	p := planOf(t, secondMAPT("2001:db8:fff0::/96"), func(s *alloc.Spec) {
		s.Softwires[0].Rules = append(s.Softwires[0].Rules,
			softwire.RuleSpec{IPv6: pfx("2001:db8:1000::/48"), IPv4: pfx("198.18.1.0/28"), EALen: 2},
			softwire.RuleSpec{IPv6: pfx("2001:db8:1001::/56"), IPv4: pfx("198.18.2.1/32"), PSIDOffset: new(4), PSIDLength: new(4), PSID: new(3)},
			softwire.RuleSpec{IPv6: pfx("2001:db8:1002::/56"), IPv4: pfx("198.18.2.1/32"), PSIDOffset: new(4), PSIDLength: new(4), PSID: new(7)},
			softwire.RuleSpec{IPv6: pfx("2001:db8:1003::/56"), IPv4: pfx("198.18.2.2/32")},
		)
		s.Softwires[2].Bindings = append(s.Softwires[2].Bindings, softwire.BindingSpec{B4: pfx("2001:db8:400:200::/56"), IPv4: netip.MustParseAddr("203.0.113.100"), PSIDLength: 6, PSID: 9})
	})
	var out bytes.Buffer
	if err := VPPMap(&out, p); err != nil {
		t.Fatal(err)
	}
	domains := vppDomains(t, out.String())
	if len(domains) != 5+1+2+1 {
		t.Fatalf("%d domains:\n%s", len(domains), out.String())
	}
	for _, d := range domains {
		for n, a := 0, d.four.Addr(); d.four.Contains(a) && n < 16; n, a = n+1, a.Next() {
			for port := range 1 << 16 {
				got, ok := domains.to(a, uint16(port))
				al, has := p.Trace(a, uint16(port)).Allocation()
				want, _ := netip.Addr{}, false
				if has {
					want, _ = al.RouterAddr()
				}
				if ok != has || ok && got != want {
					t.Fatalf("%v port %d: VPP sends to %v (%v), the plan says %v (%v)\n%s", a, port, got, ok, want, has, out.String())
				}
			}
		}
	}
	for pool := range p.Softwires() {
		if pool.Kind() != alloc.MAPT {
			continue
		}
		dmr, _ := pool.Domain().DMR()
		far, err := dmr.Embed(netip.MustParseAddr("192.88.99.1"))
		if err != nil {
			t.Fatal(err)
		}
		for al := range pool.All() {
			source, _ := al.RouterAddr()
			for _, port := range []uint16{al.Ports().First(), al.Ports().Last()} {
				if a, ok := domains.from(source, far, port); !ok || a != al.Outside() {
					t.Fatalf("%v port %d: VPP sends it on as %v (%v)", al, port, a, ok)
				}
			}
		}
	}
}

// What VPP would do with plans that are refused is wrong indeed, and not refused for nothing.
func TestVPPMapRefusesWithReason(t *testing.T) {
	rule := func(six, four string, ea int) vppDomain {
		d := vppDomain{four: pfx(four), six: pfx(six), src: pfx("2001:db8:fffe::/64"), ea: ea, offset: 6}
		d.length = max(0, ea-(32-d.four.Bits()))
		return d
	}
	outer, inner := rule("2001:db8::/40", "192.0.2.0/24", 16), rule("2001:db8:12::/48", "198.18.1.0/29", 8)
	p := planOf(t, func(s *alloc.Spec) {
		s.Softwires[0].Rules = []softwire.RuleSpec{{IPv6: outer.six, IPv4: outer.four, EALen: outer.ea}, {IPv6: inner.six, IPv4: inner.four, EALen: inner.ea}}
	})
	a := netip.MustParseAddr("192.0.2.18")
	to, ok := vppTable{outer, inner}.to(a, 1232)
	has, err := p.Lookup(alloc.Subscriber{Prefix: netip.PrefixFrom(to, 128)})
	if st := p.Trace(a, 1232).Status(); !ok || st != alloc.Unassigned || err != nil || has.Outside() == a {
		t.Errorf("nested: VPP sends to %v (%v), the plan says %v, and that there is %v (%v)", to, ok, st, has, err)
	}

	dmr := netip.MustParseAddr("2001:db8:fffe:0:c0:5863:100::")
	one, two := rule("2001:db8::/40", "192.0.2.0/24", 16), rule("2001:db8:100::/40", "198.51.100.0/24", 16)
	source, _ := one.to(a, 1232)
	if got, ok := (vppTable{one, two}).from(source, dmr, 1232); ok {
		t.Errorf("two pools with a DMR: VPP sends the first on as %v", got)
	}
	if got, ok := (vppTable{two, one}).from(source, dmr, 1232); !ok || got != a {
		t.Errorf("the last pool with a DMR: VPP sends it on as %v (%v)", got, ok)
	}

	prefixes := rule("2001:db8:200::/44", "198.18.1.0/26", 4)
	source, _ = prefixes.to(netip.MustParseAddr("198.18.1.7"), 80)
	if got, _ := (vppTable{prefixes}).from(source, dmr, 80); got.String() != "198.18.1.4" {
		t.Errorf("IPv4 prefixes: VPP sends what is from 198.18.1.7 on as %v", got)
	}
}
