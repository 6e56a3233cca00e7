package rulefile

import (
	"bytes"
	"fmt"
	"io"
	"strings"

	"github.com/cgnkit/cgnkit/alloc"
)

// A csvReader reads a table with a line for each subscriber.
type csvReader struct {
	*columns
	notes   notes
	sets    *setTable
	realmOf func(pool string) string
	realms  map[string]*collector
	names   []string // of realms, in the order of the file
	lastOf  string   // the realm of last
	last    *collector
}

// maxRealms bounds how many realms a table may have.
const maxRealms = 1 << 12

// ParseCSV reads a table with a line for each subscriber, and returns one Table a realm, in the order of the file. The realm of a
// row stands in a column of that name; where there is none, realmOf tells it of the pool in column pool, or "" for a row without. A
// nil realmOf means DefaultRealm. Errors and cost are those of Parse.
func ParseCSV(r io.Reader, name string, realmOf func(pool string) string) ([]*Table, error) {
	x := &csvReader{sets: newSetTable(), realmOf: realmOf, realms: map[string]*collector{}}
	tables, err := x.read(r, name)
	if err != nil {
		err.File = name
		return nil, err
	}
	return tables, nil
}

func (x *csvReader) read(r io.Reader, name string) ([]*Table, *LineError) {
	l := newLines(r)
	for l.scan() {
		text := bytes.TrimSpace(l.text)
		if len(text) == 0 || text[0] == '#' {
			continue
		}
		line := string(l.text)
		if x.columns == nil {
			x.columns = newColumns(line)
			named := x.header()
			if named == nil {
				if len(x.unread) > 0 {
					x.notes.add(l.line, "columns are not read", strings.Join(x.unread, ", "))
				}
				continue
			}
			if err := x.positional(); err != nil {
				return nil, at(l, named)
			}
		}
		if err := x.row(line, l.line); err != nil {
			return nil, at(l, err)
		}
	}
	if l.err != nil {
		return nil, l.err
	}
	if len(x.names) == 0 {
		_, err := newCollector(&x.notes).table(name, CSV) // which says that there is nothing
		return nil, err
	}
	var tables []*Table
	for _, realm := range x.names {
		t, err := x.realms[realm].table(name, CSV)
		if err != nil {
			return nil, err
		}
		t.realm, t.unread = realm, x.unread
		tables = append(tables, t)
	}
	return tables, nil
}

// collector returns what collects the rows of a line's realm.
func (x *csvReader) collector(fields []string) (*collector, *LineError) {
	realm, err := x.realm(fields)
	if err != nil {
		return nil, err
	}
	if realm == "" {
		realm = alloc.DefaultRealm
	}
	if x.last != nil && realm == x.lastOf {
		return x.last, nil
	}
	c := x.realms[realm]
	if c == nil {
		if len(x.names) == maxRealms {
			return nil, bad(ErrTooLarge, "the table has more than %d realms", maxRealms)
		}
		c = newCollector(&x.notes)
		c.sets = x.sets
		x.realms[realm] = c
		x.names = append(x.names, realm)
	}
	x.lastOf, x.last = realm, c
	return c, nil
}

// realm returns the realm of a row.
func (x *csvReader) realm(fields []string) (string, *LineError) {
	switch {
	case x.columns.realm >= 0:
		name := strings.TrimSpace(fields[x.columns.realm])
		if !isRealm(name) {
			return "", bad(ErrSyntax, "%q is no name of a realm", printable(name))
		}
		return name, nil
	case x.realmOf == nil:
		return "", nil
	case x.pool >= 0:
		return x.realmOf(strings.TrimSpace(fields[x.pool])), nil
	}
	return x.realmOf(""), nil
}

// isRealm reports whether a name can be that of a realm in a plan.
func isRealm(name string) bool {
	const allowed = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-"
	return len(name) <= 64 && strings.Trim(name, allowed) == ""
}

// addresses reads the addresses of a line.
func (c *columns) addresses(fields []string) (inside, outside uint32, err *LineError) {
	if err := c.checkWidth(fields); err != nil {
		return 0, 0, err
	}
	inside, ok := parseAddr([]byte(strings.TrimSpace(fields[c.inside])))
	if !ok {
		return 0, 0, bad(ErrSyntax, "%q is no subscriber: want an IPv4 address", printable(fields[c.inside]))
	}
	outside, ok = parseAddr([]byte(strings.TrimSpace(fields[c.outside])))
	if !ok {
		return 0, 0, bad(ErrSyntax, "%q is no outside address: want an IPv4 address", printable(fields[c.outside]))
	}
	return inside, outside, nil
}

// row reads one line.
func (x *csvReader) row(line string, number int) *LineError {
	fields, ok := x.split(x.fields[:0], line)
	x.fields = fields
	if !ok {
		return bad(ErrSyntax, "a quoted field does not end, or text follows it")
	}
	inside, outside, err := x.addresses(fields)
	if err != nil {
		return err
	}
	if err := x.check(fields); err != nil {
		return err
	}
	mask, err := x.protocols(fields)
	if err != nil {
		return err
	}
	ports, err := x.portsOf(fields, x.sets)
	if err != nil {
		return err
	}
	to, err := x.collector(fields)
	if err != nil {
		return err
	}
	n, again := to.pages.at(inside)
	if !again {
		n = len(to.entries)
		if err := to.row(inside, outside, ports, number); err != nil {
			return err
		}
		to.entries[n].keep(mask)
		return nil
	}
	return x.more(&to.entries[n], outside, ports, mask, number)
}

// keep leaves an entry the ports of some protocols.
func (e *entry) keep(mask protoMask) {
	for k := range e.ports {
		if mask&(1<<k) == 0 {
			e.ports[k], e.lines[k] = 0, 0
		}
	}
}

// more reads another row of a subscriber, which may be about other protocols.
func (x *csvReader) more(e *entry, outside uint32, ports setID, mask protoMask, number int) *LineError {
	added := false
	for k := range e.ports {
		switch {
		case mask&(1<<k) == 0:
		case e.outside != outside || e.ports[k] != 0 && e.ports[k] != ports:
			return bad(ErrConflict, "subscriber %v stands in line %d with another share", addr4(e.inside), e.line).hint("a plan gives a subscriber one share: write all its ports in one row")
		case e.ports[k] == 0:
			e.ports[k], e.lines[k], added = ports, uint32(number), true
		}
	}
	if !added {
		x.notes.add(number, "rows stand twice", fmt.Sprintf("subscriber %v", addr4(e.inside)))
	}
	return nil
}
