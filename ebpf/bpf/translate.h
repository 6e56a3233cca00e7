/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The two halves of a translation. The near half replaces the inside endpoint by its mapping, for packets that come from the
 * inside. The far half replaces a mapping by its inside endpoint, for packets that go there. A packet from the inside to an
 * outside address of ours takes both (hairpinning, RFC 4787 REQ-9).
 *
 * Both are global functions, so that the verifier looks at them once, and not once for every kind of packet.
 */
#ifndef CGN_TRANSLATE_H
#define CGN_TRANSLATE_H

#include "event.h"
#include "filter.h"
#include "session.h"
#include "mapping.h"
#include "swap.h"
#include "whose.h"

/* cgn_creates reports whether a packet from the inside may make a mapping: errors, answers and resets may not. */
static __always_inline int cgn_creates(const struct cgn_flow *f)
{
	if (f->kind == CGN_ERROR)
		return 0;
	if (f->proto == CGN_ICMP)
		return f->query;
	return f->proto != CGN_TCP || !(f->tcp & CGN_TCP_RST);
}

/* cgn_search_for prepares the search for the mapping of a packet of subscriber o, whose row is r. */
static __always_inline enum cgn_verdict cgn_search_for(struct cgn_search *s, const struct cgn_flow *f,
						       const struct cgn_owner *o, const struct cgn_row *r)
{
	__u32 number = o->pool, row = o->row;
	struct cgn_pool *p = bpf_map_lookup_elem(&pools, &number);
	struct cgn_cut *cut;
	int parity;

	s->policy = bpf_map_lookup_elem(&policies, &number);
	s->table = bpf_map_lookup_elem(&slots, &row);
	if (!p || !s->policy || !s->table)
		return CGN_DROP_TABLES;
	s->pool = p;
	s->list = cgn_list_of(p, r);
	cut = cgn_cut_of(p, r->cut, o->place.slot);
	if ((p->flags & CGN_POOL_LIST && !s->list) || (p->flags & CGN_POOL_CUT && !cut))
		return CGN_DROP_TABLES;
	s->share = cgn_share(p, o->place.slot, cut);
	if (!s->share.len)
		return CGN_DROP_TABLES;
	s->proto = f->proto;
	s->now = cgn_now();
	s->owner = cgn_owner_word(f->near.addr, f->near.port);
	parity = p->flags & CGN_POOL_PARITY;
	s->home = cgn_home(bpf_ntohl(f->near.addr), bpf_ntohs(f->near.port), f->proto, s->share.len, parity,
			   parity ? cgn_share_port(p, s->list, &s->share, 0) : 0);
	return CGN_CONTINUE;
}

/*
 * cgn_stand_alone notes who has an address alone, for packets to it that need no mapping: at ICMP identifier 0, which no mapping
 * can have. Go has noted it there before; should that be gone, the next packet of the subscriber makes up for it. Errors and answers
 * note nothing, and need to find it noted.
 */
static __always_inline enum cgn_verdict cgn_stand_alone(const struct cgn_search *s, const struct cgn_flow *f, int note)
{
	struct cgn_slot *slot = cgn_slot_at(s->table, CGN_ICMP, 0);
	__u64 owner = cgn_owner_word(f->near.addr, 0);

	if (!slot)
		return CGN_DROP_TABLES;
	if (!cgn_same_endpoint(slot->owner, owner)) {
		if (!note)
			return CGN_DROP_NO_MAPPING;
		slot->state = CGN_SLOT_STATIC;
		slot->owner = owner | (__u16)s->now;
	}
	return CGN_CONTINUE;
}

/*
 * Where somebody has an address alone, a query to it keeps the identifier that who asks has given it, and so does the answer: only
 * addresses are translated, as RFC 5508 REQ-7 wants it for hairpinning. Filters go by mappings, so not in pools with those.
 *
 * cgn_was_asked is about the near end of a flow, cgn_is_asked about the far one.
 */
static __always_inline int cgn_was_asked(const struct cgn_flow *f, const struct cgn_policy *policy)
{
	return f->proto == CGN_ICMP && !f->query && policy->filtering == CGN_EIF;
}

static __always_inline int cgn_is_asked(const struct cgn_flow *f, const struct cgn_policy *policy)
{
	return f->proto == CGN_ICMP && f->query && policy->filtering == CGN_EIF;
}

/* cgn_find_away finds or makes a mapping that is not at home. */
static __always_inline enum cgn_verdict cgn_find_away(struct cgn_search *s, const struct cgn_flow *f,
						      const struct cgn_owner *o)
{
	enum cgn_verdict v;
	__u32 at = o->place.slot, row = o->row;
	void *table = bpf_map_lookup_elem(&accounts, &row);

	if (!table)
		return CGN_DROP_TABLES;
	s->account = bpf_map_lookup_elem(table, &at);
	if (!s->account)
		return CGN_DROP_TABLES;
	v = cgn_map(s, cgn_creates(f));
	if (v != CGN_CONTINUE)
		cgn_tell(s->account, f, o, s->now, v);
	return v;
}

/* cgn_filters reports whether who sends counts: errors come from anywhere on the way (RFC 4787 REQ-12). */
static __always_inline int cgn_filters(const struct cgn_flow *f, const struct cgn_policy *policy)
{
	return policy->filtering != CGN_EIF && (f->kind == CGN_SESSION || f->kind == CGN_PORTLESS);
}

/* cgn_is_session reports whether a packet is one of a TCP session, and no error about one. */
static __always_inline int cgn_is_session(const struct cgn_flow *f)
{
	return f->kind == CGN_SESSION && f->proto == CGN_TCP;
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
 * cgn_keep keeps a mapping, whose state is given, for a packet that it sends, if that is one of those that do. It returns what the packet
 * has made of the state.
 */
static __always_inline __u32 cgn_keep(struct cgn_slot *slot, __u32 state, const struct cgn_flow *f,
				      enum cgn_filtering filtering, __u32 now)
{
	if (f->again || (f->kind != CGN_SESSION && f->kind != CGN_PORTLESS))
		return state;
	/* Before the state, whose time may be shorter: nobody shall find the mapping over in between. */
	if (f->proto != CGN_TCP || !(f->tcp & CGN_TCP_RST))
		cgn_touch(slot, now);
	if (!cgn_is_session(f))
		return state;
	return cgn_session_out(slot, state, cgn_session_digest(f->far.addr, f->far.port, filtering), f->tcp, filtering, now);
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

/* cgn_near_find finds what the near endpoint becomes. What the packet means for the mapping comes later where that is filtered. */
__noinline int cgn_near_find(const struct cgn_flow *f, const struct cgn_owner *o, struct cgn_endpoint *to)
{
	struct cgn_search s = {};
	struct cgn_slot *slot;
	struct cgn_row *row;
	__u32 at;
	__u16 port;
	int v;

	if (!f || !o || !to)
		return CGN_DROP_TABLES;
	at = o->row;
	row = bpf_map_lookup_elem(&rows, &at);
	if (!row)
		return CGN_DROP_TABLES;
	to->addr = row->addr;
	v = cgn_search_for(&s, f, o, row);
	if (v != CGN_CONTINUE)
		return v;
	to->filtered = cgn_filters(f, s.policy) && !f->again;
	if (cgn_is_portless(f))
		return cgn_is_alone(s.pool, o->row) ? cgn_stand_alone(&s, f, f->kind == CGN_PORTLESS) : CGN_DROP_PROTOCOL;
	if (cgn_was_asked(f, s.policy) && cgn_is_alone(s.pool, o->row) && cgn_stand_alone(&s, f, 0) == CGN_CONTINUE) {
		to->port = f->near.port;
		return CGN_CONTINUE;
	}
	port = cgn_port_after(&s, 0);
	slot = cgn_slot_at(s.table, s.proto, port);
	if (!slot)
		return CGN_DROP_TABLES;
	if (!cgn_is_live(slot, s.owner, s.policy, s.proto, s.now)) {
		v = cgn_find_away(&s, f, o);
		if (v != CGN_CONTINUE)
			return v;
		if (cgn_is_alone(s.pool, o->row))
			cgn_stand_alone(&s, f, 1);
		port = cgn_port_after(&s, s.found);
		slot = cgn_slot_at(s.table, s.proto, port);
		if (!slot)
			return CGN_DROP_TABLES;
	}
	if (!to->filtered) /* nor is there anything to keep in pools that filter */
		cgn_keep(slot, slot->state, f, CGN_EIF, s.now);
	to->port = bpf_htons(port);
	return CGN_CONTINUE;
}

/* cgn_near_half finds what the near endpoint becomes, which is of subscriber o. It returns a verdict. */
static __always_inline int cgn_near_half(const struct cgn_flow *f, const struct cgn_owner *o, struct cgn_endpoint *to)
{
	int v = cgn_near_find(f, o, to);

	return v == CGN_CONTINUE && to->filtered ? cgn_near_sent(f, o, to) : v;
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

/* cgn_far_half finds what the far endpoint becomes, which is of the outside address at. remote is who sends. It returns a verdict. */
__noinline int cgn_far_half(const struct cgn_flow *f, const struct cgn_outside *at, const struct cgn_endpoint *remote,
			    struct cgn_endpoint *to)
{
	struct cgn_policy *policy;
	struct cgn_slot *slot;
	__u32 row, number, now = cgn_now();
	void *table;
	__u64 owner;
	int alone;

	if (!f || !at || !remote || !to)
		return CGN_DROP_TABLES;
	number = at->pool;
	policy = bpf_map_lookup_elem(&policies, &number);
	row = at->row;
	table = bpf_map_lookup_elem(&slots, &row);
	if (!policy || !table)
		return CGN_DROP_TABLES;
	alone = (cgn_is_portless(f) || cgn_is_asked(f, policy)) && cgn_is_unshared(at);
	if (cgn_is_portless(f) && !alone)
		return CGN_DROP_PROTOCOL;
	if (!alone && !f->far.port)
		return CGN_DROP_NO_MAPPING; /* port 0 is nobody's, and identifier 0 is where it is noted who stands alone */
	slot = alone ? cgn_slot_at(table, CGN_ICMP, 0) : cgn_slot_at(table, f->proto, bpf_ntohs(f->far.port));
	if (!slot)
		return CGN_DROP_TABLES;
	owner = slot->owner;
	if (!cgn_is_endpoint(owner) || (!alone && !cgn_is_live(slot, owner, policy, f->proto, now)))
		return CGN_DROP_NO_MAPPING;
	/* A forward is there to be reached by anybody. The note of who stands alone never expires either, and is none. */
	if (cgn_filters(f, policy) && (alone || !(slot->state & CGN_SLOT_STATIC)) &&
	    !cgn_slot_allows(f, slot, remote, number) && !cgn_allows(f, owner, remote, row, policy))
		return CGN_DROP_FILTERED;
	if (cgn_is_session(f) && !f->again)
		cgn_session_in(slot, cgn_session_digest(remote->addr, remote->port, policy->filtering), f->tcp,
			       policy->filtering, now);
	to->addr = owner >> 32;
	to->port = alone ? remote->port : owner >> 16;
	return CGN_CONTINUE;
}

#endif
