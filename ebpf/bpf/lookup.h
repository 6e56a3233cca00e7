/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The two questions of a plan, over its maps: which share has a subscriber, and who owns a port. */
#ifndef CGN_LOOKUP_H
#define CGN_LOOKUP_H

#include <bpf/bpf_endian.h>

#include "maps.h"
#include "plan.h"

/* cgn_owner is a subscriber and where its ports are, or the reason why there is none. */
struct cgn_owner {
	enum cgn_status status;
	__u32 pool; /* set except for CGN_NOT_IN_POOL */
	__u32 position; /* in the inside order of the pool; set for CGN_ALLOCATED, as all below */
	__u32 row;
	struct cgn_place place;
};

/* cgn_find returns the range of an index, below CGN_INDEXES, that holds an address, or NULL. O(log16 of its ranges) map lookups. */
static __always_inline struct cgn_range *cgn_find(__u32 index, __u32 addr)
{
	const volatile struct cgn_index *ix = &indexes[index];
	__u32 j = 0, at, depth = ix->depth;
	struct cgn_range *r;
	int level;

	for (level = 0; level < CGN_LEVELS; level++) {
		struct cgn_node *node;

		if (level >= depth)
			break;
		at = ix->level[level] + j;
		node = bpf_map_lookup_elem(&nodes, &at);
		if (!node)
			return NULL;
		j = j * CGN_FANOUT + cgn_child(node, addr);
	}
	if (j >= ix->ranges)
		return NULL; /* the highest address is what nodes are filled up with */
	at = ix->range + j;
	r = bpf_map_lookup_elem(&ranges, &at);
	if (!r || addr - r->first > r->last - r->first)
		return NULL;
	return r;
}

/* cgn_list_of returns the list of a pool's outside address, or NULL where the pool has none. */
static __always_inline struct cgn_list *cgn_list_of(const struct cgn_pool *p, __u32 address)
{
	__u32 at = p->list;

	if (!(p->flags & CGN_POOL_LIST))
		return NULL;
	if (p->flags & CGN_POOL_OWN_LISTS)
		at += address;
	return bpf_map_lookup_elem(&lists, &at);
}

/* cgn_cut_of returns entry e of a pool's cuts, or NULL where the pool has none. */
static __always_inline struct cgn_cut *cgn_cut_of(const struct cgn_pool *p, __u32 e)
{
	__u32 at = p->cut + e;

	return p->flags & CGN_POOL_CUT ? bpf_map_lookup_elem(&cuts, &at) : NULL;
}

/*
 * cgn_subscriber answers the forward question: where is the share of an inside address of a realm? It returns the pool, or
 * NULL for an address that is no subscriber.
 */
static __always_inline struct cgn_pool *cgn_subscriber(__u32 realm, __be32 inside, struct cgn_owner *o)
{
	__u32 addr = bpf_ntohl(inside);
	struct cgn_range *r;
	struct cgn_pool *p;

	if (realms == 1)
		realm = 0;
	if (realm >= CGN_INDEXES - 1)
		return NULL;
	r = cgn_find(1 + realm, addr);
	if (!r)
		return NULL;
	o->pool = r->pool;
	p = bpf_map_lookup_elem(&pools, &o->pool);
	if (!p)
		return NULL;
	o->status = CGN_ALLOCATED;
	o->position = r->position + (addr - r->first);
	o->place = cgn_locate(p, o->position);
	o->row = p->row + o->place.address;
	return p;
}

/* cgn_port_slot returns whether a slot of an outside address owns a port, and which. */
static __always_inline enum cgn_status cgn_port_slot(const struct cgn_pool *p, __u32 address, __u16 port, __u32 *slot)
{
	struct cgn_list *list = cgn_list_of(p, address);
	struct cgn_cut *cut;
	__s32 x;

	if (p->flags & CGN_POOL_LIST && !list)
		return CGN_STATUS_NONE;
	x = cgn_index_of(p, list, port);
	if (x < 0)
		return CGN_RESERVED;
	if (!(p->flags & CGN_POOL_PSID)) {
		*slot = cgn_slot(p, x);
		return *slot < p->ratio ? CGN_ALLOCATED : cgn_leftover(p);
	}
	x = cgn_psid(p, port);
	if (x < 0)
		return cgn_leftover(p);
	*slot = x;
	if (p->flags & CGN_POOL_CUT) {
		cut = cgn_cut_of(p, x);
		if (!cut)
			return CGN_STATUS_NONE;
		*slot = cut->slot;
	}
	return *slot < p->ratio ? CGN_ALLOCATED : cgn_leftover(p);
}

/*
 * cgn_trace answers the reverse question: who owns a port of an outside address? It returns the pool, or NULL for an
 * address that is in none. CGN_STATUS_NONE means that the tables contradict themselves.
 */
static __always_inline struct cgn_pool *cgn_trace(__be32 outside, __u16 port, struct cgn_owner *o)
{
	__u32 addr = bpf_ntohl(outside);
	struct cgn_range *r = cgn_find(0, addr);
	struct cgn_pool *p;
	__u64 position;

	o->status = CGN_NOT_IN_POOL;
	if (!r)
		return NULL;
	o->pool = r->pool;
	p = bpf_map_lookup_elem(&pools, &o->pool);
	if (!p)
		return NULL;
	o->place.address = r->position + (addr - r->first);
	o->row = p->row + o->place.address;
	o->status = cgn_port_slot(p, o->place.address, port, &o->place.slot);
	if (o->status != CGN_ALLOCATED)
		return p;
	position = cgn_position(p, o->place);
	if (position >= p->subscribers)
		o->status = CGN_UNASSIGNED;
	else
		o->position = position;
	return p;
}

#endif
