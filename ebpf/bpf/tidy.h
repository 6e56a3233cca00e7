/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * What Go has done in the kernel, because it takes the lock of an account: slots that nobody needs are freed, and accounts are
 * counted anew. The programs do a bounded part in a run and say where the next one begins.
 *
 * A packet never needs this: it claims what has expired. But a port whose subscriber has
 * moved belongs to the old one until it is freed.
 */
#ifndef CGN_TIDY_H
#define CGN_TIDY_H

#include "translate.h"

enum cgn_tidy_limit {
	CGN_TIDY_SLICE = 1024, /* slots under one lock: packets for a new mapping of the subscriber wait meanwhile */
	CGN_TIDY_SLICES = 64, /* of a share, which is below 65536 ports */
	CGN_TIDY_SHARES = 65536, /* of an outside address */
	CGN_EVICT_SLOTS = 16384, /* of a run */
};

/* What cgn_tidy is asked, and answers. */
struct cgn_tidying {
	__u32 row;
	__u32 share; /* the first to look at; then the next */
	__u32 until; /* shares end before it */
	__u32 budget; /* slots to look at, at least; a share is not left in the middle */
	__u32 all; /* trust neither accounts, which may say that nothing is used, nor displaced */
	__u32 looked; /* slots */
	__u32 freed;
	__u32 kept; /* mappings */
	__u32 busy; /* slices whose account was locked for too long: they are as they were */
	__u32 now; /* the tick */
};

/* What cgn_evict is asked, and answers. */
struct cgn_evicting {
	__u32 row;
	__u32 at; /* the first slot of the row to look at; then the next */
	__u32 freed;
};

/* What cgn_retime is asked, and answers. */
struct cgn_retiming {
	__u32 row;
	__u32 at; /* the first slot of the row to look at; then the next */
	struct cgn_policy policy; /* by which mappings have ended; since is out, where the times begin now */
};

/* How far the work on one protocol of a share has come. It has no pointers, so that it can be passed to a global function. */
struct cgn_part {
	__u32 row;
	__u32 share;
	__u32 proto;
	__u32 at; /* the number in the share of the next slot */
	__u32 len; /* of the share */
	__u32 freed;
	__u32 kept;
	__u32 astray; /* mappings that displaced has no room for */
	__u32 used; /* what the account said at the end of the slice before */
	__u32 missed; /* mappings made between slices */
	__u32 busy; /* slices that were passed over */
	__u32 anew; /* displaced may not have what programs of another plan have made, for whom that was at home */
};

/* A walk over slots of a row. */
struct cgn_walk {
	struct cgn_search s; /* s.at is the next slot: its number in the share, or in the row */
	__u32 row;
	__u32 cut; /* of the first share of the row */
	__u32 parity; /* the first port follows where the home depends on it */
	__u32 first;
	__u32 freed;
	__u32 ended; /* of freed, so many had an owner: what only waits is not in used */
	__u32 kept;
	__u32 astray;
	__u64 strays; /* homes of mappings that are elsewhere, see cgn_stray */
};

/* cgn_walk_row prepares a walk over a row. It reports whether the tables have all that it needs. */
static __always_inline int cgn_walk_row(struct cgn_walk *w, __u32 row)
{
	struct cgn_search *s = &w->s;
	struct cgn_row *r = bpf_map_lookup_elem(&rows, &row);
	struct cgn_pool *p;
	__u32 number;

	if (!r)
		return 0;
	number = r->pool;
	p = bpf_map_lookup_elem(&pools, &number);
	s->policy = bpf_map_lookup_elem(&policies, &number);
	s->table = bpf_map_lookup_elem(&slots, &row);
	if (!p || !s->policy || !s->table)
		return 0;
	s->pool = p;
	w->row = row;
	w->cut = r->cut;
	w->parity = p->flags & CGN_POOL_PARITY;
	s->list = cgn_list_of(p, r);
	if (p->flags & CGN_POOL_LIST && !s->list)
		return 0;
	s->now = cgn_now();
	return 1;
}

/* cgn_home_of returns the home of the owner of a slot. */
static __always_inline __u32 cgn_home_of(const struct cgn_walk *w, __u64 owner)
{
	__be32 addr = owner >> 32;
	__be16 port = owner >> 16;

	return cgn_home(bpf_ntohl(addr), bpf_ntohs(port), w->s.proto, w->s.share.len, w->parity, w->first);
}

/*
 * cgn_tidy_slot looks at one slot: step of a loop. Whose it is does not matter here, so that a run that was begun under one
 * plan does no harm under the next: who has moved is what cgn_evict is for.
 */
static long cgn_tidy_slot(__u32 i, void *data)
{
	struct cgn_walk *w = data;
	struct cgn_search *s = &w->s;
	__u32 number = s->at, home;
	__u16 port;
	struct cgn_slot *slot;
	__u64 owner;

	if (number >= s->share.len)
		return 1;
	port = cgn_share_port(s->pool, s->list, &s->share, number);
	slot = cgn_slot_at(s->table, s->proto, port);
	if (!slot)
		return 1;
	s->at = number + 1;
	owner = slot->owner;
	if (!owner)
		return 0;
	if (cgn_idle(slot, s->policy, s->proto, s->now, s->policy->hold)) {
		if (__sync_val_compare_and_swap(&slot->owner, owner, 0) == owner) {
			cgn_forget_at(s, owner, port);
			w->freed++;
			w->ended += cgn_is_endpoint(owner);
		}
		return 0;
	}
	if (!cgn_is_endpoint(owner))
		return 0;
	w->kept++;
	home = cgn_home_of(w, owner);
	if (home != number)
		w->strays |= cgn_stray(home);
	if (!(s->account->flags & CGN_ACCOUNT_ASTRAY << cgn_plane(s->proto)))
		return 0;
	if (home == number)
		cgn_forget_at(s, owner, port); /* it was away from home in a share that was another */
	else if (!cgn_remember(s, owner, home, port))
		w->astray++;
	return 0;
}

/* cgn_walk_share adds what a walk over one share needs. */
static __always_inline int cgn_walk_share(struct cgn_walk *w, __u32 share, enum cgn_proto proto)
{
	struct cgn_search *s = &w->s;
	__u32 row = w->row, at = share;
	struct cgn_cut *cut = cgn_cut_of(s->pool, w->cut, share);
	void *table = bpf_map_lookup_elem(&accounts, &row);

	if (!table || (s->pool->flags & CGN_POOL_CUT && !cut))
		return 0;
	s->account = bpf_map_lookup_elem(table, &at);
	if (!s->account)
		return 0;
	s->share = cgn_share(s->pool, share, cut);
	if (!s->share.len)
		return 0;
	s->proto = proto;
	w->first = w->parity ? cgn_share_port(s->pool, s->list, &s->share, 0) : 0;
	return 1;
}

/*
 * cgn_settle_part writes what was found into the account. With several slices, mappings that were made meanwhile may count
 * twice, until the next time; where used was lowered between them, it is as exact as can be and stays. Where displaced knows all that are not at home again, nobody needs to look further.
 */
static __always_inline void cgn_settle_part(const struct cgn_part *p, struct cgn_account *account, __u32 plane)
{
	__u32 used = p->kept + p->missed;

	if (p->at < p->len || p->busy)
		return;
	if (!(account->noted & CGN_ACCOUNT_COUNTED << plane))
		account->used[plane] = used < 0xffff ? used : 0xffff;
	if (!p->astray && !(account->flags & CGN_ACCOUNT_AGAIN))
		account->flags &= ~(CGN_ACCOUNT_ASTRAY << plane);
}

/* cgn_tidy_slice looks at the next slice of a part under the lock. It returns 0 when there is none. Global: see translate.h. */
__noinline int cgn_tidy_slice(struct cgn_part *p)
{
	struct cgn_walk w = {};
	struct cgn_account *account;
	__u32 plane, used;

	if (!p || !cgn_walk_row(&w, p->row) || !cgn_walk_share(&w, p->share, p->proto & (CGN_PLANES - 1)))
		return 0;
	p->len = w.s.share.len;
	if (p->at >= p->len)
		return 0;
	if (!cgn_lock(&w.s)) {
		p->busy++;
		p->at += CGN_TIDY_SLICE;
		return 1;
	}
	account = w.s.account;
	plane = cgn_plane(w.s.proto);
	used = account->used[plane];
	if (p->at && used > p->used)
		p->missed += used - p->used;
	if (!p->at) {
		account->flags &= ~CGN_ACCOUNT_AGAIN;
		if (p->anew)
			account->flags |= CGN_ACCOUNT_ASTRAY << plane;
		account->noted &= ~(CGN_ACCOUNT_COUNTED << plane);
	}
	w.s.at = p->at;
	bpf_loop(CGN_TIDY_SLICE, cgn_tidy_slot, &w, 0);
	/* Not of a share that takes several slices: what was made between them would be missing. */
	if (!p->at && w.s.at >= p->len)
		account->strays[plane] = w.strays;
	p->at = w.s.at;
	p->astray += w.astray;
	p->kept += w.kept;
	p->freed += w.freed;
	p->used = used > w.ended ? used - w.ended : 0;
	account->used[plane] = p->used;
	cgn_set_over(account, w.s.proto, 0); /* some of those were freed */
	cgn_settle_part(p, account, plane);
	cgn_unlock(account);
	return 1;
}

static long cgn_tidy_next(__u32 i, void *part)
{
	return !cgn_tidy_slice(part);
}

/* cgn_tidy_part looks at one protocol of a share. */
static __always_inline void cgn_tidy_part(struct cgn_tidying *told, __u32 share, enum cgn_proto proto)
{
	struct cgn_part p = {.row = told->row, .share = share, .proto = proto, .anew = told->all};

	bpf_loop(CGN_TIDY_SLICES, cgn_tidy_next, &p, 0);
	told->looked += p.len;
	told->freed += p.freed;
	told->kept += p.kept;
	told->busy += p.busy;
}

/* cgn_tidy_share looks at one share: step of a loop. */
static long cgn_tidy_share(__u32 i, void *data)
{
	struct cgn_tidying *told = data;
	__u32 row = told->row, share = told->share;
	struct cgn_account *account;
	void *table;

	if (share >= told->until || told->looked >= told->budget)
		return 1;
	told->share = share + 1;
	told->looked++; /* a share that is passed over takes time, too */
	table = bpf_map_lookup_elem(&accounts, &row);
	if (!table)
		return 1;
	account = bpf_map_lookup_elem(table, &share);
	if (!account)
		return 1;
	if (told->all || account->used[CGN_TCP])
		cgn_tidy_part(told, share, CGN_TCP);
	if (told->all || account->used[CGN_UDP])
		cgn_tidy_part(told, share, CGN_UDP);
	if (told->all || account->used[CGN_ICMP])
		cgn_tidy_part(told, share, CGN_ICMP);
	return 0;
}

/* cgn_has reports whether a subscriber has a port of the row of a walk. */
static __always_inline int cgn_has(const struct cgn_walk *w, const struct cgn_owner *o, __u16 port)
{
	const struct cgn_search *s = &w->s;
	struct cgn_cut *cut = cgn_cut_of(s->pool, w->cut, o->place.slot);
	struct cgn_share share;

	if (s->pool->flags & CGN_POOL_CUT && !cut)
		return 0;
	share = cgn_share(s->pool, o->place.slot, cut);
	return cgn_share_number(s->pool, s->list, &share, port) >= 0;
}

/* cgn_evict_slot frees a slot whose owner is not the subscriber that the port belongs to: step of a loop. */
static long cgn_evict_slot(__u32 i, void *data)
{
	struct cgn_walk *w = data;
	struct cgn_owner o = {};
	struct cgn_slot *slot;
	__u32 at = w->s.at;
	__u16 port = at;
	__u64 owner;

	slot = bpf_map_lookup_elem(w->s.table, &at);
	if (!slot)
		return 1;
	w->s.at = at + 1;
	owner = slot->owner;
	if (!cgn_is_endpoint(owner))
		return 0;
	/* Port 0 is where it is noted who has the address alone: see translate.h. */
	if (cgn_is_subscriber(w->s.pool->realm, owner >> 32, &o) && o.row == w->row && (!port || cgn_has(w, &o, port)))
		return 0;
	if (cgn_free(&w->s, slot, at >> 16, port, owner))
		w->freed++; /* what displaced says of it goes by cgn_claim_forget */
	return 0;
}

/* A walk over slots of a row, by another policy than the one in force. */
struct cgn_rewalk {
	struct cgn_walk w;
	struct cgn_policy policy;
};

/* cgn_begin_times has the times begin that a policy in force has still to come. It returns since when they hold. */
static __always_inline __u32 cgn_begin_times(const struct cgn_search *s)
{
	struct cgn_policy *policy = (struct cgn_policy *)s->policy;

	if (policy->since == CGN_SINCE_LATER)
		policy->since = s->now;
	return policy->since;
}

/*
 * cgn_retime_slot notes in a slot that its mapping has ended, and when: step of a loop. By the policy that says so, nothing is other than it
 * was; and no other can say anything else any more. Who uses the slot meanwhile is right.
 */
static long cgn_retime_slot(__u32 i, void *data)
{
	struct cgn_rewalk *r = data;
	struct cgn_search *s = &r->w.s;
	struct cgn_slot *slot, was = {};
	union cgn_life life, ended;
	__u32 at = s->at, over;

	slot = bpf_map_lookup_elem(s->table, &at);
	if (!slot)
		return 1;
	s->at = at + 1;
	life.word = *cgn_life_at(slot);
	if (!slot->owner || life.state & CGN_SLOT_ENDED)
		return 0;
	was.seen = life.seen;
	was.state = life.state;
	over = cgn_overdue(&was, &r->policy, at >> 16, s->now);
	if (!over)
		return 0;
	ended.seen = s->now - over;
	ended.state = life.state | CGN_SLOT_ENDED;
	__sync_val_compare_and_swap(cgn_life_at(slot), life.word, ended.word);
	return 0;
}

#endif
