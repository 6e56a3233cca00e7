/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The port set of a subscriber as a hash table. The mapping of an inside endpoint is at its home or after it, no further than
 * the reach of the account; a free slot is claimed by compare-and-swap. Nothing is ever evicted (RFC 6888 REQ-11d): a slot
 * whose time has run out is as good as free, and stays as it is until somebody needs it or a sweep comes by.
 *
 * To use a mapping takes no lock. To make one takes the lock of the subscriber's account, so that two packets of one endpoint
 * on two CPUs cannot make two.
 */
#ifndef CGN_SLOT_H
#define CGN_SLOT_H

#include "home.h"
#include "lookup.h"
#include "packet.h"
#include "state.h"
#include "tcp.h"

enum cgn_slot_limit {
	CGN_LOCK_TRIES = 4096,
};

/* Set by Go before load: a tick is 2^tick_shift jiffies, a quarter of a second or so. Reading a clock would take longer than a map. */
const volatile __u32 tick_shift;

/* cgn_now returns the tick. */
static __always_inline __u32 cgn_now(void)
{
	return bpf_jiffies64() >> tick_shift;
}

/* cgn_owner_word is who owns a slot: inside address and port in the order of the wire, and the turn, which counts owners. */
static __always_inline __u64 cgn_owner_word(__be32 addr, __be16 port)
{
	return (__u64)addr << 32 | (__u64)port << 16;
}

static __always_inline int cgn_same_endpoint(__u64 owner, __u64 other)
{
	return !((owner ^ other) >> 16);
}

/* cgn_timeout returns after how many ticks without a packet that counts a mapping ends. */
static __always_inline __u32 cgn_timeout(const struct cgn_policy *policy, enum cgn_proto proto, __u32 state)
{
	if (proto == CGN_TCP)
		return cgn_tcp_transitory(state) ? policy->transitory : policy->established;
	return proto == CGN_UDP ? policy->udp : policy->icmp;
}

/* cgn_idle reports whether a slot has been without a packet for longer than its time and some ticks more. */
static __always_inline int cgn_idle(const struct cgn_slot *slot, const struct cgn_policy *policy, enum cgn_proto proto,
				    __u32 now, __u32 more)
{
	__u32 state = slot->state;

	if (state & CGN_SLOT_STATIC)
		return 0;
	return (__s32)(now - slot->seen) > (__s32)(cgn_timeout(policy, proto, state) + more);
}

/* A search for the slot of an inside endpoint in a share. */
struct cgn_search {
	struct cgn_share share;
	const struct cgn_pool *pool;
	const struct cgn_list *list;
	const struct cgn_policy *policy;
	struct cgn_account *account;
	void *table; /* the slots of the outside address */
	__u64 owner; /* turn 0 */
	enum cgn_proto proto;
	__u32 home;
	__u32 now;
	__u32 at; /* the distance from home of the next slot to look at */
	__u32 found; /* the distance of the mapping, or the length of the share */
	__u32 free; /* the distance of the first slot that can be claimed, or the length of the share */
};

/* cgn_port_after returns the port at a distance from home, which is below the length of the share. */
static __always_inline __u16 cgn_port_after(const struct cgn_search *s, __u32 distance)
{
	__u32 i = s->home + distance;

	if (i >= s->share.len)
		i -= s->share.len;
	return cgn_share_port(s->pool, s->list, &s->share, i);
}

/* cgn_plane returns the index of a protocol, in bounds for the verifier. */
static __always_inline __u32 cgn_plane(enum cgn_proto proto)
{
	return proto & (CGN_PLANES - 1);
}

static __always_inline struct cgn_slot *cgn_slot_at(void *table, enum cgn_proto proto, __u16 port)
{
	__u32 at = (__u32)proto << 16 | port;

	return bpf_map_lookup_elem(table, &at);
}

/* cgn_claimable reports whether a slot may get a new owner, the subscriber that s is for. */
static __always_inline int cgn_claimable(const struct cgn_search *s, const struct cgn_slot *slot, __u64 owner)
{
	if (!owner)
		return 1;
	if ((owner ^ s->owner) >> 32)
		return 1; /* of another subscriber, who had the port under an earlier plan */
	return cgn_idle(slot, s->policy, s->proto, s->now, s->policy->hold);
}

/* cgn_look looks at one slot: step of the loops below. */
static long cgn_look(__u32 i, void *data)
{
	struct cgn_search *s = data;
	struct cgn_slot *slot;
	__u64 owner;

	if (s->at >= s->share.len)
		return 1;
	slot = cgn_slot_at(s->table, s->proto, cgn_port_after(s, s->at));
	if (!slot)
		return 1;
	owner = slot->owner;
	if (cgn_same_endpoint(owner, s->owner)) {
		s->found = s->at;
		return 1;
	}
	if (s->free == s->share.len && cgn_claimable(s, slot, owner))
		s->free = s->at;
	s->at++;
	return 0;
}

/* cgn_look_free goes on until there is a slot to claim. */
static long cgn_look_free(__u32 i, void *data)
{
	struct cgn_search *s = data;

	return s->free < s->share.len || cgn_look(i, data);
}

static long cgn_try_lock(__u32 i, void *data)
{
	struct cgn_search *s = data;

	return !__sync_val_compare_and_swap(&s->account->lock, 0, 1);
}

/* cgn_lock reports whether it got the lock of an account. It gives up rather than wait for long. */
static __always_inline int cgn_lock(struct cgn_search *s)
{
	return bpf_loop(CGN_LOCK_TRIES, cgn_try_lock, s, 0) < CGN_LOCK_TRIES;
}

static __always_inline void cgn_unlock(struct cgn_account *account)
{
	__sync_lock_test_and_set(&account->lock, 0);
}

/* cgn_look_up looks for the mapping as far as one can be. The lock is held where s->free matters. */
static __always_inline void cgn_look_up(struct cgn_search *s)
{
	s->at = 0;
	s->found = s->free = s->share.len;
	bpf_loop(s->account->reach[cgn_plane(s->proto)], cgn_look, s, 0);
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

/* cgn_recount frees a slot whose time is over and counts the others: step of a loop. s->free counts. */
static long cgn_recount(__u32 i, void *data)
{
	struct cgn_search *s = data;
	struct cgn_slot *slot;
	__u64 owner;

	if (s->at >= s->share.len)
		return 1;
	slot = cgn_slot_at(s->table, s->proto, cgn_port_after(s, s->at));
	if (!slot)
		return 1;
	s->at++;
	owner = slot->owner;
	if (!owner)
		return 0;
	if (cgn_claimable(s, slot, owner))
		__sync_val_compare_and_swap(&slot->owner, owner, 0);
	else
		s->free++;
	return 0;
}

/* cgn_within_limit reports whether a subscriber may have one more mapping. */
static __always_inline int cgn_within_limit(struct cgn_search *s)
{
	struct cgn_account *account = s->account;
	__u32 limit = s->policy->limit[cgn_plane(s->proto)];

	if (limit >= s->share.len || account->used[cgn_plane(s->proto)] < limit)
		return 1;
	s->at = s->free = 0;
	bpf_loop(s->share.len, cgn_recount, s, 0);
	account->used[cgn_plane(s->proto)] = s->free;
	return account->used[cgn_plane(s->proto)] < limit;
}

/*
 * cgn_take gives a slot at a distance from home to s->owner: first to nobody, so that nobody reads the new state as the old
 * owner's. It fails when another subscriber is faster, who had the port under an earlier plan.
 */
static __always_inline int cgn_take(struct cgn_search *s, __u32 distance)
{
	struct cgn_slot *slot = cgn_slot_at(s->table, s->proto, cgn_port_after(s, distance));
	__u64 owner;
	__u16 turn;

	if (!slot)
		return 0;
	owner = slot->owner;
	turn = owner + 1;
	if (owner && __sync_val_compare_and_swap(&slot->owner, owner, 0) != owner)
		return 0;
	slot->state = 0;
	slot->seen = s->now;
	if (s->account->reach[cgn_plane(s->proto)] <= distance)
		s->account->reach[cgn_plane(s->proto)] = distance + 1;
	if (__sync_val_compare_and_swap(&slot->owner, 0, s->owner | turn))
		return 0;
	if (!owner || (owner ^ s->owner) >> 32)
		s->account->used[cgn_plane(s->proto)]++;
	return 1;
}

/* cgn_settle makes the mapping. The lock is held. */
static __always_inline enum cgn_verdict cgn_settle(struct cgn_search *s)
{
	struct cgn_account *account = s->account;

	cgn_look_up(s);
	if (s->found < s->share.len) { /* another CPU was faster, or the mapping has expired */
		struct cgn_slot *slot = cgn_slot_at(s->table, s->proto, cgn_port_after(s, s->found));

		if (!slot)
			return CGN_DROP_TABLES;
		if (!cgn_idle(slot, s->policy, s->proto, s->now, 0))
			return CGN_CONTINUE;
		if (!cgn_token(account, s->policy, s->now))
			return CGN_DROP_RATE;
		return cgn_take(s, s->found) ? CGN_CONTINUE : CGN_DROP_CONTENDED;
	}
	if (!cgn_within_limit(s))
		return CGN_DROP_LIMIT;
	if (!cgn_token(account, s->policy, s->now))
		return CGN_DROP_RATE;
	s->at = 0;
	s->free = s->share.len;
	bpf_loop(s->share.len, cgn_look_free, s, 0);
	if (s->free >= s->share.len)
		return CGN_DROP_EXHAUSTED;
	s->found = s->free;
	return cgn_take(s, s->free) ? CGN_CONTINUE : CGN_DROP_CONTENDED;
}

/* cgn_refused reports whether the last search for a free slot was in this tick, and in vain: it need not be repeated. */
static __always_inline int cgn_refused(const struct cgn_search *s)
{
	return s->account->full == s->now + 1 && s->account->full_proto & 1 << s->proto;
}

static __always_inline void cgn_remember_refusal(const struct cgn_search *s)
{
	struct cgn_account *account = s->account;

	if (account->full != s->now + 1) {
		account->full = s->now + 1;
		account->full_proto = 0;
	}
	account->full_proto |= 1 << s->proto;
}

/*
 * cgn_map is the way of a packet whose mapping is not at home: it finds it, or makes it where create says so. On
 * CGN_CONTINUE, s->found is where it is.
 */
static __noinline enum cgn_verdict cgn_map(struct cgn_search *s, int create)
{
	enum cgn_verdict v;

	cgn_look_up(s);
	if (s->found < s->share.len) {
		struct cgn_slot *slot = cgn_slot_at(s->table, s->proto, cgn_port_after(s, s->found));

		if (slot && !cgn_idle(slot, s->policy, s->proto, s->now, 0))
			return CGN_CONTINUE;
	}
	if (!create)
		return CGN_DROP_NO_MAPPING;
	if (cgn_refused(s))
		return CGN_DROP_EXHAUSTED;
	if (!cgn_lock(s))
		return CGN_DROP_CONTENDED;
	v = cgn_settle(s);
	if (v == CGN_DROP_EXHAUSTED || v == CGN_DROP_LIMIT)
		cgn_remember_refusal(s);
	cgn_unlock(s->account);
	return v;
}

#endif
