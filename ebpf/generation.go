package ebpf

import (
	"errors"
	"fmt"
	"io/fs"
	"net/netip"
	"os"
	"path/filepath"
	"slices"

	"github.com/cilium/ebpf"
	"github.com/cilium/ebpf/link"

	"github.com/cgnkit/cgnkit/alloc"
	"github.com/cgnkit/cgnkit/ebpf/internal/bpf"
)

// A generation is one state of an instance, whole, as a folder of pins:
//
//	meta            the record
//	maps/NAME       the maps of the plan, policies, counters
//	slots/ADDRESS   the slots of an outside address, accounts/ADDRESS its accounts
//	programs/NAME
//	links/INDEX-xdp the programs on an interface, and links/INDEX-tcx
//
// The next generation pins what it takes over once more: the same slots, the same links. So a generation is made and removed
// like a file, and what none has any longer is gone.
type generation struct {
	path   string   // where it was found; it may move
	handle *os.File // the folder, wherever it moves
	record record
	plan   *alloc.Plan
	tables *Tables
}

// openGeneration opens a generation, all but its plan.
func openGeneration(path string) (*generation, error) {
	r, err := readRecord(filepath.Join(path, "meta"))
	if err != nil {
		return nil, err
	}
	f, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("open generation: %w", err)
	}
	return &generation{path: path, handle: f, record: r}, nil
}

// understand makes sense of the plan.
func (g *generation) understand(known *alloc.Plan, keys []alloc.Key) (err error) {
	if g.plan, err = g.record.parse(known, keys); err != nil {
		return err
	}
	g.tables, err = NewTables(g.plan)
	return err
}

// close lets go of the folder. It may be called twice.
func (g *generation) close() {
	if g != nil && g.handle != nil {
		g.handle.Close()
	}
}

// at returns the path of a pin, which is right as long as the generation exists.
func (g *generation) at(kind string, name any) string {
	if g.handle == nil {
		return filepath.Join(g.path, kind, pinName(name))
	}
	return fmt.Sprintf("/proc/self/fd/%d/%s/%s", g.handle.Fd(), kind, pinName(name))
}

func (g *generation) openMap(kind string, name any) (*ebpf.Map, error) {
	m, err := ebpf.LoadPinnedMap(g.at(kind, name), nil)
	if err != nil {
		return nil, fmt.Errorf("open %s of %v: %w", kind, name, pinError(err))
	}
	return m, nil
}

func (g *generation) openProgram(name string) (*ebpf.Program, error) {
	p, err := ebpf.LoadPinnedProgram(g.at("programs", name), nil)
	if err != nil {
		return nil, fmt.Errorf("open program %s: %w", name, pinError(err))
	}
	return p, nil
}

// openLink opens the link of a spot, or returns nil where there is none.
func (g *generation) openLink(s spot) (link.Link, error) {
	l, err := link.LoadPinnedLink(g.at("links", s.pin()), nil)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("open the link of %s on %s: %w", s.name, s.on, err)
	}
	return l, nil
}

// namespace returns the number of the network namespace that a generation is pinned for: see folder.
func (g *generation) namespace() string {
	return filepath.Base(filepath.Dir(filepath.Dir(filepath.Dir(g.path))))
}

// address returns the outside address of a row.
func (g *generation) address(row int) netip.Addr { return fromWire(g.tables.rows[row].Addr) }

// poolOf returns the pool of a row.
func (g *generation) poolOf(row int) *alloc.Pool {
	number := g.tables.rows[row].Pool
	for p := range g.plan.Pools() {
		if number == 0 {
			return p
		}
		number--
	}
	return nil
}

// policyOf returns the policy of a pool of the plan.
func (g *generation) policyOf(pool *alloc.Pool) bpf.CgnatCgnPolicy {
	return g.record.Policies[slices.Index(poolNames(g.plan), pool.Name())]
}

// rowsByAddress returns where addresses are.
func (g *generation) rowsByAddress() map[netip.Addr]int {
	rows := make(map[netip.Addr]int, len(g.tables.rows))
	for i := range g.tables.rows {
		rows[g.address(i)] = i
	}
	return rows
}

// removeGeneration takes a generation away, which may be in any state. Links that no other generation has are detached by it: first the
// program in the driver, so that nothing is left to the one behind it that is no longer there.
func removeGeneration(path string) error {
	drivers, err := filepath.Glob(filepath.Join(path, "links", "*-"+driverHook.name))
	if err != nil {
		return err
	}
	for _, d := range drivers {
		if err := os.Remove(d); err != nil {
			return fmt.Errorf("remove a generation: %w", err)
		}
	}
	if err := os.RemoveAll(path); err != nil {
		return fmt.Errorf("remove a generation: %w", err)
	}
	return nil
}
