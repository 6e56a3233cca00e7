//go:build linux

package ebpf

import (
	"net/netip"
	"testing"

	"github.com/cgnkit/cgnkit/alloc"
)

// peersPool has 128 subscribers in realm "default".
var peersPool = alloc.PoolSpec{Name: "a", Inside: spans("100.64.0.0/25"), Outside: spans("198.51.100.0/30"), SharingRatio: 64}

// newFilterLab returns a lab that filters.
func newFilterLab(tb testing.TB, filtering Filtering, pools ...alloc.PoolSpec) *lab {
	tb.Helper()
	return newLab(tb, Config{Policy: Policy{Filtering: filtering}}, pools...)
}

// opens sends from a mapping to a remote endpoint, and returns the mapping's outside endpoint.
func (l *lab) opens(d datagram) netip.AddrPort {
	l.Helper()
	o := l.run(fromInside, d.frame())
	if o.verdict != outbound {
		l.Fatalf("from the inside: %q", o.verdict)
	}
	return sourceOf(o.frame)
}
