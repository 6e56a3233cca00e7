package request

import (
	"bufio"
	"bytes"
	"encoding/xml"
	"errors"
	"io"
)

// An xmlBlock reads the XML of one block: up to a line with the mark of its end, or the end of the input. It is an
// io.ByteReader, so that a decoder reads no further than it must.
type xmlBlock struct {
	r      *bufio.Reader
	line   int // the number of the line at hand
	open   bool
	marked bool   // whether a mark began the block, and another ends it
	left   int    // how many bytes may be read before left is set again
	ahead  []byte // of the line at hand, not yet given out
	within bool   // whether the last piece did not end its line
	err    error  // of the underlying reader

	outside func(line []byte, n int) // takes what stands between blocks
}

// start goes to the next beginning in a text: a mark, or a line of XML. It returns io.EOF when there is none.
func (b *xmlBlock) start() error {
	for !b.open {
		line, _, err := b.next()
		if err != nil {
			return err
		}
		b.marked = isMark(line, "start acns xml")
		if b.open = b.marked || isXML(line); !b.marked && b.open {
			b.ahead = line
		}
		if !b.open {
			b.outside(line, b.line)
		}
	}
	return nil
}

// isXML reports whether a line begins a notice without a mark.
func isXML(line []byte) bool {
	line = bytes.TrimLeft(line, " \t")
	return hasFold(line[:min(len(line), 20)], "<?xml ") || hasFold(line[:min(len(line), 20)], "<infringement")
}

// finish goes behind the block.
func (b *xmlBlock) finish() error {
	if !b.marked {
		b.open, b.ahead = false, nil
	}
	for b.open {
		b.left = maxToken
		if _, err := b.ReadByte(); errors.Is(err, io.EOF) {
			return nil
		} else if err != nil {
			return err
		}
	}
	return nil
}

// isMark reports whether a line is a mark: it says so and is no markup.
func isMark(line []byte, what string) bool {
	return len(line) < 100 && hasFold(line, what) && bytes.IndexByte(line, '<') < 0
}

// next reads a line, or a piece of a long one.
func (b *xmlBlock) next() (line []byte, begins bool, err error) {
	if begins = !b.within; begins {
		b.line++
	}
	line, err = b.r.ReadSlice('\n')
	b.within = errors.Is(err, bufio.ErrBufferFull)
	if b.within || errors.Is(err, io.EOF) && len(line) > 0 {
		err = nil
	}
	if err != nil && !errors.Is(err, io.EOF) {
		b.err = err
	}
	return line, begins, err
}

// Read is what io.Reader asks for; the decoder calls ReadByte.
func (b *xmlBlock) Read(p []byte) (int, error) {
	if len(p) == 0 {
		return 0, nil
	}
	c, err := b.ReadByte()
	if err != nil {
		return 0, err
	}
	p[0] = c
	return 1, nil
}

func (b *xmlBlock) ReadByte() (byte, error) {
	if b.left--; b.left < 0 {
		return 0, refuse(ErrLimit, "line %d: a piece of XML between two tags is longer than 1 MiB", b.line)
	}
	if len(b.ahead) == 0 {
		if !b.open {
			return 0, io.EOF
		}
		line, begins, err := b.next()
		if begins && err == nil && isMark(line, "end acns xml") {
			b.open = false
			return 0, io.EOF
		}
		if err != nil {
			b.open = false
			return 0, err
		}
		b.ahead = line
	}
	c := b.ahead[0]
	b.ahead = b.ahead[1:]
	return c, nil
}

// told returns the error of the underlying reader, or a refusal that says what is wrong with the XML.
func (b *xmlBlock) told(err error) error {
	if b.err != nil {
		return b.err
	}
	if r, ok := errors.AsType[*refusal](err); ok {
		return r
	}
	why := err.Error()
	if syntax, ok := errors.AsType[*xml.SyntaxError](err); ok {
		why = syntax.Msg // its line counts from the beginning of the block
	}
	return refuse(ErrUnparsable, "line %d: this is no XML: %s", b.line, clip(why, maxGiven))
}
