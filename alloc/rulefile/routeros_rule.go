package rulefile

import (
	"bytes"
)

// A routerOSRule is a rule while its properties are read.
type routerOSRule struct {
	rule
	x                           *routerOSReader
	action, chain, target, list string
	to, ports                   []byte
	conds                       []string
	ordered, randomised         bool
	strange                     string // a match that is not understood
	off                         string // why the rule is none; "" = it is one
}

// rule reads the properties of a rule. With an error comes what was read of the rule.
func (x *routerOSReader) rule(args [][]byte) (o routerOSRule, first *LineError) {
	o = routerOSRule{rule: newRule(x.in.line), x: x, action: "accept"}
	for _, a := range args {
		key, value, set := bytes.Cut(a, []byte("="))
		if !set && bytes.HasPrefix(key, []byte("!")) {
			continue // a property without a value
		}
		if err := o.property(string(key), value, set); err != nil && first == nil {
			first = err
		}
	}
	return o, first
}

// routerOSMatches are the properties that are about something else than the source.
var routerOSMatches = map[string]bool{
	"in-interface": true, "out-interface": true, "in-interface-list": true, "out-interface-list": true, "in-bridge-port": true, "out-bridge-port": true,
	"in-bridge-port-list": true, "out-bridge-port-list": true, "dst-address": true, "dst-address-list": true, "dst-address-type": true, "dst-port": true,
	"src-port": true, "port": true, "any-port": true, "connection-mark": true, "packet-mark": true, "routing-mark": true, "routing-table": true,
	"connection-type": true, "connection-bytes": true, "connection-rate": true, "dscp": true, "icmp-options": true, "ipsec-policy": true, "ipv4-options": true,
	"ingress-priority": true, "priority": true, "packet-size": true, "tcp-mss": true, "ttl": true, "nth": true, "layer7-protocol": true, "content": true,
	"tls-host": true, "fragment": true, "time": true, "hotspot": true, "limit": true,
}

// property reads one property. set is false where there is no value.
func (o *routerOSRule) property(key string, value []byte, set bool) *LineError {
	switch key {
	case "action":
		o.action = string(value)
	case "chain":
		o.chain = string(value)
	case "jump-target":
		o.target = string(value)
	case "src-address":
		return o.source(value)
	case "src-address-list":
		o.list = string(value)
	case "protocol":
		return o.protocol(value)
	case "to-addresses", "to-address":
		o.to = value
	case "to-ports":
		o.ports = value
	case "disabled", "disable": // RouterOS takes names cut short
		return o.isOff(rulesDisabled, "disabled", value, set)
	case "invalid":
		return o.isOff("rules are invalid, and RouterOS passes them over", "invalid", value, set)
	case "place-before":
		o.ordered = true
	case "randomise-ports":
		o.randomised = string(value) == "yes"
	case "comment", "log", "log-prefix", "dynamic", "bytes", "packets", "creation-time":
	case "random":
		o.chance = true
	default:
		o.other(key, value)
	}
	return nil
}

// isOff reads a property that takes a rule away.
func (o *routerOSRule) isOff(why, key string, value []byte, set bool) *LineError {
	off, err := isYes(key, value, set)
	if off {
		o.off = why
	}
	return err
}

// other reads a match that is no source or protocol.
func (o *routerOSRule) other(key string, value []byte) {
	first, last, ok := parsePorts(value)
	if all := ok && first <= 1 && last == 65535; all && (key == "src-port" || key == "dst-port") {
		return // all ports: a way to say that the protocol has some
	}
	text := key + "=" + string(value)
	aim, not := bytes.CutPrefix(value, []byte("!"))
	switch key {
	case "dst-address":
		if s, ok := parseSpan(aim); ok {
			o.x.p.destination(text, []span{s}, not)
		}
	case "dst-address-list":
		o.x.aims = append(o.x.aims, aimedSet{text, string(aim), not})
	}
	o.conds = append(o.conds, text)
	if !routerOSMatches[key] && o.strange == "" {
		o.strange = text
	}
}

// source reads src-address.
func (o *routerOSRule) source(value []byte) *LineError {
	text, not := bytes.CutPrefix(value, []byte("!"))
	s, ok := parseSpan(text)
	if !ok {
		return bad(ErrSyntax, "src-address %q is no IPv4 address, prefix or range", printable(value))
	}
	o.x.p.setSource(&o.rule, []span{s}, not)
	return nil
}

// protocol reads protocol.
func (o *routerOSRule) protocol(value []byte) *LineError {
	name, not := bytes.CutPrefix(value, []byte("!"))
	m, ok := protoOf(name)
	if !ok {
		return bad(ErrSyntax, "protocol %s is unknown", printable(value))
	}
	if not {
		m = m.invert()
	}
	o.mask &= m
	return nil
}

// finish makes a rule of what its properties say.
func (o *routerOSRule) finish(text []byte) (rule, *LineError) {
	x := o.x
	if o.strange != "" && !o.isStatement() {
		return o.rule, bad(ErrSyntax, "the rule depends on %q, which is not understood", printable(o.strange))
	}
	if len(o.conds) > 0 {
		var err *LineError
		if o.cond, err = x.p.cond(o.conds...); err != nil {
			return o.rule, err
		}
	}
	switch o.action {
	case "src-nat", "netmap":
		return o.translate(text)
	case "same":
		return o.rule, bad(ErrShared, "action=same chooses one of several addresses").hint("give each subscriber one outside address: action=src-nat or netmap")
	case "jump":
		if o.target == "" {
			return o.rule, bad(ErrSyntax, "the jump has no jump-target")
		}
		o.do, o.rule.target = jump, x.p.chain(o.target)
		return o.rule, nil
	case "return":
		o.do = back
	case "accept":
		o.do = accept
	case "masquerade", "dst-nat", "redirect":
		o.do, o.hit = dynamic, true // it is noted
		x.notes.add(x.in.line, "action="+o.action+" gives nobody a share", string(text))
		if o.action != "masquerade" {
			x.p.forward(&o.rule, forwardTo("action="+o.action, string(o.to)))
		}
		return o.rule, nil
	case "endpoint-independent-nat":
		return o.rule, bad(ErrShared, "action=%s is not a share by itself", o.action)
	default:
		if o.isStatement() {
			return o.rule, nil
		}
		return o.rule, bad(ErrSyntax, "action=%s is unknown", printable(o.action))
	}
	return o.rule, nil
}

// isStatement reports whether the action decides nothing about addresses, and packets go on to the next rule.
func (o *routerOSRule) isStatement() bool {
	switch o.action {
	case "passthrough", "log", "add-src-to-address-list", "add-dst-to-address-list":
		return true
	}
	return false
}

// translate reads src-nat and netmap.
func (o *routerOSRule) translate(text []byte) (rule, *LineError) {
	x := o.x
	if bytes.ContainsAny(o.to, "$(") || bytes.ContainsAny(o.ports, "$(") {
		return o.rule, bad(ErrShared, "the script computes this rule").hint("run it on a test router, and import what /ip firewall nat export prints there")
	}
	out, ok := parseSpan(o.to)
	if !ok {
		return o.rule, bad(ErrSyntax, "to-addresses %q is no IPv4 address, prefix or range", printable(o.to))
	}
	if o.randomised {
		x.notes.add(x.in.line, "rules have randomise-ports: ports stay within the share; the plan says nothing about how they are chosen", string(text))
	}
	o.do, o.out = snat, out
	if len(o.ports) > 0 {
		first, last, ok := parsePorts(o.ports)
		if ok {
			o.rule.ports, ok = x.p.sets.ofRange(first, last)
		}
		if !ok {
			return o.rule, bad(ErrSyntax, "to-ports %q are no ports", printable(o.ports))
		}
	}
	switch {
	case o.action == "netmap" && o.list != "":
		return o.rule, bad(ErrShared, "netmap maps a prefix, and the sources are the address list %s", printable(o.list))
	case o.action == "netmap":
		return x.p.oneToOne(o.rule)
	case !out.single():
		return o.rule, bad(ErrShared, "src-nat chooses one of %d addresses", out.len()).hint("give each subscriber one outside address; action=netmap maps one to one")
	}
	return o.rule, nil
}
