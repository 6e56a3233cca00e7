/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Peers that Go carries from the tables of another generation to those of this one, which are of another size. */
#ifndef CGN_CARRY_H
#define CGN_CARRY_H

#include "translate.h"

/* What cgn_carry is asked: entries of the table of a subscriber. */
struct cgn_carrying {
	__be32 inside;
	__be32 outside;
	__u32 count; /* of entries, up to CGN_PEERS_AT_ONCE */
	__u32 refused; /* out: those that there was no room for */
	__u64 who[CGN_PEERS_AT_ONCE]; /* as filter.h has it */
	__u32 seen[CGN_PEERS_AT_ONCE];
};

/*
 * cgn_carry_one carries one of them. It returns 0 where there is no room. Those whose time is over are left, and so
 * are those of pools that do not filter.
 * Global, so that the verifier looks at it once.
 */
__noinline int cgn_carry_one(const struct cgn_carrying *c, __u32 i)
{
	struct cgn_filter_ask a = {};
	struct cgn_outside at = {};
	struct cgn_policy *policy;
	__u32 number, peer;
	__u64 who;

	if (!c || i >= CGN_PEERS_AT_ONCE)
		return 0;
	who = c->who[i];
	peer = who >> 32 & ~CGN_FILTER_USED;
	if (!cgn_is_outside(c->outside, &at))
		return 1;
	number = at.pool;
	policy = bpf_map_lookup_elem(&policies, &number);
	if (!policy || policy->filtering == CGN_EIF)
		return 1;
	if ((__s32)(cgn_now() - c->seen[i]) > (__s32)cgn_filter_ticks(policy, peer & CGN_FILTER_PROTO))
		return 1;
	if (policy->filtering == CGN_ADF && (peer & CGN_FILTER_PROTO) == CGN_TCP)
		peer &= CGN_SLOT_ADDRESS | CGN_FILTER_PROTO; /* a release before had more of it */
	cgn_filter_begin(&a, (__u64)c->inside << 32 | (__u16)who, c->outside, (__u32)who >> 16, at.row);
	return cgn_filter_open(&a, peer, c->seen[i]);
}

#endif
