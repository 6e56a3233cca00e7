/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The entries of a subscriber's table of peers, see filter.h. A table is one piece of memory: first what all entries are about, then when
 * they were used last, then their marks, which are looked at line by line, and at its end when entries were freed.
 */
#ifndef CGN_ENTRY_H
#define CGN_ENTRY_H

#include "maps.h"
#include "marks.h"
#include "slot.h"

/* What an entry is about: digest of the peer, where a slot has it, flag, protocol, outside port and turn of the owner. 0 = nothing. */
enum cgn_filter_who {
	CGN_FILTER_PROTO = 0x3, /* of the upper half: enum cgn_proto, or that of no ports */
	CGN_FILTER_PORTLESS = CGN_PLANES - 1,
	CGN_FILTER_USED = 1 << 2, /* of the upper half */
	CGN_FILTER_MOVING = 1, /* the whole word: it changes hands */
};

enum cgn_filter_limit {
	CGN_FILTER_NONE = 0xffffffff, /* no entry */
	CGN_FILTER_TRIES = 8, /* entries that other CPUs are faster to take */
	CGN_FILTER_LATE =
		4, /* ticks for which a mapping is over before its peers are forgotten: a packet may just be keeping it */
};

/* A table, and what is known about it. */
struct cgn_filter_table {
	void *entries;
	const struct cgn_policy *policy;
	__u32 now;
	__u32 seen; /* to open: what is noted */
};

/* cgn_filter_ticks returns for how long a peer may answer. */
static __always_inline __u32 cgn_filter_ticks(const struct cgn_policy *policy, __u32 proto)
{
	if (proto == CGN_TCP)
		return policy->established;
	return proto == CGN_ICMP ? policy->icmp : policy->udp;
}

/* The parts of an entry, NULL beyond the table. */
static __always_inline volatile __u64 *cgn_filter_who(const struct cgn_filter_table *t, __u32 at)
{
	if (at >= peer_room)
		return NULL;
	asm volatile("" : "+r"(at)); /* the verifier has to see it compared before it is counted with */
	return (__u64 *)t->entries + at;
}

static __always_inline volatile __u32 *cgn_filter_seen(const struct cgn_filter_table *t, __u32 at)
{
	__u32 room = peer_room;

	if (at >= room)
		return NULL;
	asm volatile("" : "+r"(at));
	return (__u32 *)t->entries + (2 * room + at);
}

static __always_inline volatile __u8 *cgn_filter_mark(const struct cgn_filter_table *t, __u32 at)
{
	__u32 room = peer_room;

	if (at >= room)
		return NULL;
	asm volatile("" : "+r"(at));
	return (__u8 *)t->entries + (12 * room + at);
}

/* cgn_filter_line returns the marks of a line, NULL beyond the table. */
static __always_inline volatile __u64 *cgn_filter_line(const struct cgn_filter_table *t, __u32 line)
{
	__u32 room = peer_room;

	if (line >= room / CGN_PEER_LINE)
		return NULL;
	asm volatile("" : "+r"(line));
	return (__u64 *)((__u8 *)t->entries + 12 * room + line * CGN_PEER_LINE);
}

/* cgn_filter_freed returns where it is noted when entries were freed: the tick + 1. */
static __always_inline __u32 *cgn_filter_freed(const struct cgn_filter_table *t)
{
	return (__u32 *)((__u8 *)t->entries + CGN_PEER_BYTES * peer_room);
}

/* cgn_filter_is_over reports whether the time of an entry is over. Another CPU may be a tick ahead. */
static __always_inline int cgn_filter_is_over(const struct cgn_filter_table *t, __u32 at, __u64 who)
{
	volatile __u32 *seen = cgn_filter_seen(t, at);

	return seen && (__s32)(t->now - *seen) > (__s32)cgn_filter_ticks(t->policy, who >> 32 & CGN_FILTER_PROTO);
}

#endif
