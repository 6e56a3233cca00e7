package ebpf

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/cilium/ebpf"

	"github.com/cgnkit/cgnkit/ebpf/internal/bpf"
)

// DefaultSweep is how long a Sweep takes to come round.
const DefaultSweep = time.Minute

// sweepStep is how often a sweep works. What there is to do is spread evenly; more often, waking up would be most of it.
const sweepStep = 500 * time.Millisecond

// Tidied is what maintenance has seen.
type Tidied struct {
	Looked   uint64 // slots, and shares that were passed over because nothing in them is used
	Mappings uint64 // that live
	Freed    uint64 // slots whose mapping had ended
	Busy     uint64 // parts of shares that were left as they were, because their lock was not to be had
}

func (t *Tidied) add(c bpf.CgnatCgnTidying) {
	t.Looked += uint64(c.Looked)
	t.Mappings += uint64(c.Kept)
	t.Freed += uint64(c.Freed)
	t.Busy += uint64(c.Busy)
}

// Tidy frees all slots whose mapping has ended and counts what subscribers use. Packets do not need it: they claim such slots
// themselves. It keeps searches short and counts right, and is what Sweep does all the time. It takes about 25 ns for a slot
// of a share that is in use; a packet that wants a new mapping of the subscriber at hand may wait some 25 µs.
func (d *Datapath) Tidy(ctx context.Context) (t Tidied, err error) {
	p, err := d.generation.openProgram(bpf.CgnatProgCgnTidy)
	if err != nil {
		return t, err
	}
	defer p.Close()
	c := d.generation.whole()
	for ctx.Err() == nil {
		if err := d.current(); err != nil {
			return t, err
		}
		switch done, err := d.generation.tidy(p, &c, tidySlots); {
		case errors.Is(err, errEnd):
			return t, nil
		case err != nil:
			return t, err
		default:
			t.add(done)
		}
	}
	return t, ctx.Err()
}

// Sweep tidies all the time, evenly, such that it comes round once in every; 0 = DefaultSweep. It returns when ctx ends, with
// its error, or with one that wraps ErrChanged when the instance has got another plan: open it again then. One Sweep for an
// instance is enough, and several do no harm.
func (d *Datapath) Sweep(ctx context.Context, every time.Duration) error {
	if every <= 0 {
		every = DefaultSweep
	}
	p, err := d.generation.openProgram(bpf.CgnatProgCgnTidy)
	if err != nil {
		return err
	}
	defer p.Close()
	ticker := time.NewTicker(sweepStep)
	defer ticker.Stop()
	for begin := time.Now(); ; {
		s := sweep{generation: d.generation, program: p, cursor: d.generation.whole()}
		for end := false; !end; {
			select {
			case <-ctx.Done():
				return ctx.Err()
			case <-ticker.C:
			}
			if err := d.current(); err != nil {
				return err
			}
			if end, err = s.advance(float64(time.Since(begin)) / float64(every)); err != nil {
				return err
			}
		}
		begin = begin.Add(every)
		if now := time.Now(); now.Sub(begin) > every {
			begin = now // the host was asleep
		}
	}
}

// A sweep is one round.
type sweep struct {
	*generation
	program *ebpf.Program
	cursor  cursor
	shares  uint64 // that are done
}

// advance works until the part of all shares is done that it is given, 1 = all. end says that the round is over.
func (s *sweep) advance(part float64) (end bool, err error) {
	want := uint64(part * float64(s.allShares()))
	for s.shares < want {
		before := s.cursor
		_, err := s.tidy(s.program, &s.cursor, tidySlots)
		if errors.Is(err, errEnd) {
			return true, nil
		}
		if err != nil {
			return false, err
		}
		if s.cursor.row == before.row {
			s.shares += uint64(s.cursor.share - before.share)
		} else {
			s.shares += uint64(s.ratio(before.row) - before.share)
		}
	}
	return s.cursor.row >= s.cursor.last && part >= 1, nil
}

// whole returns a cursor over everything.
func (g *generation) whole() cursor { return cursor{last: len(g.tables.rows)} }

// ratio returns the shares of a row.
func (g *generation) ratio(row int) uint32 { return g.tables.ratios[row] }

// allShares returns the shares of all rows.
func (g *generation) allShares() (n uint64) {
	for _, ratio := range g.tables.ratios {
		n += uint64(ratio)
	}
	return n
}

// current reports with ErrChanged when another generation is in force than the one that was opened.
func (d *Datapath) current() error {
	mine, err := d.generation.handle.Stat()
	if err != nil {
		return fmt.Errorf("instance %s: %w", d.folder.instance, err)
	}
	now, err := os.Stat(d.folder.live())
	if err != nil || !os.SameFile(mine, now) {
		return fmt.Errorf("%w: %s", ErrChanged, d.folder.instance)
	}
	return nil
}
