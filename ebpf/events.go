package ebpf

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"iter"
	"net/netip"
	"os"
	"time"

	"github.com/cilium/ebpf/ringbuf"

	"github.com/cgnkit/cgnkit/alloc"
	"github.com/cgnkit/cgnkit/ebpf/internal/bpf"
)

// An EventKind is what happened.
type EventKind uint8

// The kinds.
const (
	Exhausted = EventKind(bpf.CgnatCgnEventKindCGN_EVENT_EXHAUSTED) // no port of the share is free
	LimitHit  = EventKind(bpf.CgnatCgnEventKindCGN_EVENT_LIMIT)     // the subscriber has as many mappings as Policy.Limit allows
	RateHit   = EventKind(bpf.CgnatCgnEventKindCGN_EVENT_RATE)      // it makes more than Policy.Rate allows
)

const (
	eventBytes  = 24          // struct cgn_event
	eventPatrol = time.Second // how soon the end of a context is noticed
)

// String returns "exhausted", "limit" or "rate".
func (k EventKind) String() string {
	switch k {
	case Exhausted:
		return "exhausted"
	case LimitHit:
		return "limit"
	case RateHit:
		return "rate"
	}
	return fmt.Sprintf("EventKind(%d)", uint8(k))
}

// An Event says that a subscriber was refused a mapping (RFC 6888 REQ-11C). There is at most one for a subscriber in half a
// second, whatever it sends.
type Event struct {
	Kind     EventKind
	Protocol Protocol
	Share    alloc.Allocation // of the subscriber
	Inside   netip.AddrPort   // the endpoint that got no mapping
	Time     time.Duration    // of the monotonic clock
}

// At returns when it was by the clock on the wall. Who sets that clock moves the past along.
func (e Event) At() time.Time { return time.Now().Add(e.Time - monotonic()) }

// Events iterates over what happens, from what is still in the buffer on, until the context ends. Every event goes to one reader;
// where nobody reads, the buffer of some 8,000 fills up and the rest is lost, see LostEvents. An error is the last pair: that
// of the context, or one that wraps ErrChanged when the instance has got another plan: open it again then.
func (d *Datapath) Events(ctx context.Context) iter.Seq2[Event, error] {
	return func(yield func(Event, error) bool) {
		if err := d.readEvents(ctx, func(e Event) bool { return yield(e, nil) }); err != nil {
			yield(Event{}, err)
		}
	}
}

// readEvents returns nil when found wants no more.
func (d *Datapath) readEvents(ctx context.Context, found func(Event) bool) error {
	m, err := d.generation.openMap("maps", bpf.CgnatMapEvents)
	if err != nil {
		return err
	}
	defer m.Close()
	r, err := ringbuf.NewReader(m)
	if err != nil {
		return fmt.Errorf("read events: %w", err)
	}
	defer func() { _ = r.Close() }() // of a reader there is nothing to lose
	for {
		if err := ctx.Err(); err != nil {
			return err
		}
		r.SetDeadline(time.Now().Add(eventPatrol))
		record, err := r.Read()
		idle := errors.Is(err, os.ErrDeadlineExceeded)
		if err != nil && !idle {
			return fmt.Errorf("read events: %w", err)
		}
		if err := d.current(); err != nil { // the next generation has the same buffer, and other rows and shares
			if e, ok := d.lastEvent(record.RawSample); ok && !found(e) { // it is out of the buffer, and nobody else gets it
				return nil
			}
			return err
		}
		if idle {
			continue
		}
		if e, ok := d.generation.event(record.RawSample); ok && !found(e) {
			return nil
		}
	}
}

// lastEvent reads an event that was taken while the plan changed. It is of the plan whose row and share agree about the outside
// address, of the former one where both do.
func (d *Datapath) lastEvent(b []byte) (e Event, ok bool) {
	plans := []*generation{d.generation}
	if live, err := d.folder.openLive(d.generation.plan, nil); err == nil && live != nil {
		defer live.close()
		plans = append(plans, live)
	}
	for _, g := range plans {
		if e, ok = g.event(b); ok && e.Share.Outside() == g.address(rowOf(b)) {
			return e, true
		}
	}
	return d.generation.event(b)
}

// rowOf returns the row of struct cgn_event.
func rowOf(b []byte) int { return int(binary.NativeEndian.Uint32(b[12:])) }

// event reads struct cgn_event. ok is false for one of a row that this plan has not.
func (g *generation) event(b []byte) (e Event, ok bool) {
	if len(b) < eventBytes {
		return Event{}, false
	}
	inside, row := binary.NativeEndian.Uint32(b[8:]), rowOf(b)
	if row >= len(g.tables.rows) {
		return Event{}, false
	}
	share, err := g.plan.Lookup(alloc.SubscriberFrom(g.poolOf(row).Realm(), fromWire(inside)))
	return Event{
		Kind: EventKind(b[23]), Protocol: Protocol(b[22]), Share: share,
		Inside: netip.AddrPortFrom(fromWire(inside), binary.BigEndian.Uint16(b[20:])),
		Time:   time.Duration(binary.NativeEndian.Uint64(b)),
	}, err == nil
}

// LostEvents returns how many events found no room since the instance was loaded.
func (d *Datapath) LostEvents() (n uint64, err error) {
	m, err := d.generation.openMap("maps", bpf.CgnatMapLost)
	if err != nil {
		return 0, err
	}
	defer m.Close()
	var perCPU []uint64
	if err := m.Lookup(uint32(0), &perCPU); err != nil {
		return 0, fmt.Errorf("read the counter of lost events: %w", err)
	}
	for _, c := range perCPU {
		n += c
	}
	return n, nil
}
