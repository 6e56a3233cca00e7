package ebpf

import (
	"fmt"
	"slices"
	"unsafe"

	"github.com/cilium/ebpf"

	"github.com/cgnkit/cgnkit/ebpf/internal/bpf"
)

// When the mapping of a slot ended follows from the tick of its last packet and the times in force. So other times must not hold at once, or
// mappings that have ended would live again, and ports that are to wait would not. What the kernel gets with them, pool by pool:
//
//  1. with the new programs, the times before, which hold still: nothing is other than without a change;
//  2. when all programs are those, the tick of the change: what was over then stays over, since when it was; what is over by the new times
//     alone has been since that tick;
//  3. in each slot that is over, that it is, and since when: as the policy says anyway, and as it is under every policy to come;
//  4. that the times before are of no account any more.
//
// Who is killed in between leaves one of these, and all of them are right. The next Apply or Open goes on.

// times are those after which mappings end.
type times = bpf.CgnatCgnTimes

func timesOf(p bpf.CgnatCgnPolicy) times {
	return times{Udp: p.Udp, Icmp: p.Icmp, Established: p.Established, Opening: p.Opening, Closing: p.Closing}
}

// longer returns the longer of two times, each.
func longer(t, u times) times {
	return times{
		Udp: max(t.Udp, u.Udp), Icmp: max(t.Icmp, u.Icmp), Established: max(t.Established, u.Established),
		Opening: max(t.Opening, u.Opening), Closing: max(t.Closing, u.Closing),
	}
}

// eachKept calls f for each row whose slots are those of the generation before, with the policy that it had there.
func (b *builder) eachKept(f func(row int, before bpf.CgnatCgnPolicy) error) error {
	if b.old == nil {
		return nil
	}
	at := b.old.rowsByAddress()
	for row := range b.tables.rows {
		old, ok := at[b.address(row)]
		if !ok || !b.sameRealm(row, old) {
			continue
		}
		if err := f(row, b.old.record.Policies[b.old.tables.rows[old].Pool]); err != nil {
			return err
		}
	}
	return nil
}

// timesBefore returns by pool the times that its addresses had, where it has such. An address may come from a pool with other times than
// the next one: then they are the longer ones, see endBefore.
func (b *builder) timesBefore() map[uint32]times {
	before := make(map[uint32]times)
	_ = b.eachKept(func(row int, p bpf.CgnatCgnPolicy) error { // which never fails
		pool := b.tables.rows[row].Pool
		before[pool] = longer(before[pool], timesOf(p))
		return nil
	})
	return before
}

// comingPolicies returns what the kernel gets before the change: the times before hold still.
func (b *builder) comingPolicies() []bpf.CgnatCgnPolicy {
	entries := slices.Clone(b.record.Policies)
	for pool, before := range b.timesBefore() {
		if e := &entries[pool]; timesOf(*e) != before {
			e.Since, e.Was = uint32(bpf.CgnatCgnSinceCGN_SINCE_LATER), before
		}
	}
	return entries
}

// endBefore notes which mappings have ended on addresses that come from a pool with shorter times than others of their new pool. It is for
// before the change, and changes nothing for the generation before.
func (b *builder) endBefore() error {
	before := b.timesBefore()
	return b.eachKept(func(row int, p bpf.CgnatCgnPolicy) error {
		if timesOf(p) == before[b.tables.rows[row].Pool] {
			return nil
		}
		return b.endRow(row, p)
	})
}

// beginTimes has the times of the policies in force hold from now on, where those before hold still.
func (g *generation) beginTimes() error {
	policies, err := g.openMap("maps", bpf.CgnatMapPolicies)
	if err != nil {
		return err
	}
	defer policies.Close()
	var entry bpf.CgnatCgnPolicy
	if policies.ValueSize() != uint32(unsafe.Sizeof(entry)) {
		return nil // the generation is another release's
	}
	for pool := range g.record.Policies {
		if err := policies.Lookup(uint32(pool), &entry); err != nil {
			return fmt.Errorf("read policy %d: %w", pool, permission(err))
		}
		if entry.Since == uint32(bpf.CgnatCgnSinceCGN_SINCE_ALWAYS) {
			continue
		}
		if err := g.beginTimesOf(uint32(pool), policies); err != nil {
			return err
		}
	}
	return nil
}

// beginTimesOf does that for one pool.
func (g *generation) beginTimesOf(pool uint32, policies *ebpf.Map) error {
	var entry bpf.CgnatCgnPolicy
	for row, r := range g.tables.rows {
		if r.Pool != pool {
			continue
		}
		if err := policies.Lookup(pool, &entry); err != nil { // the first row has since when the times hold
			return fmt.Errorf("read policy %d: %w", pool, permission(err))
		}
		if err := g.endRow(row, entry); err != nil {
			return err
		}
	}
	// What was stays: a program may have seen that it is of account.
	entry.Since = uint32(bpf.CgnatCgnSinceCGN_SINCE_ALWAYS)
	if err := policies.Put(pool, entry); err != nil {
		return fmt.Errorf("set policy %d: %w", pool, permission(err))
	}
	return nil
}

// endRow notes in the slots of an outside address which mappings have ended by a policy. Where its times are to come they begin.
func (g *generation) endRow(row int, by bpf.CgnatCgnPolicy) error {
	p, err := g.openProgram(bpf.CgnatProgCgnRetime)
	if err != nil {
		return err
	}
	defer p.Close()
	r := bpf.CgnatCgnRetiming{Row: uint32(row), Policy: by}
	for r.At < uint32(tableSlots) {
		at := r.At
		if err := ask(p, &r); err != nil {
			return err
		}
		if r.At == at {
			return fmt.Errorf("note which mappings of %v have ended: the slots end at %d", g.address(row), at)
		}
	}
	return nil
}
