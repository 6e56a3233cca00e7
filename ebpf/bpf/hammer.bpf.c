// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Test only, never part of the production object: many sessions of one subscriber at once. Every run is the first half of the
 * translation of one packet. Two CPUs run it at the same time, each with a packet that names its lane, and go from subscriber to
 * subscriber together. What they got is compared here and at once, because afterwards only the last owner of a port is seen.
 */
#include "packet.h"
#include "translate.h"

char _license[] SEC("license") = "Dual BSD/GPL";

enum hammer_limit {
	HAMMER_WAIT = 1 << 16, /* looks at what the other CPU does, a millisecond or less */
};

/* What a CPU does and what it finds. Read and written by Go between runs. */
struct lane {
	__u32 subscriber; /* whose packets are next, counted from first */
	__u32 packets; /* that it has sent of this subscriber */
	__u32 next; /* the inside port of the next, less first_port; below ports */
	__u32 step; /* to the one after */
	__u32 checked; /* it has looked for free ports after a refusal of this subscriber */
	__u32 together; /* subscribers that both CPUs began with at once */
	__u32 made; /* packets that got through */
	__u32 refused; /* by want of ports */
	__u32 contended; /* dropped, because the other CPU was in the way */
	__u32 failed; /* any other verdict */
	__u32 split; /* inside endpoints with two ports */
	__u32 shared; /* ports with two owners */
	__u32 lost; /* inside endpoints that had a port and were refused */
	__u32 free; /* ports that were free at a first refusal */
};

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__type(key, __u32);
	__type(value, struct lane);
	__uint(max_entries, 2);
} lanes SEC(".maps");

/* The outside port of an inside endpoint, by subscriber and port; bit 16 is set where there is one. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__type(key, __u32);
	__type(value, __u64);
	__uint(max_entries, 3 * CGN_PORTS);
} given SEC(".maps");

/* The inside endpoint of an outside port: the entry of given, + 1. There is one outside address. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__type(key, __u32);
	__type(value, __u64);
	__uint(max_entries, CGN_PORTS);
} holders SEC(".maps");

/* Written by Go. */
__u32 first; /* inside address */
__u32 protocol; /* enum cgn_proto */
__u32 first_port;
__u32 ports; /* inside ports of a subscriber */
__u32 each; /* packets of a subscriber and lane */

/* note writes what an entry is, and counts in wrong if it was something else. */
static __always_inline void note(void *map, __u32 at, __u64 is, __u32 *wrong)
{
	__u64 *e = bpf_map_lookup_elem(map, &at), was;

	if (!e)
		return;
	was = __sync_val_compare_and_swap(e, 0, is);
	if (was && was != is)
		(*wrong)++;
}

/* A walk over the slots of a share. */
struct walk {
	struct cgn_search s;
	__u32 free;
	__u32 pad;
};

static long count_free(__u32 i, void *data)
{
	struct walk *w = data;
	struct cgn_slot *slot;

	if (i >= w->s.share.len)
		return 1;
	slot = cgn_slot_at(w->s.table, w->s.proto, cgn_port_after(&w->s, i));
	if (slot && cgn_claimable(&w->s, slot, slot->owner))
		w->free++;
	return 0;
}

/* find_free counts the ports that are free after a refusal, which should be none. */
static __noinline void find_free(const struct cgn_flow *f, const struct cgn_owner *o, struct lane *lane)
{
	__u32 row = o->row;
	struct cgn_row *r = bpf_map_lookup_elem(&rows, &row);
	struct walk w = {};

	if (lane->checked || !r || cgn_search_for(&w.s, f, o, r) != CGN_CONTINUE)
		return;
	lane->checked = 1;
	bpf_loop(w.s.share.len, count_free, &w, 0);
	lane->free += w.free;
}

/* tell says what became of a packet of the inside endpoint with entry at. */
static __always_inline void tell(struct lane *lane, const struct cgn_flow *f, const struct cgn_owner *o, int v, __u32 at,
				 __u16 to)
{
	__u64 *had;

	if (v == CGN_CONTINUE) {
		lane->made++;
		note(&given, at, to | 1 << 16, &lane->split);
		note(&holders, to, at + 1, &lane->shared);
	} else if (v == CGN_DROP_EXHAUSTED) {
		lane->refused++;
		had = bpf_map_lookup_elem(&given, &at);
		if (had && *had)
			lane->lost++;
		find_free(f, o, lane);
	} else if (v == CGN_DROP_CONTENDED) {
		lane->contended++;
	} else {
		lane->failed++;
	}
}

/* A wait for the other lane to begin with a subscriber. */
struct wait {
	volatile struct lane *other;
	__u32 subscriber;
	__u32 pad;
};

static long look_at_other(__u32 i, void *data)
{
	struct wait *w = data;

	return w->other->subscriber >= w->subscriber;
}

/* go_on goes to the next packet, and to the next subscriber together with the other lane. */
static __noinline void go_on(struct lane *lane, __u32 at)
{
	__u32 beside = !at;
	struct wait w = {.other = bpf_map_lookup_elem(&lanes, &beside)};

	lane->next += lane->step;
	if (lane->next >= ports)
		lane->next -= ports;
	if (++lane->packets < each || !w.other)
		return;
	lane->packets = lane->checked = 0;
	w.subscriber = __sync_fetch_and_add(&lane->subscriber, 1) + 1;
	if (bpf_loop(HAMMER_WAIT, look_at_other, &w, 0) < HAMMER_WAIT)
		lane->together++;
}

SEC("xdp")
int hammer(struct xdp_md *xdp)
{
	struct cgn_flow f = {.query = 1, .tcp = CGN_TCP_SYN};
	__u8 *data = (void *)(long)xdp->data;
	struct cgn_endpoint to = {};
	struct cgn_owner o = {};
	struct lane *lane;
	__u32 at;
	int v;

	if ((void *)(data + 1) > (void *)(long)xdp->data_end)
		return XDP_ABORTED;
	at = data[0];
	lane = bpf_map_lookup_elem(&lanes, &at);
	if (!lane)
		return XDP_ABORTED;
	f.proto = protocol;
	f.near.addr = bpf_htonl(first + lane->subscriber);
	f.near.port = bpf_htons(first_port + lane->next);
	f.far.addr = bpf_htonl(0xc0000201);
	f.far.port = bpf_htons(443);
	if (!cgn_is_subscriber(0, f.near.addr, &o))
		return XDP_ABORTED;
	v = cgn_near_half(&f, &o, &to);
	tell(lane, &f, &o, v, lane->subscriber * ports + lane->next, bpf_ntohs(to.port));
	go_on(lane, at);
	return XDP_PASS;
}
