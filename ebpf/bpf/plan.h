/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The plan's arithmetic: from a position to an address and a slot, and from a slot to ports and back. Pure: no map, no helper, no
 * packet; lookup.h fetches what it works on. Names and formulas are those of the Go packages alloc and portset, and a test compares
 * the two port by port.
 *
 * An index x counts the usable ports of an outside address. With L the usable ports in ascending order, x stands for port
 * L[x]; with a list, for the port that the list holds there. A PSID set that nothing cuts into is over port numbers, x is a
 * port then.
 */
#ifndef CGN_PLAN_H
#define CGN_PLAN_H

#include "types.h"

/* Where a subscriber is: an outside address by its position in the pool, and a slot of it. */
struct cgn_place {
	__u32 address;
	__u32 slot;
};

/*
 * A share is a progression of indexes, like portset.Set: runs of 2^run consecutive indexes, the first at index first, each
 * stride after the one before; len indexes in all.
 */
struct cgn_share {
	__u32 first;
	__u32 stride;
	__u32 run; /* log2 */
	__u32 len;
};

/* cgn_locate returns where position pos lies. */
static __always_inline struct cgn_place cgn_locate(const struct cgn_pool *p, __u32 pos)
{
	struct cgn_place place;

	if (p->flags & CGN_POOL_STRIPE) {
		place.slot = pos / p->addresses;
		place.address = pos - place.slot * p->addresses;
	} else {
		place.address = pos / p->ratio;
		place.slot = pos - place.address * p->ratio;
	}
	return place;
}

/* cgn_share returns the share in a slot. cut is the slot's, NULL where the pool has none. */
static __always_inline struct cgn_share cgn_share(const struct cgn_pool *p, __u32 slot, const struct cgn_cut *cut)
{
	struct cgn_share s = {.stride = 1};

	if (cut) {
		s.first = cut->start;
		s.len = cut->len;
	} else if (p->flags & CGN_POOL_PSID) {
		/* RFC 7597 section 5.1: A | PSID | j. With a > 0, A = 0 is left out. */
		s.stride = 1 << (16 - p->offset);
		s.run = p->contiguous;
		s.first = slot << p->contiguous;
		if (p->offset)
			s.first += s.stride;
		s.len = p->size;
	} else if (p->step == 1) {
		s.first = slot * p->size;
		s.len = p->size;
	} else {
		/* Scheme step; sequential is step with T = 1, which needs no division, staggered with T = C. */
		s.stride = p->step;
		s.first = slot / p->step * (p->size * p->step) + slot % p->step;
		s.len = p->size;
	}
	return s;
}

/* cgn_share_at returns the index x with number i of a share, which must be below its len. */
static __always_inline __u32 cgn_share_at(const struct cgn_share *s, __u32 i)
{
	return s->first + (i >> s->run) * s->stride + (i & ((1 << s->run) - 1));
}

/* cgn_share_of is the inverse: the number of index x in a share, or -1 when x does not belong to it. */
static __always_inline __s32 cgn_share_of(const struct cgn_share *s, __u32 x)
{
	__u32 d = x - s->first; /* below first it wraps, and i is beyond every share */
	__u32 q = d / s->stride, r = d % s->stride;
	__u32 i = (q << s->run) + r;

	if (r >> s->run || i >= s->len)
		return -1;
	return i;
}

/* cgn_port_at returns the port with usable index x. list is NULL where the pool has none. */
static __always_inline __u16 cgn_port_at(const struct cgn_pool *p, const struct cgn_list *list, __u32 x)
{
	if (list)
		return list->port[(__u16)x];
	return p->first_port + x;
}

/* cgn_index_of is the inverse: the usable index of a port, or -1 for a reserved port. */
static __always_inline __s32 cgn_index_of(const struct cgn_pool *p, const struct cgn_list *list, __u16 port)
{
	__u32 x;

	if (list) {
		x = list->index[port];
		return x == CGN_NO_PORT ? -1 : (__s32)x;
	}
	x = (__u32)port - p->first_port; /* wraps below the first port */
	return x < p->usable ? (__s32)x : -1;
}

/* cgn_over_ports reports whether the indexes of shares are port numbers. */
static __always_inline int cgn_over_ports(const struct cgn_pool *p)
{
	return (p->flags & (CGN_POOL_PSID | CGN_POOL_CUT)) == CGN_POOL_PSID;
}

/* cgn_share_port returns the port with number i of a share, which must be below its len. */
static __always_inline __u16 cgn_share_port(const struct cgn_pool *p, const struct cgn_list *list, const struct cgn_share *s,
					    __u32 i)
{
	__u32 x = cgn_share_at(s, i);

	return cgn_over_ports(p) ? (__u16)x : cgn_port_at(p, list, x);
}

/* cgn_share_number is the inverse: the number of a port in a share, or -1 when it does not belong to it. */
static __always_inline __s32 cgn_share_number(const struct cgn_pool *p, const struct cgn_list *list,
					      const struct cgn_share *s, __u16 port)
{
	__s32 x = cgn_over_ports(p) ? port : cgn_index_of(p, list, port);

	return x < 0 ? -1 : cgn_share_of(s, x);
}

/* cgn_at_most returns 1 when key is at most addr, and 0 otherwise, without a branch. */
static __always_inline __u32 cgn_at_most(__u32 key, __u32 addr)
{
	return ((__u64)key - addr - 1) >> 63;
}

/*
 * cgn_child returns which of a node's keys is the highest that is at most addr; key 0 if none is, and then what that leads
 * to does not hold addr. Which way to go cannot be foreseen, and so it does not branch.
 */
static __always_inline __u32 cgn_child(const struct cgn_node *n, __u32 addr)
{
	__u32 c = cgn_at_most(n->key[8], addr) << 3;

	c += cgn_at_most(n->key[c + 4], addr) << 2;
	c += cgn_at_most(n->key[c + 2], addr) << 1;
	return c + cgn_at_most(n->key[c + 1], addr);
}

/* cgn_hash mixes the bits of an address. Go has the same (hash.go), as well as cgn_hash_again and cgn_bucket_of. */
static __always_inline __u32 cgn_hash(const volatile struct cgn_index *ix, __u32 addr)
{
	__u32 h = addr * ix->seed;

	h = (h ^ (h >> 15)) * 0x2c1b3c6d;
	return h ^ (h >> 12);
}

/* cgn_hash_again makes a second hash of the first. */
static __always_inline __u32 cgn_hash_again(__u32 h)
{
	h *= 0x297a2d39;
	return h ^ (h >> 15);
}

/* cgn_bucket_of returns which bucket a hash says. */
static __always_inline __u32 cgn_bucket_of(const volatile struct cgn_index *ix, __u32 h)
{
	return ix->bucket + (__u32)(((__u64)h * ix->buckets) >> 32);
}

/* cgn_is returns 1 when an address is another, and 0 otherwise, without a branch. */
static __always_inline __u32 cgn_is(__u32 addr, __u32 other)
{
	return ((__u64)(addr ^ other) - 1) >> 63;
}

/* cgn_in_bucket returns which address of a bucket is addr, or CGN_BUCKET when none is. Which one cannot be foreseen, and so it does not branch. */
static __always_inline __u32 cgn_in_bucket(const struct cgn_bucket *b, __u32 addr)
{
	__u32 i = CGN_BUCKET;

	i -= cgn_is(b->addr[0], addr) * CGN_BUCKET;
	i -= cgn_is(b->addr[1], addr) * (CGN_BUCKET - 1);
	i -= cgn_is(b->addr[2], addr) * (CGN_BUCKET - 2);
	i -= cgn_is(b->addr[3], addr) * (CGN_BUCKET - 3);
	return i - cgn_is(b->addr[4], addr);
}

#endif
