//go:build linux

package ebpf

import (
	"os"
	"testing"

	"github.com/cilium/ebpf"

	"github.com/cgnkit/cgnkit/ebpf/internal/bpf"
)

// Where an earlier release has maps of another shape, those of fragments and of rates begin anew, and mappings stay.
func TestMapsOfAnotherShapeBeginAnew(t *testing.T) {
	s := newSite(t, Config{Plan: mustPlan(t, samplePool)})
	echo := s.echo()
	flow, seen := s.flow(0, echo.Addr())
	names := []string{bpf.CgnatMapFragments, bpf.CgnatMapHeld, bpf.CgnatMapRates}
	for _, name := range names {
		err := with(s, "maps", name, func(m *ebpf.Map) error {
			other, err := ebpf.NewMap(&ebpf.MapSpec{Type: m.Type(), KeySize: m.KeySize(), ValueSize: m.ValueSize() - 4, MaxEntries: m.MaxEntries()})
			if err != nil {
				return err
			}
			defer other.Close()
			pin := s.d.generation.at("maps", name)
			if err := os.Remove(pin); err != nil {
				return err
			}
			return other.Pin(pin)
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	plan := mustPlan(t, movedPool)
	s.apply(Config{Plan: plan})
	if again, err := flow.Ask(); err != nil || again != seen {
		t.Errorf("the server sees %v, %v; want %v", again, err, seen)
	}
	s.isWhole(plan)
}
