// Package ledger keeps which plan was in force when, and answers who had an outside address and port at that second.
//
// A ledger is a file of JSON lines, one record an epoch, only ever appended to. A record carries the plan in canonical form
// (once: a later record with the same plan names it by its hash), the instant from which the plan is in force, who
// recorded it and why, the hash of the record before and its own. One changed byte anywhere is found when the ledger is
// opened, and the record is named. What cannot be found by looking at the file alone is that whole records are missing at
// its end: for that, compare [Ledger.Head] with one that was noted elsewhere.
//
// # Instants
//
// The timeline is the records by the instant from which they are in force; of two with the same instant the one recorded
// later counts. The moment of a change has a width: from Epoch.From the plan may be in force, from Epoch.Settled it surely
// is. Between the two the plan before is a candidate, too.
//
// # Answers
//
// A [Question] is always about a window of time, which may be a single instant. All epochs that may have been in force in
// it are asked. There is one answer only if they agree (see [Answer]).
//
// # Crashes
//
// A record is appended with one write and made durable before Add returns. What a power loss leaves of a record, an
// incomplete last line, is passed over with a warning by readers and removed by the next writer. Anything else that is not
// as it was written is refused with a [*DamageError]. Writers exclude each other by a lock on the file.
package ledger
