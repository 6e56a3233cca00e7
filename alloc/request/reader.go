package request

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"iter"
	"slices"
	"time"

	"github.com/cgnkit/cgnkit/alloc/internal/lines"
)

// Options say how an input is read.
type Options struct {
	// Zone is that of times that have none. Nil means: they are refused. So they are where the input states another zone outside of
	// the questions, such as "All times are UTC", in which the time would be another. Offsets and names of zones count as
	// statements, and so does what says that it names one and cannot be resolved: "CET/CEST", "three hours behind UTC", "time zone: Xanadu". "Local time" does
	// not; a zone behind a clock is that of this time alone.
	Zone *time.Location
	// Stated is what all of the input states, as ReadStated returns it. Nil means: only what stands in the first 64 KiB of the input, or in those of
	// a part of a mail and the ones before it, is heeded. It also says what the input states about ports.
	Stated *Stated
	// Zones finds a zone that a column for zones names, such as America/Sao_Paulo; time.LoadLocation does. Nil means: only
	// UTC and offsets are taken.
	Zones func(name string) (*time.Location, error)
	// Dates is the order of day and month in dates such as 01/03/2026. The zero value means: those that could be read both
	// ways are refused. With an order, dates that can only be read the other way are refused.
	Dates DateOrder
	// Ports says what becomes of ports that nothing names. The zero value means: they are the subscriber's, and Request.Assumed says so, unless the
	// input may say that they are somebody else's.
	Ports Ports
}

// A Reader reads the questions of one input. It is for one goroutine.
type Reader struct {
	format Format
	source scanner
	n      int
	done   bool
}

// A scanner reads an input of one format. It returns nil at the end and when yield says to stop, and an error when the rest
// cannot be read.
type scanner interface {
	scan(yield func(Request) bool) error
}

// headSize is how much of an input is looked at to find its format.
const headSize = 64 << 10

// NewReader looks at the beginning of r, up to 64 KiB, for its format. It returns an error that wraps ErrFormat when that is
// none of those that are read, ErrUnparsable or ErrLimit for damaged gzip, or the error of r.
func NewReader(r io.Reader, o Options) (*Reader, error) {
	s := settings{zone: o.Zone, names: o.Zones, dates: o.Dates, ports: o.Ports, stated: o.Stated}
	if s.stated == nil {
		s.stated = &Stated{}
	}
	return newReader(r, s)
}

func newReader(r io.Reader, s settings) (*Reader, error) {
	b, err := s.begin(r)
	if err != nil {
		return nil, err
	}
	if s.stated != nil && !s.stated.whole {
		if err := s.hear(b.format, b.head, bytes.NewReader(b.head)); err != nil {
			return nil, err
		}
	}
	if b.unknown != nil {
		return nil, b.unknown
	}
	return &Reader{format: b.format, source: s.scanner(b.format, b.in, b.head)}, nil
}

// A beginning is what is known of an input before its questions are read.
type beginning struct {
	in      *bufio.Reader
	head    []byte // the first bytes of in
	format  Format
	unknown error // why the format is unknown, else nil
}

// begin looks at the beginning of an input. Its text is UTF-8 then, but for that of a mail, whose parts say what they are.
func (s *settings) begin(r io.Reader) (b beginning, err error) {
	high, err := charsetOf(s.charset)
	if err != nil {
		return b, err
	}
	if b.in, err = open(r); err != nil {
		return b, err
	}
	_, err = b.peek()
	if b.unknown = foreignFormat(b.head, s.prose); err != nil || b.unknown != nil {
		return b, err
	}
	if !s.prose && isMail(b.head) {
		b.format = Mail
		return b, nil
	}
	b.in = s.decoded(b.in, high)
	whole, err := b.peek()
	if err == nil {
		b.format, b.unknown = detect(b.head, whole, s.prose)
	}
	return b, err
}

// peek takes the head. whole means that it is all of the input.
func (b *beginning) peek() (whole bool, err error) {
	b.head, err = b.in.Peek(headSize)
	if whole = errors.Is(err, io.EOF); whole {
		err = nil
	}
	return whole, err
}

// scanner returns the scanner of a format.
func (s *settings) scanner(f Format, in *bufio.Reader, head []byte) scanner {
	switch f {
	case JSON:
		return s.jsonScanner(in, head, jsonNames)
	case XARF:
		return s.xarfScanner(in, head)
	case ACNS:
		return &acnsScanner{settings: s, r: in}
	case Mail:
		return &mailScanner{settings: s, r: errorKeeper{r: in}}
	case Plain:
		return s.blockScanner(in, head)
	}
	line := &lineScanner{settings: s, lines: lines.Of(in, lineLimit)}
	switch f {
	case Tcpdump:
		line.parser = &tcpdumpParser{settings: s}
	case NetFlow:
		line.parser = netflowParser{s}
	case CLF:
		line.parser = clfParser{s}
	default:
		line.parser = &csvParser{settings: s, unread: s.headingOf(line.lines.Ahead)}
	}
	return line
}

// Format returns the format that was found. Parts of a mail have formats of their own.
func (r *Reader) Format() Format { return r.format }

// Skipped returns the parts of a mail that hold no questions in a form that is read, such as a PDF, as "order.pdf
// (application/pdf): reason", in order. Behind 100 of them there is one "and 7 more". It is complete when All has ended.
func (r *Reader) Skipped() []string {
	m, ok := r.mail()
	if ok && m.more > 0 {
		return append(slices.Clip(m.skipped), fmt.Sprintf("and %d more", m.more))
	}
	if ok {
		return m.skipped
	}
	return nil
}

// All iterates over the questions in the order of the input, once. An error ends it: the underlying reader's, or one that
// wraps ErrUnparsable, ErrFormat or ErrLimit and says why the rest cannot be read; the Request beside it is zero. Errors of
// single questions are in Request.Err.
func (r *Reader) All() iter.Seq2[Request, error] {
	return func(yield func(Request, error) bool) {
		if r.done {
			return
		}
		r.done = true
		stopped := false
		err := r.source.scan(func(q Request) bool {
			r.n++
			q.Number = r.n
			stopped = !yield(q, nil)
			return !stopped
		})
		if err != nil && !stopped {
			if r.n > 0 {
				err = fmt.Errorf("after question %d: %w", r.n, err)
			}
			yield(Request{}, err)
		}
	}
}
