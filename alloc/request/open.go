package request

import (
	"bufio"
	"compress/flate"
	"compress/gzip"
	"errors"
	"io"

	"github.com/cgnkit/cgnkit/alloc/internal/lines"
)

// maxLine is the length of the longest line that is read.
const maxLine = 64 << 10

// bufferSize holds a line and the head.
const bufferSize = maxLine + 16

var lineLimit = lines.Limits{Line: maxLine}

// open returns the text of r with line ends that have a \n, behind a buffer that holds head and lines.
func open(r io.Reader) (*bufio.Reader, error) {
	text, err := lines.Text(r, lineLimit)
	if err != nil {
		return nil, textError(err)
	}
	return bufio.NewReaderSize(&lineEnds{r: refuser{text}}, bufferSize), nil
}

// A refuser has the errors of a text say what to do.
type refuser struct{ r io.Reader }

func (r refuser) Read(p []byte) (int, error) {
	n, err := r.r.Read(p)
	return n, textError(err)
}

// textError says what is wrong with a gzip, and that there is too much; other errors stay as they are.
func textError(err error) error {
	_, corrupt := errors.AsType[flate.CorruptInputError](err)
	switch {
	case errors.Is(err, lines.ErrTooLarge):
		return refuse(ErrLimit, "%v: unfold it yourself if you trust it", err)
	case errors.Is(err, lines.ErrTrailing):
		return refuse(ErrUnparsable, "the gzip is whole, but other bytes stand behind its end: cut them off, or ask for the file again")
	case errors.Is(err, io.ErrUnexpectedEOF):
		return refuse(ErrUnparsable, "the gzip is cut off: ask for the file again")
	case errors.Is(err, gzip.ErrHeader), errors.Is(err, gzip.ErrChecksum), corrupt:
		return refuse(ErrUnparsable, "the gzip is damaged: ask for the file again")
	}
	return err
}
