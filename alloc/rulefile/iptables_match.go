package rulefile

import (
	"bytes"
	"strings"
)

// A matchKind says what a match of iptables means here.
type matchKind uint8

const (
	matchStrange      matchKind = iota // it may be about the source: not understood
	matchCircumstance                  // it is about something else than the source
	matchNothing                       // it is no match, or says nothing
)

// iptablesModules are the matches of -m whose options are known. Others may match without any option, and by source.
var iptablesModules = map[string]bool{
	"tcp": true, "udp": true, "icmp": true, "sctp": true, "dccp": true, "udplite": true, "comment": true, "set": true, "iprange": true,
	"multiport": true, "conntrack": true, "state": true, "statistic": true, "mark": true, "connmark": true, "limit": true,
	"addrtype": true, "policy": true, "physdev": true, "pkttype": true, "tos": true, "dscp": true, "ttl": true, "length": true,
	"owner": true, "devgroup": true, "tcpmss": true,
}

// iptablesMatches are the options of matches, and of targets that do not translate.
var iptablesMatches = func() map[string]matchKind {
	m := map[string]matchKind{}
	for _, option := range []string{
		"-i", "--in-interface", "-o", "--out-interface", "-d", "--destination", "--dst", "--dst-range", "-f", "--fragment",
		"--sport", "--source-port", "--sports", "--source-ports", "--dport", "--destination-port", "--dports", "--destination-ports", "--port", "--ports",
		"--tcp-flags", "--syn", "--tcp-option", "--icmp-type", "--chunk-types", "--every", "--packet",
		"--ctstate", "--state", "--ctproto", "--ctorigdst", "--ctreplsrc", "--ctrepldst", "--ctstatus", "--ctexpire", "--ctdir", "--ctorigdstport",
		"--mark", "--limit", "--limit-burst", "--dst-type", "--limit-iface-in", "--limit-iface-out",
		"--dir", "--pol", "--strict", "--reqid", "--spi", "--proto", "--tunnel-dst", "--next", "--physdev-in", "--physdev-out", "--physdev-is-in",
		"--physdev-is-out", "--physdev-is-bridged", "--pkt-type", "--tos", "--dscp", "--dscp-class", "--ttl-eq", "--ttl-gt", "--ttl-lt", "--ttl",
		"--length", "--uid-owner", "--gid-owner", "--socket-exists", "--src-group", "--dst-group", "--mss",
	} {
		m[option] = matchCircumstance
	}
	for _, option := range []string{"--comment", "--mode", "-c", "--set-counters", "--to-ports", "--log-prefix", "--log-level", "--set-mark", "--set-xmark",
		"--reject-with", "-4", "--ipv4", "-v", "--verbose", "-W", "--wait-interval"} {
		m[option] = matchNothing
	}
	return m
}()

// isText reports whether the value of an option may start with a dash.
func isText(option string) bool {
	switch option {
	case "--comment", "--log-prefix", "--nflog-prefix", "--ulog-prefix":
		return true
	}
	return false
}

// isPair reports whether an option has several values.
func isPair(option string) bool {
	switch option {
	case "--match-set", "--tcp-flags", "-c", "--set-counters", "--add-set", "--del-set", "--map-set":
		return true
	}
	return false
}

// other reads an option that is no source, protocol or target.
func (r *iptablesRule) other(option string, values [][]byte, not bool) {
	var value []byte
	if len(values) > 0 {
		value = values[0]
	}
	if len(values) > 1 {
		value = bytes.Join(values, []byte(" "))
	}
	kind := kindOf(option, value, values, not)
	if kind == matchNothing {
		if option == "-m" || option == "--match" {
			r.module = string(value)
		}
		return
	}
	text := option
	if option == "--mark" && r.module == "connmark" {
		text = strings.TrimSuffix(connmark, " ")
	}
	if not {
		text = "! " + text
	}
	if len(value) > 0 {
		text += " " + string(value)
	}
	switch option {
	case "-d", "--destination", "--dst", "--dst-range":
		if spans, err := spansOf(value); err == nil {
			r.x.p.destination(text, spans, not)
		}
	}
	r.conds = append(r.conds, text)
	if kind == matchStrange && r.strange == "" {
		r.strange = text
	}
}

// kindOf says what an option means. value is all values.
func kindOf(option string, value []byte, values [][]byte, not bool) matchKind {
	switch option {
	case "-m", "--match":
		if iptablesModules[string(value)] {
			return matchNothing
		}
	case "--match-set":
		if len(values) == 2 && !bytes.Contains(values[1], []byte("src")) {
			return matchCircumstance
		}
	case "--ctstate", "--state":
		if bytes.Contains(value, []byte("NEW")) && !not {
			return matchNothing // as every first packet of a flow is
		}
	case "--sport", "--source-port", "--dport", "--destination-port":
		if first, last, ok := parsePorts(value); ok && first <= 1 && last == 65535 && !not {
			return matchNothing // all ports: a way to say that the protocol has some
		}
	}
	return iptablesMatches[option]
}
