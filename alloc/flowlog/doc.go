// Package flowlog reads flow records, which narrow the candidates when a question has no port: who of those that share an outside
// address talked to that destination then?
//
// It reads the CSV of nfdump (-o csv of 1.6 and 1.7, with and without NAT columns, and -o csv-fast) and the lines of conntrack (-E and -L, with -o
// extended and -o timestamp), plain or compressed with gzip, and finds out which of them it is. A record is evidence that a flow lived
// between two instants. Where it leaves open how long the flow lived, or by which outside address it went, Match says Maybe and not No.
//
// Memory is constant: flows stream by.
package flowlog
