//go:build linux

package ebpf

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"net/netip"
	"slices"
	"testing"

	"github.com/cgnkit/cgnkit/alloc"
	"github.com/cgnkit/cgnkit/ebpf/internal/bpf"
)

// What it covers: frames with tags, as the driver's program sees them, and the maps as Go fills them. What it does not: VLAN
// interfaces of a kernel. How one is followed down to its card is in leads_vlan_test.go.

// priority is what a tag has before its VLAN: 5, and drop eligible.
const priority = 0xb000

// stacks are the tags that a frame may have, from the outermost.
var stacks = [][]tag{
	nil,
	{{0x8100, 100}},
	{{0x88a8, 4094}, {0x8100, 1}},
	{{0x8100, 7}, {0x8100, 7}},
}

// withTags returns a frame with tags. The outermost has a priority.
func withTags(frame []byte, tags []tag, priority uint16) []byte {
	out := slices.Clone(frame[:12])
	for _, t := range tags {
		out = binary.BigEndian.AppendUint16(out, t.Protocol)
		out = binary.BigEndian.AppendUint16(out, t.VID|priority)
		priority = 0
	}
	return append(out, frame[12:]...)
}

// leadTo returns how frames with some tags get to a link of the lab.
func leadTo(link uint32, tags []tag) lead {
	l := lead{Card: int(link), Tags: len(tags)}
	copy(l.Tag[:], tags)
	return l
}

// tag sets the tags of both links of a lab.
func (l *lab) tag(tags [2][]tag) {
	l.Helper()
	links, cables := l.table(bpf.CgnatMapLinks), l.table(bpf.CgnatMapCables)
	for _, all := range stacks {
		for _, link := range l.links {
			_ = links.Delete(leadTo(link, all).entry())
		}
	}
	for i, link := range l.links {
		d := leadTo(link, tags[i])
		entry := bpf.CgnatCgnLink{Ifindex: link}
		if side(i) == fromInside {
			entry.Inside = 1
		}
		if err := links.Put(d.entry(), entry); err != nil {
			l.Fatal(err)
		}
		if err := cables.Put(link, d.cable()); err != nil {
			l.Fatal(err)
		}
	}
}

// sendTagged sends a frame with tags, and checks that what leaves has the tags of where it leaves, and is right without them.
func (l *lab) sendTagged(from side, frame []byte, in, out []tag) outcome {
	l.Helper()
	l.address(from, frame)
	got := l.run(from, withTags(frame, in, priority))
	expect, first := out, uint16(priority)
	if got.reply || got.verdict.passes() || got.verdict.drops() {
		expect = in // back to where it came from, or to the host as it came
	}
	if len(in) == 0 {
		first = 0
	}
	if got.frame != nil {
		n := 12 + 4*len(expect)
		if len(got.frame) < n || !bytes.Equal(got.frame[12:n], withTags(make([]byte, 14), expect, first)[12:n]) {
			l.Fatalf("%v, reply %v: tags are %x, want %v", got.verdict, got.reply, got.frame[12:min(n+2, len(got.frame))], expect)
		}
		got.frame = slices.Concat(got.frame[:12], got.frame[n:])
	}
	if diff := l.judge(from, frame, got); diff != "" {
		l.Fatalf("%s\nthe packet:\n%s", diff, fmt.Sprint(lines(frame)))
	}
	return got
}

// Frames leave with the tags of where they leave, keep their priority, and are answered with their own.
func TestTags(t *testing.T) {
	l := newLab(t, Config{tagged: true}, alloc.PoolSpec{Inside: spans("100.64.0.0/28"), Outside: spans("198.51.100.0/30"), PortsPerSubscriber: 100})
	me := netip.MustParseAddrPort("100.64.0.1:5000")
	for _, inside := range stacks {
		for _, outside := range stacks {
			t.Run(fmt.Sprintf("%v to %v", inside, outside), func(t *testing.T) {
				defer l.on(t)()
				l.tag([2][]tag{inside, outside})
				if got := l.sendTagged(fromInside, udp(me, server, "hello").frame(), inside, outside); got.verdict != outbound {
					t.Errorf("verdict %v", got.verdict)
				}
				seen := l.model.inside[insider{planeUDP, me}].outside
				if got := l.sendTagged(fromOutside, udp(server, seen, "hello").frame(), outside, inside); got.verdict != inbound {
					t.Errorf("verdict %v", got.verdict)
				}
				turned := netip.AddrPortFrom(seen.Addr(), seen.Port())
				other := netip.MustParseAddrPort("100.64.0.2:6000")
				if got := l.sendTagged(fromInside, udp(other, turned, "hello").frame(), inside, inside); got.verdict != hairpin {
					t.Errorf("verdict %v", got.verdict)
				}
				dying := udp(server, seen, "hello")
				dying.ttl = 1
				if got := l.sendTagged(fromOutside, dying.frame(), outside, inside); got.verdict != dropTTL {
					t.Errorf("verdict %v", got.verdict)
				}
			})
		}
	}
}

// What belongs to none of our interfaces is left to the host as it came.
func TestForeignTags(t *testing.T) {
	l := newLab(t, Config{tagged: true}, alloc.PoolSpec{Inside: spans("100.64.0.0/28"), Outside: spans("198.51.100.0/30"), PortsPerSubscriber: 100})
	l.tag([2][]tag{{{0x8100, 100}}, nil})
	frame := udp(netip.MustParseAddrPort("100.64.0.1:5000"), server, "hello").frame()
	three := []tag{{0x88a8, 100}, {0x8100, 100}, {0x8100, 100}}
	for name, in := range map[string][]byte{
		"no tag": frame, "another": withTags(frame, []tag{{0x8100, 101}}, 0), "one more": withTags(frame, three[1:], 0),
		"three": withTags(frame, three, 0), "cut in the tag": withTags(frame, three, 0)[:16], "of a provider": withTags(frame, three[:1], 0),
	} {
		if got := l.run(fromInside, in); got.action != xdpPass || !bytes.Equal(got.frame, in) {
			t.Errorf("%s: action %d, verdict %v, frame %x", name, got.action, got.verdict, got.frame)
		}
	}
}
