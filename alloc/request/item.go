package request

import (
	"net/netip"
	"slices"
	"strings"
	"time"
)

// settings are what all readers of an input share.
type settings struct {
	zone    *time.Location
	names   func(string) (*time.Location, error)
	dates   DateOrder
	ports   Ports
	charset string                    // of the text, as its mail names it
	known   map[string]*time.Location // answers of names
	stated  *Stated                   // what the input says about zones; nil where nobody asks
	arf     bool                      // the text is a feedback report (RFC 5965)
	prose   bool                      // lines without an address are no questions
	depth   int                       // how many mails this is in
}

// maxValue is the length of the longest value of a role.
const maxValue = 1 << 10

// An item collects what named fields say about one question.
type item struct {
	values [roleCount]string
	utc    [roleCount]bool // whether the name of the field said so
	named  [roleCount]bool // whether there was a field, also one without a value

	spares []spareValue // of times that count where there are no others

	local bool // whether a name said so of a time

	order DateOrder // of dates, as a name said it: "Date (DD/MM/YYYY)"

	half string // AM or PM in a field whose name says nothing of that

	service bool     // whether a field names one that has a port
	ordered bool     // whether fields stand in lines, so that a port belongs to what it follows
	besides []string // values with a clock, in fields whose names say nothing

	hosts   []stranger // that the port could be of; in lines, those since the address before
	behind  []stranger // those of them that the port stands behind, in lines
	foreign []stranger // in lines, systems that were attacked, and values under names that are not known, wherever they stand
	crowded bool       // whether there were more
	links   []string   // values in which a host may have the same port
	moments []string   // times under names that are not known
	full    bool       // whether there were more

	sourceless bool // whether there was a field for the port of the source without a value
	apart      bool // whether the port stands apart from the address, or below names of groups

	denied string // a word right above by which a port is that of somebody else whatever its name says; "" if there is none

	below string // a word of the text above by which a port could be somebody else's; "" if there is none

	flow bool // whether it is of a flow, of which both ends may be asked about

	bare, own bool // whether a port was given by a name that does not say whose, and by one that does
}

// isEmpty reports whether nothing was given.
func (it *item) isEmpty() bool { return it.values == [roleCount]string{} }

// setPort is set for names of which some do not say whose a port is.
func (it *item) setPort(r role, utc, bare bool, value string) error {
	if r == rolePort && !isNothing(strings.Trim(value, " \t\r\n")) {
		it.bare, it.own = it.bare || bare, it.own || !bare
	} else if r == rolePort {
		it.sourceless = it.sourceless || !bare
	}
	return it.set(r, utc, value)
}

// set takes the value of a role. A second value that differs is refused: which one is meant?
func (it *item) set(r role, utc bool, value string) error {
	it.named[r] = true
	if value = strings.Trim(value, " \t\r\n"); isNothing(value) {
		return nil
	}
	if len(value) > maxValue {
		return refuse(ErrUnparsable, "the value %s is longer than %d bytes", quoted(value), maxValue)
	}
	switch old := it.values[r]; {
	case old == "":
		it.values[r], it.utc[r] = value, utc
	case old != value && (r != roleProto || !sameProto(old, value)):
		return refuse(ErrUnparsable, "%s and %s are both given for the %s: keep the one that is asked for", quoted(old), quoted(value), roleNames[r])
	case it.utc[r] != utc:
		if st, err := parseStamp(value, 0); err == nil && !st.zoned && st.epoch.IsZero() {
			return refuse(ErrZone, "%s is given as UTC and as a time without a zone: keep the one that is right", quoted(value))
		}
	}
	return nil
}

// sameProto reports whether two names are of one protocol: TCP and 6.
func sameProto(a, b string) bool {
	p, err := parseProto(a)
	q, again := parseProto(b)
	return err == nil && again == nil && p == q
}

// isNothing reports whether a value is one of those that say that there is none.
func isNothing(value string) bool {
	if len(value) > 7 {
		return false
	}
	switch strings.ToLower(value) {
	case "", "-", "--", "n/a", "na", "null", "none", "nil", "unknown", `""`:
		return true
	}
	return false
}

var roleNames = [roleCount]string{
	roleAddress: "address", rolePort: "port", roleTime: "time", roleDate: "date", roleClock: "clock", roleFrom: "start", roleFromDate: "date of the start",
	roleFromClock: "clock of the start", roleTo: "end", roleToDate: "date of the end", roleToClock: "clock of the end", roleZone: "zone", roleProto: "protocol",
	roleDestination: "destination", roleDestinationPort: "port of the destination",
	roleFirstSeen: "first sight", roleLastSeen: "last sight", roleHalf: "half of the day", roleSaving: "summer time",
	roleDuration: "duration",
}

// request turns what was collected into a question.
func (it *item) request(s *settings) (r Request, err error) {
	if it.below == "" {
		it.below = s.ofPort()
	}
	e, assumed, err := it.endpoint(s.ports)
	if err != nil {
		return r, err
	}
	r.Outside, r.Port, r.HasPort, r.Assumed = e.addr, e.port, e.hasPort, assumed
	if r.Proto, err = parseProto(it.values[roleProto]); err != nil {
		return r, err
	}
	if r.Destination, err = parseDestination(it.values[roleDestination], it.values[roleDestinationPort]); err != nil {
		return r, err
	}
	if r.Proto == "icmp" && r.Destination.IsValid() { // nfdump has type and code there
		r.Destination = netip.AddrPortFrom(r.Destination.Addr(), 0)
	}
	if err = it.useSpares(s); err == nil {
		r.From, r.To, err = it.times(s)
	}
	r.Packet = err == nil && it.flow
	return r, err
}

// endpoint returns the address and the port, and whether nothing names the port.
func (it *item) endpoint(ports Ports) (e endpoint, assumed bool, err error) {
	text, port := it.values[roleAddress], it.values[rolePort]
	if text == "" {
		return e, false, refuse(ErrAddress, "there is no address: want a field such as ip")
	}
	if e, err = parseEndpoint(text); err != nil {
		return e, false, err
	}
	if port == "" || port == "0" && strings.EqualFold(it.values[roleProto], "icmp") {
		return e, false, nil
	}
	n, err := parsePort(port)
	switch {
	case err != nil:
	case e.hasPort && e.port != n:
		err = refuse(ErrPort, "%s and the port %d contradict each other: keep the one that is asked for", quoted(text), n)
	case !e.hasPort && it.denied != "":
		err = about("port", port, errStrange(ErrPort, it.denied))
	case !e.hasPort && it.bare && !it.own:
		assumed, err = true, about("port", port, it.bareError(e.addr, n, ports))
	}
	e.port, e.hasPort = n, true
	return e, assumed, err
}

// bareError says why a port that nothing names is not taken for that of an address; nil where it is.
func (it *item) bareError(addr netip.Addr, port uint16, ports Ports) error {
	switch {
	case it.sourceless:
		return refuse(ErrPort, "the port of the source is named and has no value, and this one would be another: name it source port or destination port")
	case ports == PortsNamed:
		return errBare(ErrPort)
	case ports == PortsSource:
		return nil
	case it.isAnyones(port):
		return errAnothers(ErrPort, "there is a destination and this could be the port of that")
	case it.below != "":
		return errStrange(ErrPort, it.below)
	case it.isOthers(addr, port):
		return errAnothers(ErrPort, "something else stands beside it, such as another address, a system that was attacked, a service, or a field that is not known, and this could be the port of that")
	}
	return nil
}

// isAnyones reports whether a port could be that of the destination as well: nothing says whose it is, and there is no other
// for the destination.
func (it *item) isAnyones(port uint16) bool {
	if !it.named[roleDestination] || it.named[roleDestinationPort] {
		return false
	}
	e, err := parseEndpoint(it.values[roleDestination])
	return err != nil || !e.hasPort || e.port == port
}

// times reads the instant or interval.
func (it *item) times(s *settings) (from, to time.Time, err error) {
	var zone *time.Location
	dates := s.dates
	if it.order != 0 {
		dates = it.order
	}
	if text := it.values[roleZone]; text != "" {
		if zone, err = s.parseZone(text); err != nil {
			return from, to, err
		}
	}
	point, err := it.moment(roleTime, zone, dates)
	if err != nil {
		return from, to, err
	}
	start, err := it.moment(roleFrom, zone, dates)
	if err != nil {
		return from, to, err
	}
	end, err := it.moment(roleTo, zone, dates)
	if err != nil {
		return from, to, err
	}
	if it.local && slices.Contains(it.utc[:], true) {
		return from, to, about("time", it.timeText(), refuse(ErrZone, "one name says UTC and another one local time: keep the one that is right"))
	}
	if it.local && start != nil && end != nil && start.zoned != end.zoned {
		return from, to, about("time", it.timeText(), refuse(ErrZone, "one end of the interval is local time by its name, and the other has a zone: write both in one"))
	}
	if err = it.ownsClocks(point, start, end); err == nil {
		err = it.halves(point, start, end)
	}
	if err != nil {
		return from, to, about("time", it.timeText(), err)
	}
	read := func(zone *time.Location) (from, to time.Time, err error) {
		if from, to, err = it.place(point, start, end, zone, dates); err == nil {
			err = it.agreesWithSaving(from, to, zone, point, start, end)
		}
		if err == nil && point != nil {
			err = it.agreesWithUTC(from, to, dates)
		}
		return from, to, err
	}
	if zone != nil {
		from, to, err = read(zone)
	} else {
		from, to, err = s.placed(read)
	}
	if err == nil {
		err = it.ownsMoments(from, to, point, start, end)
	}
	return from, to, about("time", it.timeText(), err)
}

// place returns the point, or the interval from start to end, in a zone.
func (it *item) place(point, start, end *stamp, zone *time.Location, order DateOrder) (from, to time.Time, err error) {
	switch {
	case point != nil && (start != nil || end != nil):
		err = refuse(ErrTime, "there are a time and an interval: keep the one that is asked for")
	case end != nil && start == nil:
		err = refuse(ErrTime, "the interval has an end and no start")
	case end == nil && start != nil && it.values[roleDuration] != "":
		from, to, err = start.lasting(it.values[roleDuration], zone)
	case end == nil && start != nil:
		err = refuse(ErrTime, "the interval has a start and no end: repeat the start if one instant is meant")
	case end != nil:
		from, to, err = between(*start, *end, zone)
	case point != nil:
		if from, to, err = point.resolve(zone); err == nil {
			err = it.seen(point, zone, order)
		}
	default:
		err = refuse(ErrTime, "there is no time: want a field such as time")
	}
	return from, to, err
}

// lasting returns the time of a flow that began at a stamp.
func (st *stamp) lasting(text string, zone *time.Location) (from, to time.Time, err error) {
	d, unit, err := duration(text)
	if err != nil {
		return from, to, err
	}
	if from, to, err = st.resolve(zone); err == nil && d > 0 {
		to = to.Add(d + max(unit, st.unit)) // it may have begun as late as that
	}
	return from, to, err
}

// seen refuses a point that lies outside of the times between which a report says that the event was seen.
func (it *item) seen(point *stamp, zone *time.Location, order DateOrder) error {
	from, to, err := point.whole(zone)
	for r := roleFirstSeen; err == nil && r <= roleLastSeen; r++ {
		text := it.values[r]
		if text == "" {
			continue
		}
		st, bad := parseStamp(text, order)
		var first, end time.Time
		if bad == nil {
			first, end, bad = st.whole(zone)
		}
		switch {
		case bad != nil:
			err = about(roleNames[r], text, bad)
		case r == roleFirstSeen && !to.After(first), r == roleLastSeen && !from.Before(end):
			err = refuse(ErrTime, "it lies outside of the times of first_seen and last_seen in the same report, and may be when that was written: ask which is meant")
		}
	}
	return err
}

// whole returns all that a stamp may mean, as [from, to).
func (st *stamp) whole(zone *time.Location) (from, to time.Time, err error) {
	if from, to, err = st.resolve(zone); err == nil && to.Equal(from) {
		to = to.Add(max(st.unit, 1))
	}
	return from, to, err
}

// moment reads the time whose whole form has role r; date and clock are the roles behind it. It returns nil when none of
// them is given. A zone that the time has must agree with the one beside it.
func (it *item) moment(r role, zone *time.Location, order DateOrder) (*stamp, error) {
	text, date, clock := it.values[r], it.values[r+1], it.values[r+2]
	switch {
	case text != "" && (date != "" || clock != ""):
		return nil, refuse(ErrTime, "%s and %s both say when: keep the one that is asked for", quoted(text), quoted(date+clock))
	case date != "" && clock != "":
		text = date + " " + clock
	case text == "":
		text = date + clock
	}
	if text == "" {
		return nil, nil //nolint:nilnil // none is given
	}
	st, err := parseStamp(text, order)
	if err == nil && st.epoch.IsZero() {
		// Only fields that are given have set utc.
		err = st.beside(it.utc[r] || it.utc[r+1] || it.utc[r+2], zone)
	}
	return &st, about("time", text, err)
}

// beside applies what the name of a field and a field for the zone say.
func (st *stamp) beside(utc bool, zone *time.Location) error {
	if utc {
		if st.zoned && st.offset != 0 {
			return refuse(ErrZone, "the name of the column says UTC, and the time another zone")
		}
		st.zoned = true
	}
	if st.zoned && zone != nil {
		return st.agree(zone)
	}
	return nil
}

// agree refuses a zone beside a time that has another itself.
func (st *stamp) agree(zone *time.Location) error {
	if st.year == 0 {
		return nil
	}
	at := st.wall().Add(-time.Duration(st.offset) * time.Second)
	if _, offset := at.In(zone).Zone(); offset != st.offset {
		return refuse(ErrZone, "the time has a zone of its own, and the one beside it is another: keep the one that is right")
	}
	return nil
}

// timeText returns all that was given about the time.
func (it *item) timeText() string {
	var parts []string
	for r := roleTime; r < roleZone; r++ {
		if it.values[r] != "" {
			parts = append(parts, it.values[r])
		}
	}
	return strings.Join(parts, " ")
}
