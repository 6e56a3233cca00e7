package request

import (
	"slices"
	"strings"
	"time"
	"unicode"
)

// maxColumns is the number of columns of the widest row that is read.
const maxColumns = 256

// A csvParser reads rows. Columns have the roles that the last heading gave them; before one, a row is read like a plain line.
type csvParser struct {
	*settings
	separator byte
	columns   []column   // of the heading; empty before one
	fields    []string   // of the row at hand
	comments  *csvParser // what a comment would make of the rows below it if it was their heading; else nil
	nfdump    bool       // the heading is that of nfdump, below whose flows a summary stands
	flows     bool       // the heading is that of a flow tool
	lost      names      // of a line below the heading that may name other columns
	local     bool       // whether one says another zone than UTC
	below     bool       // whether rows or words stand below the heading
	reply     bool       // whether another mail begins between its rows
	denied    string     // a word of a line between rows by which ports below it are somebody else's
	open      byte       // the separator of a row whose quoted value goes on in the next line; else 0
	ports     int        // how many columns are ports
	group     bool       // whether the line above the heading names groups of columns, of which one was attacked
	unread    heading    // what lines above say about columns, of which not all is understood
}

// A column is what the heading says about one.
type column struct {
	role   role // 0: not looked at
	utc    bool
	bare   bool   // a port that does not say whose
	spare  spare  // where role is 0
	nature nature // where role is 0
	dst    bool   // whether it may say no more than whether there was summer time
}

// separators are looked for in this order.
const separators = ",;\t|"

// isCSV reports whether a line names columns, says which separator comes, or has an address in a column of its own.
func isCSV(line string) bool {
	var p csvParser
	return separatorLine(line) != 0 || p.heading(line) || p.bare(line)
}

// separatorLine returns the separator of a first line such as sep=; which a spreadsheet wants to see.
func separatorLine(line string) byte {
	if sep, ok := strings.CutPrefix(strings.TrimRight(line, " \r"), "sep="); ok && len(sep) == 1 && strings.Contains(separators, sep) {
		return sep[0]
	}
	return 0
}

// isCountedHeading reports whether a line is a heading whose first column is "#", and no comment.
func isCountedHeading(line string) bool {
	rest, ok := strings.CutPrefix(strings.TrimLeft(line, " \t"), "#")
	if rest = strings.TrimLeft(rest, " "); !ok || rest == "" || !strings.Contains(separators, rest[:1]) {
		return false
	}
	var p csvParser
	return p.heading(line)
}

// comment takes a heading that begins with "#". Unless that is a column of its own, it is one if the next row has as many
// columns.
func (p *csvParser) comment(line string) {
	c := csvParser{settings: p.settings}
	switch {
	case p.open != 0:
		p.goOn(line)
	case !c.heading(line):
		p.hearTitle(line)
		if n := otherNames(strings.TrimLeft(line, " \t#")); len(p.columns) > 0 && len(n.of) > 0 {
			p.lost = n // of another table
		}
		p.unread.take(strings.TrimLeft(line, " \t#"))
	case isCountedHeading(line):
		p.separator, p.columns, p.nfdump, p.flows, p.ports, p.comments, p.lost, p.denied, p.local, p.below, p.reply = c.separator, c.columns, c.nfdump, c.flows, c.ports, nil, names{}, "", false, false, false
		p.unread.forget()
	default:
		p.comments = &c
		p.unread.take(strings.TrimLeft(line, " \t#"))
	}
}

// blank takes a blank line.
func (p *csvParser) blank() { p.unread.blank() }

// uncomment makes a comment the heading that it is.
func (p *csvParser) uncomment(line string) {
	c := p.comments
	p.comments = nil
	if fields, err := split(line, c.separator, p.fields[:0]); err == nil && len(fields) == len(c.columns) {
		p.separator, p.columns, p.nfdump, p.flows, p.ports, p.lost, p.denied, p.local, p.below, p.reply = c.separator, c.columns, c.nfdump, c.flows, c.ports, names{}, "", false, false, false
		p.unread.forget()
	}
}

func (p *csvParser) parse(line string) (r Request, ok bool, err error) {
	if p.open != 0 {
		p.goOn(line)
		return r, hasAddress(line), refuse(ErrUnparsable, "this line is inside of a quoted value that a row above begins: that is no request; if it is one, take the quote there away")
	}
	if p.comments != nil {
		p.uncomment(line)
	}
	if len(p.columns) == 0 {
		if !hasAddress(line) {
			p.unread.take(line)
		}
		if separatorLine(line) != 0 || p.heading(line) {
			p.group = p.unread.told.isGroup()
			p.unread.forget()
			return r, false, nil
		}
		if p.bare(line) {
			p.unread.look(line)
			plain := plainParser{settings: p.settings, heading: p.unread}
			r, err = plain.question(strings.Join(p.fields, "|"))
			p.unread = plain.heading
			p.unread.asked(line, err)
			return r, true, err
		}
		for _, sep := range []byte{',', ';'} {
			if fields, err := split(line, sep, p.fields[:0]); err == errQuote && len(fields) > 0 { //nolint:errorlint // never wrapped
				p.open = sep
				return r, true, errQuote
			}
		}
		err = refuse(ErrUnparsable, "the line neither names columns, such as ip, port and time, nor has an address in one")
		p.unread.asked(line, err)
		return r, true, err
	}
	p.heed(line)
	if len(p.lost.of) > 0 && p.areAbove(line) {
		err = refuse(ErrUnparsable, "it stands below %s, which looks like names of columns that are not understood: name them ip, port and time", quoted(p.lost.line))
		p.unread.asked(line, err)
		return r, true, err
	}
	r, err = p.row(line)
	p.unread.asked(line, err)
	if err != nil && (p.heading(line) || p.nfdump && !hasAddress(line)) {
		p.lost, p.denied, p.local, p.below, p.reply, p.group = names{}, "", false, false, false, p.unread.told.isGroup()
		p.unread.take(line)
		p.unread.forget()
		return r, false, nil // a second table, or a summary
	}
	if n := otherNames(line); err != nil && len(n.of) > 0 {
		p.lost = n
	}
	if err == errQuote { //nolint:errorlint // never wrapped
		p.open = p.separator
	}
	return r, true, err
}

// heed keeps a line below a heading that may stand above another one. One that has an address is read first.
func (p *csvParser) heed(line string) {
	if !hasAddress(line) {
		p.unread.tell(line[:min(len(line), maxHeading)])
		p.hearTitle(line)
	}
}

// hearTitle keeps that a line between rows gives the ports below it to somebody else, or says another zone than UTC, whatever their columns are called.
func (p *csvParser) hearTitle(line string) {
	if len(p.columns) == 0 {
		return
	}
	line = line[:min(len(line), maxHeading)]
	p.below, p.reply = true, p.reply || isReply(line)
	if word := deniedPort(line); word != "" {
		p.denied = word
	}
	isLocal := func(w string) bool { return localWords[w] }
	p.local = p.local || slices.ContainsFunc(toldWords(line), isLocal) || slices.ContainsFunc(p.statedIn(line), func(f foundZone) bool { return f.zone == nil || !sameZone(f.zone, time.UTC) })
}

// otherNames returns what may be the heading of another table: a line without an address that has nothing but short words between separators. A
// row without values, of which all are alike or say so, is none.
func otherNames(line string) (n names) {
	if hasAddress(line) {
		return n
	}
	for i := range len(separators) {
		fields, err := split(line, separators[i], nil)
		if err != nil || len(fields) < 2 || slices.ContainsFunc(fields, func(f string) bool {
			return isNoValue(f) && f != "" || len(f) > maxName/2 || !mayBeName(f)
		}) || len(slices.DeleteFunc(slices.Clone(fields), isNoValue)) < 2 {
			continue
		}
		if n.line = line; !slices.ContainsFunc(fields, func(f string) bool { return normal(f) != normal(fields[0]) }) {
			return names{}
		}
		n.name(fields)
		return n
	}
	return n
}

// mayBeName reports whether a field may name a column: it has no digits but in an offset, in brackets or behind a word, as in "time (UTC-3)" and "Hits 24h".
func mayBeName(field string) bool {
	first := strings.IndexAny(field, "0123456789")
	if first < 0 {
		return true
	}
	begin := strings.TrimRight(field[:first], "+-")
	before := strings.TrimRight(begin, " (")
	if rest := field[first:]; len(rest) < 3 && strings.Trim(rest, "0123456789") == "" && before == field[:first] && before != "" && isLetter(before[len(before)-1]) {
		return true // "port2"
	}
	letters := strings.ContainsFunc(before, unicode.IsLetter) && !strings.ContainsAny(before, ".:@")
	return letters && (before != begin || strings.HasSuffix(strings.ToUpper(before), "UTC") || strings.HasSuffix(strings.ToUpper(before), "GMT"))
}

// isNoValue reports whether a field says that there is no value.
func isNoValue(field string) bool {
	switch normal(field) {
	case "", "na", "none", "null", "nil", "nan", "unknown", "notavailable", "desconhecido", "desconocido", "unbekannt", "semdados":
		return true
	}
	return false
}

// areAbove reports whether a row belongs to the other names, and not to the first: a line of fewer parts that names neither an address nor a port or a
// time is a title within the same table.
func (p *csvParser) areAbove(row string) bool {
	if !hasAddress(row) {
		return false
	}
	fields, err := split(row, p.separator, p.fields[:0])
	p.fields = fields
	isTitle := !slices.ContainsFunc(p.lost.of, func(c columnName) bool { return isAddressRole(c.role) || isPortRole(c.role) || isTimeRole(c.role) })
	return err != nil || len(fields) != len(p.columns) || len(p.lost.of) >= len(fields) || !isTitle
}

// goOn reads on in a quoted value, which spreadsheets write over several lines. What stands there asks nothing, whatever it looks like. Where
// its end is not written as it should be, nobody knows what is a row again: then it does not end.
func (p *csvParser) goOn(line string) {
	_, rest, ok := cutQuoted(line)
	if rest = strings.TrimLeft(rest, " "); !ok || rest != "" && rest[0] != p.open {
		return
	}
	if rest != "" {
		fields, err := split(rest[1:], p.open, p.fields[:0])
		if p.fields = fields; err != nil {
			return // it goes on with another one, or badly
		}
	}
	p.open = 0
}

// heading takes a line as the names of columns if an address and something about time is among them.
func (p *csvParser) heading(line string) bool {
	if hasAddress(line) {
		return false
	}
	for i := range len(separators) {
		fields, err := split(line, separators[i], nil)
		if err != nil || len(fields) < 2 {
			continue
		}
		columns := make([]column, len(fields))
		var seen [roleCount]bool
		for i, name := range fields {
			columns[i].role, columns[i].utc = roleOf(name)
			if r := newPair(name).role; r == rolePort || r == roleDestinationPort {
				columns[i].role = r // "Source port (TCP)"
			}
			columns[i].bare, columns[i].dst = isBarePort(name), isDST(name)
			if columns[i].role == 0 {
				columns[i].nature = natureOf(name)
				columns[i].spare = spareOf(name)
			}
		}
		nfdump, flows := flowColumns(fields, columns)
		ports := 0
		for _, c := range columns {
			if c.role == rolePort {
				ports++
			}
			seen[c.role], seen[c.spare.role] = true, true
		}
		if seen[roleAddress] && (seen[roleTime] || seen[roleDate] || seen[roleClock] || seen[roleFrom] || seen[roleFromDate] || seen[roleFromClock] || seen[rolePort]) {
			p.separator, p.columns, p.nfdump, p.flows, p.ports = separators[i], columns, nfdump, flows, ports
			return true
		}
	}
	return false
}

// flowColumns has the times of flow tools be the start and the end of a flow: ts and te, or firstSeen and duration, of nfdump; StartTime with LastTime, Dur or neither, of
// Argus. It reports whether they are there.
func flowColumns(names []string, columns []column) (nfdump, flows bool) {
	at := func(name string) int {
		return slices.IndexFunc(names, func(n string) bool { return strings.EqualFold(strings.TrimSpace(n), name) })
	}
	set := func(i int, r role) bool {
		if i >= 0 {
			columns[i] = column{role: r}
		}
		return i >= 0
	}
	start, end := slices.Index(names, "ts"), slices.Index(names, "te")
	if start >= 0 && end >= 0 {
		return set(start, roleFrom) && set(end, roleTo), true
	}
	if at("ip.src") >= 0 && at("ip.dst") >= 0 || at("id.orig_h") >= 0 && at("id.resp_h") >= 0 { // tshark, Zeek
		return false, true
	}
	if at("srcaddr") < 0 || at("dstaddr") < 0 || slices.ContainsFunc(columns, func(c column) bool { return roleTo <= c.role && c.role <= roleToClock }) {
		return false, false
	}
	if start, end = at("firstseen"), at("duration"); start >= 0 && end >= 0 {
		return set(start, roleFrom) && set(end, roleDuration), true
	}
	if start = at("starttime"); start < 0 {
		return false, false
	}
	if columns[start].role = roleTime; set(at("lasttime"), roleTo) || set(at("dur"), roleDuration) {
		columns[start].role = roleFrom
	}
	return false, true
}

// bare cuts a row without a heading: one with an address in a column of its own. Tabs are blanks to plain lines.
func (p *csvParser) bare(line string) bool {
	for _, sep := range []byte{',', ';'} {
		fields, err := split(line, sep, p.fields[:0])
		p.fields = fields
		if err != nil || len(fields) < 2 {
			continue
		}
		for _, f := range fields {
			if f = strings.TrimSpace(f); !strings.ContainsAny(f, " \t") && hasAddress(f) {
				return true
			}
		}
	}
	return false
}

// plain reads a line that is not divided as the table is.
func (p *csvParser) plain(line string) (r Request, err error) {
	p.unread.look(line)
	plain := plainParser{settings: p.settings, heading: p.unread}
	if p.below { // what is divided as the table is, is a row of it, and the rest is not
		plain.utc, plain.ofSource = false, false
	}
	r, err = plain.question(line)
	p.unread = plain.heading
	p.below = p.below || isTextWith(line, err) || err != nil && !isTimed(err)
	return r, err
}

// row reads a row by the roles of its columns.
func (p *csvParser) row(line string) (r Request, err error) {
	if p.fields, err = split(line, p.separator, p.fields[:0]); err != nil {
		return r, err
	}
	if len(p.fields) == 1 && len(p.columns) > 1 && hasAddress(line) { // names of columns in a sentence: "IP address, source port, timestamp:"
		return p.plain(line)
	}
	p.below = true
	it := item{flow: p.flows, apart: p.group, below: p.unread.told.between(), denied: p.denied}
	it.local = p.local
	for i, value := range p.fields {
		if i >= len(p.columns) {
			if strings.TrimSpace(value) == "" {
				continue
			}
			return r, refuse(ErrUnparsable, "the row has %d columns and the heading %d: put values that hold the separator in quotes", len(p.fields), len(p.columns))
		}
		c := p.columns[i]
		it.sourceless = it.sourceless || p.ports > 1 && c.role == rolePort && isNothing(strings.TrimSpace(value)) // and the other one is of whom?
		it.spare(c.spare, value)
		if c.role == 0 {
			it.field(c.nature, value)
		} else {
			if err := it.setPort(savingOr(c.role, c.dst, value), c.utc && !p.reply, c.bare || p.reply, value); err != nil {
				return r, err
			}
		}
	}
	for _, c := range p.columns[min(len(p.fields), len(p.columns)):] {
		it.named[c.role] = true
		it.sourceless = it.sourceless || c.role == rolePort && !c.bare
	}
	return it.request(p.settings)
}
