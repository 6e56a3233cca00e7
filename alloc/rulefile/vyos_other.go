package rulefile

import (
	"cmp"
	"slices"
	"strings"
)

// A vyosOther is a rule of nat source or nat static: it lets packets pass, or translates them otherwise. It stands in a table of its own,
// and whether that is asked before or behind nat cgnat is not in the file.
type vyosOther struct {
	line     int
	text     string // of the line that says what it does
	effect   Effect // 0 = nothing yet
	about    []span // addresses that it may touch, inside or outside; nil = all
	disabled bool
	track    bool // it is no rule of NAT: packets are not tracked
}

// other reads a path of nat source or nat static.
func (x *vyosReader) other(path []string) *LineError {
	if len(path) > 1 && path[1] != "rule" {
		return bad(ErrSyntax, "%s of nat %s is not understood", printable(path[1]), path[0])
	}
	if len(path) < 4 { // the end of a brace
		return nil
	}
	key := strings.Join(path[:3], " ")
	r := x.others[key]
	if r == nil {
		r = &vyosOther{line: x.in.line, text: key}
		x.others[key] = r
	}
	switch word := path[3]; word {
	case "disable":
		r.disabled = true
	case "description", "log", "packet-type", "protocol", "inbound-interface", "outbound-interface":
	default:
		if path[0] == "static" {
			return x.static(r, path)
		}
		return x.source(r, path)
	}
	return nil
}

// source reads what a rule of nat source is about, and what it does.
func (x *vyosReader) source(r *vyosOther, path []string) *LineError {
	rest := path[4:]
	switch word := path[3]; {
	case word == "exclude" && len(rest) == 0:
		r.effect, r.line, r.text = Passed, x.in.line, strings.Join(path, " ")
	case word == "translation" && len(rest) == 2 && rest[0] == "address" && rest[1] == "masquerade":
		if r.effect == 0 { // else it is excluded
			r.effect, r.line, r.text = Elsewhere, x.in.line, strings.Join(path, " ")
		}
	case word == "translation" && len(rest) > 0:
		return bad(ErrSyntax, "rules of nat source are not read, only nat cgnat").hint("import what nft list ruleset prints on the router, with --from nftables")
	case word == "source" && len(rest) == 2 && rest[0] == "address":
		if s, ok := parseSpan([]byte(rest[1])); ok {
			r.about = []span{s}
		}
	case word == "source", word == "destination", word == "translation": // for some of these packets only
	default:
		return bad(ErrSyntax, "%s of a rule of nat source is not understood", printable(word))
	}
	return nil
}

// static reads what a rule of nat static translates: one address, or a prefix, to another and back.
func (x *vyosReader) static(r *vyosOther, path []string) *LineError {
	rest := path[4:]
	switch word := path[3]; {
	case len(rest) == 2 && rest[0] == "address" && (word == "translation" || word == "destination"):
		s, ok := parseSpan([]byte(rest[1]))
		if !ok {
			return bad(ErrSyntax, "%s address %s is no IPv4 address or prefix", word, printable(rest[1]))
		}
		r.effect, r.about = Elsewhere, append(r.about, s)
	case len(rest) == 0 && (word == "translation" || word == "destination"):
	default:
		return bad(ErrSyntax, "%s of a rule of nat static is not understood", printable(strings.Join(path[3:], " ")))
	}
	return nil
}

// judge notes the rules of nat source and nat static. What they do is a condition, where they may touch a subscriber or an outside address.
func (x *vyosReader) judge(to *collector) {
	var list []*vyosOther
	for _, r := range x.others {
		list = append(list, r)
	}
	for _, r := range x.tracks {
		list = append(list, r)
	}
	slices.SortFunc(list, func(a, b *vyosOther) int { return cmp.Or(cmp.Compare(a.line, b.line), strings.Compare(a.text, b.text)) })
	var ours []span
	for i := range to.entries {
		if e := &to.entries[i]; len(list) > 0 {
			ours = append(ours, span{e.inside, e.inside}, span{e.outside, e.outside})
		}
	}
	ours = union(ours)
	for _, r := range list {
		switch {
		case r.track && (r.disabled || r.effect == 0):
			continue
		case r.track:
			x.notes.add(r.line, "rules take packets away from connection tracking, and so from translation", r.text)
		case r.disabled:
			x.notes.add(r.line, rulesDisabled, r.text)
			continue
		case r.effect == Passed:
			x.notes.add(r.line, "rules of nat source except packets, and only nat cgnat is read: compare with what nft list ruleset prints", r.text)
		case r.effect == Elsewhere:
			x.notes.add(r.line, "rules of nat source or nat static translate otherwise, and give nobody a share", r.text)
		default:
			continue // it says nothing that VyOS would take
		}
		if r.about == nil || reach(r.about, ours) > 0 {
			to.conditions = append(to.conditions, Condition{Effect: r.effect, Protocols: protocolsOf(allProto), Text: printable(r.text), Line: r.line,
				Vague: true, dest: []span{everything}, rest: r.text})
		}
	}
}
