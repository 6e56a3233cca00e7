package request

import (
	"bufio"
	"strings"

	"github.com/cgnkit/cgnkit/alloc/internal/lines"
)

// xarfKeys are the names of X-ARF as normal writes them, from 0.1 to XARF 4. "Port" is not among them: it is the port that was
// attacked. Between first_seen and last_seen a dynamic address changes hands, so they only say where the time cannot be.
var xarfKeys = map[string]role{
	"source": roleAddress, "sourceip": roleAddress, "sourceidentifier": roleAddress, "sourcevalue": roleAddress, "srcip": roleAddress,
	"sourceport": rolePort, "srcport": rolePort,
	"date": roleTime, "timestamp": roleTime, "firstseen": roleFirstSeen, "lastseen": roleLastSeen,
	"protocol": roleProto, "sourceprotocol": roleProto,
	"destination": roleDestination, "destinationip": roleDestination, "destinationidentifier": roleDestination,
	"destinationport": roleDestinationPort,
}

// xarfNames reads members of JSON; those of version 3 are in an object Report, those of some tools in machine_readable.
var xarfNames = vocabulary{roleOf: xarfRole, lax: true}

func xarfRole(name string) (role, bool) {
	if len(name) > maxName {
		return 0, false
	}
	return xarfKeys[normal(withoutParent(withoutParent(name, "machine_readable"), "report"))], false
}

// withoutParent returns the name of a member without the object that it is in. Report-Date is in none: keys of that kind are
// about the report, and never about the event.
func withoutParent(name, parent string) string {
	if before, after, ok := strings.Cut(name, "."); ok && strings.EqualFold(before, parent) {
		return after
	}
	return name
}

// xarfScanner returns the scanner of reports in JSON or in lines of "Key: value".
func (s *settings) xarfScanner(in *bufio.Reader, head []byte) scanner {
	if text := strings.TrimLeft(string(head[:min(len(head), 100)]), " \t\r\n"); text != "" && (text[0] == '{' || text[0] == '[') {
		return s.jsonScanner(in, head, xarfNames)
	}
	return &xarfScanner{settings: s, lines: lines.Of(in, lineLimit)}
}

// isXARFLine reports whether a line, in lower case, is a key that only reports have.
func isXARFLine(lower string) bool {
	for _, key := range []string{"schema-url:", "source-type:", "report-type:", "reported-from:", "report-id:"} {
		if strings.HasPrefix(strings.TrimLeft(lower, " "), key) {
			return true
		}
	}
	return false
}

// An xarfScanner reads reports of "Key: value" lines, divided by "---".
type xarfScanner struct {
	*settings
	lines *lines.Lines
}

// A report is one while it is read.
type report struct {
	item
	line int
	text strings.Builder
	bad  error

	gap     bool            // behind a blank line
	foreign bool            // whether it began with a line that is none of a report
	keys    map[string]bool // that it has, as normal writes them
	other   string          // an address under a name that reports do not have
}

func (s *xarfScanner) scan(yield func(Request) bool) error {
	var at *report
	flush := func() bool {
		r := at
		at = nil
		return r == nil || r.foreign || s.prose && r.isEmpty() && r.bad == nil || yield(r.question(s.settings))
	}
	for s.lines.Next() {
		line := strings.TrimRight(spaced(s.lines.Line()), " ")
		if s.prose {
			line = withoutQuotes(line)
		}
		switch {
		case strings.HasPrefix(line, "---") || line == "...":
			if !flush() {
				return nil
			}
		case skipped([]byte(line)):
			at.blank(line)
			if r, ok := commented(line, s.lines.Number()); ok && !yield(r) {
				return nil
			}
		case strings.HasPrefix(line, "%"):
		default:
			if at.endsBefore(line) && !flush() {
				return nil
			}
			at = s.begun(at, line)
			if r, ok := s.take(at, line); ok && !yield(r) {
				return nil
			}
		}
	}
	if err := s.lines.Err(); err != nil {
		return err
	}
	flush()
	return nil
}

// withoutQuotes takes the marks of a quoted mail away, and leaves the blanks before a part of a list.
func withoutQuotes(line string) string {
	for {
		rest, ok := strings.CutPrefix(strings.TrimLeft(line, " "), ">")
		if !ok {
			return line
		}
		line = strings.TrimPrefix(rest, " ")
	}
}

// begun returns the report at hand, or the one that a line begins.
func (s *xarfScanner) begun(at *report, line string) *report {
	if at == nil {
		at = &report{line: s.lines.Number(), keys: map[string]bool{}, foreign: isForeign(line, s.prose)}
	}
	return at
}

// take adds a line to the report, or returns a refused question where it belongs to none.
func (s *xarfScanner) take(at *report, line string) (Request, bool) {
	at.gap = false
	if at.foreign || at.isBeside(line) {
		return beside(line, s.lines.Number())
	}
	if err := at.add(line, s.prose); err != nil && at.bad == nil {
		at.bad = err
	}
	return Request{}, false
}

// blank notes a blank line.
func (r *report) blank(line string) {
	if r != nil {
		r.gap = r.gap || strings.TrimSpace(line) == ""
	}
}

// add takes a line of a report.
func (r *report) add(line string, prose bool) error {
	if r.text.Len() < 4*maxText {
		r.text.WriteString(clip(line, maxText) + " ")
	}
	if line[0] == ' ' || line[0] == '\t' || line[0] == '-' {
		if role, _ := xarfRole(strings.TrimSpace(line[:max(strings.IndexByte(line, ':'), 0)])); role == 0 {
			r.beside(line)
			return nil // a continuation, or a list of something else
		}
	}
	key, value, ok := strings.Cut(line, ":")
	key = strings.TrimSpace(key)
	if !ok {
		if prose {
			return nil
		}
		return about("line", line, refuse(ErrUnparsable, "want Key: value"))
	}
	value = strings.Trim(value, " \t'\"")
	if len(r.keys) < maxBlock {
		r.keys[normal(key)] = true
	}
	if normal(key) == "sourcetype" {
		return sourceType(value)
	}
	role, utc := xarfRole(key)
	if role == 0 {
		if generic, _ := roleOf(key); generic == roleAddress && hasAddress(value) {
			r.other = value
		}
		return r.item.other(key, value)
	}
	if role == roleProto {
		value = knownProto(value)
	}
	return r.set(role, utc, value)
}

// sourceType refuses reports about something other than an address.
func sourceType(value string) error {
	switch normal(value) {
	case "ipaddress", "ip", "ipv4", "ipconnection":
		return nil
	case "ipv6":
		return about("Source-Type", value, refuse(ErrIPv6, "the outside addresses asked for are IPv4"))
	}
	return about("Source-Type", value, refuse(ErrAddress, "want ip-address or ipv4"))
}

// question turns the report into one.
func (r *report) question(s *settings) (q Request) {
	err := r.bad
	if err == nil {
		q, err = r.request(s)
	}
	if e, bad := parseEndpoint(r.other); err == nil && r.other != "" && (bad != nil || e.addr != q.Outside) {
		err = about("address", r.other, refuse(ErrAddress, "the report has another source, %s: if these are two requests, write a blank line between them", q.Outside))
	}
	if err != nil {
		q = Request{Err: err}
	}
	q.Line, q.Text = r.line, clip(r.text.String(), maxText)
	return q
}
