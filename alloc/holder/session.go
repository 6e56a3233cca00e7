package holder

import (
	"cmp"
	"encoding/binary"
	"net/netip"
	"slices"
)

// A sessionKey is what makes a session one: Acct-Session-Id is unique within a NAS only.
type sessionKey struct {
	realm   uint32
	nas, id string
}

// A session is what the records with one key say. NAS use ids again, so it may be several sessions one after the other.
type session struct {
	key    sessionKey
	events []event // by time
}

// An event is a record of a session.
type event struct {
	at      stamp
	elapsed int64  // Acct-Session-Time, -1 when it is missing
	address uint32 // 0 when it is missing
	who     uint32
	line    uint32
	file    uint16
	kind    kind
}

// A kind is what an accounting record says of a session. Of records with the same time the smaller happened first.
type kind uint8

const (
	start kind = iota + 1
	interim
	stop
	restart // of the NAS
)

var kinds = map[string]kind{
	"Start": start, "1": start, "Stop": stop, "2": stop, "Interim-Update": interim, "Alive": interim, "3": interim,
	"Accounting-On": restart, "7": restart, "Accounting-Off": restart, "8": restart,
}

// otherKinds are accounting records of no session.
var otherKinds = map[string]bool{
	"Tunnel-Start": true, "9": true, "Tunnel-Stop": true, "10": true, "Tunnel-Reject": true, "11": true,
	"Tunnel-Link-Start": true, "12": true, "Tunnel-Link-Stop": true, "13": true, "Tunnel-Link-Reject": true, "14": true, "Failed": true, "15": true,
}

// foreign reports whether a packet of no known kind is about no session. One that names an address may be, with a kind that was
// mangled; without a kind it is accounting when it names a session and is no other packet.
func (p *packet) foreign() bool {
	k, packetKind := string(p.values[status]), string(p.values[packetType])
	if len(p.values[address]) == 0 || otherKinds[k] {
		return true
	}
	return k == "" && (len(p.values[sessionID]) == 0 || packetKind != "" && packetKind != "Accounting-Request" && packetKind != "4")
}

// take puts a packet into the book.
func (s *source) take(p *packet) {
	b := s.book
	b.counts.Records++
	broken := p.bad != "" && !p.cut
	mixed := broken || len(p.others) > 0
	if mixed {
		p.drop()
	}
	k, known := kinds[string(p.values[status])]
	if p.bad == "" && !known && p.foreign() {
		b.counts.Ignored++
		return
	}
	nas := b.nas(p)
	at, warning, bad := p.stamp(s.opts.Zone)
	timed := bad == "" && !p.mixedTime()
	p.bad = cmp.Or(p.bad, p.problem(k, nas), bad)
	elapsed, ok := number(p.values[sessionTime])
	if p.bad == "" && !ok {
		p.bad = "Acct-Session-Time is no number"
	}
	where, ok := framed(p.values[address])
	if p.bad == "" && !ok {
		p.bad = "Framed-IP-Address is no address of IPv4"
	}
	if p.bad != "" {
		if mixed || p.cut {
			k, p.values[sessionTime] = 0, p.values[sessionTime][:0]
		}
		p.reject(s, k, at, timed, broken)
		return
	}
	if warning != "" {
		s.warn(p.line, "%s", warning)
	}
	s.cover(at)
	if k == restart {
		key := sessionKey{realm: s.realm, nas: nas}
		b.resets[key] = append(b.resets[key], at)
		b.need(costEvent)
		return
	}
	if len(p.values[sessionTime]) == 0 {
		elapsed = -1
	}
	e := event{at: at, elapsed: elapsed, address: where, who: b.person(b.identity(p)), line: uint32(p.line), file: s.file, kind: k}
	b.add(s.realm, nas, p.values[sessionID], e)
}

// problem says what a packet of kind k lacks.
func (p *packet) problem(k kind, nas string) string {
	switch {
	case len(p.others) > 0:
		return "there are two values of Framed-IP-Address"
	case k == 0 && len(p.values[status]) == 0:
		return "there is no Acct-Status-Type"
	case k == 0:
		return "Acct-Status-Type is none that is known"
	case k != restart && len(p.values[sessionID]) == 0:
		return "there is no Acct-Session-Id"
	case nas == "":
		return "nothing says which NAS it is from"
	}
	return ""
}

// nas returns the name of the NAS.
func (b *Book) nas(p *packet) string {
	for _, f := range []int{nasAddress, nasAddress6, nasName, clientAddress} {
		if v := p.values[f]; len(v) > 0 {
			return b.text(v)
		}
	}
	return ""
}

func (b *Book) identity(p *packet) identity {
	return identity{
		user: b.text(p.values[userName]), mac: b.text([]byte(macAddress(string(p.values[callingStation])))),
		circuit: b.text(printable(p.values[circuitID])), port: b.text(p.values[portID]),
	}
}

// framed reads Framed-IP-Address; 0 when there is none, not ok when it is no address. The two highest addresses mean that somebody else
// chooses one (RFC 2865 section 5.8).
func framed(s []byte) (a uint32, ok bool) {
	if len(s) == 0 {
		return 0, true
	}
	ip, err := netip.ParseAddr(string(s))
	if err != nil || !ip.Is4() {
		return 0, false
	}
	if a = u32(ip); a >= 0xfffffffe {
		return 0, true
	}
	return a, true
}

func u32(a netip.Addr) uint32 {
	octets := a.As4()
	return binary.BigEndian.Uint32(octets[:])
}

// add puts an event into its session, unless it says nothing new.
func (b *Book) add(realm uint32, nas string, id []byte, e event) {
	n, ok := b.byKey[sessionKey{realm, nas, string(id)}]
	if !ok {
		key := sessionKey{realm, nas, string(id)}
		n = uint32(len(b.sessions))
		b.sessions = append(b.sessions, session{key: key})
		b.byKey[key] = n
		b.need(costSession + len(id))
	}
	s := &b.sessions[n]
	before := cap(s.events)
	s.add(e)
	b.need((cap(s.events) - before) * costEvent)
}

func (e event) compare(o event) int {
	return cmp.Or(cmp.Compare(e.at.early, o.at.early), cmp.Compare(e.kind, o.kind), cmp.Compare(e.at.late, o.at.late), cmp.Compare(e.address, o.address),
		cmp.Compare(e.who, o.who), cmp.Compare(e.elapsed, o.elapsed))
}

// add appends e. When there is no room left the records that say nothing new go first, so that a session with many
// Interim-Updates stays small, in whatever order they come.
func (s *session) add(e event) {
	if len(s.events) == cap(s.events) && len(s.events) >= minEvents {
		s.tidy()
		if len(s.events) > cap(s.events)/2 {
			s.events = slices.Grow(s.events, len(s.events))
		}
	}
	if s.events == nil {
		s.events = make([]event, 0, minEvents)
	}
	s.events = append(s.events, e)
}

const minEvents = 4

// tidy sorts the events and removes those that say nothing new.
func (s *session) tidy() {
	slices.SortStableFunc(s.events, event.compare)
	events := slices.CompactFunc(s.events, func(a, b event) bool { return a.compare(b) == 0 }) // sent again
	out := events[:0]
	for i, e := range events {
		if len(out) == 0 || i == len(events)-1 || !redundant(out[len(out)-1], e, events[i+1]) {
			out = append(out, e)
		}
	}
	s.events = out
}

// redundant reports whether b, between a and c, says nothing that they do not say.
func redundant(a, b, c event) bool {
	if b.elapsed >= 0 && c.elapsed < 0 || c.after(b, maxLag) { // it tells sessions with one id apart
		return false
	}
	return b.kind == interim && a.kind != stop && c.kind != start && a.address != 0 &&
		a.address == b.address && b.address == c.address && a.who == b.who && b.who == c.who && a.at.late <= b.at.early && b.at.late <= c.at.early
}
