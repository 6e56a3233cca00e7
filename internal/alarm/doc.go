// Package alarm says when somebody is about to run out of ports: a pool, an outside address or a subscriber.
//
// A [Monitor] is told how much is used, in rounds: each [Round] is one look at everything. Who reaches the raise threshold raises
// an alarm; who has been at or below the clear threshold for the hold time, without a break, clears it. Whoever
// comes and goes in between is counted, not reported: a flapping subscriber gives one raise, a number and one clear.
//
//	used / size
//	raise ----------x-----x------x--------------------------
//	               / \   / \    / \
//	clear --------/---\-/---\--/---\------------------------
//	              |    '     '      |<---- hold ---->|
//	              raised                             cleared, suppressed 2
//
// Memory is bounded: only who has an alarm is remembered, and at most [Config.Limit] of each level. One that finds no room is
// counted as missed. The package is pure: no clock, no goroutines; it is for one goroutine at a time.
package alarm
