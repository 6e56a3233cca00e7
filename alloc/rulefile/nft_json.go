package rulefile

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
)

// A jsonListing is what nft -j list ruleset prints, read as the commands of nft that make the same: a line for each object of the list, so that the
// number of a line is that of the object. What is not understood becomes words that no rule of nftables has.
type jsonListing struct {
	in    *json.Decoder
	out   bytes.Buffer
	begun bool
	err   error
}

// errJSON is a listing that is not what nft prints.
var errJSON = fmt.Errorf("%w: JSON that nft list ruleset does not print", ErrSyntax)

// badJSON says what is wrong with a listing, where anything else is wrong than what is expected of it.
func badJSON(err error) error {
	switch {
	case err == nil:
		return errJSON
	case errors.Is(err, io.EOF): // which would be a good end
		err = io.ErrUnexpectedEOF
	}
	return fmt.Errorf("%w: %w", errJSON, err)
}

// nftText returns the commands of nftables that r holds, in whatever form.
func nftText(r io.Reader) io.Reader {
	in := bufio.NewReaderSize(r, 64<<10)
	for n := 1; n <= 4096; n *= 2 {
		head, err := in.Peek(n)
		if text := bytes.TrimLeft(head, " \t\r\n"); len(text) > 0 {
			if text[0] == '{' {
				return &jsonListing{in: json.NewDecoder(io.LimitReader(in, maxFile+1))}
			}
			break
		}
		if err != nil {
			break
		}
	}
	return in
}

// Read returns text of the next objects.
func (l *jsonListing) Read(b []byte) (int, error) {
	for l.out.Len() == 0 {
		if l.err != nil {
			return 0, l.err
		}
		if l.err = l.next(); l.err == nil {
			l.out.WriteByte('\n')
		}
	}
	return l.out.Read(b)
}

// next reads one object.
func (l *jsonListing) next() error {
	if !l.begun {
		l.begun = true
		for _, want := range []any{json.Delim('{'), "nftables", json.Delim('[')} {
			if t, err := l.in.Token(); err != nil || t != want {
				return badJSON(err)
			}
		}
	}
	if !l.in.More() {
		for _, want := range []any{json.Delim(']'), json.Delim('}')} {
			if t, err := l.in.Token(); err != nil || t != want {
				return badJSON(err)
			}
		}
		return io.EOF
	}
	var one map[string]json.RawMessage
	if err := l.in.Decode(&one); err != nil {
		return badJSON(err)
	}
	for _, verb := range []string{"add", "create"} { // as nft -j -f reads them
		if raw, ok := one[verb]; ok && len(one) == 1 {
			one = nil
			if err := json.Unmarshal(raw, &one); err != nil {
				return badJSON(err)
			}
		}
	}
	if len(one) != 1 {
		return fmt.Errorf("%w: an object with %d names", errJSON, len(one))
	}
	for kind, raw := range one {
		return l.object(kind, raw)
	}
	return nil
}

// object writes a table, or what stands in one.
func (l *jsonListing) object(kind string, raw json.RawMessage) error {
	switch kind {
	case "metainfo", "flowtable", "counter", "quota", "limit", "ct helper", "ct timeout", "ct expectation", "secmark", "synproxy", "tunnel":
		return nil // nothing that gives or takes shares
	case "table", "chain", "set", "map", "rule":
	case "element":
		return fmt.Errorf("%w: elements outside of their set: import what nft -j list ruleset prints", errJSON)
	default:
		return fmt.Errorf("%w: %.40q is not followed: import what nft -j list ruleset prints", errJSON, kind)
	}
	var o map[string]json.RawMessage
	if err := json.Unmarshal(raw, &o); err != nil {
		return badJSON(err)
	}
	if kind == "table" {
		return l.table(o)
	}
	l.words("add", kind, jsonName(o["family"]), jsonName(o["table"]))
	switch kind {
	case "chain":
		l.chain(o)
	case "rule":
		l.words(jsonName(o["chain"]))
		return l.rule(o["expr"])
	default:
		l.words(jsonName(o["name"]))
		return l.set(kind, o)
	}
	return nil
}

// table writes a table. Which flags it has is not known where nft says any: up to 1.0.6 it prints something else in their place, such as the table's name for
// dormant, and dormant for owner.
func (l *jsonListing) table(o map[string]json.RawMessage) error {
	family := jsonName(o["family"])
	l.words("add table", family, jsonName(o["name"]))
	if said, ok := o["flags"]; ok && (family == "ip" || family == "inet") {
		return bad(ErrSyntax, "table %s has flags %s, and versions of nft print other ones than a table has in JSON: no packet may enter it", printable(jsonName(o["name"])), printable(string(said))).
			hint("take the text: import what nft list ruleset prints")
	}
	return nil
}

func (l *jsonListing) words(words ...string) {
	for _, w := range words {
		l.out.WriteByte(' ')
		l.out.WriteString(w)
	}
}

// chain writes a chain, with its hook and policy where packets enter it.
func (l *jsonListing) chain(o map[string]json.RawMessage) {
	l.words(jsonName(o["name"]), "{")
	if o["type"] != nil {
		l.words("type", jsonName(o["type"]), "hook", jsonName(o["hook"]), "priority", jsonName(o["prio"]), ";")
	}
	if o["policy"] != nil {
		l.words("policy", jsonName(o["policy"]), ";")
	}
	l.words("}")
}

// set writes a set or a map with its elements.
func (l *jsonListing) set(kind string, o map[string]json.RawMessage) error {
	l.words("{ type")
	for i, t := range jsonTexts(o["type"]) {
		if i > 0 {
			l.words(".")
		}
		l.words(t)
	}
	if kind == "map" {
		l.words(":")
		for _, t := range jsonTexts(o["map"]) {
			l.words(t)
		}
	}
	l.words(";")
	for _, key := range sortedKeys(o) {
		switch key {
		case "family", "name", "table", "handle", "type", "map", "elem", "comment", "size":
		case "flags":
			l.words("flags")
			for i, f := range jsonTexts(o[key]) {
				if i > 0 {
					l.words(",")
				}
				l.words(f)
			}
			l.words(";")
		case "stmt":
			l.statements(o[key])
		default:
			l.words(jsonWord(key), ";")
		}
	}
	if raw, ok := o["elem"]; ok {
		l.words("elements = {")
		if err := l.elements(raw); err != nil {
			return err
		}
		l.words("};")
	}
	l.words("}")
	return nil
}

// statements writes what elements of a set have besides, such as a counter.
func (l *jsonListing) statements(raw json.RawMessage) {
	var list []map[string]json.RawMessage
	if json.Unmarshal(raw, &list) != nil {
		l.words(unreadable, ";")
	}
	for _, s := range list {
		for _, kind := range sortedKeys(s) {
			l.words(jsonWord(kind), ";")
		}
	}
}

// elements writes elements one by one: there may be millions.
func (l *jsonListing) elements(raw json.RawMessage) error {
	in := json.NewDecoder(bytes.NewReader(raw))
	in.UseNumber()
	if t, err := in.Token(); err != nil || t != json.Delim('[') {
		return badJSON(err)
	}
	for i := 0; in.More(); i++ {
		if i > 0 {
			l.words(",")
		}
		var e any
		if err := in.Decode(&e); err != nil {
			return badJSON(err)
		}
		l.element(e)
	}
	return nil
}

// element writes a key, with its value where it has one.
func (l *jsonListing) element(e any) {
	if both, ok := e.([]any); ok && len(both) == 2 {
		l.value(both[0])
		l.words(":")
		l.value(both[1])
		return
	}
	l.value(e)
}

// rule writes the matches and statements of a rule.
func (l *jsonListing) rule(raw json.RawMessage) error {
	var list []map[string]any
	in := json.NewDecoder(bytes.NewReader(raw))
	in.UseNumber()
	if err := in.Decode(&list); err != nil {
		return badJSON(err)
	}
	for _, s := range list {
		if len(s) != 1 {
			return fmt.Errorf("%w: a statement with %d names", errJSON, len(s))
		}
		for kind, v := range s {
			l.statement(kind, v)
		}
	}
	return nil
}

// jsonTexts returns a name, or several.
func jsonTexts(raw json.RawMessage) (out []string) {
	var list []string
	if json.Unmarshal(raw, &list) != nil {
		return []string{jsonName(raw)}
	}
	for _, s := range list {
		out = append(out, jsonWord(s))
	}
	return out
}

// jsonName returns a name or a number as nft writes it.
func jsonName(raw json.RawMessage) string {
	var s string
	var n json.Number
	switch {
	case json.Unmarshal(raw, &s) == nil && s != "":
		return quotedType(s)
	case json.Unmarshal(raw, &n) == nil && n != "":
		return n.String()
	}
	return unreadable
}

// unreadable is a word that nothing in nftables is called.
const unreadable = "xt_unreadable"

// quotedType leaves "ipv4_addr . inet_service" as it is.
func quotedType(s string) string {
	for i := range len(s) {
		if !isWord[s[i]] && s[i] != ' ' {
			return jsonWord(s)
		}
	}
	return s
}

// jsonWord returns a word as it is, and what has other characters in quotes.
func jsonWord(s string) string {
	if s == "" || s[0] == '$' || slices.ContainsFunc([]byte(s), func(c byte) bool { return !isWord[c] }) {
		return inQuotes(s)
	}
	return s
}

// inQuotes returns a name in quotes. No name has what cannot stand in them.
func inQuotes(s string) string {
	if strings.ContainsFunc(s, func(r rune) bool { return r == '"' || r < ' ' }) {
		return fmt.Sprintf("\"unreadable %x\"", s)
	}
	return `"` + s + `"`
}

func sortedKeys(o map[string]json.RawMessage) (keys []string) {
	for k := range o {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	return keys
}
