package request

import (
	"bufio"
	"errors"
	"html"
	"io"
	"strings"
)

// hearHTML heeds a text in HTML, which is read for nothing else.
func (s *settings) hearHTML(r io.Reader) error {
	high, err := charsetOf(s.charset)
	if err != nil {
		return err
	}
	in, err := open(r)
	if err != nil {
		return err
	}
	pieces := htmlPieces{r: bufio.NewReader(&htmlText{r: s.decoded(in, high)})}
	return s.hear(0, nil, &pieces)
}

// inlineTags do not divide what stands around them.
var inlineTags = setOfWords("a abbr acronym b bdi bdo big cite code data dfn em font i ins kbd label mark q s samp small span strike strong sub sup time tt u var wbr")

// silentTags hold nothing that is shown.
var silentTags = setOfWords("style script title xml template")

// An htmlText makes lines of HTML: tags are gone, those of blocks end a line, and line ends are blanks.
type htmlText struct {
	r    *bufio.Reader
	hide string // the tag whose end is waited for; "" for none
	rest []byte
}

func (h *htmlText) Read(p []byte) (n int, err error) {
	for n < len(p) {
		if len(h.rest) == 0 {
			if h.rest, err = h.next(); err != nil {
				return n, err
			}
		}
		k := copy(p[n:], h.rest)
		n, h.rest = n+k, h.rest[k:]
	}
	return n, nil
}

// next returns what a byte or a tag becomes, perhaps nothing.
func (h *htmlText) next() ([]byte, error) {
	c, err := h.r.ReadByte()
	switch {
	case err != nil:
		return nil, err
	case c == '<':
		return h.tag()
	case h.hide != "":
		return nil, nil
	case c == '\n' || c == '\r':
		return []byte{' '}, nil
	}
	return []byte{c}, nil
}

// tag reads behind the < of a tag or comment. A < that begins none is one. Quotes do not hide the end of a tag: a letter is heard twice rather than
// not at all.
func (h *htmlText) tag() ([]byte, error) {
	if start, _ := h.r.Peek(3); string(start) == "!--" {
		return nil, h.comment()
	}
	first, err := h.r.Peek(1)
	if h.hide != "" && (err != nil || first[0] != '/') {
		return nil, nil //nolint:nilerr // likewise
	}
	if err != nil || !isLetter(first[0]) && first[0] != '/' && first[0] != '!' && first[0] != '?' {
		return []byte{'<'}, nil //nolint:nilerr // the next read tells
	}
	var name []byte
	for named := true; ; {
		c, err := h.r.ReadByte()
		if err != nil {
			return nil, err
		}
		if named = named && len(name) < 20 && (isLetter(c) || isDigit(c) || c == '/' && len(name) == 0); named {
			name = append(name, c)
		}
		if c == '>' {
			return h.tagged(strings.ToLower(string(name))), nil
		}
	}
}

// tagged returns what stands for a tag.
func (h *htmlText) tagged(name string) []byte {
	plain := strings.TrimPrefix(name, "/")
	switch {
	case h.hide != "":
		if name == "/"+h.hide {
			h.hide = ""
		}
		return nil
	case silentTags[name]:
		h.hide = name
		return nil
	case inlineTags[plain]:
		return nil
	case plain == "td" || plain == "th": // a label and its value
		return []byte{' '}
	}
	return []byte{'\n'}
}

// comment passes over a comment.
func (h *htmlText) comment() error {
	for dashes := 0; ; {
		c, err := h.r.ReadByte()
		switch {
		case err != nil:
			return err
		case c == '>' && dashes >= 2:
			return nil
		case c == '-':
			dashes++
		default:
			dashes = 0
		}
	}
}

// htmlPieces unfolds the entities of a text: &iacute; and &#237;.
type htmlPieces struct {
	r    *bufio.Reader
	rest string
}

// maxEntity is the length of the longest entity that a text has.
const maxEntity = 12

func (h *htmlPieces) Read(p []byte) (n int, err error) {
	for n < len(p) {
		if h.rest == "" {
			c, err := h.r.ReadByte()
			if err != nil {
				return n, err
			}
			h.rest = string([]byte{c})
			if c == '&' {
				h.rest = h.entity()
			}
		}
		k := copy(p[n:], h.rest)
		n, h.rest = n+k, h.rest[k:]
	}
	return n, nil
}

// entity returns what stands for the entity behind an &.
func (h *htmlPieces) entity() string {
	text, err := h.r.Peek(maxEntity)
	if err != nil && !errors.Is(err, io.EOF) {
		return "&"
	}
	end := strings.IndexByte(string(text), ';')
	if end < 0 {
		return "&"
	}
	_, _ = h.r.Discard(end + 1) // it was just there
	return html.UnescapeString("&" + string(text[:end+1]))
}
