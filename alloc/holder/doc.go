// Package holder answers to whom an inside address belonged at an instant, from the records that providers have of people: RADIUS
// accounting and DHCP leases. It is kept apart from plans and from the ledger, which hold no names.
//
// A Book reads the files, in any order, and answers. It never turns a guess into a name: a session without a Stop is known
// until its last record and possible after it, a lease between its written start and end, and what two records claim is
// claimed by both. An answer with the status One is the only one with a single certain person.
//
// Nobody needs, besides free time on the address, proof that records were written then: in a detail file no more than 15 minutes may pass between two
// records of the realm, of any address, in this file or another; else the answer is Uncertain (Gap). A session that begins and ends
// in less, and whose records are all lost, is beyond what records can tell. A lease file needs no such proof between its first
// line and its last: the server that gives leases writes them first, and gives none while it is silent.
//
// Times in accounting have whole seconds and come from several clocks: ask with a tolerance of some seconds.
//
// # Memory
//
// A Book keeps what it needs of each session, not each record: of the records between the first and the last of a session that say
// the same, none. A session with Start, Interim-Updates and Stop needs some 470 bytes while reading and 640 once
// questions are asked, a lease of a client of its own 540 and 720; names cost their length once. Limits bounds the sum.
package holder
