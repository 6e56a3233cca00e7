package request

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/cgnkit/cgnkit/internal/testseed"
)

// TestTwoFormats writes two questions in two formats into one text, bare and as a mail. Each has a row, if only a refused one, and none is made of
// parts of both.
func TestTwoFormats(t *testing.T) {
	seed := testseed.New(t)
	r := rand.New(rand.NewPCG(seed, 23))
	for _, a := range writers {
		for _, b := range writers {
			for range 2 {
				first, second := randomQuestion(r), randomQuestion(r)
				text := a.head + a.write(first) + a.tail + "\n" + pick(r, "", "\n", "\n\nSecond:\n\n") + b.head + b.write(second) + b.tail + "\n"
				if r.IntN(2) == 0 {
					text = "From: a@example\nTo: b@example\nSubject: x\nDate: Mon, 02 Mar 2026 09:00:00 +0100\n\n" + pick(r, "", "Dear all,\n\n") + text
				}
				got, err := read(t, strings.NewReader(text), Options{})
				rows, answered := len(got), false
				if err != nil {
					rows += 2 // which says that the rest was not read
				}
				for _, q := range got {
					answered = answered || q.Err == nil
					is := func(asked question) bool {
						return q.Outside == asked.outside.Addr() && (!q.HasPort || q.Port == asked.outside.Port()) && q.From.Equal(asked.at) && (!q.Destination.IsValid() || q.Destination == asked.destination)
					}
					if q.Err == nil && !is(first) && !is(second) {
						t.Errorf("%s, %s: %q is read as %v:%d at %v", a.name, b.name, text, q.Outside, q.Port, q.From)
					}
				}
				if rows < 2 && answered {
					t.Errorf("%s, %s: %q has %d rows: %s", a.name, b.name, text, rows, fmt.Sprint(got))
				}
			}
		}
	}
}

// TestAttackedPort checks that the port that was attacked is never taken for that of the source, where a report of X-ARF stands in a text of another form.
func TestAttackedPort(t *testing.T) {
	const line = "198.18.0.9:6000 2026-01-10T12:34:56Z\n"
	const marks = "Reported-From: x@y\nReport-Type: login-attack\n"
	const report = "Date: Sat, 10 Jan 2026 12:34:56 +0000\nSource: 198.18.0.0\nPort: 2222\n"
	for _, text := range []string{line + "\n" + marks + report, line + "\n" + marks + "\n" + report, line + "\n" + report + "Schema-URL: x\n", line + "\n" + report + "\nSchema-URL: x\n", marks + report + "\n" + line, report + marks + "\n" + line} {
		for _, head := range []string{"", "Subject: x\nFrom: a@example\nTo: b@example\n\n"} {
			if got := askedTwice(t, head+text, Options{}); strings.Contains(got, ":2222") || strings.Count(got, "\n") < 1 {
				t.Errorf("%q: %s", head+text, got)
			}
		}
	}
	other := "Attacker: 198.18.0.7\nSource-Port: 6000\nTime: 2026-02-10T12:34:56Z\n\n"
	for _, between := range []string{"", "Second:\n\n"} {
		if got := askedTwice(t, "Subject: x\nFrom: a@example\nTo: b@example\n\n"+other+between+marks+"Date: Sat, 10 Jan 2026 12:34:56 +0000\nSource: 198.18.0.0\n", Options{}); strings.Contains(got, ":6000 at") || strings.Count(got, "\n") < 1 {
			t.Error(got)
		}
	}
}

// TestBesideNotice reads what stands beside the XML of a notice: the same once more, and other questions.
func TestBesideNotice(t *testing.T) {
	const mail = "Subject: x\nFrom: a@example\nTo: b@example\n\nDear ISP,\n\n"
	const notice = "<Infringement>\n<Source><TimeStamp>2026-01-10T12:34:56Z</TimeStamp><IP_Address>198.18.0.0</IP_Address><Port>6000</Port></Source>\n</Infringement>\n"
	const one = "198.18.0.0:6000 at 2026-01-10T12:34:56Z"
	for text, rows := range map[string]int{
		"Infringer's IP Address: 198.18.0.0\nInfringer's Port: 6000\n\nTimestamp: 2026-01-10T12:34:56Z\nIP Address: 198.18.0.0\nPort: 6000\n\n": 1,
		"IP Address: 198.18.0.0\nPort: 7000\nTimestamp: 2026-01-10T12:34:56Z\n\n":                                                               2,
		"IP Address: 198.18.0.0\nPort: 6000\nTimestamp: 2026-01-10 12:34:57\n\n":                                                                2,
		"198.18.0.3:8000 2026-01-10T12:34:56Z\n198.18.0.4:8000 2026-01-10T12:34:56Z\n":                                                          3,
	} {
		for _, whole := range []string{mail + notice + "\n" + text, notice + text, mail + "Work: x\n\n---Start ACNS XML\n" + notice + "---End ACNS XML\n" + text, mail + text + "---Start ACNS XML\n" + notice + "---End ACNS XML\n"} {
			got := askedTwice(t, whole, Options{})
			if !strings.Contains(got, one) || strings.Count(got, " at ") != 1 || strings.Count(got, "\n")+1 != rows {
				t.Errorf("%q: %s, want %d", whole, got, rows)
			}
		}
	}
}
