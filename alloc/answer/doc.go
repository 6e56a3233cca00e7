// Package answer answers requests from a ledger and writes the report: one row a request, answered, nobody (with the reason),
// ambiguous (with every candidate) or refused (with the reason and the line).
//
// A [Desk] answers; a [Writer] writes rows as CSV, JSON or HTML as they come, so that neither takes memory that grows with the
// number of requests. The report carries what it was made from, the head hash of the ledger and the SHA-256 of every input, and
// the time of the run, which is given: the same inputs and the same time give the same bytes.
package answer
