package daemon

import (
	"testing"
	"time"
)

// TestInterfaceReturns has applies and repairs fail until an interface comes: then they do not wait for their turn.
func TestInterfaceReturns(t *testing.T) {
	inBubble(t, "p.yaml", func(r *rig) {
		r.writePlan(1)
		r.b.refuse = errRefused
	}, func(r *rig) {
		comes := func(what string) {
			t.Helper()
			if s := r.after(10 * time.Minute); s.Healthy {
				t.Errorf("%s without the interface: %+v", what, s)
			}
			for r.d.Snapshot().Apply.Retry < 30*time.Second {
				r.after(time.Second)
			}
			r.b.do(func() { r.b.refuse, r.b.links = nil, r.b.links+1 })
			if s := r.after(2 * time.Second); !s.Healthy {
				t.Errorf("%s: %+v", what, s)
			}
		}
		comes("apply")
		r.b.do(func() {
			r.b.refuse, r.b.links, r.b.mark, r.b.broken = errRefused, 7, 9, []string{"interface outside: gone"}
		})
		comes("repair")
		r.has(r.d.Snapshot(), 1)
	})
}
