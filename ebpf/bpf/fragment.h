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
 *
 * The kernel gives the memory of the oldest to another packet at once, also while a program on another CPU reads it. So what is read
 * is sealed: it says whose it is, and that it is whole.
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
	__u64 seal; /* as cgn_fragment_seal has it */
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

/* cgn_stir mixes the bits of a word. */
static __always_inline __u64 cgn_stir(__u64 word)
{
	word *= 0x9e3779b97f4a7c15;
	return word ^ word >> 32;
}

/*
 * cgn_fragment_seal returns the seal of a note: whose it is, the addresses that the packet gets, and the rest. That of one that waits is
 * another: it says nothing yet, and nobody shall read that as something.
 */
static __always_inline __u64 cgn_fragment_seal(const struct cgn_fragment_key *key, const struct cgn_fragment_note *n)
{
	__u64 seal = cgn_stir((__u64)key->from << 32 | key->to);

	seal = cgn_stir(seal ^ ((__u64)n->near << 32 | n->far));
	seal = cgn_stir(seal ^ ((__u64)key->ident << 16 | (__u64)key->protocol << 8 | key->side));
	seal ^= (__u64)(n->state == CGN_FRAGMENT_WAITING) << 32;
	return cgn_stir(seal ^ ((__u64)n->ident << 16 | (__u64)n->verdict << 8 | n->realm));
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

/* cgn_fragment_put notes what becomes of a packet, where there is no note yet. It returns the one that holds: two parts may come at once. */
static __always_inline struct cgn_fragment_note *cgn_fragment_put(const struct cgn_fragment_key *key,
								  struct cgn_fragment_note *note)
{
	note->seen = cgn_now();
	note->seal = cgn_fragment_seal(key, note);
	bpf_map_update_elem(&fragments, key, note, BPF_NOEXIST);
	return bpf_map_lookup_elem(&fragments, key);
}

/* cgn_fragment_copy reads a note that is ready. It fails where another CPU is just writing it, maybe for another packet. */
static __always_inline int cgn_fragment_copy(const struct cgn_fragment_key *key, const volatile struct cgn_fragment_note *n,
					     struct cgn_fragment_note *to)
{
	to->near = n->near;
	to->far = n->far;
	to->ident = n->ident;
	to->verdict = n->verdict;
	to->realm = n->realm;
	to->state = CGN_FRAGMENT_READY;
	return n->seal == cgn_fragment_seal(key, to) ? CGN_CONTINUE : CGN_DROP_FRAGMENT;
}

/* cgn_fragment_write writes what becomes of a packet into a note that there is. Its seal is wrong meanwhile. */
static __always_inline void cgn_fragment_write(volatile struct cgn_fragment_note *n, const struct cgn_fragment_key *key,
					       const struct cgn_fragment_note *note)
{
	n->near = note->near;
	n->far = note->far;
	n->ident = note->ident;
	n->verdict = note->verdict;
	n->realm = note->realm;
	n->seal = cgn_fragment_seal(key, note);
	n->seen = cgn_now();
}

/*
 * cgn_fragment_end_wait notes what becomes of a packet of which some parts wait. To let them go is for the slow way. It returns what
 * becomes of the part that is there.
 */
static __always_inline int cgn_fragment_end_wait(volatile struct cgn_fragment_note *n, const struct cgn_fragment_key *key,
						 const struct cgn_fragment_note *note, int driver)
{
	if (driver)
		return CGN_PASS_SLOW;
	cgn_fragment_write(n, key, note);
	__sync_lock_test_and_set(&n->state, CGN_FRAGMENT_READY); /* only when all else is there */
	return CGN_RELEASE;
}

/*
 * What follows is asked of notes. These are global functions, so that the verifier looks at them once. They return CGN_CONTINUE, or what
 * becomes of the fragment.
 *
 * cgn_fragment_read reads what becomes of the packet of a later fragment, which is held where that is not known.
 */
__noinline int cgn_fragment_read(const struct cgn_fragment_key *key, struct cgn_fragment_note *to)
{
	struct cgn_fragment_note *n;

	if (!key || !to)
		return CGN_DROP_FRAGMENT;
	n = cgn_fragment_find(key);
	return n && n->state == CGN_FRAGMENT_READY ? cgn_fragment_copy(key, n, to) : CGN_HELD;
}

/*
 * cgn_fragment_add notes what becomes of a packet whose parts need no first one, where there is no note yet, and reads the one that holds.
 * Where parts wait, they needed one under the plan before.
 */
__noinline int cgn_fragment_add(const struct cgn_fragment_key *key, struct cgn_fragment_note *note, int driver)
{
	struct cgn_fragment_note *n;

	if (!key || !note)
		return CGN_DROP_FRAGMENT;
	n = cgn_fragment_put(key, note);
	if (!n)
		return CGN_DROP_FRAGMENT;
	if (n->state == CGN_FRAGMENT_WAITING)
		return cgn_fragment_end_wait(n, key, note, driver);
	return cgn_fragment_copy(key, n, note);
}

/*
 * cgn_fragment_first notes what becomes of the packet of a first fragment, and reads which identification its parts have. Where some of them
 * wait, it is for the slow way to let them go.
 */
__noinline int cgn_fragment_first(const struct cgn_fragment_key *key, struct cgn_fragment_note *note, int driver)
{
	volatile struct cgn_fragment_note *n;
	__be16 fresh;

	if (!key || !note)
		return CGN_DROP_FRAGMENT;
	n = cgn_fragment_find(key);
	if (!n)
		n = cgn_fragment_put(key, note);
	if (!n)
		return CGN_DROP_FRAGMENT;
	if (n->state == CGN_FRAGMENT_WAITING)
		return cgn_fragment_end_wait(n, key, note, driver);
	fresh = note->ident;
	note->ident = n->ident; /* that of parts which have gone before */
	if (n->seal == cgn_fragment_seal(key, note)) {
		n->seen = cgn_now();
		return CGN_CONTINUE;
	}
	note->ident = fresh;
	cgn_fragment_write(n, key, note); /* over that of an earlier packet with the same number */
	return CGN_CONTINUE;
}

#endif
