//go:build linux

package nat44

import (
	"testing"
	"time"

	"github.com/cgnkit/cgnkit/internal/netns"
	"github.com/cgnkit/cgnkit/portset"
)

// The router answers pings with all identifiers that are its own: also those that no inside endpoint gets.
func TestRouterPings(t *testing.T) {
	for name, c := range map[string]struct {
		layout            routerLayout
		services          string
		answered, unheard []uint16
	}{
		"whole address": {routerLayout{0, 0, 0}, "2000-65535", []uint16{0, 1, 500, 1023, 1024, 5000, 65535}, nil},
		"first share":   {routerLayout{0, 8, 0}, "", []uint16{0, 1, 255}, []uint16{256, 65535}},
		"a share":       {routerLayout{6, 8, 0x34}, "1233", []uint16{1232, 1233, 64723}, []uint16{0, 1231, 1236}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := routerSpec(t, c.layout.offset, c.layout.length, c.layout.psid)
			if c.services != "" {
				s.Services = must(portset.ParseSet(c.services))
			}
			b := newRouterBench(t, s)
			for _, id := range c.answered {
				if err := b.Servers[0].Ping(netns.Ping{To: s.Outside, ID: id}); err != nil {
					t.Error(err)
				}
			}
			for i, id := range c.unheard {
				if err := b.Servers[0].Ping(netns.Ping{To: s.Outside, ID: id, Timeout: 300 * time.Millisecond}); err == nil {
					t.Errorf("a ping with identifier %d of others is answered", id)
				}
				if n := b.counted(strayCounter); n != i+1 {
					t.Errorf("%d strays counted, want %d", n, i+1)
				}
			}
			for i := range 3 {
				if _, err := b.seen(0, 0, "icmp", uint16(i)); err != nil {
					t.Error(err)
				}
			}
		})
	}
}
