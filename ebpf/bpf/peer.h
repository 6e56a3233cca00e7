/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Peers: whom a mapping sends to, and who may send to it (RFC 4787 section 5), where a pool filters. The slot knows one of them, the
 * table of filter.h the others.
 */
#ifndef CGN_PEER_H
#define CGN_PEER_H

#include "filter.h"
#include "session.h"
#include "swap.h"
#include "whose.h"

/* cgn_filters reports whether who sends counts: errors come from anywhere on the way (RFC 4787 REQ-12). */
static __always_inline int cgn_filters(const struct cgn_flow *f, const struct cgn_policy *policy)
{
	return policy->filtering != CGN_EIF && (f->kind == CGN_SESSION || f->kind == CGN_PORTLESS);
}

/* cgn_peer_bits returns which bits of a digest say who a packet's remote endpoint is, for filters. */
static __always_inline __u32 cgn_peer_bits(const struct cgn_flow *f, const struct cgn_policy *policy)
{
	return cgn_is_session(f) && policy->filtering == CGN_ADF ? CGN_SLOT_ADDRESS : CGN_SLOT_REMOTE;
}

/* cgn_peer returns the digest of a remote endpoint by which a mapping is filtered: of its address alone, where ports do not count. */
static __always_inline __u32 cgn_peer(const struct cgn_flow *f, const struct cgn_endpoint *remote,
				      const struct cgn_policy *policy)
{
	int ports = f->kind == CGN_SESSION && f->proto != CGN_ICMP && policy->filtering == CGN_APDF;

	return cgn_digest(remote->addr, ports ? remote->port : 0) & cgn_peer_bits(f, policy);
}

static __always_inline __u32 cgn_filter_proto(const struct cgn_flow *f)
{
	return f->kind == CGN_PORTLESS ? CGN_FILTER_PORTLESS : f->proto;
}

/*
 * cgn_known_before has the slot of a session know its other end as the pool's filtering wants it, where it knows it in another way. It
 * returns the state.
 */
static __always_inline __u32 cgn_known_before(struct cgn_slot *slot, const struct cgn_flow *f, enum cgn_filtering filtering,
					      __u32 state)
{
	__u32 before = cgn_session_digest_before(f->far.addr, f->far.port, filtering), next;

	if ((state & CGN_SLOT_REMOTE) != before)
		return state;
	next = (state & ~CGN_SLOT_REMOTE) | cgn_session_digest(f->far.addr, f->far.port, filtering);
	return cgn_change(slot, state, next) ? next : slot->state;
}

/* cgn_is_recent reports whether a mapping may hear of who its slot knew, as it was before a packet. */
static __always_inline int cgn_is_recent(const struct cgn_slot *was, const struct cgn_policy *policy, __u32 proto)
{
	return was->state & CGN_SLOT_REMOTE && (__s32)(cgn_now() - was->seen) <= (__s32)cgn_filter_ticks(policy, proto);
}

/*
 * cgn_open_session lets the remote endpoint of a TCP packet send to its mapping: the slot knows it, or the table. Where one session has
 * followed another in the slot, what is late of the former comes through, and they swap places where the table knows the new one. bits are
 * those by which peers are told apart.
 */
static __always_inline int cgn_open_session(struct cgn_filter_ask *a, const struct cgn_slot *slot,
					    const struct cgn_slot *was, const struct cgn_policy *policy, __u32 peer,
					    __u32 bits)
{
	__u32 state = slot->state, known;

	if ((state & bits) != peer)
		return cgn_filter_open(a, peer | CGN_TCP, cgn_now());
	if (!((state ^ was->state) & bits) || !cgn_is_recent(was, policy, CGN_TCP))
		return 1;
	known = (was->state & bits) | CGN_TCP;
	if (!cgn_filter_open(a, known, was->seen))
		return known && cgn_filter_give(a, peer | CGN_TCP, known);
	cgn_filter_give(a, peer | CGN_TCP, 0);
	return 1;
}

/*
 * cgn_open lets the remote endpoint of a packet send to its mapping, whose slot was as it says before the packet. Without a state,
 * the slot knows who came last of those that the table did not know; who finds it being changed by another CPU goes to the table. It
 * returns 0 where there is no room, which is never so for the first packet of a mapping.
 */
static __always_inline int cgn_open(const struct cgn_flow *f, struct cgn_slot *slot, const struct cgn_slot *was,
				    const struct cgn_owner *o, const struct cgn_policy *policy,
				    const struct cgn_endpoint *to)
{
	__u32 peer = cgn_peer(f, &f->far, policy), bits = cgn_peer_bits(f, policy), known = was->state & bits;
	__u32 proto = cgn_filter_proto(f);
	__u16 port = proto == CGN_FILTER_PORTLESS ? 0 : bpf_ntohs(to->port);
	struct cgn_filter_ask a = {};

	if (known == peer)
		return 1;
	cgn_filter_begin(&a, was->owner, to->addr, port, o->row);
	if (proto == CGN_TCP)
		return cgn_open_session(&a, slot, was, policy, peer, bits);
	if (cgn_filter(&a, peer | proto, CGN_FILTER_KNOWS))
		return 1;
	if (cgn_is_recent(was, policy, proto) && !cgn_filter_open(&a, known | proto, was->seen))
		return 0;
	return cgn_change(slot, was->state, was->state ^ known ^ peer) || cgn_filter_open(&a, peer | proto, cgn_now());
}

/*
 * cgn_opens_nothing reports whether a packet lets nobody in who could not before: that of a forward, which everybody reaches, or one
 * that tells its receiver to go away.
 */
static __always_inline int cgn_opens_nothing(const struct cgn_flow *f, const struct cgn_slot *was, int alone)
{
	return (!alone && was->state & CGN_SLOT_STATIC) || (cgn_is_session(f) && f->tcp & CGN_TCP_RST);
}

/*
 * cgn_near_sent notes whom the mapping of a near endpoint sends to, and keeps it. It returns a verdict. It is not a part of
 * cgn_near_find because of the stack, which has no room for this search beside a mapping's.
 */
__noinline int cgn_near_sent(const struct cgn_flow *f, const struct cgn_owner *o, const struct cgn_endpoint *to)
{
	struct cgn_policy *policy;
	struct cgn_slot *slot, was;
	__u32 number, row, kept;
	void *table;
	int alone;

	if (!f || !o || !to)
		return CGN_DROP_TABLES;
	number = o->pool;
	policy = bpf_map_lookup_elem(&policies, &number);
	row = o->row;
	table = bpf_map_lookup_elem(&slots, &row);
	if (!policy || !table)
		return CGN_DROP_TABLES;
	alone = cgn_is_portless(f);
	slot = alone ? cgn_slot_at(table, CGN_ICMP, 0) : cgn_slot_at(table, f->proto, bpf_ntohs(to->port));
	if (!slot)
		return CGN_DROP_TABLES;
	was = *slot;
	if (!cgn_same_endpoint(was.owner, cgn_owner_word(f->near.addr, alone ? 0 : f->near.port)))
		return CGN_CONTINUE; /* its time was over, and another CPU has given the port to somebody else */
	if (cgn_is_session(f))
		was.state = cgn_known_before(slot, f, policy->filtering, was.state);
	kept = cgn_keep(slot, was.state, f, policy->filtering, cgn_now());
	if (cgn_opens_nothing(f, &was, alone))
		return CGN_CONTINUE;
	if (cgn_open(f, slot, &was, o, policy, to))
		return CGN_CONTINUE;
	cgn_change(slot, kept,
		   was.state); /* the session is the one that it was, unless somebody else has changed it since */
	return CGN_DROP_PEERS;
}

/*
 * cgn_slot_allows reports whether a slot of a pool knows a remote endpoint as one that may send to it. The session of TCP always may.
 * Global, because of the stack.
 */
__noinline int cgn_slot_allows(const struct cgn_flow *f, const struct cgn_slot *slot, const struct cgn_endpoint *remote,
			       __u32 pool)
{
	struct cgn_policy *policy = bpf_map_lookup_elem(&policies, &pool);
	__u32 state;

	if (!f || !slot || !remote || !policy)
		return 0;
	if (f->kind == CGN_PORTLESS && !cgn_is_recent(slot, policy, CGN_FILTER_PORTLESS))
		return 0; /* what has no ports has no mapping that ends */
	state = *(volatile __u32 *)&slot->state;
	return (state & cgn_peer_bits(f, policy)) == cgn_peer(f, remote, policy) ||
	       (state & CGN_SLOT_REMOTE) == cgn_session_digest_before(remote->addr, remote->port, policy->filtering);
}

/* cgn_allows reports whether remote may send to the mapping at the far end, whose owner is given. */
static __always_inline int cgn_allows(const struct cgn_flow *f, __u64 owner, const struct cgn_endpoint *remote, __u32 row,
				      const struct cgn_policy *policy)
{
	__u32 proto = cgn_filter_proto(f);
	__u16 port = proto == CGN_FILTER_PORTLESS ? 0 : bpf_ntohs(f->far.port);
	struct cgn_filter_ask a = {};

	cgn_filter_begin(&a, owner, f->far.addr, port, row);
	return cgn_filter(&a, cgn_peer(f, remote, policy) | proto, CGN_FILTER_ALLOWS);
}

#endif
