// Package holder answers to whom an inside address, or an end-user prefix of IPv6, belonged at an instant, from the records that providers have of
// people: RADIUS accounting (IPv4 alone) and leases of DHCP. It is kept apart from plans and from the ledger, which hold no names.
//
// A Book reads the files, in any order, and answers. It never turns a guess into a name: a session without a Stop is known
// until its last record and possible after it, a lease between its written start and end, and what two records claim is
// claimed by both. An answer with the status One is the only one with a single certain person.
//
// # What certain means
//
// Certain is what follows from the records that were read, if each says what happened. A record that was rejected makes nothing
// certain, and its address uncertain (Unread) from its time, or where it does not say when its person began from the certain end of the stay
// before, until the next certain stay on that address begins; where its time cannot be read, always. The person is a candidate where the record names one.
// Of a rejected lease of DHCPv6 the address may be known and the prefix length not: all that begins with that address, or holds it, is uncertain then.
// A rejected record whose address cannot be read, or of which a line cannot be read at all, can be about any address of its realm: no answer knows
// of it. Counts.Unplaced is the exact number of these, whatever Limits.Warnings is. While it is 0, every record that
// is not Ignored has its part in the answers; else say with each answer how many were not understood: One and Nobody hold only if none of them
// is about that address then.
//
// Nobody needs, besides free time on the address, proof that records were written then: in a detail file no more than 15 minutes may pass between two
// records of the realm, of any address, in this file or another; else the answer is Uncertain (Gap). A session that begins and ends
// in less, and whose records are all lost, is beyond what records can tell. A lease file needs no such proof from its first
// line of an address until its latest event, or until Options.Until: the server that gives leases writes them first. Behind that, and before the first line of
// the address in another file, the answer is Uncertain (FileEnds) with the leases that may have gone on.
//
// Times in accounting have whole seconds and come from several clocks: ask with a tolerance of some seconds.
//
// # Memory
//
// A Book keeps what it needs of each session, not each record: of the records between the first and the last of a session that say
// the same, none. A session with Start, Interim-Updates and Stop needs some 470 bytes while reading and 640 once
// questions are asked, a lease of a client of its own 540 and 720, and 100 more for each prefix of IPv6, a rejected record 260, and 260 more for each length of prefixes where its own is not known; names cost their length once.
// Limits bounds the sum.
package holder
