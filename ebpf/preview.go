package ebpf

import (
	"errors"
	"fmt"
	"slices"

	"github.com/cgnkit/cgnkit/alloc"
)

// A Change is what Apply does to an instance.
type Change struct {
	Loaded bool // the instance is there already; without it everything is new
	// What differs from what is in force.
	Plan, Programs, Key, Policies bool
	Attached, Detached            []string // interfaces
	// Subscribers against the plan in force: kept have the same outside address and ports.
	Kept, Moved, Added, Removed uint64
	// What becomes of the remote endpoints that pools filter by, where they do not stay as they are: they are carried to other tables, or
	// forgotten, because the key is another.
	PeersCarried, PeersForgotten bool
	// Repairs says that nothing else differs, and that somebody has damaged what is in force.
	Repairs bool
	// Lacks is what the host lacks, as sentences with the command that would mend it: forwarding, routes, offloads that keep
	// packets from the programs. Nothing of it is changed.
	Lacks []string
}

// None reports whether there is nothing to do.
func (c Change) None() bool {
	return c.Loaded && !c.Plan && !c.Programs && !c.Key && !c.Policies && !c.Repairs && len(c.Attached) == 0 && len(c.Detached) == 0
}

// Preview says what Apply would do, and changes nothing. What the kernel alone can refuse it does not know: interfaces whose
// driver has no XDP, memory beyond the slots of addresses. The error is as that of Apply.
func Preview(c Config) (Change, error) {
	f, err := findFolder(c.Instance)
	if err != nil {
		return Change{}, err
	}
	if c.Plan == nil {
		return Change{}, fmt.Errorf("apply to instance %s: the configuration has no plan", f.instance)
	}
	var live *generation
	switch err := requireBPFFS(false); {
	case errors.Is(err, ErrNotLoaded): // nothing is mounted, so nothing is pinned
	case err != nil:
		return Change{}, err
	default:
		if err := f.checkVersion(); err != nil {
			return Change{}, err
		}
		if live, err = f.openLive(c.Plan, c.Keys); err != nil {
			return Change{}, fmt.Errorf("apply to instance %s: %w", f.instance, permission(err))
		}
	}
	defer live.close()
	want, err := newRecord(c, live)
	if err == nil {
		err = f.checkOthers(c.Plan, want)
	}
	if err == nil {
		err = c.checkFit(live, want)
	}
	if err != nil {
		return Change{}, fmt.Errorf("apply to instance %s: %w", f.instance, err)
	}
	change, err := c.change(live, want)
	if err != nil {
		return Change{}, fmt.Errorf("apply to instance %s: %w", f.instance, err)
	}
	return change, nil
}

// checkFit refuses what the host cannot hold, as Apply does.
func (c Config) checkFit(live *generation, want record) error {
	b := &builder{generation: &generation{record: want}, old: live}
	if err := b.understand(c.Plan, nil); err != nil {
		return err
	}
	return b.checkMemory()
}

// change compares c, and the record of it, with the generation in force, which may be nil.
func (c Config) change(live *generation, want record) (Change, error) {
	if live == nil {
		return Change{Attached: names(want.Links), Added: c.Plan.Subscribers(), Lacks: lacks(c.Plan, want)}, nil
	}
	have := live.record
	out := Change{
		Loaded: true, Lacks: lacks(c.Plan, want), Plan: have.SHA256 != want.SHA256, Programs: have.Object != want.Object, Key: have.Key != want.Key,
		Policies: !have.samePolicies(want), Attached: without(want.Links, have.Links), Detached: without(have.Links, want.Links),
	}
	b := &builder{generation: &generation{record: want}, old: live}
	if err := b.understand(c.Plan, nil); err != nil {
		return Change{}, err
	}
	var err error
	if out.PeersCarried, out.PeersForgotten, err = b.peersFate(); err != nil {
		return Change{}, err
	}
	d := alloc.DiffNAT44(live.plan, c.Plan)
	out.Kept, out.Moved, out.Added, out.Removed = d.Kept, d.Moved, d.Added, d.Removed
	if !out.None() {
		return out, nil
	}
	foreign, whole, err := live.damage()
	out.Repairs = !whole || len(foreign) > 0
	return out, err
}

// without returns the names of the attachments that the others lack. One that changes sides is lost and new.
func without(links, others []attachment) []string {
	return names(slices.DeleteFunc(slices.Clone(links), func(a attachment) bool { return slices.Contains(others, a) }))
}

func names(links []attachment) (out []string) {
	for _, a := range links {
		out = append(out, a.Name)
	}
	return out
}
