package rulefile

import (
	"errors"
	"io"
	"strings"
)

// An nftReader reads the language of nft: files and listings.
type nftReader struct {
	*lexer
	p           *program
	notes       *notes
	tok         token // the current one
	table       string
	skip        bool // whether the table is of a family that has no IPv4 addresses
	bases       []nftBase
	incoming    []nftBase // in which packets are that come in; their order does not matter
	sets        map[string]*nftSet
	maps        map[string]int32
	asked       []askedSet
	askedProtos []askedSet
	spreads     []spread
	aims        []aimedSet
	named       map[string]string // the table of a set of destinations
	depth       int               // of the braces that are open
	// marked is what rules of a chain do to the mark.
	marked map[int32]*marking
	// changed are the sets and maps that rules change, and aged is the line of an element that goes by itself.
	changed   map[string]*LineError
	aged      int
	untracked []nftDetour
	local     map[int32]bool // chains that only packets of the box itself enter
	early     map[int32]bool // chains that all others enter before they are tracked
	sh        shell
	running   bool       // whether the statement is a command nft of a script
	script    bool       // whether there was one
	here      string     // the word that ends a here document of nft; "" = none is open
	odd       *LineError // the first line that is no statement, of a file that may not be a script
	// dormant are the tables whose chains no packet enters.
	dormant map[string]bool
}

// An nftSet is a named set of addresses.
type nftSet struct {
	foreign bool       // of something else than addresses
	err     *LineError // its elements are not understood
	spans   []span
	pairs   bool // of sources with destinations, or the other way round
	list    []pair
	protos  bool // of protocols
	mask    protoMask
}

// An askedSet is a rule whose sources are a named set, which may be filled behind it.
type askedSet struct {
	chain int32
	rule  int
	set   string
	not   bool
	line  int
}

// An aimedSet is a match whose destinations are a named set.
type aimedSet struct {
	text, set string
	not       bool
}

// parseNftables reads tables, and the chains of source NAT in them.
func parseNftables(r io.Reader, n *notes) (*program, *LineError) {
	x := &nftReader{lexer: newLexer(nftText(r)), p: newProgram(), notes: n, sets: map[string]*nftSet{}, maps: map[string]int32{}, named: map[string]string{}, dormant: map[string]bool{}, marked: map[int32]*marking{}, changed: map[string]*LineError{}, local: map[int32]bool{}, early: map[int32]bool{}}
	x.remark = x.p.remarkWord
	x.advance()
	for x.tok.kind != tokEnd {
		if err := x.command(); err != nil {
			return nil, x.locate(err)
		}
	}
	if x.err != nil {
		return nil, x.err
	}
	if x.odd != nil && !x.script {
		return nil, x.odd
	}
	x.enter()
	if err := x.untrack(); err != nil {
		return nil, err
	}
	x.doubtChanged()
	for _, s := range x.sets {
		x.p.name(s.spans...)
	}
	if err := x.fillSets(); err != nil {
		return nil, err
	}
	if err := x.checkBuckets(); err != nil {
		return nil, err
	}
	x.refuseMaps()
	if err := x.spread(); err != nil {
		return nil, err
	}
	x.p.refuseMissing()
	return x.p, nil
}

// refuseMaps refuses the rules that ask maps which are not in the file, or were not understood.
func (x *nftReader) refuseMaps() {
	for i := range x.p.chains {
		rules := x.p.chains[i].rules
		for j := range rules {
			if rules[j].do != lookup {
				continue
			}
			switch m := x.p.maps[rules[j].target]; {
			case m.err != nil:
				rules[j] = x.p.refusal(rules[j], m.err)
			case !m.declared:
				rules[j] = x.p.refusal(rules[j], bad(ErrSyntax, "the map %s is not in this file", printable(m.name)))
			case m.foreign:
				rules[j] = x.p.refusal(rules[j], bad(ErrSyntax, "map %s maps something else than addresses", printable(m.name)))
			}
		}
	}
}

// locate says where an error is.
func (x *nftReader) locate(err *LineError) *LineError {
	if x.err != nil {
		return x.err // the lexer's is the cause
	}
	if err.Line == 0 {
		err.Line = x.tok.line
	}
	switch {
	case err.Text != "":
	case err.Line == x.line:
		err.Text = x.text()
	case err.Line == x.line-1:
		err.Text = printable(x.prev)
	}
	return err
}

// advance steps over the current token. It is small enough to be put where it is called, so that take allocates nothing.
func (x *nftReader) advance() { x.step() }

func (x *nftReader) step() {
	switch x.tok.kind {
	case '{':
		x.depth++
	case '}':
		x.depth--
	}
	x.tok = x.next()
}

// skipTo steps to the end of the statement in which braces were depth deep.
func (x *nftReader) skipTo(depth int) {
	for x.tok.kind != tokEnd && (x.depth > depth || !x.isEnd()) {
		x.advance()
	}
}

// fatal reports whether an error is about more than one statement.
func (x *nftReader) fatal(err *LineError) bool {
	return x.err != nil || errors.Is(err, ErrTooLarge) || x.tok.kind == tokEnd
}

// take returns the text of the current token as a string and steps over it.
func (x *nftReader) take() string {
	s := string(x.tok.text)
	x.advance()
	return s
}

// accept steps over a word that may stand here.
func (x *nftReader) accept(word string) bool {
	if x.tok.is(word) {
		x.advance()
		return true
	}
	return false
}

// isEnd reports whether a statement ends here.
func (x *nftReader) isEnd() bool {
	return x.tok.kind == tokLine || x.tok.kind == ';' || x.tok.kind == tokEnd || x.tok.kind == '}' || x.running && x.isTail()
}

// skipStatement steps to the end of a statement, over braces.
func (x *nftReader) skipStatement() {
	for depth := 0; x.tok.kind != tokEnd; x.advance() {
		switch x.tok.kind {
		case '{':
			depth++
		case '}':
			if depth == 0 {
				return
			}
			depth--
		case tokLine, ';':
			if depth == 0 {
				return
			}
		}
	}
}

func (x *nftReader) skipLines() {
	for x.tok.kind == tokLine || x.tok.kind == ';' || x.tok.kind == ',' {
		x.advance()
	}
}

// fillSets gives rules the sources and destinations that stand in named sets.
func (x *nftReader) fillSets() *LineError {
	work := 0
	for _, a := range x.aims {
		s := x.sets[a.set]
		if s == nil || s.foreign || s.err != nil || x.p.atoms[x.p.atomID(a.text)].isDest {
			continue // what is not known stays a match by name
		}
		if work += len(s.spans); work > maxListed {
			return bad(ErrTooLarge, "rules name large sets too often")
		}
		x.p.destination(a.text, s.spans, a.not)
	}
	for _, a := range x.askedProtos {
		s := x.sets[a.set]
		r := &x.p.chains[a.chain].rules[a.rule]
		switch {
		case r.do == refuse:
		case s == nil || !s.protos:
			*r = x.p.refusal(*r, bad(ErrSyntax, "the set %s is not in this file, or holds no protocols", printable(a.set[strings.LastIndexByte(a.set, ' ')+1:])))
		case s.err != nil:
			*r = x.p.refusal(*r, s.err)
		case a.not:
			r.mask &= s.mask.invert()
		default:
			r.mask &= s.mask
		}
	}
	for _, a := range x.asked {
		s := x.sets[a.set]
		r := &x.p.chains[a.chain].rules[a.rule]
		switch {
		case s == nil || s.foreign:
			*r = x.p.refusal(*r, bad(ErrSyntax, "the set %s is not in this file, or holds no addresses", printable(a.set[strings.LastIndexByte(a.set, ' ')+1:])))
			continue
		case s.err != nil:
			*r = x.p.refusal(*r, s.err)
			continue
		}
		if work += len(s.spans); work > maxListed {
			return &LineError{Line: a.line, Err: ErrTooLarge, Msg: "rules name large sets too often"}
		}
		x.p.setSource(r, s.spans, a.not)
	}
	return nil
}

// maxListed bounds what rules hold of named lists together.
const maxListed = 1 << 26

// body reads what is between the braces of a table.
func (x *nftReader) body() *LineError {
	for {
		x.skipLines()
		if x.skip && x.tok.kind != '}' && x.tok.kind != tokEnd {
			x.notes.add(x.tok.line, "tables are of a family without IPv4", x.table)
			x.pass()
			continue
		}
		var err *LineError
		switch {
		case x.tok.kind == tokEnd:
			return bad(ErrSyntax, "the file ends within a table")
		case x.tok.kind == '}':
			x.advance()
			return nil
		case x.accept("chain"):
			err = x.chain(x.take())
		case x.accept("map"):
			err = x.mapBlock(x.take())
		case x.accept("set"):
			err = x.setBlock(x.take())
		case x.accept("flags"):
			x.dormant[x.table] = false
			for ; !x.isEnd(); x.advance() {
				x.dormant[x.table] = x.dormant[x.table] || x.tok.is("dormant")
			}
		default:
			x.advance()
			x.skipStatement()
			if x.tok.kind == ',' {
				x.advance()
			}
		}
		if err != nil {
			return err
		}
	}
}

// chain reads the braces of a chain; there may be none.
func (x *nftReader) chain(name string) *LineError {
	c := x.p.chain(x.table + " " + name)
	if x.p.chains[c].line == 0 {
		x.p.chains[c].line = x.tok.line
	}
	if x.tok.kind != '{' {
		x.skipStatement()
		return nil
	}
	for x.advance(); ; {
		x.skipLines()
		switch {
		case x.tok.kind == tokEnd:
			return bad(ErrSyntax, "the file ends within a chain")
		case x.tok.kind == '}':
			x.advance()
			return nil
		case x.tok.is("type"):
			if err := x.hook(c); err != nil {
				return err
			}
		case x.accept("policy"):
			if err := x.policy(c, x.take()); err != nil {
				return err
			}
		case x.tok.is("comment"), x.tok.is("flags"), x.tok.is("devices"):
			x.skipStatement()
		default:
			if err := x.rule(c); err != nil {
				return err
			}
		}
	}
}
