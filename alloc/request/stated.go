package request

import (
	"iter"
	"slices"
	"time"
)

// maxStated is the number of zones that an input can state.
const maxStated = 8

// Stated are the zones that an input states outside of its questions: "All times are UTC.", and what it says about ports. All parts of a mail share them.
type Stated struct {
	zones []statedZone
	ports portsStated
	whole bool // whether all of the input was read for them
}

// A statedZone is one of them; zone is nil where it is not one thing to everybody.
type statedZone struct {
	text string
	zone *time.Location
}

// add takes a zone, unless it is known. Behind too many there is one that nobody can know.
func (s *Stated) add(text string, zone *time.Location) {
	known := func(other statedZone) bool {
		return zone == nil && other.zone == nil || zone != nil && other.zone != nil && sameZone(zone, other.zone)
	}
	if len(s.zones) > maxStated || slices.ContainsFunc(s.zones, known) {
		return
	}
	if len(s.zones) == maxStated {
		zone = nil
	}
	s.zones = append(s.zones, statedZone{clip(text, maxGiven), zone})
}

// sameZone reports whether two zones have one name, and one offset where they have none.
func sameZone(a, b *time.Location) bool {
	_, x := time.Unix(0, 0).In(a).Zone()
	_, y := time.Unix(0, 0).In(b).Zone()
	return a.String() == b.String() && x == y
}

// heed takes what a line states. A statement is a sentence: of a long line each part is looked at with what stands around it, so that the work grows with the
// line and not with its square.
func (s *settings) heed(line string) {
	for p := range passages(line) {
		for _, f := range s.statedIn(p.text) {
			if p.from <= f.at && f.at < p.to {
				s.stated.add(around(p.text, f.at), f.zone)
			}
		}
	}
}

// A passage is a part of a line; what is found in it counts where it stands between from and to, and else in the passage before or behind it.
type passage struct {
	text     string
	from, to int
}

// maxPassage is the length of a passage: half of it counts, and a quarter on each side is around that.
const maxPassage = 2048

// passages cuts a line into passages that overlap. A line that is not longer than one is one.
func passages(line string) iter.Seq[passage] {
	return func(yield func(passage) bool) {
		for start, from := 0, 0; ; start, from = start+maxPassage/2, maxPassage/4 {
			if len(line)-start <= maxPassage {
				yield(passage{line[start:], from, len(line) - start + 1})
				return
			}
			if !yield(passage{line[start : start+maxPassage], from, 3 * maxPassage / 4}) {
				return
			}
		}
	}
}

// around returns what an error quotes of a line of which the place matters.
func around(line string, at int) string {
	if len(line) <= maxGiven {
		return line
	}
	start := max(0, min(at-3*maxGiven/4, len(line)-maxGiven))
	for start > 0 && line[start-1] != ' ' && start < at {
		start++
	}
	return line[start:]
}

// placed reads a time in the zone of the option. Where the input states another zone, in which the time would be another, it is
// refused.
func (s *settings) placed(read func(zone *time.Location) (from, to time.Time, err error)) (from, to time.Time, err error) {
	from, to, err = read(s.zone)
	if err != nil || s.stated == nil || s.zone == nil {
		return from, to, err
	}
	for _, other := range s.stated.zones {
		zone := other.zone
		if zone == nil {
			zone = time.FixedZone("", unlikely) // only a time that has a zone itself is the same there
		}
		a, b, err := read(zone)
		if err != nil || !a.Equal(from) || !b.Equal(to) {
			return time.Time{}, time.Time{}, refuse(ErrZone, "the input says %s, and that is not the zone that was given as an option: find out which is right, and write it behind the time", quoted(other.text))
		}
	}
	return from, to, nil
}

// unlikely is an offset that no zone has, in seconds.
const unlikely = 15*3600 + 1
