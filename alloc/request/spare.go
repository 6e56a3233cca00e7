package request

import (
	"strings"
	"time"
)

// A spare is a name of a time that says its zone in words that others use for a second time beside the one that is meant: "UTC
// time", "Time UTC-3". It counts where no other name says when.
type spare struct {
	role role
	utc  bool
	zone string // an offset behind UTC or GMT; "" where utc is set
	note string // what the name has in brackets: a zone, or how times are written
}

// A spareValue is a value with such a name.
type spareValue struct {
	spare
	value string
}

// spareOf returns what a name without a role is, if it is a spare; its role is 0 otherwise.
func spareOf(name string) spare {
	lower := strings.ToLower(name)
	switch {
	case len(name) > maxName || len(lower) != len(name):
		return spare{}
	case !strings.Contains(lower, "utc") && !strings.Contains(lower, "gmt"):
		return notedOf(name)
	}
	n := normal(name)
	if n == "utc" || n == "gmt" {
		return spare{utc: true} // which only has to be the same, if it is a clock
	}
	for _, zone := range [...]string{"utc", "gmt"} {
		for _, short := range [...]string{strings.TrimPrefix(n, zone), strings.TrimSuffix(n, "in"+zone), strings.TrimSuffix(n, "em"+zone), strings.TrimSuffix(n, "en"+zone)} {
			if r := roles[short]; short != n && isTimeRole(r) {
				return spare{role: r, utc: true}
			}
		}
		at := strings.LastIndex(lower, zone)
		if at < 0 || at+3 >= len(name) {
			continue
		}
		text := strings.TrimRight(name[at:], " )]")
		if _, err := new(settings).parseZone(text); err != nil {
			continue
		}
		if r := roles[normal(name[:at])]; isTimeRole(r) {
			return spare{role: r, zone: text}
		}
	}
	return notedOf(name)
}

// notedOf returns what a name with brackets is: "time (CET)", "Date (MM/DD/YYYY)".
func notedOf(name string) spare {
	if p := newPair(name); p.note != "" && isTimeRole(p.role) {
		return spare{role: p.role, note: p.note}
	}
	return spare{}
}

func isTimeRole(r role) bool { return roleTime <= r && r < roleZone }

// useSpares sets the values of spares, unless something else says when.
func (it *item) useSpares(s *settings) error {
	given := it.values
	for _, sp := range it.spares {
		other := given[roleTime] != "" || given[sp.role] != ""
		for r := roleFrom; r < roleZone; r++ {
			other = other || sp.role < roleFrom && given[r] != ""
		}
		if other || sp.role == 0 || isNothing(strings.TrimSpace(sp.value)) {
			continue
		}
		if err := it.set(sp.role, sp.utc, sp.value); err != nil {
			return err
		}
		if err := it.note(s, sp.note); err != nil {
			return err
		}
		if sp.zone == "" {
			continue
		}
		if err := it.set(roleZone, false, sp.zone); err != nil {
			return err
		}
	}
	return nil
}

// maxSpares is how many values of spares are kept.
const maxSpares = 16

// spare keeps the value of a spare.
func (it *item) spare(sp spare, value string) {
	if (sp.role != 0 || sp.utc) && len(it.spares) < maxSpares {
		it.spares = append(it.spares, spareValue{sp, value})
	}
}

// agreesWithUTC refuses a time beside which another one, whose name says its zone, is a different one.
func (it *item) agreesWithUTC(from, to time.Time, order DateOrder) error {
	for _, sp := range it.spares {
		if !sp.utc && sp.zone == "" || !hasClock(sp.value) {
			continue
		}
		zone := time.UTC
		if sp.zone != "" {
			zone, _ = new(settings).parseZone(sp.zone) // spareOf has read it
		}
		other, err := parseStamp(sp.value, order)
		if err == nil && other.year == 0 {
			other, err = parseStamp(from.In(zone).Format(time.DateOnly)+" "+strings.TrimSpace(sp.value), order)
		}
		if err != nil {
			continue
		}
		first, last, err := other.resolve(zone)
		if err == nil && (!first.Before(to) || !from.Before(last)) && !first.Equal(from) {
			return refuse(ErrZone, "%s stands beside it in %s, and is another time: keep the one that is right", quoted(sp.value), zone)
		}
	}
	return nil
}
