/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * What C and Go share. Everything that Go has to know is a struct or an enum here, because bpf2go carries those over and
 * no #define. Byte order is in the type: __be32 and __be16 are as on the wire, all else is in the order of the host.
 * Padding is explicit. Enums are append-only.
 */
#ifndef CGN_TYPES_H
#define CGN_TYPES_H

#include <linux/types.h>

/* Who owns a port of an outside address: the numbers of alloc.Status. */
enum cgn_status {
	CGN_STATUS_NONE,
	CGN_ALLOCATED,
	CGN_RESERVED,
	CGN_TAIL,
	CGN_UNASSIGNED,
	CGN_DYNAMIC,
	CGN_EXCLUDED, /* never said by C: the tables do not hold excluded addresses, and so they are not in a pool */
	CGN_NOT_IN_POOL,
};

/* What is special about a pool. */
enum cgn_pool_flag {
	CGN_POOL_STRIPE = 1 << 0, /* neighbours in inside order are on different addresses */
	CGN_POOL_PSID = 1 << 1, /* the slot of a port follows from its PSID */
	CGN_POOL_CUT = 1 << 2, /* reserved ports cut into PSID sets: cuts and a list say which ports are left */
	CGN_POOL_LIST = 1 << 3, /* ports are not one range: a list says which they are */
	CGN_POOL_OWN_LISTS = 1 << 4, /* every outside address has a list of its own */
	CGN_POOL_DYNAMIC = 1 << 5, /* what shares leave is set aside for dynamic blocks */
};

enum cgn_limit {
	CGN_FANOUT = 16, /* keys of a node, one cache line */
	CGN_LEVELS = 6, /* levels of nodes: 16^6 ranges */
	CGN_PORTS = 65536,
	CGN_NO_PORT = 0xffff, /* in cgn_list.index and cgn_cut.slot: there is none */
};

/*
 * A pool, as far as the port maths needs it. Position i of the inside order is on outside address i / ratio in slot
 * i % ratio, or with stripe on address i % addresses in slot i / addresses.
 */
struct cgn_pool {
	__u32 subscribers; /* positions that have an owner */
	__u32 addresses; /* outside addresses */
	__u32 row; /* the row of the first of them */
	__u32 ratio; /* C, slots of an address */
	__u32 size; /* S, ports of a share; with cut, what the slot's cgn_cut says instead */
	__u32 step; /* T of scheme step; 1 with sequential, spread, stripe and random, C with staggered */
	__u32 list; /* with list: which, the first of them with own lists */
	__u32 cut; /* with cut: the first cgn_cut */
	__u32 usable; /* n, usable ports */
	enum cgn_pool_flag flags;
	__u16 first_port; /* without list: the lowest usable port */
	__u8 offset; /* a, with psid */
	__u8 contiguous; /* m, with psid: bits of a port behind the PSID */
	__u8 length; /* k, with psid */
	__u8 pad[3];
};
_Static_assert(sizeof(struct cgn_pool) == 48, "struct cgn_pool");

/* An outside address that is not excluded. Rows are in pool order, then outside order. */
struct cgn_row {
	__be32 addr;
	__u32 pool;
};
_Static_assert(sizeof(struct cgn_row) == 8, "struct cgn_row");

/* Consecutive addresses of a pool with consecutive positions, inside or outside. */
struct cgn_range {
	__u32 first;
	__u32 last;
	__u32 pool;
	__u32 position; /* of first: in the inside order, or in the outside order of the pool */
};
_Static_assert(sizeof(struct cgn_range) == 16, "struct cgn_range");

/*
 * An index finds the range that holds an address, among ranges that are sorted and disjoint. It is a search tree without
 * pointers: every key is the first address of what lies below it, child c of node j is node 16j + c of the level below, and
 * key c of leaf j is the first address of range 16j + c. One range needs no node.
 */
struct cgn_index {
	__u32 range; /* the first of the ranges */
	__u32 ranges; /* how many */
	__u32 depth; /* levels of nodes */
	__u32 level[CGN_LEVELS]; /* the first node of each, from the root down */
};
_Static_assert(sizeof(struct cgn_index) == 36, "struct cgn_index");

/* The keys of a node in ascending order. The last node of a level is filled up with the highest address. */
struct cgn_node {
	__u32 key[CGN_FANOUT];
};
_Static_assert(sizeof(struct cgn_node) == 64, "struct cgn_node");

/* The usable ports in an order in which every share is a progression, and the inverse. */
struct cgn_list {
	__u16 port[CGN_PORTS]; /* by index */
	__u16 index[CGN_PORTS]; /* by port; CGN_NO_PORT for a reserved port */
};
_Static_assert(sizeof(struct cgn_list) == 4 * CGN_PORTS, "struct cgn_list");

/* Entry e of a pool with cut: the share in slot e, and the slot of PSID e. */
struct cgn_cut {
	__u16 start; /* the index of its first port in the list */
	__u16 len; /* its ports */
	__u16 slot; /* CGN_NO_PORT for a PSID that is not assigned */
	__u16 pad;
};
_Static_assert(sizeof(struct cgn_cut) == 8, "struct cgn_cut");

#endif
