package ebpf

import (
	"fmt"

	"github.com/cgnkit/cgnkit/ebpf/internal/bpf"
)

// Tallies are what an instance has counted besides packets since it was loaded.
type Tallies struct {
	// TCP, UDP and ICMP are mappings that were made, by packets, forwards and Restore.
	TCP, UDP, ICMP uint64
	// Exhausted, Limit and Rate are refusals by EventKind: what Events tells, and what found no room in its buffer. There is at
	// most one for a subscriber in half a second.
	Exhausted, Limit, Rate uint64
}

// Tallies returns the numbers, summed over the CPUs. They go on when the instance gets another plan. They are read one after the
// other while packets pass. The error wraps ErrChanged for an instance that a release without them has made.
func (d *Datapath) Tallies() (t Tallies, err error) {
	m, err := d.generation.openMap("maps", bpf.CgnatMapTallies)
	if err != nil {
		return t, err
	}
	defer m.Close()
	for at, to := range map[uint32]*uint64{
		uint32(bpf.CgnatCgnTallyCGN_TALLY_TCP): &t.TCP, uint32(bpf.CgnatCgnTallyCGN_TALLY_UDP): &t.UDP,
		uint32(bpf.CgnatCgnTallyCGN_TALLY_ICMP): &t.ICMP, uint32(bpf.CgnatCgnTallyCGN_TALLY_EXHAUSTED): &t.Exhausted,
		uint32(bpf.CgnatCgnTallyCGN_TALLY_LIMIT): &t.Limit, uint32(bpf.CgnatCgnTallyCGN_TALLY_RATE): &t.Rate,
	} {
		var cpus []uint64
		if err := m.Lookup(at, &cpus); err != nil {
			return t, fmt.Errorf("read tally %d: %w", at, err)
		}
		for _, n := range cpus {
			*to += n
		}
	}
	return t, nil
}
