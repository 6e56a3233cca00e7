// Package softwire computes who has which IPv4 address and ports where the subscriber's own router holds the port set:
// MAP-E (RFC 7597), MAP-T (RFC 7599) and lightweight 4over6 (RFC 7596).
//
// It is for programs that provision such routers, that configure border relays, and that answer who had an address and
// port. It is pure: no files, no sockets, no clock. Package s46 below it has the DHCP options, and [portset] the ports.
//
// # Notation
//
//	rule6/n   IPv6 prefix of a MAP rule, n bits
//	rule4/r   IPv4 prefix of a MAP rule, r bits
//	o         EA-bit length: how many bits behind rule6 stand for IPv4 suffix and PSID
//	p, q      of these o bits, p are the IPv4 suffix and q are the PSID; p = min(o, 32-r), q = o-p
//	a, k      PSID offset and PSID length, see package portset; k = q, or given explicitly where q = 0
//
//	<--- n ---><------- o -------><-- zero --><----------- 64 ----------->
//	+---------+---------+--------+-----------+------+-------------+------+
//	|  rule6  | suffix p| PSID q | subnet 0  | 0 16 |   IPv4 32   |PSID16|    RFC 7597 section 6
//	+---------+---------+--------+-----------+------+-------------+------+
//	<---- end-user prefix, n+o -->           <---- interface identifier ->
//
// o+r < 32 gives a CE an IPv4 prefix, o+r = 32 an address of its own, o+r > 32 a share of one.
//
// # Values
//
// A [Rule] is one valid rule, a [Domain] a set of rules that agree, a [CE] one router under a rule, a [Pref64] a prefix
// for IPv4-embedded addresses (RFC 6052) and so the default mapping rule of MAP-T, and [Bindings] the table of an lwAFTR.
// All are immutable and safe for concurrent use. Zero values are invalid.
//
// # What bites
//
//   - The PSID is right-aligned here and in addresses, and left-aligned in DHCPv6. Package s46 does the shift.
//   - An address that is not shared has all 65,536 ports, whatever the PSID offset says.
//   - RFC 7597 prints the number of ports of a set for a > 0 only; [CE.Ports] is right for a = 0, too.
//   - RFC 7599 appendix A prints 192.0.2.18 for rule 192.0.2.1/32 in example 4, and results for PSID 0x34 where example 5
//     has PSID 0x20. The tests hold what follows from the rules.
//   - 48 EA bits need a PSID of 16 bits under 0.0.0.0/0, and so PSID offset 0.
package softwire
