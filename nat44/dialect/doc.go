// Package dialect renders a plan for NAT implementations other than the backends of cgnkit: iptables, RouterOS, VyOS and
// VPP's det44.
//
// Each function writes the configuration of one target, so that the target gives every subscriber exactly the share of the
// plan: the same outside address and the same ports, not more and not fewer. Where a target has a formula of its own, the
// package computes that formula for every subscriber and compares. A plan that a target cannot express is refused before
// the first byte is written, with an error that wraps [ErrInexpressible]; a port set is never cut to what would fit.
//
//	target    what it takes                                               what decides a mapping there
//	iptables  every scheme, shares of up to 64 port ranges                one rule per subscriber, protocol and range
//	RouterOS  every scheme, shares of one port range                      netmap rules for whole prefixes, else one per subscriber
//	VyOS      what fills address after address, shares of one port range  a fill of its own, in list order
//	VPP       one inside and one outside prefix per pool                  RFC 7422, ports 1024-65535 divided evenly
//
// A target is one inside address space: plans in which several realms have the same inside addresses are refused.
//
// Every text starts with comments that name the plan by its SHA-256 and say what the target does differently. The same
// plan gives the same bytes. Memory grows with the address ranges of the plan, not with its subscribers.
//
// The package is pure: it touches no kernel and no file.
package dialect
