/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The maps of the plan. Go writes them once, at load, and freezes them; programs only read them. Another plan comes with
 * maps of its own, so that no packet sees half of each. max_entries is what Go sets at load.
 */
#ifndef CGN_MAPS_H
#define CGN_MAPS_H

#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

#include "types.h"

#define CGN_PLAN_MAP(entry)                           \
	struct {                                      \
		__uint(type, BPF_MAP_TYPE_ARRAY);     \
		__uint(map_flags, BPF_F_RDONLY_PROG); \
		__type(key, __u32);                   \
		__type(value, entry);                 \
		__uint(max_entries, 1);               \
	}

/* The pools, in the order of the plan. Read for every packet that is translated. */
CGN_PLAN_MAP(struct cgn_pool) pools SEC(".maps");

/* The outside addresses: from a row to the address, for packets to the outside. */
CGN_PLAN_MAP(struct cgn_row) rows SEC(".maps");

/*
 * The indexes: 0 over the outside addresses, 1 + r over the inside addresses of realm r, in the order of the plan. Behind them is the one
 * over the destinations that are not translated. Constants, so that the verifier leaves out of a program what its plan does not need: of a plan of prefixes, most of the search.
 */
const volatile struct cgn_index indexes[CGN_INDEXES];
const volatile __u32 realms; /* how many */

/* The lowest and the highest inside address of all realms: most packets from outside are from none between them. */
const volatile __u32 inside_first, inside_last;
const volatile __u32 outside_first, outside_last; /* the same of outside addresses */

/* The nodes, the ranges and the buckets of all indexes, one index after the other. */
CGN_PLAN_MAP(struct cgn_node) nodes SEC(".maps");
CGN_PLAN_MAP(struct cgn_range) ranges SEC(".maps");
CGN_PLAN_MAP(struct cgn_bucket) buckets SEC(".maps");

/* The lists: one for pools whose ports are not one range, one for each outside address with scheme random, and with explicit one for
 * all addresses that have the same shares. */
CGN_PLAN_MAP(struct cgn_list) lists SEC(".maps");

/* The cuts of pools with scheme psid that have reserved ports in their sets, and with explicit those of every outside address. */
CGN_PLAN_MAP(struct cgn_cut) cuts SEC(".maps");

/*
 * What is not translated, behind the ranges of the index after the realms': there, pool is the first entry of a range and
 * position how many it has.
 */
CGN_PLAN_MAP(struct cgn_exempt) exempts SEC(".maps");

#endif
