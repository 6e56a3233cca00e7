package request

import (
	"strings"
	"time"
)

// A clfParser reads lines of web servers in the common or combined format, also with the name of a virtual host first.
type clfParser struct{ *settings }

// isCLF reports whether a line has a bracketed time as web servers write it and a word before it.
func isCLF(line string) bool {
	who, when, ok := cutCLF(line)
	return ok && who != "" && strings.Count(when, "/") == 2 && strings.Count(when, ":") >= 2
}

// cutCLF returns what stands before the bracket and in it.
func cutCLF(line string) (who, when string, ok bool) {
	who, rest, ok := strings.Cut(line, " [")
	if !ok {
		return "", "", false
	}
	when, _, ok = strings.Cut(rest, "]")
	return who, when, ok
}

// withoutQuoted returns a line without what stands in double quotes, in which a backslash hides the next byte.
func withoutQuoted(line string) string {
	var b strings.Builder
	inside := false
	for i := 0; i < len(line); i++ {
		switch c := line[i]; {
		case c == '"':
			inside = !inside
		case inside && c == '\\':
			i++
		case !inside:
			b.WriteByte(c)
		}
	}
	return b.String()
}

func (p clfParser) parse(line string) (r Request, ok bool, err error) {
	who, when, ok := cutCLF(line)
	words := strings.Fields(who)
	if !ok || len(words) == 0 {
		return r, true, refuse(ErrUnparsable, "this is no line of a web server: want 1.2.3.4 - - [12/Jul/2026:19:38:25 +0200] and so on")
	}
	host, err := client(words)
	if err != nil {
		return r, true, err
	}
	e, err := parseEndpoint(host)
	if err != nil {
		return r, true, err
	}
	r.Outside, r.Port, r.HasPort = e.addr, e.port, e.hasPort
	r.From, r.To, err = p.placed(func(zone *time.Location) (time.Time, time.Time, error) { return parseTime(when, zone, p.dates) })
	return r, true, err
}

// client returns the address of the client: the first word, or, behind a virtual host, the one before ident and user. What
// looks like two hosts in another place can be proxies, in either order.
func client(words []string) (string, error) {
	hosts := 0
	for _, word := range words {
		if hasAddress(word) {
			hosts++
		}
	}
	first := words[0]
	switch {
	case strings.HasSuffix(first, ","):
	case len(words) == 4 && words[1] != "-" && words[2] == "-" && !hasAddress(words[3]):
		return words[1], nil
	case hosts > 1:
	case len(words) == 1 || words[1] == "-" || len(words) == 3 && !strings.ContainsAny(words[1], ".:"):
		return first, nil
	}
	return "", about("client", strings.Join(words, " "), refuse(ErrAddress, "which of these is the client? write its address first, or last before - -"))
}
