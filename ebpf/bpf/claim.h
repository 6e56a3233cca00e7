/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* One mapping, made or ended by Go: port forwards, and mappings that are brought back from a checkpoint. */
#ifndef CGN_CLAIM_H
#define CGN_CLAIM_H

#include "translate.h"

enum cgn_claim_kind {
	CGN_CLAIM_RESTORE, /* nothing is overwritten that lives */
	CGN_CLAIM_FORWARD, /* a mapping of the endpoint elsewhere ends, because an endpoint has one */
	CGN_CLAIM_RELEASE, /* ends a forward */
	CGN_CLAIM_FORGET, /* has displaced say, of an endpoint for which that leads nowhere, that it is at a port, if it is, or nothing */
	CGN_CLAIM_END, /* ends a mapping that is no forward, and leaves displaced alone: that may be about another one of the endpoint */
};

enum cgn_claim_result {
	CGN_CLAIM_DONE,
	CGN_CLAIM_NOT_SUBSCRIBER,
	CGN_CLAIM_NOT_OWNED, /* the port is not of the subscriber's share */
	CGN_CLAIM_TAKEN, /* another endpoint of the subscriber has it: holder; or it is free and waits: age */
	CGN_CLAIM_ELSEWHERE, /* the endpoint has another port: port */
	CGN_CLAIM_NONE, /* there is no such forward, or displaced is right */
	CGN_CLAIM_BUSY, /* the account is locked */
	CGN_CLAIM_TABLES, /* the tables contradict themselves */
	CGN_CLAIM_LIMIT, /* the subscriber has as many mappings as it may */
};

struct cgn_claiming {
	enum cgn_claim_kind kind;
	enum cgn_claim_result result; /* out */
	__u32 realm;
	enum cgn_proto proto;
	__be32 inside;
	__be16 inside_port;
	__u16 port; /* outside; out where the result says so */
	__u32 state; /* enum cgn_slot_state */
	__u32 age; /* ticks since the last packet; out, for how many a free port has to wait still, 0 = it is not free */
	__be32 holder_addr; /* out */
	__be16 holder_port; /* out */
	__u16 pad;
};

static __always_inline struct cgn_slot *cgn_slot_after(const struct cgn_search *s, __u32 distance)
{
	return cgn_slot_at(s->table, s->proto, cgn_port_after(s, distance));
}

/* cgn_let_go frees the slot at a distance from home, whose port waits as others do. The lock is held. */
static __always_inline int cgn_let_go(struct cgn_search *s, __u32 distance, int forget)
{
	struct cgn_slot *slot = cgn_slot_after(s, distance);
	__u16 port = cgn_port_after(s, distance);
	__u32 plane = cgn_plane(s->proto);
	__u64 owner;

	if (!slot)
		return 0;
	owner = slot->owner;
	if (!cgn_free(s, slot, s->proto, port, owner))
		return 0;
	if (forget)
		cgn_forget(s, owner, port);
	if (s->account->used[plane])
		s->account->used[plane]--;
	s->account->noted |= CGN_ACCOUNT_COUNTED << plane;
	cgn_one_less_over(s->account, s->proto);
	return 1;
}

/*
 * cgn_claim_release ends the forward at a distance from home, or a mapping that is none. The port waits for its endpoint, too: what this one
 * sends next is no reason to open it again.
 */
static __always_inline enum cgn_claim_result cgn_claim_release(struct cgn_search *s, __u32 distance, int is_static)
{
	struct cgn_slot *slot = cgn_slot_after(s, distance);

	if (!slot)
		return CGN_CLAIM_TABLES;
	if (!cgn_same_endpoint(slot->owner, s->owner) || !!(slot->state & CGN_SLOT_STATIC) != is_static)
		return CGN_CLAIM_NONE;
	return cgn_let_go(s, distance, is_static) ? CGN_CLAIM_DONE : CGN_CLAIM_BUSY;
}

/* cgn_claim_elsewhere decides about a mapping that the endpoint has at s->found, which is not what is wanted. */
static __always_inline enum cgn_claim_result cgn_claim_elsewhere(struct cgn_search *s, struct cgn_claiming *c)
{
	struct cgn_slot *slot = cgn_slot_after(s, s->found);

	if (!slot)
		return CGN_CLAIM_TABLES;
	if (slot->state & CGN_SLOT_STATIC ||
	    (c->kind == CGN_CLAIM_RESTORE && !cgn_idle(slot, s->policy, s->proto, s->now, 0))) {
		c->port = cgn_port_after(s, s->found);
		return CGN_CLAIM_ELSEWHERE;
	}
	return cgn_let_go(s, s->found, 1) ? CGN_CLAIM_DONE : CGN_CLAIM_BUSY;
}

/*
 * cgn_claim_taken notes why a port cannot be had: who has it, or for how long it waits (RFC 6888 REQ-8). What waits after a change of
 * plan is nobody's.
 */
static __always_inline enum cgn_claim_result cgn_claim_taken(const struct cgn_search *s, struct cgn_claiming *c,
							     const struct cgn_slot *slot, __u64 owner)
{
	__u32 over = cgn_overdue(slot, s->policy, s->proto, s->now), hold = s->policy->hold;
	__be32 addr = owner >> 32;

	c->holder_addr = addr;
	c->holder_port = owner >> 16;
	c->age = (over || !cgn_is_endpoint(owner)) && over <= hold ? hold - over + 1 : 0;
	return CGN_CLAIM_TAKEN;
}

/* cgn_claim_slot makes the mapping at a distance from home. The lock is held. */
static __always_inline enum cgn_claim_result cgn_claim_slot(struct cgn_search *s, struct cgn_claiming *c, __u32 distance)
{
	struct cgn_slot *slot = cgn_slot_after(s, distance), *other;
	int moves = 0; /* a mapping that lives: there is not one more then */
	enum cgn_claim_result r;
	__u64 owner;

	if (!slot)
		return CGN_CLAIM_TABLES;
	owner = slot->owner;
	if (!cgn_same_endpoint(owner, s->owner) && !cgn_claimable(s, slot, owner))
		return cgn_claim_taken(s, c, slot, owner);
	if (s->found < s->share.len && s->found != distance) {
		other = cgn_slot_after(s, s->found);
		moves = other && !cgn_idle(other, s->policy, s->proto, s->now, 0);
		r = cgn_claim_elsewhere(s, c);
		if (r != CGN_CLAIM_DONE)
			return r;
	}
	if (cgn_same_endpoint(owner, s->owner) && !cgn_idle(slot, s->policy, s->proto, s->now, 0)) {
		__sync_fetch_and_or(&slot->state, c->state & CGN_SLOT_STATIC); /* the session on it goes on */
		return CGN_CLAIM_DONE;
	}
	if (!moves && !cgn_within_limit(s))
		return CGN_CLAIM_LIMIT;
	if (!cgn_take(s, distance))
		return CGN_CLAIM_BUSY;
	if (__sync_val_compare_and_swap(&slot->state, 0,
					c->state)) /* a packet has found it already: what it says is newer */
		__sync_fetch_and_or(&slot->state, c->state & CGN_SLOT_STATIC);
	slot->seen = s->now - c->age;
	return CGN_CLAIM_DONE;
}

/* cgn_is_away reports whether the endpoint has the slot at a distance from home, and that is not its home. */
static __always_inline int cgn_is_away(const struct cgn_search *s, __u32 distance)
{
	struct cgn_slot *slot;

	if (!distance || distance >= s->share.len)
		return 0;
	slot = cgn_slot_after(s, distance);
	return slot && cgn_same_endpoint(slot->owner, s->owner);
}

/*
 * cgn_claim_forget sees to what another plan has left in displaced. The lock is held, so no packet makes a mapping of the
 * endpoint meanwhile.
 */
static __always_inline enum cgn_claim_result cgn_claim_forget(struct cgn_search *s, __u32 distance)
{
	struct cgn_displaced key = cgn_displaced_key(s, s->owner);
	__u16 *port = bpf_map_lookup_elem(&displaced, &key);

	if (!port || cgn_is_away(s, cgn_distance_of(s, *port)))
		return CGN_CLAIM_NONE;
	if (cgn_is_away(s, distance))
		cgn_remember(s, s->owner, s->home, cgn_port_after(s, distance));
	else
		bpf_map_delete_elem(&displaced, &key);
	return CGN_CLAIM_DONE;
}

/* cgn_claim_disown is cgn_claim_forget for who is no subscriber any more, and makes no mappings. */
static __always_inline enum cgn_claim_result cgn_claim_disown(const struct cgn_claiming *c)
{
	struct cgn_displaced key = {.addr = c->inside, .port = c->inside_port, .proto = c->proto, .realm = c->realm};

	return bpf_map_delete_elem(&displaced, &key) ? CGN_CLAIM_NONE : CGN_CLAIM_DONE;
}

/* cgn_claim_locked does what is asked for the port at a distance from home. The lock is held. */
static __always_inline enum cgn_claim_result cgn_claim_locked(struct cgn_search *s, struct cgn_claiming *c, __u32 distance)
{
	if (c->kind == CGN_CLAIM_FORGET)
		return cgn_claim_forget(s, distance);
	if (c->kind == CGN_CLAIM_RELEASE || c->kind == CGN_CLAIM_END)
		return cgn_claim_release(s, distance, c->kind == CGN_CLAIM_RELEASE);
	cgn_look_up(s);
	return cgn_claim_slot(s, c, distance);
}

/* cgn_claim_port does what is asked for one port. */
static __always_inline enum cgn_claim_result cgn_claim_port(struct cgn_claiming *c)
{
	struct cgn_flow flow = {.near = {.addr = c->inside, .port = c->inside_port}, .proto = c->proto};
	enum cgn_claim_result r;
	struct cgn_search s = {};
	struct cgn_owner o = {};
	struct cgn_row *on;
	__u32 distance, row, share;
	void *table;

	if (c->proto >= CGN_PROTOS)
		return CGN_CLAIM_NOT_OWNED;
	if (!cgn_is_subscriber(c->realm, c->inside, &o))
		return c->kind == CGN_CLAIM_FORGET ? cgn_claim_disown(c) : CGN_CLAIM_NOT_SUBSCRIBER;
	row = o.row;
	on = bpf_map_lookup_elem(&rows, &row);
	if (!on || cgn_search_for(&s, &flow, &o, on) != CGN_CONTINUE)
		return CGN_CLAIM_TABLES;
	distance = cgn_distance_of(&s, c->port);
	if (distance >= s.share.len && c->kind != CGN_CLAIM_FORGET)
		return CGN_CLAIM_NOT_OWNED;
	table = bpf_map_lookup_elem(&accounts, &row);
	if (!table)
		return CGN_CLAIM_TABLES;
	share = o.place.slot;
	s.account = bpf_map_lookup_elem(table, &share);
	if (!s.account)
		return CGN_CLAIM_TABLES;
	if (!cgn_lock(&s))
		return CGN_CLAIM_BUSY;
	r = cgn_claim_locked(&s, c, distance);
	cgn_unlock(s.account);
	return r;
}

#endif
