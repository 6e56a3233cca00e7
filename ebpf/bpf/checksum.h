/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The Internet checksum, changed and not summed anew (RFC 1624, equation 3). A delta is the sum of what came and the
 * complements of what went, over 16-bit words in the order of the wire. Pure.
 */
#ifndef CGN_CHECKSUM_H
#define CGN_CHECKSUM_H

#include <linux/types.h>

static __always_inline __u16 cgn_fold(__u32 sum)
{
	sum = (sum & 0xffff) + (sum >> 16);
	sum = (sum & 0xffff) + (sum >> 16);
	return sum;
}

/* cgn_delta16 returns the delta of a word that was from and is to. */
static __always_inline __u32 cgn_delta16(__be16 from, __be16 to)
{
	return (__u16)~from + to;
}

/* cgn_delta32 is the same for two words. */
static __always_inline __u32 cgn_delta32(__be32 from, __be32 to)
{
	return (__u16)~from + (__u16)(~from >> 16) + (__u16)to + (to >> 16);
}

/* cgn_checksum returns a checksum over data that changed by a delta, which is at most 2^31. */
static __always_inline __be16 cgn_checksum(__be16 check, __u32 delta)
{
	return ~cgn_fold((__u16)~check + delta);
}

#endif
