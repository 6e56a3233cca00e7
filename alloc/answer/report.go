package answer

import (
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/cgnkit/cgnkit/alloc/holder"
	"github.com/cgnkit/cgnkit/alloc/request"
)

// ErrFormat means: no such format of reports.
var ErrFormat = errors.New("unknown format")

// A Manifest says what a report was made from, and by whom.
type Manifest struct {
	Case, Reason string            // whose request this is, and why it is answered
	Tool         string            // name and version
	RunAt        time.Time         // Desk.Now
	Zone         string            // of times that had none; "" = they were refused
	Dates        request.DateOrder // of those that could be read in two ways; 0 = they were refused
	Ports        request.Ports     // what became of ports that nothing names; 0 = the subscriber's, unless the input may say otherwise
	Tolerance    time.Duration
	Skew         time.Duration
	Ledger       string // its name
	Head         string // its head hash: the state of the ledger that answered
	Epochs       int
	// Unsure is since when epochs may not have come into force, as ledger.Ledger.Heed says; zero = all did.
	Unsure time.Time
	// Unplaced counts records of holders of which not even the address could be read: no answer knows of them.
	Unplaced int
	Inputs   []Input // everything else that was read, in the order in which it was given
}

// An Input is a file that was read.
type Input struct {
	Name   string
	Kind   string // requests, radius, leases, or pending or daemon beside the ledger
	Format string // of requests; of leases, until when they are taken to be whole if somebody said so
	Bytes  int64
	SHA256 string // lower-case hexadecimal
}

// requests returns the input with requests that has a name, or a zero one.
func (m Manifest) requests(name string) Input {
	for _, in := range m.Inputs {
		if in.Name == name && in.Kind == "requests" {
			return in
		}
	}
	return Input{}
}

// others returns kind and hash of everything but the requests: "radius:12ab... daemon:34cd...".
func (m Manifest) others() string { return m.ofOthers(func(in Input) string { return in.SHA256 }) }

// otherFormats returns kind and format of those of them that have one: "leases:whole until 2026-03-02T04:00:00Z".
func (m Manifest) otherFormats() string {
	return m.ofOthers(func(in Input) string { return in.Format })
}

func (m Manifest) ofOthers(of func(Input) string) string {
	var texts []string
	for _, in := range m.Inputs {
		if text := of(in); in.Kind != "requests" && text != "" {
			texts = append(texts, in.Kind+":"+text)
		}
	}
	return strings.Join(texts, " ")
}

// Totals count rows.
type Totals struct {
	Requests, Answered, Nobody, Ambiguous, Refused uint64
	Assumed                                        uint64 // of those not refused, how many have a port that nothing in the input names
}

// Count adds a row.
func (t *Totals) Count(r Row) {
	t.Requests++
	switch r.Status {
	case Answered:
		t.Answered++
	case Nobody:
		t.Nobody++
	case Ambiguous:
		t.Ambiguous++
	case Refused:
		t.Refused++
	}
	if r.Request.Assumed && r.Status != Refused {
		t.Assumed++
	}
}

// String returns "4 requests: 1 answered, 1 nobody, 1 ambiguous, 1 refused".
func (t Totals) String() string {
	return fmt.Sprintf("%d requests: %d answered, %d nobody, %d ambiguous, %d refused", t.Requests, t.Answered, t.Nobody, t.Ambiguous, t.Refused)
}

// A Writer writes a report: Begin, then rows, then End. What it was given is written when End returns.
type Writer interface {
	Begin(Manifest) error
	Row(Row) error
	End(Totals) error
}

// Formats are the formats of reports.
var Formats = []string{"csv", "json", "html"}

// NewWriter returns a writer of a format: csv has one row a request and repeats in each what the report was made from, and how it was read; json is an
// object; html is one page that needs nothing else and can be printed. The error wraps ErrFormat.
func NewWriter(format string, w io.Writer) (Writer, error) {
	switch format {
	case "csv":
		return newCSV(w), nil
	case "json":
		return newJSON(w), nil
	case "html":
		return newHTML(w), nil
	}
	return nil, fmt.Errorf("%w %q: the formats are %s", ErrFormat, format, strings.Join(Formats, ", "))
}

// portBasis says why the port of a request is taken for the subscriber's: "named", "assumed", or "" where it has none.
func portBasis(q request.Request) string {
	switch {
	case q.Err != nil || !q.HasPort:
		return ""
	case q.Assumed:
		return "assumed"
	}
	return "named"
}

// who returns the subscriber of a candidate with its realm where that is not the default, or the reason why nobody in brackets.
func (c Candidate) who() string {
	if s, ok := c.Subscriber(); ok {
		return s.String()
	}
	return "(" + c.StatusText() + ")"
}

// HolderText says in a few words to whom the inside address belonged: the person's name, circuit and MAC address, or "nobody", or
// "ambiguous: " or "unknown: " and why. It is "" where there are no records.
func HolderText(a holder.Answer) string {
	if p, ok := a.Person(); ok {
		return personText(p)
	}
	switch a.Status {
	case 0:
		return ""
	case holder.Nobody:
		return "nobody"
	}
	if len(a.Candidates) == 0 {
		return "unknown: " + a.Why.String()
	}
	var text strings.Builder
	text.WriteString("ambiguous: " + a.Why.String())
	for _, c := range a.Candidates {
		text.WriteString(" [" + personText(c.Person) + "]")
	}
	if a.More > 0 {
		fmt.Fprintf(&text, " and %d more", a.More)
	}
	return text.String()
}

func personText(p holder.Person) string {
	line := [2]string{"circuit ", p.Circuit}
	if p.Circuit == "" {
		line = [2]string{"port ", p.Port}
	}
	var parts []string
	for _, f := range [...][2]string{{"", p.User}, line, {"mac ", p.MAC}} {
		if f[1] != "" {
			parts = append(parts, f[0]+printable(f[1]))
		}
	}
	if len(parts) == 0 {
		parts = append(parts, "client "+printable(p.Client))
	}
	return strings.Join(parts, ", ")
}
