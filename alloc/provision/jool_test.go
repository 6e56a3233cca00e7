package provision

import (
	"bytes"
	"encoding/binary"
	"errors"
	"net/netip"
	"strings"
	"testing"

	"github.com/cgnkit/cgnkit/alloc"
	"github.com/cgnkit/cgnkit/portset/softwire"
)

// A joolRow is a rule in Jool's table. What follows is computed as in its mod/common/mapt.c.
type joolRow struct {
	six, four netip.Prefix
	o, a      int
}

// p and q are get_p and get_q there.
func (r joolRow) p() int { return 32 - r.four.Bits() }
func (r joolRow) q() int { return max(0, r.o-r.p()) }

// bits6 is addr6_get_bits there.
func bits6(a netip.Addr, from, n int) (v uint32) {
	b := a.As16()
	for i := from; i < from+n; i++ {
		v = v<<1 | uint32(b[i/8]>>(7-i%8)&1)
	}
	return v
}

// setBits6 is addr6_set_bits there.
func setBits6(b *[16]byte, from, n int, v uint32) {
	for i := range n {
		at := from + i
		b[at/8] = b[at/8]&^(0x80>>(at%8)) | byte(v>>(n-i-1)&1)<<(7-at%8)
	}
}

// to is rule_xlat46 there: the IPv6 address to which a packet goes.
func (r joolRow) to(a netip.Addr, port int) netip.Addr {
	b := r.six.Addr().As16()
	setBits6(&b, r.six.Bits(), r.p(), u32(a)&(1<<r.p()-1))
	psid := 0
	if r.q() > 0 {
		m := 16 - r.a - r.q()
		psid = port & (1<<r.q()<<m - 1) >> m
		setBits6(&b, r.six.Bits()+r.p(), r.q(), uint32(psid))
	}
	binary.BigEndian.PutUint32(b[10:], u32(a))
	binary.BigEndian.PutUint16(b[14:], uint16(psid))
	return netip.AddrFrom16(b)
}

// from is extract_addr_64 there, as releases have it: the IPv4 address from which a packet comes.
func (r joolRow) from(a netip.Addr) [3]uint32 {
	four := u32(r.four.Addr())
	return [3]uint32{four | bits6(a, r.six.Bits(), r.p()), four | bits6(a, r.six.Bits(), min(r.o, r.p())), four | bits6(a, 80+r.four.Bits(), min(r.o, r.p()))}
}

// joolRows reads the commands that fill the table.
func joolRows(t *testing.T, text string) (rows []joolRow) {
	t.Helper()
	for line := range strings.Lines(text) {
		if f := strings.Fields(line); len(f) == 9 && f[3] == "fmrt" {
			rows = append(rows, joolRow{pfx(f[5]), pfx(f[6]), number(t, f[7]), number(t, f[8])})
		}
	}
	return rows
}

// For every port of every subscriber Jool sends to the router that the plan has, and takes what comes from there for its address.
func TestJool(t *testing.T) {
	p := planOf(t, func(s *alloc.Spec) {
		s.Softwires[1].Rules = append(s.Softwires[1].Rules,
			softwire.RuleSpec{IPv6: pfx("2001:db8:1000::/44"), IPv4: pfx("198.18.1.0/28"), EALen: 7, PSIDOffset: new(0)},
			softwire.RuleSpec{IPv6: pfx("2001:db8:1101::/56"), IPv4: pfx("198.18.2.0/28"), EALen: 4},
			softwire.RuleSpec{IPv6: pfx("2001:db8:1202::/76"), IPv4: pfx("198.18.3.0/30"), EALen: 4, PSIDOffset: new(4), OverwriteIID: true},
			softwire.RuleSpec{IPv6: pfx("2001:db8:1303::/56"), IPv4: pfx("198.18.2.200/32")},
		)
	})
	var out bytes.Buffer
	if err := Jool(&out, p); err != nil {
		t.Fatal(err)
	}
	text := out.String()
	if !strings.Contains(text, "\njool_mapt instance add cgnkit --netfilter --dmr 2001:db8:fffe::/64 # pool mapt\n") || !strings.HasSuffix(text, "\njool_mapt -i cgnkit global update map-t-type BR\n") {
		t.Errorf("no instance, or no border relay:\n%s", text)
	}
	rows := joolRows(t, text)
	if len(rows) != 5 {
		t.Fatalf("%d rules in\n%s", len(rows), text)
	}
	seen := 0
	for pool := range p.Softwires() {
		if pool.Kind() != alloc.MAPT {
			continue
		}
		for a := range pool.All() {
			ce, _ := a.CE()
			row, addr := rows[ce.Rule().Number()], ce.Address()
			if own := u32(a.Outside()); row.from(addr) != [3]uint32{own, own, own} {
				t.Fatalf("%v: Jool sends as %08x, the plan says %v", a.Subscriber(), row.from(addr), a.Outside())
			}
			for port := range a.Ports().Ports() { // 65,536 for those that have a whole address
				if to := row.to(a.Outside(), int(port)); to != addr {
					t.Fatalf("%v port %d: Jool sends to %v, the plan says %v", a.Subscriber(), port, to, addr)
				}
			}
			seen++
		}
	}
	if seen != 1<<12+1<<7+1<<4+1<<4+1 {
		t.Errorf("%d subscribers were looked at", seen)
	}
}

// What Jool would do with rules that are refused is wrong indeed, and not refused for nothing.
func TestJoolRefusesWithReason(t *testing.T) {
	for name, c := range map[string]struct {
		rule softwire.RuleSpec
		text string
	}{
		"IPv4 prefixes": {softwire.RuleSpec{IPv6: pfx("2001:db8:200::/44"), IPv4: pfx("198.18.1.0/26"), EALen: 4}, "IPv4 prefixes"},
		"behind bit 80": {softwire.RuleSpec{IPv6: pfx("2001:db8:200::/72"), IPv4: pfx("198.18.1.0/24"), EALen: 16, OverwriteIID: true}, "behind bit 80"},
	} {
		p := planOf(t, func(s *alloc.Spec) { s.Softwires[1].Rules = []softwire.RuleSpec{c.rule} })
		var out bytes.Buffer
		if err := Jool(&out, p); !errors.Is(err, ErrInexpressible) || !strings.Contains(err.Error(), c.text) || out.Len() > 0 {
			t.Errorf("%s: %v, and %d bytes written", name, err, out.Len())
		}
		row, wrong := joolRow{c.rule.IPv6, c.rule.IPv4, c.rule.EALen, 6}, false
		for pool := range p.Softwires() {
			for a := range pool.All() {
				if ce, ok := a.CE(); ok && pool.Kind() == alloc.MAPT {
					for _, got := range row.from(ce.Address()) {
						wrong = wrong || !a.OutsidePrefix().Contains(addr4(got))
					}
					wrong = wrong || row.to(a.Outside(), int(a.Ports().First())) != ce.Address()
				}
			}
		}
		if !wrong {
			t.Errorf("%s: refused, and Jool does it", name)
		}
	}
}
