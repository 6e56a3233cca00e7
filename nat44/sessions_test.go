//go:build linux

package nat44

import (
	"errors"
	"net"
	"net/netip"
	"testing"

	"github.com/cgnkit/cgnkit/alloc"
	"github.com/cgnkit/cgnkit/internal/netnstest"
)

// TestSessionOf takes the flows of TestStale: those that are translated and have ports are sessions.
func TestSessionOf(t *testing.T) {
	for _, tt := range staleFlows {
		got, ok := sessionOf(tt.flow())
		if want := tt.as != "" && (tt.proto == tcp || tt.proto == udp || tt.proto == icmp); ok != want {
			t.Errorf("%s: a session: %t, want %t", tt.name, ok, want)
		}
		if ok && (got.Protocol != alloc.Protocol(tt.proto) || got.Inside.String() != tt.from || got.Outside.String() != tt.as) {
			t.Errorf("%s: %+v", tt.name, got)
		}
		f := tt.flow()
		f.zone = 5
		if _, ok := sessionOf(f); ok {
			t.Errorf("%s: a flow in zone 5 is taken for ours", tt.name)
		}
	}
}

// TestFilter has the kernel leave out the flows of other sources by itself.
func TestFilter(t *testing.T) {
	b := newBench(t)
	netnstest.Run(t, b.ns, "ip", "link", "set", "lo", "up")
	b.nft("add table ip t { chain c { type filter hook output priority 0; ct state new accept; }; }") // which begins conntrack
	source := func(i byte) netip.Addr { return netip.AddrFrom4([4]byte{127, 0, 0, i}) }
	if err := b.ns.Do(func() error {
		for i := range byte(3) {
			for range i + 1 {
				c, err := net.DialUDP("udp4", &net.UDPAddr{IP: source(i + 1).AsSlice()}, &net.UDPAddr{IP: source(99).AsSlice(), Port: 9})
				if err != nil {
					return err
				}
				_, err = c.Write([]byte("x"))
				if err := errors.Join(err, c.Close()); err != nil {
					return err
				}
			}
		}
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	count := func(source netip.Addr) (n int) {
		if err := b.k.sock.flowsOf(source, func([]byte, flow) error { n++; return nil }); err != nil {
			t.Fatal(err)
		}
		return n
	}
	if all := count(netip.Addr{}); all < 6 {
		t.Fatalf("only %d flows", all)
	}
	for i := range byte(4) {
		if n := count(source(i)); n != int(i) {
			t.Errorf("%d flows of %v, want %d", n, source(i), i)
		}
	}
}
