package request

import (
	"bufio"
	"bytes"
	"io"
	"mime"
	"slices"
	"strings"
	"unicode/utf8"
)

// A charset is what the bytes from 0x80 on of a text mean that is no UTF-8; with a name, what they mean is not known.
type charset struct {
	high   [utf8.RuneSelf]rune
	name   string
	digits bool   // whether digits may be bytes of a character: in GB 18030
	escape string // what begins characters that look like ASCII; else ""
}

// Charsets of which ASCII is a part, and that are read. What is called ISO-8859-1 or ASCII is Windows-1252, of which both are parts: nobody
// writes the control characters that ISO-8859-1 has in the places of its dashes and quotation marks.
var (
	windows1252 = latin("€\ufffd‚ƒ„…†‡ˆ‰Š‹Œ\ufffdŽ\ufffd\ufffd‘’“”•–—˜™š›œ\ufffdžŸ")
	latin9      = func() *charset {
		c := latin(strings.Repeat("\ufffd", 32))
		for b, r := range map[byte]rune{0xa4: '€', 0xa6: 'Š', 0xa8: 'š', 0xb4: 'Ž', 0xb8: 'ž', 0xbc: 'Œ', 0xbd: 'œ', 0xbe: 'Ÿ'} {
			c.high[b-utf8.RuneSelf] = r
		}
		return c
	}()

	charsets = map[string]*charset{
		"": windows1252, "utf8": windows1252, "ascii": windows1252, "usascii": windows1252, "ansix341968": windows1252, "unknown8bit": windows1252, "xunknown": windows1252,
		"iso88591": windows1252, "latin1": windows1252, "windows1252": windows1252, "xcp1252": windows1252, "cp1252": windows1252,
		"iso885915": latin9, "latin9": latin9,
	}
)

// latin returns ISO-8859-1 with other characters from 0x80 on.
func latin(others string) *charset {
	var c charset
	for i := range c.high {
		c.high[i] = rune(utf8.RuneSelf + i)
	}
	for i, r := range []rune(others) {
		c.high[i] = r
	}
	return &c
}

// otherwise begin the names of charsets in which ASCII is not what it is elsewhere.
var otherwise = []string{"utf16", "utf32", "utf7", "ucs", "unicode", "csunicode", "iso10646"}

// charsetOf returns a charset by the name that a mail has for it. Text that is said to be UTF-8 and is not is most often Windows-1252. Of one that is not
// known, what is ASCII is read: addresses and times are.
func charsetOf(name string) (*charset, error) {
	n := normal(name)
	begins := func(begin string) bool { return strings.HasPrefix(n, begin) }
	if c := charsets[n]; c != nil {
		return c, nil
	}
	if slices.ContainsFunc(otherwise, begins) {
		return nil, errCharset(name)
	}
	c := latin("")
	for i := range c.high {
		c.high[i] = utf8.RuneError
	}
	c.name, c.digits = name, begins("gb")
	switch {
	case begins("iso2022"), begins("csiso2022"):
		c.escape = "\x1b"
	case begins("hz"):
		c.escape = "~{"
	}
	return c, nil
}

func errCharset(name string) error {
	return refuse(ErrUnparsable, "the text is written in %s, which is not read: save it as UTF-8", quoted(name))
}

// A decoder makes UTF-8 of a text, line by line: a line that is UTF-8 already stays as it is, whatever the charset, so that files put together from
// others are read, and mails that call themselves what they are not. Letters with accents behind them become one letter each.
type decoder struct {
	in     *bufio.Reader
	high   *charset
	unread func() // called for a line of which not all is read; nil where nobody asks
	rest   []byte
	out    []byte
	err    error
}

// decoded returns a text as UTF-8.
func decoded(in *bufio.Reader, high *charset) *bufio.Reader {
	return bufio.NewReaderSize(&decoder{in: in, high: high}, bufferSize)
}

// decoded returns a text as UTF-8. One of which not all is read may state a zone that nobody knows.
func (s *settings) decoded(in *bufio.Reader, high *charset) *bufio.Reader {
	d := &decoder{in: in, high: high}
	if s.stated != nil && !s.stated.whole && high.name != "" {
		d.unread = func() { s.stated.add("text in "+high.name, nil) }
	}
	return bufio.NewReaderSize(d, bufferSize)
}

func (d *decoder) Read(p []byte) (int, error) {
	for len(d.rest) == 0 {
		if d.err != nil {
			return 0, d.err
		}
		d.fill()
	}
	n := copy(p, d.rest)
	d.rest = d.rest[n:]
	return n, nil
}

// fill reads whole lines, or a piece of a long one.
func (d *decoder) fill() {
	block, err := d.in.Peek(d.in.Size())
	if d.err = err; err == nil {
		block = block[:pieceEnd(block)]
	}
	d.out = d.out[:0]
	switch {
	case d.high.escape != "" && bytes.Contains(block, []byte(d.high.escape)):
		d.err = errCharset(d.high.name)
	case isComposed(block):
		d.out = append(d.out, block...)
	default:
		for line := range bytes.Lines(block) {
			if d.high.name != "" && d.unread != nil && !utf8.Valid(line) {
				d.unread()
			}
			d.out = d.high.appendLine(d.out, line)
		}
	}
	d.rest = d.out
	_, _ = d.in.Discard(len(block)) // it is in the buffer
}

// pieceEnd returns where the last line of a block ends. Where none does, that is before an ASCII character: nothing in front of one belongs to it.
func pieceEnd(block []byte) int {
	if end := bytes.LastIndexByte(block, '\n') + 1; end > 0 {
		return end
	}
	for i := len(block) - 1; i > 0; i-- {
		if block[i] < utf8.RuneSelf {
			return i
		}
	}
	return len(block)
}

// accentLead is the first byte of each accent that stands behind its letter.
const accentLead = 0xcc

// isComposed reports whether a text is UTF-8 without such accents.
func isComposed(text []byte) bool {
	return utf8.Valid(text) && bytes.IndexByte(text, accentLead) < 0
}

// appendLine appends a line as UTF-8.
func (c *charset) appendLine(out, line []byte) []byte {
	switch {
	case isComposed(line):
		return append(out, line...)
	case utf8.Valid(line):
		return appendComposed(out, line)
	}
	for len(line) > 0 {
		b, width := line[0], 1
		if b < utf8.RuneSelf {
			out = append(out, b)
		} else {
			out, width = utf8.AppendRune(out, c.high[b-utf8.RuneSelf]), c.width(line)
		}
		line = line[width:]
	}
	return out
}

// width returns how many of the bytes of a text are one character that is not ASCII. Bytes that look like letters or marks are left: none looks like a digit,
// but in GB 18030, where that says that there are four.
func (c *charset) width(text []byte) int {
	if c.digits && len(text) > 3 && isDigit(text[1]) && text[2] >= utf8.RuneSelf && isDigit(text[3]) {
		return 4
	}
	return 1
}

// composed are letters with an accent, by the letter and the accent behind it.
var composed = func() map[[2]rune]rune {
	m := map[[2]rune]rune{}
	for accent, pairs := range map[rune]string{
		'\u0300': "aàeèiìoòuùAÀEÈIÌOÒUÙ", '\u0301': "aáeéiíoóuúyýAÁEÉIÍOÓUÚYÝ", '\u0302': "aâeêiîoôuûAÂEÊIÎOÔUÛ", '\u0303': "aãnñoõAÃNÑOÕ",
		'\u0308': "aäeëiïoöuüyÿAÄEËIÏOÖUÜYŸ", '\u030a': "aåAÅ", '\u030c': "sšzžSŠZŽ", '\u0327': "cçCÇ",
	} {
		letters := []rune(pairs)
		for i := 0; i < len(letters); i += 2 {
			m[[2]rune{letters[i], accent}] = letters[i+1]
		}
	}
	return m
}()

// appendComposed appends a line in which a letter and the accent behind it are one, as programs on Macs and those that read PDFs write two.
func appendComposed(out, line []byte) []byte {
	for _, r := range string(line) {
		if n := len(out); n > 0 {
			if one := composed[[2]rune{rune(out[n-1]), r}]; one != 0 {
				out = utf8.AppendRune(out[:n-1], one)
				continue
			}
		}
		out = utf8.AppendRune(out, r)
	}
	return out
}

// readable returns a text of a few words as UTF-8.
func readable(text string) string {
	return string(windows1252.appendLine(nil, []byte(text)))
}

// headerWords decodes the words of a header, =?iso-8859-1?Q?Hor=E1rio?=. Where the charset is none that is read, what is ASCII is.
var headerWords = mime.WordDecoder{CharsetReader: func(name string, in io.Reader) (io.Reader, error) {
	high, err := charsetOf(name)
	if err != nil || high.name != "" {
		high = windows1252
	}
	return decoded(bufio.NewReader(in), high), nil
}}
