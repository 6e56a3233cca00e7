package holder

import (
	"cmp"
	"fmt"
	"net/netip"
	"slices"
	"time"
)

// maxCandidates is the number of candidates that an answer lists.
const maxCandidates = 1000

// An index is what questions need, made of all records.
type index struct {
	histories map[place]*history
}

// At answers who had an inside address, as AtPrefix does.
func (b *Book) At(realm string, inside netip.Addr, from, to time.Time, skew time.Duration) Answer {
	inside = inside.Unmap()
	return b.AtPrefix(realm, netip.PrefixFrom(inside, inside.BitLen()), from, to, skew)
}

// AtPrefix answers who had an inside address or a prefix of IPv6, by the leases of that prefix and of shorter ones that hold all of it, between from and to, both included; when they are reversed they are exchanged. skew, by which the clocks
// of the question and of the records may differ, widens that time on both sides. With the status One it is the same person
// throughout. The first question after reading sorts the records, O(n log n); then O(log n + k) for k candidates, and
// at worst O(n) in the stays on the address.
func (b *Book) AtPrefix(realm string, inside netip.Prefix, from, to time.Time, skew time.Duration) Answer {
	if to.Before(from) {
		from, to = to, from
	}
	skew = max(skew, 0)
	// Records have whole seconds: one that begins by first began before the window, one that ends at last or later outlasts it.
	first, ceil := seconds(from.Add(-skew))
	floor, last := seconds(to.Add(skew))
	w := window{start: first, startUp: ceil, end: floor, endUp: last}
	x := b.sorted()
	number, known := b.realms[realm]
	if !known || !inside.IsValid() {
		return Answer{Status: Uncertain, Why: NoRecord}
	}
	var spans []span // what RADIUS has told is about IPv4
	if inside.Addr().Is4() {
		spans = b.spans[number]
	}
	histories := x.of(b, number, inside)
	if len(histories) == 0 {
		return Answer{Status: Uncertain, Why: NoRecord | reach(spans, first, last)}
	}
	var found []segment
	var unknown, missing Reasons
	for _, h := range histories {
		found = append(found, h.overlapping(w.startUp, w.end)...)
		unknown |= h.unknown(first, last)
		if !h.listed(first) && (len(spans) > 0 || len(h.known) == 0) {
			missing |= reach(spans, first, last)
		}
		if first < h.first {
			missing |= Before
		}
	}
	switch {
	case len(found) > 0:
		slices.SortStableFunc(found, func(a, b segment) int { return cmp.Compare(a.from, b.from) })
		return b.judge(found, w, unknown)
	case unknown|missing != 0:
		return Answer{Status: Uncertain, Why: unknown | missing}
	}
	return Answer{Status: Nobody}
}

// A window is the time of a question in seconds, each bound rounded down and up.
type window struct{ start, startUp, end, endUp int64 }

func seconds(t time.Time) (floor, ceil int64) {
	floor = t.Unix()
	if t.Nanosecond() > 0 {
		return floor, floor + 1
	}
	return floor, floor
}

// judge says what the stays that touch the window mean. unknown says why there may be others, unless these fill the window.
func (b *Book) judge(found []segment, w window, unknown Reasons) Answer {
	var a Answer
	known := slices.DeleteFunc(slices.Clone(found), func(s segment) bool { return s.unknown })
	one := b.onePerson(known)
	covered := one && len(known) == len(found) && covers(known, w)
	if !covered {
		a.Why = unknown
	}
	for _, s := range found {
		why := s.why(w)
		if !covered {
			a.Why |= why
		}
		switch {
		case s.unknown || covered && s.unread: // where sessions fill the time, they tell of the same person, and better
		case len(a.Candidates) == maxCandidates:
			a.More++
		default:
			a.Candidates = append(a.Candidates, Candidate{Person: b.describe(s), Sure: why == 0, Why: why})
		}
	}
	switch {
	case covered:
		a.Status = One
	case one:
		a.Status = Uncertain
	default:
		a.Status = Several
		if b.conflict(known) {
			a.Why |= Overlap
		} else if a.Why == 0 { // one ends in the second in which the other begins
			a.Why = Boundary
		}
	}
	return a
}

// onePerson reports whether stays are of one person. What the ones before say together counts: of three, the first can be the
// same as the second and as the third, and these two differ.
func (b *Book) onePerson(known []segment) bool {
	if len(known) == 0 {
		return true
	}
	all := b.people[known[0].who]
	for _, s := range known[1:] {
		shared, differs := all.compare(b.people[s.who])
		if differs || !shared && (s.origin == 0 || s.origin != known[0].origin) {
			return false
		}
		all = all.with(b.people[s.who])
	}
	return true
}

// why says why a stay is not certain throughout the window.
func (s segment) why(w window) Reasons {
	var why Reasons
	if s.unknown {
		why |= s.head
	}
	if w.start < s.sureFrom {
		why |= s.head
		if w.start < s.from {
			why |= Boundary
		}
	}
	if w.endUp > s.sureTo {
		why |= s.tail
		if w.endUp > s.to {
			why |= Boundary
		}
	}
	return why
}

// covers reports whether what is sure of the stays fills the window.
func covers(found []segment, w window) bool {
	found = slices.Clone(found)
	slices.SortFunc(found, func(a, b segment) int { return cmp.Compare(a.sureFrom, b.sureFrom) })
	reached := w.start
	some := false
	for _, s := range found {
		if s.sureFrom > s.sureTo || s.unknown {
			continue
		}
		if s.sureFrom > reached {
			break
		}
		some = some || s.sureTo >= w.startUp
		reached = max(reached, s.sureTo)
	}
	return some && reached >= w.endUp
}

// conflict reports whether two people have the address for certain at once.
func (b *Book) conflict(found []segment) bool {
	found = slices.DeleteFunc(slices.Clone(found), func(s segment) bool { return s.unknown || s.sureFrom > s.sureTo })
	slices.SortFunc(found, func(a, b segment) int { return cmp.Compare(a.sureFrom, b.sureFrom) })
	for i, s := range found {
		for _, o := range found[i+1 : min(len(found), i+1+maxCandidates)] {
			if o.sureFrom >= s.sureTo {
				break
			}
			if !b.onePerson([]segment{s, o}) {
				return true
			}
		}
	}
	return false
}

// describe returns what is known of a stay.
func (b *Book) describe(s segment) Person {
	i := b.people[s.who]
	p := Person{
		User: i.user, Circuit: i.circuit, Port: i.port, MAC: i.mac, Client: i.client, Host: i.host,
		Source: fmt.Sprintf("%s:%d", b.files[s.file], s.line), From: instant(s.from), To: instant(s.to),
	}
	if s.origin != 0 {
		key := b.sessions[s.origin-1].key
		p.Session, p.NAS = key.id, key.nas
	}
	if s.sureFrom <= s.sureTo {
		p.SureFrom, p.SureTo = instant(s.sureFrom), instant(s.sureTo)
	}
	return p
}

func instant(t int64) time.Time {
	if t == always || t == never {
		return time.Time{}
	}
	return time.Unix(t, 0).UTC()
}

// sorted returns the index, and makes it when records came in since.
func (b *Book) sorted() *index {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.index != nil {
		return b.index
	}
	for _, resets := range b.resets {
		slices.SortFunc(resets, func(a, b stamp) int { return cmp.Compare(a.late, b.late) })
		for i := 1; i < len(resets); i++ {
			resets[i].early = max(resets[i].early, resets[i-1].early)
		}
	}
	m := stayMaker{book: b, out: map[place][]segment{}}
	for n := range b.sessions {
		m.session(uint32(n))
	}
	known := b.leaseStays(m.out)
	x := &index{histories: make(map[place]*history, len(m.out))}
	for _, segments := range m.out {
		bound(segments)
	}
	b.unreadStays(m.out)
	b.unsizedStays(m.out)
	for where, segments := range m.out {
		x.histories[where] = newHistory(segments, known[where])
	}
	b.index = x
	return x
}
