/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Slots: who owns one, and when a mapping ends. */
#ifndef CGN_SLOT_H
#define CGN_SLOT_H

#include "state.h"
#include "tcp.h"

/* Set by Go before load: a tick is 2^tick_shift jiffies, a quarter of a second or so. Reading a clock would take longer than a map. */
const volatile __u32 tick_shift;

/* cgn_now returns the tick. */
static __always_inline __u32 cgn_now(void)
{
	return bpf_jiffies64() >> tick_shift;
}

/* cgn_owner_word is who owns a slot: inside address and port in the order of the wire, and the turn, which counts owners. */
static __always_inline __u64 cgn_owner_word(__be32 addr, __be16 port)
{
	return (__u64)addr << 32 | (__u64)port << 16;
}

/*
 * cgn_is_endpoint reports whether who owns a slot is an inside endpoint. A slot that an eviction has freed keeps a turn for as long as
 * a freed port waits (RFC 6888 REQ-8), and is nobody's.
 */
static __always_inline int cgn_is_endpoint(__u64 owner)
{
	return owner >> 16 != 0;
}

static __always_inline int cgn_same_endpoint(__u64 owner, __u64 other)
{
	return !((owner ^ other) >> 16);
}

/* How long the mapping of a slot lives, which is read and written at once: part of it means nothing. */
union cgn_life {
	struct {
		__u32 seen;
		__u32 state;
	};
	__u64 word;
};
_Static_assert(__builtin_offsetof(struct cgn_slot, seen) % 8 == 0 &&
		       __builtin_offsetof(struct cgn_slot, state) == __builtin_offsetof(struct cgn_slot, seen) + 4,
	       "union cgn_life");

static __always_inline volatile __u64 *cgn_life_at(const struct cgn_slot *slot)
{
	return (volatile __u64 *)&slot->seen; /* others write it */
}

/* cgn_timeout returns after how many ticks without a packet that counts a mapping ends. */
static __always_inline __u32 cgn_timeout(const struct cgn_times *times, enum cgn_proto proto, __u32 state)
{
	if (proto == CGN_TCP)
		return cgn_tcp_timeout(times, state);
	return proto == CGN_UDP ? times->udp : times->icmp;
}

/*
 * cgn_late returns for how many ticks the time of a mapping has been over that is not noted to have ended. Where the times of a policy are new,
 * what was over when they began stays over, since when it was; what is over by them alone has been since they began.
 */
static __always_inline __s32 cgn_late(union cgn_life life, const struct cgn_policy *policy, __u32 proto, __u32 now)
{
	__s32 over = now - life.seen - cgn_timeout((const struct cgn_times *)policy, proto, life.state), was, most;
	__u32 since = policy->since;

	if (since == CGN_SINCE_ALWAYS)
		return over;
	was = now - life.seen - cgn_timeout(&policy->was, proto, life.state);
	most = now - since + 1;
	if (since == CGN_SINCE_LATER || was >= most)
		return was;
	return over < most ? over : most;
}

/*
 * cgn_overdue returns for how many ticks the time of a slot has been over, 0 = it is not. Global, so that the verifier looks at
 * all states of a connection once, and not once for each way to get here.
 */
__noinline __u32 cgn_overdue(const struct cgn_slot *slot, const struct cgn_policy *policy, __u32 proto, __u32 now)
{
	union cgn_life life;
	__s32 over;

	if (!slot || !policy)
		return 0;
	life.word = *cgn_life_at(slot);
	if (life.state & (CGN_SLOT_STATIC | CGN_SLOT_ENDED))
		over = life.state & CGN_SLOT_STATIC ? 0 : now - life.seen;
	else
		over = cgn_late(life, policy, proto, now);
	return over > 0 ? over : 0;
}

/* cgn_idle reports whether a slot has been without a packet for longer than its time and some ticks more. */
static __always_inline int cgn_idle(const struct cgn_slot *slot, const struct cgn_policy *policy, enum cgn_proto proto,
				    __u32 now, __u32 more)
{
	const volatile __u32 *seen = &slot->seen; /* others write it */

	if (*seen == now) /* what most packets find; no time is shorter */
		return 0;
	return cgn_overdue(slot, policy, proto, now) > more;
}

/*
 * cgn_is_live reports whether a slot is an inside endpoint's and its time is not over. The owner is read once more after that:
 * a slot that another CPU takes meanwhile looks as new as if it were used.
 */
static __always_inline int cgn_is_live(const struct cgn_slot *slot, __u64 endpoint, const struct cgn_policy *policy,
				       enum cgn_proto proto, __u32 now)
{
	const volatile __u64 *owner = &slot->owner;

	return cgn_same_endpoint(*owner, endpoint) && !cgn_idle(slot, policy, proto, now, 0) &&
	       cgn_same_endpoint(*owner, endpoint);
}

/* cgn_plane returns the index of a protocol, in bounds for the verifier. */
static __always_inline __u32 cgn_plane(enum cgn_proto proto)
{
	return proto & (CGN_PLANES - 1);
}

static __always_inline struct cgn_slot *cgn_slot_at(void *table, enum cgn_proto proto, __u16 port)
{
	__u32 at = (__u32)proto << 16 | port;

	return bpf_map_lookup_elem(table, &at);
}

#endif
