/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The search for the mapping of an inside endpoint in the port set of its subscriber. It takes no lock. */
#ifndef CGN_SEARCH_H
#define CGN_SEARCH_H

#include "home.h"
#include "lookup.h"
#include "slot.h"

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

/* cgn_claimable reports whether a slot may get a new owner, the subscriber that s is for. */
static __always_inline int cgn_claimable(const struct cgn_search *s, const struct cgn_slot *slot, __u64 owner)
{
	if (!owner)
		return 1;
	if (!s->policy->hold && (owner ^ s->owner) >> 32)
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

/* cgn_displaced_key is how displaced knows the endpoint that owns a slot. */
static __always_inline struct cgn_displaced cgn_displaced_key(const struct cgn_search *s, __u64 owner)
{
	struct cgn_displaced key = {.addr = owner >> 32, .port = owner >> 16, .proto = s->proto, .realm = s->pool->realm};

	return key;
}

/* cgn_distance_of returns how far a port is from home, or the length of the share where it does not belong to it. */
static __always_inline __u32 cgn_distance_of(const struct cgn_search *s, __u16 port)
{
	__s32 number = cgn_share_number(s->pool, s->list, &s->share, port);

	if (number < 0)
		return s->share.len;
	return number >= s->home ? number - s->home : number + s->share.len - s->home;
}

/*
 * cgn_stray is the bit of s->home among the strays of an account. Who has none there is not in displaced: for most packets that
 * want a new mapping, that spares a look into a table too large for the cache.
 */
static __always_inline __u64 cgn_stray(__u32 home)
{
	return 1ULL << (home & 63);
}

/*
 * cgn_look_displaced looks where displaced says. It returns 0 where that leads nowhere: what it says is then of another plan, and says of
 * this one only that the mapping has to be looked for.
 */
static __always_inline int cgn_look_displaced(struct cgn_search *s)
{
	struct cgn_displaced key = cgn_displaced_key(s, s->owner);
	struct cgn_slot *slot;
	__u32 distance;
	__u16 *port;

	if (!(s->account->strays[cgn_plane(s->proto)] & cgn_stray(s->home)))
		return 1;
	port = bpf_map_lookup_elem(&displaced, &key);
	if (!port)
		return 1;
	distance = cgn_distance_of(s, *port);
	if (distance >= s->share.len)
		return 0;
	slot = cgn_slot_at(s->table, s->proto, *port);
	if (!slot || !cgn_same_endpoint(slot->owner, s->owner))
		return 0;
	s->found = distance;
	return 1;
}

/*
 * cgn_look_everywhere looks at the whole share. What it finds, displaced has then in the place of what led nowhere. That takes no lock:
 * should the mapping end meanwhile, the entry leads nowhere once more.
 */
static __always_inline void cgn_look_everywhere(struct cgn_search *s, int mend)
{
	struct cgn_displaced key = cgn_displaced_key(s, s->owner);
	__u16 port;

	bpf_loop(s->share.len, cgn_look, s, 0);
	if (!mend || !s->found || s->found >= s->share.len)
		return;
	port = cgn_port_after(s, s->found);
	bpf_map_update_elem(&displaced, &key, &port, BPF_EXIST);
}

/* cgn_look_up looks for the mapping: at home, where displaced says, and only if that does not know all, everywhere. On the way
 * it may find the first slot to claim. */
static __always_inline void cgn_look_up(struct cgn_search *s)
{
	struct cgn_slot *slot;
	int known;

	s->at = 0;
	s->found = s->free = s->share.len;
	slot = cgn_slot_at(s->table, s->proto, cgn_port_after(s, 0));
	if (slot && cgn_same_endpoint(slot->owner, s->owner)) {
		s->found = 0;
		return;
	}
	if (slot && !slot->owner)
		s->free = 0;
	known = cgn_look_displaced(s);
	if (!known || (s->found == s->share.len && s->account->flags & CGN_ACCOUNT_ASTRAY << cgn_plane(s->proto)))
		cgn_look_everywhere(s, !known);
}

/* cgn_forget_at takes the owner of a slot out of displaced, unless that has it at another port by now. The lock is held. */
static __always_inline void cgn_forget_at(const struct cgn_search *s, __u64 owner, __u16 port)
{
	struct cgn_displaced key = cgn_displaced_key(s, owner);
	__u16 *at = bpf_map_lookup_elem(&displaced, &key);

	if (at && *at == port)
		bpf_map_delete_elem(&displaced, &key);
}

/*
 * cgn_forget is cgn_forget_at for a search of a subscriber's own. Another subscriber's slot is from an earlier plan: that one may have
 * a new mapping by now, maybe at the same port of another address, and its lock is not held. Go sees to it, see cgn_claim_forget.
 */
static __always_inline void cgn_forget(const struct cgn_search *s, __u64 owner, __u16 port)
{
	if (!((owner ^ s->owner) >> 32))
		cgn_forget_at(s, owner, port);
}

/* cgn_remember puts the port of an owner that is not at its home into displaced. The lock is held. It returns 0 for no room. */
static __always_inline int cgn_remember(struct cgn_search *s, __u64 owner, __u32 home, __u16 port)
{
	struct cgn_displaced key = cgn_displaced_key(s, owner);
	__u32 plane = cgn_plane(s->proto);

	s->account->strays[plane] |= cgn_stray(home);
	if (!bpf_map_update_elem(&displaced, &key, &port, BPF_ANY))
		return 1;
	s->account->flags |= CGN_ACCOUNT_ASTRAY << plane | CGN_ACCOUNT_AGAIN;
	return 0;
}

#endif
