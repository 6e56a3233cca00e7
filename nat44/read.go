//go:build linux

package nat44

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"

	"golang.org/x/sys/unix"
)

// maxReadAhead is how many elements one request asks for. The answers must fit the socket's receive buffer, so it is less where
// that could not be enlarged.
const maxReadAhead = 1000

// A reader asks the kernel for elements one by one by key. Dumping a set is no alternative: every 32 KiB of a dump make the
// kernel walk the set from its start again, so the time grows with the square of the set.
type reader struct {
	sock       *socket
	table, set string
	// found is called for every key in order, with nil where the kernel has no such element.
	found func(element, *kernelElement) error

	wire     wire
	requests []byte // encoded keys of what is pending
	ends     []int  // where each ends
	pending  []element
	chunk    int
	ahead    int
}

func newReader(sock *socket, table, set string, found func(element, *kernelElement) error) *reader {
	return &reader{sock: sock, table: table, set: set, found: found, chunk: sock.ahead, ahead: sock.ahead}
}

// ask queues the key that write appends.
func (r *reader) ask(e element, write func(w *wire)) error {
	w := wire{buf: r.requests}
	write(&w)
	r.requests = w.buf
	return r.queued(e)
}

// askElement queues the key of an element of a map.
func (r *reader) askElement(kind mapKind, e element) error {
	w := wire{buf: r.requests}
	w.element(kind, e, false)
	r.requests = w.buf
	return r.queued(e)
}

func (r *reader) queued(e element) error {
	r.ends = append(r.ends, len(r.requests))
	r.pending = append(r.pending, e)
	if len(r.pending) == r.ahead {
		return r.flush()
	}
	return nil
}

// flush reads everything that is pending. The kernel stops at the first key that it does not have; what comes behind is asked
// for again. After a miss the next request is small, because misses come in stretches.
func (r *reader) flush() error {
	for at := 0; at < len(r.pending); {
		n := min(r.chunk, len(r.pending)-at)
		got, missing, err := r.request(at, n)
		if err != nil {
			return err
		}
		at += got
		if missing {
			if err := r.found(r.pending[at], nil); err != nil {
				return err
			}
			at++
			r.chunk = max(1, r.chunk/4)
		} else {
			r.chunk = min(r.ahead, r.chunk*4)
		}
	}
	r.requests, r.ends, r.pending = r.requests[:0], r.ends[:0], r.pending[:0]
	return nil
}

// request asks for n elements from number at on, and returns how many came before one was missing.
func (r *reader) request(at, n int) (got int, missing bool, err error) {
	from := 0
	if at > 0 {
		from = r.ends[at-1]
	}
	r.wire.reset()
	r.wire.beginElements(unix.NFT_MSG_GETSETELEM, unix.NLM_F_ACK, r.table, r.set)
	r.wire.buf = append(r.wire.buf, r.requests[from:r.ends[at+n-1]]...)
	r.wire.endElements()
	if err := r.sock.send(&r.wire); err != nil {
		return 0, false, r.blame(at, n, err)
	}
	err = r.sock.receive(func(kind uint16, seq uint32, payload []byte) error {
		switch {
		case seq != r.wire.seq:
			return nil // an answer to something older
		case kind == unix.NLMSG_ERROR:
			a, err := answer(seq, payload)
			if err != nil {
				return err
			}
			switch a.errno {
			case 0:
				return errDone
			case unix.ENOENT:
				missing = true
				return errDone
			}
			return &KernelError{Op: "read elements of " + r.set, Errno: a.errno, Text: a.text}
		case kind == unix.NFNL_SUBSYS_NFTABLES<<8|unix.NFT_MSG_NEWSETELEM:
			return elementsOf(payload, func(e kernelElement) error {
				if got == n {
					return fmt.Errorf("read %s: more answers than questions", r.set)
				}
				err := r.found(r.pending[at+got], &e)
				got++
				return err
			})
		}
		return nil
	})
	if err == nil && !missing && got != n {
		err = fmt.Errorf("%d answers to %d questions", got, n)
	}
	if missing && got == n {
		err = unix.ENOENT // the set itself is gone
	}
	if err != nil {
		err = r.blame(at, n, err)
	}
	return got, missing, err
}

// blame says which operation failed, and whom it concerns.
func (r *reader) blame(at, n int, err error) error {
	e := &KernelError{Op: "read elements of " + r.set}
	if known, ok := errors.AsType[*KernelError](err); ok {
		e = known
	} else if !errors.As(err, &e.Errno) {
		return fmt.Errorf("%s: %w", e.Op, err)
	}
	if first := r.pending[at]; first.IsValid() {
		e.First, e.Last = first.Inside().String(), r.pending[at+n-1].Inside().String()
	}
	return e
}

// dump calls yield with every element of a set, whose slices are only valid during the call. Before, and whenever it has to begin
// anew because the ruleset changed, it calls begin. Its time grows with the square of the elements: about 0.3 s for 100,000.
func (s *socket) dump(table, set string, begin func(), yield func(kernelElement) error) error {
	for range 10 {
		begin()
		interrupted, err := s.dumpOnce(table, set, yield)
		if err != nil || !interrupted {
			return err
		}
	}
	return fmt.Errorf("list %s: %w: the ruleset keeps changing", set, unix.EINTR)
}

func (s *socket) dumpOnce(table, set string, yield func(kernelElement) error) (interrupted bool, err error) {
	var w wire
	w.seq = dumpSeq
	w.beginNft(unix.NFT_MSG_GETSETELEM, unix.NLM_F_DUMP)
	w.name(unix.NFTA_SET_ELEM_LIST_TABLE, table)
	w.name(unix.NFTA_SET_ELEM_LIST_SET, set)
	w.end()
	if err := s.send(&w); err != nil {
		return false, fmt.Errorf("list %s: %w", set, err)
	}
	s.interrupted = false
	err = s.receive(func(kind uint16, seq uint32, payload []byte) error {
		if seq != w.seq {
			return nil
		}
		switch kind {
		case unix.NLMSG_DONE:
			return errDone
		case unix.NLMSG_ERROR:
			a, err := answer(seq, payload)
			if err == nil {
				err = &KernelError{Op: "list " + set, Errno: a.errno, Text: a.text}
			}
			return err
		}
		return elementsOf(payload, yield)
	})
	return s.interrupted, err
}

// dumpSeq keeps answers to dumps apart from answers to requests.
const dumpSeq = 1 << 30

// countUnknown says that the kernel does not tell how many elements a set has.
const countUnknown = ^uint64(0)

// count returns the number of elements of a set, or countUnknown on kernels before 6.16.
func (s *socket) count(table, set string) (uint64, error) {
	var w wire
	w.seq = dumpSeq * 2
	w.beginNft(unix.NFT_MSG_GETSET, unix.NLM_F_ACK)
	w.name(unix.NFTA_SET_TABLE, table)
	w.name(unix.NFTA_SET_NAME, set)
	w.end()
	if err := s.send(&w); err != nil {
		return 0, fmt.Errorf("count %s: %w", set, err)
	}
	n := countUnknown
	err := s.receive(func(kind uint16, seq uint32, payload []byte) error {
		if seq != w.seq {
			return nil
		}
		if kind == unix.NLMSG_ERROR {
			a, err := answer(seq, payload)
			if err == nil && a.errno != 0 {
				err = &KernelError{Op: "count elements of " + set, Errno: a.errno, Text: a.text}
			}
			if err == nil {
				err = errDone
			}
			return err
		}
		if len(payload) < nfHeaderLen {
			return errTruncated
		}
		return attributes(payload[nfHeaderLen:], func(kind uint16, value []byte) error {
			if kind == attrSetCount && len(value) == 4 && !s.uncounted {
				n = uint64(binary.BigEndian.Uint32(value))
			}
			return nil
		})
	})
	return n, err
}

// A generation id counts the transactions of nf_tables in a namespace.
type generationID struct {
	id      uint32
	pid     uint32 // of who made the last one
	program string
}

// generation reads the present generation id.
func (s *socket) generation() (g generationID, err error) {
	var w wire
	w.seq = dumpSeq*2 + 1
	w.beginNft(unix.NFT_MSG_GETGEN, 0)
	w.end()
	const op = "read the generation id"
	if err := s.send(&w); err != nil {
		return g, fmt.Errorf("%s: %w", op, err)
	}
	err = s.receive(func(kind uint16, seq uint32, payload []byte) error {
		if seq != w.seq {
			return nil
		}
		if kind == unix.NLMSG_ERROR {
			a, err := answer(seq, payload)
			if err == nil {
				err = &KernelError{Op: op, Errno: a.errno, Text: a.text}
			}
			return err
		}
		if len(payload) < nfHeaderLen {
			return errTruncated
		}
		err := attributes(payload[nfHeaderLen:], func(kind uint16, value []byte) error {
			switch {
			case kind == unix.NFTA_GEN_ID && len(value) == 4:
				g.id = binary.BigEndian.Uint32(value)
			case kind == unix.NFTA_GEN_PROC_PID && len(value) == 4:
				g.pid = binary.BigEndian.Uint32(value)
			case kind == unix.NFTA_GEN_PROC_NAME:
				g.program = string(bytes.TrimRight(value, "\x00"))
			}
			return nil
		})
		if err == nil {
			err = errDone
		}
		return err
	})
	return g, err
}

// hasCatchAll reports whether a set has the element that answers for every key that is not in it. No ruleset has one.
func (s *socket) hasCatchAll(table, set string) (found bool, err error) {
	var w wire
	w.seq = dumpSeq*2 + 2
	w.beginElements(unix.NFT_MSG_GETSETELEM, unix.NLM_F_ACK, table, set)
	w.header(attrHeader+8, attrElement|nested)
	w.uint32(unix.NFTA_SET_ELEM_FLAGS, catchAll)
	w.endElements()
	if err := s.send(&w); err != nil {
		return false, fmt.Errorf("read %s: %w", set, err)
	}
	err = s.receive(func(kind uint16, seq uint32, payload []byte) error {
		if seq != w.seq {
			return nil
		}
		if kind != unix.NLMSG_ERROR {
			found = true
			return nil
		}
		a, err := answer(seq, payload)
		if err == nil && a.errno != 0 && a.errno != unix.ENOENT {
			err = &KernelError{Op: "read " + set, Errno: a.errno, Text: a.text}
		}
		if err == nil {
			err = errDone
		}
		return err
	})
	return found, err
}

// catchAll is NFT_SET_ELEM_CATCHALL.
const catchAll = 2

// isMissing reports whether the kernel says that something does not exist.
func isMissing(err error) bool { return errors.Is(err, unix.ENOENT) }
