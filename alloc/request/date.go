package request

import "fmt"

// date reads the date, if the text does not begin with a clock.
func (c *cursor) date(st *stamp) error {
	if isLetter(c.at(0)) {
		mark := c.i
		word := c.word()
		if st.weekday = nameIndex(word, dayNames); st.weekday == 0 {
			c.i = mark
			return c.monthFirst(st)
		}
		c.accept('.')
		c.accept(',')
		c.blanks()
		if isLetter(c.at(0)) {
			return c.monthFirst(st)
		}
	}
	mark := c.i
	n, width := c.digits()
	switch {
	case width <= 2 && c.at(0) == ':':
		c.i = mark // a clock alone
		return nil
	case width == 4:
		return c.yearFirst(st, n)
	case width == 8:
		st.year, st.month, st.day, st.precision = n/10000, n/100%100, n%100, toDay
		return nil
	case width == 14:
		d := cursor{s: c.s[mark : mark+8]}
		n, _ = d.digits()
		st.year, st.month, st.day, st.precision = n/10000, n/100%100, n%100, toDay
		c.i = mark + 8
		return c.hours(st, false)
	case width == 1 || width == 2:
		return c.dayFirst(st, n)
	}
	return errNoTime()
}

// yearFirst reads what follows a year: -03-01, /3/1, .03.01 or -Mar-01.
func (c *cursor) yearFirst(st *stamp, year int) error {
	sep := c.at(0)
	if sep != '-' && sep != '/' && sep != '.' {
		return errNoTime()
	}
	c.i++
	month, width := c.month()
	if width < 1 || width > 2 || !c.accept(sep) {
		return errNoTime()
	}
	day, width := c.digits()
	if width < 1 || width > 2 {
		return errNoTime()
	}
	st.year, st.month, st.day, st.precision = year, month, day, toDay
	return nil
}

// month reads a month as a number, or as a name, which counts as two digits.
func (c *cursor) month() (n, width int) {
	if !isLetter(c.at(0)) {
		return c.digits()
	}
	if n = nameIndex(c.word(), monthNames); n == 0 {
		return 0, 0
	}
	c.accept('.')
	return n, 2
}

// dayFirst reads what follows a number of one or two digits: 01/Mar/2026, 01 Mar 2026, 25/12/2026.
func (c *cursor) dayFirst(st *stamp, a int) error {
	sep := c.at(0)
	switch sep {
	case ' ':
		c.blanks()
	case '/', '-', '.':
		c.i++
	default:
		return errNoTime()
	}
	named := isLetter(c.at(0))
	b, width := c.month()
	if width < 1 || width > 2 || sep == ' ' && !named {
		return errNoTime()
	}
	if sep == ' ' {
		if !c.blanks() {
			return errNoTime()
		}
	} else if !c.accept(sep) {
		return errNoTime()
	}
	year, err := c.year()
	if err != nil {
		return err
	}
	st.year, st.month, st.day, st.precision = year, b, a, toDay
	if named {
		return nil
	}
	return c.order.dayAndMonth(st, a, b)
}

func isoDate(year, month, day int) string { return fmt.Sprintf("%04d-%02d-%02d", year, month, day) }

// year reads a year of four digits.
func (c *cursor) year() (int, error) {
	n, width := c.digits()
	switch width {
	case 4:
		return n, nil
	case 2:
		return 0, refuse(ErrTime, "the year has two digits: write all four")
	}
	return 0, errNoTime()
}

// monthFirst reads Mar 1 2026, March 1, 2026 and the order of ctime and date, Mar 1 12:34:56 UTC 2026.
func (c *cursor) monthFirst(st *stamp) error {
	if !c.monthAndDay(st) {
		return errNoTime()
	}
	k := *c
	if _, width := k.digits(); width == 0 || k.at(0) != ':' {
		if c.end() {
			return refuse(ErrTime, "there is no year: write for example 2026-03-01T12:34:56Z")
		}
		year, err := c.year()
		st.year, st.precision = year, toDay
		return err
	}
	if err := c.hours(st, false); err != nil {
		return err
	}
	if c.blanks(); c.end() {
		return refuse(ErrTime, "there is no year, as in syslog: write for example 2026-03-01T12:34:56Z")
	}
	if !isDigit(c.at(0)) {
		if err := c.zone(st); err != nil {
			return err
		}
		c.blanks()
	}
	year, err := c.year()
	st.year = year
	return err
}

// monthAndDay reads "Mar 1 ", "March 1, " or "Mar  1 ".
func (c *cursor) monthAndDay(st *stamp) bool {
	month, _ := c.month()
	blank := c.blanks()
	day, width := c.digits()
	st.month, st.day = month, day
	comma := c.accept(',')
	return month > 0 && blank && (width == 1 || width == 2) && (c.blanks() || comma || c.end())
}
