package request

import (
	"bufio"
	"bytes"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"mime"
	"mime/multipart"
	"mime/quotedprintable"
	"net/mail"
	"net/textproto"
	"path"
	"strings"
)

const (
	maxMailDepth  = 8
	maxMailHeader = 1 << 20
	maxParts      = 1000
	maxSkipped    = 100
)

// mailFields are header fields of which a mail has one at least, and reports have none.
var mailFields = map[string]bool{
	"received": true, "from": true, "to": true, "subject": true, "mime-version": true, "message-id": true, "return-path": true,
	"delivered-to": true, "dkim-signature": true, "content-type": true,
}

// isMail reports whether an input begins with the header of a mail. A block of "Label: value" lines does not: its From and To
// are times, and where it has a field of an address, one line that could be of a mail is not enough.
func isMail(head []byte) bool {
	known, want := 0, 1
	for len(head) > 0 {
		line, rest, ended := bytes.Cut(head, []byte("\n"))
		if line = trimEnd(line); len(line) == 0 {
			break
		}
		if line[0] != ' ' && line[0] != '\t' {
			name, value, ok := bytes.Cut(line, []byte(":"))
			if !ok && !ended {
				break
			}
			if !ok || !isFieldName(name) {
				return false
			}
			p := newPair(string(name))
			p.value = string(value)
			switch {
			case p.role == roleAddress && hasAddress(p.value):
				want = 2
			case mailFields[strings.ToLower(p.label)] && ((p.role != roleFrom && p.role != roleTo) || p.isHeader()):
				known++
			}
		}
		head = rest
	}
	return known >= want
}

func isFieldName(name []byte) bool {
	for _, b := range name {
		if !isLetter(b) && !isDigit(b) && b != '-' && b != '_' {
			return false
		}
	}
	return len(name) > 0 && len(name) <= 76
}

// A mailScanner reads the parts of a mail, one behind the other, and the questions of each that holds some.
type mailScanner struct {
	*settings
	r       errorKeeper
	yield   func(Request) bool
	skipped []string
	more    int // how many parts were skipped besides
	parts   int
	found   int  // questions
	hears   bool // whether only what the mail states is asked for
	report  bool // whether a part of the mail or multipart at hand was a report, and what follows is its evidence
}

func (s *mailScanner) scan(yield func(Request) bool) error {
	s.yield = yield
	err := s.message(&s.r, s.depth)
	if err == nil && s.found == 0 {
		why := "it is empty"
		if len(s.skipped) > 0 {
			why = strings.Join(s.skipped[:min(len(s.skipped), 3)], "; ")
		}
		err = refuse(ErrFormat, "the mail holds no questions in a form that is read: %s", why)
	}
	if errors.Is(err, errStop) {
		return nil
	}
	return err
}

// message reads a mail. Its header says how it is built, and nothing about the questions.
func (s *mailScanner) message(r io.Reader, depth int) error {
	if depth > maxMailDepth {
		return refuse(ErrLimit, "the mail is nested more than %d levels deep", maxMailDepth)
	}
	limited := &headerReader{r: r, left: maxMailHeader}
	m, err := mail.ReadMessage(bufio.NewReader(limited))
	if err != nil {
		return s.told(err)
	}
	limited.left = -1
	if s.stated != nil && !s.stated.whole {
		s.subject(m.Header.Get("Subject"))
	}
	defer s.scope()()
	return s.entity(textproto.MIMEHeader(m.Header), m.Body, depth)
}

// scope begins a mail or multipart; what it returns ends it. A report in it has no evidence outside of it.
func (s *mailScanner) scope() func() {
	outer := s.report
	return func() { s.report = outer }
}

// A headerReader reads no more than left, unless that is negative.
type headerReader struct {
	r    io.Reader
	left int
}

func (h *headerReader) Read(p []byte) (int, error) {
	if h.left < 0 {
		return h.r.Read(p)
	}
	if h.left == 0 {
		return 0, refuse(ErrLimit, "the header of the mail is longer than %d bytes", maxMailHeader)
	}
	n, err := h.r.Read(p[:min(len(p), h.left)])
	h.left -= n
	return n, err
}

// An errorKeeper remembers the error of a reader, so that it can be told from what is wrong with the mail.
type errorKeeper struct {
	r   io.Reader
	err error
}

func (k *errorKeeper) Read(p []byte) (int, error) {
	n, err := k.r.Read(p)
	if err != nil && !errors.Is(err, io.EOF) {
		k.err = err
	}
	return n, err
}

// told returns the error of the underlying reader, or a refusal that says what is wrong with the mail; nil for nil.
func (s *mailScanner) told(err error) error {
	if err == nil || s.r.err != nil {
		return s.r.err
	}
	if _, ok := errors.AsType[*refusal](err); ok || errors.Is(err, errStop) {
		return err
	}
	return refuse(ErrUnparsable, "the mail is damaged: %s", clip(err.Error(), maxGiven))
}

// entity reads a mail or a part behind its header.
func (s *mailScanner) entity(h textproto.MIMEHeader, body io.Reader, depth int) error {
	kind, params, err := mime.ParseMediaType(h.Get("Content-Type"))
	if err != nil || kind == "" {
		kind = "text/plain"
	}
	if strings.HasPrefix(kind, "multipart/") && params["boundary"] != "" {
		return s.multipart(kind, multipart.NewReader(body, params["boundary"]), depth)
	}
	switch strings.ToLower(strings.TrimSpace(h.Get("Content-Transfer-Encoding"))) {
	case "base64":
		body = base64.NewDecoder(base64.StdEncoding, body)
	case "quoted-printable":
		body = quotedprintable.NewReader(body)
	}
	if kind == "message/rfc822" {
		return s.message(body, depth+1)
	}
	_, disposition, _ := mime.ParseMediaType(h.Get("Content-Disposition"))
	file := disposition["filename"]
	if file == "" {
		file = params["name"]
	}
	own := *s.settings
	own.depth, own.charset = depth+1, params["charset"]
	return s.leaf(kind, clip(path.Base(strings.ReplaceAll(file, `\`, "/")), maxGiven), body, own)
}

// multipart reads the parts of a mail or of a part.
func (s *mailScanner) multipart(kind string, parts *multipart.Reader, depth int) error {
	if depth > maxMailDepth {
		return refuse(ErrLimit, "the mail is nested more than %d levels deep", maxMailDepth)
	}
	defer s.scope()()
	for {
		part, err := parts.NextRawPart()
		if errors.Is(err, io.EOF) {
			return nil // also where the last boundary is missing
		}
		if err == nil {
			if s.parts++; s.parts > maxParts {
				return refuse(ErrLimit, "the mail has more than %d parts", maxParts)
			}
			err = s.entity(part.Header, part, depth+1)
		}
		if err := s.tell(s.told(err), kind); err != nil {
			return err
		}
		if err != nil && part == nil {
			return nil
		}
	}
}

// tell makes a question that cannot be answered of what is wrong with a part, so that the others are read. Limits and errors
// of the underlying reader are returned.
func (s *mailScanner) tell(err error, part string) error {
	r, ok := errors.AsType[*refusal](err)
	if !ok || errors.Is(r, ErrLimit) {
		return err
	}
	s.found++
	if !s.yield(Request{Part: part, Line: 1, Err: err}) {
		return errStop
	}
	return nil
}

// leaf reads a part that is no mail and has no parts.
func (s *mailScanner) leaf(kind, file string, body io.Reader, own settings) error {
	name := kind
	if file != "." && file != "" {
		name = file
	}
	if kind == "text/html" {
		if s.hearHTML(name, body, &own); s.r.err != nil {
			return s.r.err
		}
	}
	switch main, _, _ := strings.Cut(kind, "/"); {
	case main == "image", main == "audio", main == "video", kind == "text/html", strings.HasSuffix(kind, "-signature"):
		s.skip(name, kind, "this is not read")
		return nil
	}
	own.prose = kind == "text/plain" && name == kind
	own.arf = kind == "message/feedback-report"
	if s.hears {
		return s.tell(s.told(s.hearsAs(name, &own, own.hearAll(body))), name)
	}
	r, err := newReader(body, own)
	switch _, refused := errors.AsType[*refusal](err); {
	case s.report && (refused || err == nil && r.format != XARF):
		s.skip(name, kind, "this is the evidence of a report")
		return nil
	case errors.Is(err, ErrFormat):
		s.skip(name, kind, err.Error())
		return nil
	}
	if err == nil {
		err = s.questions(r, name, own.arf)
	}
	return s.tell(s.told(err), name)
}

// questions gives out those of a part.
func (s *mailScanner) questions(r *Reader, name string, arf bool) error {
	stopped := false
	err := r.source.scan(func(q Request) bool {
		if q.Part == "" {
			q.Part = name
		}
		s.found++
		s.report = s.report || r.format == XARF || arf
		stopped = !s.yield(q)
		return !stopped
	})
	if stopped {
		return errStop
	}
	if inner, ok := r.mail(); ok {
		for _, skipped := range inner.skipped {
			s.note(skipped)
		}
		s.more += inner.more
	}
	return err
}

// hearHTML heeds a part that is read for nothing else. What is wrong with it is not said.
func (s *mailScanner) hearHTML(name string, body io.Reader, own *settings) {
	if s.stated != nil && (s.hears || !s.stated.whole) {
		_ = s.hearsAs(name, own, own.hearHTML(body))
	}
}

// hearsAs returns the error of hearing a part. One in a charset that is not read may state a zone, too.
func (s *mailScanner) hearsAs(name string, own *settings, err error) error {
	if _, refused := errors.AsType[*refusal](err); refused && own.charset != "" {
		s.stated.add(name+" in "+own.charset, nil)
	}
	return err
}

// mail returns the scanner of a mail.
func (r *Reader) mail() (*mailScanner, bool) {
	if r == nil {
		return nil, false
	}
	m, ok := r.source.(*mailScanner)
	return m, ok
}

func (s *mailScanner) skip(name, kind, why string) {
	if name != kind {
		name = fmt.Sprintf("%s (%s)", name, kind)
	}
	s.note(name + ": " + why)
}

func (s *mailScanner) note(text string) {
	if len(s.skipped) == maxSkipped {
		s.more++
		return
	}
	s.skipped = append(s.skipped, clip(text, 2*maxText))
}
