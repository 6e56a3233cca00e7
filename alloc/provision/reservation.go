package provision

import (
	"encoding/csv"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net/netip"
	"slices"
	"strings"

	"github.com/cgnkit/cgnkit/alloc"
)

// ErrReservation is wrapped by errors about reservations.
var ErrReservation = errors.New("invalid reservation")

// A Reservation says which router has which end-user prefix, or which B4 address.
type Reservation struct {
	DUID   string       // the router's DUID (RFC 8415 section 11): its 3 to 128 octets
	Prefix netip.Prefix // that of the subscriber in the plan
}

// MaxReservations is how many reservations a list may have.
const MaxReservations = 1 << 20

// ReadReservations reads a list of reservations, CSV with the columns duid and end-user-prefix, which stand in this order or are named
// by the first line; further columns that it names are left out. A DUID is hexadecimal, with or without colons. '#' begins a comment. Who
// stands twice and what the plan says is for Kea6. The error wraps ErrReservation and names the line, or is one of reading.
func ReadReservations(r io.Reader) ([]Reservation, error) {
	most := &io.LimitedReader{R: r, N: 1 << 28}
	in := csv.NewReader(most)
	in.Comment, in.TrimLeadingSpace, in.ReuseRecord = '#', true, true
	duid, prefix := 0, 1
	var list []Reservation
	for first := true; ; first = false {
		row, err := in.Read()
		var bad *csv.ParseError
		switch {
		case most.N == 0:
			return nil, fmt.Errorf("%w: the list is longer than 256 MiB", ErrReservation)
		case errors.Is(err, io.EOF) && len(list) == 0:
			return nil, fmt.Errorf("%w: the list has none", ErrReservation)
		case errors.Is(err, io.EOF):
			return list, nil
		case errors.As(err, &bad):
			return nil, fmt.Errorf("%w: line %d: %w", ErrReservation, bad.Line, bad.Err)
		case err != nil:
			return nil, err
		}
		if first {
			row[0] = strings.TrimPrefix(row[0], "\ufeff")
			if d, p := slices.Index(row, "duid"), slices.Index(row, "end-user-prefix"); d >= 0 && p >= 0 {
				duid, prefix = d, p
				continue
			}
			if len(row) != 2 {
				return nil, fmt.Errorf("%w: the first line names no columns duid and end-user-prefix, and has %d instead of 2", ErrReservation, len(row))
			}
		}
		one, err := parseReservation(row[duid], row[prefix])
		if line, _ := in.FieldPos(0); err != nil {
			return nil, fmt.Errorf("%w: line %d: %w", ErrReservation, line, err)
		}
		if len(list) == MaxReservations {
			return nil, fmt.Errorf("%w: the list has more than %d", ErrReservation, MaxReservations)
		}
		list = append(list, one)
	}
}

func parseReservation(duid, prefix string) (Reservation, error) {
	const most = 64 // of a text that is shown
	octets, err := hex.DecodeString(strings.ReplaceAll(strings.TrimSpace(duid), ":", ""))
	if err != nil || !isDUID(string(octets)) {
		return Reservation{}, fmt.Errorf("%.*q is no DUID: want 3 to 128 octets in hexadecimal, such as 00:03:00:01:02:00:00:00:00:07", most, duid)
	}
	text := strings.TrimSpace(prefix)
	p, err := netip.ParsePrefix(text)
	if err != nil {
		a, bad := netip.ParseAddr(text)
		if p, err = netip.PrefixFrom(a, 128), bad; a.Zone() != "" {
			p = netip.Prefix{}
		}
	}
	if err != nil || !p.IsValid() || !p.Addr().Is6() || p.Addr().Is4In6() || p != p.Masked() {
		return Reservation{}, fmt.Errorf("%.*q is no IPv6 prefix, such as 2001:db8:12:3400::/56, and no address", most, prefix)
	}
	return Reservation{string(octets), p}, nil
}

func isDUID(octets string) bool { return len(octets) >= 3 && len(octets) <= 128 }

// text returns the DUID as Kea reads it.
func (r Reservation) text() string {
	return strings.TrimSuffix(strings.ReplaceAll(fmt.Sprintf("% x", r.DUID), " ", ":"), ":")
}

// reserve returns the allocations of reservations, by pool. realms are those in which the prefixes are looked for.
func reserve(plan *alloc.Plan, list []Reservation, served map[string]Kea6Pool) (map[string][]reserved, error) {
	out := map[string][]reserved{}
	routers, prefixes := map[string]bool{}, map[netip.Prefix]bool{}
	for _, r := range list {
		switch {
		case !isDUID(r.DUID):
			return nil, fmt.Errorf("%w of %v: a DUID of %d octets", ErrReservation, r.Prefix, len(r.DUID))
		case routers[r.DUID]:
			return nil, fmt.Errorf("%w of %v: the router %s has another", ErrReservation, r.Prefix, r.text())
		case prefixes[r.Prefix]:
			return nil, fmt.Errorf("%w of %v: two routers have it", ErrReservation, r.Prefix)
		}
		routers[r.DUID], prefixes[r.Prefix] = true, true
		a, err := reservedFor(plan, r.Prefix, served)
		if err != nil {
			return nil, err
		}
		out[a.Pool().Name()] = append(out[a.Pool().Name()], reserved{r, a})
	}
	return out, nil
}

// A reserved is what a router has.
type reserved struct {
	Reservation
	a alloc.Allocation
}

func reservedFor(plan *alloc.Plan, prefix netip.Prefix, served map[string]Kea6Pool) (found alloc.Allocation, err error) {
	elsewhere := ""
	for _, realm := range plan.SoftwireRealms() {
		a, err := plan.Lookup(alloc.Subscriber{Realm: realm, Prefix: prefix})
		if err != nil || a.Subscriber().Prefix != prefix {
			continue
		}
		if _, ok := served[a.Pool().Name()]; !ok {
			elsewhere = a.Pool().Name()
			continue
		}
		if found.Pool() != nil {
			return found, fmt.Errorf("%w of %v: pools %q and %q have it, each in its realm: write a list and a configuration for each", ErrReservation, prefix, found.Pool().Name(), a.Pool().Name())
		}
		found = a
	}
	switch {
	case found.Pool() != nil:
		return found, nil
	case elsewhere != "":
		return found, fmt.Errorf("%w of %v: its pool %q is on no interface", ErrReservation, prefix, elsewhere)
	}
	return found, fmt.Errorf("%w of %v: no subscriber of the plan has just this prefix", ErrReservation, prefix)
}
