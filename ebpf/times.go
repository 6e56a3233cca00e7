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

// eachKept calls f for each row whose slots are those of the generation before, which may be nil, with the policy that it had there.
func (g *generation) eachKept(old *generation, f func(row int, before bpf.CgnatCgnPolicy) error) error {
	if old == nil {
		return nil
	}
	at := old.rowsByAddress()
	for row := range g.tables.rows {
		was, ok := at[g.address(row)]
		if !ok || !g.sameRealm(row, old, was) {
			continue
		}
		if err := f(row, old.record.Policies[old.tables.rows[was].Pool]); err != nil {
			return err
		}
	}
	return nil
}

// timesBefore returns by pool the times that its addresses had, where it has such. An address may come from a pool with other times than
// the next one: then they are the longer ones, see endBefore.
func (g *generation) timesBefore(old *generation) map[uint32]times {
	before := make(map[uint32]times)
	_ = g.eachKept(old, func(row int, p bpf.CgnatCgnPolicy) error { // which never fails
		pool := g.tables.rows[row].Pool
		before[pool] = longer(before[pool], timesOf(p))
		return nil
	})
	return before
}

// comingPolicies returns what the kernel gets before the change: the times before hold still.
func (b *builder) comingPolicies() []bpf.CgnatCgnPolicy {
	entries := slices.Clone(b.record.Policies)
	for pool, before := range b.timesBefore(b.old) {
		if e := &entries[pool]; timesOf(*e) != before {
			e.Since, e.Was = uint32(bpf.CgnatCgnSinceCGN_SINCE_LATER), before
		}
	}
	return entries
}

// endBefore notes which mappings have ended on addresses that come from a pool with shorter times than others of their new pool. It is for
// before the change, and changes nothing for the generation before. It may be done several times.
func (g *generation) endBefore(old *generation) error {
	policies, err := g.openPolicies()
	if err != nil || policies == nil {
		return err
	}
	defer policies.Close()
	before := g.timesBefore(old)
	return g.eachKept(old, func(row int, p bpf.CgnatCgnPolicy) error {
		if timesOf(p) == before[g.tables.rows[row].Pool] {
			return nil
		}
		return g.endRow(row, p)
	})
}

// openPolicies opens the policies, or returns nil where the generation is another release's.
func (g *generation) openPolicies() (*ebpf.Map, error) {
	m, err := g.openMap("maps", bpf.CgnatMapPolicies)
	if err != nil {
		return nil, err
	}
	if m.ValueSize() != uint32(unsafe.Sizeof(bpf.CgnatCgnPolicy{})) {
		return nil, m.Close()
	}
	return m, nil
}

// beginTimes has the times of the policies in force hold from now on, where those before hold still.
func (g *generation) beginTimes() error {
	policies, err := g.openPolicies()
	if err != nil || policies == nil {
		return err
	}
	defer policies.Close()
	var entry bpf.CgnatCgnPolicy
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
