package rulefile

import (
	"bytes"
	"encoding/json"
	"slices"
)

// statement writes what a rule does or asks.
func (l *jsonListing) statement(kind string, v any) {
	o, _ := v.(map[string]any)
	switch kind {
	case "accept", "drop", "return", "continue", "notrack", "masquerade", "redirect", "tproxy", "queue", "reject", "fwd", "log":
		l.words(kind) // whatever else it says
	case "jump", "goto":
		l.words(kind, jsonField(o["target"]))
	case "counter":
		if s, ok := v.(string); ok {
			l.words("counter name", jsonWord(s))
			return
		}
		l.words("counter")
	case "match":
		l.match(o)
	case "vmap":
		l.value(o["key"])
		l.words("vmap")
		l.value(o["data"])
	case "mangle":
		l.value(o["key"])
		l.words("set")
		l.value(o["value"])
	case "set", "map":
		l.words(jsonField(o["op"]), jsonField(o[kind]), "{")
		l.value(o["elem"])
		l.words("}")
	case "snat", "dnat":
		l.translation(kind, o)
	case "xt":
		// Some versions of nft do not say which it is: it may be one that keeps packets from being tracked.
		if o["type"] == "match" {
			l.words("xt match", jsonWord(str(o["name"])))
			return
		}
		l.words("xt target", jsonWord(nonEmpty(str(o["name"]), "CT")))
	case "limit", "quota", "ct count", "last", "meter":
		l.words(jsonWord(kind), "something") // no verdict
	default:
		l.words(jsonWord(kind), unreadable)
	}
}

// match writes "ip saddr != 10.0.0.1".
func (l *jsonListing) match(o map[string]any) {
	l.value(o["left"])
	switch op := str(o["op"]); op {
	case "==", "in":
		if _, isMask := binaryOf(o["left"]); isMask {
			l.words("==")
		}
	default:
		l.words(nonEmpty(op, unreadable))
	}
	if isInterface(o["left"]) { // an interface may be called accept
		if s, ok := o["right"].(string); ok {
			l.words(inQuotes(s))
			return
		}
	}
	if list, ok := o["right"].([]any); ok && len(list) > 0 { // bits
		for i, one := range list {
			if i > 0 {
				l.words(",")
			}
			l.value(one)
		}
		return
	}
	l.value(o["right"])
}

// translation writes where a rule translates to, sources or destinations.
func (l *jsonListing) translation(kind string, o map[string]any) {
	l.words(kind)
	if f := str(o["family"]); f != "" {
		l.words(jsonWord(f))
	}
	types := jsonStrings(o["type_flags"])
	if slices.Contains(types, "prefix") {
		l.words("prefix")
	}
	l.words("to")
	if o["addr"] == nil {
		l.words(unreadable)
		return
	}
	l.value(o["addr"])
	if port, ok := o["port"]; ok {
		l.words(":")
		l.value(port)
	}
	n := 0
	for _, f := range jsonStrings(o["flags"]) {
		if f == "netmap" && slices.Contains(types, "prefix") {
			continue // that is how prefix works
		}
		if n++; n > 1 {
			l.words(",")
		}
		l.words(jsonWord(f))
	}
	for key := range o {
		switch key {
		case "family", "type_flags", "addr", "port", "flags":
		default:
			l.words(unreadable)
		}
	}
}

// value writes an expression.
func (l *jsonListing) value(v any) {
	switch v := v.(type) {
	case string:
		l.words(plainOrQuoted(v))
	case json.Number:
		l.words(v.String())
	case map[string]any:
		if len(v) != 1 {
			l.words(unreadable)
			return
		}
		for kind, inner := range v {
			l.expression(kind, inner)
		}
	default:
		l.words(unreadable)
	}
}

// plainOrQuoted is jsonWord, but for "*" and names of sets.
func plainOrQuoted(s string) string {
	if s == "*" {
		return s
	}
	return jsonWord(s)
}

// expression writes an expression that has parts.
func (l *jsonListing) expression(kind string, v any) {
	o, _ := v.(map[string]any)
	many, _ := v.([]any)
	switch {
	case l.field(kind, o), l.several(kind, o, many):
	case kind == "elem":
		l.value(o["val"])
		if o["timeout"] != nil || o["expires"] != nil {
			l.words("timeout 1s")
		}
	case kind == "jhash", kind == "numgen", kind == "symhash":
		l.hash(kind, o)
	case slices.Contains(jsonBits, kind) && len(many) == 2:
		l.value(many[0])
		l.words(kind)
		l.value(many[1])
	case slices.Contains(jsonVerdicts, kind):
		l.words(kind)
		if o["target"] != nil {
			l.words(jsonField(o["target"]))
		}
	default:
		l.words(jsonWord(kind), "something")
	}
}

// field writes what a packet or its connection has, and reports whether that is such an expression.
func (l *jsonListing) field(kind string, o map[string]any) bool {
	switch {
	case kind == "payload" && o["protocol"] != nil:
		l.words(jsonField(o["protocol"]), jsonField(o["field"]))
	case kind == "payload":
		l.words("@" + jsonField(o["base"]) + "," + jsonNumber(o["offset"]) + "," + jsonNumber(o["len"]))
	case kind == "meta":
		if key := jsonField(o["key"]); slices.Contains([]string{"iif", "oif", "iifname", "oifname", "iifgroup", "oifgroup"}, key) {
			l.words(key)
		} else {
			l.words("meta", key)
		}
	case kind == "ct":
		l.words("ct")
		if o["dir"] != nil {
			l.words(jsonField(o["dir"]))
		}
		l.words(jsonField(o["key"]))
	case kind == "fib":
		l.words("fib")
		for i, f := range jsonStrings(o["flags"]) {
			if i > 0 {
				l.words(".")
			}
			l.words(jsonWord(f))
		}
		l.words(jsonField(o["result"]))
	default:
		return false
	}
	return true
}

// several writes addresses, lists and what is put together of others, and reports whether that is such an expression.
func (l *jsonListing) several(kind string, o map[string]any, many []any) bool {
	switch {
	case kind == "prefix":
		l.words(jsonField(o["addr"]) + "/" + jsonNumber(o["len"]))
	case kind == "range" && len(many) == 2:
		l.value(many[0])
		l.out.WriteByte('-')
		at := l.out.Len()
		l.value(many[1])
		rest := bytes.Clone(l.out.Bytes()[at+1:]) // without the blank
		l.out.Truncate(at)
		l.out.Write(rest)
	case kind == "set":
		l.words("{")
		for i, e := range many {
			if i > 0 {
				l.words(",")
			}
			l.element(e)
		}
		l.words("}")
	case kind == "concat" && len(many) > 0:
		for i, e := range many {
			if i > 0 {
				l.words(".")
			}
			l.value(e)
		}
	case kind == "map":
		l.value(o["key"])
		l.words("map")
		l.value(o["data"])
	default:
		return false
	}
	return true
}

// hash writes "jhash ip saddr mod 8 seed 0x1", or "numgen inc mod 2".
func (l *jsonListing) hash(kind string, o map[string]any) {
	l.words(kind)
	if o["mode"] != nil {
		l.words(jsonField(o["mode"]))
	}
	if o["expr"] != nil {
		l.value(o["expr"])
	}
	l.words("mod", jsonNumber(o["mod"]))
	for _, key := range []string{"seed", "offset"} {
		if n := jsonNumber(o[key]); o[key] != nil && (key == "seed" || n != "0") {
			l.words(key, n)
		}
	}
}

var (
	jsonBits     = []string{"&", "|", "^", "<<", ">>"}
	jsonVerdicts = []string{"accept", "drop", "return", "continue", "jump", "goto"}
)

// binaryOf reports whether an expression is about some bits of another one.
func binaryOf(v any) (kind string, ok bool) {
	o, _ := v.(map[string]any)
	for _, kind := range jsonBits {
		if o[kind] != nil {
			return kind, true
		}
	}
	return "", false
}

// isInterface reports whether an expression is the name of an interface.
func isInterface(v any) bool {
	o, _ := v.(map[string]any)
	m, _ := o["meta"].(map[string]any)
	return slices.Contains([]string{"iif", "oif", "iifname", "oifname"}, str(m["key"]))
}

func str(v any) string {
	s, _ := v.(string)
	return s
}

// jsonField returns a name, which may be two words: "ip daddr".
func jsonField(v any) string {
	if s := str(v); s != "" {
		return quotedType(s)
	}
	return unreadable
}

func jsonNumber(v any) string {
	if n, ok := v.(json.Number); ok {
		return n.String()
	}
	return unreadable
}

func nonEmpty(s, other string) string {
	if s == "" {
		return other
	}
	return s
}

// jsonStrings returns a string, or several, as a list.
func jsonStrings(v any) (out []string) {
	if s, ok := v.(string); ok {
		return []string{s}
	}
	many, _ := v.([]any)
	for _, one := range many {
		out = append(out, nonEmpty(str(one), unreadable))
	}
	return out
}
