package request

import (
	"bytes"
	"io"
)

// lineEnds makes \n of each \r that ends a line, as on old Macs. Those before a \n stay: they are part of that line's end.
type lineEnds struct {
	r    io.Reader
	held int    // how many \r were read and not yet given out
	rest []byte // what was read behind them
	cr   int    // how many of held are to be given out as \r, and then as \n
	lf   int
	buf  [4 << 10]byte
	err  error
}

func (e *lineEnds) Read(p []byte) (n int, err error) {
	if len(p) == 0 {
		return 0, nil
	}
	for {
		switch {
		case e.cr > 0:
			n = give(p, '\r', &e.cr)
			return n, nil
		case e.lf > 0:
			n = give(p, '\n', &e.lf)
			return n, nil
		case len(e.rest) > 0 && e.rest[0] == '\r':
			e.held, e.rest = e.held+1, e.rest[1:]
		case e.held > 0 && len(e.rest) > 0 && e.rest[0] == '\n':
			e.cr, e.held = e.held, 0
		case e.held > 0 && (len(e.rest) > 0 || e.err != nil):
			e.lf, e.held = e.held, 0
		case len(e.rest) > 0:
			n = copy(p, e.rest[:lineEnd(e.rest)])
			e.rest = e.rest[n:]
			return n, nil
		case e.err != nil:
			return 0, e.err
		default:
			n, e.err = e.r.Read(e.buf[:])
			if e.rest = e.buf[:n]; n == 0 && e.err == nil {
				return 0, nil
			}
		}
	}
}

// lineEnd returns the place of the first \r that is not known to be before a \n, or the end.
func lineEnd(text []byte) int {
	for from := 0; ; {
		i := bytes.IndexByte(text[from:], '\r')
		if i < 0 {
			return len(text)
		}
		if i += from; i+1 == len(text) || text[i+1] != '\n' {
			return i
		}
		from = i + 1
	}
}

// give fills p with bytes of which n are left.
func give(p []byte, b byte, n *int) int {
	p = p[:min(len(p), *n)]
	for i := range p {
		p[i] = b
	}
	*n -= len(p)
	return len(p)
}
