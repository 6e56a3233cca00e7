package rulefile

import "strings"

// watch looks at the words of a rule, whether they are understood or not, for what changes packets before translation sees them, or
// behind it.
func (r *nftRule) watch(words ...string) {
	for _, word := range words {
		left, field := r.last[0], r.last[1]
		switch {
		case word == "notrack" && field != "jump" && field != "goto" && field != "chain":
			r.detour = max(r.detour, untracked)
		case left == "xt" && field == "target" && (word == "CT" || word == "NOTRACK"):
			r.detour = max(r.detour, targeted)
		case word == "set" && field == "zone":
			r.detour = max(r.detour, zoned)
		case word == "set" && isRewritten(left, field):
			r.detour = rewritten
		}
		r.last = [2]string{field, word}
	}
}

// isRewritten reports whether a field that is set is one by which packets are translated: "ip saddr", "udp sport", or a place in a
// header of the network or the transport.
func isRewritten(left, field string) bool {
	switch field {
	case "saddr", "daddr":
		return left == "ip"
	case "sport", "dport":
		return true
	}
	return left == "," || strings.HasPrefix(field, "@nh,") || strings.HasPrefix(field, "@th,")
}

// giveUp steps to the end of a rule of which a part is wrong.
func (x *nftReader) giveUp(r *nftRule, depth int) {
	for ; x.tok.kind != tokEnd && (x.depth > depth || !x.isEnd()); x.advance() {
		if x.tok.kind != tokString || r.last[1] == "target" {
			r.watch(string(x.tok.text))
		}
	}
}

// pass steps over what stands in a table that does not translate. Those of bridges and devices may rewrite packets of IPv4.
func (x *nftReader) pass() {
	r := &nftRule{rule: newRule(x.tok.line)}
	ours := strings.HasPrefix(x.table, "bridge ") || strings.HasPrefix(x.table, "netdev ")
	for depth := x.depth; x.tok.kind != tokEnd && (x.depth > depth || !x.isEnd()); x.advance() {
		if !ours || r.detour != noDetour || x.tok.kind == tokString {
			continue
		}
		if r.watch(string(x.tok.text)); r.detour != noDetour {
			r.rule, r.strange = newRule(x.tok.line), "a table that is not read"
			x.untracked = append(x.untracked, nftDetour{-1, x.table, r, false})
		}
	}
}
