/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The question of a plan, over its maps: which share has a subscriber? Who has a port is what its slot says. */
#ifndef CGN_LOOKUP_H
#define CGN_LOOKUP_H

#include <bpf/bpf_endian.h>

#include "maps.h"
#include "plan.h"

/* cgn_owner is a subscriber and where its ports are. */
struct cgn_owner {
	__u32 pool;
	__u32 position; /* in the inside order of the pool; with seated, its cut */
	__u32 row;
	struct cgn_place place;
};

/* cgn_found is what an index says of an address: its pool and, as in cgn_range, its position. */
struct cgn_found {
	__u32 pool;
	__u32 position;
};

/* cgn_find_range returns the range of an index, below CGN_INDEXES, that holds an address, or NULL. O(log16 of its ranges) map lookups. */
static __always_inline struct cgn_range *cgn_find_range(__u32 index, __u32 addr)
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

/* cgn_find_in finds an address in a bucket. It returns 0 where it is not there. */
static __always_inline int cgn_find_in(const struct cgn_bucket *b, __u32 addr, struct cgn_found *found)
{
	__u32 i = cgn_in_bucket(b, addr);

	if (i >= CGN_BUCKET)
		return 0;
	found->pool = b->pool[i];
	found->position = b->position[i];
	return 1;
}

/* cgn_find_alone is cgn_find for the addresses that are in buckets: at most two lines. */
static __always_inline int cgn_find_alone(__u32 index, __u32 addr, struct cgn_found *found)
{
	const volatile struct cgn_index *ix = &indexes[index];
	struct cgn_bucket *b;
	__u32 h, at;

	if (!ix->buckets || addr == (__u32)-1)
		return 0;
	h = cgn_hash(ix, addr);
	at = cgn_bucket_of(ix, h);
	b = bpf_map_lookup_elem(&buckets, &at);
	if (!b)
		return 0;
	if (cgn_find_in(b, addr, found))
		return 1;
	if (!b->more)
		return 0;
	at = cgn_bucket_of(ix, cgn_hash_again(h));
	b = bpf_map_lookup_elem(&buckets, &at);
	return b && cgn_find_in(b, addr, found);
}

/* cgn_find finds an address in an index, below CGN_INDEXES. It returns 0 where it is not there. */
static __always_inline int cgn_find(__u32 index, __u32 addr, struct cgn_found *found)
{
	struct cgn_range *r = cgn_find_range(index, addr);

	if (!r)
		return cgn_find_alone(index, addr, found);
	found->pool = r->pool;
	found->position = r->position + (addr - r->first);
	return 1;
}

/* cgn_list_of returns the list of an outside address, or NULL where the pool has none. */
static __always_inline struct cgn_list *cgn_list_of(const struct cgn_pool *p, const struct cgn_row *row)
{
	__u32 at = row->list;

	return p->flags & CGN_POOL_LIST ? bpf_map_lookup_elem(&lists, &at) : NULL;
}

/* cgn_cut_of returns the cut of a slot of an outside address, whose first is given, or NULL where the pool has none. */
static __always_inline struct cgn_cut *cgn_cut_of(const struct cgn_pool *p, __u32 first, __u32 slot)
{
	__u32 at = first + slot;

	return p->flags & CGN_POOL_CUT ? bpf_map_lookup_elem(&cuts, &at) : NULL;
}

/* cgn_has_one_share reports whether a row of a pool with seated has one share. Global because of the stack of who asks. */
__noinline int cgn_has_one_share(__u32 row)
{
	struct cgn_row *r = bpf_map_lookup_elem(&rows, &row);
	struct cgn_cut *cut;
	__u32 at;

	if (!r)
		return 0;
	at = r->cut;
	cut = bpf_map_lookup_elem(&cuts, &at);
	return cut && cut->shares == 1;
}

/* cgn_is_alone reports whether an outside address has one share, so that who has it needs no ports to be told from others. */
static __always_inline int cgn_is_alone(const struct cgn_pool *p, __u32 row)
{
	return p->flags & CGN_POOL_SEATED ? cgn_has_one_share(row) : p->ratio == 1;
}

/* cgn_sit finds the place of a subscriber of a pool with seated. It returns 0 where the tables contradict themselves. */
static __always_inline int cgn_sit(const struct cgn_pool *p, struct cgn_owner *o)
{
	__u32 at = o->position;
	struct cgn_cut *cut = bpf_map_lookup_elem(&cuts, &at);

	if (!cut)
		return 0;
	o->place.address = cut->row - p->row;
	o->place.slot = cut->slot;
	return 1;
}

/*
 * cgn_subscriber answers it: where is the share of an inside address of a realm? It returns the pool, or NULL for an address that
 * is no subscriber.
 */
static __always_inline struct cgn_pool *cgn_subscriber(__u32 realm, __be32 inside, struct cgn_owner *o)
{
	struct cgn_found found;
	struct cgn_pool *p;

	if (realms == 1)
		realm = 0;
	if (realm >= CGN_INDEXES - 1)
		return NULL;
	if (!cgn_find(1 + realm, bpf_ntohl(inside), &found))
		return NULL;
	o->pool = found.pool;
	p = bpf_map_lookup_elem(&pools, &o->pool);
	if (!p)
		return NULL;
	o->position = found.position;
	if (!(p->flags & CGN_POOL_SEATED))
		o->place = cgn_locate(p, o->position);
	else if (!cgn_sit(p, o))
		return NULL;
	o->row = p->row + o->place.address;
	return p;
}

#endif
