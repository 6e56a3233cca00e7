package lines

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
)

// ErrTrailing means: a gzip is whole, and other bytes stand behind it.
var ErrTrailing = errors.New("other bytes stand behind the end of the gzip")

// gzipMagic begins every member of a gzip.
var gzipMagic = []byte("\x1f\x8b")

// members reads the members of a gzip, one after the other. The package gzip takes what stands behind the last one for another member that is
// damaged or cut off. Zeros there are what tapes and block devices leave, and mean nothing.
type members struct {
	in *bufio.Reader
	z  *gzip.Reader
}

func newMembers(in *bufio.Reader) (*members, error) {
	z, err := gzip.NewReader(in)
	if err != nil {
		return nil, fmt.Errorf("read gzip: %w", err)
	}
	z.Multistream(false)
	return &members{in, z}, nil
}

func (m *members) Read(p []byte) (int, error) {
	n, err := m.z.Read(p)
	if !errors.Is(err, io.EOF) {
		return n, err
	}
	return n, m.next()
}

// next goes on to the next member. The error is io.EOF where there is none.
func (m *members) next() error {
	magic, err := m.in.Peek(len(gzipMagic))
	if bytes.Equal(magic, gzipMagic) {
		err := m.z.Reset(m.in)
		m.z.Multistream(false)
		return err
	}
	if err != nil && !errors.Is(err, io.EOF) {
		return err
	}
	for {
		b, err := m.in.ReadByte()
		switch {
		case err != nil:
			return err
		case b != 0:
			return ErrTrailing
		}
	}
}
