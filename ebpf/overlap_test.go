//go:build linux

package ebpf

import (
	"net/netip"
	"slices"
	"testing"

	"github.com/cgnkit/cgnkit/alloc"
)

// Who moves to a share that has some ports of the old one keeps what is on these, forwards too, and nothing else: the others end at
// once, whoever gets their ports, and so does everything where the address is another.
func TestOverlappingShareKeepsItsPorts(t *testing.T) {
	who := alloc.SubscriberFrom("", ad("100.64.0.1"))
	list := func(shares ...string) Config { return Config{Plan: mustPlan(t, listOfShares(shares...))} }
	l := newLab(t, list("100.64.0.1 198.51.100.1 1024-1031"))
	for i, port := range []uint16{1025, 1030} {
		if err := l.d.Forward(Forward{Subscriber: who, Protocol: TCP, OutsidePort: port, InsidePort: uint16(80 + i)}); err != nil {
			t.Fatal(err)
		}
	}
	have := l.opensMany(who.Addr(), 8)
	for _, s := range []struct {
		name   string
		change Config
		kept   int
	}{
		{"one port more", list("100.64.0.1 198.51.100.1 1024-1032"), 8},
		{"half of the ports, and others", list("100.64.0.2 198.51.100.1 1024-1027", "100.64.0.1 198.51.100.1 1028-1035"), 4},
		{"the same ports of another address", list("100.64.0.2 198.51.100.1 1024-1027", "100.64.0.1 198.51.100.2 1028-1035"), 0},
	} {
		l.replan(s.change)
		share := must(l.d.Plan().Lookup(who))
		keeps := func(out netip.AddrPort) bool {
			return out.Addr() == share.Outside() && share.Ports().Contains(out.Port())
		}
		kept := 0
		for _, out := range have {
			want := dropNoMapping
			if keeps(out) {
				want = inbound
				kept++
			}
			l.hears(s.name+": UDP to "+out.String(), udp(server, out, "x"), want)
		}
		if kept != s.kept {
			t.Errorf("%s: %d mappings are on ports of the new share, want %d", s.name, kept, s.kept)
		}
		for _, port := range []uint16{1025, 1030} {
			out, want := netip.AddrPortFrom(ad("198.51.100.1"), port), dropNoMapping
			if keeps(out) {
				want = inbound
			}
			l.hears(s.name+": a forward", tcp(server, out, syn, ""), want)
		}
		now := l.opensMany(who.Addr(), 8)
		for i, out := range now {
			if !keeps(out) || slices.Contains(now[:i], out) || keeps(have[i]) && out != have[i] {
				t.Errorf("%s: endpoint %d was at %v, and is at %v", s.name, i, have[i], out)
			}
		}
		have = now
		l.away(s.name)
	}
}
