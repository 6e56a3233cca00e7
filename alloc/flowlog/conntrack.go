package flowlog

import (
	"bytes"
	"net/netip"
	"time"
)

// A tracked is what a line of conntrack says.
type tracked struct {
	flow      Flow
	kind      byte // 'N'ew, 'U'pdate, 'D'estroy; 0 in a list
	at        time.Time
	untimed   bool
	needsZone bool
	// ends are the two tuples: how the first packet went, and how the answer comes.
	ends  [2]tuple
	delta int64 // delta-time in seconds, -1 when it is missing
	start [2]time.Time
	stop  [2]time.Time
}

// A tuple is one direction of a connection.
type tuple struct {
	src, dst     netip.Addr
	sport, dport uint16
	id           uint16 // of ICMP
	hasID        bool
}

// conntrack is the parser of Reader.
func (d *Reader) conntrack(line []byte) (Flow, string) {
	if bytes.HasPrefix(line, []byte("conntrack v")) {
		return Flow{}, notFlow
	}
	c, problem := parseConntrack(line, &d.clock)
	if problem != "" {
		return Flow{}, problem
	}
	if c.untimed {
		if d.opts.Taken.IsZero() {
			return Flow{}, "the line has no time"
		}
		c.at = d.opts.Taken
	}
	return c.whole()
}

// whole returns the flow.
func (c *tracked) whole() (Flow, string) {
	f := c.flow
	if !c.times(&f) {
		return f, "the flow ends before it begins"
	}
	out, back := c.ends[0], c.ends[1]
	if f.Protocol == 1 || f.Protocol == 58 {
		out.sport, out.dport, back.sport, back.dport = out.id, 0, 0, back.id
	}
	f.Source, f.Destination = netip.AddrPortFrom(out.src, out.sport), netip.AddrPortFrom(out.dst, out.dport)
	f.Outside = netip.AddrPortFrom(back.dst, back.dport)
	if back.dst == out.src && back.src != out.dst { // a flow that came in
		f = f.turned(netip.AddrPortFrom(back.src, back.sport), f.Destination)
	}
	return f, ""
}

const (
	// eventLag is how long an event may be on its way from the kernel to conntrack, whose clock stamps it.
	eventLag = time.Second
	// sweepLag is how long the kernel may take to find an entry that has run out, which is when it tells that it is destroyed. It looks
	// at all of its table once a minute.
	sweepLag = 2 * time.Minute
)

// times writes when the flow lived. delta-time, [start=...] and [stop=...] have whole seconds.
func (c *tracked) times(f *Flow) bool {
	b := bounds{more: forever}
	if c.delta >= 0 {
		b.span, b.more = time.Duration(c.delta)*time.Second, wholeSecond
	}
	switch {
	case c.kind == 'N':
		f.From, f.To, f.Before, f.Later = c.at, c.at, eventLag, true
		return true
	case !c.stop[0].IsZero():
		b.ended = [2]time.Time{c.stop[0], c.stop[1].Add(wholeSecond)}
	case c.kind == 'D':
		b.ended = [2]time.Time{c.at.Add(-sweepLag), c.at}
	default:
		return c.alive(f)
	}
	switch {
	case !c.start[0].IsZero():
		b.began = [2]time.Time{c.start[0], c.start[1].Add(wholeSecond)}
	case c.delta >= 0:
		b.began = [2]time.Time{b.ended[0].Add(-b.span - b.more), b.ended[1].Add(-b.span)}
	default:
		f.From, f.To, f.Vague, f.Earlier = b.ended[0], b.ended[1], true, true
		return true
	}
	return b.into(f)
}

// alive writes that the flow lives at the time of the line.
func (c *tracked) alive(f *Flow) bool {
	f.From, f.To, f.Later = c.at, c.at, true
	switch {
	case !c.start[0].IsZero():
		f.From = earliest(c.start[1].Add(wholeSecond), c.at)
		f.Before = f.From.Sub(c.start[0])
	case c.delta >= 0:
		f.Span = time.Duration(c.delta) * time.Second
		f.From, f.Before = c.at.Add(-f.Span), wholeSecond
	default:
		f.Earlier = true
	}
	return f.Before >= 0
}

// parseConntrack reads one line:
//
//	[1767225600.123456]	    [NEW] ipv4     2 tcp      6 120 SYN_SENT src=100.64.0.2 dst=203.0.113.9 sport=40000 dport=443 [UNREPLIED] src=...
func parseConntrack(line []byte, clk *clock) (c tracked, problem string) {
	c.delta, c.untimed = -1, true
	line, problem = c.label(line)
	if problem != "" {
		return c, problem
	}
	var word []byte
	word, line = next(line)
	if string(word) == "ipv4" || string(word) == "ipv6" {
		_, line = next(line)
		word, line = next(line)
	}
	name := word
	word, line = next(line)
	number, ok := parseNumber(word, 255)
	if _, known := protocols[string(name)]; !ok || !known && string(name) != "unknown" {
		return c, "no protocol stands where conntrack has it"
	}
	c.flow.Protocol = uint8(number)
	tuples := 0
	for len(line) > 0 {
		if bytes.HasPrefix(line, []byte("[start=")) || bytes.HasPrefix(line, []byte("[stop=")) {
			if line, ok = c.stamp(line, clk); !ok {
				return c, "[start=...] or [stop=...] is no time"
			}
			continue
		}
		word, line = next(line)
		key, value, pair := bytes.Cut(word, []byte("="))
		if !pair {
			continue
		}
		if string(key) == "src" {
			tuples++
		}
		if tuples > 2 || !c.field(key, value, tuples) {
			return c, "src, dst, sport, dport, id or delta-time is none, or at the wrong place"
		}
	}
	if tuples != 2 || !c.ends[0].dst.IsValid() || !c.ends[1].dst.IsValid() {
		return c, "there are not two directions with src and dst"
	}
	return c, ""
}

// label reads what stands in brackets before the protocol.
func (c *tracked) label(line []byte) (rest []byte, problem string) {
	for {
		line = bytes.TrimLeft(line, " \t")
		if len(line) == 0 || line[0] != '[' {
			return line, ""
		}
		end := bytes.IndexByte(line, ']')
		if end < 0 {
			return line, "a bracket does not close"
		}
		text := bytes.TrimSpace(line[1:end])
		line = line[end+1:]
		switch string(text) {
		case "NEW", "UPDATE", "DESTROY":
			c.kind = text[0]
		default:
			at, ok := parseEpoch(text)
			if !ok {
				return line, "the time in brackets is none"
			}
			c.at, c.untimed = at, false
		}
	}
}

// next returns the first word of a line and what follows it.
func next(line []byte) (word, rest []byte) {
	line = bytes.TrimLeft(line, " \t")
	end := bytes.IndexAny(line, " \t")
	if end < 0 {
		return line, nil
	}
	return line[:end], bytes.TrimLeft(line[end:], " \t")
}

// field takes key=value of the tuple n, from 1.
func (c *tracked) field(key, value []byte, n int) (ok bool) {
	if string(key) == "delta-time" {
		delta, ok := parseNumber(value, maxEpoch)
		c.delta = int64(min(delta, 1<<31))
		return ok
	}
	t := &c.ends[max(n, 1)-1]
	switch string(key) {
	case "src":
		t.src, ok = parseAddr(value)
	case "dst":
		t.dst, ok = parseAddr(value)
	case "sport":
		t.sport, ok = parsePort(value)
	case "dport":
		t.dport, ok = parsePort(value)
	case "id":
		if n == 0 || t.hasID || c.flow.Protocol != 1 && c.flow.Protocol != 58 {
			return true // of -o id: the number of the entry
		}
		t.id, ok = parsePort(value)
		t.hasID = true
	default:
		return true
	}
	return ok && n > 0
}

// stamp reads [start=Thu Jan  1 00:00:00 2026], which has no zone.
func (c *tracked) stamp(line []byte, clk *clock) (rest []byte, ok bool) {
	end := bytes.IndexByte(line, ']')
	key, text, _ := bytes.Cut(line[1:max(end, 1)], []byte("="))
	if end < 0 {
		return nil, false
	}
	c.needsZone = true
	rest = bytes.TrimLeft(line[end+1:], " \t")
	naive, err := time.Parse(time.ANSIC, string(text))
	if err != nil {
		return nil, false
	}
	if clk.zone == nil {
		return rest, true // refused later, where the error can say why
	}
	early, late, ok := localTime(naive.Unix(), clk.zone)
	if both := [2]time.Time{time.Unix(early, 0).UTC(), time.Unix(late, 0).UTC()}; string(key) == "start" {
		c.start = both
	} else {
		c.stop = both
	}
	return rest, ok
}
