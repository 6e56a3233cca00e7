package rulefile

import (
	"slices"
	"strings"
)

// An nftKey is a field of the key of a map.
type nftKey uint8

const (
	keyOther nftKey = iota // something that shares do not depend on in a plan
	keyAddr
	keyProto
	keyMark // a bucket: elements of one source are one share
)

// snatMap reads "ip saddr . meta mark map @shares".
func (x *nftReader) snatMap(r *nftRule) *LineError {
	keys, err := x.keys()
	if err != nil {
		return err
	}
	if !x.accept("map") {
		return bad(ErrSyntax, "%q is not understood where map is expected", printable(x.tok.text))
	}
	return x.ask(r, keys, false)
}

// keys reads the fields by which a map is asked.
func (x *nftReader) keys() ([]nftKey, *LineError) {
	var keys []nftKey
	for {
		family := x.take()
		field := x.take()
		k := keyOf(family + " " + field)
		if k == keyOther || field == "daddr" {
			return nil, bad(ErrSyntax, "shares by %s %s are not understood", printable(family), printable(field)).
				hint("a share follows from the source address, and the protocol")
		}
		keys = append(keys, k)
		if x.accept(".") {
			continue
		}
		if !oneAddress(keys) {
			return nil, bad(ErrSyntax, "shares by something else than one source address are not understood")
		}
		return keys, nil
	}
}

// oneAddress reports whether keys name one source, so that what they lead to is a share.
func oneAddress(keys []nftKey) bool {
	n := 0
	for _, k := range keys {
		if k == keyAddr {
			n++
		}
	}
	return n == 1
}

// keyOf returns the field of a type or an expression.
func keyOf(name string) nftKey {
	switch name {
	case "ipv4_addr", "ip saddr", "ip daddr":
		return keyAddr
	case "inet_proto", "meta l4proto", "ip protocol":
		return keyProto
	case "mark", "meta mark":
		return keyMark
	}
	return keyOther
}

// vmap reads a map of verdicts behind ip saddr or meta l4proto.
func (x *nftReader) vmap(r *nftRule, key nftKey) *LineError { return x.ask(r, []nftKey{key}, true) }

// ask reads "@name", or a map in braces, and makes the rule ask it.
func (x *nftReader) ask(r *nftRule, keys []nftKey, verdicts bool) *LineError {
	r.do = lookup
	if x.tok.kind == tokWord && x.tok.text[0] == '@' {
		r.target = x.mapOf(x.take()[1:])
		if m := x.p.maps[r.target]; m.line == 0 {
			m.line = x.tok.line
		}
		return nil
	}
	if x.tok.kind != '{' {
		return bad(ErrSyntax, "%q is no map", printable(x.tok.text))
	}
	m := &shareMap{name: "in place", declared: true, joined: slices.Contains(keys, keyMark)}
	r.target = int32(len(x.p.maps))
	x.p.maps = append(x.p.maps, m)
	return x.elements(m, keys, verdicts)
}

// mapOf returns the number of a named map; it is made where there is none.
func (x *nftReader) mapOf(name string) int32 {
	name = x.table + " " + name
	n, ok := x.maps[name]
	if !ok {
		n = int32(len(x.p.maps))
		x.p.maps = append(x.p.maps, &shareMap{name: name})
		x.maps[name] = n
	}
	return n
}

// A mapType is what the key and value of a map are.
type mapType struct {
	keys     []nftKey
	verdicts bool
}

// mapTypes remembers the types of named maps, for elements that are added later.
func (x *nftReader) typeOf(m *shareMap) *mapType {
	if m.kind == nil {
		m.kind = &mapType{}
	}
	return m.kind
}

// mapBlock reads the braces of a map.
func (x *nftReader) mapBlock(name string) *LineError {
	m := x.p.maps[x.mapOf(name)]
	m.declared = true
	t := x.typeOf(m)
	if x.tok.kind != '{' {
		return bad(ErrSyntax, "map %s has no braces", printable(name))
	}
	for x.advance(); ; {
		x.skipLines()
		switch {
		case x.tok.kind == tokEnd:
			return bad(ErrSyntax, "the file ends within a map")
		case x.tok.kind == '}':
			x.advance()
			return nil
		case x.accept("type"), x.accept("typeof"):
			var value []string
			t.keys, value = x.types()
			t.verdicts = slices.Contains(value, "verdict")
			m.joined = slices.Contains(t.keys, keyMark)
			m.foreign = slices.Contains(t.keys, keyOther) || len(t.keys) > 1 && !oneAddress(t.keys) || !t.verdicts && (len(value) == 0 || keyOf(value[0]) != keyAddr)
		case x.accept("elements"):
			if err := x.assigned(m); err != nil {
				return err
			}
		default:
			if err := x.setOption("map", name); err != nil && m.err == nil {
				m.err = err
			}
		}
	}
}

// assigned reads "= { ... }".
func (x *nftReader) assigned(m *shareMap) *LineError {
	if x.tok.kind == '=' {
		x.advance()
	}
	if m.foreign || m.kind == nil || len(m.kind.keys) == 0 {
		x.skipStatement()
		return nil
	}
	depth := x.depth
	x.aged = 0
	err := x.elements(m, m.kind.keys, m.kind.verdicts)
	switch {
	case err == nil && x.aged > 0:
		m.err = x.changing(x.aged, "an element has a timeout")
	case err == nil || x.fatal(err):
		return err
	default:
		m.err = x.locate(err) // for the rules that ask it
		x.skipTo(depth)
	}
	return nil
}

// types reads "ipv4_addr . mark : interval ipv4_addr . inet_service", or the same by typeof.
func (x *nftReader) types() (keys []nftKey, value []string) {
	var parts []string
	inValue := false
	flush := func() {
		name := strings.Join(parts, " ")
		parts = parts[:0]
		if inValue {
			value = append(value, name)
		} else {
			keys = append(keys, keyOf(name))
		}
	}
	for !x.isEnd() {
		switch {
		case x.tok.kind == ':':
			flush()
			inValue = true
			x.advance()
		case x.accept("."):
			flush()
		case x.accept("interval"):
		default:
			parts = append(parts, x.take())
		}
	}
	flush()
	return keys, value
}

// addedElements reads "add element ip nat shares { ... }".
func (x *nftReader) addedElements(name string) *LineError {
	full := x.table + " " + name
	if s := x.sets[full]; s != nil {
		return x.setElements(s)
	}
	n, ok := x.maps[full]
	if !ok || !x.p.maps[n].declared {
		if x.skip {
			x.skipStatement()
			return nil
		}
		return bad(ErrSyntax, "elements are added to %s, which is not in this file", printable(name))
	}
	return x.assigned(x.p.maps[n])
}

// elements reads the braces with the elements of a map.
func (x *nftReader) elements(m *shareMap, keys []nftKey, verdicts bool) *LineError {
	if x.tok.kind != '{' {
		return bad(ErrSyntax, "%q is not understood where elements are expected", printable(x.tok.text))
	}
	for x.advance(); ; {
		x.skipLines()
		if x.tok.kind == '}' {
			x.advance()
			return nil
		}
		if len(m.elements) == 4*maxShares {
			return bad(ErrTooLarge, "a map has more than %d elements", 4*maxShares)
		}
		e := mapElement{key: everything, mask: allProto, line: uint32(x.tok.line), do: snat}
		if err := x.key(&e, keys); err != nil {
			return err
		}
		x.elementOptions()
		if x.tok.kind != ':' {
			return bad(ErrSyntax, "%q is not understood in an element", printable(x.tok.text))
		}
		x.advance()
		if err := x.value(&e, verdicts); err != nil {
			return err
		}
		if !e.out.single() && e.out.len() == e.key.len() {
			if err := keepsHostBits(e.key, e.out); err != nil {
				return err
			}
		}
		x.elementOptions()
		m.elements = append(m.elements, e)
	}
}

// key reads the key of an element.
func (x *nftReader) key(e *mapElement, keys []nftKey) *LineError {
	if x.tok.is("*") {
		e.catchAll = true
		x.advance()
		return nil
	}
	for i, k := range keys {
		if i > 0 && !x.accept(".") {
			return bad(ErrSyntax, "an element has fewer fields than its map")
		}
		switch k {
		case keyAddr:
			var err *LineError
			if e.key, err = x.address(); err != nil {
				return err
			}
		case keyProto:
			m, ok := protoOf(x.tok.text)
			if !ok {
				return bad(ErrSyntax, "%q is no protocol", printable(x.tok.text))
			}
			e.mask = m
			x.advance()
		case keyMark:
			var ok bool
			if e.bucket, ok = parseMark(x.tok.text); !ok {
				return bad(ErrSyntax, "%q is no mark", printable(x.tok.text))
			}
			x.advance()
		default:
			x.advance()
		}
	}
	return nil
}

// value reads a verdict, or an address and ports.
func (x *nftReader) value(e *mapElement, verdicts bool) *LineError {
	if verdicts {
		switch word := x.take(); word {
		case "accept":
			e.do = accept
		case "drop":
			e.do = drop
		case "continue":
			e.do = pass
		case "return":
			e.do = back
		case "jump", "goto":
			e.do, e.target = jump, x.p.chain(x.table+" "+x.take())
			if word == "goto" {
				e.do = jumpAway
			}
		default:
			return bad(ErrSyntax, "%q is no verdict", printable(word))
		}
		return nil
	}
	var err *LineError
	if e.out, err = x.address(); err != nil {
		return err
	}
	if x.accept(".") || x.tok.kind == ':' {
		if x.tok.kind == ':' {
			x.advance()
		}
		e.ports, err = x.ports()
	}
	return err
}

// setBlock reads the braces of a set.
func (x *nftReader) setBlock(name string) *LineError {
	s := x.sets[x.table+" "+name]
	if s == nil {
		s = &nftSet{}
		x.sets[x.table+" "+name] = s
	}
	if x.tok.kind != '{' {
		return bad(ErrSyntax, "set %s has no braces", printable(name))
	}
	for x.advance(); ; {
		x.skipLines()
		switch {
		case x.tok.kind == tokEnd:
			return bad(ErrSyntax, "the file ends within a set")
		case x.tok.kind == '}':
			x.advance()
			return nil
		case x.accept("type"), x.accept("typeof"):
			keys, _ := x.types()
			s.protos, s.pairs = slices.Equal(keys, []nftKey{keyProto}), slices.Equal(keys, []nftKey{keyAddr, keyAddr})
			s.foreign = !slices.Equal(keys, []nftKey{keyAddr})
		case x.accept("elements"):
			if x.tok.kind == '=' {
				x.advance()
			}
			if err := x.setElements(s); err != nil {
				return err
			}
		default:
			if err := x.setOption("set", name); err != nil && s.err == nil {
				s.err = err
			}
		}
	}
}

// members reads the braces with the elements of a set.
func (x *nftReader) members(s *nftSet) (err *LineError) {
	switch {
	case s.protos:
		var mask protoMask
		mask, err = x.protocols()
		s.mask |= mask
	case s.pairs:
		var list []pair
		list, err = x.pairs()
		s.list = append(s.list, list...)
	default:
		var spans []span
		spans, err = x.addresses()
		s.spans = append(s.spans, spans...)
	}
	return err
}

func (x *nftReader) setElements(s *nftSet) *LineError {
	if s.foreign && !s.protos && !s.pairs {
		x.skipStatement()
		return nil
	}
	depth := x.depth
	x.aged = 0
	err := x.members(s)
	switch {
	case err == nil && x.aged > 0:
		s.err = x.changing(x.aged, "an element has a timeout")
	case err == nil || x.fatal(err):
		return err
	default:
		s.err = x.locate(err) // for the rules that name it
		x.skipTo(depth)
	}
	return nil
}
