//go:build linux

package nat44

import (
	"errors"
	"fmt"
	"net/netip"

	"golang.org/x/sys/unix"

	"github.com/cgnkit/cgnkit/alloc"
)

// batchBytes bounds a batch of elements, and with it the memory of an apply, here and in the kernel. Larger ones are slower,
// because they fall out of the caches: 8 MiB took a quarter longer.
const batchBytes = 2 << 20

// frame is what a batch has around the elements of one more message: headers, the names of table and set, and its end.
const frame = 256

// A bulk sends elements in batches, each a transaction of its own. Its memory is one batch.
type bulk struct {
	sock  *socket
	table string
	set   string
	wire  wire
	parts []bulkPart // the messages of the batch under construction
	sent  uint64
}

// A bulkPart is whom one message of a batch concerns.
type bulkPart struct {
	seq         uint32
	first, last netip.Addr
	op, set     string
}

// add appends an element to the batch, in a new message or a new batch where the present one is full.
func (b *bulk) add(first netip.Addr, size int, write func(*wire)) error {
	if len(b.parts) > 0 && b.wire.full(size) {
		b.wire.endElements()
		if len(b.wire.buf)+maxElementList+frame > min(batchBytes, b.sock.room) {
			if err := b.flush(); err != nil {
				return err
			}
		} else {
			b.message(first)
		}
	}
	if len(b.parts) == 0 {
		b.wire.reset()
		b.wire.beginBatch(0)
		b.message(first)
	}
	write(&b.wire)
	b.parts[len(b.parts)-1].last = first
	b.sent++
	return nil
}

func (b *bulk) message(first netip.Addr) {
	b.wire.beginElements(unix.NFT_MSG_NEWSETELEM, unix.NLM_F_CREATE|unix.NLM_F_EXCL, b.table, b.set)
	b.parts = append(b.parts, bulkPart{seq: b.wire.seq, first: first, op: "add", set: b.set})
}

// finish sends what is left.
func (b *bulk) finish() error {
	if len(b.parts) == 0 {
		return nil
	}
	b.wire.endElements()
	return b.flush()
}

// flush sends the batch, whose last message has ended.
func (b *bulk) flush() error {
	b.wire.ack()
	last := b.wire.seq
	b.wire.endBatch()
	refused, err := b.sock.commit(&b.wire, last)
	if err != nil {
		return b.failed(err)
	}
	parts := b.parts
	b.parts = b.parts[:0]
	if refused != nil {
		return blame(refused, parts)
	}
	return nil
}

// failed says whom a batch concerns that could not be sent or was not answered.
func (b *bulk) failed(err error) error {
	errno, ok := errors.AsType[unix.Errno](err)
	if !ok || len(b.parts) == 0 {
		return fmt.Errorf("add elements of %s: %w", b.set, err)
	}
	last := b.parts[len(b.parts)-1].last
	return &KernelError{Op: "add elements of " + b.set, First: b.parts[0].first.String(), Last: last.String(), Errno: errno}
}

// blame turns a refusal into an error that names the operation and the subscribers.
func blame(r *refusal, parts []bulkPart) error {
	e := &KernelError{Op: "commit", Errno: r.errno, Text: r.text}
	for _, p := range parts {
		if p.seq == r.seq {
			e.Op = fmt.Sprintf("%s elements of %s", p.op, p.set)
			if p.first.IsValid() {
				e.First, e.Last = p.first.String(), p.last.String()
			}
		}
	}
	return e
}

// fillMap loads all elements of a map into the set that is called name.
func (k *Kernel) fillMap(table, name string, m *shareMap) error {
	b := &bulk{sock: k.sock, table: table, set: name, wire: k.wire}
	size := m.kind.sizeOf(true)
	var failed error
	m.each(func(e element) bool {
		failed = b.add(e.Inside(), size, func(w *wire) { w.element(m.kind, e, true) })
		if b.sent%progressEvery == 0 {
			k.progress("elements sent", b.sent, m.elements)
		}
		return failed == nil
	})
	if failed == nil {
		failed = b.finish()
	}
	k.wire = b.wire
	if failed != nil {
		return failed
	}
	return k.counted(table, name, b.sent)
}

// counted checks that the kernel has as many elements as were sent: success alone is not proof of it.
func (k *Kernel) counted(table, name string, sent uint64) error {
	n, err := k.sock.count(table, name)
	if err != nil {
		return err
	}
	if n != countUnknown && n != sent {
		return fmt.Errorf("%w: sent %d elements to %s, and the kernel has %d", ErrMiscount, sent, name, n)
	}
	return nil
}

// ErrMiscount says that the kernel took elements without an error and does not have them all.
var ErrMiscount = errors.New("elements were lost")

// fillRanges loads an interval set.
func (k *Kernel) fillRanges(table, name string, ranges []alloc.AddrRange) error {
	b := &bulk{sock: k.sock, table: table, set: name, wire: k.wire}
	var failed error
	bounds(ranges, func(addr [4]byte, end bool) bool {
		failed = b.add(netip.AddrFrom4(addr), endLen, func(w *wire) { w.bound(addr, end) })
		return failed == nil
	})
	if failed == nil {
		failed = b.finish()
	}
	k.wire = b.wire
	return failed
}
