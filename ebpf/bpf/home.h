/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Where in its port set the search for an inside endpoint begins: at its home. Who does not know the key cannot tell which
 * port that is (RFC 6888 REQ-15, RFC 6056), and who has it finds the same port again without any state. Pure.
 */
#ifndef CGN_HOME_H
#define CGN_HOME_H

#include <linux/bpf.h>
#include <bpf/bpf_helpers.h> /* without it, __always_inline is only a wish */

#include "types.h"

/* Set by Go before load. Two nodes that stand in for each other have the same. */
const volatile __u64 home_key[2];

static __always_inline __u64 cgn_rotate(__u64 x, int by)
{
	return x << by | x >> (64 - by);
}

#define CGN_SIP_ROUND                                                            \
	do {                                                                     \
		v0 += v1, v1 = cgn_rotate(v1, 13) ^ v0, v0 = cgn_rotate(v0, 32); \
		v2 += v3, v3 = cgn_rotate(v3, 16) ^ v2;                          \
		v0 += v3, v3 = cgn_rotate(v3, 21) ^ v0;                          \
		v2 += v1, v1 = cgn_rotate(v1, 17) ^ v2, v2 = cgn_rotate(v2, 32); \
	} while (0)

/*
 * cgn_keyed_hash returns SipHash-1-3 of the seven lower octets of a word, from the lowest. The length of the message takes the
 * eighth, so that there is one block of it, and one round less than for eight.
 */
static __always_inline __u64 cgn_keyed_hash(__u64 octets)
{
	__u64 word = (octets & ~0ULL >> 8) | 7ULL << 56;
	__u64 k0 = home_key[0], k1 = home_key[1];
	__u64 v0 = k0 ^ 0x736f6d6570736575, v1 = k1 ^ 0x646f72616e646f6d;
	__u64 v2 = k0 ^ 0x6c7967656e657261, v3 = k1 ^ 0x7465646279746573 ^ word;

	CGN_SIP_ROUND;
	v0 ^= word;
	v2 ^= 0xff;
	CGN_SIP_ROUND;
	CGN_SIP_ROUND;
	CGN_SIP_ROUND;
	return v0 ^ v1 ^ v2 ^ v3;
}

/*
 * cgn_home returns the number of the home port in a share of len ports, len > 0. With parity, ports of a share are odd and
 * even in turn beginning with that of first, and the home of a UDP port has its parity (RFC 4787 REQ-4). addr and port are in
 * the order of the host.
 */
static __always_inline __u32 cgn_home(__u32 addr, __u16 port, enum cgn_proto proto, __u32 len, int parity, __u16 first)
{
	__u64 word = (__u64)addr << 24 | (__u64)port << 8 | proto;

	if (parity && proto == CGN_UDP && len > 1) {
		__u32 hash = cgn_keyed_hash(word) >> 32;

		return ((__u64)hash * (len / 2) >> 32) * 2 + ((port ^ first) & 1);
	}
	return (cgn_keyed_hash(word) >> 32) * len >> 32;
}

#endif
