package gate

import "slices"

// A crowd is connections by whose they are, the oldest first.
type crowd struct {
	by map[string][]*Conn
	n  int
}

func (c *crowd) of(who string) int { return len(c.by[who]) }

func (c *crowd) add(who string, conn *Conn) {
	if c.by == nil {
		c.by = map[string][]*Conn{}
	}
	c.by[who] = append(c.by[who], conn)
	c.n++
}

func (c *crowd) remove(who string, conn *Conn) {
	at := slices.Index(c.by[who], conn)
	if at < 0 {
		return
	}
	c.n--
	if c.by[who] = slices.Delete(c.by[who], at, at+1); len(c.by[who]) == 0 {
		delete(c.by, who)
	}
}

// largest returns who has most, "" where there is nobody.
func (c *crowd) largest() (who string) {
	for other, all := range c.by {
		if len(all) > len(c.by[who]) {
			who = other
		}
	}
	return who
}

// neediest returns who of the crowd has the fewest connections in another one. Of several it is any.
func (c *crowd) neediest(in *crowd) (who string, ok bool) {
	for other := range c.by {
		if !ok || in.of(other) < in.of(who) {
			who, ok = other, true
		}
	}
	return who, ok
}

// idle returns the connection that has not been served for longest, of who or, with "", of all; nil where all of them are being served.
func (c *crowd) idle(who string) (found *Conn) {
	for other, all := range c.by {
		for _, conn := range all {
			if (who == "" || other == who) && !conn.busy && (found == nil || conn.since.Before(found.since)) {
				found = conn
			}
		}
	}
	return found
}
