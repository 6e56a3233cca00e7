package holder

import (
	"math"
	"strconv"
	"strings"
	"time"
)

// maxDrift is the number of seconds by which two clocks may differ without a word: rounding, and the way to the server.
const maxDrift = 2

// maxClock is the number of seconds from which a NAS clock is not behind or ahead but wrong.
const maxClock = 86400

// stamp says when the event of a packet happened. warning is what somebody should look at; bad is why the packet has no time.
func (p *packet) stamp(zone *time.Location) (t stamp, warning, bad string) {
	wait, ok := number(p.values[delay])
	if !ok {
		return t, "", "Acct-Delay-Time is no number"
	}
	event, haveEvent, problem := eventTimestamp(string(p.values[eventTime]), zone)
	received, haveReceived := epoch(string(p.values[receivedTime]))
	switch {
	case haveEvent && haveReceived:
		return reconcile(event, received-wait)
	case haveEvent: // nothing says whether it is the time of the event or of the packet
		return stamp{event - wait, event}, "", ""
	case haveReceived:
		return stamp{received - wait, received - wait}, problem, ""
	case problem != "":
		return t, "", problem
	case len(p.values[eventTime]) > 0 || len(p.values[receivedTime]) > 0:
		return t, "", "Event-Timestamp or Timestamp is no time"
	case zone == nil:
		return t, "", "there is no Event-Timestamp and no Timestamp, and the date in the first line has no zone; say which zone it is in"
	}
	date, ok := wallClock(time.ANSIC, string(p.date), zone)
	if !ok {
		return t, "", "there is no Event-Timestamp and no Timestamp, and the date in the first line is none of this zone"
	}
	return date, "the time is the date in the first line, in the zone that was given", ""
}

// reconcile joins what the NAS and the server say.
func reconcile(event, received int64) (t stamp, warning, bad string) {
	early, late := min(event, received), max(event, received)
	switch {
	case late-early <= maxDrift:
		return stamp{event, event}, "", ""
	case late-early >= maxClock:
		return stamp{received, received}, "Event-Timestamp is a day or more away from Timestamp: the clock of the NAS is wrong, and Timestamp counts", ""
	}
	return stamp{early, late}, "", ""
}

// number reads a count of seconds; nothing is 0.
func number(s []byte) (int64, bool) {
	if len(s) == 0 {
		return 0, true
	}
	n, err := strconv.ParseUint(string(s), 10, 32)
	return int64(n), err == nil
}

// maxEpoch is the last second that counts as a time: the end of the year 9999.
const maxEpoch = 253402300799

func epoch(s string) (int64, bool) {
	n, err := strconv.ParseInt(s, 10, 64)
	return n, err == nil && n >= 0 && n <= maxEpoch
}

// eventTimestamp reads "Mar  1 2026 12:34:56 UTC", RFC 3339, or seconds since 1970. problem is not empty when the stamp is
// one that only a zone would explain.
func eventTimestamp(s string, zone *time.Location) (at int64, ok bool, problem string) {
	if n, ok := epoch(s); ok {
		return n, true, ""
	}
	if t, err := time.Parse(time.RFC3339, s); err == nil {
		return inRange(t)
	}
	cut := strings.LastIndexByte(s, ' ')
	if cut < 0 {
		return 0, false, ""
	}
	const layout = "Jan _2 2006 15:04:05"
	clock, name := s[:cut], s[cut+1:]
	if name == "UTC" || name == "GMT" || name == "Z" {
		if t, err := time.Parse(layout, clock); err == nil {
			return inRange(t)
		}
		return 0, false, ""
	}
	for _, offset := range []string{" -0700", " -07:00", " -07"} {
		if t, err := time.Parse(layout+offset, s); err == nil {
			return inRange(t)
		}
	}
	if _, err := time.Parse(layout, clock); err != nil {
		return 0, false, ""
	}
	return abbreviated(layout, clock, name, zone)
}

// abbreviated reads a clock with the abbreviation of a zone. The same letters stand for several zones, so only the zone
// that was given counts; of an hour that comes twice the letters choose one.
func abbreviated(layout, clock, name string, zone *time.Location) (at int64, ok bool, problem string) {
	if zone != nil {
		if both, ok := wallClock(layout, clock, zone); ok {
			for _, at := range []int64{both.early, both.late} {
				if got, _ := time.Unix(at, 0).In(zone).Zone(); got == name {
					return at, true, ""
				}
			}
		}
	}
	return 0, false, "Event-Timestamp has a zone of which only letters are known; say which zone it is"
}

func inRange(t time.Time) (int64, bool, string) {
	at := t.Unix()
	return at, at >= 0 && at <= maxEpoch, ""
}

// wallClock returns when a clock in a zone showed this: two times in an hour that summer time repeats, none in one that it
// leaves out.
func wallClock(layout, s string, zone *time.Location) (stamp, bool) {
	naive, err := time.Parse(layout, s)
	if err != nil {
		return stamp{}, false
	}
	out := stamp{math.MaxInt64, math.MinInt64}
	local := naive.Unix()
	for _, near := range []int64{local - maxClock, local + maxClock} { // the offsets before and after a change
		_, offset := time.Unix(near, 0).In(zone).Zone()
		at := local - int64(offset)
		if _, really := time.Unix(at, 0).In(zone).Zone(); really == offset && at >= 0 && at <= maxEpoch {
			out.early, out.late = min(out.early, at), max(out.late, at)
		}
	}
	return out, out.early <= out.late
}
