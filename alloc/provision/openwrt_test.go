package provision

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/netip"
	"strings"
	"testing"

	"github.com/cgnkit/cgnkit/alloc"
	"github.com/cgnkit/cgnkit/internal/testseed"
	"github.com/cgnkit/cgnkit/portset/softwire"
)

// openWrt is what the package map of OpenWrt makes of options and a prefix that was delegated: a model of its mapcalc, and of map.sh,
// for which the last rule that fits the prefix is the router's own.
func openWrt(t *testing.T, options map[string]string, pd netip.Prefix) (six, four netip.Addr, ports string) {
	t.Helper()
	rules := []map[string]string{{"type": options["type"], "ipv6prefix": options["ip6prefix"], "prefix6len": options["ip6prefixlen"], "ipv4prefix": options["ipaddr"],
		"prefix4len": options["ip4prefixlen"], "offset": options["offset"], "psidlen": options["psidlen"], "psid": options["psid"], "ealen": options["ealen"]}}
	if text, ok := options["rule"]; ok {
		rules = rules[:0]
		for one := range strings.SplitSeq(text, " ") {
			rule := map[string]string{}
			for item := range strings.SplitSeq(one, ",") {
				key, value, _ := strings.Cut(item, "=")
				rule[key] = value
			}
			rules = append(rules, rule)
		}
	}
	for _, rule := range rules {
		p6 := number(t, rule["prefix6len"])
		switch {
		case p6 > 112:
			t.Fatalf("mapcalc takes no such prefix6len: %v", rule)
		case pfx(fmt.Sprintf("%s/%d", rule["ipv6prefix"], p6)).Contains(pd.Addr()) && pd.Bits() >= p6:
			six, four, ports = openWrtRule(t, rule, pd, options["legacymap"] == "1")
		}
	}
	if !six.IsValid() {
		t.Fatalf("%v is under none of %v", pd, rules)
	}
	return six, four, ports
}

// field returns bits of a prefix, n of at most 32.
func field(p netip.Prefix, from, n int) uint64 { return uint64(bits6(p.Addr(), from, n)) }

func openWrtRule(t *testing.T, rule map[string]string, pd netip.Prefix, legacy bool) (six, four netip.Addr, ports string) {
	num := func(key string, missing int) int {
		if rule[key] == "" {
			return missing
		}
		return number(t, rule[key])
	}
	p6, p4, ea, k, psid := num("prefix6len", -1), num("prefix4len", 32), num("ealen", -1), num("psidlen", -1), num("psid", -1)
	offset := num("offset", 6)
	if rule["type"] == "lw4o6" && ea < 0 {
		ea = k
	}
	if k <= 0 {
		k, psid = ea-(32-p4), -1
	}
	if psid < 0 {
		psid = int(field(pd, p6+ea-k, k) << (16 - k)) // left-aligned
	}
	v4 := u32(netip.MustParseAddr(rule["ipv4prefix"])) | uint32(field(pd, p6, ea-k))<<(32-(ea-k))>>p4
	lo := uint64(v4)<<16 | uint64(psid>>(16-k))
	if legacy {
		lo <<= 8
	}
	b := netip.IPv6Unspecified().As16()
	binary.BigEndian.PutUint64(b[8:], lo)
	for i, prefix := 0, pd.Addr().As16(); i < pd.Bits(); i++ { // the prefix is written over the rest
		b[i/8] = b[i/8]&^(0x80>>(i%8)) | prefix[i/8]&(0x80>>(i%8))
	}
	var sets []string
	for j := min(offset, 1); k > 0 && j < 1<<offset; j++ {
		first := j<<(16-offset) | psid>>offset
		last := first + 1<<(16-offset-k) - 1
		sets = append(sets, fmt.Sprintf("%d-%d", max(first, 1), last))
	}
	return netip.AddrFrom16(b), addr4(v4), strings.Join(sets, ",")
}

// For routers of every pool, OpenWrt comes to the addresses and ports that the plan has.
func TestOpenWrt(t *testing.T) {
	p := planOf(t, func(s *alloc.Spec) {
		s.Softwires[2].Bindings[1].B4 = pfx("2001:db8:400:100::/56")
		s.Softwires[0].Rules[1].IID = softwire.IIDDraft
		s.Softwires[0].Rules[0].Forwarding = false
		s.Softwires[1].Rules[0].Forwarding = true
		s.Softwires[1].Rules = append(s.Softwires[1].Rules,
			// In another one that forwards: routers are told both, and both fit.
			softwire.RuleSpec{IPv6: pfx("2001:db8:210::/48"), IPv4: pfx("198.18.1.0/28"), EALen: 8},
			softwire.RuleSpec{IPv6: pfx("2001:db8:220::/48"), IPv4: pfx("198.18.1.16/28"), EALen: 6},
			softwire.RuleSpec{IPv6: pfx("2001:db8:1002::/108"), IPv4: pfx("198.18.3.0/30"), EALen: 8, OverwriteIID: true},
		)
	})
	for pool := range p.Softwires() {
		n := 0
		for a := range pool.All() {
			if n++; n%53 != 1 && pool.Subscribers() > 1000 {
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
	option rule 'type=map-e,ipv6prefix=2001:db8::,prefix6len=40,ipv4prefix=192.0.2.0,prefix4len=24,ealen=16,psidlen=8,offset=6,fmr,br=2001:db8:ffff::1 type=map-e,ipv6prefix=2001:db8:100::,prefix6len=44,ipv4prefix=198.18.0.0,prefix4len=26,ealen=10,psidlen=4,offset=4,br=2001:db8:ffff::1'
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
		"one in another": {"2001:db8:10::/56", "wan6", func(s *alloc.Spec) {
			s.Softwires[0].Rules[1].IPv6, s.Softwires[0].Rules[1].EALen, s.Softwires[0].Rules[1].Forwarding = pfx("2001:db8:10::/48"), 8, true
		}, ErrInexpressible},
		"rule6 /116": {"2001:db8:200::/124", "wan6", func(s *alloc.Spec) {
			s.Softwires[1].Rules[0] = softwire.RuleSpec{IPv6: pfx("2001:db8:200::/116"), IPv4: pfx("203.0.113.0/28"), EALen: 8, OverwriteIID: true}
		}, ErrInexpressible},
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

// Rules that forward and overlap are refused, in whatever order they stand: compared with each other one by one, this is the answer.
func TestOpenWrtOverlaps(t *testing.T) {
	rng := rand.New(rand.NewPCG(testseed.New(t), 0))
	seen := map[bool]int{}
	for range 300 {
		p := planOf(t, func(s *alloc.Spec) {
			s.Softwires = s.Softwires[:1]
			s.Softwires[0].Rules = nil
			for i, at := range rng.Perm(6) {
				// Three rules with /44, and three in the first of their prefixes.
				bits := 44 + at%2*4
				six := netip.PrefixFrom(netip.AddrFrom16([16]byte{0x24, 0, 0, 0, byte(at / 2), 0x10}), bits).Masked()
				s.Softwires[0].Rules = append(s.Softwires[0].Rules, softwire.RuleSpec{
					IPv6: six, IPv4: netip.PrefixFrom(addr4(0x0a000000+uint32(i)<<8), 28), EALen: 12, Forwarding: rng.IntN(3) == 0,
				})
			}
		})
		rules := p.Spec().Softwires[0].Rules
		refused := false
		for i, r := range rules {
			for _, o := range rules[:i] {
				refused = refused || r.Forwarding && o.Forwarding && r.IPv6.Overlaps(o.IPv6)
			}
		}
		seen[refused]++
		for pool := range p.Softwires() {
			for i := range pool.Domain().Len() {
				ce, _ := pool.Domain().Rule(i).At(pool.Domain().Rule(i).Len() - 1) // no other rule has the last
				err := OpenWrt(io.Discard, p, alloc.Subscriber{Prefix: ce.EndUser()}, "wan6")
				if errors.Is(err, ErrInexpressible) != refused || err != nil && !refused {
					t.Fatalf("%v of %+v: %v, want it refused: %v", ce, rules, err, refused)
				}
			}
		}
	}
	if seen[true] < 20 || seen[false] < 20 {
		t.Errorf("%v", seen)
	}
}

// What is longer than an argument of a program is warned of, and what is not is not.
func TestOpenWrtWarnings(t *testing.T) {
	s := alloc.Subscriber{Prefix: pfx("2400:0:100::/48")}
	warnings := func(rules int) ([]string, int) {
		p := planOf(t, func(s *alloc.Spec) {
			s.Softwires = s.Softwires[:1]
			s.Softwires[0].Rules = make([]softwire.RuleSpec, rules)
			for i := range rules {
				six := netip.AddrFrom16([16]byte{0x24, 0, byte(i >> 16), byte(i >> 8), byte(i)})
				s.Softwires[0].Rules[i] = softwire.RuleSpec{IPv6: netip.PrefixFrom(six, 40), IPv4: netip.PrefixFrom(addr4(1<<24+uint32(i)<<4), 28), EALen: 8, Forwarding: true}
			}
		})
		var out bytes.Buffer
		if err := OpenWrt(&out, p, s, "wan6"); err != nil {
			t.Fatal(err)
		}
		_, rule, _ := strings.Cut(out.String(), "option rule '")
		rule, _, _ = strings.Cut(rule, "'")
		return OpenWrtWarnings(p, s), len(rule)
	}
	for _, n := range []int{2, 100, 900, 1000, 1100, 2000} {
		got, length := warnings(n)
		if want := length > 127<<10; want != (len(got) == 1) {
			t.Errorf("%d rules, %d octets: %v", n, length, got)
		}
		if want := fmt.Sprintf("pool %q: option rule has %d octets, of %d rules; ", "mape", length, n); len(got) > 0 && !strings.HasPrefix(got[0], want) {
			t.Errorf("%s; want %s", got[0], want)
		}
	}
	if got := OpenWrtWarnings(planOf(t), alloc.Subscriber{Prefix: pfx("2001:db9::/64")}); len(got) > 0 {
		t.Errorf("nobody: %v", got)
	}
}
