// Package alloc computes who owns which ports of which outside address, for carrier-grade NAT with deterministic port
// allocation (RFC 7422), and answers both directions.
//
// A [Spec] says what is wanted: pools of subscribers and outside addresses, and a scheme. [NewPlan] checks it, resolves what
// was left open and returns an immutable [Plan]. From then on
//
//   - [Plan.Lookup] answers "which address and ports does this subscriber own?",
//   - [Plan.Trace] answers "who owns this port of this address?": exactly one subscriber, or the reason why nobody,
//   - [Plan.All] lists every share in constant memory,
//   - [Diff] says who moves from one plan to another.
//
// Where the subscribers' own routers hold the port sets (MAP-E, MAP-T, lightweight 4over6), a subscriber is an end-user IPv6 prefix. A
// [SoftwireSpec] describes such a pool; the lookups answer for it as for the others. Backends of a NAT see [Plan.Pools] only.
//
// The package is for ISP tooling that must never name the wrong subscriber. It is pure: no kernel, no files, no clock, no
// goroutines. Reading plan files is the business of package planfile.
//
// # Words
//
//	subscriber       one inside host: a realm and an inside address, or an end-user IPv6 prefix
//	realm            an inside address space; the same address in two realms is two subscribers
//	share            the port set that a plan gives a subscriber
//	L, n             the usable ports of an outside address in ascending order, and their number
//	S                ports per subscriber
//	C                sharing ratio: shares on an outside address (RFC 7422 section 2; not RFC 6269's compression ratio)
//	slot             the number of a share on its address, 0 to C-1
//	reserved, tail   ports never given to anyone; usable ports that the scheme leaves to nobody
//
// # What decides a mapping
//
// The order of the inside and outside ranges as written, the exclusions, the scheme, L, S and C, or the list of shares: exactly what the canonical
// form holds (see [Plan.AppendCanonical]), and so what the plan's SHA-256 covers. The release of this module is not part of
// it: a mapping never changes between releases.
//
// # What bites
//
//   - Without PortsPerSubscriber and SharingRatio, C follows from the number of subscribers, and a longer list moves
//     everyone. Fix one of them before a plan grows.
//   - Excluding an address moves everyone behind it: excluded addresses have no position.
//   - With Stripe, appending outside addresses moves almost everyone: the scheme goes round all of them.
//   - A port that is Dynamic needs the log of dynamic blocks to be answered; a plan alone cannot.
package alloc
