package rulefile

import (
	"maps"
	"slices"
	"strings"
)

// command reads one statement outside of tables.
func (x *nftReader) command() *LineError {
	x.skipLines()
	if x.tok.kind == tokEnd {
		return nil
	}
	if x.sh.ended > 0 {
		return bad(ErrSyntax, "the script ends in line %d, and this stands behind it", x.sh.ended).hint("take what does not run out of a copy of the file")
	}
	shell := x.here == "" && x.tok.is("nft")
	if x.running = shell; shell {
		if done, err := x.run(); err != nil || done {
			return err
		}
		x.advance()
	}
	if x.accept("add") || x.accept("create") {
		return x.add()
	}
	switch {
	case x.tok.is("set") && !shell && x.setsOptions():
		return x.other("set")
	case x.tok.is("table"), x.tok.is("chain"), x.tok.is("rule"), x.tok.is("map"), x.tok.is("set"), x.tok.is("element"):
		return x.add()
	case x.tok.is("define"), x.tok.is("redefine"):
		if err := x.define(); err != nil {
			return err
		}
		x.advance()
		return nil
	case x.tok.is("include"):
		return bad(ErrSyntax, "include is not followed").hint("import what nft list ruleset prints")
	case x.tok.is("flush"), x.tok.is("delete"), x.tok.is("destroy"):
		return x.remove()
	}
	return x.foreign(shell)
}

// remove reads what empties a ruleset before it is written.
func (x *nftReader) remove() *LineError {
	verb, what := x.take(), x.take()
	prefix := ""
	switch what {
	case "ruleset":
		if isFamily(x.tok) {
			prefix = x.take() + " "
		}
	case "table":
		if prefix = x.tableName() + " "; strings.HasSuffix(prefix, " handle ") {
			return bad(ErrSyntax, "%s table by handle is not followed", printable(verb)).hint("import what nft list ruleset prints")
		}
	case "chain", "map":
		if verb == "flush" {
			x.flush(what)
			return nil
		}
		fallthrough
	default:
		if len(x.p.chains)+len(x.sets)+len(x.maps) > 0 {
			return bad(ErrSyntax, "%s %s is not followed", printable(verb), printable(what)).hint("import what nft list ruleset prints")
		}
	}
	x.skipStatement()
	for i := range x.p.chains {
		if c := &x.p.chains[i]; strings.HasPrefix(c.name, prefix) {
			c.rules = nil
		}
	}
	x.forget(func(c int32) bool { return strings.HasPrefix(x.p.chains[c].name, prefix) })
	maps.DeleteFunc(x.marked, func(c int32, _ *marking) bool { return strings.HasPrefix(x.p.chains[c].name, prefix) })
	if verb == "flush" && what == "table" {
		return nil // chains and sets stay
	}
	gone := func(b nftBase) bool { return strings.HasPrefix(b.table+" ", prefix) }
	x.bases, x.incoming = slices.DeleteFunc(x.bases, gone), slices.DeleteFunc(x.incoming, gone)
	maps.DeleteFunc(x.dormant, func(table string, _ bool) bool { return strings.HasPrefix(table+" ", prefix) })
	for name := range x.sets {
		if strings.HasPrefix(name, prefix) {
			delete(x.sets, name)
		}
	}
	for name, m := range x.maps {
		if strings.HasPrefix(name, prefix) {
			x.p.maps[m].elements = nil
		}
	}
	return nil
}

// flush reads what empties a chain or a map. What the file puts into it afterwards is what it has.
func (x *nftReader) flush(what string) {
	name := x.tableName()
	name += " " + x.take()
	x.skipStatement()
	if what == "map" {
		if m, ok := x.maps[name]; ok {
			x.p.maps[m].elements = nil
		}
		return
	}
	if n, ok := x.p.byName[name]; ok {
		x.p.chains[n].rules = nil
		x.forget(func(c int32) bool { return c == n })
		delete(x.marked, n)
	}
}

// forget drops what was to be looked up for the rules of chains.
func (x *nftReader) forget(of func(chain int32) bool) {
	x.asked = slices.DeleteFunc(x.asked, func(a askedSet) bool { return of(a.chain) })
	x.askedProtos = slices.DeleteFunc(x.askedProtos, func(a askedSet) bool { return of(a.chain) })
	x.spreads = slices.DeleteFunc(x.spreads, func(s spread) bool { return of(s.chain) })
}

func isFamily(t token) bool {
	switch string(t.text) {
	case "ip", "ip6", "inet", "arp", "bridge", "netdev":
		return t.kind == tokWord
	}
	return false
}

// tableName reads "ip nat" or "nat".
func (x *nftReader) tableName() string {
	family := "ip"
	if isFamily(x.tok) {
		family = x.take()
	}
	x.skip = family != "ip" && family != "inet"
	return family + " " + x.take()
}

// add reads a table, or something that is added to one.
func (x *nftReader) add() *LineError {
	what := x.take()
	x.table = x.tableName()
	switch what {
	case "table":
		if x.tok.kind == '{' {
			x.advance()
			return x.body()
		}
		return nil
	case "chain":
		return x.chain(x.take())
	case "rule":
		return x.addedRule()
	case "map":
		return x.mapBlock(x.take())
	case "set":
		return x.setBlock(x.take())
	case "element":
		return x.addedElements(x.take())
	case "flowtable", "counter", "quota", "limit", "ct", "secmark", "synproxy", "tunnel": // nothing that gives or takes shares
		x.skipStatement()
		return nil
	}
	return bad(ErrSyntax, "add %s is not followed", printable(what)).hint("import what nft list ruleset prints")
}

// addedRule reads "add rule ip nat postrouting ...".
func (x *nftReader) addedRule() *LineError {
	chain := x.take()
	if x.tok.is("position") || x.tok.is("handle") || x.tok.is("index") {
		return bad(ErrSyntax, "the rule is put at a place of its own").hint("import what nft list ruleset prints")
	}
	if x.skip {
		x.pass()
		return nil
	}
	return x.rule(x.p.chain(x.table + " " + chain))
}
