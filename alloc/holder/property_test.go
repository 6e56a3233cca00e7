package holder

import (
	"fmt"
	"math/rand/v2"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/cgnkit/cgnkit/internal/testseed"
)

// A stay is the truth of a test: a user had an address from one second to another.
type stay struct {
	user     int
	from, to int
}

// A note is a record of a stay that survived.
type note struct {
	stay   int
	kind   string
	second int
	fault  fault
}

// A fault is what is wrong with a record.
type fault uint8

const (
	sound     fault = iota
	noSession       // rejected
	nameless        // and it names nobody
	torn            // rejected, and what it says of the session is not believed
	noTime
	noAddress // nothing can be known of it
	faults
)

// write writes a record of a user's session.
func (n note) write(s stay, sessionTime bool) string {
	more := []string{ip1, fmt.Sprintf("User-Name = u%d", s.user)}
	switch n.fault {
	case nameless:
		more = more[:1]
	case noAddress:
		more[0] = "Framed-IP-Address = 100.64.0.x"
	case torn:
		more = append(more, "Filter-")
	}
	if sessionTime && n.kind != "Start" {
		more = append(more, fmt.Sprintf("Acct-Session-Time = %d", n.second-s.from))
	}
	text := block(n.kind, fmt.Sprint("s", n.stay), n.second, more...)
	switch n.fault {
	case noSession, nameless:
		return without(text, "Acct-Session-Id")
	case noTime:
		return without(text, "Event-Timestamp")
	}
	return text
}

// TestAtAgainstTruth invents what happened on an address, loses records, mixes the rest, and asks about every window. The
// book may know less than the truth, and must never say anything else.
func TestAtAgainstTruth(t *testing.T) {
	seed := testseed.New(t)
	rng := rand.New(rand.NewPCG(seed, 1))
	statuses := map[Status]int{}
	for round := range 3000 {
		const end = 120
		var stays []stay
		var notes []note
		for second := rng.IntN(20); second < end-5; {
			s := stay{user: rng.IntN(3), from: second, to: second + 1 + rng.IntN(40)}
			notes = append(notes, note{len(stays), "Start", s.from, sound}, note{len(stays), "Stop", s.to, sound})
			for at := s.from + 7; at < s.to; at += 7 {
				notes = append(notes, note{len(stays), "Interim-Update", at, sound})
			}
			stays = append(stays, s)
			second = s.to + 1 + rng.IntN(10)
		}
		lossy := rng.IntN(3)
		notes = slices.DeleteFunc(notes, func(note) bool { return lossy > 0 && rng.IntN(4) < lossy })
		if rng.IntN(2) == 0 {
			for i := range notes {
				if rng.IntN(8) == 0 {
					notes[i].fault = fault(rng.IntN(int(faults)))
				}
			}
		}
		sessionTime := rng.IntN(2) == 0
		var detail strings.Builder
		times := 1 + rng.IntN(2)
		for range times {
			rng.Shuffle(len(notes), func(i, j int) { notes[i], notes[j] = notes[j], notes[i] })
			for _, n := range notes {
				detail.WriteString(n.write(stays[n.stay], sessionTime))
			}
		}
		book := read(t, detail.String())
		rejected := times * count(notes, func(f fault) bool { return f != sound })
		unplaced := times * count(notes, func(f fault) bool { return f == torn || f == noAddress })
		if c := book.Counts(); c.Rejected != rejected || c.Unplaced != unplaced {
			t.Fatalf("round %d: %+v, want %d rejected and %d of them unplaced: %+v", round, c, rejected, unplaced, notes)
		}
		for range 60 {
			from := rng.IntN(end+20) - 10
			to := from + rng.IntN(10)
			skew := rng.IntN(4)
			a := book.At("", inside1, at(from), at(to), time.Duration(skew)*time.Second)
			statuses[a.Status]++
			if msg := against(a, stays, notes, sessionTime, from-skew, to+skew); msg != "" {
				t.Fatalf("round %d, from %d to %d: %v %+v: %s\nstays %+v\nnotes %+v, session times %v", round, from-skew, to+skew, a, a.Candidates, msg, stays, notes, sessionTime)
			}
		}
	}
	for _, s := range []Status{One, Nobody, Several, Uncertain} {
		if statuses[s] < 100 {
			t.Errorf("only %d answers are %v: the test tests little", statuses[s], s)
		}
	}
}

func count(notes []note, has func(fault) bool) (n int) {
	for _, one := range notes {
		if has(one.fault) {
			n++
		}
	}
	return n
}

// against says what is wrong with an answer, second by second.
func against(a Answer, stays []stay, notes []note, sessionTime bool, from, to int) string {
	for second := from; second <= to; second++ {
		truth, recorded, named := -1, false, false
		for i, s := range stays {
			if s.from <= second && second <= s.to {
				truth = s.user
				recorded = slices.ContainsFunc(notes, func(n note) bool { return n.stay == i && n.fault != noAddress })
				named = slices.ContainsFunc(notes, func(n note) bool { return n.stay == i && n.fault != noAddress && n.fault != nameless })
			}
		}
		user := fmt.Sprint("u", truth)
		switch p, _ := a.Person(); {
		case a.Status == One && p.User != user:
			return fmt.Sprintf("at second %d it was %s", second, user)
		case truth >= 0 && named && !slices.ContainsFunc(a.Candidates, func(c Candidate) bool { return c.User == user }):
			return fmt.Sprintf("at second %d it was %s, who is no candidate", second, user)
		case a.Status == Nobody && recorded:
			return fmt.Sprintf("at second %d it was %s", second, user)
		}
	}
	want, ok := replay(stays, notes, sessionTime, from, to)
	if ok && a.Status != want {
		return fmt.Sprintf("the replay says %v", want)
	}
	if a.Status != One && a.Status != Nobody && a.Why == 0 {
		return "there is no reason"
	}
	return ""
}

const far = 1 << 20

// A seen is what a clerk makes of the records of a stay, or of one that was rejected, in half seconds.
type seen struct {
	user, from, to int
	start, stop    bool
}

const somebody = -1 // a user without a name

// replay answers from the records that survived, one half second after the other (records have whole seconds, time has more), as a clerk would: with a session's own records one
// knows that it was there, and where an end is missing it may have been there until another one surely was. A rejected record makes nothing sure.
func replay(stays []stay, notes []note, sessionTime bool, from, to int) (Status, bool) {
	all := sessionsOf(stays, notes, sessionTime)
	if len(all) == 0 {
		return 0, false
	}
	doubts := doubtsOf(all, stays, notes, sessionTime)
	users := map[int]bool{}
	sure, free := true, true
	for half := 2 * from; half <= 2*to; half++ {
		surely := false
		for _, r := range all {
			here := r.from <= half && half <= r.to
			surely = surely || here
			if before := half < r.from && !r.start; before {
				here = !slices.ContainsFunc(all, func(o seen) bool { return o.to <= r.from && o.to > half && o != r })
			}
			if after := half > r.to && !r.stop; after {
				here = !slices.ContainsFunc(all, func(o seen) bool { return o.from >= r.to && o.from < half && o != r })
			}
			if here {
				free = false
				users[r.user] = true
			}
		}
		for _, d := range doubts {
			if d.from <= half && half <= d.to {
				free = false
				users[d.user] = true
			}
		}
		sure = sure && surely && !users[somebody]
	}
	delete(users, somebody)
	first, last := far, -far
	for _, n := range notes {
		if n.fault == sound {
			first, last = min(first, n.second), max(last, n.second)
		}
	}
	switch {
	case len(users) > 1:
		return Several, true
	case len(users) == 1 && sure:
		return One, true
	case free && from >= first && to <= last:
		return Nobody, true
	}
	return Uncertain, true
}

// sessionsOf returns what is known of each stay.
func sessionsOf(stays []stay, notes []note, sessionTime bool) (all []seen) {
	for i, s := range stays {
		r := seen{user: s.user, from: far, to: -far}
		for _, n := range notes {
			if n.stay == i && n.fault == sound {
				r.from, r.to = min(r.from, 2*n.second), max(r.to, 2*n.second)
				r.start = r.start || n.kind == "Start"
				r.stop = r.stop || n.kind == "Stop"
				if sessionTime && n.kind != "Start" {
					r.from, r.start = 2*s.from, true
				}
			}
		}
		if r.from != far {
			all = append(all, r)
		}
	}
	return all
}

// doubtsOf returns when each rejected record can be right.
func doubtsOf(all []seen, stays []stay, notes []note, sessionTime bool) (doubts []seen) {
	for _, n := range notes {
		at := 2 * n.second
		d := seen{user: stays[n.stay].user, from: -far, to: far}
		if n.fault == nameless {
			d.user = somebody
		}
		switch {
		case n.fault == sound || n.fault == noAddress:
			continue
		case n.fault == noTime:
			doubts = append(doubts, d)
			continue
		case n.fault == torn: // began at any time
		case n.kind == "Start":
			d.from = at
		case sessionTime:
			d.from = 2 * stays[n.stay].from
		}
		for _, r := range all {
			if r.from > at {
				d.to = min(d.to, r.from)
			}
			if known := n.fault != torn && (n.kind == "Start" || sessionTime); !known && r.to < at {
				d.from = max(d.from, r.to)
			}
		}
		doubts = append(doubts, d)
	}
	return doubts
}

func FuzzReadRADIUS(f *testing.F) {
	f.Add([]byte(realDetail+realStop), uint8(5))
	f.Add([]byte(block("Start", "a", 0, joao, ip1)+block("Accounting-Off", "x", 5)+block("Interim-Update", "a", 9, maria, ip2, "Acct-Session-Time = 4294967295")), uint8(0))
	f.Add([]byte("x\n\tUser-Name = \"\\303\\251\\\"\n\nx\n\tTimestamp = 253402300799\n\tAcct-Delay-Time = 9\n\tAcct-Status-Type = 2\n\tAcct-Session-Id = 1\n\tClient-IP-Address = 1\n\tFramed-IP-Address = 100.64.0.1\n"), uint8(9))
	f.Add([]byte("\t=\n\n\n \n\tA\n"), uint8(1))
	f.Fuzz(func(t *testing.T, data []byte, skew uint8) {
		if len(data) > 16<<10 {
			return
		}
		b := New(Limits{Memory: 1 << 20})
		if err := b.ReadRADIUS(strings.NewReader(string(data)), "d", Options{Zone: time.UTC}); err != nil && strings.ContainsFunc(err.Error(), func(r rune) bool { return r < ' ' }) {
			t.Fatalf("error %q", err)
		}
		checkBook(t, b, skew)
	})
}

func FuzzReadLeases(f *testing.F) {
	f.Add([]byte(keaHeader+row(mac1, 0, 100, 0)+row(mac1, 50, 100, 0)+row(mac1, 50, 0, 0)+row("", 60, 9, 1)), uint8(5))
	f.Add([]byte("address,hwaddr,valid_lifetime,expire,state,user_context\n100.64.0.1,a,4294967295,253402300799,0,{\"ISC\":{\"relay-agent-info\":\"0x0101&#x2c\"}}\n"), uint8(0))
	f.Add([]byte("address,hwaddr,valid_lifetime,expire,state\n100.64.0.1,,0,1772366410,0\n100.64.0.1,,0,1772366410,0\n100.64.0.1,a,9,1772366419,0\n100.64.0.1,b,9,1772366428,0\n"), uint8(0))
	f.Add([]byte(kea6Header+row6(prefix1, mac1, 0, 100, 0)+row6(prefix1, mac1, 50, 0, 0)+row6(netip.MustParsePrefix("2001:db8:12::/48"), mac2, 60, 9, 0)+row6(prefix1, "", 90, 9, 1)), uint8(1))
	f.Add([]byte(kea6Header+row6(netip.MustParsePrefix("2001:db8:12:3400::/60"), mac1, 0, 100, 0)+strings.Replace(row6(prefix1, mac2, 50, 100, 0), ",56,", ",x,", 1)), uint8(1))
	f.Fuzz(func(t *testing.T, data []byte, skew uint8) {
		if len(data) > 16<<10 {
			return
		}
		b := New(Limits{Memory: 1 << 20})
		if err := b.ReadLeases(strings.NewReader(string(data)), "l", Options{}); err != nil && strings.ContainsFunc(err.Error(), func(r rune) bool { return r < ' ' }) {
			t.Fatalf("error %q", err)
		}
		checkBook(t, b, skew)
	})
}

// checkBook asks about the edges of everything in a book.
func checkBook(t *testing.T, b *Book, skew uint8) {
	t.Helper()
	for _, w := range b.Warnings() {
		if strings.ContainsFunc(w.Msg, func(r rune) bool { return r < ' ' || r == 0x7f }) {
			t.Fatalf("a terminal would get %q", w.Msg)
		}
	}
	histories := b.sorted().histories
	places := map[place]netip.Prefix{}
	for p := range b.prefixes {
		where, _ := b.place6(0, p)
		places[where] = p
	}
	for where, h := range histories {
		inside, ok := places[where]
		if !ok {
			inside = netip.PrefixFrom(where.addr(), 32)
		}
		for _, s := range h.segments {
			if s.from > s.to || s.sureFrom <= s.sureTo && (s.sureFrom < s.from || s.sureTo > s.to) {
				t.Fatalf("segment %+v", s)
			}
			for _, second := range []int64{s.sureFrom, s.sureTo, s.from, s.to} {
				when := time.Unix(max(min(second, 1<<40), -1<<40), 0)
				a := b.AtPrefix("", inside, when, when, time.Duration(skew)*time.Second)
				if a.Status == 0 || a.Status == One && (len(a.Candidates) == 0 || a.Why != 0) || a.Status == Nobody && len(a.Candidates) > 0 || a.Status == Several && len(a.Candidates) < 2 {
					t.Fatalf("answer %+v", a)
				}
				if a.Status != One && a.Status != Nobody && a.Why == 0 {
					t.Fatalf("answer without a reason: %+v", a)
				}
			}
		}
	}
}
