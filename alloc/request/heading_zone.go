package request

import (
	"errors"
	"time"
)

// saysUTC reports whether names of columns say that the one time of a row is UTC: "IP address   Port   Time (UTC)".
func (n *names) saysUTC() bool {
	utc := false
	for _, c := range n.of {
		switch p := newPair(c.text); {
		case p.role == roleZone, roleFrom <= p.role && p.role <= roleToClock, isTimeRole(p.role) && n.count(p.role) > 1, p.note != "" && !p.utc:
			return false
		default:
			utc = utc || p.utc
		}
	}
	return utc && (n.count(roleTime) == 0 || n.count(roleDate)+n.count(roleClock) == 0)
}

// zonedTimes is times for words of a row below a heading, which may say the zone of a time that has none.
func (p *plainParser) zonedTimes(w *words, words []string) (from, to time.Time, err error) {
	from, to, err = p.times(words)
	if !p.utc || !errors.Is(err, ErrNoZone) {
		return from, to, err
	}
	if p.judge(w); !p.utc || p.heading.names.of != nil || p.over.mayName(p.row, w) {
		return from, to, err // it stands above other rows
	}
	s := *p.settings
	s.zone = time.UTC
	below := plainParser{settings: &s}
	return below.times(words)
}
