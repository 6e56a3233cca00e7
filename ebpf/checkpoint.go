package ebpf

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/cgnkit/cgnkit/ebpf/internal/bpf"
)

// ErrCheckpoint means: what is read is no checkpoint, is of another version, or was damaged.
var ErrCheckpoint = errors.New("invalid checkpoint")

// CheckpointOptions choose what goes into a checkpoint. The zero value is everything.
type CheckpointOptions struct {
	// Displaced leaves out mappings that are on the port that a node with the same key and plan chooses anyway: it finds them
	// by itself when their next packet comes from the inside.
	Displaced bool
}

// Checkpoint writes the mappings that live, for Restore: 24 bytes each, with their ages, and checksums. It returns how many. It
// takes the time of Mappings.
func (d *Datapath) Checkpoint(w io.Writer, o CheckpointOptions) (n uint64, err error) {
	out := newCheckpointWriter(w, d.Key())
	for m, err := range d.Mappings() {
		if err == nil && (m.Displaced || m.Static || !o.Displaced) {
			err = out.add(m)
		}
		if err != nil {
			return out.written, fmt.Errorf("write a checkpoint: %w", err)
		}
	}
	if err := out.close(); err != nil {
		return out.written, fmt.Errorf("write a checkpoint: %w", err)
	}
	return out.written, nil
}

// Restored is what has become of the mappings of a checkpoint.
type Restored struct {
	Placed  uint64 // or there already
	Taken   uint64 // the port belongs to another mapping by now, or the inside endpoint has another port
	Moved   uint64 // the subscriber has another share in this plan, or none
	Limited uint64 // the subscriber has as many mappings as Policy.Limit allows, those that live already and those before in the checkpoint
	Busy    uint64 // packets held the lock of the subscriber
}

// Restore makes the mappings of a checkpoint that another node has written, or this one. Nothing that lives is overwritten,
// and nobody gets more than Policy.Limit allows: what would be more, forwards too, is left out and counted. Where the checkpoint is of a node with another key, the states of TCP connections are taken for several, which live as long as
// an established one. The error wraps ErrCheckpoint, ErrBusy or ErrChanged; what was read before it has been restored. It takes
// some 3 µs a mapping, and up to 0.3 ms for one that a limit leaves out of a share of 64,512 ports, less in smaller ones. While it runs, Apply is refused.
func (d *Datapath) Restore(from io.Reader) (r Restored, err error) {
	in, err := newCheckpointReader(from)
	if err != nil {
		return r, fmt.Errorf("restore: %w", err)
	}
	_, tick, err := tickShift()
	if err != nil {
		return r, err
	}
	same := in.keyID == keyID(d.Key())
	err = d.claiming(func(c *claimer) error {
		for m, err := range in.mappings() {
			if err != nil {
				return err
			}
			if !same {
				m.state = foreignState(m.state)
			}
			m.ticks = uint32(m.Age / tick)
			if err := d.restore(c, m, &r); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return r, fmt.Errorf("restore: %w", err)
	}
	return r, nil
}

// restore makes one mapping and counts what became of it.
func (d *Datapath) restore(c *claimer, m Mapping, r *Restored) error {
	if share, err := d.generation.plan.Lookup(m.subscriber()); err != nil || share.Outside() != m.Outside.Addr() {
		r.Moved++
		return nil //nolint:nilerr // who is no subscriber any more is counted
	}
	result, err := c.claim(bpf.CgnatCgnClaimKindCGN_CLAIM_RESTORE, m)
	switch result {
	case bpf.CgnatCgnClaimResultCGN_CLAIM_DONE:
		if err == nil {
			r.Placed++
		}
		return err
	case bpf.CgnatCgnClaimResultCGN_CLAIM_TAKEN, bpf.CgnatCgnClaimResultCGN_CLAIM_ELSEWHERE:
		r.Taken++
	case bpf.CgnatCgnClaimResultCGN_CLAIM_NOT_OWNED:
		r.Moved++
	case bpf.CgnatCgnClaimResultCGN_CLAIM_LIMIT:
		r.Limited++
	case bpf.CgnatCgnClaimResultCGN_CLAIM_BUSY:
		r.Busy++
	default:
		return err
	}
	return nil
}

// foreignState returns the state of a slot without the digest of the remote endpoint, which depends on the key.
func foreignState(state uint32) uint32 {
	keep := uint32(bpf.CgnatCgnSlotStateCGN_SLOT_TCP) | uint32(bpf.CgnatCgnSlotStateCGN_SLOT_SEVERAL) | uint32(bpf.CgnatCgnSlotStateCGN_SLOT_STATIC)
	if state&uint32(bpf.CgnatCgnSlotStateCGN_SLOT_TCP) != 0 {
		state |= uint32(bpf.CgnatCgnSlotStateCGN_SLOT_SEVERAL)
	}
	return state & keep
}

// keyID tells keys apart without giving them away.
func keyID(k Key) (id [8]byte) {
	sum := sha256.Sum256(append([]byte("cgnkit home key "), k[:]...))
	copy(id[:], sum[:])
	return id
}

// maxAge is what an age has room for.
const maxAge = time.Duration(1<<32-1) * time.Millisecond
