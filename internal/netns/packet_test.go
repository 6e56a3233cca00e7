//go:build linux

package netns_test

import (
	"net/netip"
	"testing"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/sys/unix"

	"github.com/cgnkit/cgnkit/internal/netns"
)

func TestParsePacket(t *testing.T) {
	t.Parallel()
	src, dst := addr("100.64.0.1"), addr("203.0.113.1")
	ports := []byte{0x0f, 0xa0, 0x00, 0x35, 0, 0, 0, 0}
	make4 := func(proto uint8, frag uint16, payload []byte) []byte {
		return netns.IPv4{Src: src, Dst: dst, Proto: proto, Frag: frag, Payload: payload}.Bytes()
	}
	withOptions := append(make4(unix.IPPROTO_UDP, 0, nil), 1, 1, 1, 1)
	withOptions[0] = 0x46
	withOptions = append(withOptions, ports...)
	tests := map[string]struct {
		raw  []byte
		want netns.Packet
	}{
		"UDP":  {make4(unix.IPPROTO_UDP, 0, ports), netns.Packet{Src: src, Dst: dst, Proto: unix.IPPROTO_UDP, SrcPort: 4000, DstPort: 53}},
		"SCTP": {make4(unix.IPPROTO_SCTP, 0, ports), netns.Packet{Src: src, Dst: dst, Proto: unix.IPPROTO_SCTP, SrcPort: 4000, DstPort: 53}},
		"first fragment": {
			make4(unix.IPPROTO_UDP, 0x2000, ports),
			netns.Packet{Src: src, Dst: dst, Proto: unix.IPPROTO_UDP, SrcPort: 4000, DstPort: 53},
		},
		"second fragment": {make4(unix.IPPROTO_UDP, 0x2001, ports), netns.Packet{Src: src, Dst: dst, Proto: unix.IPPROTO_UDP}},
		"options":         {withOptions, netns.Packet{Src: src, Dst: dst, Proto: unix.IPPROTO_UDP, SrcPort: 4000, DstPort: 53}},
		"GRE has no port": {make4(unix.IPPROTO_GRE, 0, ports), netns.Packet{Src: src, Dst: dst, Proto: unix.IPPROTO_GRE}},
		"short UDP":       {make4(unix.IPPROTO_UDP, 0, ports[:3]), netns.Packet{Src: src, Dst: dst, Proto: unix.IPPROTO_UDP}},
		"echo request": {
			make4(unix.IPPROTO_ICMP, 0, []byte{8, 0, 0, 0, 0x12, 0x34, 0, 1}),
			netns.Packet{Src: src, Dst: dst, Proto: unix.IPPROTO_ICMP, ICMPType: 8, SrcPort: 0x1234, DstPort: 0x1234},
		},
		"ICMP error": {
			make4(unix.IPPROTO_ICMP, 0, []byte{3, 4, 0, 0, 0, 0, 5, 0x78}),
			netns.Packet{Src: src, Dst: dst, Proto: unix.IPPROTO_ICMP, ICMPType: 3},
		},
		"empty ICMP":      {make4(unix.IPPROTO_ICMP, 0, nil), netns.Packet{Src: src, Dst: dst, Proto: unix.IPPROTO_ICMP}},
		"empty":           {nil, netns.Packet{}},
		"half a header":   {make4(unix.IPPROTO_UDP, 0, ports)[:19], netns.Packet{}},
		"not IPv4":        {append([]byte{0x60}, make([]byte, 39)...), netns.Packet{}},
		"header too long": {append([]byte{0x4f}, make4(unix.IPPROTO_UDP, 0, ports)[1:]...), netns.Packet{Src: src, Dst: dst, Proto: unix.IPPROTO_UDP}},
		"header too short": {
			append([]byte{0x44}, make4(unix.IPPROTO_UDP, 0, ports)[1:]...),
			netns.Packet{Src: src, Dst: dst, Proto: unix.IPPROTO_UDP},
		},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			test.want.Raw = test.raw
			got := netns.ParsePacket(test.raw)
			if diff := cmp.Diff(test.want, got, cmp.Comparer(func(a, b netip.Addr) bool { return a == b })); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

// The example of RFC 1071, section 3.
func TestChecksum(t *testing.T) {
	t.Parallel()
	b := []byte{0x00, 0x01, 0xf2, 0x03, 0xf4, 0xf5, 0xf6, 0xf7}
	if got, want := netns.Checksum(b), ^uint16(0xddf2); got != want {
		t.Errorf("checksum %#x, want %#x", got, want)
	}
	if got, want := netns.Checksum(b[:3]), ^uint16(0xf201); got != want {
		t.Errorf("checksum of an odd length %#x, want %#x", got, want)
	}
	if got := netns.Checksum(netns.IPv4{Src: addr("192.0.2.1"), Dst: addr("192.0.2.2")}.Bytes()); got != 0 {
		t.Errorf("header with checksum sums up to %#x, want 0", got)
	}
}

func FuzzParsePacket(f *testing.F) {
	f.Add(netns.IPv4{Src: addr("192.0.2.1"), Dst: addr("192.0.2.2"), Proto: unix.IPPROTO_ICMP, Payload: []byte{8, 0, 0}}.Bytes())
	f.Fuzz(func(t *testing.T, raw []byte) {
		if p := netns.ParsePacket(raw); len(p.Raw) != len(raw) || p.Src.IsValid() != p.Dst.IsValid() {
			t.Errorf("parsed as %+v", p)
		}
	})
}
