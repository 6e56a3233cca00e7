package nat44

import (
	"slices"
	"strings"
)

// A generation tells the names that a set can have: while one is live, the next content is built under another.
type generation uint8

// generations is how many there are. Two would do, if nobody ever held on to the sets of the one that is to be used.
const generations = 8

// of returns the name of a set in this generation: shares, shares_b, shares_c, …
func (g generation) of(name string) string {
	if g == 0 {
		return name
	}
	return name + "_" + string(rune('a'+g))
}

// splitName returns the name of a set without its generation, and the generation.
func splitName(name string) (base string, g generation) {
	if n := len(name); n > 2 && name[n-2] == '_' && name[n-1] > 'a' && name[n-1] < 'a'+generations {
		return name[:n-2], generation(name[n-1] - 'a')
	}
	return name, 0
}

func baseOf(name string) string {
	base, _ := splitName(name)
	return base
}

// isContent reports whether a name is one of those that a generation of sets can have.
func isContent(name string) bool {
	switch base := baseOf(name); base {
	case "shares", "whole", insideSet, outsideSet, exemptSet:
		return true
	default:
		return strings.HasPrefix(base, "ranges_")
	}
}

// A chain is a base chain with its rules. Each rule has a comment for people, which only the text carries.
type chain struct {
	name     string
	comment  string
	kind     string // "filter" or "nat"
	hook     string // "prerouting" or "postrouting"
	priority int32
	rules    []commented
}

type commented struct {
	rule    rule
	comment string
}

// natPriority is that of source NAT ("srcnat").
const natPriority = 100

// guardPriority is behind source NAT (100), so that the guard sees what leaves, and before conntrack confirms a flow.
const guardPriority = 110

// Names inside the table.
const (
	translateChain = "translate"
	guardChain     = "guard"

	insideSet   = "inside"
	outsideSet  = "outside"
	exemptSet   = "exempt"
	planSet     = "plan"
	dropCounter = "untranslated"
	tcpTimeouts = "rfc_tcp"
	udpTimeouts = "rfc_udp"
)

// chains returns the chains of rs when its sets have the names of generation g.
func (rs *Ruleset) chains(g generation) []chain {
	inside := g.of(insideSet)
	notOurs := commented{rule{inSet{saddr, inside, true}, accept}, "not ours"}
	return []chain{
		{
			name: "timers", comment: "how long the kernel remembers flows of subscribers",
			kind: "filter", hook: "prerouting", priority: 0,
			rules: []commented{
				{rule{known{}, accept}, "only the first packet of a flow sets its timers"},
				{rule{inSet{saddr, inside, false}, protocols{tcp}, setTimeout(tcpTimeouts)}, ""},
				{rule{inSet{saddr, inside, false}, protocols{udp}, setTimeout(udpTimeouts)}, ""},
			},
		},
		{
			name: translateChain, comment: "the first packet of a flow decides its outside address and port",
			kind: "nat", hook: "postrouting", priority: natPriority,
			rules: append(append([]commented{
				notOurs,
				{rule{inSet{daddr, inside, false}, notDNATed{}, accept}, "from inside to inside, unless hairpinned"},
			}, rs.exemptRules(g)...), rs.translateRules(g)...),
		},
		{
			name: guardChain, comment: "nothing of the inside leaves untranslated (RFC 6598 section 4)",
			kind: "filter", hook: "postrouting", priority: guardPriority,
			rules: append(append([]commented{
				notOurs,
				{rule{inSet{daddr, inside, false}, accept}, ""},
			}, rs.exemptRules(g)...), commented{rule{count(dropCounter), drop}, ""}),
		},
	}
}

// exemptRules let the destinations pass that are not translated (RFC 6888 REQ-6).
func (rs *Ruleset) exemptRules(g generation) []commented {
	var out []commented
	if len(rs.exempt) > 0 {
		out = append(out, commented{rule{inSet{daddr, g.of(exemptSet), false}, accept}, "no-translate"})
	}
	for _, d := range rs.services {
		r := rule{service{d}, accept}
		if d.Addrs().Len() == 1<<32 {
			// "Everywhere" does not mean the pools themselves: what goes there is hairpinned.
			r = slices.Insert(r, 0, statement(inSet{daddr, g.of(outsideSet), true}))
		}
		out = append(out, commented{r, "no-translate"})
	}
	return out
}

// translateRules try the maps one after the other; a subscriber without an element falls through to the next.
func (rs *Ruleset) translateRules(g generation) []commented {
	var out []commented
	for _, m := range rs.maps {
		snat := translate{m.kind, g.of(m.name())}
		ported := protocols{icmp, tcp, udp}
		switch m.kind {
		case contiguous:
			out = append(out, commented{rule{ported, snat}, "ICMP query identifiers count as ports"})
		case ranged:
			out = append(out,
				commented{rule{echo{}, bucketOf{true, m.buckets}}, "the same endpoint always meets the same range"},
				commented{rule{protocols{tcp, udp}, bucketOf{false, m.buckets}}, ""},
				commented{rule{ported, snat}, ""})
		case whole:
			out = append(out, commented{rule{except{dccp, udplite}, snat}, "protocols without ports leave 1:1, unless a checksum that nobody mends covers the address"})
		}
	}
	return out
}

// A timeout is a conntrack timeout policy.
type timeout struct {
	name     string
	protocol byte
	comment  string
	policy   []stateTimeout
}

type stateTimeout struct {
	state   string
	index   uint16 // the kernel's number of the state
	seconds uint32
}

// timeouts are the timers that the RFCs ask for, where the kernel's own are shorter. A connection that one side has closed is
// still an established one (RFC 7857 section 2); RST keeps the mapping for 240 s (RFC 7857 section 2.2).
func timeouts() []timeout {
	const established, transitory = 7440, 240
	return []timeout{
		{tcpTimeouts, tcp, "RFC 5382 REQ-5, RFC 7857 section 2", []stateTimeout{
			{"syn_sent", 0, transitory}, {"syn_recv", 1, transitory},
			{"established", 2, established}, {"fin_wait", 3, established},
			{"close_wait", 4, established}, {"last_ack", 5, transitory},
			{"time_wait", 6, transitory}, {"close", 7, transitory},
			// While something is unacknowledged or a window is closed the kernel uses these, whatever the state.
			{"retrans", 9, established}, {"unack", 10, established},
		}},
		{udpTimeouts, udp, "RFC 4787 REQ-5", []stateTimeout{{"unreplied", 0, 300}, {"replied", 1, 300}}},
	}
}
