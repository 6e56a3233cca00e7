// Package portset computes port sets: the ports that one subscriber owns on one outside address.
//
// It is for programs that share IPv4 addresses: carrier-grade NAT (RFC 7422), MAP-E, MAP-T and lightweight 4over6
// (RFC 7597, 7599, 7596), PPP port ranges (RFC 6431) and PCP port sets (RFC 7753). It is pure arithmetic on 16-bit
// numbers and imports the standard library only. Who owns a set, and on which address, is the business of package alloc.
//
// # Notation
//
//	port  = A (a bits) | PSID (k bits) | j (m bits),   a + k + m = 16      RFC 7597 section 5.1
//	a     PSID offset. a > 0: ports with A = 0 belong to nobody. a = 0: one contiguous range per PSID.
//	k     PSID length. 2^k subscribers share the address.
//	m     contiguous bits. A PSID owns 2^a-1 ranges (one for a = 0) of 2^m ports.
//	PSID  stored right-aligned, 0 to 2^k-1. DHCPv6 (RFC 7598) carries it left-aligned: shift before use.
//
// # Values
//
// A [Range] is an inclusive range of ports, a [Set] an immutable ordered set with an index for each port, a [Layout] the
// pair (a, k), a [Permutation] the keyed shuffle of RFC 6431. The zero value of each is invalid, because "port 0" or
// "a = 0, k = 0" are things that one can mean; the first three say so through IsValid.
//
// Ports are uint16, counts and indexes int. All ranges include both ends, so that 65535 needs no special case.
//
// # What bites
//
//   - A set's last port is Last(); there is no half-open form anywhere.
//   - For a > 0 the ports below 2^(16-a) have bits where a PSID would be, but no owner. [Layout.PSID] says so.
//   - [Set] cannot be compared with ==; use [Set.Equal].
package portset
