// Package flowlog reads flow records, which narrow the candidates when a question has no port: who of those that share an outside
// address talked to that destination then?
//
// It reads the CSV of nfdump (-o csv of 1.6 and 1.7, with and without NAT columns, and -o csv-fast) and the lines of conntrack (-E and -L, with -o
// extended and -o timestamp), plain or compressed with gzip, and finds out which of them it is. A record is evidence that a flow lived
// between two instants. Where it leaves open how long the flow lived, to which port, or by which outside address it went, Match says Maybe and not No.
// What is left of a record that was cut off is no record: a row that has not the columns of its header, and a last line without its end.
//
// # Times
//
// A time in whole seconds is any instant of that second: the CSV of nfdump 1.6 and 1.7 has such times, and durations in milliseconds, and conntrack has
// delta-time, start and stop in whole seconds. conntrack stamps an event with its own clock when it gets it. That of an end
// may come minutes after the flow ran out, so that alone it proves little; together with the record of the beginning it says more: see Join.
//
// Memory is constant: flows stream by.
package flowlog
