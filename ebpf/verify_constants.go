package ebpf

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"

	"github.com/cilium/ebpf"

	"github.com/cgnkit/cgnkit/ebpf/internal/bpf"
)

// verifyConstants compares what programs were loaded with, which is in maps without pins: ids are all maps that they use.
// By them programs know how shares are laid out, and in which realm they are.
// Opening a map by its number takes more than all else does.
func (v *verifier) verifyConstants(ids map[ebpf.MapID]bool) error {
	if v.record.SHA256 != v.plan.SHA256() {
		return nil // which is reported
	}
	want, err := v.constants()
	if err != nil {
		return err
	}
	n, allowed := 0, true
	for id := range ids {
		m, err := ebpf.NewMapFromID(id)
		if errors.Is(err, os.ErrPermission) {
			v.Notes = append(v.Notes, "the constants of the programs were not compared: it takes CAP_SYS_ADMIN")
			allowed = false
			break
		}
		if err != nil {
			return fmt.Errorf("open map %d: %w", id, err)
		}
		have, err := constantsIn(m)
		m.Close()
		if err != nil {
			return err
		}
		if have == nil {
			continue
		}
		n++
		if !slices.ContainsFunc(want, func(set []byte) bool { return bytes.Equal(set, have) }) {
			v.differ(v.unlessReleased(misleading), Changed, "constants of programs", "map %d has others than the plan", id)
		}
	}
	if allowed && n < len(want) {
		v.differ(v.unlessReleased(misleading), Missing, "constants of programs", "%d of %d sets were found", n, len(want))
	}
	return nil
}

// constantsIn returns the contents of a map of constants, or nil if it is none.
func constantsIn(m *ebpf.Map) ([]byte, error) {
	info, err := m.Info()
	if err != nil {
		return nil, fmt.Errorf("look at a map: %w", permission(err))
	}
	if !strings.HasSuffix(info.Name, rodata) {
		return nil, nil
	}
	b, err := m.LookupBytes(uint32(0))
	if err != nil {
		return nil, fmt.Errorf("read the constants: %w", permission(err))
	}
	return b, nil
}

// rodata is the section of constants.
const rodata = ".rodata"

// constants returns what the programs should have as constants: one set a realm.
func (v *verifier) constants() (sets [][]byte, err error) {
	b := builder{generation: v.generation}
	if b.spec, err = bpf.LoadCgnat(); err != nil {
		return nil, fmt.Errorf("read the object: %w", err)
	}
	if err := b.configure(); err != nil {
		return nil, err
	}
	for n := range b.plan.Realms() {
		if err := b.spec.Variables["inside_realm"].Set(uint32(n)); err != nil {
			return nil, fmt.Errorf("set the realm: %w", err)
		}
		set := make([]byte, b.spec.Maps[rodata].ValueSize)
		for _, all := range b.spec.Maps[rodata].Contents {
			if text, ok := all.Value.([]byte); ok {
				copy(set, text)
			}
		}
		for _, c := range b.spec.Variables {
			if c.SectionName == rodata {
				copy(set[c.Offset:], c.Value)
			}
		}
		sets = append(sets, set)
	}
	return sets, nil
}
