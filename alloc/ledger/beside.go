package ledger

import "bytes"

// A Beside is a file beside a ledger on which answers depend.
type Beside struct {
	Name string
	Kind string // "pending", an apply that has not ended, or "daemon", what the daemon has noted
	Data []byte // as it was when the ledger was opened
}

// Beside returns the files beside the ledger that its answers depend on, beyond its records: of an apply that has not ended, and, after Heed,
// of the daemon where epochs may not have come into force, or the kernel may have departed from its plan. None otherwise. Who states what an answer was made from states them, too.
func (l *Ledger) Beside() (files []Beside) {
	if l.pending != nil {
		files = append(files, Beside{Name: l.name + pendingSuffix, Kind: "pending", Data: bytes.Clone(l.apply)})
	}
	if !l.Unsure().IsZero() || len(l.departures) > 0 {
		files = append(files, Beside{Name: l.name + MemorySuffix, Kind: "daemon", Data: bytes.Clone(l.memory)})
	}
	return files
}
