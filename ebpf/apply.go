package ebpf

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/cgnkit/cgnkit/alloc"
)

// Apply makes an instance what c says, in the network namespace of the calling thread, and opens it. It is how an instance is
// loaded, how it gets another plan, other policies or interfaces, and how its programs are replaced by those of this release.
// Where there is nothing to change, nothing is done. Whether there is, is read from the kernel, as Verify does: what somebody else
// has damaged is repaired.
//
// Packets pass all the while. A subscriber keeps its mappings on ports that it had before and has still; all others end at
// once. The order is: everything is made and pinned beside what is in force, and interfaces that are new get programs that do nothing; those that are
// no longer named get such ones, too; the programs on the outside interfaces are replaced, then those on the inside ones; the new state takes the
// place of the old one; slots of subscribers that have moved are freed. A process that is killed leaves the old state, or the new one;
// where the latter is not quite finished, the next Apply or Open finishes it. Only who is killed in the milliseconds in which programs are replaced leaves
// some interfaces with the old ones and some with the new ones until then.
//
// The error wraps ErrInstance, ErrInterface, ErrPolicy, ErrConflict, ErrVersion, ErrDamaged, ErrBusy, ErrMount, ErrKernel,
// ErrMemory, ErrPermission, ErrInexpressible or ErrTooManyRanges. After an error what was in force is in force, unless it says that the change is, and what is left to do.
//
// It takes 3 MiB for an outside address, for good, and the time that the kernel needs to check the programs, about two
// seconds. That is before StepAttaching; the rest takes some ten milliseconds, and longer where many subscribers move.
func Apply(c Config) (*Datapath, error) {
	f, err := findFolder(c.Instance)
	if err != nil {
		return nil, err
	}
	if c.Plan == nil {
		return nil, fmt.Errorf("apply to instance %s: the configuration has no plan", f.instance)
	}
	if err := requireBPFFS(true); err != nil {
		return nil, err
	}
	release, err := f.lock()
	if err != nil {
		return nil, err
	}
	defer release()
	unlock, err := f.lockNamespace()
	if err != nil {
		f.tryRemove()
		return nil, err
	}
	defer unlock()
	if err := f.checkVersion(); err != nil {
		return nil, err
	}
	g, err := f.apply(c)
	if err != nil {
		f.tryRemove()
		return nil, fmt.Errorf("apply to instance %s: %w", f.instance, err)
	}
	return &Datapath{folder: f, generation: g}, nil
}

// apply returns the generation that is in force then. The lock is held.
func (f folder) apply(c Config) (*generation, error) {
	live, err := f.recover(c.Plan, c.Keys)
	if err != nil {
		return nil, err
	}
	want, err := newRecord(c, live)
	if err == nil {
		err = f.checkOthers(c.Plan, want)
	}
	if err != nil {
		live.close()
		return nil, err
	}
	var foreign []int
	if live != nil && live.record.sameBut(want) {
		rows, whole, err := live.damage()
		if err == nil && whole {
			err = live.evictRows(rows)
		}
		if err != nil {
			live.close()
			return nil, err
		}
		if whole {
			return live, nil
		}
		foreign = rows
	}
	defer live.close()
	b, err := build(f.next(), want, live, c)
	if err != nil {
		return nil, errors.Join(err, f.takeBack(live, nil))
	}
	if err = c.step("changing over"); err == nil {
		err = b.endBefore(live)
	}
	if err != nil {
		err = errors.Join(err, f.takeBack(live, nil))
	} else {
		err = f.switchTo(live, b.generation)
	}
	if err == nil {
		_ = c.step("ending what was before") // it is too late to stop
		err = f.settle(live, b.generation, b.relaid)
	}
	if err == nil {
		err = b.evictRows(foreign)
	}
	if err != nil {
		b.close()
		return nil, err
	}
	return b.generation, nil
}

// step says what comes next.
func (c Config) step(what string) error {
	if c.Step == nil {
		return nil
	}
	return c.Step(what)
}

// switchTo puts the generation next in force, instead of live, which may be nil. After an error live is in force, and next is
// removed.
func (f folder) switchTo(live, next *generation) error {
	if live == nil {
		return os.Rename(f.next(), f.live())
	}
	err := live.rest(next)
	if err == nil {
		err = next.runOn()
	}
	if err != nil && !errors.Is(err, errGone) {
		return errors.Join(err, live.runOn(), f.takeBack(live, next.plan))
	}
	return exchange(f.live(), f.next())
}

// takeBack removes the next generation, which may be in any state, and closes the exits that went with it. Where programs of its plan have run, or
// may have, ran is that plan: it ends the mappings that these have made on ports of others under the plan of live, which may be nil, and second ones.
func (f folder) takeBack(live *generation, ran *alloc.Plan) error {
	for _, step := range f.takingBack(live, ran) {
		if err := step(); err != nil {
			return fmt.Errorf("take back what was begun: %w", err)
		}
	}
	return nil
}

// takingBack returns the steps of that. The record goes first: what a killed process leaves is then not taken for a whole generation that is to
// come into force on its interfaces, but taken back to the end.
func (f folder) takingBack(live *generation, ran *alloc.Plan) []func() error {
	forget := func() error { return f.forget(ran != nil) }
	remove := func() error { return removeGeneration(f.next()) }
	if live == nil {
		return []func() error{forget, remove}
	}
	return []func() error{
		forget,
		func() error {
			more, err := live.detachOthers(f.next())
			if more && ran == nil {
				ran = live.plan // which one is not known
			}
			return err
		},
		func() error {
			if ran == nil {
				return nil
			}
			if err := live.evictOthers(ran); !errors.Is(err, ErrChanged) {
				return err
			}
			return nil // what is missing of live, an apply makes anew, and it looks into all slots then
		},
		live.closeExits,
		remove,
	}
}

// forget removes the record of the next generation, which need not have one; where programs have run, it keeps it under another name.
func (f folder) forget(ran bool) (err error) {
	record := filepath.Join(f.next(), "meta")
	if ran {
		err = os.Rename(record, f.ran())
	} else {
		err = os.Remove(record)
	}
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return err
}

// settle notes who has an address alone, has new times begin, and ends what the switch has left: mappings of subscribers that have moved, the
// generation old, which may be nil, and exits that were open because of it.
func (f folder) settle(old, live *generation, relaid []int) error {
	if old == nil {
		return live.noteAlone(nil)
	}
	err := old.detachAll(live)
	if err == nil {
		err = live.closeExits() // what is sent to them from now on is lost; who is killed behind the record of old leaves nothing to do but to remove the rest
	}
	if err == nil {
		err = live.evictMoved(old, relaid)
	}
	if err == nil {
		err = live.beginTimes()
	}
	if err == nil {
		err = live.noteAlone(old)
	}
	if err == nil {
		err = f.forget(false)
	}
	if err == nil {
		err = removeGeneration(f.next())
	}
	if err != nil {
		return fmt.Errorf("the change is in force, and applying it once more ends what is left of the old state: %w", err)
	}
	return nil
}

// recover finishes or undoes what a killed process has left, and returns the generation in force, nil where there is none.
func (f folder) recover(known *alloc.Plan, keys []alloc.Key) (*generation, error) {
	live, err := f.openLive(known, keys)
	if err != nil {
		return nil, err
	}
	next, err := openGeneration(f.next())
	switch {
	case errors.Is(err, fs.ErrNotExist):
		if err := f.clear(live, known, keys); err != nil {
			live.close()
			return nil, err
		}
		return live, nil
	case err != nil:
		live.close()
		return nil, err
	}
	defer next.close()
	if err := next.understand(known, keys); err != nil {
		live.close()
		return nil, err
	}
	if live != nil && next.record.Serial < live.record.Serial {
		return live, f.settle(next, live, live.allRows())
	}
	defer live.close()
	if err := next.endBefore(live); err != nil { // who was killed may not have come to it
		return nil, err
	}
	if err := f.switchTo(live, next); err != nil {
		return nil, err
	}
	if err := f.settle(live, next, next.allRows()); err != nil {
		return nil, err
	}
	return f.openLive(known, keys)
}

// clear removes what is left of a generation that is not whole, if there is one: the next one, or the one before live, which may be nil,
// and whose interfaces live has not may have been detached just now.
func (f folder) clear(live *generation, known *alloc.Plan, keys []alloc.Key) error {
	if _, err := os.Stat(f.next()); errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	r, err := readRecord(f.ran())
	if errors.Is(err, fs.ErrNotExist) {
		return f.takeBack(live, nil)
	}
	var ran *alloc.Plan
	if err == nil {
		ran, err = r.parse(known, keys)
	}
	if err != nil && live != nil {
		ran = live.plan // what it was cannot be told
	}
	return f.takeBack(live, ran)
}

// openLive opens the generation in force and its plan. It returns nil where there is none. One without its record is no generation: what
// runs of it cannot be told, nor replaced.
func (f folder) openLive(known *alloc.Plan, keys []alloc.Key) (*generation, error) {
	g, err := openGeneration(f.live())
	if errors.Is(err, fs.ErrNotExist) {
		return nil, f.checkDamage()
	}
	if err != nil {
		return nil, err
	}
	if g.record.Layout != layout {
		err = f.versionError(fmt.Sprintf("v%d", g.record.Layout))
	} else {
		err = g.understand(known, keys)
	}
	if err != nil {
		g.close()
		return nil, err
	}
	return g, nil
}

// checkDamage refuses a generation without a record. It looks at that last: an apply may have put a whole one there meanwhile.
func (f folder) checkDamage() error {
	if _, err := os.Stat(f.live()); errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	meta := filepath.Join(f.live(), "meta")
	if _, err := os.Stat(meta); errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("%w: its record %s is missing, and what else is pinned there cannot be told without it: remove the instance, "+
			"which ends its mappings, and apply the plan again", ErrDamaged, meta)
	}
	return nil
}

// tryRemove removes the folders of the instance that are empty.
func (f folder) tryRemove() {
	for _, path := range []string{f.version(), f.path, filepath.Dir(f.path)} {
		_ = os.Remove(path) // who has something is kept
	}
}
