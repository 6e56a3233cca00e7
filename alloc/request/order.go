package request

// A DateOrder says what comes first in dates of which day and month are both numbers and the year comes last: 01/03/2026,
// 01.03.2026, 01-03-2026. Nobody can see it in the date, so whoever knows the sender must say it.
type DateOrder uint8

// The orders of an input. The zero value means that none was given.
const (
	DayFirst   DateOrder = iota + 1 // 01/03/2026 is the first of March
	MonthFirst                      // 01/03/2026 is the third of January
)

// String returns "dmy", "mdy", or "none".
func (o DateOrder) String() string {
	switch o {
	case DayFirst:
		return "dmy"
	case MonthFirst:
		return "mdy"
	}
	return "none"
}

// dayAndMonth takes two numbers in the order in which they were written. Where only one order is possible, another that was
// given is refused: then it is wrong for this input, and for the dates in it that do not show it.
func (o DateOrder) dayAndMonth(st *stamp, a, b int) error {
	dayFirst, monthFirst := isMonth(b), isMonth(a)
	st.day, st.month = a, b
	switch {
	case dayFirst && monthFirst && a != b:
		switch o {
		case DayFirst:
			return nil
		case MonthFirst:
			st.day, st.month = b, a
			return nil
		}
		return refuse(ErrDayMonth, "day and month could be exchanged: write %s or %s, or give the order of dates as an option", isoDate(st.year, b, a), isoDate(st.year, a, b))
	case dayFirst && !monthFirst && o == MonthFirst:
		return refuse(ErrDayMonth, "the month was said to come first, and there is no month %d: find out how this sender writes dates", a)
	case monthFirst && !dayFirst && o == DayFirst:
		return refuse(ErrDayMonth, "the day was said to come first, and there is no month %d: find out how this sender writes dates", b)
	case b > 12:
		st.day, st.month = b, a
	}
	return nil
}

func isMonth(n int) bool { return 0 < n && n <= 12 }
