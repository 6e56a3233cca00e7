/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The maps that change while packets pass: mappings, how pools behave, counters. */
#ifndef CGN_STATE_H
#define CGN_STATE_H

#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

#include "types.h"

/*
 * The slots and accounts of an outside address, by row. Both live longer than a plan: the maps of the next one refer to the
 * same tables where an address stays. Programs write them; Go reads the slots in shared memory.
 */
struct cgn_slots {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(key_size, sizeof(__u32)); /* sizes, because clang does not describe the types that only an inner map has */
	__uint(value_size, sizeof(struct cgn_slot));
	__uint(max_entries, CGN_PROTOS *CGN_PORTS);
};

struct cgn_accounts {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_INNER_MAP); /* one entry a share of the address */
	__uint(key_size, sizeof(__u32));
	__uint(value_size, sizeof(struct cgn_account));
	__uint(max_entries, 1);
};

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY_OF_MAPS);
	__type(key, __u32);
	__uint(max_entries, 1);
	__array(values, struct cgn_slots);
} slots SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY_OF_MAPS);
	__type(key, __u32);
	__uint(max_entries, 1);
	__array(values, struct cgn_accounts);
} accounts SEC(".maps");

/*
 * The ports of mappings that are not at home. It spares a search through the port set, which in a full one is long: what
 * somebody sends in vain must not cost more than what is translated. Where it has no room, that search is what is left.
 */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, struct cgn_displaced);
	__type(value, __u16);
	__uint(max_entries, 1 << 20);
} displaced SEC(".maps");

/* How pools behave, in the order of the plan. Go may write it at any time. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__type(key, __u32);
	__type(value, struct cgn_policy);
	__uint(max_entries, 1);
} policies SEC(".maps");

/* Packets by verdict. Every CPU has its own, so nothing is lost without atomics: a program is never interrupted by itself. */
struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__type(key, __u32);
	__type(value, struct cgn_counter);
	__uint(max_entries, CGN_VERDICTS);
} counters SEC(".maps");

/* What is counted beside packets, likewise. */
struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__type(key, __u32);
	__type(value, __u64);
	__uint(max_entries, CGN_TALLIES);
} tallies SEC(".maps");

static __always_inline void cgn_tally(enum cgn_tally what)
{
	__u32 at = what;
	__u64 *count = bpf_map_lookup_elem(&tallies, &at);

	if (count)
		++*count;
}

/*
 * Remote endpoints by subscriber, for pools that filter by them; written by programs. Each has peer_room entries: eight octets of
 * every one, then four of every one, then one of every one; and the tick + 1 when entries were freed. Sizes are what Go sets at load.
 */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__uint(key_size, sizeof(struct cgn_filter_key));
	__uint(value_size, CGN_PEER_BYTES * 8 + CGN_PEER_HEAD);
	__uint(max_entries, 1);
} filters SEC(".maps");

/* An empty one of each pool, in the order of the plan. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_RDONLY_PROG);
	__uint(key_size, sizeof(__u32));
	__uint(value_size, CGN_PEER_BYTES * 8 + CGN_PEER_HEAD);
	__uint(max_entries, 1);
} blanks SEC(".maps");

const volatile __u32 peer_room; /* the most that a policy allows, in whole lines */

/* What Go is told of; read by whoever listens, if anybody. It outlives the plan. */
struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__type(value, struct cgn_event);
	__uint(max_entries, 1 << 18);
} events SEC(".maps");

const volatile __u64 plan_id; /* of the plan of the programs: some of its SHA-256 */

/* Events that found no room, by CPU. */
struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__type(key, __u32);
	__type(value, __u64);
	__uint(max_entries, 1);
} lost SEC(".maps");

/* Events that whoever took them could not read, because their plan was gone. Go counts them. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__type(key, __u32);
	__type(value, __u64);
	__uint(max_entries, 1);
} unread SEC(".maps");

#endif
