package flowlog

import (
	"net/netip"
	"time"
)

// A Flow is what one record tells of a flow, seen from the inside: the source is who opened it or, of a flow that came in,
// who was reached.
type Flow struct {
	// From to To is the time in which the flow lived for certain. They are equal for an event.
	From, To time.Time
	// Before and After say how much earlier than From it may have begun, and how much later than To it may have ended: the record has
	// whole seconds only, or was made later.
	Before, After time.Duration
	// Earlier and Later mean: the record does not say when the flow began, or when it ended.
	Earlier, Later bool
	// Vague means: the flow lived somewhere between From and To, and perhaps not all that time: it was shorter than what the record leaves
	// open, or the times are of an hour that summer time repeats.
	Vague bool
	Span  time.Duration // how long it lived at least, where the record says so; else 0

	Protocol    uint8          // as IP has it: 6 is TCP, 17 UDP, 1 ICMP; 0 when the record does not say
	Source      netip.AddrPort // inside; of ICMP the port is the identifier where the record has it, else 0
	Destination netip.AddrPort // as the source sees it; the port is 0 where the record does not say it, as of a fragment
	// Outside is the source after translation; invalid when the record does not say. A port of 0 means that it does not say the port.
	// It is Source when the record says that the flow was not translated.
	Outside netip.AddrPort

	Line int // of the file, from 1
}

// A Match is what a flow means for a question.
type Match uint8

const (
	// No means: this is another flow.
	No Match = iota + 1
	// Maybe means: the record leaves open whether the flow lived then, or had that outside address.
	Maybe
	// Yes means: the record proves a flow as asked for.
	Yes
)

var matchNames = [...]string{No: "no", Maybe: "maybe", Yes: "yes"}

// String returns "no", "maybe" or "yes".
func (m Match) String() string {
	if m == 0 || int(m) >= len(matchNames) {
		return "invalid Match"
	}
	return matchNames[m]
}

// A Filter is a question for flows. Fields that are zero ask for nothing.
type Filter struct {
	Outside     netip.Addr     // the outside address
	From, To    time.Time      // the time, both included; zero is open
	Destination netip.AddrPort // port 0 stands for all ports
	Protocol    uint8          // 0 stands for all
	// MaxAge is how long a flow can have lived before or after the time of a record that leaves it open; zero is any time. The
	// longest timeout of an idle mapping is a good choice where idle flows end: 7440 seconds for TCP.
	MaxAge time.Duration
}

// Match says whether f is a flow that q asks for. O(1), no allocation.
func (f Flow) Match(q Filter) Match {
	want := q.Destination
	switch {
	case q.Protocol != 0 && f.Protocol != 0 && q.Protocol != f.Protocol:
		return No
	case want.IsValid() && want.Addr().Unmap() != f.Destination.Addr():
		return No
	case want.Port() != 0 && want.Port() != f.Destination.Port() && !f.portless():
		return No
	}
	m := f.lived(q)
	if (q.Protocol != 0 && f.Protocol == 0 || want.Port() != 0 && f.portless()) && m != No {
		m = Maybe
	}
	if q.Outside.IsValid() && m != No {
		switch {
		case !f.Outside.IsValid():
			m = Maybe
		case f.Outside.Addr() != q.Outside.Unmap():
			m = No
		}
	}
	return m
}

// portless reports whether the record does not say a port of the destination that the flow has, or may have.
func (f Flow) portless() bool {
	return f.Destination.Port() == 0 && (f.Protocol == 0 || hasPorts(f.Protocol))
}

// Extent returns between which instants the flow may have lived by its record, both included; the zero Time where that is open.
func (f Flow) Extent() (from, to time.Time) {
	if !f.Later {
		to = f.last()
	}
	return f.first(), to
}

// lived says whether the flow lived in the time of the filter.
func (f Flow) lived(q Filter) Match {
	before := !q.To.IsZero() && q.To.Before(f.From) // the question lies before what is certain
	after := !q.From.IsZero() && q.From.After(f.To)
	all := (q.From.IsZero() || !q.From.After(f.From)) && (q.To.IsZero() || !q.To.Before(f.To))
	switch {
	case !before && !after && f.Vague && !all:
		return Maybe
	case !before && !after:
		return Yes
	case before && reaches(f.From.Sub(q.To), f.Before, f.Earlier, q.MaxAge):
		return Maybe
	case after && reaches(q.From.Sub(f.To), f.After, f.Later, q.MaxAge):
		return Maybe
	}
	return No
}

// reaches reports whether a flow may reach so far beyond what is certain.
func reaches(far, slack time.Duration, open bool, limit time.Duration) bool {
	return far <= slack || open && (limit <= 0 || far-slack <= limit)
}

// turned returns the flow as its other end sees it.
func (f Flow) turned(inside, outside netip.AddrPort) Flow {
	f.Source, f.Destination, f.Outside = inside, f.Source, outside
	return f
}
