package rulefile

import (
	"strings"

	"github.com/cgnkit/cgnkit/portset"
)

// maxHeader is more than the line of a table takes that names columns.
const maxHeader = 4 << 10

// columns says what is where in a line of a table.
type columns struct {
	separator                        byte
	fields                           []string
	inside, outside, ports, from, to int              // -1: not there
	known                            map[string]setID // texts of several ranges
	pool, realm, proto               int
	width                            int
	holds                            []holdsColumn
	unread                           []string // names of columns that are not read
}

// columnNames are the names of columns that are read.
var columnNames = map[string]int{
	"subscriber": 0, "inside": 0, "inside_address": 0, "private": 0, "internal": 0, "source": 0,
	"outside": 1, "outside_address": 1, "public": 1, "external": 1,
	"ports": 2, "port_range": 2, "first_port": 3, "port_start": 3, "start_port": 3, "last_port": 4, "port_end": 4, "end_port": 4,
	"pool": 5, "realm": 6, "protocol": 7, "protocols": 7, "proto": 7, "l4proto": 7, "ip_protocol": 7,
}

// newColumns looks at the first line of a table.
func newColumns(line string) *columns {
	c := &columns{separator: ',', inside: -1, outside: -1, ports: -1, from: -1, to: -1, pool: -1, realm: -1, proto: -1, known: map[string]setID{}}
	if i := strings.IndexAny(line, ",;\t"); i >= 0 {
		c.separator = line[i]
	}
	c.fields, _ = c.split(nil, line)
	c.width = len(c.fields)
	return c
}

// header reads the names of columns. An error says what is missing.
func (c *columns) header() *LineError {
	at := []*int{&c.inside, &c.outside, &c.ports, &c.from, &c.to, &c.pool, &c.realm, &c.proto}
	for i, name := range c.fields {
		text := strings.NewReplacer(" ", "_", "-", "_").Replace(strings.ToLower(strings.TrimSpace(name)))
		k, known := columnNames[text]
		holds, about := holdsNames[holdsName(name)]
		switch {
		case known && *at[k] >= 0:
			return bad(ErrSyntax, "column %q stands twice", printable(name))
		case known:
			*at[k] = i
		case about:
			c.holds = append(c.holds, holdsColumn{i, text, holds})
		case text != "":
			c.unread = append(c.unread, printable(strings.TrimSpace(name)))
		}
	}
	if c.inside < 0 || c.outside < 0 || c.ports < 0 && (c.from < 0 || c.to < 0) {
		return bad(ErrSyntax, "the first line names no columns subscriber, outside and ports (or first_port and last_port)")
	}
	return nil
}

// positional takes columns without names: subscriber, outside, ports or first and last port.
func (c *columns) positional() *LineError {
	in := false
	if c.width == 3 || c.width == 4 {
		_, in = parseAddr([]byte(strings.TrimSpace(c.fields[0])))
	}
	if !in {
		return bad(ErrSyntax, "the first line is neither a header with subscriber, outside and ports nor a row of those")
	}
	c.inside, c.outside, c.ports = 0, 1, 2
	if c.width == 4 {
		c.ports, c.from, c.to = -1, 2, 3
	}
	return nil
}

// split cuts a line into fields, honouring quotes. It appends to to.
func (c *columns) split(to []string, line string) (fields []string, ok bool) {
	for {
		if !strings.HasPrefix(line, `"`) {
			i := strings.IndexByte(line, c.separator)
			if i < 0 {
				return append(to, line), true
			}
			to, line = append(to, line[:i]), line[i+1:]
			continue
		}
		end := strings.IndexByte(line[1:], '"')
		if end < 0 {
			return to, false
		}
		to, line = append(to, line[1:1+end]), line[2+end:]
		if line == "" {
			return to, true
		}
		if line[0] != c.separator {
			return to, false
		}
		line = line[1:]
	}
}

// at says that an error is about the current line.
func at(l *lines, err *LineError) *LineError {
	if err.Line == 0 {
		err.Line = l.line
	}
	if err.Text == "" && err.Line == l.line {
		err.Text = printable(l.text)
	}
	return err
}

// checkWidth refuses lines with fewer or more fields than the first.
func (c *columns) checkWidth(fields []string) *LineError {
	if len(fields) < c.width {
		return bad(ErrSyntax, "the line has %d columns, and the first line has %d", len(fields), c.width)
	}
	for _, extra := range fields[c.width:] {
		if strings.TrimSpace(extra) != "" {
			return bad(ErrSyntax, "the line has %d columns, and the first line has %d", len(fields), c.width).hint("quote ports of several ranges: \"1024-1039,2048-2063\"")
		}
	}
	return nil
}

// portsOf returns the ports of a row.
func (c *columns) portsOf(fields []string, sets *setTable) (setID, *LineError) {
	var text string
	if c.ports >= 0 {
		text = strings.TrimSpace(fields[c.ports])
	} else {
		text = strings.TrimSpace(fields[c.from]) + "-" + strings.TrimSpace(fields[c.to])
	}
	if first, last, ok := parsePorts([]byte(text)); ok && !strings.Contains(text, ":") {
		if id, ok := sets.ofRange(first, last); ok {
			return id, nil
		}
	}
	if id, ok := c.known[text]; ok {
		return id, nil
	}
	set, err := portset.ParseSet(text)
	if err != nil {
		return 0, bad(ErrSyntax, "%q are no ports: want ranges such as 1024-2047 or 1024-1039,2048-2063", printable(text))
	}
	if zero, err := portset.ParseSet("0"); err == nil && set.Contains(0) {
		var ok bool
		if set, ok = set.Minus(zero); !ok {
			return 0, bad(ErrSyntax, "port 0 can be used by nobody")
		}
	}
	id := sets.of(set)
	if len(c.known) < maxKnown {
		c.known[text] = id
	}
	return id, nil
}

// maxKnown bounds how many texts of several ranges are remembered: there are as many as an address has shares.
const maxKnown = 1 << 12

// row gives an inside address a share in all protocols.
func (c *collector) row(inside, outside uint32, ports setID, line int) *LineError {
	n := len(c.entries)
	if n == maxShares {
		return bad(ErrTooLarge, "there are more than %d shares", maxShares)
	}
	c.pages.put(inside, n)
	l := uint32(line)
	c.entries = append(c.entries, entry{inside: inside, outside: outside, ports: [3]setID{ports, ports, ports}, lines: [3]uint32{l, l, l}, line: l})
	return nil
}
