package provision

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
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
		num := func(key string) int {
			n, err := strconv.Atoi(args[key])
			if err != nil {
				t.Fatalf("%s: %v", line, err)
			}
			return n
		}
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

func TestRelays(t *testing.T) {
	var jool, lw bytes.Buffer
	p := planOf(t)
	if err := Jool(&jool, p); err != nil {
		t.Fatal(err)
	}
	if want := "jool_mapt instance add cgnkit --netfilter --dmr 2001:db8:fffe::/64 # pool mapt\njool_mapt -i cgnkit fmrt add 2001:db8:200::/40 203.0.113.0/28 12 6\njool_mapt -i cgnkit global update map-t-type BR\n"; !strings.HasSuffix(jool.String(), want) {
		t.Errorf("Jool:\n%s\nwant at the end\n%s", jool.String(), want)
	}
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

// openWrt is what the package map of OpenWrt makes of options and a prefix that was delegated: a model of its mapcalc.
func openWrt(t *testing.T, options map[string]string, pd netip.Prefix) (six, four netip.Addr, ports string) {
	t.Helper()
	rule := map[string]string{"type": options["type"], "ipv6prefix": options["ip6prefix"], "prefix6len": options["ip6prefixlen"], "ipv4prefix": options["ipaddr"],
		"prefix4len": options["ip4prefixlen"], "offset": options["offset"], "psidlen": options["psidlen"], "psid": options["psid"], "ealen": options["ealen"]}
	if text, ok := options["rule"]; ok {
		rule = map[string]string{}
		first, _, _ := strings.Cut(text, " ") // which is the router's own
		for item := range strings.SplitSeq(first, ",") {
			key, value, _ := strings.Cut(item, "=")
			rule[key] = value
		}
	}
	num := func(key string, missing int) int {
		if rule[key] == "" {
			return missing
		}
		n, err := strconv.Atoi(rule[key])
		if err != nil {
			t.Fatal(err)
		}
		return n
	}
	p6, p4, ea, k, psid := num("prefix6len", -1), num("prefix4len", 32), num("ealen", -1), num("psidlen", -1), num("psid", -1)
	offset := num("offset", 6)
	if !pfx(fmt.Sprintf("%s/%d", rule["ipv6prefix"], p6)).Contains(pd.Addr()) {
		t.Fatalf("%v is not under %v", pd, rule)
	}
	if rule["type"] == "lw4o6" && ea < 0 {
		ea = k
	}
	if k <= 0 {
		k, psid = ea-(32-p4), -1
	}
	pd16 := pd.Addr().As16()
	hi := binary.BigEndian.Uint64(pd16[:8])
	bits := func(from, n int) uint64 { return hi << from >> (64 - n) } // a shift by 64 is 0
	if psid < 0 {
		psid = int(bits(p6+ea-k, k) << (16 - k)) // left-aligned
	}
	four16 := netip.MustParseAddr(rule["ipv4prefix"]).As4()
	v4 := binary.BigEndian.Uint32(four16[:]) | uint32(bits(p6, ea-k))
	lo := uint64(v4)<<16 | uint64(psid>>(16-k))
	if options["legacymap"] == "1" {
		lo <<= 8
	}
	binary.BigEndian.PutUint64(pd16[8:], lo)
	var sets []string
	for j := min(offset, 1); k > 0 && j < 1<<offset; j++ {
		first := j<<(16-offset) | psid>>offset
		last := first + 1<<(16-offset-k) - 1
		sets = append(sets, fmt.Sprintf("%d-%d", max(first, 1), last))
	}
	return netip.AddrFrom16(pd16), netip.AddrFrom4([4]byte{byte(v4 >> 24), byte(v4 >> 16), byte(v4 >> 8), byte(v4)}), strings.Join(sets, ",")
}

// For routers of every pool, OpenWrt comes to the addresses and ports that the plan has.
func TestOpenWrt(t *testing.T) {
	p := planOf(t, func(s *alloc.Spec) {
		s.Softwires[2].Bindings[1].B4 = pfx("2001:db8:400:100::/56")
		s.Softwires[0].Rules[1].IID = softwire.IIDDraft
		s.Softwires[0].Rules[0].Forwarding = false
	})
	for pool := range p.Softwires() {
		n := 0
		for a := range pool.All() {
			if n++; n%211 != 1 && pool.Subscribers() > 1000 {
				continue
			}
			var out bytes.Buffer
			if err := OpenWrt(&out, p, a.Subscriber(), "wan6"); err != nil {
				t.Fatal(err)
			}
			options := map[string]string{}
			for line := range strings.Lines(out.String()) {
				if rest, ok := strings.CutPrefix(line, "\toption "); ok {
					key, value, _ := strings.Cut(strings.TrimSpace(rest), " ")
					if _, twice := options[key]; twice {
						t.Fatalf("%s twice in\n%s", key, out.String())
					}
					options[key] = strings.Trim(value, "'")
				}
			}
			six, four, ports := openWrt(t, options, a.Subscriber().Prefix)
			addr, _ := a.RouterAddr()
			want := a.Ports().String()
			if a.Ports().Len() == 1<<16 {
				want = "" // all of them
			}
			if six != addr || four != a.Outside() || ports != want {
				t.Fatalf("%v: OpenWrt has %v, %v and %s; the plan %v, %v and %s\n%s", a.Subscriber(), six, four, ports, addr, a.Outside(), want, out.String())
			}
		}
	}
}

func TestOpenWrtRules(t *testing.T) {
	var out bytes.Buffer
	p := planOf(t)
	if err := OpenWrt(&out, p, alloc.Subscriber{Prefix: pfx("2001:db8:100:400::/54")}, "wan6"); err != nil {
		t.Fatal(err)
	}
	want := `config interface 'softwire'
	option proto 'map'
	option tunlink 'wan6'
	option type 'map-e'
	option rule 'type=map-e,ipv6prefix=2001:db8:100::,prefix6len=44,ipv4prefix=198.18.0.0,prefix4len=26,ealen=10,psidlen=4,offset=4,br=2001:db8:ffff::1 type=map-e,ipv6prefix=2001:db8::,prefix6len=40,ipv4prefix=192.0.2.0,prefix4len=24,ealen=16,psidlen=8,offset=6,fmr,br=2001:db8:ffff::1'
`
	if !strings.HasSuffix(out.String(), want) {
		t.Errorf("got\n%s\nwant at the end\n%s", out.String(), want)
	}
	for name, c := range map[string]struct {
		who    string
		device string
		change func(*alloc.Spec)
		want   error
	}{
		"interface": {"2001:db8::/56", "wan 6", nil, ErrInterface},
		"nobody":    {"2001:db8:9999::/56", "wan6", nil, alloc.ErrNotSubscriber},
		"NAT44":     {"100.64.0.1/32", "wan6", nil, ErrInexpressible},
		"address":   {"2001:db8:400:100::1/128", "wan6", nil, ErrInexpressible},
		"prefixes":  {"2001:db8:200::/56", "wan6", func(s *alloc.Spec) { s.Softwires[1].Rules[0].EALen = 2 }, ErrInexpressible},
		"forms":     {"2001:db8:100:400::/56", "wan6", func(s *alloc.Spec) { s.Softwires[0].Rules[0].IID = softwire.IIDDraft }, ErrInexpressible},
		"PSID": {"2001:db8:200::/56", "wan6", func(s *alloc.Spec) {
			s.Softwires[1].Rules[0] = softwire.RuleSpec{IPv6: pfx("2001:db8:200::/56"), IPv4: pfx("203.0.113.0/32"), PSIDLength: new(4), PSID: new(1)}
		}, ErrInexpressible},
	} {
		change := c.change
		if change == nil {
			change = func(*alloc.Spec) {}
		}
		if err := OpenWrt(io.Discard, planOf(t, change), alloc.Subscriber{Prefix: pfx(c.who)}, c.device); !errors.Is(err, c.want) {
			t.Errorf("%s: %v, want %v", name, err, c.want)
		}
	}
}
