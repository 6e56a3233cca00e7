package ebpf

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"net/netip"
	"time"

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
// where nobody reads, the buffer of some 6,500 fills up and the rest is lost, see LostEvents. So are those of a plan that is not in force
// any longer: what they say would be about others now. Who reads when the plan changes gets all of its own plan first. An error is the last
// pair: that of the context, or one that wraps ErrChanged when the instance has got another plan: open it again then; or ErrOutdated where
// the programs are of a release whose events do not say which plan they are of.
func (d *Datapath) Events(ctx context.Context) iter.Seq2[Event, error] {
	return func(yield func(Event, error) bool) {
		r, err := d.newEventReader(func(e Event) bool { return yield(e, nil) })
		if err == nil {
			defer r.close()
			err = r.follow(ctx)
		}
		if err != nil {
			yield(Event{}, err)
		}
	}
}

// LostEvents returns how many events nobody was told of since the instance was loaded: they found no room, or were read when the plan was gone
// under which they were raised.
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
	u, err := d.generation.openMap("maps", bpf.CgnatMapUnread)
	if errors.Is(err, ErrChanged) { // the programs are of an earlier release
		return n, nil
	}
	if err != nil {
		return 0, err
	}
	defer u.Close()
	var unread uint64
	if err := u.Lookup(uint32(0), &unread); err != nil {
		return 0, fmt.Errorf("read the counter of events that nobody could read: %w", err)
	}
	return n + unread, nil
}
