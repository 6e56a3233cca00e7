package holder

import (
	"cmp"
	"slices"
	"sort"
	"strings"
)

// An unread is a record that was rejected and still names an address: somebody may have had it, who else would be nobody's candidate.
type unread struct {
	where place
	at    stamp // from always to never when the time cannot be read
	from  int64 // when it began; open when the record does not say
	who   uint32
	line  uint32
	file  uint16
}

// A partial is an unread of which only the beginning of the address is there.
type partial struct {
	unread // where is 0
	realm  uint32
	text   string
}

// open is a from that is not known: after the stay before.
const open = always

// addUnread keeps what can be read of a record that is rejected.
func (b *Book) addUnread(u unread) {
	b.unread = append(b.unread, u)
	b.need(costUnread)
}

// reject notes a record that is not used. lost says that it may be about an address that cannot be read.
func (s *source) reject(line int, lost bool, msg string) {
	s.book.counts.Rejected++
	if lost {
		s.book.counts.Unplaced++
	}
	s.warn(line, "%s", msg)
}

// reject keeps of a packet what makes its address uncertain. k is 0 where the kind is not known; broken says that it may be about more addresses.
func (p *packet) reject(s *source, k kind, at stamp, timed, broken bool) {
	var some, all = false, true
	who := s.book.person(s.book.identity(p))
	from := int64(open)
	elapsed, ok := number(p.values[sessionTime])
	switch {
	case !timed:
	case k == start:
		from = at.early
	case ok && len(p.values[sessionTime]) > 0:
		from = at.early - elapsed
	}
	if !timed {
		at = stamp{always, never}
	}
	if p.torn != "" {
		s.book.partials = append(s.book.partials, partial{unread{at: at, from: from, who: who, line: uint32(p.line), file: s.file}, s.realm, p.torn})
		s.book.need(costUnread)
	}
	for _, text := range append([]string{string(p.values[address])}, p.others...) {
		a, ok := framed([]byte(text))
		all = all && ok
		if a != 0 {
			some = true
			s.book.addUnread(unread{where: place(uint64(s.realm)<<32 | uint64(a)), at: at, from: from, who: who, line: uint32(p.line), file: s.file})
		}
	}
	lost := broken || !all || !some && k != restart
	s.reject(p.line, lost, p.bad)
}

// unreadStays appends the stays of rejected records. Nothing of them is certain, so they bound no other stay; they themselves end at the latest where
// another one certainly begins, and begin, where nothing says when, at the earliest where another one certainly ends.
func (b *Book) unreadStays(out map[place][]segment) {
	all := append(slices.Clip(b.unread), b.partialStays(out)...)
	slices.SortFunc(all, unread.compare)
	for first := 0; first < len(all); {
		where := all[first].where
		n := sort.Search(len(all)-first, func(i int) bool { return all[first+i].where > where })
		begins, ends := edges(out[where])
		var stays []segment
		for _, u := range all[first : first+n] {
			stays = append(stays, u.stay(b, begins, ends))
		}
		slices.SortStableFunc(stays, compareUnread)
		stays = slices.CompactFunc(stays, func(a, c segment) bool { return compareUnread(a, c) == 0 })
		out[where] = append(out[where], stays...)
		first += n
	}
}

// partialStays returns them, for each address that it may be about and of which there are records: of others nothing is said anyway.
func (b *Book) partialStays(out map[place][]segment) (found []unread) {
	if len(b.partials) == 0 {
		return nil
	}
	known := map[place]bool{}
	for where := range out {
		known[where] = true
	}
	for _, u := range b.unread {
		known[u.where] = true
	}
	for where := range known {
		text := where.addr().String()
		for _, t := range b.partials {
			if t.realm == uint32(where>>32) && strings.HasPrefix(text, t.text) {
				u := t.unread
				u.where = where
				found = append(found, u)
			}
		}
	}
	return found
}

func (u unread) compare(o unread) int {
	return cmp.Or(cmp.Compare(u.where, o.where), cmp.Compare(u.file, o.file), cmp.Compare(u.line, o.line))
}

// compareUnread orders stays by what an answer says of them.
func compareUnread(a, b segment) int {
	return cmp.Or(cmp.Compare(a.from, b.from), cmp.Compare(a.to, b.to), cmp.Compare(a.who, b.who))
}

// stay returns the time in which the record may be right.
func (u unread) stay(b *Book, begins, ends []int64) segment {
	s := segment{
		from: u.from, to: never, sureFrom: never, sureTo: always, head: Unread, tail: Unread, who: u.who, line: u.line, file: u.file,
		unread: true, unknown: b.people[u.who] == identity{host: b.people[u.who].host},
	}
	if i := sort.Search(len(begins), func(i int) bool { return begins[i] > u.at.late }); i < len(begins) {
		s.to = begins[i]
	}
	if u.from == open {
		if i := sort.Search(len(ends), func(i int) bool { return ends[i] >= u.at.early }); i > 0 {
			s.from = ends[i-1]
		}
	}
	return s
}
