package answer

import (
	"bufio"
	"encoding/json"
	"io"
	"time"

	"github.com/cgnkit/cgnkit/alloc/holder"
)

// A jsonWriter writes the report as one object: {"report":{…},"rows":[…],"totals":{…}}, a row a line.
type jsonWriter struct {
	w    *bufio.Writer
	rows int
}

func newJSON(w io.Writer) *jsonWriter { return &jsonWriter{w: bufio.NewWriterSize(w, 1<<16)} }

type jsonManifest struct {
	Case      string      `json:"case"`
	Reason    string      `json:"reason"`
	RunAt     string      `json:"run_at"`
	Tool      string      `json:"tool"`
	Ledger    string      `json:"ledger"`
	Head      string      `json:"ledger_head"`
	Epochs    int         `json:"ledger_epochs"`
	Unsure    string      `json:"ledger_unsure_since,omitempty"`
	Zone      *string     `json:"zone"`
	Dates     *string     `json:"dates"`
	Ports     string      `json:"ports_unnamed"`
	Tolerance string      `json:"tolerance"`
	Skew      string      `json:"skew"`
	Unplaced  int         `json:"holder_records_unread"`
	Inputs    []jsonInput `json:"inputs"`
}

type jsonInput struct {
	Name   string `json:"name"`
	Kind   string `json:"kind"`
	Format string `json:"format,omitempty"`
	Bytes  int64  `json:"bytes"`
	SHA256 string `json:"sha256"`
}

type jsonRow struct {
	Number      int             `json:"number"`
	Input       string          `json:"input"`
	Part        string          `json:"part,omitempty"`
	Line        int             `json:"line"`
	Status      string          `json:"status"`
	Why         string          `json:"why,omitempty"`
	Outside     string          `json:"outside,omitempty"`
	Port        *uint16         `json:"port"`
	PortBasis   string          `json:"port_basis,omitempty"`
	Proto       string          `json:"proto,omitempty"`
	From        string          `json:"from,omitempty"`
	To          string          `json:"to,omitempty"`
	Destination string          `json:"destination,omitempty"`
	Candidates  []jsonCandidate `json:"candidates"`
	Text        string          `json:"text"`
}

type jsonCandidate struct {
	Status     string      `json:"status"`
	Subscriber string      `json:"subscriber,omitempty"`
	Realm      string      `json:"realm,omitempty"`
	Pool       string      `json:"pool,omitempty"`
	Ports      string      `json:"ports,omitempty"`
	Epoch      *uint64     `json:"epoch"`
	From       string      `json:"epoch_from,omitempty"`
	Until      *string     `json:"epoch_until"`
	SHA256     string      `json:"plan_sha256,omitempty"`
	Holder     *jsonHolder `json:"holder,omitempty"`
}

type jsonHolder struct {
	Status string       `json:"status"`
	Why    string       `json:"why,omitempty"`
	People []jsonPerson `json:"people"`
	More   int          `json:"more,omitempty"`
}

type jsonPerson struct {
	Sure    bool   `json:"sure"`
	User    string `json:"user,omitempty"`
	Circuit string `json:"circuit,omitempty"`
	Port    string `json:"port,omitempty"`
	MAC     string `json:"mac,omitempty"`
	Client  string `json:"client,omitempty"`
	Host    string `json:"host,omitempty"`
	Session string `json:"session,omitempty"`
	NAS     string `json:"nas,omitempty"`
	From    string `json:"from,omitempty"`
	To      string `json:"to,omitempty"`
	Source  string `json:"source"`
}

type jsonTotals struct {
	Requests  uint64 `json:"requests"`
	Answered  uint64 `json:"answered"`
	Nobody    uint64 `json:"nobody"`
	Ambiguous uint64 `json:"ambiguous"`
	Refused   uint64 `json:"refused"`
	Assumed   uint64 `json:"ports_assumed"`
}

func (j *jsonWriter) Begin(m Manifest) error {
	doc := jsonManifest{
		Case: m.Case, Reason: m.Reason, RunAt: stamp(m.RunAt), Tool: m.Tool, Ledger: m.Ledger, Head: m.Head, Epochs: m.Epochs, Ports: m.Ports.String(),
		Tolerance: m.Tolerance.String(), Skew: m.Skew.String(), Unplaced: m.Unplaced, Inputs: []jsonInput{},
	}
	if !m.Unsure.IsZero() {
		doc.Unsure = stamp(m.Unsure)
	}
	if m.Zone != "" {
		doc.Zone = &m.Zone
	}
	if m.Dates != 0 {
		order := m.Dates.String()
		doc.Dates = &order
	}
	for _, in := range m.Inputs {
		doc.Inputs = append(doc.Inputs, jsonInput(in))
	}
	return j.put(`{"report":`, doc, `,"rows":[`)
}

func (j *jsonWriter) Row(r Row) error {
	q := r.Request
	row := jsonRow{
		Number: q.Number, Input: r.Input, Part: q.Part, Line: q.Line, Status: r.Status.String(), Why: r.Why, Text: q.Text,
		Proto: q.Proto, Destination: endpoint(q.Destination), Candidates: []jsonCandidate{},
	}
	if q.Err == nil && q.Outside.IsValid() {
		row.Outside, row.From, row.To = q.Outside.String(), stamp(q.From), stamp(q.To)
		if q.HasPort {
			row.Port, row.PortBasis = &q.Port, portBasis(q)
		}
	}
	for _, c := range r.Candidates {
		row.Candidates = append(row.Candidates, c.json())
	}
	before := "\n"
	if j.rows++; j.rows > 1 {
		before = ",\n"
	}
	return j.put(before, row, "")
}

func (c Candidate) json() jsonCandidate {
	out := jsonCandidate{Status: c.StatusText(), Holder: holderJSON(c.Holder)}
	if s, ok := c.Subscriber(); ok {
		out.Subscriber, out.Realm, out.Ports = s.Text(), s.Realm, c.Allocation.Ports().String()
	}
	if c.Pool != nil {
		out.Pool = c.Pool.Name()
	}
	if e := c.Epoch; e.Seq > 0 {
		out.Epoch, out.From, out.SHA256 = &e.Seq, stamp(e.From), e.PlanSHA256
		if !e.Until.IsZero() {
			text := stamp(e.Until)
			out.Until = &text
		}
	}
	return out
}

func holderJSON(a holder.Answer) *jsonHolder {
	if a.Status == 0 {
		return nil
	}
	out := &jsonHolder{Status: a.Status.String(), Why: a.Why.String(), People: []jsonPerson{}, More: a.More}
	for _, c := range a.Candidates {
		out.People = append(out.People, jsonPerson{
			Sure: c.Sure, User: c.User, Circuit: c.Circuit, Port: c.Port, MAC: c.MAC, Client: c.Client, Host: c.Host, Session: c.Session, NAS: c.NAS,
			From: stampOr(c.From), To: stampOr(c.To), Source: c.Source,
		})
	}
	return out
}

// stampOr returns "" for a time that is not known.
func stampOr(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return stamp(t)
}

func (j *jsonWriter) End(t Totals) error {
	if err := j.put("\n],\"totals\":", jsonTotals(t), "}\n"); err != nil {
		return err
	}
	return j.w.Flush()
}

func (j *jsonWriter) put(before string, doc any, after string) error {
	b, err := json.Marshal(doc)
	if err != nil {
		return err
	}
	for _, s := range [...]string{before, string(b), after} {
		if _, err := j.w.WriteString(s); err != nil {
			return err
		}
	}
	return nil
}
