//go:build linux

package ebpf

import (
	"bytes"
	"encoding/binary"
	"net/netip"
	"slices"
	"strings"
	"testing"

	"github.com/cilium/ebpf"

	"github.com/cgnkit/cgnkit/alloc"
	"github.com/cgnkit/cgnkit/ebpf/internal/bpf"
	"github.com/cgnkit/cgnkit/internal/netns"
)

// noteOf returns the key and the note of a fragment.
func noteOf(tb testing.TB, m *ebpf.Map, d datagram) (bpf.CgnatCgnFragmentKey, bpf.CgnatCgnFragmentNote) {
	tb.Helper()
	var key bpf.CgnatCgnFragmentKey
	var note bpf.CgnatCgnFragmentNote
	for all := m.Iterate(); all.Next(&key, &note); {
		if fromWire(key.From) == d.src && fromWire(key.To) == d.dst && fromWirePort(key.Ident) == d.id {
			return key, note
		}
	}
	tb.Fatalf("no note of %d from %v to %v", d.id, d.src, d.dst)
	return key, note
}

// The kernel may give the memory of a note to another datagram while a program reads it. Fragments go nowhere then, rather than where those
// of the other one go, all or in part; the next first fragment makes it right.
func TestReusedNotes(t *testing.T) {
	l := newLab(t, Config{}, alloc.PoolSpec{Inside: spans("100.64.0.0/25"), Outside: spans("198.51.100.0/30"), SharingRatio: 64})
	me, other := ap("100.64.0.1:5000"), ap("100.64.0.2:5000")
	out, otherOut := l.leaves(udp(me, server, "x")), l.leaves(udp(other, server, "x"))
	notes := l.table(bpf.CgnatMapFragments)
	for from, ends := range map[side][2][2]netip.AddrPort{fromInside: {{me, server}, {other, server}}, fromOutside: {{server, out}, {server, otherOut}}} {
		var parts [2][]datagram
		var firsts [2]outcome
		for i, end := range ends {
			parts[i] = cutUp(udp(end[0], end[1], "0123456789abcdef").with(func(d *datagram) { d.id = uint16(77 + i) }), 16)
			firsts[i] = l.run(from, parts[i][0].frame())
		}
		key, mine := noteOf(t, notes, parts[0][0])
		_, others := noteOf(t, notes, parts[1][0])
		torn := mine
		torn.Near, torn.Ident = others.Near, others.Ident
		if from == fromOutside {
			torn.Far = others.Far
		}
		for name, note := range map[string]bpf.CgnatCgnFragmentNote{"another's": others, "half another's": torn} {
			if err := notes.Put(key, note); err != nil {
				t.Fatal(err)
			}
			if got := l.run(from, parts[0][1].frame()); got.verdict != dropFragment {
				t.Errorf("side %v, %s note: %q", from, name, got.verdict)
			}
			for _, p := range parts[0] {
				got := l.run(from, p.frame())
				if want := firsts[0]; got.verdict != want.verdict || !bytes.Equal(got.frame[ip+12:ip+20], want.frame[ip+12:ip+20]) {
					t.Errorf("side %v, after %s note: %q between %v, want %q between %v",
						from, name, got.verdict, got.frame[ip+12:ip+20], want.verdict, want.frame[ip+12:ip+20])
				}
			}
		}
	}
}

// The same goes for the memory of a fragment that is held: one that is half another's is not let go.
func TestReusedHeldFragments(t *testing.T) {
	s := newSite(t, Config{Plan: mustPlan(t, samplePool)})
	him, echo := s.Servers[0], s.echo()
	_, first := s.flow(0, echo.Addr())
	_, second := s.flow(1, echo.Addr())
	var seen [2]*netns.Observer
	var parts [2][]datagram
	for i, to := range []netip.AddrPort{first, second} {
		seen[i] = must(s.Subscribers[i].Observe(netns.Watch{Match: func(p netns.Packet) bool { return p.Src == him.Addr && p.Proto == protoUDP }}))
		parts[i] = cutUp(udp(netip.AddrPortFrom(him.Addr, 777), to, strings.Repeat([]string{"mine", "your"}[i], 46)).with(func(d *datagram) { d.id = uint16(77 + i) }), 64)
		for n, p := range parts[i][1:] {
			if err := him.SendIPv4(p.ip()); err != nil {
				t.Fatal(err)
			}
			until(t, "it is held", func() bool { return s.counts()["held"] == uint64((len(parts[i])-1)*i+n+1) })
		}
	}
	_ = with(s, "maps", bpf.CgnatMapHeld, func(m *ebpf.Map) error {
		var keys [2][]byte // of the second part of each
		var frames [2][]byte
		var key, frame []byte
		for all := m.Iterate(); all.Next(&key, &frame); {
			for i := range parts {
				if bytes.Contains(frame, parts[i][1].ip()[24:]) && binary.NativeEndian.Uint32(key[12:]) == 0 {
					keys[i], frames[i] = slices.Clone(key), slices.Clone(frame)
				}
			}
		}
		for i, key := range keys {
			at := bytes.Index(frames[i], parts[i][1].ip()[24:]) + 32 // in the middle of the data
			if err := m.Put(key, slices.Concat(frames[i][:at], frames[1-i][at:])); err != nil {
				t.Fatal(err)
			}
		}
		return nil
	})
	for i := range parts {
		if err := him.SendIPv4(parts[i][0].ip()); err != nil {
			t.Fatal(err)
		}
		until(t, "the others are there", func() bool { return must(seen[i].Count()) >= len(parts[i])-1 })
	}
	if err := him.Ping(netns.Ping{To: ad("203.0.113.254")}); err != nil { // and what comes behind them
		t.Fatal(err)
	}
	for i := range parts {
		var at []int
		for _, p := range must(seen[i].Packets()) {
			at = append(at, int(binary.BigEndian.Uint16(p.Raw[6:])&0x1fff)*8/64)
		}
		if want := []int{0, 2}; !slices.Equal(at, want) {
			t.Errorf("subscriber %d: parts %v came, want %v", i, at, want)
		}
	}
}
