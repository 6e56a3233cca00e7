package rulefile

import "strings"

// ip reads what follows ip.
func (x *nftReader) ip(r *nftRule) *LineError {
	switch field := x.take(); field {
	case "saddr":
		return x.saddr(r)
	case "protocol":
		return x.protocol(r)
	case "daddr":
		return x.daddr(r)
	default:
		if x.tok.is("vmap") {
			return bad(ErrSyntax, "a verdict by ip %s is not understood", printable(field))
		}
		x.circumstance(r, "ip "+field)
	}
	return nil
}

// daddr reads the destinations of a rule.
func (x *nftReader) daddr(r *nftRule) *LineError {
	switch {
	case x.accept("vmap"):
		r.byDest = true
		return x.vmap(r, keyAddr)
	case x.tok.is("."):
		ok, read := x.isPair("saddr")
		if ok {
			return x.pairsOf(r, "daddr", "saddr")
		}
		x.strange(r, append([]string{"ip", "daddr"}, read...)...)
		return nil
	case x.tok.is("set"), x.isCompound():
		x.strange(r, "ip", "daddr")
		return nil
	case x.accept("&"), x.accept("and"):
		m, text, err := x.readMasked()
		if err != nil {
			return err
		}
		r.conds = append(r.conds, "ip daddr "+text)
		if spans, ok := m.spans([]span{everything}); ok {
			x.p.destination("ip daddr "+text, spans, m.not)
		}
		return nil
	}
	left, not := "ip daddr", x.accept("!=")
	if not {
		left += " !="
	} else {
		x.accept("==")
	}
	if x.tok.kind == tokWord && x.tok.text[0] == '@' {
		name := x.take()
		text := left + " " + name
		if t := x.named[text]; t != "" && t != x.table {
			text += " of table " + x.table // of the same name in two tables
		} else {
			x.named[text] = x.table
		}
		r.conds = append(r.conds, text)
		x.aims = append(x.aims, aimedSet{text, x.table + " " + name[1:], not})
		return nil
	}
	spans, err := x.addresses()
	if err == nil {
		text := left + " " + textOf(spans)
		r.conds = append(r.conds, text)
		x.p.destination(text, spans, not)
	}
	return err
}

// saddr reads the sources of a rule.
func (x *nftReader) saddr(r *nftRule) *LineError {
	if x.accept("vmap") {
		return x.vmap(r, keyAddr)
	}
	switch {
	case x.tok.is("."):
		ok, read := x.isPair("daddr")
		if ok {
			return x.pairsOf(r, "saddr", "daddr")
		}
		x.strange(r, append([]string{"ip", "saddr"}, read...)...)
		return nil
	case x.accept("&"), x.accept("and"):
		m, _, err := x.readMasked()
		r.masked = append(r.masked, m)
		return err
	case x.tok.is("set"), x.tok.is("map"):
		x.strange(r, "ip", "saddr")
		return nil
	}
	not := x.accept("!=")
	if !not {
		x.accept("==")
	}
	if x.tok.kind == tokWord && x.tok.text[0] == '@' {
		if r.set != "" {
			return bad(ErrSyntax, "a rule with two sets of sources is not understood")
		}
		r.set, r.notSet = x.take()[1:], not
		return nil
	}
	spans, err := x.addresses()
	if err == nil {
		x.p.setSource(&r.rule, spans, not)
	}
	return err
}

// addresses reads one address, or several in braces.
func (x *nftReader) addresses() ([]span, *LineError) {
	if x.tok.kind != '{' {
		if x.tok.kind == tokWord && hasHostBits(x.tok.text) {
			return nil, bad(ErrSyntax, "%s has bits behind the prefix: a kernel lists a mask so that no address has, and that matches nobody", printable(x.tok.text)).
				hint("if a prefix is meant, write it without them, as nft loads it")
		}
		s, err := x.address()
		return []span{s}, err
	}
	var out []span
	for x.advance(); ; {
		x.skipLines()
		if x.tok.kind == '}' {
			x.advance()
			return out, nil
		}
		s, err := x.address()
		if err != nil {
			return nil, err
		}
		out = append(out, s)
		x.elementOptions()
	}
}

// address reads an address, prefix or range.
func (x *nftReader) address() (span, *LineError) {
	s, ok := parseSpan(x.tok.text)
	if !ok || x.tok.kind != tokWord {
		return s, bad(ErrSyntax, "%q is no IPv4 address, prefix or range", printable(x.tok.text))
	}
	x.advance()
	if x.accept("-") {
		to, err := x.address()
		if err != nil || to.last < s.first {
			return s, bad(ErrSyntax, "a range of addresses is reversed or does not end")
		}
		s.last = to.last
	}
	return s, nil
}

// elementOptions steps over what may stand behind the key of an element.
func (x *nftReader) elementOptions() {
	for x.tok.kind == tokWord {
		switch string(x.tok.text) {
		case "timeout", "expires":
			x.aged = x.tok.line
			fallthrough
		case "comment":
			x.advance()
			x.advance()
		case "counter":
			x.advance()
			x.counter()
		default:
			return
		}
	}
}

func (x *nftReader) counter() {
	switch {
	case x.accept("name"):
		x.advance()
	case x.accept("packets"):
		x.advance()
		if x.accept("bytes") {
			x.advance()
		}
	}
}

// meta reads what follows meta.
func (x *nftReader) meta(r *nftRule) *LineError {
	switch field := x.take(); {
	case field == "l4proto":
		return x.protocol(r)
	case field == "nfproto", field == "protocol":
		return x.family(r, field)
	case field == "mark" && x.tok.is("set"):
		x.setMark(r)
	case x.tok.is("set"):
		x.set(r)
	default:
		x.circumstance(r, "meta "+field)
	}
	return nil
}

// family reads the right side of meta nfproto and meta protocol: ipv4, or everything but ipv6, says nothing here.
func (x *nftReader) family(r *nftRule, field string) *LineError {
	not := x.accept("!=")
	if !not {
		x.accept("==")
	}
	v6 := false
	switch word := x.take(); word {
	case "ipv4", "ip":
	case "ipv6", "ip6":
		v6 = true
	default:
		return bad(ErrSyntax, "meta %s %s is not understood", field, printable(word))
	}
	r.ipv6 = r.ipv6 || v6 != not
	return nil
}

// protocol reads "tcp", "!= tcp", "{ tcp, udp }" or a map of verdicts.
func (x *nftReader) protocol(r *nftRule) *LineError {
	if x.accept("vmap") {
		return x.vmap(r, keyProto)
	}
	not := x.accept("!=")
	if !not {
		x.accept("==")
	}
	if x.tok.kind == tokWord && x.tok.text[0] == '@' {
		if r.protos != "" {
			return bad(ErrSyntax, "a rule with two sets of protocols is not understood")
		}
		r.protos, r.notProtos = x.table+" "+x.take()[1:], not
		return nil
	}
	mask, err := x.protocols()
	if err != nil {
		return err
	}
	if not {
		mask = mask.invert()
	}
	r.mask &= mask
	return nil
}

// protocols reads one protocol, or several in braces.
func (x *nftReader) protocols() (mask protoMask, err *LineError) {
	braces := x.tok.kind == '{'
	if braces {
		x.advance()
	}
	for {
		if braces {
			x.skipLines()
		}
		m, ok := protoOf(x.tok.text)
		if !ok || x.tok.kind != tokWord {
			return 0, bad(ErrSyntax, "%q is no protocol", printable(x.tok.text))
		}
		mask |= m
		x.advance()
		if braces {
			x.elementOptions()
			x.skipLines()
		}
		if !braces || x.tok.kind == '}' {
			break
		}
	}
	if braces {
		x.advance()
	}
	return mask, nil
}

// transport reads "tcp dport 80": the protocol, and a circumstance unless that is all ports.
func (x *nftReader) transport(r *nftRule, proto string) {
	field := x.take()
	if x.isCompound() || x.tok.is("set") {
		x.strange(r, proto, field)
		return
	}
	text := x.expression()
	if m, ok := protoOf([]byte(proto)); ok {
		r.mask &= m
	} else if proto == "icmpv6" {
		r.ipv6 = true
	} else {
		r.mask &= tcp | udp | other
	}
	if first, last, ok := parsePorts([]byte(text)); ok && first <= 1 && last == 65535 && (field == "dport" || field == "sport") {
		return
	}
	r.conds = append(r.conds, proto+" "+field+" "+text)
}

// conntrack reads what follows ct.
func (x *nftReader) conntrack(r *nftRule) {
	field := x.take()
	switch {
	case (field == "original" || field == "reply") && x.tok.is("zone"):
		x.strange(r, "ct", field)
		return
	case x.tok.is("set"):
		r.watch(field, "set")
		if words := x.set(r); field == "zone" && len(words) == 1 && r.zone == "" {
			r.zone = words[0]
		}
		return
	case x.isCompound():
		x.strange(r, "ct", field)
		return
	}
	text := x.expression()
	// Only the first packet of a connection meets rules of NAT, and it is new.
	if field == "state" && strings.Contains(text, "new") && !strings.Contains(text, "!") {
		return
	}
	r.conds = append(r.conds, "ct "+field+" "+text)
}
