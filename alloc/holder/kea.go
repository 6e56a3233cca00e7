package holder

import (
	"bytes"
	"cmp"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"net/netip"
	"strconv"
	"strings"
	"unicode/utf8"
)

// ReadLeases reads a lease file of Kea's memfile backend, kea-leases4.csv of DHCPv4, kea-leases6.csv of DHCPv6 (addresses and delegated prefixes) or a
// copy that lease file cleanup (LFC) made of one, plain or compressed with gzip. name is for messages. The lines of one address are its history: a lease is certain from expire less valid_lifetime, when it
// was given or renewed, until expire, and renewals by the same client extend it. Cleanup leaves only the newest line of an
// address, so a file tells nothing of the time before its first line of that address, and nothing of the time behind Options.Until: there a lease is
// only possible, and somebody can have had an address that was free (FileEnds), unless another file has the address by then. A line with the names of
// the columns begins another file, as when files were put behind each other. Lines may come twice and in any order across files. A line that cannot be
// used becomes a Warning, and makes its address uncertain; an error wraps ErrRead, ErrFormat or ErrTooLarge, and what was read until then stays.
//
// A lifetime of 0 means that the lease was released or removed. Kea writes it with the time of the last renewal, not of
// the release: from then on the lease is only possible, until it would have expired or the address is given again.
func (b *Book) ReadLeases(r io.Reader, name string, o Options) error {
	s, err := b.open(r, name, o)
	if err != nil {
		return err
	}
	err = s.rows()
	if err == nil && s.Err() == nil && !o.Until.IsZero() {
		s.reach = max(s.reach, o.Until.Unix())
	}
	s.endPart()
	return s.close(err)
}

// The columns that are used.
const (
	leaseAddress = iota
	hardware
	client
	lifetime
	expire
	leaseState
	hostname
	userContext
	leaseType // of DHCPv6
	prefixLen
	columns
)

var columnNames = [columns]string{"address", "hwaddr", "client_id", "valid_lifetime", "expire", "state", "hostname", "user_context", "lease_type", "prefix_len"}

// A table knows in which column what stands; -1 where it does not.
type table struct {
	at     [columns]int
	names  int // columns in the header
	six    bool
	fields [][]byte
}

// torn reports whether the line that was split has fewer or more columns than it should have.
func (t *table) torn(tooLong bool) bool { return len(t.fields) != t.names && !tooLong }

func (s *source) rows() error {
	var t *table
	for s.Next() {
		line := s.Line()
		if len(bytes.TrimSpace(line)) == 0 {
			continue
		}
		if t == nil || bytes.HasPrefix(line, []byte("address,")) {
			var err error
			if t, err = newTable(string(line)); err != nil {
				return fmt.Errorf("%w: %s:%d: %w", ErrFormat, s.name, s.Number(), err)
			}
			s.endPart()
			continue
		}
		s.book.counts.Records++
		s.row(t, line)
		if err := s.full(); err != nil {
			return err
		}
	}
	return nil
}

// endPart notes how far the lines since the last header reach. Without any there is nothing to note.
func (s *source) endPart() {
	if s.reach != always {
		s.book.parts = append(s.book.parts, s.reach)
		s.book.need(costPart)
	}
	s.reach = always
}

func newTable(header string) (*table, error) {
	t := &table{names: strings.Count(header, ",") + 1}
	for i := range t.at {
		t.at[i] = -1
	}
	for i, name := range strings.Split(header, ",") {
		if strings.TrimSpace(name) == "duid" && t.at[client] < 0 { // whose lease it is in DHCPv6
			t.six, t.at[client] = true, i
		}
		for c, want := range columnNames {
			if strings.TrimSpace(name) == want && t.at[c] < 0 {
				t.at[c] = i
			}
		}
	}
	wanted := []int{leaseAddress, hardware, lifetime, expire, leaseState}
	if t.six {
		wanted = []int{leaseAddress, lifetime, expire, leaseState, leaseType, prefixLen}
	}
	for _, c := range wanted {
		if t.at[c] < 0 {
			return nil, fmt.Errorf("the first line names no column %s: this is no lease file of Kea", columnNames[c])
		}
	}
	return t, nil
}

// cell returns a column of the line that was split.
func (t *table) cell(c int) []byte {
	if t.at[c] < 0 || t.at[c] >= len(t.fields) {
		return nil
	}
	return t.fields[t.at[c]]
}

// row takes one line into the book. Of a line that is rejected the time counts where all its numbers are those of a lease.
func (s *source) row(t *table, line []byte) {
	t.fields = t.fields[:0]
	for field := range bytes.SplitSeq(line, []byte(",")) {
		t.fields = append(t.fields, field)
	}
	where, addr, unreadable := s.where(t)
	if unreadable != "" && !addr.IsValid() {
		s.reject(s.Number(), true, unreadable)
		return
	}
	if s.TooLong() {
		t.fields = t.fields[:len(t.fields)-1] // its rest is missing
	}
	who, problem := s.client(t)
	l, bad := s.lease(t, who)
	if bad = cmp.Or(unreadable, tooLong(s.TooLong()), bad); bad != "" {
		s.rejectRow(t, where, addr, l.from, who, bad)
		return
	}
	if problem != "" {
		s.warn(s.Number(), "%s", problem)
	}
	if l.kind == 0 {
		s.book.counts.Ignored++
		return
	}
	l.where, l.line, l.file, l.who = where, uint32(s.Number()), s.file, s.book.person(who)
	l.part = uint32(len(s.book.parts))
	s.reach = max(s.reach, l.until)
	s.book.addLease(l)
}

// rejectRow keeps of a line what makes its address uncertain, or where only addr is valid the prefixes that hold that. A line with fewer or more columns than it
// should have may be two.
func (s *source) rejectRow(t *table, where place, addr netip.Addr, from int64, who identity, bad string) {
	torn := t.torn(s.TooLong())
	if torn {
		who = identity{}
	}
	if t.at[leaseAddress] < len(t.fields)-1 || !torn { // else nothing ends the address, which may go on
		u := unread{where: where, at: stamp{always, never}, from: open, who: s.book.person(who), line: uint32(s.Number()), file: s.file}
		if from > 0 && !s.TooLong() && !torn {
			u.at, u.from = stamp{from, from}, from
		}
		if addr.IsValid() {
			u.where = 0
			s.book.addUnsized(unsized{u, s.realm, addr})
		} else {
			s.book.addUnread(u)
		}
	}
	s.reject(s.Number(), torn || addr.IsValid(), bad) // where the length is wrong, the address may be, too
}

func tooLong(long bool) string {
	if long {
		return fmt.Sprintf("the line is longer than %d bytes", maxLine)
	}
	return ""
}

// lease reads the numbers of a line. A lease without a kind is of no client; bad says why the line cannot be used.
func (s *source) lease(t *table, who identity) (l lease, bad string) {
	valid, err1 := strconv.ParseUint(string(t.cell(lifetime)), 10, 32)
	until, ok := epoch(string(t.cell(expire)))
	state, err2 := strconv.ParseUint(string(t.cell(leaseState)), 10, 32)
	const notNumbers = "valid_lifetime, expire and state are not the numbers of a lease"
	if err1 != nil || !ok || until < int64(valid) {
		return l, notNumbers
	}
	l = lease{from: until - int64(valid), to: until}
	l.last, l.until = l.from, l.from
	const infinite = 1<<32 - 1
	if valid == infinite {
		l.to = never
	}
	switch {
	case err2 != nil || state > registered:
		return l, notNumbers
	case state == 1:
		l.kind = declined
	case state == registered:
	case who == identity{host: who.host}:
		return l, "neither hwaddr nor client_id or duid says whose lease it is"
	case valid == 0 || state == 3:
		l.kind = released
	default:
		l.kind = held
	}
	if state == reclaimed && l.to != never { // which Kea writes when the lease has run out
		l.until = l.to
	}
	return l, ""
}

// States of a lease: it ran out and Kea has noticed; a client chose the address itself, in DHCPv6.
const (
	reclaimed  = 2
	registered = 4
)

// client returns whose lease a line is.
func (s *source) client(t *table) (who identity, problem string) {
	var cells [columns][]byte
	for _, c := range []int{hardware, client, hostname} {
		if cells[c] = t.cell(c); len(cells[c]) > 4*maxValue {
			cells[c], problem = nil, columnNames[c]+" is longer than any that a client can send, and is left out"
		}
	}
	b := s.book
	who.mac = b.text([]byte(macAddress(string(cells[hardware]))))
	who.client = b.text(bytes.ToLower(cells[client]))
	who.host = b.text(unescape(cells[hostname]))
	marker, find := "relay-agent-info", relayCircuit
	if t.six {
		marker, find = "relay", relayLine
	}
	if context := t.cell(userContext); bytes.Contains(context, []byte(marker)) {
		circuit, ok := find(unescape(context))
		if !ok {
			return who, "user_context cannot be read, and the circuit id is left out"
		}
		who.circuit = b.text(printable(circuit))
	}
	return who, problem
}

// unescape undoes Kea's escapes in CSV: "&#x" and two hexadecimal digits.
func unescape(s []byte) []byte {
	if !bytes.Contains(s, []byte("&#x")) {
		return s
	}
	out := make([]byte, 0, len(s))
	for len(s) > 0 {
		var one [1]byte
		if bytes.HasPrefix(s, []byte("&#x")) && len(s) >= 5 {
			if _, err := hex.Decode(one[:], s[3:5]); err == nil {
				out, s = append(out, one[0]), s[5:]
				continue
			}
		}
		out, s = append(out, s[0]), s[1:]
	}
	return out
}

// relayCircuit finds the circuit id in a user context: sub-option 1 of option 82 (RFC 3046). Kea stores the option as hexadecimal digits,
// older versions directly under relay-agent-info.
func relayCircuit(context []byte) ([]byte, bool) {
	var c struct {
		ISC struct {
			Relay json.RawMessage `json:"relay-agent-info"`
		}
	}
	if json.Unmarshal(context, &c) != nil {
		return nil, false
	}
	var digits string
	var inner struct {
		Sub string `json:"sub-options"`
	}
	if json.Unmarshal(c.ISC.Relay, &digits) != nil {
		if json.Unmarshal(c.ISC.Relay, &inner) != nil {
			return nil, false
		}
		digits = inner.Sub
	}
	option, err := hex.DecodeString(strings.TrimPrefix(digits, "0x"))
	if err != nil {
		return nil, false
	}
	for len(option) >= 2 {
		kind, n := option[0], int(option[1])
		if len(option) < 2+n {
			return nil, false
		}
		if kind == 1 {
			return option[2 : 2+n], true
		}
		option = option[2+n:]
	}
	return nil, len(option) == 0
}

// printable returns a circuit id that people can read as it is, and any other as 0x and hexadecimal digits.
func printable(s []byte) []byte {
	for rest := s; len(rest) > 0; {
		r, n := utf8.DecodeRune(rest)
		if r < ' ' || r > '~' {
			return append([]byte("0x"), hex.EncodeToString(s)...)
		}
		rest = rest[n:]
	}
	return s
}
