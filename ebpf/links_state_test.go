//go:build linux

package ebpf

import (
	"errors"
	"testing"

	"github.com/cgnkit/cgnkit/internal/netns"
)

// TestLinkStates looks at interfaces, and does so once more after somebody applied another plan.
func TestLinkStates(t *testing.T) {
	s := newSite(t, killConfig(0))
	states := func() map[string]string {
		t.Helper()
		all, err := in(s, s.d.Links)
		if err != nil {
			t.Fatal(err)
		}
		out := map[string]string{}
		for _, l := range all {
			out[l.Name] = l.State
		}
		return out
	}
	if got := states(); got[netns.InsideLink] != "up" || got[netns.OutsideLink] != "up" || len(got) != 2 {
		t.Error(got)
	}
	old := s.d
	d, err := in(s, func() (*Datapath, error) { return Apply(killConfig(1)) })
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = d.Close() }()
	if _, err := in(s, old.Links); !errors.Is(err, ErrChanged) {
		t.Error(err)
	}
}
