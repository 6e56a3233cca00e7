package holder

import "sort"

// maxLate is the number of seconds for which a record behind a Stop still belongs to its session: a NAS sent it late.
const maxLate = 300

// maxLag is the number of seconds by which Acct-Session-Time may be behind where nothing else says that the session is the same.
const maxLag = 10

// A stayMaker turns the records of sessions into stays on addresses.
type stayMaker struct {
	book *Book
	out  map[place][]segment
}

// session cuts the records of one key into sessions: ids are used again.
func (m *stayMaker) session(n uint32) {
	s := &m.book.sessions[n]
	s.tidy()
	run := visit{maker: m, key: s.key, number: n, before: always, stopped: never}
	for i, e := range s.events {
		if i > 0 && run.ends(e) {
			run.next(e)
		}
		run.add(e)
	}
	run.finish(never)
}

// next finishes the session before e. A session of the same person with the same id is over when the next one begins; one of somebody
// else says nothing: there are NAS whose ids are not unique.
func (v *visit) next(e event) {
	if v.differs(e) {
		v.finish(never)
		v.before = always
		return
	}
	v.finish(e.at.late)
}

func (v *visit) differs(e event) bool {
	_, differs := v.who.compare(v.maker.book.people[e.who])
	return differs
}

// ends reports whether e is the first record of another session.
func (v *visit) ends(e event) bool {
	return e.kind == start || v.differs(e) || v.stopped != never && e.at.early > v.stopped+maxLate || v.anew(e)
}

// anew reports whether e is of a later session with the same id, because of when it says that it began, or because the NAS restarted
// in between. A session that says that it began before outlived that.
func (v *visit) anew(e event) bool {
	last := v.events[len(v.events)-1]
	if e.after(last, maxLate) {
		return true
	}
	return v.restartAfter(last.at.late) <= e.at.late && (e.elapsed < 0 || e.after(last, maxLag))
}

// after reports whether e says that its session began after o, by more than some seconds.
func (e event) after(o event, by int64) bool {
	return e.elapsed >= 0 && e.at.early-e.elapsed > o.at.late+by
}

// A visit is one session: from its Start to its Stop, as far as they are there.
type visit struct {
	maker   *stayMaker
	key     sessionKey
	number  uint32
	before  int64 // the last record of the session before that had the same key
	events  []event
	who     identity
	stopped int64 // the first Stop, or never
}

func (v *visit) add(e event) {
	v.events = append(v.events, e)
	if e.kind == stop {
		v.stopped = min(v.stopped, e.at.late)
	}
	v.who = v.who.with(v.maker.book.people[e.who])
}

// finish turns the records into stays. next is when the next session with the same key begins.
func (v *visit) finish(next int64) {
	if len(v.events) == 0 {
		return
	}
	found := v.addresses()
	who := v.maker.book.person(v.who)
	origin := v.events[0]
	for i, f := range found {
		s := segment{
			from: f.first.early, sureFrom: f.first.late, sureTo: f.last.early, to: f.last.late,
			who: who, origin: v.number + 1, line: origin.line, file: origin.file,
		}
		if i > 0 {
			s.from, s.head = found[i-1].last.early, Changed
		} else {
			v.begin(&s)
		}
		if i < len(found)-1 {
			s.to, s.tail = found[i+1].first.late, Changed
		} else {
			v.end(&s, next)
		}
		where := place(uint64(v.key.realm)<<32 | uint64(f.address))
		v.maker.out[where] = append(v.maker.out[where], s)
	}
	v.before, v.events, v.who = v.events[len(v.events)-1].at.early, v.events[:0], identity{}
	v.stopped = never
}

// An addressed is the first and the last record of a run in which nothing says another address.
type addressed struct {
	address     uint32
	first, last stamp
}

func (v *visit) addresses() []addressed {
	var out []addressed
	for _, e := range v.events {
		n := len(out)
		switch {
		case n > 0 && (e.address == 0 || e.address == out[n-1].address):
			out[n-1].last = stamp{max(out[n-1].last.early, e.at.early), max(out[n-1].last.late, e.at.late)}
		case e.address != 0:
			out = append(out, addressed{address: e.address, first: e.at, last: e.at})
		}
	}
	return out
}

// begin says when the stay on the first address began.
func (v *visit) begin(s *segment) {
	first := v.events[0]
	at, known := first.at, first.kind == start
	for _, e := range v.events {
		if !known && e.elapsed >= 0 {
			known = true
			at = stamp{min(e.at.early-e.elapsed, at.early), min(e.at.late-e.elapsed, at.late)}
		}
	}
	if known {
		s.from = at.early
	} else {
		s.from, s.head, s.openHead = max(v.before, v.restartBefore(at.early)), NoStart, true
	}
	switch {
	case first.address == 0: // sure from the first record with the address
		s.head |= NoAddress
	case known:
		s.sureFrom = at.late
	}
	if known && at.early != at.late {
		s.head |= Clocks
	}
}

// end says when the stay on the last address ended.
func (v *visit) end(s *segment, next int64) {
	end, stopped := stamp{never, always}, false
	for _, e := range v.events {
		if stopped = e.kind == stop; stopped {
			end.early = min(end.early, e.at.early)
		}
		end.late = max(end.late, e.at.late)
	}
	s.sureTo = min(s.sureTo, end.early)
	if stopped {
		s.to = end.late
		if end.early != end.late {
			s.tail = Clocks
		}
		return
	}
	s.to, s.tail, s.openTail = next, NoStop, true
	if end.early != never { // a record behind the Stop: late, or of another session with the same id
		s.tail |= Clocks
	}
	if r := v.restartAfter(end.late); r < s.to {
		s.to, s.tail = r, s.tail|Restarted
	}
}

// restartBefore returns when the NAS restarted the last time before at, or always.
func (v *visit) restartBefore(at int64) int64 {
	resets := v.resets()
	if i := sort.Search(len(resets), func(i int) bool { return resets[i].late > at }); i > 0 {
		return resets[i-1].early
	}
	return always
}

// restartAfter returns when the NAS had restarted the next time after at, or never.
func (v *visit) restartAfter(at int64) int64 {
	resets := v.resets()
	if i := sort.Search(len(resets), func(i int) bool { return resets[i].late >= at }); i < len(resets) {
		return resets[i].late
	}
	return never
}

// resets returns when the NAS restarted, by late; none has an earlier early than those before it.
func (v *visit) resets() []stamp {
	return v.maker.book.resets[sessionKey{realm: v.key.realm, nas: v.key.nas}]
}
