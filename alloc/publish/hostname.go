package publish

import (
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strconv"
	"strings"
)

// ErrName is wrapped by errors about names: of hosts, of name servers, of a mailbox.
var ErrName = errors.New("invalid name")

// A Template makes the name of an outside address. The zero Template is invalid.
type Template struct{ parts []part }

// A part of a template is text, or a placeholder.
type part struct {
	text        string
	placeholder bool
}

// ParseTemplate reads a name with the placeholders {a}, {b}, {c} and {d} for the four octets, {ip} for all of them with hyphens
// between, and {pool} for the name of the pool in lower case: "{ip}.cgn.example.net". Without a placeholder all addresses have
// the same name. The error wraps ErrName.
func ParseTemplate(text string) (Template, error) {
	var t Template
	for rest := absolute(text); rest != ""; {
		literal, after, found := strings.Cut(rest, "{")
		t.parts = append(t.parts, part{text: literal})
		if !found {
			break
		}
		name, tail, closed := strings.Cut(after, "}")
		if !closed || !slices.Contains([]string{"a", "b", "c", "d", "ip", "pool"}, name) {
			return Template{}, fmt.Errorf("%w %q: unknown placeholder {%s: want {a}, {b}, {c}, {d}, {ip} or {pool}", ErrName, text, after)
		}
		t.parts = append(t.parts, part{name, true})
		rest = tail
	}
	// The longest octets; the name of a pool is looked at when there is one.
	if err := checkHost(string(t.append(nil, addr4(1<<32-1), "p"))); err != nil {
		return Template{}, fmt.Errorf("template %q: %w", text, err)
	}
	return t, nil
}

// append appends the name of an address, with the dot at its end.
func (t Template) append(b []byte, a netip.Addr, pool string) []byte {
	octets := a.As4()
	octet := func(b []byte, i int) []byte { return strconv.AppendUint(b, uint64(octets[i]), 10) }
	for _, p := range t.parts {
		switch {
		case !p.placeholder:
			b = append(b, p.text...)
		case p.text == "ip":
			for i := range octets {
				if i > 0 {
					b = append(b, '-')
				}
				b = octet(b, i)
			}
		case p.text == "pool":
			b = append(b, strings.ToLower(pool)...)
		default:
			b = octet(b, int(p.text[0]-'a'))
		}
	}
	return b
}

// checkHost looks whether name is the name of a host (RFC 1123 section 2.1): labels of letters, digits and hyphens, two at least.
func checkHost(name string) error {
	host := strings.TrimSuffix(name, ".")
	if len(host) > 253 {
		return fmt.Errorf("%w %q: longer than 253 octets", ErrName, name)
	}
	labels := strings.Split(host, ".")
	if len(labels) < 2 {
		return fmt.Errorf("%w %q: want a full name such as cgn.example.net", ErrName, name)
	}
	for _, l := range labels {
		if l == "" || len(l) > 63 || l[0] == '-' || l[len(l)-1] == '-' || strings.ContainsFunc(l, notLDH) {
			return fmt.Errorf("%w %q: %q is no label of a host: want 1 to 63 letters, digits and hyphens, no hyphen at either end", ErrName, name, l)
		}
	}
	return nil
}

func notLDH(r rune) bool {
	return (r < 'a' || r > 'z') && (r < 'A' || r > 'Z') && (r < '0' || r > '9') && r != '-'
}

func absolute(name string) string { return strings.TrimSuffix(name, ".") + "." }

// mailbox returns the address of a person as a name of the DNS (RFC 1035 section 8).
func mailbox(address string) (string, error) {
	local, domain, ok := strings.Cut(address, "@")
	if !ok {
		return absolute(address), checkHost(address)
	}
	plain := func(r rune) bool { return notLDH(r) && r != '.' && r != '_' && r != '+' }
	if local == "" || len(local) > 63 || strings.ContainsFunc(local, plain) {
		return "", fmt.Errorf("%w %q: %q is no mailbox: want 1 to 63 letters, digits and . _ + -", ErrName, address, local)
	}
	return strings.ReplaceAll(local, ".", `\.`) + "." + absolute(domain), checkHost(domain)
}
