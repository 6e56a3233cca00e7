package holder

import (
	"net/netip"
	"slices"
)

// An unsized is an unread of DHCPv6 of which the address can be read, and not how long its prefix is.
type unsized struct {
	unread // where is 0
	realm  uint32
	addr   netip.Addr
}

// addUnsized keeps what can be read of a record that is rejected.
func (b *Book) addUnsized(u unsized) {
	b.unsized = append(b.unsized, u)
	for _, some := range b.lengths {
		if some {
			b.need(costUnread)
		}
	}
	b.need(costUnread)
}

// unsizedStays appends their stays to each prefix that holds the address. Somebody who certainly has one of these then has the address, and so ends them.
func (b *Book) unsizedStays(out map[place][]segment) {
	if len(b.unsized) == 0 {
		return
	}
	type bounds struct{ begins, ends []int64 }
	known := map[place]bounds{}
	stays := map[place][]segment{}
	for _, u := range b.unsized {
		places := b.placesOf(u, out)
		s := u.stay(b, nil, nil)
		for _, where := range places {
			e, ok := known[where]
			if !ok {
				e.begins, e.ends = edges(out[where])
				known[where] = e
			}
			one := u.stay(b, e.begins, e.ends)
			s.from, s.to = max(s.from, one.from), min(s.to, one.to)
		}
		for _, where := range places {
			stays[where] = append(stays[where], s)
		}
	}
	for where, some := range stays {
		slices.SortStableFunc(some, compareUnread)
		some = slices.CompactFunc(some, func(a, c segment) bool { return compareUnread(a, c) == 0 })
		out[where] = append(out[where], some...)
	}
}

// placesOf returns the prefixes of which there are records and that hold the address. Where none of them can be the one that the record is about, or hold it,
// the shortest that begins with the address is among them, of the lengths that other records have: who asks about a part of it finds it there.
func (b *Book) placesOf(u unsized, out map[place][]segment) (found []place) {
	for bits, some := range b.lengths {
		p, err := u.addr.Prefix(bits)
		if !some || err != nil {
			continue
		}
		where, ok := b.place6(u.realm, p)
		if ok {
			_, ok = out[where]
		}
		if !ok && len(found) == 0 && p.Addr() == u.addr {
			where, ok = b.number6(u.realm, p), true
		}
		if ok {
			found = append(found, where)
		}
	}
	return found
}

// number6 returns the place of a prefix of IPv6, and makes it known.
func (b *Book) number6(realm uint32, p netip.Prefix) place {
	if _, ok := b.prefixes[p]; !ok {
		b.prefixes[p] = uint32(len(b.prefixes))
		b.need(costPrefix)
	}
	where, _ := b.place6(realm, p)
	return where
}
