package nat44

import (
	"bufio"
	"fmt"
	"io"
	"math"
	"strings"
)

// WriteTo writes the ruleset as text for nft -f: loading it replaces what is there of the instance in one transaction, but for mappings, the
// timers of flows and counters. The same router gives the same bytes. WriteTo implements io.WriterTo.
func (r *Router) WriteTo(w io.Writer) (int64, error) {
	counted := &counter{w: w}
	t := &textWriter{w: bufio.NewWriterSize(counted, 1<<16)}
	r.write(t)
	if err := t.w.Flush(); t.err == nil {
		t.err = err
	}
	return counted.n, t.err
}

// String returns what WriteTo writes.
func (r *Router) String() string {
	var b strings.Builder
	_, _ = r.WriteTo(&b) // a strings.Builder takes everything
	return b.String()
}

// How long a mapping outlasts the last packet, in seconds: a little longer than the kernel remembers the flow, which is by timeouts().
const (
	udpKept      = 300 + 10
	icmpKept     = 60 + 5 // RFC 5508 REQ-2
	tcpKept      = 7440 + 60
	tcpShort     = 240 + 10
	tcpShortFlow = 240
	// freshLess is how much earlier than a mapping ends its endpoint has to claim it again: others could be getting the port at that moment.
	freshLess = 3
)

// knownMappings is the declared size of sets of mappings: room for all ports, and for what has expired and is not swept away yet.
const knownMappings = 1 << 17

// tries is how many ports are tried at random before one is searched for in order.
const tries = 3

// searches bounds the ports that are looked at in a second by searches that find none free.
const searches = 1 << 20

func (r *Router) write(t *textWriter) {
	t.printf("#!/usr/sbin/nft -f\n# NAT of one subscriber's router, instance %s, made by cgnkit.\n", r.Instance)
	for _, n := range r.Notes {
		t.printf("# %s\n", n)
	}
	t.printf("# %v with %d ports, all of them for TCP, UDP and ICMP identifiers alike\n", r.Outside, r.given.Len())
	if r.Services.IsValid() {
		t.printf("# and %d on which the router itself listens\n", r.Services.Len())
	}
	t.printf("#\n# Loading this file again keeps mappings and flows. After its address or ports have changed, flows may have what is another router's now:\n# conntrack -F forgets them.\n")
	r.again(t)
	t.printf("\ntable ip %s {\n", r.Instance.Table())
	t.printf("\t# packets from inside for which no port was free, that nothing translated, or whose port is of another router; packets of flows whose port somebody else here has by now; packets from outside for nobody here, or for a port that no mapping has or whose filtering refuses them\n")
	for _, name := range []string{"full_tcp", "full_udp", "full_icmp", dropCounter, foreignCounter, staleCounter, strayCounter, refusedCounter} {
		t.printf("\tcounter %s {\n\t}\n\n", name)
	}
	t.timeouts(timeouts())
	r.portMaps(t)
	for _, p := range routed() {
		r.mappings(t, p)
	}
	r.arrival(t)
	r.departure(t)
	for _, p := range routed() {
		r.choice(t, p)
	}
	r.keeping(t)
	for _, p := range routed() {
		r.kept(t, p)
	}
	t.printf("}\n")
}

// What packets from outside are counted by: for nobody here, and for a port that no mapping has or whose filtering refuses them.
const (
	strayCounter   = "strays"
	refusedCounter = "refused"
)

// foreignCounter counts packets from inside whose flow has a port that is not this router's: it is older than the ruleset.
const foreignCounter = "foreign"

// staleCounter counts packets, of both directions, of flows whose port another inside endpoint or a service has by now.
const staleCounter = "stale"

// A routedProtocol is how one protocol is translated.
type routedProtocol struct {
	name string
	port string // of "ct reply": where the outside port is
	kept int
	in   bool // packets from outside can begin a flow
}

func routed() []routedProtocol {
	return []routedProtocol{{"tcp", "proto-dst", tcpKept, true}, {"udp", "proto-dst", udpKept, true}, {"icmp", "proto-src", icmpKept, false}}
}

// endpoint is the inside endpoint of a flow that began inside.
const endpoint = "ct original ip saddr . ct original proto-src"

// script writes a chain of rules that are text already. hook is empty unless it is a base chain.
func (t *textWriter) script(name, comment, hook string, rules ...string) {
	if comment != "" {
		t.printf("\t# %s\n", comment)
	}
	t.printf("\tchain %s {\n", name)
	if hook != "" {
		t.printf("\t\ttype %s; policy accept;\n", hook)
	}
	for _, rule := range rules {
		t.printf("\t\t%s\n", rule)
	}
	t.printf("\t}\n\n")
}

const syn = "tcp flags & (fin | syn | rst | ack) == syn"

// arrival writes what happens to packets from outside, and to those from inside that come back in.
func (r *Router) arrival(t *textWriter) {
	in := fmt.Sprintf("iifname %q ", r.Link)
	stray := func(match string) string { return in + match + " counter name " + strayCounter + " drop" }
	t.script("strays", "from the border relay comes nothing that is not for this router (RFC 7597 section 8, RFC 7599 section 8)", "filter hook prerouting priority -150",
		stray(fmt.Sprintf("ip daddr != %v", r.Outside)), stray("meta l4proto { tcp, udp } th dport @others"),
		stray("icmp type { echo-request, timestamp-request, info-request, address-mask-request } meta l4proto icmp ct original proto-src @others"))
	t.script("arrive", "what may come to a mapping, and from inside everything that one waits for: that is a hairpin. The rest leaves no trace, or a flow from inside could not follow it",
		"nat hook prerouting priority -100", append([]string{fmt.Sprintf("ip daddr != %v accept", r.Outside), "meta l4proto { tcp, udp } th dport @others accept"}, r.arrivals()...)...)
	mss := r.MTU - 40
	clamp := fmt.Sprintf("tcp flags & (syn | rst) == syn tcp option maxseg size set %d", mss)
	t.script("clamp", "TCP segments fit into the tunnel, whoever sends them", "filter hook forward priority -150",
		fmt.Sprintf("oifname %q %s", r.Link, clamp), in+clamp)
}

// arrivals are the rules for packets that begin a flow to the outside address.
func (r *Router) arrivals() []string {
	var rules []string
	if r.Services.IsValid() {
		rules = append(rules, "meta l4proto { tcp, udp } th dport @services redirect")
	}
	for _, p := range routed() {
		if !p.in {
			continue
		}
		to := fmt.Sprintf("dnat ip to %s dport map @inside_%s", p.name, p.name)
		if p.name == "tcp" {
			to = syn + " " + to
		}
		if r.Filtering == FilterNone {
			rules = append(rules, to)
		} else {
			rules = append(rules, fmt.Sprintf("iifname != %q %s", r.Link, to))
		}
		if r.Filtering == FilterByAddress {
			rules = append(rules, fmt.Sprintf("iifname %q %s dport . ip saddr @peers_%s %s", r.Link, p.name, p.name, to))
		}
	}
	// What would be let in without a mapping is a flow that a later mapping of the port runs into: its own flow to the same remote endpoint
	// would have the same addresses and ports.
	rules = append(rules, "meta l4proto { tcp, udp } counter name "+refusedCounter+" drop")
	return append(rules, fmt.Sprintf("iifname %q redirect", r.Link)) // pings are for the router, whatever its own address there
}

// departure writes what happens to the first packet of a flow before it leaves.
func (r *Router) departure(t *textWriter) {
	t.script("timers", "how long the kernel remembers flows: mappings outlast them", "filter hook postrouting priority 90",
		"ct state != new accept", fmt.Sprintf("oifname != %q ct original ip daddr != %v accept", r.Link, r.Outside),
		fmt.Sprintf("meta l4proto tcp ct timeout set %q", tcpTimeouts), fmt.Sprintf("meta l4proto udp ct timeout set %q", udpTimeouts))
	t.script("choose", "the first packet of a flow decides its outside port", "",
		"meta l4proto vmap { tcp : goto choose_tcp, udp : goto choose_udp, icmp : goto choose_icmp }")
}

// choice writes how an inside endpoint comes to its port.
func (r *Router) choice(t *textWriter, p routedProtocol) {
	name, proto := p.name, "meta l4proto "+p.name+" "
	full := "counter name full_" + name + " drop"
	t.script("take_"+name, "take the port of a number, unless a mapping has it. The limit lets one through: of two at the same moment, one goes on", "",
		"meta mark set meta mark map @candidate",
		fmt.Sprintf("%smeta mark != @busy_%s add @busy_%s { meta mark timeout 10s limit rate 1/day burst 1 packets } snat to %v : meta mark map @port", proto, name, name, r.Outside))
	t.script("next_"+name, "the next number: every port has its turn", "",
		fmt.Sprintf("meta mark set numgen inc mod %d", r.given.Len()), "goto take_"+name)
	count := r.given.Len()
	laps := int(math.Ceil(math.Sqrt(float64(count))))
	lap := (count + laps - 1) / laps
	t.script("lap_"+name, fmt.Sprintf("%d of them", lap), "", times(lap, "jump next_"+name)...)
	t.script("search_"+name, "all of them", "", times(laps, "jump lap_"+name)...)
	var rules []string
	if name == "tcp" {
		rules = append(rules, fmt.Sprintf("tcp flags & (fin | syn | rst | ack) != syn counter name %s drop", dropCounter))
	}
	if p.in && r.Services.IsValid() {
		rules = append(rules, fmt.Sprintf("fib saddr type local %s sport @services snat to %v : %s sport", name, r.Outside, name))
	}
	if name == "tcp" {
		rules = append(rules, proto+endpoint+" @out_tcp "+fmt.Sprintf("update @again_tcp { %s timeout %ds }", endpoint, tcpKept))
	}
	rules = append(rules, fmt.Sprintf("%ssnat to %v : %s map @out_%s", proto, r.Outside, endpoint, name),
		fmt.Sprintf("%smeta mark set jhash %s mod %d", proto, endpoint, count), "jump take_"+name)
	for range tries {
		rules = append(rules, fmt.Sprintf("meta mark set numgen random mod %d", count), "jump take_"+name)
	}
	rules = append(rules, fmt.Sprintf("limit rate over %d/second burst %d packets %s", max(64, searches/count), count, full), "jump search_"+name, full)
	t.script("choose_"+name, "an inside endpoint that has a mapping keeps it, whoever is asked; another one gets a port that is free", "", rules...)
}

func times(n int, rule string) []string {
	rules := make([]string, n)
	for i := range rules {
		rules[i] = rule
	}
	return rules
}
