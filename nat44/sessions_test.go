//go:build linux

package nat44

import (
	"testing"

	"github.com/cgnkit/cgnkit/alloc"
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
