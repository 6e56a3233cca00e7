package rulefile

import (
	"slices"
	"strings"
)

// A holdsColumn says of each row whether it holds, or when. In a table, rows hold.
type holdsColumn struct {
	at    int
	name  string
	means []string // what it may say, besides nothing
}

// holdsNames are the columns of that kind, without what stands between words: end_date, "End date" and endDate are one.
var holdsNames = func() map[string][]string {
	m := map[string][]string{}
	for _, name := range []string{"status", "state", "enabled", "active", "isactive", "isenabled", "enable", "inuse", "valid", "isvalid"} {
		m[name] = []string{"active", "enabled", "yes", "true", "1"}
	}
	for _, name := range []string{"disabled", "inactive", "deleted", "isdisabled", "isdeleted", "disable", "suspended", "blocked", "expired", "removed", "terminated", "cancelled", "canceled"} {
		m[name] = []string{"no", "false", "0"}
	}
	for _, name := range []string{"action", "ruleaction", "verdict", "operation"} { // what becomes of the subscriber
		m[name] = []string{"snat", "src-nat", "nat", "translate"}
	}
	whens := []string{"", "at", "on", "date", "time", "datetime", "timestamp", "ts", "utc"}
	for _, stem := range []string{"from", "until", "to", "since", "start", "end", "starts", "ends", "started", "ended", "begin", "begins", "stop", "stopped", "validfrom", "validuntil", "validto", "validthrough",
		"expires", "expire", "expired", "expiry", "expiration", "removed", "removal", "deleted", "deletion", "disabled", "deactivated", "deactivation", "suspended", "terminated", "termination",
		"cancelled", "canceled", "closed", "released", "retired", "revoked", "effective", "effectivefrom", "effectiveto", "effectiveuntil", "leasestart", "leaseend"} {
		for _, when := range whens {
			for _, name := range []string{stem + when, when + stem} {
				if _, ok := m[name]; !ok {
					m[name] = nil
				}
			}
		}
	}
	return m
}()

// holdsName returns the name under which a column stands there.
func holdsName(column string) string {
	return strings.NewReplacer(" ", "", "-", "", "_", "", ".", "", "/", "").Replace(strings.ToLower(strings.TrimSpace(column)))
}

// check refuses a row that does not hold always.
func (c *columns) check(fields []string) *LineError {
	for _, h := range c.holds {
		text := strings.TrimSpace(fields[h.at])
		if text != "" && !slices.Contains(h.means, strings.ToLower(text)) {
			return bad(ErrSyntax, "column %s says %q, and the rows of a table hold always", h.name, printable(text)).
				hint("take the rows out that do not hold at the time in question, and then the column")
		}
	}
	return nil
}

// protocols returns the protocols for which a row holds.
func (c *columns) protocols(fields []string) (protoMask, *LineError) {
	if c.proto < 0 {
		return ported, nil
	}
	text := strings.TrimSpace(fields[c.proto])
	if text == "" || text == "*" {
		return ported, nil
	}
	mask := protoMask(0)
	for one := range strings.FieldsFuncSeq(text, func(r rune) bool { return strings.ContainsRune(",;/+&| ", r) }) {
		m, ok := protoOf([]byte(one))
		if strings.EqualFold(one, "both") {
			m, ok = tcp|udp, true
		}
		if m &= ported; !ok || m == 0 {
			return 0, bad(ErrSyntax, "%q are no protocols of shares: want tcp, udp, icmp or all", printable(text))
		}
		mask |= m
	}
	if mask == 0 {
		return 0, bad(ErrSyntax, "%q are no protocols of shares: want tcp, udp, icmp or all", printable(text))
	}
	return mask, nil
}

// Unread returns the names of the columns of a table of CSV that are not read, in their order, printable. Other formats have none.
func (t *Table) Unread() []string { return slices.Clone(t.unread) }
