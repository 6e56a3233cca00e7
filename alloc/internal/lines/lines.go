package lines

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
)

// maxHead is the number of bytes that are kept of a line that is too long.
const maxHead = 1 << 10

// Lines is a reader of lines. It is not for use by several goroutines.
type Lines struct {
	in     *bufio.Reader
	max    int
	number int
	line   []byte
	head   []byte
	long   bool
	whole  bool
	err    error
	failed error // of looking ahead
}

// New looks at the first bytes of r. The error wraps ErrFormat when the file is compressed in another way than with gzip,
// or is UTF-16.
func New(r io.Reader, lim Limits) (*Lines, error) {
	text, err := Text(r, lim)
	if err != nil {
		return nil, err
	}
	start, err := text.Peek(4)
	if err != nil && !errors.Is(err, io.EOF) {
		return nil, err
	}
	for magic, name := range otherFormats {
		if bytes.HasPrefix(start, []byte(magic)) {
			return nil, fmt.Errorf("%w: it is %s; give the text itself, or compress it with gzip", ErrFormat, name)
		}
	}
	return Of(text, lim), nil
}

var otherFormats = map[string]string{
	"\x28\xb5\x2f\xfd": "compressed with zstd", "BZh": "compressed with bzip2", "\xfd7zX": "compressed with xz", "\xff\xfe": "UTF-16", "\xfe\xff": "UTF-16",
	"\x0c\xa5": "a binary file of nfdump", "\xa5\x0c": "a binary file of nfdump", "\x1f\x8b": "compressed twice",
}

// Of returns the lines of a text. Of the limits only that of a line counts.
func Of(text *bufio.Reader, lim Limits) *Lines {
	lim = lim.orDefault()
	return &Lines{in: bufio.NewReaderSize(text, lim.Line+len("\r\n")), max: lim.Line, head: make([]byte, 0, maxHead)} // text itself where its buffer is large enough
}

// Next reads the next line. It returns false at the end, and when Err is not nil: a line that an error cuts is none.
func (l *Lines) Next() bool {
	if l.err != nil {
		return false
	}
	line, err := l.in.ReadSlice('\n')
	if l.long = errors.Is(err, bufio.ErrBufferFull); l.long {
		line = l.cut(line)
		for errors.Is(err, bufio.ErrBufferFull) {
			_, err = l.in.ReadSlice('\n')
		}
	}
	switch {
	case errors.Is(err, io.EOF):
		if l.err = io.EOF; l.failed != nil {
			l.err = l.failed
			return false
		}
		if len(line) == 0 {
			return false
		}
	case err != nil:
		l.err = err
		return false
	}
	l.number++
	l.whole = err == nil
	l.line = bytes.TrimSuffix(bytes.TrimSuffix(line, []byte("\n")), []byte("\r"))
	if len(l.line) > l.max {
		l.long, l.line = true, l.cut(l.line)
	}
	return true
}

// cut keeps the start of a line that is too long.
func (l *Lines) cut(line []byte) []byte {
	l.head = append(l.head[:0], line[:maxHead]...)
	return l.head
}

// Line returns the line without its end. It is valid until the next call of Next. Of a line that is too long it returns the
// first 1,024 bytes.
func (l *Lines) Line() []byte { return l.line }

// Ahead returns the beginning of what follows the line, up to n bytes; it is valid until the next call of Next. Where there is less, or less can be held at once, it
// returns that. What fails is told by Next.
func (l *Lines) Ahead(n int) []byte {
	l.line = bytes.Clone(l.line)
	next, err := l.in.Peek(n)
	if err != nil && !errors.Is(err, io.EOF) && !errors.Is(err, bufio.ErrBufferFull) {
		l.failed = err
	}
	return next
}

// TooLong reports whether the line is longer than allowed.
func (l *Lines) TooLong() bool { return l.long }

// Whole reports whether the line has its end. The last one of a copy that was cut off has none, and what is missing of it cannot be seen.
func (l *Lines) Whole() bool { return l.whole }

// Number returns the number of the line, from 1.
func (l *Lines) Number() int { return l.number }

// Err returns what ended the lines early, or nil.
func (l *Lines) Err() error {
	if errors.Is(l.err, io.EOF) {
		return nil
	}
	return l.err
}
