package rulefile

import (
	"bytes"
	"strings"
)

// An iptablesRule is a rule while its options are read.
type iptablesRule struct {
	rule
	x      *iptablesReader
	target string
	chain  string // of -g
	to     []byte
	conds  []string
	flags  []string

	strange string // a match that is not understood
	module  string // the last one of -m
}

// rule reads the options of a rule. With an error comes what was read of the rule.
func (x *iptablesReader) rule(args [][]byte, text []byte) (rule, *LineError) {
	r := iptablesRule{rule: newRule(x.in.line), x: x}
	not := false
	for i := 0; i < len(args); {
		option := r.x.intern(args[i])
		i++
		if option == "!" {
			not = true
			continue
		}
		var values [][]byte
		if name, v, ok := strings.Cut(option, "="); ok && strings.HasPrefix(name, "--") {
			option, values = name, [][]byte{[]byte(v)}
		} else {
			values, i, not = valuesOf(args, i, option, not)
		}
		if err := r.option(option, values, not); err != nil {
			return r.rule, err
		}
		not = false
	}
	return r.finish(text)
}

// valuesOf returns the values of an option, those before the next one.
func valuesOf(args [][]byte, i int, option string, not bool) (values [][]byte, next int, negated bool) {
	start := i
	switch {
	case isText(option) && i < len(args):
		return args[i : i+1], i + 1, not
	case i+1 < len(args) && string(args[i]) == "!" && args[i+1] != nil && !bytes.HasPrefix(args[i+1], []byte("-")):
		start, i, not = i+1, i+1, true // the old place of the negation: -s ! ADDR
	}
	for i < len(args) && !bytes.HasPrefix(args[i], []byte("-")) && string(args[i]) != "!" {
		i++
	}
	return args[start:i], i, not
}

// option reads one option.
func (r *iptablesRule) option(option string, values [][]byte, not bool) *LineError {
	var value []byte
	switch {
	case len(values) == 1:
		value = values[0]
	case len(values) > 1 && !isPair(option):
		return bad(ErrSyntax, "%s is followed by several words", printable(option))
	}
	switch option {
	case "-s", "--source", "--src", "--src-range":
		spans, err := spansOf(value)
		if err == nil {
			r.x.p.setSource(&r.rule, spans, not)
		}
		return err
	case "-p", "--protocol", "--proto":
		if s := string(value); option == "--proto" && (s == "esp" || s == "ah" || s == "ipcomp") {
			r.other(option, values, not) // of IPsec
			return nil
		}
		m, ok := protoOf(value)
		if !ok {
			return bad(ErrSyntax, "protocol %s is unknown", printable(value))
		}
		if not {
			m = m.invert()
		}
		r.mask &= m
	case "-j", "--jump":
		r.target = r.x.intern(value)
	case "-g", "--goto":
		r.chain = string(value)
	case "--to-source", "--to", "--to-destination":
		if r.to != nil {
			return bad(ErrShared, "the rule has several targets to choose from")
		}
		r.to = value
	case "--probability":
		if not {
			return bad(ErrSyntax, "! --probability is not understood")
		}
		r.chance = true
	case "--random", "--random-fully", "--persistent":
		r.flags = append(r.flags, option)
	default:
		r.other(option, values, not)
	}
	return nil
}

// spansOf reads addresses, prefixes and ranges with commas between them.
func spansOf(list []byte) ([]span, *LineError) {
	var out []span
	for item := range bytes.SplitSeq(list, []byte(",")) {
		s, ok := parseSpan(item)
		if !ok {
			return nil, bad(ErrSyntax, "%q is no IPv4 address, prefix or range", printable(item))
		}
		out = append(out, s)
	}
	return out, nil
}

// finish makes a rule of what its options say.
func (r *iptablesRule) finish(text []byte) (rule, *LineError) {
	x := r.x
	if r.strange != "" && (r.chain != "" || !isStatement(r.target)) {
		return r.rule, bad(ErrSyntax, "the rule depends on %q, which is not understood", printable(r.strange))
	}
	if len(r.conds) > 0 {
		var err *LineError
		if r.cond, err = x.p.cond(r.conds...); err != nil {
			return r.rule, err
		}
	}
	if r.chain != "" {
		r.do, r.rule.target = jumpAway, x.p.chain(r.chain)
		return r.rule, nil
	}
	if len(r.flags) > 0 && (r.target == "SNAT" || r.target == "NETMAP") {
		x.notes.add(x.in.line, "rules have "+strings.Join(r.flags, " ")+": ports stay within the share; the plan says nothing about how they are chosen", string(text))
	}
	switch r.target {
	case "SNAT":
		return r.snat()
	case "NETMAP":
		return r.netmapTo()
	case "RETURN":
		r.do = back
		return r.rule, nil
	case "ACCEPT":
		r.do = accept
		return r.rule, nil
	case "DROP", "REJECT":
		r.do = drop
		return r.rule, nil
	case "QUEUE", "NFQUEUE":
		r.do, r.hit = dynamic, true // what becomes of it is not to be seen
		return r.rule, nil
	case "MASQUERADE", "REDIRECT", "DNAT", "TPROXY":
		x.notes.add(x.in.line, r.target+" gives nobody a share", string(text))
		r.do, r.hit = dynamic, true // it is noted
		if r.target == "REDIRECT" || r.target == "DNAT" {
			x.p.forward(&r.rule, forwardTo(r.target, string(r.to)))
		}
		return r.rule, nil
	}
	if isStatement(r.target) {
		return r.rule, nil
	}
	r.do, r.rule.target = jump, x.p.chain(r.target)
	return r.rule, nil
}

// isStatement reports whether a target decides nothing about addresses, and packets go on to the next rule.
func isStatement(target string) bool {
	switch target {
	case "", "LOG", "NFLOG", "ULOG", "MARK", "CONNMARK", "TCPMSS", "TRACE", "NOTRACK", "CT", "TTL", "DSCP", "TOS", "CLASSIFY", "SET", "AUDIT", "CHECKSUM":
		return true
	}
	return false
}

// snat reads the target of SNAT: ADDR[-ADDR][:PORT[-PORT]].
func (r *iptablesRule) snat() (rule, *LineError) {
	addr, ports, hasPorts := bytes.Cut(r.to, []byte(":"))
	out, ok := parseSpan(addr)
	if !ok || bytes.IndexByte(addr, '/') >= 0 {
		return r.rule, bad(ErrSyntax, "%q is no address to translate to", printable(r.to))
	}
	if !out.single() {
		return r.rule, bad(ErrShared, "the kernel chooses one of %d addresses", out.len()).hint("give each subscriber one outside address; NETMAP maps one to one")
	}
	r.do, r.out = snat, out
	if hasPorts {
		first, last, ok := parsePorts(ports)
		if ok {
			r.ports, ok = r.x.p.sets.ofRange(first, last)
		}
		if !ok {
			return r.rule, bad(ErrSyntax, "%q are no ports", printable(ports))
		}
	}
	return r.rule, nil
}

// netmapTo reads the target of NETMAP: a prefix. It keeps the host bits.
func (r *iptablesRule) netmapTo() (rule, *LineError) {
	out, ok := parseSpan(r.to)
	if !ok {
		return r.rule, bad(ErrSyntax, "%q is no prefix to map to", printable(r.to))
	}
	r.do, r.out = snat, out
	return r.x.p.oneToOne(r.rule)
}

// oneToOne checks a rule that maps source addresses one to one.
func (p *program) oneToOne(r rule) (rule, *LineError) {
	if r.list >= 0 || r.src.len() != r.out.len() {
		n := uint64(0)
		for _, s := range p.sources(&r) {
			n += s.len()
		}
		return r, bad(ErrShared, "%d inside addresses are mapped to %d outside addresses, and only one to one gives shares", n, r.out.len()).
			hint("write a rule for each pair of prefixes of one length")
	}
	if err := keepsHostBits(r.src, r.out); err != nil {
		return r, err
	}
	r.netmap = true
	return r, nil
}

// keepsHostBits refuses what is not mapped from one prefix to another. Kernels replace the bits of the network and keep those of
// the host: they do not count from the start of a range.
func keepsHostBits(src, out span) *LineError {
	if src.isPrefix() && out.isPrefix() {
		return nil
	}
	return bad(ErrShared, "%v is mapped one to one to %v, and kernels map prefixes by their host bits, not ranges from the first address", src, out).
		hint("write a rule for each pair of prefixes of one length")
}
