package planfile

import (
	"bufio"
	"bytes"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/cgnkit/cgnkit/alloc"
)

const (
	maxListBytes = 1 << 30
	maxListLine  = 64 << 10
	// maxListEntries bounds the memory of a list to some 300 MB.
	maxListEntries = 1 << 24
)

// A List is a list of subscribers with the line that each came from.
type List struct {
	Name   string
	Ranges []alloc.AddrRange
	Lines  []uint32 // Lines[i] is the line of Ranges[i], from 1
}

// ReadList reads a whole list of subscribers: one address, prefix or range a line, or CSV whose column named "subscriber",
// or else first column, holds it. '#' starts a comment, blank lines are skipped, a byte order mark and CRLF are accepted,
// columns are separated by commas, semicolons or tabs. name is for messages. A line that cannot be read ends it with a
// Diagnostic that names the line; an empty list is an error. Memory is 16 bytes an entry.
func ReadList(r io.Reader, name string) (*List, error) {
	l := &List{Name: name}
	err := ScanList(r, name, func(a alloc.AddrRange, line int) error {
		if len(l.Ranges) == maxListEntries {
			return Diagnostic{File: name, Line: line, Err: ErrRead, Msg: fmt.Sprintf("the list has more than %d entries", maxListEntries),
				Hint: "write prefixes and ranges where addresses continue each other"}
		}
		l.Ranges = append(l.Ranges, a)
		l.Lines = append(l.Lines, uint32(line))
		return nil
	})
	if err != nil {
		return nil, err
	}
	if len(l.Ranges) == 0 {
		return nil, EmptyList(name)
	}
	return l, nil
}

// EmptyList returns the error of ReadList for a list without entries, for callers of ScanList.
func EmptyList(name string) error {
	return Diagnostic{File: name, Msg: "the list holds no subscriber", Err: ErrList, Hint: "write one address, prefix or range a line"}
}

// ScanList reads a list like ReadList and calls each for every entry as it is read. An error that each returns ends the scan
// and is returned.
func ScanList(r io.Reader, name string, each func(a alloc.AddrRange, line int) error) error {
	p := listParser{name: name}
	return scanLines(r, name, maxListLine, "no subscriber list", func(text []byte, line int) error {
		p.line = line
		a, ok, err := p.parse(text)
		if err != nil || !ok {
			return err
		}
		return each(a, line)
	})
}

// scanLines calls each for every line of a list, without what ends it and without a byte order mark. what is said of a list with
// a line of more than most bytes.
func scanLines(r io.Reader, name string, most int, what string, each func(text []byte, line int) error) error {
	in := &io.LimitedReader{R: r, N: maxListBytes + 1}
	sc := bufio.NewScanner(in)
	sc.Buffer(make([]byte, 0, maxListLine), most)
	line := 0
	for sc.Scan() {
		line++
		if in.N == 0 { // the last line was cut
			break
		}
		text := sc.Bytes()
		if line == 1 {
			text = bytes.TrimPrefix(text, []byte("\xef\xbb\xbf"))
		}
		if err := each(text, line); err != nil {
			return err
		}
	}
	switch err := sc.Err(); {
	case errors.Is(err, bufio.ErrTooLong):
		return Diagnostic{File: name, Line: line + 1, Msg: fmt.Sprintf("the line is longer than %d bytes: this is %s", most, what), Err: ErrList}
	case err != nil:
		return Diagnostic{File: name, Msg: reason(err), Err: errors.Join(ErrRead, err)}
	case in.N == 0:
		return Diagnostic{File: name, Msg: "the list is longer than 1 GiB", Err: ErrRead}
	}
	return nil
}

// A listParser reads line by line and remembers what the first line said about columns.
type listParser struct {
	name      string
	line      int
	started   bool // whether a line with content was seen
	named     bool // whether that line named the columns
	checked   bool // whether the first entry was looked at more closely
	separator string
	column    int
}

// parse reads one line; ok is false for a line without an entry.
func (p *listParser) parse(text []byte) (a alloc.AddrRange, ok bool, err error) {
	if text = p.trim(text); len(text) == 0 {
		return a, false, nil
	}
	line := string(text)
	if !p.started {
		p.started = true
		if p.named = p.header(line); p.named {
			return a, false, nil
		}
	}
	field, err := p.field(line)
	if err == nil {
		a, err = alloc.ParseAddrRange(field)
	}
	if err == nil && !p.checked {
		p.checked = true
		err = p.checkColumns(line)
	}
	if err != nil {
		return a, false, Diagnostic{File: p.name, Line: p.line, Column: 1, Msg: readable(err.Error()), Err: errors.Join(ErrList, err), source: line,
			Hint: "write one address, prefix or range a line, or CSV with a column named subscriber"}
	}
	return a, true, nil
}

// trim takes the comment and the white space around a line away. A '#' in quotes starts no comment, and a tab that
// separates columns is no white space.
func (p *listParser) trim(text []byte) []byte {
	if i := bytes.IndexByte(text, '#'); i >= 0 {
		quoted := false
		for i, c := range text {
			if c == '"' {
				quoted = !quoted
			} else if c == '#' && !quoted {
				text = text[:i]
				break
			}
		}
	}
	all := bytes.TrimSpace(text)
	if p.separator == "\t" && len(all) > 0 {
		return bytes.Trim(text, " \r")
	}
	return all
}

// header looks at the first line: which separator it has, and whether it names columns. A column name starts with a letter,
// which no IPv4 address does, and is no IPv6 address.
func (p *listParser) header(line string) bool {
	p.separator = separatorOf(line)
	names := p.split(line)
	for i, n := range names {
		if n = strings.TrimSpace(n); strings.EqualFold(n, "subscriber") {
			p.column = i
			return true
		}
	}
	return len(names) > 1 && names[0] != "" && isLetter(names[0][0]) && !strings.ContainsAny(names[0], ".:")
}

// separatorOf returns what separates the columns of a line, or "".
func separatorOf(line string) string {
	quoted := false
	for i, c := range line {
		if c == '"' {
			quoted = !quoted
		} else if !quoted && (c == ',' || c == ';' || c == '\t') {
			return line[i : i+1]
		}
	}
	return ""
}

// checkColumns refuses a first entry of which every column is an address, when no line named the columns: that is a list
// in one line, of which all but the first would be lost, or a table of which only its author knows the columns.
func (p *listParser) checkColumns(line string) error {
	columns := p.split(line)
	if p.named || len(columns) < 2 {
		return nil
	}
	other := slices.ContainsFunc(columns, func(c string) bool {
		_, err := alloc.ParseAddrRange(c)
		return err != nil
	})
	if other {
		return nil
	}
	return errors.New("every column is an address: write one address a line, or name the column subscriber in a first line")
}

func isLetter(c byte) bool { return 'a' <= c|0x20 && c|0x20 <= 'z' }

// field returns the column with the address.
func (p *listParser) field(line string) (string, error) {
	if strings.Count(line, `"`)%2 != 0 {
		return "", errors.New("a quoted field does not end in this line")
	}
	if p.separator == "" {
		return strings.Trim(line, `"`), nil
	}
	if p.column == 0 && line[0] != '"' {
		first, _, _ := strings.Cut(line, p.separator)
		return strings.TrimSpace(first), nil
	}
	fields := p.split(line)
	if p.column >= len(fields) {
		return "", fmt.Errorf("the line has %d columns, and the address is in column %d", len(fields), p.column+1)
	}
	return strings.TrimSpace(fields[p.column]), nil
}

// split cuts a line into columns, honouring quotes. A quoted field cannot hold a line break.
func (p *listParser) split(line string) []string {
	if p.separator == "" {
		return []string{strings.Trim(line, `"`)}
	}
	r := csv.NewReader(strings.NewReader(line))
	r.Comma = rune(p.separator[0])
	r.LazyQuotes = true
	fields, err := r.Read()
	if err != nil {
		return strings.Split(line, p.separator)
	}
	return fields
}
