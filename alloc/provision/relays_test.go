package provision

import (
	"bytes"
	"encoding/binary"
	"errors"
	"io"
	"net/netip"
	"strconv"
	"strings"
	"testing"

	"github.com/cgnkit/cgnkit/alloc"
	"github.com/cgnkit/cgnkit/portset/softwire"
)

// vppDomain is a domain as VPP's map plugin keeps it, with what the plugin computes from it.
type vppDomain struct {
	four, six          netip.Prefix
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

func number(t *testing.T, text string) int {
	t.Helper()
	n, err := strconv.Atoi(text)
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// vppDomains reads commands as VPP does.
func vppDomains(t *testing.T, text string) []vppDomain {
	t.Helper()
	var out []vppDomain
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
			out = append(out, vppDomain{pfx(args["ip4-pfx"]), pfx(args["ip6-pfx"]), num("ea-bits-len"), num("psid-offset"), num("psid-len"), nil})
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
	p := planOf(t, func(s *alloc.Spec) {
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
	if len(domains) != 5+1+2 {
		t.Fatalf("%d domains:\n%s", len(domains), out.String())
	}
	for _, d := range domains {
		for n, a := 0, d.four.Addr(); d.four.Contains(a) && n < 16; n, a = n+1, a.Next() {
			for port := range 1 << 16 {
				got, ok := d.to(a, uint16(port))
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
}

func TestLwAFTR(t *testing.T) {
	var lw bytes.Buffer
	p := planOf(t)
	if err := LwAFTR(&lw, p); err != nil {
		t.Fatal(err)
	}
	want := `binding-table {
  // pool lw
  softwire { ipv4 203.0.113.100; psid 5; b4-ipv6 2001:db8:400::cb00:7164:5; br-address 2001:db8:fffd::1; port-set { psid-length 6; reserved-ports-bit-count 0; } }
  softwire { ipv4 203.0.113.101; psid 0; b4-ipv6 2001:db8:400:100::1; br-address 2001:db8:fffd::1; port-set { psid-length 0; reserved-ports-bit-count 0; } }
}
`
	if !strings.HasSuffix(lw.String(), want) {
		t.Errorf("lwAFTR:\n%s\nwant at the end\n%s", lw.String(), want)
	}
}

func TestRelaysRefuse(t *testing.T) {
	only := func(i int) func(*alloc.Spec) {
		return func(s *alloc.Spec) { s.Softwires = s.Softwires[i : i+1] }
	}
	for name, c := range map[string]struct {
		write  func(io.Writer, *alloc.Plan) error
		change func(*alloc.Spec)
		text   string
	}{
		"VPP, none":    {VPPMap, func(s *alloc.Spec) { s.Softwires = nil }, "no pool of kind [map-e map-t lw4o6]"},
		"VPP, drafts":  {VPPMap, func(s *alloc.Spec) { s.Softwires[0].Rules[0].IID = softwire.IIDDraft }, "drafts"},
		"VPP, DMR /56": {VPPMap, func(s *alloc.Spec) { s.Softwires[1].DMR = pfx("2001:db8:fffe::/56") }, "64 or 96"},
		"VPP, rules of a DMR": {VPPMap, func(s *alloc.Spec) {
			s.Softwires[1].Rules = append(s.Softwires[1].Rules, softwire.RuleSpec{IPv6: pfx("2001:db8:300::/40"), IPv4: pfx("203.0.113.16/28"), EALen: 12})
		}, "by the DMR alone"},
		"VPP, behind bit 64": {VPPMap, func(s *alloc.Spec) {
			s.Softwires[0].Rules[0].IPv6, s.Softwires[0].Rules[0].OverwriteIID = pfx("2001:db8::/60"), true
		}, "bit 64"},
		"VPP, EA and PSID": {VPPMap, func(s *alloc.Spec) { r := &s.Softwires[0].Rules[0]; r.EALen, r.PSIDLength, r.PSID = 8, new(4), new(1) }, "EA bits and a PSID"},
		"VPP, PSID with MAP-T": {VPPMap, func(s *alloc.Spec) {
			s.Softwires[1].Rules[0] = softwire.RuleSpec{IPv6: pfx("2001:db8:200::/56"), IPv4: pfx("203.0.113.0/32"), PSIDLength: new(4), PSID: new(1)}
		}, "encapsulation only"},
		"VPP, not neighbours": {VPPMap, func(s *alloc.Spec) {
			rule := func(six, four string, psid int) softwire.RuleSpec {
				return softwire.RuleSpec{IPv6: pfx(six), IPv4: pfx(four), PSIDLength: new(4), PSID: new(psid)}
			}
			s.Softwires[0].Rules = []softwire.RuleSpec{rule("2001:db8::/56", "192.0.2.1/32", 1), rule("2001:db8:1::/56", "192.0.2.2/32", 1), rule("2001:db8:2::/56", "192.0.2.1/32", 2)}
		}, "one behind the other"},
		"Jool, MAP-E": {Jool, only(0), "no pool of kind [map-t]"},
		"Jool, two": {Jool, func(s *alloc.Spec) {
			s.Softwires[0].Kind, s.Softwires[0].Relay, s.Softwires[0].DMR = alloc.MAPT, netip.Addr{}, pfx("2001:db8:fff0::/64")
		}, "one instance"},
		"Jool, drafts": {Jool, func(s *alloc.Spec) { s.Softwires[1].Rules[0].IID = softwire.IIDDraft }, "drafts"},
		"Jool, PSID": {Jool, func(s *alloc.Spec) {
			s.Softwires[1].Rules[0] = softwire.RuleSpec{IPv6: pfx("2001:db8:200::/56"), IPv4: pfx("203.0.113.0/32"), PSIDLength: new(4), PSID: new(1)}
		}, "EA bits only"},
		"Jool, nested": {Jool, func(s *alloc.Spec) {
			s.Softwires[1].Rules = append(s.Softwires[1].Rules, softwire.RuleSpec{IPv6: pfx("2001:db8:210::/44"), IPv4: pfx("203.0.113.16/28"), EALen: 4})
		}, "longest match"},
		"lwAFTR, none":        {LwAFTR, only(0), "no pool of kind [lw4o6]"},
		"lwAFTR, PSID offset": {LwAFTR, func(s *alloc.Spec) { s.Softwires[2].Bindings[0].PSIDOffset = 6 }, "PSID offset 6"},
	} {
		var out bytes.Buffer
		err := c.write(&out, planOf(t, c.change))
		if !errors.Is(err, ErrInexpressible) || !strings.Contains(err.Error(), c.text) || out.Len() > 0 {
			t.Errorf("%s: %v, and %d bytes written", name, err, out.Len())
		}
	}
}
