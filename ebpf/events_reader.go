package ebpf

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"net/netip"
	"os"
	"time"

	"github.com/cilium/ebpf"
	"github.com/cilium/ebpf/ringbuf"

	"github.com/cgnkit/cgnkit/alloc"
	"github.com/cgnkit/cgnkit/ebpf/internal/bpf"
)

const (
	eventBytes  = 32          // struct cgn_event
	eventPatrol = time.Second // how soon the end of a context is noticed
)

// A rawEvent is struct cgn_event: whoever it is about, by the numbers of a plan.
type rawEvent struct {
	time   time.Duration
	inside netip.AddrPort
	pool   int
	proto  Protocol
	kind   EventKind
	plan   uint64 // see record.planID
}

// parseEvent reads struct cgn_event. ok is false for one of another release, which does not say which plan it is of.
func parseEvent(b []byte) (e rawEvent, ok bool) {
	if len(b) != eventBytes {
		return rawEvent{}, false
	}
	return rawEvent{
		time:   time.Duration(binary.NativeEndian.Uint64(b)),
		inside: netip.AddrPortFrom(fromWire(binary.NativeEndian.Uint32(b[8:])), binary.BigEndian.Uint16(b[20:])),
		pool:   int(binary.NativeEndian.Uint32(b[16:])),
		proto:  Protocol(b[22]), kind: EventKind(b[23]),
		plan: binary.NativeEndian.Uint64(b[24:]),
	}, true
}

// under returns what an event says under its plan. ok is false for one about somebody whom the plan has not.
func (e rawEvent) under(plan *alloc.Plan) (out Event, ok bool) {
	number := 0
	for p := range plan.Pools() {
		if number == e.pool {
			share, err := plan.Lookup(alloc.SubscriberFrom(p.Realm(), e.inside.Addr()))
			return Event{Kind: e.kind, Protocol: e.proto, Share: share, Inside: e.inside, Time: e.time}, err == nil
		}
		number++
	}
	return Event{}, false
}

// An eventReader takes events out of the buffer, which one generation takes over from the other, with what is in it.
type eventReader struct {
	d      *Datapath
	ring   *ringbuf.Reader
	unread *ebpf.Map
	found  func(Event) bool         // false = enough
	ours   uint64                   // the plan of d
	others map[uint64]*alloc.Plan   // that were in force, or to be; nil = this takes keys that are not here
	gone   map[uint64]time.Duration // when a plan was neither in force nor to be
}

func (d *Datapath) newEventReader(found func(Event) bool) (*eventReader, error) {
	g := d.generation
	m, err := g.openMap("maps", bpf.CgnatMapEvents)
	if err != nil {
		return nil, err
	}
	defer m.Close()
	unread, err := g.openMap("maps", bpf.CgnatMapUnread)
	if errors.Is(err, ErrChanged) && d.current() == nil {
		return nil, fmt.Errorf("%w: events of %s do not say which plan they are of: apply the plan again, which replaces the programs and keeps the mappings",
			ErrOutdated, d.folder.instance)
	}
	if err != nil {
		return nil, err
	}
	ring, err := ringbuf.NewReader(m)
	if err != nil {
		unread.Close()
		return nil, fmt.Errorf("read events: %w", err)
	}
	return &eventReader{
		d: d, ring: ring, unread: unread, found: found, ours: g.record.planID(),
		others: make(map[uint64]*alloc.Plan), gone: make(map[uint64]time.Duration),
	}, nil
}

func (r *eventReader) close() {
	_ = r.ring.Close() // of a reader there is nothing to lose
	r.unread.Close()
}

// errEnough means: found wants no more.
var errEnough = errors.New("enough")

// follow reads until found wants no more, and returns nil then.
func (r *eventReader) follow(ctx context.Context) error {
	for {
		if err := ctx.Err(); err != nil {
			return err
		}
		e, err := r.take(time.Now().Add(eventPatrol))
		change := r.d.current()
		if err == nil {
			err = r.tell(e)
		}
		if change != nil && (err == nil || errors.Is(err, os.ErrDeadlineExceeded)) {
			err = r.finish(e, change)
		}
		switch {
		case errors.Is(err, errEnough):
			return nil
		case err != nil && !errors.Is(err, os.ErrDeadlineExceeded):
			return err
		}
	}
}

// finish tells what is left of the plan of before, after the event last, and returns the change. What comes behind it is for who opens the
// instance again, but for the one that is taken to see that.
func (r *eventReader) finish(last rawEvent, change error) error {
	noticed := monotonic()
	for e := last; ; {
		if _, next := r.others[e.plan]; next {
			break
		}
		var err error
		if e, err = r.take(time.Now()); err == nil {
			err = r.tell(e)
		}
		if errors.Is(err, os.ErrDeadlineExceeded) {
			break
		}
		if err != nil {
			return err
		}
		if e.time > noticed { // the plan may be the same
			break
		}
	}
	return change
}

// take takes an event out of the buffer. One that cannot be read is the zero rawEvent.
func (r *eventReader) take(until time.Time) (rawEvent, error) {
	r.ring.SetDeadline(until)
	record, err := r.ring.Read()
	if err != nil {
		return rawEvent{}, fmt.Errorf("read events: %w", err)
	}
	e, _ := parseEvent(record.RawSample)
	return e, nil
}

// tell tells of an event by its plan, or counts it where that is gone.
func (r *eventReader) tell(e rawEvent) error {
	if plan := r.planOf(e); plan != nil {
		if event, ok := e.under(plan); ok {
			if !r.found(event) {
				return errEnough
			}
			return nil
		}
	}
	var n uint64
	err := r.unread.Lookup(uint32(0), &n)
	if err == nil {
		err = r.unread.Put(uint32(0), n+1)
	}
	if err != nil {
		return fmt.Errorf("count an event that cannot be read: %w", err)
	}
	return nil
}

// planOf returns the plan that an event was raised under, or nil. While the plan changes that may be the next one, whose programs run before
// it is said to be in force. One that was not to be found was gone for all events before that: who has not read for long has thousands.
func (r *eventReader) planOf(e rawEvent) *alloc.Plan {
	if e.plan == r.ours {
		return r.d.generation.plan
	}
	if p, known := r.others[e.plan]; known {
		return p
	}
	if at, gone := r.gone[e.plan]; gone && e.time <= at {
		return nil
	}
	at := monotonic()
	f := r.d.folder
	for _, path := range []string{f.next(), f.live()} { // in this order: they may change places meanwhile
		g, err := openGeneration(path)
		if err != nil {
			continue
		}
		g.close()
		if g.record.planID() == e.plan {
			r.others[e.plan], _ = g.record.parse(r.d.generation.plan, nil)
			return r.others[e.plan]
		}
	}
	r.gone[e.plan] = at
	return nil
}
