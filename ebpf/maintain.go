package ebpf

import (
	"encoding/binary"
	"errors"
	"fmt"
	"maps"
	"net/netip"
	"slices"

	"github.com/cilium/ebpf"

	"github.com/cgnkit/cgnkit/alloc"
	"github.com/cgnkit/cgnkit/ebpf/internal/bpf"
)

// passed is what a program of ours returns that has done its work.
const passed = 2 // XDP_PASS

// minFrame is what the kernel wants at least.
const minFrame = 14

// ask runs a program with a question of its own instead of a packet, and reads the answer into it.
func ask[T any](p *ebpf.Program, question *T) error {
	in, err := binary.Append(make([]byte, 0, 64), binary.NativeEndian, question)
	if err != nil {
		return fmt.Errorf("ask %v: %w", p, err)
	}
	in = append(in, make([]byte, max(0, minFrame-len(in)))...)
	out := make([]byte, len(in)+256) // as much as the library asks for
	opts := ebpf.RunOptions{Data: in, DataOut: out}
	verdict, err := p.Run(&opts)
	if err != nil {
		return fmt.Errorf("ask %v: %w", p, permission(err))
	}
	if verdict != passed {
		return fmt.Errorf("ask %v: the tables contradict themselves", p)
	}
	_, err = binary.Decode(opts.DataOut, binary.NativeEndian, question)
	return err
}

// ownerOf returns who a slot says that it has: the inverse of cgn_owner_word. ok is false for a slot that is free, also where it waits.
func ownerOf(word uint64) (inside netip.AddrPort, ok bool) {
	return netip.AddrPortFrom(fromWire(uint32(word>>32)), fromWirePort(uint16(word>>16))), word>>16 != 0
}

func (g *generation) allRows() []int {
	rows := make([]int, len(g.tables.rows))
	for i := range rows {
		rows[i] = i
	}
	return rows
}

// evictMoved frees the slots of subscribers that have another share than under the plan of old, on addresses that stay, settles their
// peers, has the accounts of these rows counted, which say what the owner before had, and those of relaid ones, and has displaced say of nobody
// else where he is.
func (g *generation) evictMoved(old *generation, relaid []int) error {
	if err := g.awaitPrograms(); err != nil {
		return err
	}
	moved := g.movedRows(old)
	if err := g.evictRows(moved); err != nil {
		return err
	}
	if err := g.settlePeers(old); err != nil {
		return err
	}
	rows := slices.Concat(moved, relaid)
	slices.Sort(rows)
	if err := g.recount(slices.Compact(rows)); err != nil {
		return err
	}
	return g.forgetEnded()
}

// evictOthers frees the slots of whoever does not own the port, on all addresses, ends second mappings, has all counted, and notes anew who has an
// address alone. Programs of a plan that does not come into force have left that; g's own stands for one that is not known.
func (g *generation) evictOthers(other *alloc.Plan) error {
	if err := g.awaitPrograms(); err != nil {
		return err
	}
	if err := g.evictRows(g.allRows()); err != nil {
		return err
	}
	if err := g.endSeconds(other); err != nil {
		return err
	}
	if err := g.recount(g.allRows()); err != nil {
		return err
	}
	if err := g.noteAgain(); err != nil {
		return err
	}
	return g.forgetEnded()
}

// recount has the accounts of rows counted, and has displaced know all that are not at home: who was so by another plan may not be by this.
func (g *generation) recount(rows []int) error {
	if len(rows) == 0 {
		return nil
	}
	tidy, err := g.openProgram(bpf.CgnatProgCgnTidy)
	if err != nil {
		return err
	}
	defer tidy.Close()
	for _, row := range rows {
		c := cursor{row: row, last: row + 1, all: true}
		for c.row == row {
			if _, err := g.tidy(tidy, &c, tidySlots); err != nil {
				return err
			}
		}
	}
	return nil
}

// movedRows returns the rows on which a share has lost its subscriber.
func (g *generation) movedRows(old *generation) []int {
	at := g.rowsByAddress()
	moved := make(map[int]bool)
	for change := range alloc.DiffNAT44(old.plan, g.plan).Changes() {
		if row, ok := at[change.Old.Outside]; ok && change.Kind != alloc.Added {
			moved[row] = true
		}
	}
	return slices.Sorted(maps.Keys(moved))
}

// evictRows does that for some outside addresses.
func (g *generation) evictRows(rows []int) error {
	if len(rows) == 0 {
		return nil
	}
	evict, err := g.openProgram(bpf.CgnatProgCgnEvict)
	if err != nil {
		return err
	}
	defer evict.Close()
	for _, row := range rows {
		if err := g.evictRow(evict, row); err != nil {
			return err
		}
	}
	return nil
}

// evictRow frees the slots of one outside address whose owners do not own the port.
func (g *generation) evictRow(evict *ebpf.Program, row int) error {
	e := bpf.CgnatCgnEvicting{Row: uint32(row)}
	for e.At < uint32(tableSlots) {
		before := e.At
		if err := ask(evict, &e); err != nil {
			return err
		}
		if e.At == before {
			return fmt.Errorf("evict moved subscribers from %v: the slots end at %d", g.address(row), before)
		}
	}
	return nil
}

// awaitPrograms waits until every run of the programs that were replaced is over, so that none of them claims a port under the
// old plan afterwards. The kernel waits for them when a map of maps is changed.
func (g *generation) awaitPrograms() error {
	outer, err := g.openMap("maps", bpf.CgnatMapAccounts)
	if err != nil {
		return err
	}
	defer outer.Close()
	if len(g.tables.rows) == 0 {
		return nil
	}
	first, err := g.openMap("accounts", g.address(0))
	if err != nil {
		return err
	}
	defer first.Close()
	if err := outer.Put(uint32(0), first); err != nil {
		return fmt.Errorf("wait for the programs before: %w", err)
	}
	return nil
}

// tidySlots is how many slots are looked at in a run, which takes a fraction of a millisecond. Packets of this CPU wait.
const tidySlots = 16 << 10

// A cursor is where maintenance is.
type cursor struct {
	row, last int // rows end before last
	share     uint32
	all       bool // trust neither accounts, which may say that nothing is used, nor displaced
}

var errEnd = errors.New("the walk is over")

// tidy does one run of maintenance from a cursor on, at most to the end of its row, and moves the cursor.
func (g *generation) tidy(p *ebpf.Program, c *cursor, slots int) (t bpf.CgnatCgnTidying, err error) {
	if c.row >= c.last {
		return t, errEnd
	}
	until := g.ratio(c.row)
	t = bpf.CgnatCgnTidying{Row: uint32(c.row), Share: c.share, Until: until, Budget: uint32(slots)}
	if c.all {
		t.All = 1
	}
	if err := ask(p, &t); err != nil {
		return t, err
	}
	if t.Share == c.share {
		return t, fmt.Errorf("maintain %v: the accounts end at %d", g.address(c.row), t.Share)
	}
	if c.share = t.Share; c.share >= until {
		c.row, c.share = c.row+1, 0
	}
	return t, nil
}
