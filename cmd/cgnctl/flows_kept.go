package main

import (
	"bytes"
	"cmp"
	"iter"
	"net/netip"
	"slices"
	"time"

	"github.com/cgnkit/cgnkit/alloc/flowlog"
)

// keptFlows are flows to one destination address, packed: without pointers and in half the room of a flowlog.Flow, because there can be
// millions. Joining needs the records of a flow together, and logs have them apart.
type keptFlows struct {
	records []keptFlow
}

// A keptFlow is a flowlog.Flow but for its line, in place of which it has its number among all that were kept.
type keptFlow struct {
	fromSecond, toSecond   int64
	before, after, span    time.Duration
	fromNano, toNano       int32
	number                 uint32
	source, outside        [16]byte
	fromPort, toPort, port uint16 // of source, destination and outside
	protocol, flags        uint8
}

// The flags of a keptFlow.
const (
	isEarlier = 1 << iota
	isLater
	isVague
	hasOutside
)

func (k *keptFlows) add(f flowlog.Flow) {
	r := keptFlow{
		fromSecond: f.From.Unix(), toSecond: f.To.Unix(), fromNano: int32(f.From.Nanosecond()), toNano: int32(f.To.Nanosecond()),
		before: f.Before, after: f.After, span: f.Span, number: uint32(len(k.records)),
		source: f.Source.Addr().As16(), fromPort: f.Source.Port(), toPort: f.Destination.Port(), protocol: f.Protocol,
		flags: flagIf(f.Earlier, isEarlier) | flagIf(f.Later, isLater) | flagIf(f.Vague, isVague) | flagIf(f.Outside.IsValid(), hasOutside),
	}
	if f.Outside.IsValid() {
		r.outside, r.port = f.Outside.Addr().As16(), f.Outside.Port()
	}
	k.records = append(k.records, r)
}

func flagIf(set bool, flag uint8) uint8 {
	if set {
		return flag
	}
	return 0
}

// flow returns the flow to the address.
func (r *keptFlow) flow(to netip.Addr) flowlog.Flow {
	f := flowlog.Flow{
		From: time.Unix(r.fromSecond, int64(r.fromNano)), To: time.Unix(r.toSecond, int64(r.toNano)), Before: r.before, After: r.after, Span: r.span,
		Earlier: r.flags&isEarlier != 0, Later: r.flags&isLater != 0, Vague: r.flags&isVague != 0,
		Source: endpointOf(r.source, r.fromPort), Destination: netip.AddrPortFrom(to, r.toPort), Protocol: r.protocol, Line: int(r.number),
	}
	if r.flags&hasOutside != 0 {
		f.Outside = endpointOf(r.outside, r.port)
	}
	return f
}

func endpointOf(addr [16]byte, port uint16) netip.AddrPort {
	return netip.AddrPortFrom(netip.AddrFrom16(addr).Unmap(), port)
}

// sameFlow orders records by what a flow keeps as long as it lives.
func (r *keptFlow) sameFlow(s *keptFlow) int {
	return cmp.Or(
		bytes.Compare(r.source[:], s.source[:]), cmp.Compare(r.fromPort, s.fromPort), cmp.Compare(r.toPort, s.toPort), cmp.Compare(r.protocol, s.protocol),
		cmp.Compare(r.flags&hasOutside, s.flags&hasOutside), bytes.Compare(r.outside[:], s.outside[:]), cmp.Compare(r.port, s.port),
	)
}

// flows returns what the records tell of, joined, and sorts them.
func (k *keptFlows) flows(to netip.Addr) iter.Seq[flowlog.Flow] {
	slices.SortFunc(k.records, func(a, b keptFlow) int { return cmp.Or(a.sameFlow(&b), cmp.Compare(a.number, b.number)) })
	return func(yield func(flowlog.Flow) bool) {
		for first := 0; first < len(k.records); {
			end, open := first, false
			for ; end < len(k.records) && k.records[first].sameFlow(&k.records[end]) == 0; end++ {
				open = open || k.records[end].flags&isLater != 0
			}
			if !yieldJoined(k.records[first:end], open, to, yield) {
				return
			}
			first = end
		}
	}
}

// yieldJoined yields what the records of one flow tell of. Where none is open there is nothing to join.
func yieldJoined(records []keptFlow, open bool, to netip.Addr, yield func(flowlog.Flow) bool) bool {
	var whole []flowlog.Flow
	for i := range records {
		f := records[i].flow(to)
		if open {
			whole = append(whole, f)
		} else if !yield(f) {
			return false
		}
	}
	for _, f := range flowlog.Join(whole) {
		if !yield(f) {
			return false
		}
	}
	return true
}
