package flowlog

import (
	"bytes"
	"time"
)

// maxEpoch is the last second that counts as a time: the end of the year 9999.
const maxEpoch = 253402300799

// A clock turns local times into instants. It remembers the last minute, for records come in order.
type clock struct {
	zone   *time.Location
	minute [16]byte // "2026-03-01 12:34"
	early  int64    // the second with which that minute begins
	late   int64    // and once more, in an hour that summer time repeats
	some   bool     // whether there was such a minute at all
}

// parse reads "2026-03-01 12:34:56.789", also with a T, or seconds since 1970 such as 1772368496.789. Of a time that comes
// twice it returns both.
func (c *clock) parse(s []byte) (early, late time.Time, ok bool) {
	if len(s) < 19 || s[4] != '-' {
		t, ok := parseEpoch(s)
		return t, t, ok
	}
	second, ok := parseNumber(s[17:19], 60)
	nanos, ok2 := parseFraction(s[19:])
	if !ok || !ok2 || s[16] != ':' {
		return early, late, false
	}
	if !bytes.Equal(c.minute[:], s[:16]) && !c.find(s[:16]) || !c.some {
		return early, late, false
	}
	return time.Unix(c.early+int64(second), nanos).UTC(), time.Unix(c.late+int64(second), nanos).UTC(), true
}

// find looks a minute up. ok is false when the text is none.
func (c *clock) find(s []byte) bool {
	layout := "2006-01-02 15:04"
	if s[10] == 'T' {
		layout = "2006-01-02T15:04"
	}
	naive, err := time.Parse(layout, string(s))
	if err != nil || c.zone == nil {
		return false
	}
	copy(c.minute[:], s)
	c.early, c.late, c.some = localTime(naive.Unix(), c.zone)
	return true
}

// localTime returns when a clock showed a time: twice in an hour that summer time repeats, never in one that it leaves out.
func localTime(local int64, zone *time.Location) (early, late int64, ok bool) {
	const day = 86400
	for _, near := range []int64{local - day, local + day} { // the offsets before and after a change
		_, offset := time.Unix(near, 0).In(zone).Zone()
		at := local - int64(offset)
		if _, really := time.Unix(at, 0).In(zone).Zone(); really != offset || at < 0 || at > maxEpoch {
			continue
		}
		if !ok {
			early, late, ok = at, at, true
		}
		early, late = min(early, at), max(late, at)
	}
	return early, late, ok
}

// parseEpoch reads seconds since 1970 with or without a fraction.
func parseEpoch(s []byte) (time.Time, bool) {
	whole, fraction := s, s[:0]
	if dot := bytes.IndexByte(s, '.'); dot >= 0 {
		whole, fraction = s[:dot], s[dot:]
	}
	n, ok := parseNumber(whole, maxEpoch)
	nanos, ok2 := parseFraction(fraction)
	return time.Unix(int64(n), nanos).UTC(), ok && ok2
}

// parseFraction reads ".789" as nanoseconds; nothing is 0.
func parseFraction(s []byte) (int64, bool) {
	if len(s) == 0 {
		return 0, true
	}
	if s[0] != '.' || len(s) < 2 || len(s) > 10 {
		return 0, false
	}
	n, ok := parseNumber(s[1:], 999999999)
	for range 10 - len(s) {
		n *= 10
	}
	return int64(n), ok
}
