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
// the texts of all slots together are bounded by the text of all ports, whatever the number of subscribers.
type rows struct {
	w      io.Writer
	format string
	buf    []byte // what is not written, and room behind it
	n      int    // how much of buf is filled
	count  uint64

	pool    *alloc.Pool
	start   []byte  // of a row: everything before the subscriber
	between []byte  // subscriber and outside
	ends    []piece // by slot: everything behind the outside address; nil for scheme random
	width   int     // of the pool column of a table

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
	r.width = len("POOL")
	for _, p := range pools {
		r.width = max(r.width, len(p))
	}
	switch r.format {
	case "csv":
		return r.append([]byte(strings.Join(columns, ",") + "\n"))
	case "json":
		return r.append(fmt.Appendf(nil, `{"plan":%s,"allocations":[`, summary))
	case "table":
		return r.append(fmt.Appendf(nil, "%-*s  %-15s  %-15s  %s\n", r.width, "POOL", "SUBSCRIBER", "OUTSIDE", "PORTS"))
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

// row writes one allocation.
func (r *rows) row(a alloc.Allocation) error {
	if r.pool != a.Pool() {
		r.enter(a.Pool())
	}
	r.count++
	if r.format == "table" {
		return r.tableRow(a)
	}
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
	end := r.end(a)
	if r.format == "json" && r.count > 1 {
		if err := r.append([]byte(",")); err != nil {
			return err
		}
	}
	if err := r.room(r.head.size() + r.mid.size() + end.size() + 4); err != nil {
		return err
	}
	b := r.buf[r.n:]
	n := r.head.put(b)
	o := &octets[byte(inside)]
	*(*[3]byte)(b[n:]) = o.text
	n += int(o.n)
	n += r.mid.put(b[n:])
	n += end.put(b[n:])
	r.n += n
	return nil
}

// tableRow writes one allocation for people, in columns.
func (r *rows) tableRow(a alloc.Allocation) error {
	text := fmt.Appendf(nil, "%-*s  %-15s  %-15s  %s\n", r.width, r.pool.Name(), a.Subscriber().Addr(), a.Outside(), shortPorts(a.Ports()))
	return r.append(text)
}

// enter prepares the fixed parts of the rows of a pool.
func (r *rows) enter(p *alloc.Pool) {
	r.pool = p
	r.entered, r.outside, r.ends = true, [4]byte{}, nil
	if p.Scheme() != alloc.Random {
		r.ends = make([]piece, p.SharingRatio())
	}
	switch r.format {
	case "csv":
		r.start, r.between = []byte(p.Name()+","), []byte(",")
	case "json":
		r.start, r.between = []byte("\n"+`{"pool":"`+p.Name()+`","subscriber":"`), []byte(`","outside":"`)
	case "ndjson":
		r.start, r.between = []byte(`{"pool":"`+p.Name()+`","subscriber":"`), []byte(`","outside":"`)
	}
}

// end returns what comes behind the outside address.
func (r *rows) end(a alloc.Allocation) *piece {
	if r.ends == nil {
		p := pieceOf(r.endOf(a.Ports()))
		return &p
	}
	p := &r.ends[a.Slot()]
	if p.n == 0 && p.long == nil {
		*p = pieceOf(r.endOf(a.Ports()))
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
