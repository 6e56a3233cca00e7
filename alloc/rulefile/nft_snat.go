package rulefile

import "bytes"

// snat reads what follows snat.
func (x *nftReader) snat(r *nftRule) *LineError {
	r.do = snat
	if x.accept("ip6") {
		r.ipv6 = true
		x.skipStatement()
		return nil
	}
	x.accept("ip")
	prefix := x.accept("prefix")
	if x.accept("addr") && x.accept(".") { // "snat ip addr . port to", as it was written before
		x.accept("port")
	}
	x.accept("to")
	var err *LineError
	switch {
	case x.tok.is("ip"), x.tok.is("meta"):
		r.netmap = prefix
		err = x.snatMap(r)
	default:
		err = x.snatTo(r, prefix)
	}
	if err != nil {
		return err
	}
	return x.snatFlags(r)
}

// snatTo reads "198.18.0.1:1024-2047", or a prefix.
func (x *nftReader) snatTo(r *nftRule, prefix bool) *LineError {
	if x.tok.is("numgen") || x.tok.is("jhash") || x.tok.is("symhash") {
		return bad(ErrShared, "the kernel chooses the address by %s", string(x.tok.text)).hint("give each subscriber one outside address")
	}
	isPrefix := bytes.IndexByte(x.tok.text, '/') >= 0
	out, err := x.address()
	if err != nil {
		return err
	}
	r.out = out
	if x.tok.kind == ':' {
		x.advance()
		if r.ports, err = x.ports(); err != nil {
			return err
		}
	}
	switch {
	case prefix || isPrefix && !out.single() && r.src.len() == out.len():
		r.rule, err = x.p.oneToOne(r.rule)
		return err
	case !out.single():
		return bad(ErrShared, "the kernel chooses one of %d addresses", out.len()).hint("give each subscriber one outside address; snat prefix maps one to one")
	}
	return nil
}

// forward reads what follows dnat or redirect.
func (x *nftReader) forward(r *nftRule, word string) {
	to := ""
	if word == "dnat" && !x.tok.is("ip6") {
		x.accept("ip")
		prefix := x.accept("prefix")
		x.accept("to")
		if x.tok.kind == tokWord {
			to = x.take()
		}
		if prefix || x.tok.is("-") {
			to += "..." // not one address
		}
	}
	if to != "" {
		word += " to"
	}
	x.p.forward(&r.rule, forwardTo(word, to))
}

// ports reads "1024-2047".
func (x *nftReader) ports() (setID, *LineError) {
	first, last, ok := parsePorts(x.tok.text)
	text := printable(x.tok.text)
	x.advance()
	if ok && x.accept("-") {
		_, last, ok = parsePorts(x.tok.text)
		x.advance()
	}
	if ok {
		if id, ok := x.p.sets.ofRange(first, last); ok {
			return id, nil
		}
	}
	return 0, bad(ErrSyntax, "%q are no ports", text)
}

// snatFlags reads random, persistent and the like, up to the end of the rule.
func (x *nftReader) snatFlags(r *nftRule) *LineError {
	for !x.isEnd() {
		switch word := x.take(); word {
		case "random", "fully-random", "persistent":
			x.notes.add(int(r.line), "rules have "+word+": ports stay within the share; the plan says nothing about how they are chosen", "")
		case ",":
		case "comment":
			x.advance()
		default:
			return bad(ErrSyntax, "%q behind snat is not understood", printable(word))
		}
	}
	return nil
}
