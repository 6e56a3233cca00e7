package lines

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
)

// Errors to compare with errors.Is.
var (
	// ErrTooLarge means: there is more text than allowed, or a compressed file grows more than text does.
	ErrTooLarge = errors.New("too much text")
	// ErrFormat means: the bytes are no text, or compressed in another way than with gzip.
	ErrFormat = errors.New("not a text file")
)

// Limits bound what is read. A field that is zero or less stands for its default.
type Limits struct {
	Bytes int64 // of text, decompressed; default 1 TiB
	Ratio int64 // bytes of text for a compressed byte, on average, once the text has 16 MiB; default 200 (logs reach 10 to 40)
	Line  int   // bytes of a line; default 64 KiB
}

// ratioFrom is the amount of text from which the ratio counts: short texts of one repeated line are no bombs.
const ratioFrom = 16 << 20

// maxHead is the number of bytes that are kept of a line that is too long.
const maxHead = 80

// Lines is a reader of lines. It is not for use by several goroutines.
type Lines struct {
	in     *bufio.Reader
	packed *counter // what was read of a compressed file; nil when it is not
	lim    Limits
	total  int64
	number int
	line   []byte
	head   []byte
	long   bool
	err    error
}

// A counter counts the bytes that pass.
type counter struct {
	r io.Reader
	n int64
}

func (c *counter) Read(p []byte) (int, error) {
	n, err := c.r.Read(p)
	c.n += int64(n)
	return n, err
}

// New looks at the first bytes of r. The error wraps ErrFormat when the file is compressed in another way than with gzip,
// or is UTF-16.
func New(r io.Reader, lim Limits) (*Lines, error) {
	lim = lim.orDefault()
	packed := &counter{r: r}
	in := bufio.NewReaderSize(packed, lim.Line)
	start, err := in.Peek(4)
	if err != nil && !errors.Is(err, io.EOF) {
		return nil, err
	}
	l := &Lines{in: in, lim: lim, head: make([]byte, 0, maxHead)}
	for magic, name := range otherFormats {
		if bytes.HasPrefix(start, []byte(magic)) {
			return nil, fmt.Errorf("%w: it is %s; give the text itself, or compress it with gzip", ErrFormat, name)
		}
	}
	if !bytes.HasPrefix(start, []byte("\x1f\x8b")) {
		return l, nil
	}
	unpacked, err := gzip.NewReader(in)
	if err != nil {
		return nil, fmt.Errorf("read gzip: %w", err)
	}
	l.packed, l.in = packed, bufio.NewReaderSize(unpacked, lim.Line)
	return l, nil
}

var otherFormats = map[string]string{
	"\x28\xb5\x2f\xfd": "compressed with zstd", "BZh": "compressed with bzip2", "\xfd7zX": "compressed with xz", "\xff\xfe": "UTF-16", "\xfe\xff": "UTF-16",
	"\x0c\xa5": "a binary file of nfdump", "\xa5\x0c": "a binary file of nfdump",
}

func (lim Limits) orDefault() Limits {
	if lim.Bytes <= 0 {
		lim.Bytes = 1 << 40
	}
	if lim.Ratio <= 0 {
		lim.Ratio = 200
	}
	if lim.Line <= 0 {
		lim.Line = 64 << 10
	}
	lim.Line = max(lim.Line, 256)
	return lim
}

// Next reads the next line. It returns false at the end, and when Err is not nil.
func (l *Lines) Next() bool {
	if l.err != nil {
		return false
	}
	line, err := l.in.ReadSlice('\n')
	l.total += int64(len(line))
	if l.long = errors.Is(err, bufio.ErrBufferFull); l.long {
		l.head = append(l.head[:0], line[:maxHead]...)
		for errors.Is(err, bufio.ErrBufferFull) && l.within() == nil {
			line, err = l.in.ReadSlice('\n')
			l.total += int64(len(line))
		}
		line = l.head
	}
	if tooMuch := l.within(); tooMuch != nil {
		err = tooMuch
	}
	switch {
	case errors.Is(err, io.EOF):
		l.err = io.EOF
		if len(line) == 0 {
			return false
		}
	case err != nil:
		l.err = err
		return false
	}
	if l.number++; l.number == 1 {
		line = bytes.TrimPrefix(line, []byte("\xef\xbb\xbf"))
	}
	l.line = bytes.TrimSuffix(bytes.TrimSuffix(line, []byte("\n")), []byte("\r"))
	return true
}

func (l *Lines) within() error {
	if l.total > l.lim.Bytes {
		return fmt.Errorf("%w: more than %d bytes", ErrTooLarge, l.lim.Bytes)
	}
	if l.packed != nil && l.total > ratioFrom && l.total/l.lim.Ratio > l.packed.n {
		return fmt.Errorf("%w: %d bytes became %d, more than %d times as many; no log compresses like that", ErrTooLarge, l.packed.n, l.total, l.lim.Ratio)
	}
	return nil
}

// Line returns the line without its end. It is valid until the next call of Next. Of a line that is too long it returns the
// start.
func (l *Lines) Line() []byte { return l.line }

// TooLong reports whether the line is longer than allowed.
func (l *Lines) TooLong() bool { return l.long }

// Number returns the number of the line, from 1.
func (l *Lines) Number() int { return l.number }

// Err returns what ended the lines early, or nil.
func (l *Lines) Err() error {
	if errors.Is(l.err, io.EOF) {
		return nil
	}
	return l.err
}
