//go:build linux

package conformance

import (
	"strconv"
	"strings"
	"testing"

	"github.com/cgnkit/cgnkit/internal/netnstest"
)

// A remembered is one line of conntrack -L.
type remembered struct {
	proto, state string
	timeout      int
	from, back   map[string]string // fields of the original and of the reply direction: src, dst, sport, dport, id
	unreplied    bool
}

// remembered returns what conntrack holds of subscriber 0, for one protocol.
func (b *bench) remembered(t *testing.T, proto string) []remembered {
	t.Helper()
	var out []remembered
	text := netnstest.Run(t, b.CGN, "conntrack", "-L", "-p", proto, "-s", b.Subscribers[0].Addr.String())
	for line := range strings.Lines(text) {
		out = append(out, parseRemembered(t, line))
	}
	return out
}

// theOne is remembered for a test that has exactly one flow.
func (b *bench) theOne(t *testing.T, proto string) remembered {
	t.Helper()
	all := b.remembered(t, proto)
	if len(all) != 1 {
		t.Fatalf("conntrack remembers %d %s flows, want 1: %+v", len(all), proto, all)
	}
	return all[0]
}

func parseRemembered(t *testing.T, line string) remembered {
	t.Helper()
	r := remembered{from: map[string]string{}, back: map[string]string{}}
	for i, word := range strings.Fields(line) {
		name, value, pair := strings.Cut(word, "=")
		switch {
		case i == 0:
			r.proto = word
		case i == 2:
			n, err := strconv.Atoi(word)
			if err != nil {
				t.Fatalf("cannot read %q: %v", line, err)
			}
			r.timeout = n
		case !pair && i == 3:
			r.state = word
		case word == "[UNREPLIED]":
			r.unreplied = true
		case !pair:
		case r.from[name] == "":
			r.from[name] = value
		case r.back[name] == "":
			r.back[name] = value
		}
	}
	return r
}

// lasts fails the test unless the flow has that many seconds left, less what the test itself took.
func (r remembered) lasts(t *testing.T, seconds int) {
	t.Helper()
	if r.timeout > seconds || r.timeout < seconds-5 {
		t.Errorf("%s flow %s has %d s left, want %d", r.proto, r.state, r.timeout, seconds)
	}
}

// age makes the only flow of a protocol look older: it leaves it the given seconds.
func (b *bench) age(t *testing.T, proto string, seconds int) {
	t.Helper()
	netnstest.Run(t, b.CGN, "conntrack", "-U", "-p", proto, "-s", b.Subscribers[0].Addr.String(), "-t", strconv.Itoa(seconds))
}
