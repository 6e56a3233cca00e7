/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Peers of TCP change places: one session follows another in the slot of a mapping, and the table of filter.h has who is not there. */
#ifndef CGN_SWAP_H
#define CGN_SWAP_H

#include "filter.h"

/* cgn_filter_in_slot reports whether the slot of a mapping of TCP knows a peer. */
static __always_inline int cgn_filter_in_slot(const struct cgn_filter_ask *a, const struct cgn_policy *policy, __u32 peer)
{
	__u32 row = a->row, bits = policy->filtering == CGN_ADF ? CGN_SLOT_ADDRESS : CGN_SLOT_REMOTE;
	void *table = bpf_map_lookup_elem(&slots, &row);
	volatile struct cgn_slot *slot = table ? cgn_slot_at(table, CGN_TCP, a->mapping >> 16) : NULL;

	return slot && (slot->state & bits) == (peer & bits);
}

/*
 * cgn_filter_replace has an entry that was found say who, or nothing where that is 0, unless the slot does not know any longer who it is
 * about: who that is is looked for in the table then. It is a function because of the stack.
 */
static __noinline int cgn_filter_replace(struct cgn_filter_search *s, const struct cgn_filter_ask *a, __u32 comes, __u64 who,
					 __u8 mark)
{
	volatile __u64 *entry = cgn_filter_who(&s->t, s->found);
	volatile __u32 *seen;
	volatile __u8 *marked;
	int given;

	if (!entry || __sync_val_compare_and_swap((__u64 *)entry, s->who, CGN_FILTER_MOVING) != s->who)
		return 0;
	given = cgn_filter_in_slot(a, s->t.policy, comes);
	if (!given)
		who = s->who;
	seen = cgn_filter_seen(&s->t, s->found); /* once more, so that little is kept on the stack */
	if (seen && given && who)
		*seen = s->t.seen;
	marked = cgn_filter_mark(&s->t, s->found);
	if (marked && given)
		*marked = mark;
	entry = cgn_filter_who(&s->t, s->found);
	if (entry)
		__sync_lock_test_and_set((__u64 *)entry, who);
	return given;
}

/*
 * cgn_filter_give takes away the place of a peer in the table, which the slot of a mapping of TCP knows now, and gives it to another one
 * that the table had no room for, if there is one: else goes is 0. So nobody has two places, and where the table is full, who is known
 * can be sent to as before. Every line of a full table is searched to its end, so any place will do. It returns 0 where nothing was given.
 */
__noinline int cgn_filter_give(const struct cgn_filter_ask *a, __u32 comes, __u32 goes)
{
	struct cgn_filter_search s = {.t = {.now = cgn_now()}, .what = CGN_FILTER_OPEN};
	__u64 who = 0;
	__u8 mark = CGN_MARK_FREED;

	if (!a || !cgn_filter_prepare(&s, a))
		return 0;
	if (goes) {
		who = s.who = cgn_filter_about(a, goes);
		cgn_filter_find(&s);
		if ((s.found & s.spare) != CGN_FILTER_NONE)
			return 0; /* another CPU has been faster, or has freed some */
		mark = s.marks;
	}
	s.what = CGN_FILTER_KNOWS;
	s.who = cgn_filter_about(a, comes);
	cgn_filter_find(&s);
	return cgn_filter_replace(&s, a, comes, who, mark);
}

#endif
