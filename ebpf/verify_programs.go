package ebpf

import (
	"errors"
	"fmt"
	"io"
	"maps"
	"net"
	"slices"
	"strings"

	"github.com/cilium/ebpf"

	"github.com/cgnkit/cgnkit/ebpf/internal/bpf"
)

// verifyPrograms compares the programs with those of this release, looks whether they run where they should, and whether the
// maps that they use are those that are pinned.
func (v *verifier) verifyPrograms() error {
	if v.record.Object != bpf.Digest() {
		v.differ(ofRelease, Changed, "programs", "they are not those of this release")
	}
	spec, err := bpf.LoadCgnat()
	if err != nil {
		return fmt.Errorf("read the object: %w", err)
	}
	v.record.trim(spec)
	used := make(map[ebpf.MapID]bool)
	for _, name := range slices.Sorted(maps.Keys(spec.Programs)) {
		if err := v.verifyProgram(name, spec.Programs[name], used); err != nil {
			return err
		}
	}
	for n := 1; n < len(v.plan.Realms()); n++ {
		for _, h := range hooks {
			p := spec.Programs[h.inside]
			if p == nil {
				continue
			}
			if err := v.verifyProgram(realmProgram(h.inside, n), p, used); err != nil {
				return err
			}
		}
	}
	for _, s := range v.spots() {
		if err := v.verifySpot(s); err != nil {
			return err
		}
	}
	if err := v.verifyPins(spec, used); err != nil {
		return err
	}
	return v.verifyConstants(used)
}

// verifyProgram compares one program, and notes the maps that it uses.
func (v *verifier) verifyProgram(name string, want *ebpf.ProgramSpec, used map[ebpf.MapID]bool) error {
	p, err := v.openProgram(name)
	if errors.Is(err, ErrChanged) {
		v.differ(v.unlessReleased(misleading), Missing, "program "+name, "it is not pinned any longer")
		return nil
	}
	if err != nil {
		return err
	}
	defer p.Close()
	info, err := p.Info()
	if err != nil {
		return fmt.Errorf("look at program %s: %w", name, permission(err))
	}
	ids, _ := info.MapIDs()
	for _, id := range ids {
		used[id] = true
	}
	same, err := hasTag(want, info.Tag)
	if err != nil {
		return fmt.Errorf("look at program %s: %w", name, err)
	}
	if !same {
		v.differ(v.unlessReleased(misleading), Changed, "program "+name, "it is another one, with tag %s", info.Tag)
	}
	return nil
}

// hasTag reports whether a tag of the kernel is that of a program. Tags are of instructions whose calls and jumps have their
// targets, which they get where they are written.
func hasTag(p *ebpf.ProgramSpec, tag string) (bool, error) {
	linked := slices.Clone(p.Instructions)
	if err := linked.Marshal(io.Discard, p.ByteOrder); err != nil {
		return false, err
	}
	return linked.HasTag(tag, p.ByteOrder)
}

// verifySpot looks whether a program runs where it should. Where none runs, nobody gets a port; one that is not ours may do what it likes, whichever
// release made ours.
func (v *verifier) verifySpot(s spot) error {
	what := fmt.Sprintf("%s program on %s", s.name, s.on)
	l, err := v.openLink(s)
	if err != nil {
		return permission(err)
	}
	if l == nil {
		v.differ(harmless, Missing, what, "its link is not pinned any longer")
		return nil
	}
	defer l.Close()
	runs, ok := s.alive(l)
	_, err = net.InterfaceByIndex(s.index)
	switch {
	case err != nil: // or in another network namespace, with the program
		v.differ(harmless, Missing, what, "the interface is gone")
		return nil
	case !ok:
		v.differ(harmless, Missing, what, "it was detached")
		return nil
	}
	p, err := v.openProgram(s.program)
	if errors.Is(err, ErrChanged) {
		return nil // which is reported
	}
	if err != nil {
		return err
	}
	defer p.Close()
	if want := programID(p); runs != want {
		v.differ(misleading, Changed, what, "program %d runs there, not %d", runs, want)
	}
	return nil
}

// verifyPins looks whether the maps that are pinned are those that programs use. Where they use others, what these say cannot be told.
func (v *verifier) verifyPins(spec *ebpf.CollectionSpec, used map[ebpf.MapID]bool) error {
	wanted := mapsOf(spec)
	for _, name := range slices.Sorted(maps.Keys(spec.Maps)) {
		if strings.HasPrefix(name, ".") || !wanted[name] {
			continue
		}
		m, err := v.openMap("maps", name)
		if errors.Is(err, ErrChanged) {
			if !ofPlan(name) { // the others are reported where they are compared
				v.differ(v.unlessReleased(harmless), Missing, "map "+name, "it is not pinned any longer")
			}
			continue
		}
		if err != nil {
			return err
		}
		id, err := mapID(m)
		m.Close()
		if err != nil {
			return err
		}
		if !used[id] {
			v.differ(misleading, Changed, "map "+name, "no program uses the one that is pinned")
		}
	}
	return nil
}

// mapsOf returns the maps that the programs use.
func mapsOf(spec *ebpf.CollectionSpec) map[string]bool {
	used := make(map[string]bool)
	for _, p := range spec.Programs {
		for i := range p.Instructions {
			if ins := &p.Instructions[i]; ins.IsLoadFromMap() {
				used[ins.Reference()] = true
			}
		}
	}
	return used
}

func mapID(m *ebpf.Map) (ebpf.MapID, error) {
	info, err := m.Info()
	if err != nil {
		return 0, fmt.Errorf("look at map %v: %w", m, permission(err))
	}
	id, _ := info.ID()
	return id, nil
}
