package ebpf

import (
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/cilium/ebpf"
	"github.com/cilium/ebpf/link"

	"github.com/cgnkit/cgnkit/ebpf/internal/bpf"
)

// A builder makes a generation beside the one in force, of which it takes over what stays: the slots of addresses, the
// accounts, the counters, the links.
type builder struct {
	*generation // what is being made
	old         *generation
	spec        *ebpf.CollectionSpec
	coll        *ebpf.Collection
	relaid      []int  // rows with slots of the old generation and accounts that are new
	displaced   uint32 // see Config
	unindexed   bool   // the index of mappings that are not at home begins anew
	oldPools    []pool // those of the old generation, as its programs have them
}

// build makes a generation at path. What it leaves there after an error is to be removed.
func build(path string, want record, old *generation, c Config) (made *builder, err error) {
	b := &builder{generation: &generation{path: path, record: want}, old: old, coll: &ebpf.Collection{}, displaced: c.displaced}
	if err := b.understand(c.Plan, nil); err != nil {
		return nil, err
	}
	defer func() { err = b.memoryError(err) }()
	if err := checkKernel(); err != nil {
		return nil, err
	}
	for _, kind := range []string{"maps", "slots", "accounts", "programs", "links"} {
		if err := os.MkdirAll(filepath.Join(path, kind), 0o700); err != nil {
			return nil, fmt.Errorf("make a generation: %w", err)
		}
	}
	defer func() { b.coll.Close() }()
	for _, step := range []struct {
		name string
		do   []func() error
	}{
		{"loading programs", []func() error{b.load}},
		{"making tables", []func() error{b.addAddresses, b.pinAll, func() error { return b.carryPeers(old) }}},
		{StepAttaching, []func() error{b.addLinks, b.addWires}},
	} {
		if err := c.step(step.name); err != nil {
			return nil, err
		}
		for _, do := range step.do {
			if err := do(); err != nil {
				return nil, err
			}
		}
	}
	if err := want.pin(filepath.Join(path, "meta")); err != nil {
		return nil, err
	}
	handle, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("open the new generation: %w", err)
	}
	b.handle = handle
	return b, nil
}

// load loads the object with the plan.
func (b *builder) load() (err error) {
	if b.spec, err = bpf.LoadCgnat(); err != nil {
		return fmt.Errorf("read the object: %w", err)
	}
	if err := b.configure(); err != nil {
		return err
	}
	b.record.trim(b.spec)
	taken, err := b.takeOver()
	defer closeMaps(taken)
	if err != nil {
		return err
	}
	b.unindexed = taken[bpf.CgnatMapDisplaced] == nil
	coll, err := ebpf.NewCollectionWithOptions(b.spec, ebpf.CollectionOptions{MapReplacements: taken})
	if err != nil {
		return fmt.Errorf("load the programs: %w", loadError(err))
	}
	b.coll = coll
	if err := b.addRealms(); err != nil {
		return err
	}
	return b.fill()
}

// trim takes the programs away that are not attached: the kernel need not check them, which takes its time.
func (r record) trim(spec *ebpf.CollectionSpec) {
	if len(r.Links) == 0 && !r.Behind {
		delete(spec.Programs, behindHook.inside)
		delete(spec.Programs, behindHook.outside)
	}
	if r.Tagged {
		delete(spec.Programs, driverHook.inside)
		delete(spec.Programs, driverHook.outside)
	} else {
		delete(spec.Programs, bpf.CgnatProgCgnTagged)
	}
}

// configure sets the sizes of maps and the constants of programs.
func (b *builder) configure() error {
	if err := b.tables.size(b.spec); err != nil {
		return err
	}
	n := uint32(max(1, len(b.tables.rows)))
	b.spec.Maps[bpf.CgnatMapSlots].MaxEntries = n
	b.spec.Maps[bpf.CgnatMapAccounts].MaxEntries = n
	b.spec.Maps[bpf.CgnatMapPolicies].MaxEntries = uint32(max(1, len(b.tables.pools)))
	if b.displaced > 0 {
		b.spec.Maps[bpf.CgnatMapDisplaced].MaxEntries = b.displaced
	}
	room := b.sizeFilters()
	if v := b.spec.Variables["realm_interface"]; v != nil { // benchmarks have no routes
		if err := v.Set(b.realmInterfaces()); err != nil {
			return fmt.Errorf("set the interfaces of realms: %w", err)
		}
	}
	key := b.record.key()
	shift, _, err := tickShift()
	if err != nil {
		return err
	}
	for name, value := range map[string]any{
		"home_key":   [2]uint64{binary.LittleEndian.Uint64(key[:8]), binary.LittleEndian.Uint64(key[8:])},
		"tick_shift": shift,
		"peer_room":  room,
		"plan_id":    b.record.planID(),
	} {
		if err := b.spec.Variables[name].Set(value); err != nil {
			return fmt.Errorf("set %s: %w", name, err)
		}
	}
	return nil
}

// realmInterfaces returns an interface of each realm, which stands for it in questions about routes.
func (b *builder) realmInterfaces() (by [maxIndexes]uint32) {
	for _, a := range slices.Backward(b.record.Links) {
		if a.Inside {
			by[slices.Index(b.plan.Realms(), a.Realm)] = uint32(a.Index)
		}
	}
	return by
}

// fill writes the plan and the policies into their maps.
func (b *builder) fill() error {
	if err := b.tables.fill(b.coll.Maps); err != nil {
		return err
	}
	for i, p := range b.comingPolicies() {
		if err := b.coll.Maps[bpf.CgnatMapPolicies].Put(uint32(i), p); err != nil {
			return fmt.Errorf("set policy %d: %w", i, err)
		}
	}
	return b.fillBlanks()
}

// ofPlan reports whether a map belongs to one plan, and so to one generation: it says what the plan says, or counts on its rows.
func ofPlan(name string) bool {
	return strings.HasPrefix(name, ".") || slices.Contains([]string{
		bpf.CgnatMapPools, bpf.CgnatMapRows, bpf.CgnatMapNodes, bpf.CgnatMapRanges, bpf.CgnatMapBuckets, bpf.CgnatMapLists,
		bpf.CgnatMapCuts, bpf.CgnatMapExempts, bpf.CgnatMapSlots, bpf.CgnatMapAccounts, bpf.CgnatMapPolicies,
		bpf.CgnatMapLinks, bpf.CgnatMapCables, bpf.CgnatMapExits, bpf.CgnatMapOutsides, bpf.CgnatMapMacs, bpf.CgnatMapStations, bpf.CgnatMapBlanks,
	}, name)
}

// takeOver opens the maps of the old generation that do not belong to its plan: counters and the like. One that has another
// shape, because the programs are newer, begins anew.
func (b *builder) takeOver() (map[string]*ebpf.Map, error) {
	taken := make(map[string]*ebpf.Map)
	if b.old == nil {
		return taken, nil
	}
	for name, spec := range b.spec.Maps {
		if ofPlan(name) || b.foreign(name) {
			continue
		}
		m, err := b.old.openMap("maps", name)
		if errors.Is(err, ErrChanged) {
			continue
		}
		if err != nil {
			return taken, err
		}
		if spec.Compatible(m) != nil {
			m.Close()
			continue
		}
		taken[name] = m
	}
	return taken, nil
}

// foreign reports whether a map names things by what means something else in the old generation: numbers of realms, hashes by the key.
func (b *builder) foreign(name string) bool {
	switch name {
	case bpf.CgnatMapDisplaced, bpf.CgnatMapFragments, bpf.CgnatMapHeld: // what is held belongs to a note
		return !slices.Equal(b.plan.Realms(), b.old.plan.Realms())
	case bpf.CgnatMapFilters: // where the key is the same, peers are carried over
		return b.record.Key != b.old.record.Key || b.otherPeers()
	}
	return false
}

func closeMaps(maps map[string]*ebpf.Map) {
	for _, m := range maps {
		m.Close()
	}
}

// addRealms loads the programs of the inside once more for every realm but the first. That is before the maps of the plan are
// frozen: the kernel refuses programs over frozen arrays of several entries (ENOTSUPP in its verifier).
func (b *builder) addRealms() error {
	for n := 1; n < len(b.plan.Realms()); n++ {
		spec := b.spec.Copy()
		for name := range spec.Programs {
			if name != bpf.CgnatProgCgnInside && name != bpf.CgnatProgCgnInsideSlow {
				delete(spec.Programs, name)
			}
		}
		if err := spec.Variables["inside_realm"].Set(uint32(n)); err != nil {
			return fmt.Errorf("set the realm: %w", err)
		}
		shared := make(map[string]*ebpf.Map)
		for name, m := range b.coll.Maps {
			if !strings.HasPrefix(name, ".") {
				shared[name] = m
			}
		}
		coll, err := ebpf.NewCollectionWithOptions(spec, ebpf.CollectionOptions{MapReplacements: shared})
		if err != nil {
			return fmt.Errorf("load the programs of realm %s: %w", b.plan.Realms()[n], loadError(err))
		}
		for name := range spec.Programs {
			b.coll.Programs[realmProgram(name, n)] = coll.DetachProgram(name)
		}
		coll.Close()
	}
	return nil
}

// pinAll pins maps and programs.
func (b *builder) pinAll() error {
	for name, m := range b.coll.Maps {
		if strings.HasPrefix(name, ".") {
			continue // the programs hold them
		}
		if err := m.Pin(b.at("maps", name)); err != nil {
			return fmt.Errorf("pin map %s: %w", name, err)
		}
	}
	for name, p := range b.coll.Programs {
		if err := p.Pin(b.at("programs", name)); err != nil {
			return fmt.Errorf("pin program %s: %w", name, err)
		}
	}
	return nil
}

// addLinks pins the links of interfaces that stay, which still run the old programs, and attaches to the others: where there is a plan in
// force, idle programs, so that no packet is translated by the next one before it is (runOn).
func (b *builder) addLinks() error {
	for _, s := range b.spots() {
		if err := b.addLink(s); err != nil {
			return err
		}
	}
	return nil
}

func (b *builder) addLink(s spot) error {
	if b.old != nil {
		l, err := b.old.openLink(s)
		if err != nil {
			return err
		}
		if l != nil {
			defer l.Close()
			if _, ok := s.alive(l); ok {
				return pinLink(l, b.at("links", s.pin()))
			}
		}
		return s.attachIdle(b.at("links", s.pin()))
	}
	return s.attachAs(b.coll.Programs[s.program], b.at("links", s.pin()))
}

// pinLink pins a link once more, wherever it is pinned already. A link of the library that knows its pin would move it.
func pinLink(l link.Link, path string) error {
	other, err := cloneLink(l)
	if err != nil {
		return err
	}
	defer other.Close()
	if err := other.Pin(path); err != nil {
		return fmt.Errorf("pin a link: %w", err)
	}
	return nil
}
