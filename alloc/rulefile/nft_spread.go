package rulefile

import (
	"cmp"
	"errors"
	"fmt"
	"math/bits"
	"slices"
)

// A pair is an element of a set of sources with destinations.
type pair struct{ from, to span }

// A pairing is a match for pairs: those of a named set, or some in place.
type pairing struct {
	set     string
	list    []pair
	swapped bool // destinations stand first
}

// A spread is a rule that stands for several: one for each of its pairs, or for each element of a map of verdicts by destination. Which those are is
// known when all of the file is read.
type spread struct {
	chain  int32
	rule   int
	pairs  *pairing
	byDest bool
}

// maxSpread bounds how many elements all of them have.
const maxSpread = 1 << 22

// pairsOf reads what stands behind "ip saddr . ip daddr": a named set, or pairs in braces. Anything else is strange.
func (x *nftReader) pairsOf(r *nftRule, first, second string) *LineError {
	read := []string{"ip", first, ".", "ip", second}
	x.accept("==")
	named := x.tok.kind == tokWord && x.tok.text[0] == '@'
	if !named && x.tok.kind != '{' || r.pairs != nil {
		x.strange(r, read...)
		return nil
	}
	p := &pairing{swapped: first == "daddr"}
	if r.pairs = p; named {
		p.set = x.table + " " + x.take()[1:]
		return nil
	}
	var err *LineError
	p.list, err = x.pairs()
	return err
}

// isPair reports whether another field of an address follows, and steps over it; read are the words that were stepped over.
func (x *nftReader) isPair(second string) (ok bool, read []string) {
	for _, word := range []string{".", "ip", second} {
		if !x.accept(word) {
			return false, read
		}
		read = append(read, word)
	}
	return !x.tok.is("."), read
}

// pairs reads "{ 10.0.0.1 . 192.0.2.0/24, ... }".
func (x *nftReader) pairs() (out []pair, err *LineError) {
	for x.advance(); ; {
		x.skipLines()
		if x.tok.kind == '}' {
			x.advance()
			return out, nil
		}
		var p pair
		if p.from, err = x.address(); err != nil {
			return nil, err
		}
		if !x.accept(".") {
			return nil, bad(ErrSyntax, "an element has fewer fields than its set")
		}
		if p.to, err = x.address(); err != nil {
			return nil, err
		}
		out = append(out, p)
		x.elementOptions()
	}
}

// spread puts into their chains what rules stand for that stand for several.
func (x *nftReader) spread() *LineError {
	work := 0
	for _, s := range slices.Backward(x.spreads) { // the last of a chain first: the numbers of the others stay
		r := x.p.chains[s.chain].rules[s.rule]
		if r.do == refuse {
			continue
		}
		var by []rule
		var err *LineError
		if s.byDest {
			by, err = x.byDest(r, &work)
		} else {
			by, err = x.byPair(r, s.pairs, &work)
		}
		switch {
		case err != nil && errors.Is(err, ErrTooLarge):
			err.Line = int(r.line)
			return err
		case err != nil:
			by = []rule{x.p.refusal(r, err)}
		}
		c := &x.p.chains[s.chain]
		c.rules = slices.Replace(c.rules, s.rule, s.rule+1, by...)
	}
	return nil
}

// toDest returns a rule for some of the destinations of another one.
func (p *program) toDest(r rule, dest []span) (rule, *LineError) {
	dest = union(dest)
	if len(dest) == 1 && dest[0] == everything {
		return r, nil
	}
	text := "ip daddr " + textOf(dest)
	p.destination(text, dest, false)
	id, err := p.cond(text)
	if err == nil {
		r.cond, err = p.both(r.cond, id)
	}
	return r, err
}

// byDest returns the rules that a map of verdicts by destination stands for. Its keys have nothing in common, so that their order says nothing.
func (x *nftReader) byDest(r rule, work *int) (out []rule, err *LineError) {
	m := x.p.maps[r.target]
	if *work += len(m.elements); *work > maxSpread {
		return nil, bad(ErrTooLarge, "rules ask large maps by destination too often")
	}
	var all []span
	rest := -1
	byVerdict, order := map[verdict][]span{}, []verdict(nil)
	for i := range m.elements {
		e := &m.elements[i]
		if e.do == snat {
			return nil, bad(ErrSyntax, "map %s has no verdicts", printable(m.name))
		}
		if e.catchAll {
			rest = i
			continue
		}
		all = append(all, e.key)
		v := verdict{do: e.do, target: e.target}
		if byVerdict[v] == nil {
			order = append(order, v)
		}
		byVerdict[v] = append(byVerdict[v], e.key)
	}
	if rest >= 0 {
		v := verdict{do: m.elements[rest].do, target: m.elements[rest].target}
		if byVerdict[v] == nil {
			order = append(order, v)
		}
		byVerdict[v] = append(byVerdict[v], complement(all)...)
	}
	for _, v := range order {
		if v.do == pass || len(byVerdict[v]) == 0 {
			continue
		}
		one := r
		one.do, one.target = v.do, v.target
		if one, err = x.p.toDest(one, byVerdict[v]); err != nil {
			return nil, err
		}
		out = append(out, one)
	}
	return out, nil
}

// byPair returns the rules that pairs stand for: one for each list of destinations that some sources have in common. Who comes back from one of them meets
// the next one as the first, and nobody else twice.
func (x *nftReader) byPair(r rule, p *pairing, work *int) (out []rule, err *LineError) {
	list := p.list
	if p.set != "" {
		s := x.sets[p.set]
		switch {
		case s == nil || !s.pairs:
			return nil, bad(ErrSyntax, "the set %s is not in this file, or holds no pairs of addresses", printable(p.set))
		case s.err != nil:
			return nil, s.err
		}
		list = s.list
	}
	if *work += len(list); *work > maxSpread {
		return nil, bad(ErrTooLarge, "rules ask large sets of pairs too often")
	}
	for _, one := range grouped(list, p.swapped) {
		next := r
		if from := union(one.from); len(from) > 1 || from[0] != everything {
			x.p.setSource(&next, from, false)
		}
		if next, err = x.p.toDest(next, one.to); err != nil {
			return nil, err
		}
		out = append(out, next)
	}
	return out, nil
}

// A group of pairs is sources, each with each of the destinations.
type groupOfPairs struct{ from, to []span }

// grouped puts pairs together that have the same destination, and then those that have the same sources.
func grouped(list []pair, swapped bool) (out []groupOfPairs) {
	byTo, order := map[span][]span{}, []span(nil)
	for _, p := range list {
		if swapped {
			p.from, p.to = p.to, p.from
		}
		if byTo[p.to] == nil {
			order = append(order, p.to)
		}
		byTo[p.to] = append(byTo[p.to], p.from)
	}
	slices.SortFunc(order, func(a, b span) int { return cmp.Or(cmp.Compare(a.first, b.first), cmp.Compare(a.last, b.last)) })
	at := map[string]int{}
	for _, to := range order {
		from := union(byTo[to])
		key := textOf(from)
		i, ok := at[key]
		if !ok {
			i = len(out)
			at[key] = i
			out = append(out, groupOfPairs{from: from})
		}
		out[i].to = append(out[i].to, to)
	}
	return out
}

// A masked is addresses that have given bits: those of one of the values, or of none.
type masked struct {
	mask   uint32
	values []uint32
	not    bool
}

// readMasked reads what stands behind "ip saddr &": "255.255.255.254 == 10.0.0.0".
func (x *nftReader) readMasked() (m masked, text string, err *LineError) {
	one, err := x.address()
	if err != nil || !one.single() {
		return m, "", cmp.Or(err, bad(ErrSyntax, "a mask is no range"))
	}
	m.mask = one.first
	op := " == "
	if m.not = x.accept("!="); m.not {
		op = " != "
	} else {
		x.accept("==")
	}
	spans, err := x.addresses()
	for _, s := range spans {
		if !s.single() {
			return m, "", bad(ErrSyntax, "bits of an address are compared with a range")
		}
		m.values = append(m.values, s.first)
	}
	return m, "& " + addr4(m.mask).String() + op + textOf(spans), err
}

const (
	maxMasked  = 1 << 16 // stretches of addresses with given bits
	maxScanned = 1 << 20 // stretches that are looked at one by one, where there would be more
)

// spans returns which addresses among others a masked is about, whatever not says; ok is false where that are too many stretches.
func (m *masked) spans(within []span) (out []span, ok bool) {
	low := bits.TrailingZeros32(m.mask) // 32 where nothing is asked
	block := uint64(1) << low
	free := ^m.mask
	if low < 32 {
		free &^= uint32(block - 1)
	} else {
		free = 0
	}
	for _, v := range m.values {
		if v&^m.mask != 0 {
			continue // never
		}
		if bits.OnesCount32(free) <= bits.Len32(maxMasked-1) {
			for sub := uint32(0); ; {
				out = append(out, span{v | sub, v | sub | uint32(block-1)})
				if sub = (sub - free) & free; sub == 0 {
					break
				}
			}
		} else {
			looked := uint64(0)
			for _, s := range within {
				if looked += s.len()/block + 1; looked > maxScanned {
					return nil, false
				}
				for a := uint64(s.first) &^ (block - 1); a <= uint64(s.last); a += block {
					if uint32(a)&m.mask == v {
						out = append(out, span{uint32(a), uint32(a + block - 1)})
					}
				}
			}
		}
		if len(out) > maxScanned {
			return nil, false
		}
	}
	return intersect(out, within), true
}

// narrow has a rule match only sources with given bits.
func (x *nftReader) narrow(r *nftRule) *LineError {
	for _, m := range r.masked {
		spans, ok := m.spans(x.p.sources(&r.rule))
		if !ok {
			return bad(ErrSyntax, "bits of the source address are asked for that very many addresses have").
				hint(fmt.Sprintf("name the prefix of subscribers in the rule, before that: ip saddr 100.64.0.0/16 ip saddr & %v ...", addr4(m.mask)))
		}
		x.p.setSource(&r.rule, spans, m.not)
	}
	return nil
}
