package request

import (
	"slices"
	"strings"
	"time"
)

// A netflowParser reads "time proto=TCP src=… dst=…" and the long output of nfdump. The source of a flow is asked for.
type netflowParser struct{ *settings }

// nfdumpNoise are the beginnings of lines that nfdump writes besides flows.
var nfdumpNoise = []string{"date first seen", "event time", "summary:", "time window:", "total flows processed:", "total records processed:", "total flows:", "blocks skipped:", "sys:", "runtime:", "no matched flows", "ident:"}

func isNfdumpNoise(lower string) bool {
	for _, noise := range nfdumpNoise {
		if strings.HasPrefix(lower, noise) {
			return true
		}
	}
	return false
}

// isNetflow reports whether a line, in lower case, is one of flow tools.
func isNetflow(lower string) bool {
	if strings.HasPrefix(lower, "date first seen") || strings.HasPrefix(lower, "event time ") && strings.Contains(lower, " x-src ip addr:port") {
		return true
	}
	keys := 0
	for word := range strings.FieldsSeq(lower) {
		if name, _, ok := strings.Cut(word, "="); ok {
			if r, _ := roleOf(name); r == roleAddress || r == roleDestination {
				keys++
			}
		}
	}
	words := strings.Fields(lower)
	return keys > 0 || isNfdump(words) || isEvent(words)
}

// isEvent reports whether words are date, clock, event, perhaps another one, protocol, source, arrow, destination, and the latter three as they are translated:
// what nfdump prints of the log of a NAT.
func isEvent(words []string) bool {
	if len(words) < 10 || strings.Count(words[0], "-") != 2 || strings.Count(words[1], ":") != 2 || !isEventName(words[2]) {
		return false
	}
	at := arrow(words)
	return (at == 5 || at == 6) && len(words) >= at+5 && words[at+3] == "->"
}

// isEventName reports whether a word is what nfdump calls an event, in lower case or as it is, and not the zone of the time before it.
func isEventName(word string) bool {
	lower := strings.ToLower(word)
	return events[lower] || len(lower) > 5 && isLetter(lower[0]) && !isUTC(word) && !strings.Contains(word, "/")
}

// events are those of nfdump with short names.
var events = setOfWords("add deny alert block bind new del")

// arrow returns where the first arrow stands, or -1.
func arrow(words []string) int { return slices.Index(words, "->") }

// isNfdump reports whether words are date, clock, duration, protocol, source, arrow, destination.
func isNfdump(words []string) bool {
	return len(words) >= 7 && strings.Count(words[0], "-") == 2 && strings.Count(words[1], ":") == 2 && isDigit(words[2][0]) && (words[5] == "->" || words[5] == "<->")
}

func (p netflowParser) parse(line string) (r Request, ok bool, err error) {
	if isNfdumpNoise(strings.ToLower(strings.TrimSpace(line))) {
		return r, false, nil
	}
	switch words := strings.Fields(line); {
	case isNfdump(words):
		r, err = p.nfdump(words)
	case isEvent(words):
		r, err = p.event(words)
	default:
		r, err = p.pairs(line)
	}
	r.Packet = err == nil
	return r, true, err
}

// pairs reads a line of name=value. What stands before the first is the time; what stands between must be words.
func (p netflowParser) pairs(line string) (r Request, err error) {
	it := item{}
	var last role
	for rest, n := line, 0; rest != ""; n++ {
		name, value, at, after := nextPair(rest)
		alone := strings.TrimSpace(rest[:at])
		switch {
		case n == 0 && name == "":
			return r, refuse(ErrUnparsable, "this is no flow: want time proto=TCP src=1.2.3.4:5 dst=5.6.7.8:443, or the long output of nfdump")
		case n == 0 && alone != "":
			err = it.set(roleTime, false, beforeHost(alone))
		case strings.ContainsAny(alone, "0123456789"):
			err = refuse(ErrUnparsable, "%s belongs to no name: put values with blanks in quotes", quoted(alone))
		case isTimeRole(last) && !it.utc[last] && saysZone(it.values[last], alone):
			err = about("time", it.values[last]+" "+alone, refuse(ErrZone, "what stands behind the time may be its zone: put both in quotes if it is, and else write the zone into the time"))
		}
		if err != nil {
			return r, err
		}
		role, utc := roleOf(name)
		role = savingOr(role, isDST(name), value)
		if role == 0 && (isZoneLabel(name) || strings.HasPrefix(normal(name), "tz")) {
			role = roleZone // such as tzname: the time before it is not read without it
		}
		if role != 0 {
			if err := it.setPort(role, utc, role == rolePort && isBarePort(name), value); err != nil {
				return r, err
			}
		} else {
			it.field(natureOf(name), value)
		}
		rest, last = after, role
	}
	return it.request(p.settings)
}

// saysZone reports whether words behind a time without a zone may be its zone, or make something else of the zone that it has.
func saysZone(value, behind string) bool {
	st, err := parseStamp(value, DayFirst)
	words := strings.FieldsFunc(behind, func(r rune) bool { return strings.ContainsRune(" \t,;()", r) })
	if len(words) == 0 || err == nil && !st.epoch.IsZero() {
		return false
	}
	return err != nil || !st.zoned || !isZoneComment(words[0], st.offset == 0, true)
}

// beforeHost returns the time of a line of syslog, which host and program follow, or else all of text. The time must be whole:
// if it had no zone, the next word could be one.
func beforeHost(text string) string {
	first, _, _ := strings.Cut(text, " ")
	if st, err := parseStamp(first, 0); err == nil && st.year != 0 && st.zoned && st.precision > toDay {
		return first
	}
	return text
}

// nextPair returns the next name=value or name="value" of a line and where it begins; behind the last the name is empty, and
// the place the end.
func nextPair(line string) (name, value string, at int, rest string) {
	for i := 0; i < len(line); {
		start := i
		for i < len(line) && line[i] != ' ' && line[i] != '\t' && line[i] != '=' && line[i] != ',' {
			i++
		}
		if i == len(line) || line[i] != '=' || i == start {
			i++
			continue
		}
		name, value = line[start:i], line[i+1:]
		end := strings.IndexAny(value, " \t,")
		if strings.HasPrefix(value, `"`) {
			if quote := strings.IndexByte(value[1:], '"'); quote >= 0 {
				return name, value[1 : quote+1], start, value[quote+2:]
			}
		}
		if end < 0 {
			end = len(value)
		}
		return name, value[:end], start, value[end:]
	}
	return "", "", len(line), ""
}

// nfdump reads date, clock, duration, protocol, source, arrow, destination.
func (p netflowParser) nfdump(words []string) (r Request, err error) {
	if r, err = p.ends(words[3], words[4], words[6]); err != nil {
		return r, err
	}
	st, err := p.began(&r, words)
	if err != nil {
		return r, err
	}
	d, unit, err := duration(words[2])
	if err == nil && d > 0 {
		r.To = r.To.Add(d + max(unit, st.unit)) // it may have begun as late as that
	}
	return r, err
}

// ends reads protocol, source and destination.
func (p netflowParser) ends(proto, source, target string) (r Request, err error) {
	if r.Proto, err = parseProto(proto); err != nil {
		return r, err
	}
	source = strings.TrimSuffix(source, ":0")
	e, err := parseEndpoint(source)
	if err != nil {
		return r, err
	}
	r.Outside, r.Port, r.HasPort = e.addr, e.port, e.hasPort
	if r.Proto == "icmp" || strings.HasSuffix(target, ":0") {
		target, _, _ = strings.Cut(target, ":") // type and code
	}
	r.Destination, err = parseDestination(target, "")
	return r, err
}

// began reads date and clock.
func (p netflowParser) began(r *Request, words []string) (stamp, error) {
	text := words[0] + " " + words[1]
	st, err := parseStamp(text, p.dates)
	if err == nil {
		r.From, r.To, err = p.placed(st.resolve)
	}
	if err != nil {
		return st, about("time", text, err)
	}
	return st, nil
}

// event reads a line of the log of a NAT. Where the source was translated, what it became is asked for: that is what others saw.
// Of the destination they saw what it was before: what came in and was forwarded was sent to an outside address.
func (p netflowParser) event(words []string) (r Request, err error) {
	at := arrow(words)
	source, target := words[at-1], words[at+1]
	if x := words[at+2]; !strings.HasPrefix(x, "0.0.0.0:") {
		source = x
	}
	if r, err = p.ends(words[at-2], source, target); err == nil {
		_, err = p.began(&r, words)
	}
	return r, err
}

// maxDuration is the longest flow: longer ones are a collector's error.
const maxDuration = 366 * 24 * time.Hour

// duration reads the duration of a flow: 0.456, or 00:00:00.456 as of nfdump 1.7. unit is what its last digit counts.
func duration(text string) (d, unit time.Duration, err error) {
	c := cursor{s: text}
	n, width := c.digits()
	d, unit = time.Duration(n)*time.Second, time.Second
	if c.at(0) == ':' {
		st := stamp{}
		k := cursor{s: text}
		if err := k.hours(&st, false); err != nil || !k.end() {
			return 0, 0, about("duration", text, refuse(ErrTime, "want seconds, or hours, minutes and seconds"))
		}
		return time.Duration(st.hour)*time.Hour + time.Duration(st.minute)*time.Minute + time.Duration(st.second)*time.Second + time.Duration(st.nano), max(st.unit, 1), nil
	}
	if c.accept('.') {
		nano, last := c.fraction()
		d, unit = d+time.Duration(nano), last
	}
	if width < 1 || width > 9 || !c.end() || d > maxDuration {
		return 0, 0, about("duration", text, refuse(ErrTime, "want seconds, or hours, minutes and seconds"))
	}
	return d, unit, nil
}
