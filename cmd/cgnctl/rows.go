package main

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/cgnkit/cgnkit/alloc"
	"github.com/cgnkit/cgnkit/portset"
)

// rows writes one row per allocation. It is the hot path of allocate: rows are put together from pieces that stay the same
// for many rows. Because the share in a slot has the same ports on every address of a pool, the text of a slot is made once;
// the texts of all slots together are bounded by the text of all ports, whatever the number of subscribers. Lists of shares that
// have more slots than an address has ports make each text anew.
type rows struct {
	w      io.Writer
	format string
	buf    []byte // what is not written, and room behind it
	n      int    // how much of buf is filled
	count  uint64

	pool    *alloc.Pool
	start   []byte  // of a row: everything before the subscriber
	between []byte  // subscriber and outside
	ends    []piece // by slot: everything behind the outside address; nil for scheme random and for too many slots
	short   int     // ends[:short] are made and short
	width   int     // of the pool column of a table
	who     int     // of the subscriber column

	head    piece   // start and the first three octets of the subscriber
	network uint32  // the octets in head
	entered bool    // whether the pool is new and head is not made
	mid     piece   // between and the outside address
	outside [4]byte // the address in mid

	total    uint64 // rows to come, for progress; 0 = unknown
	progress progress
}

const flushAt = 1 << 16

func (e *env) newRows(format string) *rows {
	return &rows{w: e.stdout, format: format, buf: make([]byte, flushAt), progress: e.newProgress()}
}

// columns are the field names of a row.
var columns = []string{"pool", "subscriber", "outside", "ports"}

// header writes what comes before the rows. summary is the plan for format json.
func (r *rows) header(pools []string, summary []byte) error {
	r.width, r.who = len("POOL"), max(r.who, len("255.255.255.255"))
	for _, p := range pools {
		r.width = max(r.width, len(p))
	}
	switch r.format {
	case "csv":
		return r.append([]byte(strings.Join(columns, ",") + "\n"))
	case "json":
		return r.append(fmt.Appendf(nil, `{"plan":%s,"allocations":[`, summary))
	case "table":
		return r.append(fmt.Appendf(nil, "%-*s  %-*s  %-15s  %s\n", r.width, "POOL", r.who, "SUBSCRIBER", "OUTSIDE", "PORTS"))
	}
	return nil
}

// append writes any text.
func (r *rows) append(text []byte) error {
	if err := r.room(len(text)); err != nil {
		return err
	}
	r.n += copy(r.buf[r.n:], text)
	return nil
}

// room makes sure that n bytes fit behind what is filled.
func (r *rows) room(n int) error {
	if r.n+n <= len(r.buf) {
		return nil
	}
	if err := r.flush(); err != nil {
		return err
	}
	if n > len(r.buf) {
		r.buf = make([]byte, n)
	}
	return nil
}

// run writes a run of allocations.
func (r *rows) run(run alloc.Run) error {
	for k := 0; k < run.Len; {
		n, err := r.batch(run, k)
		if n == 0 && err == nil {
			n, err = 1, r.row(run.At(k))
		}
		if err != nil {
			return err
		}
		k += n
	}
	return nil
}

// row writes one allocation.
func (r *rows) row(a alloc.Allocation) error {
	if r.pool != a.Pool() {
		r.enter(a.Pool())
	}
	if r.format == "table" {
		r.count++
		return r.append(r.tableRow(a))
	}
	inside := r.aim(a)
	end := r.end(a)
	if err := r.room(r.head.size() + r.mid.size() + end.size() + pieceLen); err != nil {
		return err
	}
	from := r.n
	b := r.buf[r.n:]
	n := r.head.put(b)
	o := &octets[byte(inside)]
	n += copy(b[n:], o.text[:o.n])
	n += r.mid.put(b[n:])
	r.n += n + end.put(b[n:])
	if r.count == 0 && r.format == "json" { // every row of json starts with a comma, and the first must not
		r.n = from + copy(b, b[1:r.n-from])
	}
	r.count++
	return nil
}

// batch writes the allocations of a run from the k-th on: as many as share head and mid, and fit into the buffer. It returns
// how many it wrote; 0 when the next one needs row.
func (r *rows) batch(run alloc.Run, k int) (int, error) {
	a := run.At(k)
	if r.pool != a.Pool() || r.short <= a.Slot() {
		return 0, nil
	}
	first := r.aim(a)
	if r.head.n == 0 {
		return 0, nil
	}
	ends := r.ends[a.Slot():r.short]
	ends = ends[:min(run.Len-k, len(ends), 256-int(byte(first)), maxBatch)]
	if err := r.room(len(ends) * 4 * pieceLen); err != nil {
		return 0, err
	}
	r.n = putRows(r.buf, r.n, &r.head, &r.mid, ends, byte(first))
	r.count += uint64(len(ends))
	return len(ends), nil
}

// maxBatch is the number of rows that batch writes at once: as many as surely fit into the buffer.
const maxBatch = flushAt / (4 * pieceLen)

// aim makes head and mid those of an allocation and returns its inside address.
func (r *rows) aim(a alloc.Allocation) uint32 {
	b4 := a.Inside().As4()
	inside := binary.BigEndian.Uint32(b4[:])
	if inside>>8 != r.network || r.entered {
		r.network, r.entered = inside>>8, false
		text := appendAddr(slices.Clone(r.start), b4)
		r.head = pieceOf(text[:bytes.LastIndexByte(text, '.')+1])
	}
	if b4 = a.Outside().As4(); b4 != r.outside {
		r.outside = b4
		r.mid.n = len(appendAddr(append(r.mid.short[:0], r.between...), b4)) // at most 30 bytes
	}
	return inside
}

// tableRow returns one allocation for people, in columns.
func (r *rows) tableRow(a alloc.Allocation) []byte {
	return fmt.Appendf(nil, "%-*s  %-*s  %-15s  %s\n", r.width, r.pool.Name(), r.who, a.Subscriber().Text(), a.Outside(), shortPorts(a.Ports()))
}

// enter prepares the fixed parts of the rows of a pool.
func (r *rows) enter(p *alloc.Pool) {
	r.pool = p
	r.entered, r.outside, r.ends, r.short = true, [4]byte{}, nil, 0
	if p.Scheme() != alloc.Random && p.Slots() <= portset.PortCount {
		r.ends = make([]piece, p.Slots())
	}
	switch r.format {
	case "csv":
		r.start, r.between = []byte(p.Name()+","), []byte(",")
	case "json":
		r.start, r.between = []byte(",\n"+`{"pool":"`+p.Name()+`","subscriber":"`), []byte(`","outside":"`)
	case "ndjson":
		r.start, r.between = []byte(`{"pool":"`+p.Name()+`","subscriber":"`), []byte(`","outside":"`)
	}
}

// end returns what comes behind the outside address. It makes the text of a slot when the slot comes first.
func (r *rows) end(a alloc.Allocation) *piece {
	if r.ends == nil {
		p := pieceOf(r.endOf(a.Ports()))
		return &p
	}
	p := &r.ends[a.Slot()]
	if p.n == 0 && p.long == nil {
		*p = pieceOf(r.endOf(a.Ports()))
		if r.short == a.Slot() && p.n > 0 {
			r.short++
		}
	}
	return p
}

func (r *rows) endOf(ports portset.Set) []byte {
	text := ports.String()
	switch r.format {
	case "csv":
		if strings.Contains(text, ",") {
			text = `"` + text + `"`
		}
		return []byte("," + text + "\n")
	case "json":
		return []byte(`","ports":"` + text + `"}`)
	case "ndjson":
		return []byte(`","ports":"` + text + "\"}\n")
	}
	return nil
}

// finish writes what comes after the rows.
func (r *rows) finish() error {
	if r.format == "json" {
		if err := r.append([]byte("\n]}\n")); err != nil {
			return err
		}
	}
	return r.flush()
}

func (r *rows) flush() error {
	if _, err := r.w.Write(r.buf[:r.n]); err != nil {
		return writeFault(err)
	}
	r.n = 0
	r.progress.at(r.count, r.total)
	return nil
}
