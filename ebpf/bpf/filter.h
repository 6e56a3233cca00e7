/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Who a mapping has sent to, for pools that filter by that (RFC 4787 section 5: ADF, APDF). The slot knows one, with TCP that of its
 * session, so that a mapping with one peer needs nothing else. The others are in a table of the subscriber, made with the first of
 * them, which has as many entries as the policy allows.
 *
 * Within its time no peer is ever forgotten, whatever else the subscriber or anybody else does (RFC 4787 REQ-11): where the table is
 * full, it is the next peer that cannot be sent to (RFC 6888 REQ-5: the number of filters of a subscriber is limited).
 *
 * A table is searched by marks, from the line of the entry's home on, up to one that has a mark of an entry that was never used: what
 * somebody sends in vain costs little then, also where the table is full. Entries are freed when there is no other, all at once:
 * those whose time is over, and those of mappings that have ended. Every change of an entry begins with a compare-and-swap. A new one
 * says at once whose it is, so that no other CPU notes the peer a second time, and is found when it has its mark; else the mark is written
 * before the change ends.
 */
#ifndef CGN_FILTER_H
#define CGN_FILTER_H

#include "entry.h"
#include "home.h"

/* What a table is asked about a peer. */
enum cgn_filter_question {
	CGN_FILTER_ALLOWS, /* has the mapping sent to it in its time? */
	CGN_FILTER_KNOWS, /* and if so, it has done so again */
	CGN_FILTER_OPEN, /* it has sent to it, also for the first time: 0 where there is no room */
};

struct cgn_filter_ask {
	struct cgn_filter_key key;
	__u64 mapping; /* port and turn */
	__u32 row; /* of the outside address */
	__u32 seen; /* to open: when it has sent to it */
};

/* How entries of one are freed. */
struct cgn_filter_freeing {
	struct cgn_filter_table t;
	void *slots; /* of the outside address */
	__be32 inside;
	__u32 pad;
};

/* A search in it. It is small, because of the stack. */
struct cgn_filter_search {
	struct cgn_filter_table t;
	__u64 who;
	__u64 marks; /* its own, eight times */
	__u32 found; /* which entry, or CGN_FILTER_NONE */
	__u32 spare; /* which may be taken, or CGN_FILTER_NONE */
	__u16 home; /* the line to begin with */
	__u16 lines;
	__u8 what; /* enum cgn_filter_question */
	__u8 answer;
};

/*
 * cgn_filter_begin prepares questions about peers of a mapping. The owner of the slot names the mapping by its turn, so that the next
 * one inherits nothing; the table is that of an inside and an outside address, because rows are not the same under another plan. Two
 * realms may have the same inside addresses, but not outside.
 */
static __always_inline void cgn_filter_begin(struct cgn_filter_ask *a, __u64 owner, __be32 outside, __u16 port, __u32 row)
{
	a->key.inside = owner >> 32;
	a->key.outside = outside;
	a->mapping = (__u32)port << 16 | (__u16)owner;
	a->row = row;
}

/*
 * cgn_filter_match looks for an entry that says who, among those of a line, whose first and whose marks are given, with a mark that is
 * in all. Where that is 0, it looks among the unused ones for one that says nothing, or who already: another CPU is just writing it. It is a
 * function because few lines have one.
 */
static __noinline __u32 cgn_filter_match(const struct cgn_filter_table *t, volatile __u64 *marks, __u32 first, __u64 all,
					 __u64 who)
{
	__u32 word, n;

	for (word = 0; word < CGN_MARK_WORDS; word++, first += CGN_MARKS) {
		__u64 now = marks[word], set = (all ? cgn_marks_like(now, all) : cgn_marks_unused(now)) & CGN_MARKS_TOP;

		for (n = 0; n < CGN_MARKS && set; n++, set &= set - 1) {
			__u32 at = first + cgn_marks_lowest(set);
			volatile __u64 *entry = cgn_filter_who(t, at);

			__u64 says = entry ? *entry : CGN_FILTER_MOVING;

			if (says == who || !(says | all))
				return at;
		}
	}
	return CGN_FILTER_NONE;
}

/* cgn_filter_look looks at a line of entries by their marks: step of a loop. */
static long cgn_filter_look(__u32 i, void *data)
{
	struct cgn_filter_search *s = data;
	__u32 line = s->home + i, word, first;
	__u64 all = s->marks, like = 0, new = 0;
	volatile __u64 *marks;

	if (line >= s->lines)
		line -= s->lines;
	first = line * CGN_PEER_LINE;
	asm volatile(
		""
		: "+r"(first)); /* the verifier shall not know how large it is: it would look at each way that it may be found */
	marks = cgn_filter_line(&s->t, line);
	if (!marks)
		return 1;
#pragma unroll
	for (word = 0; word < CGN_MARK_WORDS; word++) {
		__u64 now = marks[word];

		like |= cgn_marks_like(now, all);
		new |= cgn_marks_new(now);
		asm volatile("" : "+r"(like), "+r"(new)); /* word by word, or they are put on the stack */
	}
	if (like & CGN_MARKS_TOP) {
		s->found = cgn_filter_match(&s->t, marks, first, all, s->who);
		if (s->found != CGN_FILTER_NONE)
			return 1;
	}
	if (s->what == CGN_FILTER_OPEN && s->spare == CGN_FILTER_NONE) {
		s->spare = cgn_filter_match(&s->t, marks, first, 0, s->who);
		if (s->spare != CGN_FILTER_NONE) /* another CPU may have noted the peer since the marks were looked at */
			s->found = cgn_filter_match(&s->t, marks, first, all, s->who);
	}
	return s->found != CGN_FILTER_NONE || (new &CGN_MARKS_TOP) != 0;
}

/* cgn_filter_find looks for the peer, and on the way for an entry that it may have. */
static __always_inline void cgn_filter_find(struct cgn_filter_search *s)
{
	__u64 hash = (s->who ^ home_key[1]) * 0x9e3779b97f4a7c15;

	s->found = s->spare = CGN_FILTER_NONE;
	s->lines = (s->t.policy->peers + CGN_PEER_LINE - 1) / CGN_PEER_LINE;
	s->home = (hash >> 32) * s->lines >> 32;
	s->marks = ((hash >> 48 & 0x7f) | CGN_MARK_USED) *
		   CGN_MARKS_EACH; /* of what the digest, which is in the upper half, has a part in */
	bpf_loop(s->lines, cgn_filter_look, s, 0);
}

/* cgn_filter_renew notes s->t.seen for the entry that was found. It fails where another CPU takes it, because its time was over. */
static __always_inline int cgn_filter_renew(struct cgn_filter_search *s)
{
	volatile __u64 *entry = cgn_filter_who(&s->t, s->found);
	volatile __u32 *seen = cgn_filter_seen(&s->t, s->found);

	if (!entry || !seen)
		return 0;
	if ((__s32)(s->t.seen - *seen) > 0)
		__sync_lock_test_and_set((__u32 *)seen, s->t.seen);
	return *entry == s->who;
}

/*
 * cgn_filter_take gives the peer the entry that may be taken, which says so at once and has a mark when it is complete. It returns 0 where
 * another CPU is faster, 2 where that is for the same peer.
 */
static __always_inline int cgn_filter_take(struct cgn_filter_search *s)
{
	volatile __u64 *entry = cgn_filter_who(&s->t, s->spare);
	volatile __u32 *seen = cgn_filter_seen(&s->t, s->spare);
	volatile __u8 *mark = cgn_filter_mark(&s->t, s->spare);
	__u64 was;

	if (!entry || !seen || !mark)
		return 0;
	was = __sync_val_compare_and_swap((__u64 *)entry, 0, s->who);
	if (was)
		return was == s->who ? 2 : 0;
	__sync_lock_test_and_set((__u32 *)seen, s->t.seen);
	*mark = s->marks;
	return 1;
}

/* cgn_filter_try looks for the peer, and answers: step of a loop. It ends the loop unless another CPU was faster. */
static long cgn_filter_try(__u32 i, void *data)
{
	struct cgn_filter_search *s = data;
	int taken;

	cgn_filter_find(s);
	if (s->what == CGN_FILTER_ALLOWS) {
		s->answer = s->found != CGN_FILTER_NONE && !cgn_filter_is_over(&s->t, s->found, s->who);
		return 1;
	}
	if (s->found != CGN_FILTER_NONE)
		return s->answer = cgn_filter_renew(s);
	if (s->what == CGN_FILTER_KNOWS || s->spare == CGN_FILTER_NONE)
		return 1;
	taken = cgn_filter_take(s);
	s->answer =
		taken !=
		0; /* the peer that another CPU is noting is looked for until it can be found, and is noted in any case */
	return taken == 1;
}

/*
 * cgn_filter_has_ended reports whether the mapping of an entry is no longer there: the slot has another owner, or a mapping whose time
 * is over.
 */
static __always_inline int cgn_filter_has_ended(const struct cgn_filter_freeing *f, __u64 who)
{
	__u32 proto = who >> 32 & CGN_FILTER_PROTO;
	struct cgn_slot *slot;
	__u64 owner;

	if (proto == CGN_FILTER_PORTLESS)
		return 0;
	slot = cgn_slot_at(f->slots, proto, who >> 16);
	if (!slot)
		return 0;
	owner = *(volatile __u64 *)&slot->owner;
	if (owner >> 32 != f->inside || (__u16)owner != (__u16)who)
		return 1;
	return cgn_overdue(slot, f->t.policy, proto, f->t.now) > CGN_FILTER_LATE;
}

/* cgn_filter_free_one frees an entry that is of no use any longer: step of a loop. */
static long cgn_filter_free_one(__u32 at, void *data)
{
	struct cgn_filter_freeing *f = data;
	volatile __u64 *entry = cgn_filter_who(&f->t, at);
	volatile __u8 *mark = cgn_filter_mark(&f->t, at);
	__u64 who;
	int ended;

	if (!entry || !mark)
		return 1;
	who = *entry;
	if (!(who >> 32) || !(*mark & CGN_MARK_USED)) /* without a mark, another CPU is just writing it */
		return 0;
	ended = cgn_filter_has_ended(f, who);
	if (!ended && !cgn_filter_is_over(&f->t, at, who))
		return 0;
	if (__sync_val_compare_and_swap((__u64 *)entry, who, CGN_FILTER_MOVING) != who)
		return 0;
	if (!ended && !cgn_filter_is_over(&f->t, at, who)) { /* another CPU has renewed it */
		*entry = who;
		return 0;
	}
	*mark = CGN_MARK_FREED;
	__sync_lock_test_and_set((__u64 *)entry, 0);
	return 0;
}

/* cgn_filter_pool returns the pool of an outside address, a number that none has for none. */
static __always_inline __u32 cgn_filter_pool(__u32 row)
{
	struct cgn_row *r = bpf_map_lookup_elem(&rows, &row);

	return r ? r->pool : CGN_FILTER_NONE;
}

/*
 * cgn_filter_free frees the entries of a full table that are of no use any longer. It looks at all of them, so it does that once in a
 * tick, whatever a subscriber sends in vain; it returns 0 where that was before. Global, for the verifier and because of the stack.
 */
__noinline int cgn_filter_free(const struct cgn_filter_ask *a)
{
	struct cgn_filter_freeing f = {.t = {.now = cgn_now()}};
	struct cgn_filter_key key;
	__u32 row, pool, *freed, before;

	if (!a)
		return 0;
	row = a->row;
	pool = cgn_filter_pool(row);
	f.t.policy = bpf_map_lookup_elem(&policies, &pool);
	f.slots = bpf_map_lookup_elem(&slots, &row);
	key = a->key;
	f.inside = key.inside;
	f.t.entries = bpf_map_lookup_elem(&filters, &key);
	if (!f.t.policy || !f.slots || !f.t.entries)
		return 0;
	freed = cgn_filter_freed(&f.t);
	before = *freed;
	if (before == f.t.now + 1 || __sync_val_compare_and_swap(freed, before, f.t.now + 1) != before)
		return 0;
	bpf_loop(f.t.policy->peers, cgn_filter_free_one, &f, 0);
	return 1;
}

/* cgn_filter_make gives a subscriber of a pool a table. */
static __always_inline void *cgn_filter_make(const struct cgn_filter_key *key, __u32 pool)
{
	void *blank = bpf_map_lookup_elem(&blanks, &pool);

	if (blank)
		bpf_map_update_elem(&filters, key, blank, BPF_NOEXIST);
	return bpf_map_lookup_elem(&filters, key);
}

/* cgn_filter_about returns what an entry says about a peer of a mapping: its digest, and the protocol. */
static __always_inline __u64 cgn_filter_about(const struct cgn_filter_ask *a, __u32 peer)
{
	return (__u64)(peer | CGN_FILTER_USED) << 32 | a->mapping;
}

/* cgn_filter_prepare prepares a search. It returns 0 where there is no table, and what is asked makes none. */
static __always_inline int cgn_filter_prepare(struct cgn_filter_search *s, const struct cgn_filter_ask *a)
{
	struct cgn_filter_key key = a->key;
	__u32 pool = cgn_filter_pool(a->row);

	s->t.policy = bpf_map_lookup_elem(&policies, &pool);
	s->t.entries = bpf_map_lookup_elem(&filters, &key);
	if (!s->t.entries && s->what == CGN_FILTER_OPEN)
		s->t.entries = cgn_filter_make(&key, pool);
	s->t.seen = s->what == CGN_FILTER_OPEN ? a->seen : s->t.now;
	return s->t.entries && s->t.policy;
}

/*
 * cgn_filter asks about a peer: its digest, and the protocol. Global, so that the verifier looks at it once, and not once for each
 * question and each kind of packet.
 */
__noinline int cgn_filter(const struct cgn_filter_ask *a, __u32 peer, __u32 what)
{
	struct cgn_filter_search s = {.t = {.now = cgn_now()}, .what = what};

	if (!a || !cgn_filter_prepare(&s, a))
		return 0;
	s.who = cgn_filter_about(a, peer);
	bpf_loop(CGN_FILTER_TRIES, cgn_filter_try, &s, 0);
	return s.answer;
}

/* cgn_filter_open notes that a mapping has sent to a peer, at a tick. It returns 0 where there is no room. */
static __always_inline int cgn_filter_open(struct cgn_filter_ask *a, __u32 peer, __u32 seen)
{
	a->seen = seen;
	return cgn_filter(a, peer, CGN_FILTER_OPEN) || (cgn_filter_free(a) && cgn_filter(a, peer, CGN_FILTER_OPEN));
}

#endif
