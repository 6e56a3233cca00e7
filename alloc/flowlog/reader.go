package flowlog

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"iter"
	"net/netip"
	"time"

	"github.com/cgnkit/cgnkit/alloc/internal/lines"
)

// Errors to compare with errors.Is.
var (
	// ErrFormat means: a file is no flow log that this package knows.
	ErrFormat = errors.New("unknown flow log")
	// ErrNoZone means: the times have no zone, and Options give none.
	ErrNoZone = errors.New("times without a zone")
	// ErrNoTime means: the records have no time at all, and Options give none.
	ErrNoTime = errors.New("flows without a time")
	// ErrRead means: a file cannot be read to its end.
	ErrRead = errors.New("cannot read")
	// ErrTooLarge means: a file goes beyond the limits.
	ErrTooLarge = errors.New("too much text")
)

// Options say how to read a flow log.
type Options struct {
	// Zone is where the clock stood that wrote times without a zone: nfdump's are local to the machine on which it ran.
	Zone *time.Location
	// Taken is when a list of conntrack -L was made; its lines have no time.
	Taken time.Time
	// Inside says which addresses are inside. With it a record of the way back, from a destination to the inside, is turned
	// round; without it only one with NAT columns is.
	Inside func(netip.Addr) bool
	// Bytes and Ratio bound what is read; zero or less: 1 TiB of text, and 200 bytes of text for a compressed byte.
	Bytes, Ratio int64
}

// A Bad is a record that could not be read.
type Bad struct {
	Line int
	Text string // its start, quoted as in Go
	Msg  string
}

// String returns "line N: message: text".
func (b Bad) String() string { return fmt.Sprintf("line %d: %s: %s", b.Line, b.Msg, b.Text) }

const (
	maxBad  = 100 // records that are kept for people to look at
	maxText = 80  // bytes of one
)

// A Reader reads a flow log.
type Reader struct {
	in      *lines.Lines
	parse   func(line []byte) (Flow, string) // the flow, or what is wrong with the line; "-" when the line is no flow
	opts    Options
	clock   clock
	pending bool // whether in holds a line that was not parsed yet
	format  string
	flows   int
	skipped int
	total   int
	bad     []Bad
	err     error
}

// NewReader finds out what a flow log it is. The error wraps ErrFormat, ErrNoZone, ErrNoTime, ErrRead or ErrTooLarge. An
// empty file is a flow log without flows.
func NewReader(r io.Reader, o Options) (*Reader, error) {
	in, err := lines.New(r, lines.Limits{Bytes: o.Bytes, Ratio: o.Ratio})
	if err != nil {
		return nil, readError(err)
	}
	d := &Reader{in: in, opts: o, clock: clock{zone: o.Zone}, format: "empty"}
	for d.parse == nil && in.Next() {
		if line := bytes.TrimSpace(in.Line()); len(line) > 0 {
			if err := d.detect(line); err != nil {
				return nil, fmt.Errorf("line %d: %w", in.Number(), err)
			}
		}
	}
	if in.Err() != nil {
		return nil, readError(in.Err())
	}
	return d, nil
}

// detect chooses the parser by the first line that is not blank.
func (d *Reader) detect(line []byte) error {
	if t := newTable(line); t != nil {
		d.format = "nfdump CSV"
		if t.needsZone && d.opts.Zone == nil {
			return fmt.Errorf("%w: nfdump writes the local time of the machine on which it ran; say which zone that was", ErrNoZone)
		}
		d.parse = d.table(t)
		return nil
	}
	if bytes.HasPrefix(line, []byte("conntrack v")) { // what conntrack says to people, in the same file
		return nil
	}
	c, problem := parseConntrack(line, &d.clock)
	if problem != "" {
		return fmt.Errorf("%w: this is neither the CSV of nfdump with its header nor a line of conntrack: %.60q", ErrFormat, line)
	}
	if c.needsZone && d.opts.Zone == nil {
		return fmt.Errorf("%w: conntrack writes [start=...] in the local time of the machine on which it ran; say which zone that was, or use -o timestamp", ErrNoZone)
	}
	if c.untimed && d.opts.Taken.IsZero() {
		return fmt.Errorf("%w: say when this list was made, or use conntrack -E -o timestamp", ErrNoTime)
	}
	d.format, d.parse, d.pending = "conntrack", d.conntrack, true
	return nil
}

// Format returns "nfdump CSV", "conntrack" or "empty".
func (d *Reader) Format() string { return d.format }

// Flows reads the flows, once. Err says afterwards whether all were read. Records that cannot be read are skipped; see Bad.
func (d *Reader) Flows() iter.Seq[Flow] {
	return func(yield func(Flow) bool) {
		for d.parse != nil && (d.pending || d.in.Next()) {
			d.pending = false
			f, problem := d.line()
			switch problem {
			case "":
				d.flows++
				if !yield(f) {
					return
				}
			case notFlow:
				d.skipped++
			default:
				d.reject(problem)
			}
		}
		if d.in.Err() != nil {
			d.err = readError(d.in.Err())
		}
	}
}

// notFlow is the problem of a line that is no record of a flow, and is right so.
const notFlow = "-"

func (d *Reader) line() (Flow, string) {
	line := bytes.TrimSpace(d.in.Line())
	switch {
	case d.in.TooLong():
		return Flow{}, "the line is longer than 65536 bytes"
	case len(line) == 0:
		return Flow{}, notFlow
	}
	f, problem := d.parse(line)
	switch {
	case problem != "":
		return f, problem
	case !d.in.Whole():
		return f, "the file ends within this line, so that it may be cut off; if it is whole, end the line"
	}
	f.Line = d.in.Number()
	if inside := d.opts.Inside; inside != nil && !inside(f.Source.Addr()) && inside(f.Destination.Addr()) {
		f = f.turned(f.Destination, netip.AddrPort{})
	}
	return f, ""
}

func (d *Reader) reject(problem string) {
	d.total++
	if len(d.bad) < maxBad {
		line := d.in.Line()
		d.bad = append(d.bad, Bad{Line: d.in.Number(), Text: fmt.Sprintf("%+q", line[:min(len(line), maxText)]), Msg: problem})
	}
}

// Bad returns the first 100 records that could not be read, and the number of all.
func (d *Reader) Bad() (first []Bad, total int) { return d.bad, d.total }

// Counts returns how many flows were read, and how many lines were none: headers, summaries, flows that were refused.
func (d *Reader) Counts() (flows, skipped int) { return d.flows, d.skipped }

// Err returns what ended the flows early, or nil. It wraps ErrRead or ErrTooLarge.
func (d *Reader) Err() error { return d.err }

func readError(err error) error {
	switch {
	case errors.Is(err, lines.ErrTooLarge):
		return fmt.Errorf("%w: %w", ErrTooLarge, err)
	case errors.Is(err, lines.ErrFormat):
		return fmt.Errorf("%w: %w", ErrFormat, err)
	}
	return fmt.Errorf("%w: %w", ErrRead, err)
}
