package holder

import (
	"cmp"
	"slices"
	"sort"
)

// A lease is a line of a lease file, or several that extend each other.
type lease struct {
	where    place
	from, to int64
	last     int64 // the last renewal
	until    int64 // until when files tell all of the address; while reading, when the line was written at the earliest
	who      uint32
	line     uint32
	part     uint32 // in Book.parts, of the last renewal
	file     uint16
	kind     leaseKind
}

// A leaseKind is what a line says. Of lines with the same time the smaller was written first.
type leaseKind uint8

const (
	held leaseKind = iota + 1
	released
	declined
)

// addLease puts a line into the book. A renewal of the lease that was read last only extends it.
func (b *Book) addLease(l lease) {
	n, ok := b.lastRow[l.where]
	if ok && l.kind == held {
		old := &b.leases[n]
		if old.kind == held && old.who == l.who && old.part == l.part && old.last <= l.from && l.from <= old.to {
			old.last, old.to = l.last, l.to
			return
		}
	}
	b.lastRow[l.where] = uint32(len(b.leases))
	b.leases = append(b.leases, l)
	b.need(costLease)
}

// A leaseMaker turns the lines of an address into stays.
type leaseMaker struct {
	book    *Book
	out     map[place][]segment
	current lease // the lease that may be extended; kind 0: none
	ended   lease // the one before it
}

// leaseStays appends the stays of all leases, and returns of which times the files tell all.
func (b *Book) leaseStays(out map[place][]segment) map[place][]span {
	order := make([]uint32, len(b.leases))
	for i := range order {
		order[i] = uint32(i)
	}
	slices.SortFunc(order, func(i, j uint32) int { return b.leases[i].compare(b.leases[j]) })
	m := leaseMaker{book: b, out: out}
	known := map[place][]span{}
	for first := 0; first < len(order); {
		where, end := b.leases[order[first]].where, first
		for end < len(order) && b.leases[order[end]].where == where {
			end++
		}
		spans := b.told(order[first:end])
		known[where] = spans
		for _, i := range order[first:end] {
			l := b.leases[i]
			at := sort.Search(len(spans), func(k int) bool { return spans[k].to >= l.from })
			l.until = spans[at].to
			m.take(l)
		}
		first = end
	}
	m.close()
	return known
}

// told returns the times of which the files tell all that happened to an address: each from its first line of it until the file ends. order are the
// address's leases by time.
func (b *Book) told(order []uint32) (out []span) {
	seen := map[uint32]bool{}
	for _, i := range order {
		l := &b.leases[i]
		if seen[l.part] {
			continue
		}
		if len(order) > 1 {
			seen[l.part] = true
		}
		to := max(b.parts[l.part], l.from)
		if n := len(out) - 1; n >= 0 && l.from <= out[n].to {
			out[n].to = max(out[n].to, to)
		} else {
			out = append(out, span{from: l.from, to: to, some: true})
		}
	}
	return out
}

func (l lease) compare(o lease) int {
	return cmp.Or(cmp.Compare(l.where, o.where), cmp.Compare(l.from, o.from), cmp.Compare(l.kind, o.kind), cmp.Compare(l.last, o.last), cmp.Compare(l.to, o.to),
		cmp.Compare(l.who, o.who), cmp.Compare(l.file, o.file), cmp.Compare(l.line, o.line))
}

func (m *leaseMaker) same(a, b lease) bool {
	return a.where == b.where && a.kind == held && m.book.people[a.who].same(m.book.people[b.who])
}

func (m *leaseMaker) take(l lease) {
	c := &m.current
	switch {
	case l.kind == released && m.same(*c, l) && l.from <= c.until:
		m.release(l)
	case l.kind == released && m.same(m.ended, l) && l.from <= min(m.ended.to, m.ended.until): // known already
	case l.kind == released: // of the lease itself nothing is left
		m.close()
		s := segmentOf(l)
		s.sureTo, s.to, s.tail, s.openTail = l.from, never, Released, true
		m.put(l, s)
		m.ended = l
		m.ended.kind = held
	case l.kind == declined:
		if c.where == l.where && c.kind == held {
			c.to = min(c.to, l.from)
		}
		m.close()
		s := segmentOf(l)
		s.unknown, s.head, s.tail = true, Declined, Declined
		m.put(l, s)
	case m.same(*c, l) && l.from <= min(c.to, c.until):
		if l.last >= c.last {
			b := m.book // what Kea writes of a lease that ran out lacks the host name
			c.last, c.to, c.until, c.who = l.last, l.to, l.until, b.person(b.people[l.who].with(b.people[c.who]))
		}
	default:
		m.close()
		m.current = l
	}
}

// release ends the current lease. When the line has the time of the last renewal, it does not say when.
func (m *leaseMaker) release(l lease) {
	c := m.current
	s := segmentOf(c)
	s.sureTo, s.to = min(l.from, c.to), min(l.from, c.to)
	if l.from <= c.last {
		s.sureTo, s.to, s.tail, s.openTail = c.last, c.to, Released, true
	}
	m.put(c, s)
	m.ended, m.current = c, lease{}
}

func (m *leaseMaker) close() {
	c := m.current
	if c.kind != held {
		return
	}
	s := segmentOf(c)
	if s.sureTo = min(c.to, max(c.until, c.last)); s.sureTo < c.to {
		s.tail, s.openTail = FileEnds, true
	}
	m.put(c, s)
	m.ended, m.current = c, lease{}
}

func (m *leaseMaker) put(l lease, s segment) { m.out[l.where] = append(m.out[l.where], s) }

func segmentOf(l lease) segment {
	return segment{from: l.from, sureFrom: l.from, sureTo: l.to, to: l.to, who: l.who, line: l.line, file: l.file}
}
