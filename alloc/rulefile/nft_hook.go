package rulefile

import (
	"cmp"
	"slices"
	"strconv"
	"strings"
)

// An nftBase is a chain that packets enter.
type nftBase struct {
	chain    int32
	priority int
	table    string
}

// hook reads "type nat hook postrouting priority srcnat + 5".
func (x *nftReader) hook(c int32) *LineError {
	var parts []string
	line := x.tok.line
	for !x.isEnd() {
		parts = append(parts, x.take())
	}
	text := strings.Join(parts, " ")
	if strings.HasSuffix(text, " hook output") || strings.Contains(text, " hook output ") {
		x.local[c] = true
	}
	if at, ok := priorityOf(strings.TrimPrefix(text, "type filter hook prerouting priority ")); ok && strings.HasPrefix(text, "type filter hook prerouting priority ") && at < beforeTracking {
		x.early[c] = true
	}
	if strings.HasPrefix(text, "type nat hook prerouting") && !x.skip && !slices.ContainsFunc(x.incoming, func(b nftBase) bool { return b.chain == c }) {
		x.incoming = append(x.incoming, nftBase{c, 0, x.table})
	}
	if !strings.HasPrefix(text, "type nat hook postrouting") || x.skip {
		return nil
	}
	for _, b := range x.bases {
		if b.chain == c {
			return nil
		}
	}
	_, after, _ := strings.Cut(text, "priority ")
	priority, ok := priorityOf(after)
	if !ok {
		return &LineError{Line: line, Err: ErrSyntax, Msg: "the priority " + strconv.Quote(printable(after)) + " is not understood: nobody could say which chain is asked first"}
	}
	x.bases = append(x.bases, nftBase{c, priority, x.table})
	return nil
}

// policy reads what becomes of packets at the end of a chain.
func (x *nftReader) policy(c int32, word string) *LineError {
	switch word {
	case "accept":
		x.p.chains[c].drops = false
	case "drop":
		x.p.chains[c].drops = true
	default:
		return bad(ErrSyntax, "the policy %q is not understood", printable(word))
	}
	return nil
}

// priorities are the names that the families ip and inet have for them.
var priorities = map[string]int{"raw": -300, "mangle": -150, "dstnat": -100, "filter": 0, "security": 50, "srcnat": 100}

// priorityOf reads what follows priority: "srcnat + 5", "-10" and the like.
func priorityOf(text string) (n int, ok bool) {
	text = strings.ReplaceAll(text, " ", "")
	end := 0
	for end < len(text) && 'a' <= text[end] && text[end] <= 'z' {
		end++
	}
	if name := text[:end]; name != "" {
		if n, ok = priorities[name]; !ok || end == len(text) {
			return n, ok
		}
		if text = text[end:]; text[0] != '+' && text[0] != '-' {
			return 0, false
		}
	}
	by, err := strconv.ParseInt(text, 10, 32)
	return n + int(by), err == nil
}

// enter says in which order packets enter chains. Those without rules decide nothing, wherever they stand.
func (x *nftReader) enter() {
	slices.SortStableFunc(x.bases, func(a, b nftBase) int { return cmp.Compare(a.priority, b.priority) })
	for _, b := range x.incoming {
		if !x.dormant[b.table] {
			x.p.inward = append(x.p.inward, b.chain)
		}
	}
	for _, b := range x.bases {
		if c := &x.p.chains[b.chain]; !x.dormant[b.table] && (len(c.rules) > 0 || c.drops) {
			x.p.roots, x.p.ranks = append(x.p.roots, b.chain), append(x.p.ranks, b.priority)
		}
	}
}

// An nftDetour is a rule that changes what translation sees of packets, wherever it stands.
type nftDetour struct {
	chain int32
	table string
	r     *nftRule
	all   bool // every packet that enters the chain meets it
}

// beforeTracking is the priority at which connections are looked up.
const beforeTracking = -200

// oneZone returns the rule by which every packet is tracked in one zone, and none in another one: answers are found as in a box without zones, and it changes
// nothing. It is nil where that is not so for certain.
func (x *nftReader) oneZone() *nftRule {
	var one *nftRule
	for _, u := range x.untracked {
		switch {
		case u.r.detour == untracked || u.r.detour == rewritten, x.dormant[u.table], x.local[u.chain]: // these are judged by themselves
		case u.r.detour != zoned || !u.all || !x.early[u.chain] || one != nil && one.zone != u.r.zone:
			return nil
		default:
			one = u.r
		}
	}
	if one == nil || !isNumber(one.zone) {
		return nil
	}
	return one
}

func isNumber(s string) bool {
	_, ok := parseNumber([]byte(s))
	return ok
}

// untrack remembers the rules that change what translation sees of packets.
func (x *nftReader) untrack() *LineError {
	one := x.oneZone()
	if one != nil {
		x.notes.add(int(one.line), "every packet is tracked in one zone, which changes nothing", "ct zone set "+one.zone)
	}
	for _, u := range x.untracked {
		if x.local[u.chain] || x.dormant[u.table] || one != nil && u.r.detour == zoned {
			continue
		}
		r, conds := u.r.rule, u.r.conds
		if u.r.err != nil || u.r.strange != "" || u.r.set != "" {
			r, conds = newRule(int(r.line)), nil // it is not known for whom
		}
		if err := x.p.untrack(r, conds, u.r.detour); err != nil {
			return err
		}
	}
	return nil
}
