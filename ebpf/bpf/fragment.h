/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Fragments. Only the first one of a packet has ports. What became of it is noted, and the others follow, in whatever order
 * they come (RFC 4787 REQ-14). From the inside no first one is needed: the outside address follows from the plan. It is needed
 * where the packet turns back, or where it is for its port to say whether it is translated at all. Others that come before it are
 * held by the slow way until it is there.
 *
 * Memory and time are bounded: notes and what is held are in tables that forget the oldest, and a note is good for five
 * seconds: a busy sender uses an identification again before long (RFC 4963). What is held belongs to one note, and goes nowhere
 * without it: the next packet with that identification may be for somebody else. A flood of fragments costs those that wait for
 * another their memory, and nothing else anything (REQ-14A): what is whole needs none, and what comes in order is gone before
 * the tables have turned over.
 */
#ifndef CGN_FRAGMENT_H
#define CGN_FRAGMENT_H

#include "packet.h"
#include "slot.h"

enum cgn_fragment_limit {
	CGN_FRAGMENTS = 16384,
	CGN_HELD_MAX = 1024,
	CGN_HELD_EACH = 64, /* of one packet; one of 64 KiB has 45 */
	CGN_HELD_BYTES = 2048, /* of a frame */
	CGN_FRAGMENT_TICKS = 20,
};

/* Which packet a fragment is of. */
struct cgn_fragment_key {
	__be32 from;
	__be32 to;
	__be16 ident;
	__u8 protocol;
	__u8 side; /* 0 = from the outside, else the realm + 1 */
};

enum cgn_fragment_state {
	CGN_FRAGMENT_WAITING = 1, /* for the first one */
	CGN_FRAGMENT_READY,
};

/* What becomes of it. */
struct cgn_fragment_note {
	__be32 near; /* the addresses that it gets */
	__be32 far;
	__be16 ident;
	__u8 verdict;
	__u8 realm; /* of the far address */
	__u32 state;
	__u32 held;
	__u32 seen;
	__u64 begun; /* ns; of one that waits: what is held for it says the same */
};

struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__type(key, struct cgn_fragment_key);
	__type(value, struct cgn_fragment_note);
	__uint(max_entries, CGN_FRAGMENTS);
} fragments SEC(".maps");

/* cgn_is_fragment reports whether a packet is part of one. */
static __always_inline int cgn_is_fragment(const struct iphdr *ip)
{
	return ip->frag_off & bpf_htons(CGN_IP_MF | CGN_IP_OFFSET);
}

/* cgn_is_later reports whether it is a part without ports. */
static __always_inline int cgn_is_later(const struct iphdr *ip)
{
	return ip->frag_off & bpf_htons(CGN_IP_OFFSET);
}

static __always_inline struct cgn_fragment_key cgn_fragment_key_of(const struct iphdr *ip, __u8 side)
{
	struct cgn_fragment_key key = {
		.from = ip->saddr,
		.to = ip->daddr,
		.ident = ip->id,
		.protocol = ip->protocol,
		.side = side,
	};

	return key;
}

/* cgn_fragment_find returns the note of a packet, or NULL; those whose time is over count as none. */
static __always_inline struct cgn_fragment_note *cgn_fragment_find(const struct cgn_fragment_key *key)
{
	struct cgn_fragment_note *note = bpf_map_lookup_elem(&fragments, key);

	if (!note)
		return NULL;
	if (cgn_now() - note->seen > CGN_FRAGMENT_TICKS) {
		bpf_map_delete_elem(&fragments, key);
		return NULL;
	}
	return note;
}

/*
 * cgn_fragment_add notes what becomes of a packet, where there is no note yet. It returns the one that holds: two parts may
 * come at once.
 */
static __always_inline struct cgn_fragment_note *cgn_fragment_add(const struct cgn_fragment_key *key,
								  struct cgn_fragment_note *note)
{
	note->seen = cgn_now();
	bpf_map_update_elem(&fragments, key, note, BPF_NOEXIST);
	return bpf_map_lookup_elem(&fragments, key);
}

#endif
