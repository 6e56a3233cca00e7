package answer

import (
	"bufio"
	_ "embed"
	"html/template"
	"io"
	"strconv"

	"github.com/cgnkit/cgnkit/alloc/request"
)

//go:embed report.html
var page string

// The page has three parts: what comes before the rows, the rows, and what comes behind. The first and the last are templates;
// rows are put together by hand, because a template takes ten times as long.
var pageParts = template.Must(template.New("page").Parse(page))

// An htmlWriter writes the report as one page.
type htmlWriter struct {
	w   *bufio.Writer
	row htmlRow
}

func newHTML(w io.Writer) *htmlWriter { return &htmlWriter{w: bufio.NewWriterSize(w, 1<<16)} }

func (h *htmlWriter) Begin(m Manifest) error {
	return pageParts.ExecuteTemplate(h.w, "begin", struct {
		Manifest
		RunAt, Order, Unnamed, Since string
	}{m, stamp(m.RunAt), orderText(m.Dates), portsText(m.Ports), stamp(m.Unsure)})
}

// orderText says how dates were read that could be read in two ways.
func orderText(o request.DateOrder) string {
	switch o {
	case request.DayFirst:
		return "read with the day first"
	case request.MonthFirst:
		return "read with the month first"
	}
	return "refused"
}

// portsText says what became of ports that nothing names.
func portsText(p request.Ports) string {
	switch p {
	case request.PortsNamed:
		return "refused"
	case request.PortsSource:
		return "taken for the subscriber's, by the word of who asked for this report"
	}
	return "taken for the subscriber's where nothing in the input was heard to say otherwise, else refused"
}

func (h *htmlWriter) Row(r Row) error {
	b := &h.row
	*b = (*b)[:0]
	b.tags(`<tr class="`, r.Status.String(), `"><td class="n">`, strconv.Itoa(r.Request.Number), `</td><td>`)
	b.question(r)
	b.tags(`</td><td><span class="status">`, r.Status.String(), `</span>`)
	b.answer(r)
	b.tags(`</td><td>`)
	if r.Status != Ambiguous && len(r.Candidates) > 0 {
		b.basis(r.Candidates[0])
	}
	b.tags("</td></tr>\n")
	_, err := h.w.Write(*b)
	return err
}

func (h *htmlWriter) End(t Totals) error {
	if err := pageParts.ExecuteTemplate(h.w, "end", t); err != nil {
		return err
	}
	return h.w.Flush()
}

// An htmlRow is a row of the table in the making.
type htmlRow []byte

// tags appends what is markup already.
func (b *htmlRow) tags(parts ...string) {
	for _, s := range parts {
		*b = append(*b, s...)
	}
}

// text appends what came from outside, between markup.
func (b *htmlRow) text(before, s, after string) {
	b.tags(before, template.HTMLEscapeString(printable(s)), after)
}

// mono appends text in a typewriter's letters.
func (b *htmlRow) mono(s string) { b.text(`<span class="mono">`, s, `</span>`) }

func (b *htmlRow) question(r Row) {
	q := r.Request
	if cells := questionCells(r); cells[0] != "" {
		text := cells[0]
		if cells[1] != "" {
			text += ":" + cells[1]
		}
		b.mono(text)
		b.text(" ", q.Proto, "<br>")
		if q.Assumed {
			b.tags("(no name says whose port it is)<br>")
		}
		b.tags(cells[3])
		if cells[4] != cells[3] {
			b.tags(" until ", cells[4])
		}
		if q.Destination.IsValid() {
			b.tags("<br>to ")
			b.mono(endpoint(q.Destination))
		}
	}
	b.text(`<div class="small">`, r.Input, "")
	if q.Line > 0 {
		b.tags(", line ", strconv.Itoa(q.Line))
	}
	b.text(": <code>", q.Text, "</code></div>")
}

func (b *htmlRow) answer(r Row) {
	if r.Status == Answered {
		b.tags(" ")
		b.mono(r.Candidates[0].who())
		if held := HolderText(r.Candidates[0].Holder); held != "" {
			b.text("<br>", held, "")
		}
	}
	if r.Why != "" {
		b.text("<br>", r.Why, "")
	}
	if r.Status != Ambiguous {
		return
	}
	b.tags("<ul>")
	for _, c := range r.Candidates {
		b.candidate(c)
	}
	b.tags("</ul>")
}

func (b *htmlRow) candidate(c Candidate) {
	b.tags("<li>")
	b.mono(c.who())
	if c.Allocation.IsValid() {
		b.tags(" ports ", c.Allocation.Ports().String())
	}
	if c.Epoch.Seq > 0 {
		b.tags(", epoch ", strconv.FormatUint(c.Epoch.Seq, 10))
	}
	if held := HolderText(c.Holder); held != "" {
		b.text(": ", held, "")
	}
	b.tags("</li>")
}

// basis says on what an answer stands.
func (b *htmlRow) basis(c Candidate) {
	e := c.Epoch
	b.tags("epoch ", strconv.FormatUint(e.Seq, 10), ", from ", stamp(e.From))
	if e.Until.IsZero() {
		b.tags(", still in force")
	} else {
		b.tags(" until ", stamp(e.Until))
	}
	if c.Pool != nil {
		b.text("<br>pool ", c.Pool.Name(), "")
		b.text(", realm ", c.Pool.Realm(), "")
	}
	if c.Allocation.IsValid() {
		b.tags("<br>ports ", c.Allocation.Ports().String())
	}
	b.tags(`<div class="small">plan <code>`, e.PlanSHA256, `</code></div>`)
}
