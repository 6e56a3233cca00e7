package lines

import (
	"bufio"
	"bytes"
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
	Ratio int64 // bytes of text for a compressed byte, on average, once the text has 16 MiB; default 200 (logs reach 10 to 50)
	Line  int   // bytes of a line, without its end; default 64 KiB, at least 1 KiB
}

// ratioFrom is the amount of text from which the ratio counts: short texts of one repeated line are no bombs.
const ratioFrom = 16 << 20

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
	lim.Line = max(lim.Line, maxHead)
	return lim
}

// Text returns what r holds, decompressed, without a byte order mark. Its buffer holds a line with its end. Beside errors of r and
// those of package gzip there is ErrTooLarge, wrapped, behind the bytes that are allowed, and ErrTrailing behind a gzip that something follows.
func Text(r io.Reader, lim Limits) (*bufio.Reader, error) {
	lim = lim.orDefault()
	raw := &counter{r: r}
	in := bufio.NewReader(raw)
	magic, err := in.Peek(len(gzipMagic))
	if err != nil && !errors.Is(err, io.EOF) {
		return nil, err
	}
	b := &bounded{r: in, lim: lim}
	if bytes.Equal(magic, gzipMagic) {
		unpacked, err := newMembers(in)
		if err != nil {
			return nil, err
		}
		b.r, b.packed = unpacked, raw
	}
	text := bufio.NewReaderSize(b, lim.Line+len("\r\n"))
	mark, err := text.Peek(3)
	if err != nil && !errors.Is(err, io.EOF) {
		return nil, err
	}
	if bytes.Equal(mark, []byte("\xef\xbb\xbf")) {
		_, err = text.Discard(3)
		return text, err
	}
	return text, nil
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

// A bounded reader ends where there is too much.
type bounded struct {
	r      io.Reader
	packed *counter // what was read of a compressed file; nil when it is not
	lim    Limits
	n      int64
}

func (b *bounded) Read(p []byte) (int, error) {
	n, err := b.r.Read(p)
	if over := b.n + int64(n) - b.lim.Bytes; over > 0 {
		b.n = b.lim.Bytes
		return max(n-int(min(over, int64(n))), 0), fmt.Errorf("%w: more than %d bytes", ErrTooLarge, b.lim.Bytes)
	}
	b.n += int64(n)
	if b.packed != nil && b.n > ratioFrom && b.n/b.lim.Ratio > b.packed.n {
		return 0, fmt.Errorf("%w: %d bytes became %d, more than %d times as many; no log compresses like that", ErrTooLarge, b.packed.n, b.n, b.lim.Ratio)
	}
	return n, err
}
