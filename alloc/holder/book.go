package holder

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net/netip"
	"sync"
	"time"

	"github.com/cgnkit/cgnkit/alloc/internal/lines"
)

// Errors to compare with errors.Is.
var (
	// ErrFormat means: a file is none of the kind that it should be.
	ErrFormat = errors.New("unknown format")
	// ErrTooLarge means: a file or the sum of all records goes beyond the limits.
	ErrTooLarge = errors.New("too many records")
	// ErrRead means: a file cannot be read to its end. What was read of it counts.
	ErrRead = errors.New("cannot read")
)

// Options say how to read a file.
type Options struct {
	// Realm is the realm of its inside addresses; empty is a realm, too.
	Realm string
	// Zone is where the clock stood that wrote stamps without a zone, or with an abbreviation such as CET. Nil means: not known, and
	// such stamps are refused.
	Zone *time.Location
	// Until is when a lease file was copied: it has everything that happened until then, and nothing later is certain. Zero means: it was
	// copied at the latest event that stands in it.
	Until time.Time
}

// Limits bound what a Book takes. A field that is zero or less stands for its default.
type Limits struct {
	Memory   int64 // bytes that all records may need, roughly; default 2 GiB
	File     int64 // bytes of text of one file, decompressed; default 1 TiB
	Ratio    int64 // bytes of text for a byte of a compressed file; default 200
	Warnings int   // warnings that are kept; default 100
}

func (l Limits) orDefault() Limits {
	if l.Memory <= 0 {
		l.Memory = 2 << 30
	}
	if l.Warnings <= 0 {
		l.Warnings = 100
	}
	return l
}

// A Warning is a record that was not used, or not as it stands.
type Warning struct {
	File string
	Line int // of the record's first line
	Msg  string
}

// String returns "file:line: message".
func (w Warning) String() string { return fmt.Sprintf("%s:%d: %s", w.File, w.Line, w.Msg) }

// Counts are numbers of records.
type Counts struct {
	Records  int // that were read
	Ignored  int // that are about no session: other packets, other states
	Warnings int // that were not used, or not as they stand
	Rejected int // of those, the ones that were not used
	Unplaced int // of those, the ones that may be about an address that cannot be read: no answer knows of them
	Sessions int
	Leases   int
}

// A Book holds who had which inside address when. Several goroutines may ask; reading is for one, and not while others ask.
type Book struct {
	limits   Limits
	used     int64
	counts   Counts
	warnings []Warning

	texts    map[string]string
	people   []identity
	known    map[identity]uint32
	files    []string
	realms   map[string]uint32
	spans    map[uint32][]span // by realm
	sessions []session
	byKey    map[sessionKey]uint32
	resets   map[sessionKey][]stamp // by realm and NAS
	leases   []lease
	parts    []int64 // of lease files: until when each has everything
	lastRow  map[place]uint32
	prefixes map[netip.Prefix]uint32 // of IPv6, numbered
	unread   []unread
	partials []partial
	unsized  []unsized
	lengths  [129]bool // of the prefixes of IPv6 that records name

	mu    sync.Mutex
	index *index // nil when records came in since
}

// A place is an inside address in a realm: realm in the upper half, address in the lower; for IPv6 see six.
type place uint64

func (p place) addr() netip.Addr {
	var octets [4]byte
	binary.BigEndian.PutUint32(octets[:], uint32(p))
	return netip.AddrFrom4(octets)
}

// New returns an empty Book.
func New(l Limits) *Book {
	return &Book{
		limits: l.orDefault(), texts: map[string]string{}, known: map[identity]uint32{}, realms: map[string]uint32{}, spans: map[uint32][]span{},
		byKey: map[sessionKey]uint32{}, resets: map[sessionKey][]stamp{}, lastRow: map[place]uint32{},
		prefixes: map[netip.Prefix]uint32{},
	}
}

// Warnings returns the first warnings; Counts has the number of all.
func (b *Book) Warnings() []Warning { return b.warnings }

// Counts returns what was read so far.
func (b *Book) Counts() Counts {
	c := b.counts
	c.Sessions, c.Leases = len(b.sessions), len(b.leases)
	return c
}

// A source is a file that is being read.
type source struct {
	*lines.Lines
	book  *Book
	name  string
	file  uint16
	realm uint32
	opts  Options
	spans []span // by the time of reading
	reach int64  // the latest event that was read of a lease file since its last header
}

// open starts to read a file.
func (b *Book) open(r io.Reader, name string, o Options) (*source, error) {
	if len(b.files) > maxFiles {
		return nil, fmt.Errorf("%w: more than %d files", ErrTooLarge, maxFiles)
	}
	l, err := lines.New(r, lines.Limits{Bytes: b.limits.File, Ratio: b.limits.Ratio, Line: maxLine})
	if err != nil {
		return nil, readError(name, err)
	}
	realm, ok := b.realms[o.Realm]
	if !ok {
		realm = uint32(len(b.realms))
		b.realms[o.Realm] = realm
	}
	b.files = append(b.files, name)
	b.mu.Lock()
	b.index = nil
	b.mu.Unlock()
	return &source{Lines: l, book: b, name: name, file: uint16(len(b.files) - 1), realm: realm, opts: o, reach: always}, nil
}

const (
	maxFiles = 1<<16 - 1
	maxLine  = 64 << 10
)

// close ends the reading of a file and notes the time that it covers.
func (s *source) close(err error) error {
	s.book.spans[s.realm] = join(append(s.book.spans[s.realm], s.spans...))
	if err == nil && s.Err() != nil {
		err = readError(s.name, s.Err())
	}
	return err
}

func readError(name string, err error) error {
	kind := ErrRead
	switch {
	case errors.Is(err, lines.ErrTooLarge):
		kind = ErrTooLarge
	case errors.Is(err, lines.ErrFormat):
		kind = ErrFormat
	}
	return fmt.Errorf("%w: %s: %w", kind, name, err)
}

// warn notes a record that was not used as it stands. Values in the message are to be quoted.
func (s *source) warn(line int, format string, args ...any) {
	b := s.book
	b.counts.Warnings++
	if len(b.warnings) < b.limits.Warnings {
		b.warnings = append(b.warnings, Warning{File: s.name, Line: line, Msg: fmt.Sprintf(format, args...)})
	}
}

// need accounts for memory.
func (b *Book) need(bytes int) { b.used += int64(bytes) }

// full returns an error when the records need more memory than they may.
func (s *source) full() error {
	if s.book.used <= s.book.limits.Memory {
		return nil
	}
	return fmt.Errorf("%w: %s:%d: the records need more than %d MiB; read fewer files, or allow more memory", ErrTooLarge, s.name, s.Number(), s.book.limits.Memory>>20)
}

// text returns s, sharing the bytes of equal texts.
func (b *Book) text(s []byte) string {
	if t, ok := b.texts[string(s)]; ok {
		return t
	}
	t := string(s)
	b.texts[t] = t
	b.need(len(t) + costText)
	return t
}

// person returns the number of an identity.
func (b *Book) person(i identity) uint32 {
	n, ok := b.known[i]
	if !ok {
		n = uint32(len(b.people))
		b.people = append(b.people, i)
		b.known[i] = n
		b.need(costPerson)
	}
	return n
}

// What records cost in memory, with the maps and with the room that growing slices and maps leave.
const (
	costText    = 60
	costPerson  = 320
	costSession = 200
	costEvent   = 80
	costLease   = 220
	costUnread  = 260
	costSpan    = 60
	costPart    = 16
	costPrefix  = 100
)
