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
#include "mapping.h"
#include "peer.h"

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
