package nat44

import "fmt"

// keeping writes the base chains behind translation, which see every packet: mappings live as long as packets come, and what is not
// translated does not leave.
func (r *Router) keeping(t *textWriter) {
	lost := func(match string) string {
		return fmt.Sprintf("oifname %q %s counter name %s drop", r.Link, match, dropCounter)
	}
	t.script("translate", "", "nat hook postrouting priority 100",
		fmt.Sprintf("ct status dnat ct original ip daddr %v meta l4proto tcp update @again_tcp { ip daddr . tcp dport timeout %ds }", r.Outside, tcpKept),
		fmt.Sprintf("oifname %q goto choose", r.Link),
		fmt.Sprintf("iifname != %q ct status dnat ct original ip daddr %v goto choose", r.Link, r.Outside))
	foreign := func(match string) string {
		return fmt.Sprintf("oifname %q %s counter name %s drop", r.Link, match, foreignCounter)
	}
	rules := []string{
		lost(fmt.Sprintf("iifname %q", r.Link)), lost("ct state invalid,untracked"), lost(fmt.Sprintf("ip saddr != %v", r.Outside)), lost("meta l4proto != { icmp, tcp, udp }"),
		"jump keep", foreign("meta l4proto { tcp, udp } th sport @others"), foreign("ct state != related meta l4proto icmp ct reply proto-src @others"),
	}
	t.script("remember", "nothing leaves untranslated, or with a port of another router (RFC 7597 section 8); mappings live as long as packets come", "filter hook postrouting priority 110",
		append(rules, r.served()...)...)
	t.script("remember_own", "the same for packets to the router itself", "filter hook input priority 110", "goto keep")
	t.script("keep", "flows that began inside, and flows that began outside; some are both, and one of a neighbour has this address, too, but was not translated. ICMP errors are of neither, and keep nothing alive", "",
		"meta l4proto icmp ct state related return",
		fmt.Sprintf("ct status snat ct reply ip daddr %v meta l4proto vmap { tcp : jump keep_tcp, udp : jump keep_udp, icmp : jump keep_icmp }", r.Outside),
		fmt.Sprintf("ct status dnat ct original ip daddr %v meta l4proto vmap { tcp : jump hold_tcp, udp : jump hold_udp }", r.Outside))
}

// served are the rules for flows of hosts that are older than the services: a host that had a port on which the router listens by now has it no
// more. Packets of the router itself come from no interface.
func (r *Router) served() []string {
	if !r.Services.IsValid() {
		return nil
	}
	var rules []string
	for _, p := range routed() {
		if p.in {
			rules = append(rules,
				fmt.Sprintf("iif != 0 ct status snat ct reply ip daddr %v meta l4proto %s ct reply proto-dst @services counter name %s drop", r.Outside, p.name, staleCounter),
				fmt.Sprintf("iif != 0 ct status dnat ct original ip daddr %v meta l4proto %s ct original proto-dst @services counter name %s drop", r.Outside, p.name, staleCounter))
		}
	}
	return rules
}

// kept writes how the mappings of a protocol are kept.
func (r *Router) kept(t *textWriter, p routedProtocol) {
	proto := "meta l4proto " + p.name + " "
	port := "ct reply " + p.port
	others := []string{proto + port + " @withheld goto older_" + p.name, r.claim(t, "claim_"+p.name, p, endpoint, port)}
	t.script("older_"+p.name, "a flow with a port that inside endpoints do not get any more: its endpoint gets another one with its next flow", "",
		fmt.Sprintf("%s%s . %s @fresh_%s delete @out_%s { %s : %s }", proto, port, endpoint, p.name, p.name, endpoint, port),
		fmt.Sprintf("%s%s . %s @held_%s delete @inside_%s { %s : %s }", proto, port, endpoint, p.name, p.name, port, endpoint),
		fmt.Sprintf("%sdelete @held_%s { %s . %s }", proto, p.name, port, endpoint),
		fmt.Sprintf("%sdelete @fresh_%s { %s . %s }", proto, p.name, port, endpoint),
		fmt.Sprintf("%s%s @others counter name %s drop", proto, port, foreignCounter))
	if p.name != "tcp" {
		t.script("keep_"+p.name, "", "", append(others, r.updates(p, endpoint, port, p.kept)...)...)
	} else {
		again := proto + endpoint + " @again_tcp "
		t.script("keep_tcp", "a mapping that one connection has goes a little after that", "", append(others,
			again+"goto stay_tcp", "ct state new goto pass_tcp", fmt.Sprintf("ct expiration > %ds goto stay_tcp", tcpShortFlow), "goto pass_tcp")...)
		t.script("stay_tcp", "", "", append(r.updates(p, endpoint, port, tcpKept), again+fmt.Sprintf("update @again_tcp { %s timeout %ds }", endpoint, tcpKept))...)
		t.script("pass_tcp", "", "", r.updates(p, endpoint, port, tcpShort)...)
	}
	if p.in {
		const host, port = "ct reply ip saddr . ct reply proto-src", "ct original proto-dst"
		rules := append([]string{proto + port + " @withheld return", r.claim(t, "claim_"+p.name+"_in", p, host, port)}, r.updates(p, host, port, p.kept)...)
		if p.name == "tcp" {
			rules = append(rules, proto+fmt.Sprintf("update @again_tcp { %s timeout %ds }", host, tcpKept))
		}
		t.script("hold_"+p.name, "", "", rules...)
	}
}

// claim writes what becomes of a flow whose mapping is not fresh, and returns the rule that leads there. Its first packet is new, or the mapping is
// about to end, or lost: where another inside endpoint has the port, or its own endpoint has another one by now, the flow ends. Where nobody has, or its
// own endpoint, it gets the port, and of two at the same moment one does.
func (r *Router) claim(t *textWriter, chain string, p routedProtocol, host, port string) string {
	proto := "meta l4proto " + p.name + " "
	end := fmt.Sprintf("counter name %s drop", staleCounter)
	t.script(chain, "who has no mapping gets one, unless somebody else has the port. The limit lets one through", "",
		fmt.Sprintf("%s%s @inside_%s %s . %s != @held_%s %s", proto, port, p.name, port, host, p.name, end),
		fmt.Sprintf("%s%s @out_%s %s . %s != @held_%s %s", proto, host, p.name, port, host, p.name, end),
		fmt.Sprintf("%sadd @claimed_%s { %s timeout 1s limit rate 1/day burst 1 packets } return", proto, p.name, port), end)
	return fmt.Sprintf("%s%s . %s != @fresh_%s jump %s", proto, port, host, p.name, chain)
}

// updates are the rules that keep the mapping of an inside endpoint to a port for so many seconds. Their order is that in which a mapping ends: while
// others find the port in use, its endpoint is known.
func (r *Router) updates(p routedProtocol, host, port string, seconds int) []string {
	rules := []string{
		fmt.Sprintf("update @fresh_%s { %s . %s timeout %ds }", p.name, port, host, seconds-freshLess),
		fmt.Sprintf("update @out_%s { %s timeout %ds : %s }", p.name, host, seconds, port),
		fmt.Sprintf("update @inside_%s { %s timeout %ds : %s }", p.name, port, seconds, host),
		fmt.Sprintf("update @held_%s { %s . %s timeout %ds }", p.name, port, host, seconds),
		fmt.Sprintf("update @busy_%s { jhash %s mod %d seed %#x timeout %ds }", p.name, port, uint32(portModulus), portSeed, seconds),
	}
	if p.in && r.Filtering == FilterByAddress && host == endpoint {
		rules = append(rules, fmt.Sprintf("update @peers_%s { %s . ct reply ip saddr timeout %ds }", p.name, port, seconds))
	}
	for i := range rules {
		rules[i] = "meta l4proto " + p.name + " " + rules[i]
	}
	return rules
}
