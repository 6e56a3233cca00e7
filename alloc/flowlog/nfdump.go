package flowlog

import (
	"bytes"
	"net/netip"
	"time"
)

// The columns that are used.
const (
	firstSeen = iota
	lastSeen
	duration
	protocol
	srcAddr
	dstAddr
	srcPort
	dstPort
	srcXAddr
	dstXAddr
	srcXPort
	dstXPort
	event
	eventTime
	columns
)

// names are the column names of nfdump 1.6, 1.7 and csv-fast, and of its format tokens.
var names = map[string]int{
	"ts": firstSeen, "te": lastSeen, "td": duration, "pr": protocol, "sa": srcAddr, "da": dstAddr, "sp": srcPort, "dp": dstPort,
	"xsa": srcXAddr, "xda": dstXAddr, "xsp": srcXPort, "xdp": dstXPort, "nsa": srcXAddr, "nda": dstXAddr, "nsp": srcXPort, "ndp": dstXPort,
	"evt": event, "nevt": event, "tevt": eventTime,
	"firstSeen": firstSeen, "lastSeen": lastSeen, "duration": duration, "proto": protocol, "srcAddr": srcAddr, "dstAddr": dstAddr, "srcPort": srcPort, "dstPort": dstPort,
	"srcXIP": srcXAddr, "dstXIP": dstXAddr, "srcXPort": srcXPort, "dstXPort": dstXPort, "event": event, "eventTime": eventTime,
	"srcXlateIP": srcXAddr, "dstXlateIP": dstXAddr, "srcXlatePort": srcXPort, "dstXlatePort": dstXPort,
}

// A table knows in which column what stands, -1 where it does not.
type table struct {
	at        [columns]int
	width     int  // number of columns
	millis    bool // csv-fast has times in milliseconds since 1970
	needsZone bool
	ended     bool // whether the summary began
	fields    [columns][]byte
}

// newTable returns nil for a line that is no header of nfdump.
func newTable(header []byte) *table {
	t := &table{needsZone: true}
	for i := range t.at {
		t.at[i] = -1
	}
	n := 0
	for name := range bytes.SplitSeq(header, []byte(",")) {
		name = bytes.TrimSpace(name)
		if c, ok := names[string(name)]; ok && t.at[c] < 0 {
			t.at[c] = n
		}
		if n == 0 && string(name) == "cnt" { // times that need no zone
			t.millis, t.needsZone = true, false
		}
		n++
	}
	if t.width = n; bytes.HasSuffix(bytes.TrimSpace(header), []byte(",")) {
		t.width-- // nothing stands behind the last comma
	}
	if t.at[srcAddr] < 0 || t.at[dstAddr] < 0 || t.at[firstSeen] < 0 && t.at[eventTime] < 0 {
		return nil
	}
	return t
}

// split notes the columns that are used. It returns false where the line has fewer or more columns than the header: a part of it is missing, and what
// stands last may be cut.
func (t *table) split(line []byte) bool {
	t.fields = [columns][]byte{}
	n := 0
	for field := range bytes.SplitSeq(line, []byte(",")) {
		for c, at := range t.at {
			if at == n {
				t.fields[c] = bytes.TrimSpace(field)
			}
		}
		n++
	}
	return n == t.width || n == t.width+1 && bytes.HasSuffix(line, []byte(","))
}

// table returns the parser of lines below a header.
func (d *Reader) table(t *table) func([]byte) (Flow, string) {
	return func(line []byte) (Flow, string) {
		if line[0] > '9' { // records start with a time, a number or a count
			if other := newTable(line); other != nil { // the next of several files
				*t = *other
				return Flow{}, notFlow
			}
			if bytes.HasPrefix(line, []byte("Summary")) || bytes.HasPrefix(line, []byte("No matching flows")) {
				t.ended = true
			}
		}
		if t.ended {
			return Flow{}, notFlow
		}
		if !t.split(line) {
			return Flow{}, "it has fewer or more columns than the header"
		}
		return d.record(t)
	}
}

// record reads the columns of one line.
func (d *Reader) record(t *table) (f Flow, problem string) {
	c := &t.fields
	if bytes.EqualFold(c[event], []byte("DENIED")) || bytes.EqualFold(c[event], []byte("DENY")) {
		return f, notFlow // refused by a firewall: it never was
	}
	var ok bool
	if len(c[protocol]) > 0 {
		if f.Protocol, ok = parseProtocol(c[protocol]); !ok {
			return f, "the protocol is none"
		}
	}
	if f.Source, ok = t.endpoint(srcAddr, srcPort, f.Protocol); !ok {
		return f, "the source is no address and port"
	}
	if f.Destination, ok = t.endpoint(dstAddr, dstPort, f.Protocol); !ok {
		return f, "the destination is no address and port"
	}
	if !d.times(t, &f) {
		return f, "the times are none"
	}
	if t.at[srcPort] >= 0 && f.Source.Port() == 0 && hasPorts(f.Protocol) { // nfdump has made one record of many: they lived somewhere between the times
		f.Vague = true
	}
	if f, ok = f.translated(t); !ok {
		return f, "a translated address and port are none"
	}
	return f, ""
}

// endpoint reads an address and a port. A log may have no column of ports; where it has one, a record of a protocol with ports has a port in it. Of ICMP
// nfdump has type and code in place of the destination's port, as "8.0".
func (t *table) endpoint(addr, port int, protocol uint8) (netip.AddrPort, bool) {
	a, ok := parseAddr(t.fields[addr])
	if !ok {
		return netip.AddrPort{}, false
	}
	n, ok := parsePort(t.fields[port])
	switch {
	case protocol == 1 || protocol == 58:
		n = 0
	case ok:
	case len(t.fields[port]) > 0, t.at[port] >= 0 && hasPorts(protocol):
		return netip.AddrPort{}, false
	default:
		n = 0
	}
	return netip.AddrPortFrom(a, n), true
}

// translated takes the columns of NAT into account. Where only the destination was translated, the record is of the way back or of a flow
// that came in: the source is then who was reached.
func (f Flow) translated(t *table) (Flow, bool) {
	source, ok1 := t.xlated(srcXAddr, srcXPort, f.Protocol)
	destination, ok2 := t.xlated(dstXAddr, dstXPort, f.Protocol)
	if !ok1 || !ok2 {
		return f, false
	}
	same := !source.IsValid() || source.Addr() == f.Source.Addr()
	if same && destination.IsValid() && destination.Addr() != f.Destination.Addr() {
		return f.turned(destination, f.Destination), true
	}
	f.Outside = source
	return f, true
}

// xlated reads a translated address; nothing, 0.0.0.0 and :: mean that there is none. ok is false for what is no address.
func (t *table) xlated(addr, port int, protocol uint8) (out netip.AddrPort, ok bool) {
	if len(t.fields[addr]) == 0 {
		return out, true
	}
	if a, ok := parseAddr(t.fields[addr]); ok && a.IsUnspecified() {
		return out, true
	}
	return t.endpoint(addr, port, protocol)
}

// times reads when the flow lived. nfdump has whole seconds in some columns and milliseconds in others: the latter count as exact.
func (d *Reader) times(t *table, f *Flow) bool {
	c := &t.fields
	began, some, ok := d.time(t, c[firstSeen])
	if ok && !some {
		began, some, ok = d.time(t, c[eventTime])
	}
	if !ok || !some {
		return false
	}
	b := bounds{began: began, ended: began, more: forever}
	timed, ok := b.lasted(c[duration])
	if !ok {
		return false
	}
	ended, some, ok := d.time(t, c[lastSeen])
	if !ok {
		return false
	}
	if some {
		b.ended, b.span, b.more = ended, max(b.span-rounding, 0), b.more+2*rounding
	} else {
		b.ended = [2]time.Time{began[0].Add(b.span), began[1].Add(b.span)}
		if b.more = min(b.more, wholeSecond); !timed {
			b.more = 0 // one instant
		}
		b.ended[1] = b.ended[1].Add(b.more)
	}
	oneInstant := b.began[0].Equal(b.ended[0]) && b.began[1].Equal(b.ended[1])
	switch {
	case bytes.EqualFold(c[event], []byte("CREATE")), bytes.EqualFold(c[event], []byte("ADD")):
		f.Later = true
	case bytes.EqualFold(c[event], []byte("DELETE")):
		f.Earlier = oneInstant
	default:
		f.Later = !timed && !some
	}
	return b.into(f)
}

// lasted takes the column of the duration. timed is false where there is none, and ok where it is no duration, or longer than anybody lives.
func (b *bounds) lasted(text []byte) (timed, ok bool) {
	if len(text) == 0 {
		return false, true
	}
	span, ok := parseEpoch(text)
	if !ok || span.Unix() > int64(forever/time.Second) {
		return true, false
	}
	b.span = time.Duration(span.Unix()) * time.Second
	if b.span, b.more = b.span+time.Duration(span.Nanosecond()), 0; bytes.IndexByte(text, '.') < 0 {
		b.more = wholeSecond
	}
	return true, true
}

// rounding is what the last digit of a duration may be wrong by, where it stands beside beginning and end.
const rounding = time.Millisecond

// forever is longer than any flow.
const forever = 100 * 365 * 24 * time.Hour

// time reads one time, as the first and the last instant that it can mean. some is false for none: nothing, and the zeros that nfdump writes, which are
// the beginning of 1970 by the clock of its machine. ok is false for what is no time.
func (d *Reader) time(t *table, s []byte) (at [2]time.Time, some, ok bool) {
	if noTime(s) {
		return at, false, true
	}
	if t.millis {
		n, ok := parseNumber(s, maxEpoch*1000)
		at[0] = time.UnixMilli(int64(n)).UTC()
		return [2]time.Time{at[0], at[0]}, true, ok
	}
	early, late, ok := d.clock.parse(s)
	if bytes.IndexByte(s, '.') < 0 {
		late = late.Add(wholeSecond)
	}
	return [2]time.Time{early, late}, true, ok && early.Unix() > 0
}

// noTime reports whether a column says that there is no time.
func noTime(s []byte) bool {
	return len(bytes.Trim(s, "0-:T. ")) == 0 || bytes.HasPrefix(s, []byte("1970-01-01 ")) || bytes.HasPrefix(s, []byte("1969-12-31 "))
}
