package request

import (
	"bufio"
	"bytes"
	"net/netip"
	"slices"
	"strings"
)

// maxRest bounds the text beside XML that is kept, in bytes, maxAsked the notices whose repetition in it is passed over.
const maxRest, maxAsked = 1 << 20, 1000

// An acnsRest is the text beside the XML of notices. Notices say there once more what they ask; anything else that it asks is refused.
type acnsRest struct {
	lines bytes.Buffer // those with blank lines for all others, so that they have their numbers
	n     int          // how many there are
	full  int          // the first line that was not kept; 0 for none
	asked []Request
}

// ask takes a question of a notice.
func (a *acnsRest) ask(r Request) {
	if r.Err == nil && len(a.asked) < maxAsked {
		a.asked = append(a.asked, r)
	}
}

// keep takes a line, or a piece of one.
func (a *acnsRest) keep(line []byte, n int) {
	switch {
	case a.full > 0 || len(line) == 0:
	case a.lines.Len()+len(line)+n-a.n > maxRest:
		if hasAddress(string(line)) {
			a.full = n
		}
	default:
		for ; a.n+1 < n; a.n++ {
			a.lines.WriteByte('\n')
		}
		a.n = n
		a.lines.Write(bytes.TrimRight(line, "\r\n"))
		a.lines.WriteByte('\n')
	}
}

// text takes text behind XML whose last line has that number.
func (a *acnsRest) text(text []byte, last int) {
	lines := bytes.Split(text, []byte("\n"))
	for i, line := range lines {
		a.keep(line, last-len(lines)+1+i)
	}
}

// scan sends what the text asks, refused, unless a notice asked it.
func (a *acnsRest) scan(s *settings, yield func(Request) bool) error {
	own := *s
	own.prose = true
	stopped := false
	err := own.blocks(bufio.NewReader(&a.lines)).scan(func(r Request) bool {
		if a.isAsked(r) {
			return true
		}
		stopped = !yield(Request{Line: r.Line, Text: r.Text, Err: errBesideXML()})
		return !stopped
	})
	if err == nil && a.full > 0 && !stopped {
		yield(Request{Line: a.full, Err: errBesideXML()})
	}
	return err
}

func errBesideXML() error {
	return refuse(ErrUnparsable, "this stands beside a notice in XML and has an address: write it into a file of its own if it is a request")
}

// isAsked reports whether a question is that of a notice again, or only mentions its address.
func (a *acnsRest) isAsked(r Request) bool {
	if r.Err == nil || isTimed(r.Err) {
		return slices.ContainsFunc(a.asked, func(q Request) bool {
			return r.Err == nil && q.Outside == r.Outside && (q.Port == r.Port || !r.HasPort) && q.From.Equal(r.From) && q.To.Equal(r.To)
		})
	}
	found := false
	for word := range strings.FieldsFuncSeq(r.Text, func(c rune) bool { return c != '.' && (c < '0' || c > '9') }) {
		if word = strings.Trim(word, "."); !startsAddress(word) {
			continue
		}
		addr, err := netip.ParseAddr(word)
		if err != nil || !slices.ContainsFunc(a.asked, func(q Request) bool { return q.Outside == addr }) {
			return false
		}
		found = true
	}
	return found || !hasAddress(r.Text)
}
