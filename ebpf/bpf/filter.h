/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Who a mapping has sent to, for pools that filter by that (RFC 4787 section 5: ADF, APDF). The slot knows one, with TCP that of its
 * session, so that a mapping with one peer needs nothing else. The others are in a table of the subscriber, made with the first of
 * them, which has as many entries as the policy allows.
 *
 * Within its time no peer is ever forgotten, whatever else the subscriber or anybody else does (RFC 4787 REQ-11): where the table is
 * full, it is the next peer that cannot be sent to (RFC 6888 REQ-5: the number of filters of a subscriber is limited).
 *
 * A table is searched from the home of an entry on, up to one that was never used: entries whose time is over are used again, and
 * never emptied. To change hands takes a compare-and-swap.
 */
#ifndef CGN_FILTER_H
#define CGN_FILTER_H

#include "home.h"
#include "slot.h"

/* What an entry is about: digest of the peer, where a slot has it, flag, protocol, outside port and turn of the owner. 0 = never used. */
enum cgn_filter_who {
	CGN_FILTER_PROTO = 0x3, /* of the upper half: enum cgn_proto, or that of no ports */
	CGN_FILTER_PORTLESS = CGN_PLANES - 1,
	CGN_FILTER_USED = 1 << 2, /* of the upper half */
	CGN_FILTER_MOVING = 1, /* the whole word: it changes hands */
};

enum cgn_filter_limit {
	CGN_FILTER_NONE = 0xffffffff, /* no entry */
	CGN_FILTER_TRIES = 8, /* entries that other CPUs are faster to take */
};

/* What a table is asked about a peer. */
enum cgn_filter_question {
	CGN_FILTER_ALLOWS, /* has the mapping sent to it in its time? */
	CGN_FILTER_KNOWS, /* and if so, it has done so again */
	CGN_FILTER_OPEN, /* it has sent to it, also for the first time: 0 where there is no room */
};

struct cgn_filter_ask {
	struct cgn_filter_key key;
	__u64 mapping; /* port and turn */
	__u32 pool;
	__u32 seen; /* when it has sent to it */
};

/* A search in a table. */
struct cgn_filter_search {
	void *table;
	const struct cgn_policy *policy;
	__u64 who;
	__u32 what; /* enum cgn_filter_question */
	__u32 now;
	__u32 seen;
	__u32 at; /* the next entry to look at */
	__u32 found; /* which entry, or CGN_FILTER_NONE */
	__u32 spare; /* which may be taken, or CGN_FILTER_NONE */
	__u32 answer;
};

/*
 * cgn_filter_begin prepares questions about peers of a mapping. The owner of the slot names the mapping by its turn, so that the next
 * one inherits nothing; the table is that of an inside and an outside address, because rows are not the same under another plan. Two
 * realms may have the same inside addresses, but not outside.
 */
static __always_inline void cgn_filter_begin(struct cgn_filter_ask *a, __u64 owner, __be32 outside, __u16 port, __u32 pool)
{
	a->key.inside = owner >> 32;
	a->key.outside = outside;
	a->mapping = (__u32)port << 16 | (__u16)owner;
	a->pool = pool;
}

/* cgn_filter_ticks returns for how long a peer may answer. */
static __always_inline __u32 cgn_filter_ticks(const struct cgn_policy *policy, __u32 proto)
{
	if (proto == CGN_TCP)
		return policy->established;
	return proto == CGN_ICMP ? policy->icmp : policy->udp;
}

/* cgn_filter_who and cgn_filter_seen return the two parts of an entry, NULL beyond the table. */
static __always_inline volatile __u64 *cgn_filter_who(const struct cgn_filter_search *s, __u32 at)
{
	if (at >= peer_room)
		return NULL;
	asm volatile("" : "+r"(at)); /* the verifier has to see it compared before it is counted with */
	return (__u64 *)s->table + at;
}

static __always_inline volatile __u32 *cgn_filter_seen(const struct cgn_filter_search *s, __u32 at)
{
	__u32 room = peer_room;

	if (at >= room)
		return NULL;
	asm volatile("" : "+r"(at));
	return (__u32 *)s->table + (2 * room + at);
}

/* cgn_filter_is_over reports whether the time of an entry is over. Another CPU may be a tick ahead. */
static __always_inline int cgn_filter_is_over(const struct cgn_filter_search *s, __u32 at, __u64 who)
{
	volatile __u32 *seen = cgn_filter_seen(s, at);

	return seen && (__s32)(s->now - *seen) > (__s32)cgn_filter_ticks(s->policy, who >> 32 & CGN_FILTER_PROTO);
}

/* cgn_filter_look looks at one entry: step of a loop. */
static long cgn_filter_look(__u32 i, void *data)
{
	struct cgn_filter_search *s = data;
	__u32 at = s->at;
	volatile __u64 *entry = cgn_filter_who(s, at);
	__u64 who;

	if (!entry)
		return 1;
	who = *entry;
	if (who == s->who) {
		s->found = at;
		return 1;
	}
	if (s->spare == CGN_FILTER_NONE && who != CGN_FILTER_MOVING && (!who || cgn_filter_is_over(s, at, who)))
		s->spare = at;
	s->at = at + 1 < s->policy->peers ? at + 1 : 0;
	return !who;
}

/* cgn_filter_find looks for the peer, and on the way for an entry that it may have. */
static __always_inline void cgn_filter_find(struct cgn_filter_search *s)
{
	__u64 hash = (s->who ^ home_key[1]) * 0x9e3779b97f4a7c15;

	s->found = s->spare = CGN_FILTER_NONE;
	s->at = (hash >> 32) * s->policy->peers >> 32;
	bpf_loop(s->policy->peers, cgn_filter_look, s, 0);
}

/* cgn_filter_renew notes s->seen for the entry that was found. It fails where another CPU takes it, because its time was over. */
static __always_inline int cgn_filter_renew(struct cgn_filter_search *s)
{
	volatile __u64 *entry = cgn_filter_who(s, s->found);
	volatile __u32 *seen = cgn_filter_seen(s, s->found);

	if (!entry || !seen)
		return 0;
	if ((__s32)(s->seen - *seen) > 0)
		__sync_lock_test_and_set((__u32 *)seen, s->seen);
	return *entry == s->who;
}

/* cgn_filter_take gives the peer the entry that may be taken. It fails where another CPU is faster, or renews it. */
static __always_inline int cgn_filter_take(struct cgn_filter_search *s)
{
	volatile __u64 *entry = cgn_filter_who(s, s->spare);
	volatile __u32 *seen = cgn_filter_seen(s, s->spare);
	__u64 who;

	if (!entry || !seen)
		return 0;
	who = *entry;
	if (who == CGN_FILTER_MOVING || (who && !cgn_filter_is_over(s, s->spare, who)))
		return 0;
	if (__sync_val_compare_and_swap((__u64 *)entry, who, CGN_FILTER_MOVING) != who)
		return 0;
	if (who && !cgn_filter_is_over(s, s->spare, who)) {
		*entry = who;
		return 0;
	}
	*seen = s->seen;
	__sync_lock_test_and_set((__u64 *)entry, s->who);
	return 1;
}

/* cgn_filter_try looks for the peer, and answers: step of a loop. It ends the loop unless another CPU was faster. */
static long cgn_filter_try(__u32 i, void *data)
{
	struct cgn_filter_search *s = data;

	cgn_filter_find(s);
	if (s->what == CGN_FILTER_ALLOWS) {
		s->answer = s->found != CGN_FILTER_NONE && !cgn_filter_is_over(s, s->found, s->who);
		return 1;
	}
	if (s->found != CGN_FILTER_NONE)
		s->answer = cgn_filter_renew(s);
	else if (s->what == CGN_FILTER_KNOWS || s->spare == CGN_FILTER_NONE)
		return 1;
	else
		s->answer = cgn_filter_take(s);
	return s->answer;
}

/* cgn_filter_make gives a subscriber a table. */
static __always_inline void *cgn_filter_make(const struct cgn_filter_key *key)
{
	__u32 zero = 0;
	void *blank = bpf_map_lookup_elem(&blanks, &zero);

	if (blank)
		bpf_map_update_elem(&filters, key, blank, BPF_NOEXIST);
	return bpf_map_lookup_elem(&filters, key);
}

/*
 * cgn_filter asks about a peer: its digest, and the protocol. Global, so that the verifier looks at it once, and not once for each
 * question and each kind of packet.
 */
__noinline int cgn_filter(const struct cgn_filter_ask *a, __u32 peer, __u32 what)
{
	struct cgn_filter_search s = {.now = cgn_now(), .what = what};
	struct cgn_filter_key key;
	__u32 pool;

	if (!a)
		return 0;
	pool = a->pool;
	s.policy = bpf_map_lookup_elem(&policies, &pool);
	key = a->key;
	s.table = bpf_map_lookup_elem(&filters, &key);
	if (!s.table && what == CGN_FILTER_OPEN)
		s.table = cgn_filter_make(&key);
	if (!s.table || !s.policy)
		return 0;
	s.who = (__u64)(peer | CGN_FILTER_USED) << 32 | a->mapping;
	s.seen = what == CGN_FILTER_OPEN ? a->seen : s.now;
	bpf_loop(CGN_FILTER_TRIES, cgn_filter_try, &s, 0);
	return s.answer;
}

#endif
