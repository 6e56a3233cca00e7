package holder

import (
	"fmt"
	"net/netip"
	"strings"
	"testing"
	"time"
)

// base is second 0 of the tests.
var base = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

func at(second int) time.Time { return base.Add(time.Duration(second) * time.Second) }

// block writes one block of a detail file at a second.
func block(kind, id string, second int, more ...string) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s\n\tAcct-Status-Type = %s\n\tAcct-Session-Id = %q\n\tNAS-IP-Address = 192.0.2.1\n", at(second).Format(time.ANSIC), kind, id)
	fmt.Fprintf(&b, "\tEvent-Timestamp = %q\n", at(second).Format("Jan _2 2006 15:04:05 MST"))
	for _, line := range more {
		b.WriteString("\t" + line + "\n")
	}
	return b.String() + "\n"
}

const (
	joao  = `User-Name = "joao@isp"`
	maria = `User-Name = "maria@isp"`
	ip1   = "Framed-IP-Address = 100.64.0.1"
	ip2   = "Framed-IP-Address = 100.64.0.2"
)

var (
	inside1 = netip.MustParseAddr("100.64.0.1")
	inside2 = netip.MustParseAddr("100.64.0.2")
)

// read returns a book of detail files.
func read(tb testing.TB, details ...string) *Book {
	tb.Helper()
	b := New(Limits{})
	for i, text := range details {
		if err := b.ReadRADIUS(strings.NewReader(text), fmt.Sprintf("detail%d", i), Options{}); err != nil {
			tb.Fatal(err)
		}
	}
	return b
}

// ask asks about one second and returns the answer in one line: the status, the users with "?" behind those who are not sure, the reasons.
func ask(b *Book, inside netip.Addr, from, to, skew int) string {
	return line(b.At("", inside, at(from), at(to), time.Duration(skew)*time.Second))
}

// line writes an answer as ask does.
func line(a Answer) string {
	out := a.Status.String()
	for _, c := range a.Candidates {
		name := c.User
		if name == "" {
			name = c.MAC
		}
		if out += " " + name; !c.Sure {
			out += "?"
		}
	}
	if a.Why != 0 {
		out += ": " + a.Why.String()
	}
	return out
}
