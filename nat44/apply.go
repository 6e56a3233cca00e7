//go:build linux

package nat44

import (
	"errors"
	"fmt"
	"slices"

	"golang.org/x/sys/unix"

	"github.com/cgnkit/cgnkit/alloc"
)

// A Way says how Apply brought the kernel to a ruleset.
type Way uint8

// Ways.
const (
	Unchanged Way = iota + 1 // the kernel had it already
	FirstLoad                // the instance was not in the kernel
	Increment                // one transaction with the elements that differ
	Rebuild                  // all maps built anew beside the live ones, then swapped in one transaction
)

// String returns "unchanged", "first load", "increment" or "rebuild".
func (w Way) String() string {
	switch w {
	case Unchanged:
		return "unchanged"
	case FirstLoad:
		return "first load"
	case Increment:
		return "increment"
	case Rebuild:
		return "rebuild"
	}
	return "invalid"
}

// ApplyOptions are the choices of Apply. The zero value is right for most.
type ApplyOptions struct {
	// DryRun only finds out what would change.
	DryRun bool
	// FlowsPerSubscriber is what the size of the conntrack table is compared with; 0 means FlowsPerSubscriber.
	FlowsPerSubscriber int
}

// A Report is what Apply did, or with DryRun would do.
type Report struct {
	Way Way
	// Kept, Moved, Added and Removed count subscribers, compared with what the kernel held.
	Kept, Moved, Added, Removed uint64
	// Reasons say why a rebuild was necessary, when not by size.
	Reasons []string
	// FlowsDeleted is how many conntrack entries contradicted the plan and were deleted.
	FlowsDeleted int
	// RoutesAdded and RoutesRemoved count blackhole routes.
	RoutesAdded, RoutesRemoved int
	// Warnings are about the host and about what the plan asks of it.
	Warnings []string
}

// Apply makes the kernel obey rs: what differs is changed in one transaction, or everything is built beside what is live and
// swapped in one transaction. Packets meet the ruleset before or the one after, never anything between, also when the process is
// killed. Then conntrack entries that contradict the plan are deleted, and blackhole routes for the outside addresses set.
//
// Apply trusts nothing that it remembers: it reads what the kernel has, so that foreign changes are repaired. It costs about
// 3 µs for every element to compare, and 1 µs for every element to build.
//
// The error wraps ErrForeign where the instance's table is somebody else's, ErrBusy while another process applies or removes
// one in this namespace, ErrUnstable where nf_tables is changed all the time; refusals of the kernel are *KernelError.
func (k *Kernel) Apply(rs *Ruleset, o ApplyOptions) (Report, error) {
	if !o.DryRun {
		release, err := k.lock.acquire(rs.instance)
		if err != nil {
			return Report{}, err
		}
		defer release()
	}
	for range retries {
		report, err := k.applyOnce(rs, o)
		if err == nil || !isStale(err) && !errors.Is(err, errChanged) {
			return report, err
		}
	}
	return Report{}, fmt.Errorf("apply instance %s: %w", rs.instance, ErrUnstable)
}

// applyOnce fails with ERESTART where somebody else changed nf_tables before the change was through.
func (k *Kernel) applyOnce(rs *Ruleset, o ApplyOptions) (Report, error) {
	st, err := k.read(rs.instance)
	if err != nil {
		return Report{}, err
	}
	if st.exists && !st.ours {
		return Report{}, fmt.Errorf("%w: table ip %s; choose another --instance, or delete it with nft delete table ip %s", ErrForeign, rs.instance.Table(), rs.instance.Table())
	}
	instances, err := k.otherInstances(rs.instance)
	if err != nil {
		return Report{}, err
	}
	if err := rs.conflict(instances); err != nil {
		return Report{}, err
	}
	former, err := k.formerOutside(rs.instance, st)
	if err != nil {
		return Report{}, err
	}
	d, err := k.plan(rs, st)
	if err != nil {
		return Report{}, err
	}
	report := d.Report
	nats, err := k.otherNAT()
	if err != nil {
		return Report{}, err
	}
	report.Warnings = slices.Concat(rs.Warnings(), k.box.check(rs, flowsOr(o.FlowsPerSubscriber)), nats)
	if o.DryRun {
		return report, nil
	}
	if err := k.change(rs, st, d); err != nil {
		return report, err
	}
	return report, k.settle(rs, former, &report)
}

func flowsOr(n int) int {
	if n > 0 {
		return n
	}
	return FlowsPerSubscriber
}

// maxIncrement bounds the elements of an increment. Beyond it a rebuild is about as fast, and needs no memory for what differs.
const maxIncrement = 100_000

// A decision is what to do, and why.
type decision struct {
	Report
	mismatches []mismatch // for an increment
	ranges     []string   // address sets that an increment replaces
}

// plan decides what to do.
func (k *Kernel) plan(rs *Ruleset, st *state) (*decision, error) {
	d := &decision{Report: Report{Way: FirstLoad, Added: rs.plan.Subscribers()}}
	if !st.loaded {
		return d, nil
	}
	readable := rs
	if missingSets(rs, st) {
		// Other maps than those the plan needs: what subscribers had is counted in those that there are.
		readable = rs.only(st)
	}
	limit := min(rs.Elements()/2, maxIncrement)
	c, err := k.compare(readable, st.live, false, func(m mismatch) {
		if uint64(len(d.mismatches)) < limit {
			m.have, m.key = slices.Clone(m.have), slices.Clone(m.key)
			d.mismatches = append(d.mismatches, m)
		}
	})
	if isMissing(err) {
		err = unix.ERESTART // a set went away while it was read
	}
	if err != nil {
		return nil, err
	}
	d.ranges = c.ranges
	d.Report = Report{Kept: c.kept, Moved: c.moved, Added: c.added, Removed: c.removed}
	if readable != rs || len(st.primaries()) > 1 {
		// Who went from one map to another is missing in one and surplus in the other.
		n, err := k.census(rs, st)
		if err != nil {
			return nil, err
		}
		d.Moved, d.Added, d.Removed = n.present-c.kept, rs.plan.Subscribers()-n.present, n.total-n.present
	}
	different := rs.structure(st)
	switch {
	case len(different) > 0:
		d.Way = Rebuild
		for _, difference := range different {
			d.Reasons = append(d.Reasons, difference.String())
		}
	case c.isEmpty() && st.mark.String() == rs.mark():
		d.Way = Unchanged
	case c.changes > limit || c.unlisted || len(c.ranges) > 0 && rs.manyRanges():
		d.Way = Rebuild
	default:
		d.Way = Increment
	}
	return d, nil
}

// manyRanges reports whether the address sets are too large to be replaced within an increment.
func (rs *Ruleset) manyRanges() bool { return len(rs.inside)+len(rs.outside)+len(rs.exempt) > 4096 }

// only returns rs with those of its maps that the kernel has, for comparing.
func (rs *Ruleset) only(st *state) *Ruleset {
	part, readable := *rs, map[string]bool{}
	for _, want := range rs.sets(st.live) {
		have := st.sets[want.Name]
		readable[want.Name] = have != nil && sameType(want, have)
	}
	part.maps = slices.DeleteFunc(slices.Clone(rs.maps), func(m *shareMap) bool { return !readable[st.live.of(m.name())] })
	part.partial = true
	return &part
}

// change does what plan decided.
func (k *Kernel) change(rs *Ruleset, st *state, d *decision) error {
	switch d.Way {
	case FirstLoad, Rebuild:
		return k.rebuild(rs, st)
	case Increment:
		return k.increment(rs, st, d)
	}
	if len(st.leftovers()) > 0 {
		return k.discard(st)
	}
	return nil
}

// quickRetries is how often a transaction is sent again that somebody else was faster than. Each takes milliseconds.
const quickRetries = 200

// rebuild builds everything beside what is live, checks it, and swaps.
func (k *Kernel) rebuild(rs *Ruleset, st *state) (err error) {
	if len(st.leftovers()) > 0 {
		// Somebody may hold on to them; then they go with the swap.
		if err := k.discard(st); err == nil {
			if st, err = k.read(rs.instance); err != nil {
				return err
			}
		}
	}
	g, ok := st.unused()
	if !ok {
		return fmt.Errorf("%w: table ip %s has sets of all names that could be used", ErrForeign, rs.instance.Table())
	}
	if err := k.stage(rs, st, g); err != nil {
		return err
	}
	if err := k.fill(rs, g); err != nil {
		return k.undo(rs.instance, err)
	}
	return k.swap(rs, g)
}

// fill loads the staged sets.
func (k *Kernel) fill(rs *Ruleset, g generation) error {
	table := rs.instance.Table()
	for _, m := range rs.maps {
		if err := k.fillMap(table, g.of(m.name()), m); err != nil {
			return err
		}
	}
	for name, ranges := range rs.addressSets() {
		if err := k.fillRanges(table, g.of(name), ranges); err != nil {
			return err
		}
	}
	return nil
}

// swap makes the staged generation live. Other programs may change nf_tables while it prepares; then it looks again whether what
// was staged is still whole.
func (k *Kernel) swap(rs *Ruleset, g generation) error {
	for range quickRetries {
		st, err := k.read(rs.instance)
		if err != nil {
			return err
		}
		for _, m := range rs.maps {
			if err := k.counted(rs.instance.Table(), g.of(m.name()), m.elements); err != nil {
				return err
			}
		}
		if err := k.activate(rs, st, g); !isStale(err) {
			return err
		}
	}
	return k.undo(rs.instance, fmt.Errorf("apply instance %s: %w", rs.instance, ErrUnstable))
}

// undo deletes what was staged, as well as it can, and returns the error that made it necessary.
func (k *Kernel) undo(instance Instance, cause error) error {
	st, err := k.read(instance)
	if err != nil {
		return cause
	}
	if !st.loaded && st.exists {
		k.nft.DelTable(tableOf(instance)) // nothing was live
		return errors.Join(cause, kernelFlush("delete what was staged", k.nft.FlushWithGenID(st.generation)))
	}
	return errors.Join(cause, k.discard(st))
}

// settle does what follows a change. Routes come last: they are the record of what is still to be done if it is interrupted.
func (k *Kernel) settle(rs *Ruleset, former []alloc.AddrRange, report *Report) error {
	local, err := k.localAddrs()
	if err != nil {
		return err
	}
	s := &staleness{rs: rs, local: local, outside: merge(slices.Concat(former, rs.outside))}
	if report.FlowsDeleted, err = k.sock.forget(s.stale); err != nil {
		return err
	}
	routes, err := k.setRoutes(rs.instance, rs.outside)
	report.RoutesAdded, report.RoutesRemoved = routes.added, routes.removed
	for _, p := range routes.taken {
		report.Warnings = append(report.Warnings, fmt.Sprintf("there is a route for %v already, so no blackhole route was added: packets for its unused ports may loop", p))
	}
	return err
}
