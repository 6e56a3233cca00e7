package ebpf

import (
	"net/netip"
	"testing"

	"github.com/cgnkit/cgnkit/ebpf/internal/bpf"
)

// People read what an entry holds, and how it departs.
func TestWords(t *testing.T) {
	a, b := netip.MustParseAddr("192.0.2.1"), netip.MustParseAddr("192.0.2.9")
	other := bpf.CgnatCgnPolicy{Udp: 1, Limit: [4]uint32{7, 8}}
	var node, none bpf.CgnatCgnNode
	node.Key = [16]uint32{hostOrder(a), hostOrder(a), hostOrder(a), hostOrder(a), hostOrder(a), hostOrder(a)}
	for _, test := range []struct{ got, want string }{
		{words(bpf.CgnatCgnWire{Ifindex: 7, Vid: [2]uint16{100}}), "ifindex 7, vid 0 100"},
		{words(bpf.CgnatCgnWire{}), "nothing"},
		{
			differences(lead{Card: 2, Tags: 1, Tag: [maxTags]tag{{0x8100, 7}}}.cable(), lead{Card: 2, Tags: 1, Tag: [maxTags]tag{{0x88a8, 8}}}.cable()),
			"tag 0 protocol 0x8100 instead of 0x88a8, tag 0 tci 0x7 instead of 0x8",
		},
		{differences(bpf.CgnatCgnRow{Addr: wireOrder(hostOrder(a)), Pool: 1}, bpf.CgnatCgnRow{Addr: wireOrder(hostOrder(b)), Pool: 1}), "addr 192.0.2.1 instead of 192.0.2.9"},
		{
			differences(bpf.CgnatCgnRange{First: hostOrder(a), Last: hostOrder(b)}, bpf.CgnatCgnRange{First: hostOrder(a), Last: hostOrder(a), Position: 3}),
			"last 192.0.2.9 instead of 192.0.2.1, position 0 instead of 3",
		},
		{differences(bpf.CgnatCgnPool{FirstPort: 1024}, bpf.CgnatCgnPool{FirstPort: 2048}), "first_port 1024 instead of 2048"},
		{differences(other, bpf.CgnatCgnPolicy{}), "udp 1 instead of 0, limit 0 7 instead of 0, limit 1 8 instead of 0"},
		{
			differences(node, none),
			"key 0 192.0.2.1 instead of 0.0.0.0, key 1 192.0.2.1 instead of 0.0.0.0, key 2 192.0.2.1 instead of 0.0.0.0, key 3 192.0.2.1 instead of 0.0.0.0, and 2 more",
		},
	} {
		if test.got != test.want {
			t.Errorf("%q, want %q", test.got, test.want)
		}
	}
}
