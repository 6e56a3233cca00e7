package request

import (
	"bufio"
	"bytes"
	"compress/flate"
	"compress/gzip"
	"errors"
	"io"
)

// bufferSize holds a line and the head.
const bufferSize = maxLine + 16

const (
	maxUnfolded = 16 << 30
	// maxRatio is how many times its size gzip may unfold to. Rows that differ in address, port and time reach 50; gzip
	// itself goes to 1,032.
	maxRatio = 250
	// ratioFrom is what may always be unfolded: short inputs of equal rows compress well.
	ratioFrom = 8 << 20
)

// open returns r, unfolded if it is gzipped, without a byte order mark, with line ends that have a \n, behind a buffer that
// holds head and lines.
func open(r io.Reader) (*bufio.Reader, error) {
	in := bufio.NewReader(r)
	magic, err := in.Peek(2)
	if err != nil && !errors.Is(err, io.EOF) {
		return nil, err
	}
	if bytes.Equal(magic, []byte{0x1f, 0x8b}) {
		counted := &countingReader{r: in}
		z, err := gzip.NewReader(counted)
		if err != nil {
			return nil, gzipError(err)
		}
		in = bufio.NewReaderSize(&lineEnds{r: &unfolder{z: z, in: counted}}, bufferSize)
	} else {
		in = bufio.NewReaderSize(&lineEnds{r: in}, bufferSize)
	}
	mark, err := in.Peek(3)
	if err != nil && !errors.Is(err, io.EOF) {
		return nil, err
	}
	if bytes.Equal(mark, []byte("\xef\xbb\xbf")) {
		_, err = in.Discard(3)
	} else {
		err = nil
	}
	return in, err
}

// A countingReader counts what is read. It is an io.ByteReader so that gzip reads no further than it must.
type countingReader struct {
	r *bufio.Reader
	n int64
}

func (c *countingReader) Read(p []byte) (int, error) {
	n, err := c.r.Read(p)
	c.n += int64(n)
	return n, err
}

func (c *countingReader) ReadByte() (byte, error) {
	b, err := c.r.ReadByte()
	if err == nil {
		c.n++
	}
	return b, err
}

// An unfolder reads gzip up to the limits.
type unfolder struct {
	z  *gzip.Reader
	in *countingReader
	n  int64
}

func (u *unfolder) Read(p []byte) (int, error) {
	n, err := u.z.Read(p)
	u.n += int64(n)
	if u.n > maxUnfolded || u.n > ratioFrom && u.n/maxRatio > u.in.n {
		return 0, refuse(ErrLimit, "the gzip unfolds to more than 16 GiB or %d times its size: unfold it yourself if you trust it", maxRatio)
	}
	return n, gzipError(err)
}

// gzipError says what is wrong with a gzip; other errors stay as they are.
func gzipError(err error) error {
	_, corrupt := errors.AsType[flate.CorruptInputError](err)
	switch {
	case errors.Is(err, io.ErrUnexpectedEOF):
		return refuse(ErrUnparsable, "the gzip is cut off: ask for the file again")
	case errors.Is(err, gzip.ErrHeader), errors.Is(err, gzip.ErrChecksum), corrupt:
		return refuse(ErrUnparsable, "the gzip is damaged: ask for the file again")
	}
	return err
}
