// Package gate bounds who is connected to a listener, so that nobody locks others out.
//
// A connection begins as a guest: it has shown nothing yet. Its source is a host or, on the machine itself, a user. Guests have few places, each source has fewer, and who stays a guest too
// long is thrown out. Who shows whose connection it is, by Enter, leaves the guests and takes a place among the known, where each
// caller has a bound, too, and connections on which nothing is being served give way. Others wait, outside of what serves; those of the
// source that has the fewest places go in first, and of one source the newest, because the old ones have waited for an answer too long.
package gate
