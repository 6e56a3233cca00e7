package ebpf

import (
	"errors"
	"fmt"

	"github.com/cilium/ebpf"

	"github.com/cgnkit/cgnkit/ebpf/internal/bpf"
)

// A Fill is how full a table is.
type Fill struct{ Entries, Capacity uint64 }

// fillTogether is how many entries are counted at once.
const fillTogether = 16 << 10

// Displaced returns how full the table of mappings is that are not at home. Where it is full, packets for such mappings search the
// share of their subscriber. The kernel does not count: it takes some ms when the table is empty, and some 100 ms when it is full.
func (d *Datapath) Displaced() (f Fill, err error) {
	m, err := d.generation.openMap("maps", bpf.CgnatMapDisplaced)
	if err != nil {
		return f, err
	}
	defer m.Close()
	f.Capacity = uint64(m.MaxEntries())
	var cursor ebpf.MapBatchCursor
	keys, ports := make([]uint64, fillTogether), make([]uint16, fillTogether)
	for {
		n, err := m.BatchLookup(&cursor, keys, ports, nil)
		f.Entries += uint64(n)
		if errors.Is(err, ebpf.ErrKeyNotExist) {
			return f, nil
		}
		if err != nil {
			return f, fmt.Errorf("count the mappings that are not at home: %w", permission(err))
		}
	}
}
