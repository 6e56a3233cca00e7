// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Test only, never part of the production object: the plan's question, asked by the thousand. Go writes questions to an
 * array in shared memory and runs a program once; the program answers them in place. What a packet could carry would be a
 * hundred a run.
 */
#include "lookup.h"

char _license[] SEC("license") = "Dual BSD/GPL";

/* A question, for inside and realm, for the port with this number and the number of the other port, and its answer. */
struct query {
	__be32 inside;
	__u32 realm;
	__u32 number;
	__be32 outside;
	__u16 port;
	__u16 other;
	__u32 found; /* 0 = not a subscriber */
	__u32 pool;
	__u32 row;
	__u32 slot;
	__u32 len; /* ports of the share */
	__s32 back; /* the number of port in the share */
	__s32 number_of_other; /* -1 when it does not belong to the share */
};
_Static_assert(sizeof(struct query) == 48,
	       "struct query: in shared memory, entries of an array are multiples of 8 bytes apart");

/* Written and read by Go, in shared memory. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__type(key, __u32);
	__type(value, struct query);
	__uint(max_entries, 65536);
} queries SEC(".maps");

__u32 asked; /* how many of them; written by Go before a run */
__u32 turn; /* of the benchmarks */
__u32 reach; /* the highest question that the benchmarks ask, a power of two less one; written by Go */

/* share_of fetches the share of a subscriber, and its list where it has one. It reports whether the tables have both. */
static __always_inline int share_of(const struct cgn_pool *p, const struct cgn_row *row, __u32 slot, struct cgn_share *s,
				    struct cgn_list **list)
{
	struct cgn_cut *cut = cgn_cut_of(p, row->cut, slot);

	*list = cgn_list_of(p, row);
	if ((p->flags & CGN_POOL_LIST && !*list) || (p->flags & CGN_POOL_CUT && !cut))
		return 0;
	*s = cgn_share(p, slot, cut);
	return 1;
}

static __always_inline void answer(struct query *q)
{
	struct cgn_owner o = {};
	struct cgn_share s = {};
	struct cgn_list *list;
	struct cgn_row *row;
	struct cgn_pool *p;

	p = cgn_subscriber(q->realm, q->inside, &o);
	q->pool = o.pool;
	q->row = o.row;
	q->slot = o.place.slot;
	if (!p)
		return;
	row = bpf_map_lookup_elem(&rows, &o.row);
	if (!row || row->pool != o.pool || !share_of(p, row, o.place.slot, &s, &list))
		return;
	q->found = 1;
	q->outside = row->addr;
	q->len = s.len;
	q->number_of_other = cgn_share_number(p, list, &s, q->other);
	if (q->number >= s.len)
		return;
	q->port = cgn_share_port(p, list, &s, q->number);
	q->back = cgn_share_number(p, list, &s, q->port);
}

static long each_forward(__u32 i, void *ctx)
{
	struct query *q = bpf_map_lookup_elem(&queries, &i);

	if (q)
		answer(q);
	return !q;
}

SEC("xdp")
int forward(struct xdp_md *ctx)
{
	bpf_loop(asked, each_forward, NULL, 0);
	return XDP_PASS;
}

/* next returns another question at every call, in an order that no cache foresees. */
static __always_inline struct query *next(void)
{
	__u32 i = turn++ * 0x9e3779b1 >> 16 & reach;

	return bpf_map_lookup_elem(&queries, &i);
}

/* What the benchmarks cost without a lookup. */
SEC("xdp")
int bench_floor(struct xdp_md *ctx)
{
	struct query *q = next();

	if (q)
		q->port = q->inside;
	return XDP_PASS;
}

/* From an inside address to the outside address and a port. */
SEC("xdp")
int bench_forward(struct xdp_md *ctx)
{
	struct query *q = next();

	if (q)
		answer(q);
	return XDP_PASS;
}
