//go:build linux

package ebpf

import (
	"encoding/binary"
	"net/netip"
	"slices"
	"strings"
	"testing"

	"github.com/cgnkit/cgnkit/internal/netns"
)

// A packet that is cut has all its options in the first part only: in the others are those that say that they are to be copied
// (RFC 791 section 3.1), at the same places.
func TestCutOptions(t *testing.T) {
	s := newSite(t, Config{Plan: mustPlan(t, samplePool)})
	if err := s.CGN.SetMTU(netns.OutsideLink, 600); err != nil {
		t.Fatal(err)
	}
	me, him := s.Subscribers[0], s.Servers[0]
	seen, err := him.Observe(netns.Watch{Match: func(p netns.Packet) bool { return p.Proto == protoUDP }})
	if err != nil {
		t.Fatal(err)
	}
	route := append([]byte{7, 39, 4}, make([]byte, 36)...)
	for name, test := range map[string]struct{ options, later []byte }{
		"record route":              {[]byte{7, 7, 4, 0, 0, 0, 0, 0}, []byte{1, 1, 1, 1, 1, 1, 1, 0}},
		"the longest":               {append(slices.Clone(route), 0), append(slices.Repeat([]byte{1}, 39), 0)},
		"router alert":              {[]byte{148, 4, 0, 0}, []byte{148, 4, 0, 0}},
		"timestamp before an alert": {[]byte{1, 68, 7, 5, 0, 0, 0, 0, 148, 4, 0, 0}, []byte{1, 1, 1, 1, 1, 1, 1, 1, 148, 4, 0, 0}},
		"timestamp behind an alert": {[]byte{148, 4, 0, 0, 68, 4, 5, 0}, []byte{148, 4, 0, 0, 1, 1, 1, 1}},
		"behind the end":            {[]byte{0, 7, 3, 4}, []byte{0, 7, 3, 4}},
		"a length of 0":             {[]byte{7, 0, 7, 3}, []byte{7, 0, 7, 3}},
		"longer than the header":    {[]byte{1, 1, 7, 3}, []byte{1, 1, 7, 3}},
		"in the last octet":         {[]byte{1, 1, 1, 7}, []byte{1, 1, 1, 7}},
	} {
		before := must(seen.Count())
		d := udp(netip.AddrPortFrom(me.Addr, 5000), netip.AddrPortFrom(him.Addr, 9), strings.Repeat("x", 1200)).with(fragmentable)
		d.options = test.options
		if err := me.SendIPv4(d.ip()); err != nil {
			t.Fatal(err)
		}
		until(t, "three parts are there", func() bool { return must(seen.Count()) >= before+3 })
		for i, p := range must(seen.Packets())[before:] {
			want := test.later
			if i == 0 {
				want = test.options
			}
			header := p.Raw[:20+len(want)]
			if !slices.Equal(header[20:], want) || sum16(header) != 0xffff || binary.BigEndian.Uint16(p.Raw[6:])&0x1fff == 0 != (i == 0) {
				t.Errorf("%s: part %d has the header % x, want options % x", name, i, header, want)
			}
		}
	}
}
