package rulefile

import (
	"crypto/sha256"
	"fmt"
	"hash"
	"strings"
)

// An nftRule is a rule while its statements are read.
type nftRule struct {
	rule
	conds     []string
	strange   string // what was not understood
	verdict   bool   // it may hold a verdict
	err       *LineError
	ipv6      bool
	marks     []markEvent
	zone      string // in which it has packets tracked
	updates   bool   // it changes a set
	set       string // of sources
	notSet    bool
	protos    string // a set of protocols
	notProtos bool
	pairs     *pairing
	byDest    bool // the map of verdicts is asked by destination
	masked    []masked
	detour    detour
	last      [2]string // words before the next one; see watch
}

// rule reads one rule into a chain. What is wrong with it matters where a packet can meet it.
func (x *nftReader) rule(c int32) *LineError {
	r := &nftRule{rule: newRule(x.tok.line)}
	depth := x.depth
	for !x.isEnd() {
		if err := x.statement(r); err != nil {
			if x.fatal(err) {
				return err
			}
			r.err = x.locate(err)
			x.giveUp(r, depth)
			break
		}
	}
	if len(r.marks) > 0 {
		m := x.marks(c)
		m.events = append(m.events, r.marks...)
	}
	if r.ipv6 {
		x.notes.add(int(r.line), "rules are about IPv6", "")
		return nil
	}
	return x.finish(c, r)
}

// finish puts a rule into its chain.
func (x *nftReader) finish(c int32, r *nftRule) *LineError {
	if r.strange != "" && (r.do != pass || r.verdict) && r.err == nil {
		r.err = x.locate(&LineError{Line: int(r.line), Err: ErrSyntax, Msg: "the rule depends on \"" + printable(r.strange) + "\", which is not understood"})
	}
	x.narrowed(r)
	if r.detour != noDetour {
		x.untracked = append(x.untracked, nftDetour{c, x.table, r, x.isForAll(c, r)})
	}
	switch {
	case r.err != nil:
		r.rule = x.p.refusal(r.rule, r.err)
	case r.do == pass:
		x.p.name(x.p.sources(&r.rule)...)
		return nil
	case len(r.conds) > 0:
		var err *LineError
		if r.cond, err = x.p.cond(r.conds...); err != nil {
			return err
		}
	}
	ch := &x.p.chains[c]
	ch.rules = append(ch.rules, r.rule)
	switch r.do {
	case lookup:
		m := x.marks(c)
		m.asks = append(m.asks, ask{len(ch.rules) - 1, len(m.events)})
	case jump:
		m := x.marks(c)
		m.events = append(m.events, markEvent{mask: r.mask, jump: true, target: r.target})
	}
	x.lookUp(c, len(ch.rules)-1, r)
	return nil
}

// lookUp remembers what of a rule stands in sets and maps that may be filled behind it.
func (x *nftReader) lookUp(c int32, i int, r *nftRule) {
	if r.do == refuse {
		return
	}
	if r.protos != "" {
		x.askedProtos = append(x.askedProtos, askedSet{c, i, r.protos, r.notProtos, int(r.line)})
	}
	if r.pairs != nil || r.byDest && r.do == lookup {
		x.spreads = append(x.spreads, spread{c, i, r.pairs, r.byDest})
	}
	if r.set != "" {
		x.asked = append(x.asked, askedSet{c, i, x.table + " " + r.set, r.notSet, int(r.line)})
	}
}

// narrowed has a rule with a verdict match only whom its bits mean.
func (x *nftReader) narrowed(r *nftRule) {
	if r.err != nil || r.do == pass {
		return
	}
	if r.err = x.narrow(r); r.err == nil && r.pairs != nil && r.byDest {
		r.err = bad(ErrSyntax, "a rule with pairs of addresses and verdicts by destination is not understood")
	}
	if r.err != nil {
		r.err.Line = int(r.line)
		r.err = x.locate(r.err)
	}
}

// isForAll reports whether every packet that enters a chain meets a rule, as far as was read.
func (x *nftReader) isForAll(c int32, r *nftRule) bool {
	return r.err == nil && r.strange == "" && r.src == everything && r.list < 0 && r.mask == allProto && len(r.conds) == 0 && !r.ipv6 &&
		r.set == "" && r.protos == "" && r.pairs == nil && len(r.masked) == 0 && len(x.p.chains[c].rules) == 0
}

// statement reads one match or statement of a rule.
func (x *nftReader) statement(r *nftRule) *LineError {
	if x.tok.kind != tokWord {
		x.strange(r)
		return nil
	}
	switch word := x.take(); word {
	case "ip":
		return x.ip(r)
	case "meta":
		return x.meta(r)
	case "ip6":
		r.ipv6 = true
		x.strange(r, word)
	case "iif", "oif", "iifname", "oifname", "mark", "iifgroup", "oifgroup":
		x.circumstance(r, word)
	case "tcp", "udp", "icmp", "th", "udplite", "dccp", "sctp", "icmpv6":
		x.transport(r, word)
	case "ct":
		x.conntrack(r)
	case "fib":
		x.fib(r)
	case "counter":
		x.counter()
	case "comment":
		x.advance()
	case "log":
		x.log()
	case "notrack", "continue":
		r.watch(word)
	case "accept", "drop", "return":
		r.do = map[string]action{"accept": accept, "drop": drop, "return": back}[word]
	case "jump", "goto":
		r.do, r.target = jump, x.p.chain(x.table+" "+x.take())
		if word == "goto" {
			r.do = jumpAway
		}
	case "masquerade", "redirect", "dnat", "tproxy", "queue", "reject", "fwd":
		x.without(r, word)
	case "snat":
		return x.snat(r)
	default:
		x.strange(r, word)
	}
	return nil
}

// without reads a statement that ends a packet's way through the chain, and gives nobody a share.
func (x *nftReader) without(r *nftRule, word string) {
	r.do, r.hit = dynamic, true // it is noted
	switch word {
	case "reject":
		r.do = drop
	case "dnat", "redirect":
		x.forward(r, word)
	}
	x.notes.add(int(r.line), word+" gives nobody a share", "")
	x.skipStatement()
}

// log steps over what is written to the log.
func (x *nftReader) log() {
	for x.tok.kind == tokWord && isLogOption(string(x.tok.text)) {
		x.advance()
		x.advance()
	}
}

func isLogOption(w string) bool {
	switch w {
	case "prefix", "level", "group", "flags", "snaplen", "queue-threshold":
		return true
	}
	return false
}

// isVerdict says which words end what is not understood.
func (x *nftReader) isVerdict() bool {
	if x.tok.kind != tokWord {
		return false
	}
	switch string(x.tok.text) {
	case "accept", "drop", "return", "jump", "goto", "masquerade", "redirect", "dnat", "snat", "counter", "comment", "queue", "reject":
		return true
	}
	return false
}

// strange steps over what is not understood, up to a verdict, and keeps its text, behind words that were read already.
func (x *nftReader) strange(r *nftRule, read ...string) {
	for _, word := range read {
		x.keep(r, word)
	}
	for depth := x.depth; x.tok.kind != tokEnd; x.advance() {
		if x.depth == depth && (x.isEnd() || x.isVerdict()) {
			break
		}
		x.keep(r, string(x.tok.text))
	}
	if r.strange == "" {
		r.strange = "something unreadable"
	}
}

// keep adds a word to what is not understood.
func (x *nftReader) keep(r *nftRule, word string) {
	x.updates(r, word)
	r.watch(word)
	if word == "set" && (len(r.strange) >= maxText || strings.HasSuffix(r.strange, "mark") && !strings.HasSuffix(r.strange, "ct mark")) {
		r.mark(markEvent{mask: r.mask})
	}
	switch {
	case word == "vmap", word == "synproxy", strings.HasPrefix(word, "xt_"), word == "target" && strings.HasSuffix(r.strange, "xt"):
		r.verdict = true
	}
	if len(r.strange) < maxText {
		r.strange = strings.TrimSpace(r.strange + " " + word)
	}
}

// isCompound reports whether what was read is a part of a larger expression: a concatenation, or what a map is asked by.
func (x *nftReader) isCompound() bool { return x.tok.is(".") || x.tok.is("vmap") || x.tok.is("map") }

// expression reads the right side of a match and returns its text.
func (x *nftReader) expression() string {
	var b []byte
	var all hash.Hash // of what is too long to be kept
	for depth := 0; x.tok.kind != tokEnd; {
		switch {
		case x.tok.kind == '{':
			depth++
		case depth == 0 && x.isEnd():
			return abridged(b, all)
		case x.tok.kind == '}':
			depth--
		}
		if len(b) > 0 {
			b = append(b, ' ')
		}
		if b = append(b, x.tok.text...); len(b) > maxText {
			if all == nil {
				all = sha256.New()
			}
			all.Write(b[maxText:]) // never fails
			b = b[:maxText]
		}
		more := x.isOperator()
		x.advance()
		if depth == 0 && !more && !x.isOperator() {
			break
		}
	}
	return abridged(b, all)
}

// abridged returns a text that was too long with something that tells it from others.
func abridged(start []byte, rest hash.Hash) string {
	if rest == nil {
		return string(start)
	}
	return fmt.Sprintf("%s... sha256 %x", start, rest.Sum(nil)[:16])
}

// isOperator says what stands between two parts of an expression, or before one.
func (x *nftReader) isOperator() bool {
	if x.tok.kind == ',' {
		return true
	}
	if x.tok.kind != tokWord {
		return false
	}
	switch string(x.tok.text) {
	case "!=", "==", ".", "-", "!", "<", ">", "<=", ">=", "&", "|", "^", "and", "or", "xor":
		return true
	}
	return false
}

// fib reads what stands behind fib. What kind of address packets go to is known to the box alone: the rule holds of some destinations, and of others not.
func (x *nftReader) fib(r *nftRule) {
	if x.accept("daddr") {
		if x.accept("type") {
			x.circumstance(r, "fib daddr type")
			return
		}
		x.strange(r, "fib", "daddr")
		return
	}
	x.strange(r, "fib")
}

// circumstance reads the right side of a match that a plan knows nothing of.
func (x *nftReader) circumstance(r *nftRule, left string) {
	switch {
	case x.isCompound():
		x.strange(r, left)
		return
	case left == "mark" && x.tok.is("set"):
		x.setMark(r)
		return
	}
	r.conds = append(r.conds, left+" "+x.expression())
}
