package planfile

import (
	"errors"
	"fmt"
	"io"
	"net/netip"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/cgnkit/cgnkit/alloc"
	"github.com/cgnkit/cgnkit/portset"
)

// shareKeys are the keys of a share in a plan file, and the columns of a list of shares.
var shareKeys = []string{"subscriber", "outside", "ports"}

// maxSharesLine bounds a line of a list of shares: 32,768 single ports fit.
const maxSharesLine = 256 << 10

// A ShareList is a list of shares with the line that each came from.
type ShareList struct {
	Name   string
	Shares []alloc.ExplicitShare
	Lines  []uint32 // Lines[i] is the line of Shares[i], from 1
}

// LoadShares reads the list of shares at path. See ReadShares.
func LoadShares(path string) (*ShareList, error) {
	f, err := Options{}.open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return ReadShares(f, path)
}

// ReadShares reads CSV with a line a share: subscriber, outside address and ports, such as
//
//	subscriber,outside,ports
//	100.64.0.1,198.18.0.1,1024-2047
//	100.64.0.2,198.18.0.1,"2048-2999,5000"
//
// The first line may name the columns; they are then found by name, and others are let pass. What cgnctl allocate -o csv prints
// is such a list, but its column named pool must be the same in every line: the subscribers of several pools may be in several
// realms. '#' starts a comment; the rest is as in ReadList. A line that cannot be read ends it with a Diagnostic that names the
// line; a list without shares is an error. Memory is 76 bytes a share, and what the different port sets take.
func ReadShares(r io.Reader, name string) (*ShareList, error) {
	l, p := &ShareList{Name: name}, shareParser{sets: map[string]portset.Set{}}
	err := scanLines(r, name, maxSharesLine, "no list of shares", func(text []byte, line int) error {
		share, ok, err := p.parse(text)
		if err == nil && ok && len(l.Shares) == maxListEntries {
			return Diagnostic{File: name, Line: line, Err: ErrRead, Msg: fmt.Sprintf("the list has more than %d shares", maxListEntries)}
		}
		if err != nil {
			hint := "write subscriber,outside,ports, and quote ports of several ranges"
			if errors.Is(err, errPools) {
				hint = "keep the shares of each pool in a list of their own"
			}
			return Diagnostic{File: name, Line: line, Column: 1, Msg: readable(err.Error()), Err: errors.Join(ErrList, err), source: string(text), Hint: hint}
		}
		if ok {
			l.Shares, l.Lines = append(l.Shares, share), append(l.Lines, uint32(line))
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	if len(l.Shares) == 0 {
		return nil, Diagnostic{File: name, Msg: "the list holds no share", Err: ErrList, Hint: "write one share a line: subscriber,outside,ports"}
	}
	return l, nil
}

var errPools = errors.New("the list is of several pools")

// A shareParser reads line by line and remembers what the first line said about columns.
type shareParser struct {
	lines   listParser // for the white space, the comments and the separator
	started bool
	width   int    // columns of a line
	at      [3]int // where the columns of shareKeys are
	pool    int    // where the column pool is, or -1
	name    string // what it holds
	sets    map[string]portset.Set
}

// maxKnownSets bounds the port sets that a parser remembers. In most lists the same few dozen come again and again.
const maxKnownSets = 1 << 12

// parse reads one line; ok is false for a line without a share.
func (p *shareParser) parse(text []byte) (s alloc.ExplicitShare, ok bool, err error) {
	if text = p.lines.trim(text); len(text) == 0 {
		return s, false, nil
	}
	line := string(text)
	if strings.Count(line, `"`)%2 != 0 {
		return s, false, errors.New("a quoted field does not end in this line")
	}
	if !p.started {
		p.started = true
		if named, err := p.header(line); named || err != nil {
			return s, false, err
		}
	}
	columns := p.split(line)
	if len(columns) != p.width {
		return s, false, fmt.Errorf("the line has %d columns, and %d are wanted", len(columns), p.width)
	}
	if p.pool >= 0 {
		if p.name == "" {
			p.name = strings.Clone(columns[p.pool])
		} else if p.name != columns[p.pool] {
			return s, false, fmt.Errorf("%w: this share is of pool %s, and those before of pool %s", errPools, quote(columns[p.pool]), quote(p.name))
		}
	}
	s, err = p.share(columns[p.at[0]], columns[p.at[1]], columns[p.at[2]])
	return s, err == nil, err
}

// header looks at the first line: which separator it has, and whether it names columns.
func (p *shareParser) header(line string) (named bool, err error) {
	p.lines.separator = separatorOf(line)
	columns := p.split(line)
	p.width, p.at, p.pool = len(shareKeys), [3]int{0, 1, 2}, -1
	find := func(name string) int {
		return slices.IndexFunc(columns, func(c string) bool { return strings.EqualFold(c, name) })
	}
	if find(shareKeys[0]) < 0 {
		return false, nil
	}
	for i, key := range shareKeys {
		if p.at[i] = find(key); p.at[i] < 0 {
			return true, fmt.Errorf("the first line names no column %s", key)
		}
	}
	p.width, p.pool = len(columns), find("pool")
	return true, nil
}

// split cuts a line into columns without the white space around them.
func (p *shareParser) split(line string) []string {
	var columns []string
	if strings.Contains(line, `"`) || p.lines.separator == "" {
		columns = p.lines.split(line)
	} else {
		columns = strings.Split(line, p.lines.separator)
	}
	for i, c := range columns {
		columns[i] = strings.TrimSpace(c)
	}
	return columns
}

// share reads the parts of a share.
func (p *shareParser) share(inside, outside, ports string) (s alloc.ExplicitShare, err error) {
	if s.Inside, err = oneAddress(inside); err != nil {
		return s, err
	}
	if s.Outside, err = oneAddress(outside); err != nil {
		return s, err
	}
	set, known := p.sets[ports]
	if !known {
		if set, err = portset.ParseSet(ports); err != nil {
			return s, err
		}
		if len(p.sets) < maxKnownSets {
			p.sets[strings.Clone(ports)] = set
		}
	}
	s.Ports = set
	return s, nil
}

// oneAddress reads an address, no prefix and no range.
func oneAddress(text string) (netip.Addr, error) {
	r, err := alloc.ParseAddrRange(text)
	if err == nil && strings.ContainsAny(text, "/-") {
		err = fmt.Errorf("%w %s: a share has one subscriber and one outside address, and this is a prefix or range", alloc.ErrAddress, quote(text))
	}
	if err != nil {
		return netip.Addr{}, err
	}
	return r.First(), nil
}

// shares reads shares as text, as mappings, and {file: NAME}.
func (d *decoder) shares(p *pool, n *yaml.Node) {
	if n.Kind == yaml.SequenceNode && len(n.Content) == 0 {
		d.report(n, ErrSyntax, "for example shares: [100.64.0.1 198.18.0.1 1024-2047]", "the list of shares is empty")
	}
	for item := range d.items(n) {
		o := origin{start: len(p.spec.Shares), node: item}
		switch {
		case item.Kind == yaml.MappingNode:
			d.keyedShare(p, item, &o)
		case item.Kind != yaml.ScalarNode || item.Tag != "!!str":
			d.wrongType(item, "the value", "a share such as 100.64.0.1 198.18.0.1 1024-2047")
		default:
			s, err := alloc.ParseExplicitShare(item.Value)
			if err != nil {
				d.report(item, err, "for example 100.64.0.1 198.18.0.1 1024-2047,4000", "%v", err)
				continue
			}
			p.spec.Shares = append(p.spec.Shares, s)
		}
		p.lists["shares"] = append(p.lists["shares"], o)
	}
}

// keyedShare reads one share with keys, or {file: NAME}.
func (d *decoder) keyedShare(p *pool, n *yaml.Node, o *origin) {
	var s alloc.ExplicitShare
	before := len(d.found)
	given := d.mapping(n, "a share", append([]string{"file"}, shareKeys...), func(key string, v *yaml.Node) {
		switch key {
		case "file":
			if l := listFile(d, v, ReadShares); l != nil {
				o.file, o.lines = l.Name, l.Lines
				p.spec.Shares = append(p.spec.Shares, l.Shares...)
			}
		case "subscriber":
			s.Inside = d.oneAddress(v)
		case "outside":
			s.Outside = d.oneAddress(v)
		case "ports":
			s.Ports = d.portSet(v)
		}
	})
	if given["file"] {
		if len(given) > 1 {
			d.report(n, ErrSyntax, "write one share an item, or the file alone", "a share has %s beside file", strings.Join(shareKeys, ", "))
		}
		return
	}
	for _, key := range shareKeys {
		if !given[key] {
			d.report(n, ErrSyntax, "for example {subscriber: 100.64.0.1, outside: 198.18.0.1, ports: 1024-2047}", "the share has no %s", key)
		}
	}
	if len(d.found) == before {
		p.spec.Shares = append(p.spec.Shares, s)
	}
}

// oneAddress reads an address, no prefix and no range.
func (d *decoder) oneAddress(n *yaml.Node) netip.Addr {
	if n.Kind != yaml.ScalarNode || n.Tag != "!!str" {
		d.wrongType(n, "the value", "an address such as 100.64.0.1")
		return netip.Addr{}
	}
	a, err := oneAddress(n.Value)
	if err != nil {
		d.report(n, err, "", "%v", err)
	}
	return a
}
