//go:build linux

package nat44

import (
	"encoding/binary"
	"errors"
	"fmt"
	"net/netip"
	"slices"

	"golang.org/x/sys/unix"

	"github.com/cgnkit/cgnkit/alloc"
)

// The part of ctnetlink (include/uapi/linux/netfilter/nfnetlink_conntrack.h) that finds and deletes flows. Flows are read one by
// one and not kept, because a busy box has millions.
const (
	ctGet    = unix.NFNL_SUBSYS_CTNETLINK<<8 | 1 // IPCTNL_MSG_CT_GET
	ctDelete = unix.NFNL_SUBSYS_CTNETLINK<<8 | 2

	ctTupleOrig  = 1 // CTA_TUPLE_ORIG
	ctTupleReply = 2
	ctID         = 12
	ctZone       = 18
	ctFilter     = 25 // CTA_FILTER
	ctFilterOrig = 1  // CTA_FILTER_ORIG_FLAGS
	filterSource = 1  // CTA_FILTER_F_CTA_IP_SRC

	ctTupleIP    = 1 // CTA_TUPLE_IP
	ctTupleProto = 2
	ctSource     = 1 // CTA_IP_V4_SRC
	ctDest       = 2
	ctProtoNum   = 1 // CTA_PROTO_NUM
	ctSourcePort = 2
	ctDestPort   = 3
	ctICMPID     = 4
)

// A tuple is one direction of a flow. For icmp, id stands for both ports.
type tuple struct {
	src, dst         netip.Addr
	proto            byte
	srcPort, dstPort uint16
}

// A flow is a conntrack entry.
type flow struct {
	orig, reply tuple
	zone        uint16 // 0 but where an operator keeps flows apart
}

func parseTuple(b []byte) (t tuple, err error) {
	err = attributes(b, func(kind uint16, value []byte) error {
		switch kind {
		case ctTupleIP:
			return attributes(value, func(kind uint16, value []byte) error {
				a, ok := netip.AddrFromSlice(value)
				if !ok {
					return errTruncated
				}
				switch kind {
				case ctSource:
					t.src = a
				case ctDest:
					t.dst = a
				}
				return nil
			})
		case ctTupleProto:
			return attributes(value, t.protocolField)
		}
		return nil
	})
	return t, err
}

func (t *tuple) protocolField(kind uint16, value []byte) error {
	switch {
	case kind == ctProtoNum && len(value) >= 1:
		t.proto = value[0]
	case len(value) < 2:
	case kind == ctSourcePort:
		t.srcPort = binary.BigEndian.Uint16(value)
	case kind == ctDestPort:
		t.dstPort = binary.BigEndian.Uint16(value)
	case kind == ctICMPID:
		t.srcPort = binary.BigEndian.Uint16(value)
		t.dstPort = t.srcPort
	}
	return nil
}

// parseFlow reads a conntrack message.
func parseFlow(payload []byte) (f flow, err error) {
	if len(payload) < nfHeaderLen {
		return f, errTruncated
	}
	b := payload[nfHeaderLen:]
	err = attributes(b, func(kind uint16, value []byte) (err error) {
		switch kind {
		case ctTupleOrig:
			f.orig, err = parseTuple(value)
		case ctTupleReply:
			f.reply, err = parseTuple(value)
		case ctZone:
			if len(value) == 2 {
				f.zone = binary.BigEndian.Uint16(value)
			}
		}
		return err
	})
	return f, err
}

// flows calls yield with every IPv4 flow of the namespace.
func (s *socket) flows(yield func(payload []byte, f flow) error) error {
	return s.flowsOf(netip.Addr{}, yield)
}

// flowsOf has the kernel leave out flows of other sources. Kernels before 5.8 send all.
func (s *socket) flowsOf(source netip.Addr, yield func(payload []byte, f flow) error) error {
	var w wire
	w.seq = dumpSeq + 1
	w.begin(ctGet, unix.NLM_F_REQUEST|unix.NLM_F_DUMP, unix.AF_INET, 0)
	if source.IsValid() {
		a := source.As4()
		w.header(attrHeader+attrHeader+attrHeader+len(a), ctTupleOrig|nested)
		w.header(attrHeader+attrHeader+len(a), ctTupleIP|nested)
		w.raw(ctSource, a[:])
		w.header(attrHeader+attrHeader+4, ctFilter|nested)
		w.header(attrHeader+4, ctFilterOrig)
		w.buf = binary.NativeEndian.AppendUint32(w.buf, filterSource)
	}
	w.end()
	if err := s.send(&w); err != nil {
		return err
	}
	return s.receive(func(kind uint16, seq uint32, payload []byte) error {
		switch {
		case seq != w.seq:
			return nil
		case kind == unix.NLMSG_DONE:
			return errDone
		case kind == unix.NLMSG_ERROR:
			a, err := answer(seq, payload)
			if err == nil {
				err = a.errno
			}
			return err
		}
		f, err := parseFlow(payload)
		if err != nil {
			return err
		}
		return yield(payload, f)
	})
}

// forget deletes the flows that stale picks, and returns how many there were.
func (s *socket) forget(stale func(flow) bool) (deleted int, err error) {
	var w wire
	n := 0
	err = s.flows(func(payload []byte, f flow) error {
		if !stale(f) {
			return nil
		}
		n++
		w.begin(ctDelete, unix.NLM_F_REQUEST|unix.NLM_F_ACK, unix.AF_INET, 0)
		err := attributes(payload[nfHeaderLen:], func(kind uint16, value []byte) error {
			switch kind {
			case ctTupleOrig:
				w.raw(kind|nested, value)
			case ctZone, ctID:
				w.raw(kind, value)
			}
			return nil
		})
		w.end()
		return err
	})
	if err != nil {
		return 0, fmt.Errorf("list flows: %w", err)
	}
	return s.deleteFlows(&w, n)
}

// deleteFlows sends the n messages in w, some at a time, so that the answers fit the receive buffer.
func (s *socket) deleteFlows(w *wire, n int) (deleted int, err error) {
	const atOnce = 256
	for b := w.buf; n > 0; {
		count, end := 0, 0
		for count < min(atOnce, n) {
			end += (int(binary.NativeEndian.Uint32(b[end:])) + 3) &^ 3
			count++
		}
		if err := s.send(&wire{buf: b[:end]}); err != nil {
			return deleted, fmt.Errorf("delete flows: %w", err)
		}
		b, n = b[end:], n-count
		var refused error
		err := s.receive(func(kind uint16, seq uint32, payload []byte) error {
			if kind != unix.NLMSG_ERROR || seq > dumpSeq {
				return nil
			}
			a, err := answer(seq, payload)
			switch {
			case err != nil:
				return err
			case a.errno == 0:
				deleted++
			case a.errno != unix.ENOENT: // it ended by itself
				refused = &KernelError{Op: "delete a flow", Errno: a.errno, Text: a.text}
			}
			if count--; count == 0 {
				return errDone
			}
			return nil
		})
		if err = errors.Join(err, refused); err != nil {
			return deleted, fmt.Errorf("delete flows: %w", err)
		}
	}
	return deleted, nil
}

// A staleness tells which flows contradict a ruleset that has just come into force.
type staleness struct {
	rs      *Ruleset
	outside []alloc.AddrRange // of this ruleset and of those before, merged
	others  []alloc.AddrRange // outside addresses of other instances, merged; for leftover only
	plans   []*alloc.Plan     // that may have given ports; for leftover only
	local   map[netip.Addr]bool
}

// stale reports whether a flow has an outside endpoint that its subscriber does not own: it was made by a plan before, and would
// now be taken for somebody else's. Flows that follow the plan stay, and so do flows that are none of ours.
func (s *staleness) stale(f flow) bool {
	inside, outside := f.orig.src, f.reply.dst
	switch {
	case f.zone != 0:
		return false // our rules are not in a zone
	case inside == outside:
		// Untranslated, from before there was a plan or while its destination was exempt. The guard drops its packets, and they
		// keep the entry alive: without it the next packet is translated.
		return contains(s.rs.inside, inside) && !contains(s.rs.inside, f.orig.dst) && !s.local[f.orig.dst] && !s.rs.exempts(f.orig)
	case !contains(s.outside, outside):
		return false // another NAT's
	}
	a, ok := s.rs.lookup(inside)
	switch {
	case !ok || a.Outside() != outside:
		return true
	case f.orig.proto == tcp || f.orig.proto == udp || f.orig.proto == icmp:
		return !a.Ports().Contains(f.reply.dstPort)
	}
	return !a.Alone()
}

// exempts reports whether traffic to where t goes is not translated.
func (rs *Ruleset) exempts(t tuple) bool {
	if contains(rs.exempt, t.dst) {
		return true
	}
	for _, d := range rs.services {
		ports, _ := d.Ports()
		if d.Addrs().Contains(t.dst) && !contains(rs.outside, t.dst) && ports.Contains(t.dstPort) && (t.proto == udp) == (d.Protocol() == alloc.UDP) && (t.proto == tcp) == (d.Protocol() == alloc.TCP) {
			return true
		}
	}
	return false
}

// contains reports whether sorted, disjoint ranges hold an address.
func contains(ranges []alloc.AddrRange, a netip.Addr) bool {
	_, found := slices.BinarySearchFunc(ranges, a, func(r alloc.AddrRange, a netip.Addr) int {
		switch {
		case r.Contains(a):
			return 0
		case r.Last().Less(a):
			return -1
		}
		return 1
	})
	return found
}

// localAddrs returns the addresses of the box itself.
func (k *Kernel) localAddrs() (map[netip.Addr]bool, error) {
	list, err := k.routes.AddrList(nil, unix.AF_INET)
	if err != nil {
		return nil, fmt.Errorf("list addresses: %w", err)
	}
	out := map[netip.Addr]bool{}
	for _, a := range list {
		if ip, ok := netip.AddrFromSlice(a.IP.To4()); ok {
			out[ip] = true
		}
	}
	return out, nil
}
