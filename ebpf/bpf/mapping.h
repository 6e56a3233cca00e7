/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The port set of a subscriber as a hash table. The mapping of an inside endpoint is at its home or after it; a
 * free slot is claimed by compare-and-swap. Nothing is ever evicted (RFC 6888 REQ-11d): a slot
 * whose time has run out is as good as free, and stays as it is until somebody needs it or a sweep comes by.
 *
 * To use a mapping takes no lock. To make one takes the lock of the subscriber's account, so that two packets of one endpoint
 * on two CPUs cannot make two.
 */
#ifndef CGN_MAPPING_H
#define CGN_MAPPING_H

#include "search.h"

enum cgn_mapping_limit {
	CGN_LOCK_TRIES = 4096,
	CGN_HELD_LOOKS = 256, /* slots among which the one that has waited longest is found */
};

static long cgn_try_lock(__u32 i, void *data)
{
	struct cgn_search *s = data;

	return i >= CGN_LOCK_TRIES || !__sync_val_compare_and_swap(&s->account->lock, 0, 1);
}

/*
 * cgn_lock reports whether it got the lock of an account. It gives up rather than wait for long. A loop that ends by itself says
 * as much as one that got the lock in its last step: so one more step is to fail.
 */
static __always_inline int cgn_lock(struct cgn_search *s)
{
	return cgn_try_lock(0, s) || bpf_loop(CGN_LOCK_TRIES + 1, cgn_try_lock, s, 0) <= CGN_LOCK_TRIES;
}

static __always_inline void cgn_unlock(struct cgn_account *account)
{
	__sync_lock_test_and_set(&account->lock, 0);
}

/*
 * cgn_token takes a new mapping from what the rate of a subscriber allows. Up to tick t that is t * rate / 16, rounded down: what
 * an earlier tick rounded off is not lost, and nothing is given twice.
 */
static __always_inline int cgn_token(struct cgn_account *account, const struct cgn_policy *policy, __u32 now)
{
	__u32 rate = policy->rate, most = policy->burst < 0xffff ? policy->burst : 0xffff;
	__u32 since = account->refill;
	__u64 more;

	if (!rate)
		return 1;
	if (now - since >= 16 * (most / rate + 1))
		more = most;
	else
		more = ((__u64)(now - since) * rate + (since * rate & 15)) / 16;
	account->tokens = account->tokens + more < most ? account->tokens + more : most;
	account->refill = now;
	if (!account->tokens)
		return 0;
	account->tokens--;
	return 1;
}

/*
 * cgn_recount frees a slot of the subscriber that can be given to others and counts what is left: step of a loop. s->free counts slots with
 * an owner, and s->found those of mappings of the subscriber that live. What somebody else has may be his by the plan that is in force: only
 * who needs the port takes it.
 */
static long cgn_recount(__u32 i, void *data)
{
	struct cgn_search *s = data;
	struct cgn_slot *slot;
	__u64 owner;
	__u16 port;

	if (s->at >= s->share.len)
		return 1;
	port = cgn_port_after(s, s->at);
	slot = cgn_slot_at(s->table, s->proto, port);
	if (!slot)
		return 1;
	s->at++;
	owner = slot->owner;
	if (!cgn_is_endpoint(owner))
		return 0;
	if (!cgn_claimable(s, slot, owner)) {
		s->free++;
		s->found += !((owner ^ s->owner) >> 32) && !cgn_idle(slot, s->policy, s->proto, s->now, 0);
	} else if (!((owner ^ s->owner) >> 32) && __sync_val_compare_and_swap(&slot->owner, owner, 0) == owner) {
		cgn_forget_at(s, owner, port);
	}
	return 0;
}

/* cgn_may_live returns of how many mappings that live an account may be, at most: what waits is none (RFC 6888 REQ-4, REQ-8). */
static __always_inline __u32 cgn_may_live(const struct cgn_account *account, enum cgn_proto proto)
{
	__u32 used = account->used[cgn_plane(proto)];
	__u32 over = proto < CGN_PROTOS ? account->over[proto] : 0;

	return used > over ? used - over : 0;
}

/* cgn_set_over notes how many of the slots in use are known to wait. */
static __always_inline void cgn_set_over(struct cgn_account *account, enum cgn_proto proto, __u32 over)
{
	if (proto < CGN_PROTOS)
		account->over[proto] = over;
}

/*
 * cgn_one_less_over is for a slot in use that is given anew, or freed: it may be one of those that wait. What is forgotten of those here,
 * the next count finds again.
 */
static __always_inline void cgn_one_less_over(struct cgn_account *account, enum cgn_proto proto)
{
	if (proto < CGN_PROTOS && account->over[proto])
		account->over[proto]--;
}

/* cgn_count_live frees slots that can be given to others, and has the account say what is left. It returns how many mappings live. */
static __always_inline __u32 cgn_count_live(struct cgn_search *s)
{
	struct cgn_account *account = s->account;
	__u32 found = s->found, live;

	s->at = s->free = s->found = 0;
	bpf_loop(s->share.len, cgn_recount, s, 0);
	live = s->found;
	account->used[cgn_plane(s->proto)] = s->free;
	account->noted |= CGN_ACCOUNT_COUNTED << cgn_plane(s->proto);
	cgn_set_over(account, s->proto, s->free - live);
	s->at = 0;
	s->free = s->share.len;
	s->found = found;
	return live;
}

/* cgn_within_limit reports whether a subscriber may have one more mapping. It counts when the account alone does not tell. */
static __always_inline int cgn_within_limit(struct cgn_search *s)
{
	__u32 limit = s->policy->limit[cgn_plane(s->proto)];

	return limit >= s->share.len || cgn_may_live(s->account, s->proto) < limit || cgn_count_live(s) < limit;
}

/*
 * cgn_free frees a slot, such that the port waits as long as others of its pool (RFC 6888 REQ-8): from now on, or from when the time of the
 * mapping was over. It reports whether it did.
 */
static __always_inline int cgn_free(const struct cgn_search *s, struct cgn_slot *slot, enum cgn_proto proto, __u16 port,
				    __u64 owner)
{
	__u32 over = cgn_overdue(slot, s->policy, proto, s->now);
	union cgn_life life = {.seen = s->now - over, .state = CGN_SLOT_ENDED};
	__u16 turn = owner + 1;

	if (!port || !s->policy->hold || over > s->policy->hold)
		return __sync_val_compare_and_swap(&slot->owner, owner, 0) == owner;
	if (__sync_val_compare_and_swap(&slot->owner, owner, turn ? turn : 1) != owner)
		return 0;
	*cgn_life_at(slot) = life.word;
	return 1;
}

/*
 * cgn_take gives a slot at a distance from home to s->owner: first to nobody, so that nobody reads the new state as the old
 * owner's. It fails when another subscriber is faster, who had the port under an earlier plan. In a free slot nothing is left of
 * the turn, and the tick makes up for it: turns take longer.
 */
static __always_inline int cgn_take(struct cgn_search *s, __u32 distance)
{
	__u16 port = cgn_port_after(s, distance), turn;
	struct cgn_slot *slot = cgn_slot_at(s->table, s->proto, port);
	__u64 owner;

	if (!slot)
		return 0;
	owner = slot->owner;
	turn = owner ? owner + 1 : s->now;
	if (owner && __sync_val_compare_and_swap(&slot->owner, owner, 0) != owner)
		return 0;
	if (owner && !cgn_same_endpoint(owner, s->owner))
		cgn_forget(s, owner, port);
	slot->state = 0;
	slot->seen = s->now;
	if (__sync_val_compare_and_swap(&slot->owner, 0, s->owner | turn))
		return 0;
	if (distance)
		cgn_remember(s, s->owner, s->home, port); /* who looks for it before that waits for the lock */
	if (!owner || (owner ^ s->owner) >> 32)
		s->account->used[cgn_plane(s->proto)]++;
	else
		cgn_one_less_over(s->account, s->proto);
	cgn_tally(CGN_TALLY_TCP + s->proto);
	return 1;
}

/*
 * cgn_begin_tick has what an account notes about a tick be about this one. In this order: what an earlier tick left must not be taken for
 * this one's by packets of other protocols.
 */
static __always_inline void cgn_begin_tick(const struct cgn_search *s)
{
	struct cgn_account *account = s->account;

	if (account->full == s->now + 1)
		return;
	account->flags &= ~(CGN_ACCOUNT_ASTRAY - 1);
	account->noted &= ~(CGN_ACCOUNT_COUNTED - 1);
	asm volatile("" ::: "memory");
	account->full = s->now + 1;
}

/*
 * cgn_search_free looks for a slot that can be claimed, once in a tick where there is none: who has ports that wait would pay for a walk over
 * all of them with each packet. The lock is held.
 */
static __always_inline void cgn_search_free(struct cgn_search *s)
{
	struct cgn_account *account = s->account;
	__u32 vain = CGN_ACCOUNT_VAIN << cgn_plane(s->proto);

	if (account->full == s->now + 1 && account->noted & vain)
		return;
	bpf_loop(s->share.len, cgn_look_free, s, 0);
	if (s->free < s->share.len || s->found < s->share.len)
		return;
	cgn_begin_tick(s);
	account->noted |= vain;
}

/* cgn_look_held looks for the slot that has waited longest, among those that are looked at: step of a loop. */
static long cgn_look_held(__u32 i, void *data)
{
	struct cgn_search *s = data;
	struct cgn_account *account = s->account;
	struct cgn_slot *slot;
	__u32 over;

	if (s->at >= s->share.len || (i >= CGN_HELD_LOOKS && s->free < s->share.len))
		return 1;
	slot = cgn_slot_at(s->table, s->proto, cgn_port_after(s, s->at));
	if (!slot)
		return 1;
	over = cgn_overdue(slot, s->policy, s->proto, s->now);
	if (over > account->waited) {
		account->waited = over;
		s->free = s->at;
	}
	s->at++;
	return 0;
}

/* cgn_waits returns how many ports wait, at least: all but those of mappings, where none is free. */
static __always_inline __u32 cgn_waits(const struct cgn_search *s)
{
	__u32 live = cgn_may_live(s->account, s->proto);

	return s->share.len > live ? s->share.len - live : 0;
}

/*
 * cgn_claim_held looks for a slot to claim among those that wait, where more do than may and none is free. It counts where the account alone
 * does not tell; what it finds is for as many packets as there are ports, or for the rest of the tick. The lock is held.
 */
static __always_inline void cgn_claim_held(struct cgn_search *s)
{
	__u32 most = s->policy->held;

	if (!s->policy->hold || most >= s->share.len)
		return;
	if (cgn_waits(s) <= most) {
		cgn_count_live(s);
		if (cgn_waits(s) <= most)
			return;
	}
	s->at = s->account->waited = 0;
	bpf_loop(s->share.len, cgn_look_held, s, 0);
}

/* cgn_lives reports whether the time of the mapping that was found is not over. */
static __always_inline int cgn_lives(const struct cgn_search *s)
{
	struct cgn_slot *slot = cgn_slot_at(s->table, s->proto, cgn_port_after(s, s->found));

	return slot && !cgn_idle(slot, s->policy, s->proto, s->now, 0);
}

/*
 * cgn_settle makes the mapping. The lock is held. Another CPU may have been faster, or the mapping has expired. The search for a free slot
 * may come across one that displaced has lost.
 */
static __always_inline enum cgn_verdict cgn_settle(struct cgn_search *s)
{
	cgn_look_up(s);
	if (s->found < s->share.len && cgn_lives(s))
		return CGN_CONTINUE;
	if (!cgn_within_limit(s)) /* while the port of what has expired waited, others have taken its place */
		return CGN_DROP_LIMIT;
	if (!cgn_token(s->account, s->policy, s->now))
		return CGN_DROP_RATE;
	if (s->found >= s->share.len && s->free >= s->share.len) {
		cgn_search_free(s);
		if (s->found < s->share.len && cgn_lives(s)) {
			cgn_remember(s, s->owner, s->home, cgn_port_after(s, s->found));
			return CGN_CONTINUE;
		}
	}
	if (s->found >= s->share.len && s->free >= s->share.len)
		cgn_claim_held(s);
	if (s->found >= s->share.len)
		s->found = s->free;
	if (s->found >= s->share.len)
		return CGN_DROP_EXHAUSTED;
	return cgn_take(s, s->found) ? CGN_CONTINUE : CGN_DROP_CONTENDED;
}

/* cgn_refused returns how a search for a free slot ended that was in this tick and in vain: it need not be repeated. */
static __always_inline enum cgn_verdict cgn_refused(const struct cgn_search *s)
{
	const struct cgn_account *account = s->account;
	__u32 full = CGN_ACCOUNT_FULL << cgn_plane(s->proto);

	if (account->full != s->now + 1 || !(account->flags & full))
		return CGN_CONTINUE;
	return account->limited & full ? CGN_DROP_LIMIT : CGN_DROP_EXHAUSTED;
}

static __always_inline void cgn_remember_refusal(const struct cgn_search *s, enum cgn_verdict v)
{
	struct cgn_account *account = s->account;
	__u32 full = CGN_ACCOUNT_FULL << cgn_plane(s->proto);

	cgn_begin_tick(s);
	if (v == CGN_DROP_LIMIT)
		account->limited |= full;
	else
		account->limited &= ~full;
	asm volatile("" ::: "memory");
	account->flags |= full;
}

/*
 * cgn_map is the way of a packet whose mapping is not at home: it finds it, or makes it where create says so. On
 * CGN_CONTINUE, s->found is where it is.
 */
static __noinline enum cgn_verdict cgn_map(struct cgn_search *s, int create)
{
	/* Asked first: a mapping that was made before the last slot went is found then, even if it was made just now. */
	enum cgn_verdict v = cgn_refused(s);

	cgn_look_up(s);
	if (s->found < s->share.len) {
		struct cgn_slot *slot = cgn_slot_at(s->table, s->proto, cgn_port_after(s, s->found));

		if (slot && cgn_is_live(slot, s->owner, s->policy, s->proto, s->now))
			return CGN_CONTINUE;
	}
	if (!create)
		return CGN_DROP_NO_MAPPING;
	if (v == CGN_DROP_LIMIT || (v != CGN_CONTINUE && s->found >= s->share.len))
		return v; /* who comes back to its own slot takes no other, but is one more that lives */
	if (!cgn_lock(s))
		return CGN_DROP_CONTENDED;
	v = cgn_settle(s);
	if (v == CGN_DROP_EXHAUSTED || v == CGN_DROP_LIMIT)
		cgn_remember_refusal(s, v);
	cgn_unlock(s->account);
	return v;
}

#endif
