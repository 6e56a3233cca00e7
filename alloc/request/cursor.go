package request

import "strings"

// A cursor reads a short text from left to right.
type cursor struct {
	s     string
	i     int
	order DateOrder // of dates
}

func (c *cursor) end() bool { return c.i >= len(c.s) }

// at returns the byte n places ahead, or 0 behind the end.
func (c *cursor) at(n int) byte {
	if c.i+n < len(c.s) {
		return c.s[c.i+n]
	}
	return 0
}

func (c *cursor) accept(b byte) bool {
	if c.at(0) != b || c.end() {
		return false
	}
	c.i++
	return true
}

// blanks passes over blanks and reports whether there were any.
func (c *cursor) blanks() bool {
	start := c.i
	for c.at(0) == ' ' || c.at(0) == '\t' {
		c.i++
	}
	return c.i > start
}

// digits reads all digits that follow; n is right for up to 9.
func (c *cursor) digits() (n, width int) {
	for isDigit(c.at(0)) {
		if width < 9 {
			n = n*10 + int(c.at(0)-'0')
		}
		width++
		c.i++
	}
	return n, width
}

// word reads the ASCII letters that follow.
func (c *cursor) word() string {
	start := c.i
	for isLetter(c.at(0)) {
		c.i++
	}
	return c.s[start:c.i]
}

func isDigit(b byte) bool  { return '0' <= b && b <= '9' }
func isLetter(b byte) bool { return 'a' <= b|0x20 && b|0x20 <= 'z' }

// nameIndex returns the place of a name or its first three letters among names, from 1, or 0.
func nameIndex(word string, names []string) int {
	for i, name := range names {
		if len(word) >= 3 && (strings.EqualFold(word, name) || strings.EqualFold(word, name[:3])) {
			return i + 1
		}
	}
	return 0
}

var (
	monthNames = []string{"January", "February", "March", "April", "May", "June", "July", "August", "September", "October", "November", "December"}
	dayNames   = []string{"Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday"}
)
