/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The identification of IPv4 packets that may be cut. Behind one outside address are many hosts, whose own numbers would
 * meet: RFC 6864 section 5.3.1 wants numbers of ours. Packets that may not be cut (DF) keep what they have.
 */
#ifndef CGN_IDENT_H
#define CGN_IDENT_H

#include <linux/bpf.h>
#include <linux/ip.h>
#include <bpf/bpf_helpers.h>

#include "checksum.h"
#include "home.h"

enum cgn_ident_limit {
	CGN_IDENTS = 4096, /* a power of two */
};

/* Counters, shared by the pairs of addresses that a keyed hash gives the same one. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__type(key, __u32);
	__type(value, __u32);
	__uint(max_entries, CGN_IDENTS);
} idents SEC(".maps");

/*
 * cgn_ident returns the next number for packets between two addresses, of 16 bits. Global, so that the verifier goes through the hash once,
 * and not once for each kind of packet that may be cut.
 */
__noinline int cgn_ident(__be32 from, __be32 to, __u32 protocol)
{
	__u64 hash = cgn_keyed_hash(((__u64)from << 24 ^ to) + ((__u64)protocol << 48));
	__u32 at = hash & (CGN_IDENTS - 1), *count;

	count = bpf_map_lookup_elem(&idents, &at);
	return count ? (__u16)((hash >> 16) + __sync_fetch_and_add(count, 1)) : 0;
}

/* cgn_set_ident gives a packet an identification. */
static __always_inline void cgn_set_ident(struct iphdr *ip, __be16 ident)
{
	ip->check = cgn_checksum(ip->check, cgn_delta16(ip->id, ident));
	ip->id = ident;
}

#endif
