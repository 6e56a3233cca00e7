// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Test only, never part of the production object: the functions of the packet path that need no packet, asked by the thousand.
 * Go writes questions to an array in shared memory and runs a program once; the program answers them in place, in their order.
 */
#include "packet.h"
#include "translate.h"

char _license[] SEC("license") = "Dual BSD/GPL";

/* A question and its answer. What the words mean is up to the program. */
struct question {
	__u64 a, b, c, d;
	__u64 answer;
	__u64 second;
};

/* Written and read by Go, in shared memory. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__type(key, __u32);
	__type(value, struct question);
	__uint(max_entries, 65536);
} questions SEC(".maps");

__u32 asked; /* how many of them; written by Go before a run */

struct cgn_account account; /* of a subscriber who asks for tokens */

#define CGN_ASK(name, answer)                                             \
	static long each_##name(__u32 i, void *ctx)                       \
	{                                                                 \
		struct question *q = bpf_map_lookup_elem(&questions, &i); \
                                                                          \
		if (q)                                                    \
			answer(q);                                        \
		return !q;                                                \
	}                                                                 \
                                                                          \
	SEC("xdp")                                                        \
	int name(struct xdp_md *ctx)                                      \
	{                                                                 \
		bpf_loop(asked, each_##name, NULL, 0);                    \
		return XDP_PASS;                                          \
	}

/* The state after state a and a packet with flags c, from the inside if b is set, and which time counts then. */
static __always_inline void next_state(struct question *q)
{
	struct cgn_times times = {.established = 30, .opening = 40, .closing = 50};

	q->answer = cgn_tcp_next(q->a, q->b, q->c);
	q->second = cgn_tcp_timeout(&times, q->answer);
}

/* A slot in state a after a packet to or from remote d with flags c, and whether it counts as seen. */
static __always_inline void next_session(struct question *q)
{
	struct cgn_slot slot = {.state = q->a};

	if (q->b)
		cgn_session_out(&slot, slot.state, q->d, q->c, CGN_EIF, 1);
	else
		cgn_session_in(&slot, q->d, q->c, CGN_EIF, 1);
	q->answer = slot.state;
	q->second = slot.seen;
}

/* Checksum a after a word that was b is c; d is how long words are. */
static __always_inline void next_checksum(struct question *q)
{
	q->answer = cgn_checksum(q->a, q->d == 32 ? cgn_delta32(q->b, q->c) : cgn_delta16(q->b, q->c));
}

/* The home of address a and port b >> 8 of protocol b & 255 in a share of c ports, with parity from port d - 1 on if d is set. */
static __always_inline void find_home(struct question *q)
{
	q->answer = cgn_home(q->a, q->b >> 8, q->b & 0xff, q->c, q->d != 0, q->d - 1);
	q->second = cgn_keyed_hash(q->a << 24 | q->b);
}

/* How long a mapping of protocol a in state b lives, and whether one that was seen at 0 is idle at tick c with d more. */
static __always_inline void find_timeout(struct question *q)
{
	struct cgn_policy policy = {.udp = 10, .icmp = 20, .established = 30, .opening = 40, .closing = 50};
	struct cgn_slot slot = {.state = q->b};

	q->answer = cgn_timeout((const struct cgn_times *)&policy, q->a, q->b);
	q->second = cgn_idle(&slot, &policy, q->a, q->c, q->d);
}

/*
 * For how long a mapping of UDP has been over at tick a that was seen at b, where its time is the low half of d from tick c on, and the high
 * half before.
 */
static __always_inline void find_overdue(struct question *q)
{
	struct cgn_policy policy = {.udp = q->d, .since = q->c, .was = {.udp = q->d >> 32}};
	struct cgn_slot slot = {.seen = q->b};

	q->answer = cgn_overdue(&slot, &policy, CGN_UDP, q->a);
}

/* Whether the subscriber gets a token at tick a, of b in 16 ticks and c at once. */
static __always_inline void take_token(struct question *q)
{
	struct cgn_policy policy = {.rate = q->b, .burst = q->c};

	q->answer = cgn_token(&account, &policy, q->a);
}

/* Which marks of word a are like b, and c: the first of them; which are unused, and in the bits below which are new. */
static __always_inline void compare_marks(struct question *q)
{
	q->answer = cgn_marks_like(q->a, q->b * CGN_MARKS_EACH) & CGN_MARKS_TOP;
	q->c = q->answer ? cgn_marks_lowest(q->answer) : 0;
	q->second = (cgn_marks_unused(q->a) & CGN_MARKS_TOP) | (cgn_marks_new(q->a) & CGN_MARKS_TOP) >> 1;
}

CGN_ASK(ask_state, next_state)
CGN_ASK(ask_session, next_session)
CGN_ASK(ask_checksum, next_checksum)
CGN_ASK(ask_home, find_home)
CGN_ASK(ask_timeout, find_timeout)
CGN_ASK(ask_overdue, find_overdue)
CGN_ASK(ask_token, take_token)
CGN_ASK(ask_marks, compare_marks)
