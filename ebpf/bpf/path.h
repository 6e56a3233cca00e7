/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The path of a packet, from what it is to what becomes of it. The same code runs in the driver (XDP) and behind it (tc), on
 * the packets that the driver's run left to the slow way: driver is a constant.
 *
 * Nothing is changed in a packet before it is certain where it goes. Whatever is left to the host is as it came.
 */
#ifndef CGN_PATH_H
#define CGN_PATH_H

#include "later.h"

/*
 * A ping between subscribers has one identifier for two mappings. It arrives with that of who asks; that by which who is asked was found
 * has done its work then. So the answer says who asked, and all that its near end becomes is the address.
 */
static __always_inline int cgn_is_answer(const struct cgn_flow *f)
{
	return f->proto == CGN_ICMP && !f->query;
}

/* cgn_near_address finds what the near end of an answer becomes. */
static __always_inline enum cgn_verdict cgn_near_address(const struct cgn_flow *f, const struct cgn_owner *o,
							 struct cgn_endpoint *to)
{
	__u32 at = o->row;
	struct cgn_row *row = bpf_map_lookup_elem(&rows, &at);

	if (!row)
		return CGN_DROP_TABLES;
	to->addr = row->addr;
	to->port = f->near.port;
	return CGN_CONTINUE;
}

/* cgn_turn_back decides about a packet from the inside to an outside address of ours. */
static __always_inline enum cgn_verdict cgn_turn_back(struct cgn_path *path, int driver)
{
	struct cgn_packet *k = &path->packet;
	struct cgn_scratch *s = path->scratch;
	enum cgn_verdict v;

	if (cgn_is_answer(&k->flow))
		v = cgn_near_address(&k->flow, &s->owner, &s->near);
	else
		v = cgn_near_half(&k->flow, &s->owner, &s->near);
	if (v != CGN_CONTINUE)
		return v;
	v = cgn_far_half(&k->flow, &s->outside, &s->near, &s->far);
	if (v != CGN_CONTINUE)
		return v;
	if (k->flow.proto == CGN_ICMP && k->flow.query)
		s->far.port = s->near.port;
	v = cgn_way_in(path, s->far.addr, s->outside.realm, driver);
	if (v != CGN_CONTINUE)
		return v;
	v = cgn_finish(path, CGN_HAIRPIN, s->near.addr, s->far.addr, driver);
	if (v != CGN_HAIRPIN)
		return v;
	cgn_set_near(k, &path->scratch->mend, &s->near);
	cgn_set_far(k, &path->scratch->mend, &s->far);
	return v;
}

/* cgn_from_inside decides about a packet that comes from the inside. */
static __always_inline enum cgn_verdict cgn_from_inside(struct cgn_path *path, void *ip, int driver)
{
	struct cgn_packet *k = &path->packet;
	enum cgn_verdict v = cgn_parse_ip(k, ip), ports, way;
	struct cgn_scratch *s = path->scratch;

	if (v != CGN_CONTINUE)
		return v;
	if (cgn_is_later(k->ip) && cgn_has_ports(k->ip->protocol))
		return cgn_later_from_inside(path, driver);
	ports = cgn_parse_ports(k);
	if (!cgn_is_subscriber(path->realm, k->flow.near.addr, &s->owner)) {
		/* A subscriber's error about what is nobody's must not get out with an inside address either. */
		if (k->flow.near.addr == k->ip->saddr || !cgn_is_subscriber(path->realm, k->ip->saddr, &s->owner))
			return cgn_nobodys(path, k->ip->saddr);
		return ports == CGN_CONTINUE ? CGN_DROP_NO_MAPPING : ports;
	}
	if (ports != CGN_CONTINUE)
		return ports;
	if (k->flow.far.addr != k->ip->daddr)
		return CGN_DROP_MALFORMED; /* an error to somebody else than it is about */
	v = cgn_where(path, k->flow.far.addr, k->flow.far.port);
	if (v == CGN_HAIRPIN)
		return cgn_turn_back(path, driver);
	if (v == CGN_PASS_NO_TRANSLATE)
		return cgn_leave(path, driver);
	if (v != CGN_CONTINUE)
		return v;
	way = cgn_way_out(path, driver);
	if (way != CGN_CONTINUE && way != CGN_PASS_SLOW && (driver || way != CGN_CUT))
		return way;
	/*
	 * Before the slow way, too: only the driver tells who is refused, and the next run finds the mapping. And before a packet is cut: what
	 * comes in once more means nothing to its mapping.
	 */
	v = cgn_near_half(&k->flow, &s->owner, &s->near);
	if (v != CGN_CONTINUE)
		return v;
	if (way != CGN_CONTINUE)
		return way;
	v = cgn_finish(path, CGN_OUTBOUND, s->near.addr, k->flow.far.addr, driver);
	if (v != CGN_OUTBOUND)
		return v;
	cgn_set_near(k, &path->scratch->mend, &s->near);
	return v;
}

/* cgn_from_outside decides about a packet that comes from the outside. */
static __always_inline enum cgn_verdict cgn_from_outside(struct cgn_path *path, void *ip, int driver)
{
	struct cgn_packet *k = &path->packet;
	enum cgn_verdict v = cgn_parse_ip(k, ip);
	struct cgn_scratch *s = path->scratch;

	if (v != CGN_CONTINUE)
		return v;
	if (cgn_comes_from_inside(path->ctx, k->ip->saddr, path->ifindex))
		return CGN_DROP_SOURCE;
	if (cgn_near_outside(k->ip->saddr) && cgn_is_outside(k->ip->saddr, &s->outside))
		return CGN_DROP_SOURCE; /* who has an outside address of ours is in here */
	if (!cgn_is_outside(k->flow.far.addr, &s->outside))
		return cgn_belongs_inside(path->ctx, k->ip->daddr, path->ifindex) ? cgn_to_inside(k) : CGN_PASS_NOT_OUTSIDE;
	if (cgn_unforwardable(k->ip->saddr))
		return CGN_DROP_SOURCE;
	if (cgn_is_later(k->ip) && cgn_has_ports(k->ip->protocol))
		return cgn_later_from_outside(path, driver);
	v = cgn_parse_ports(k);
	if (v != CGN_CONTINUE)
		return v;
	if (k->flow.far.addr != k->ip->daddr)
		return CGN_DROP_MALFORMED; /* an error to somebody else than it is about */
	v = cgn_far_half(&k->flow, &s->outside, &k->flow.near, &s->far);
	if (v != CGN_CONTINUE)
		return v;
	v = cgn_way_in(path, s->far.addr, s->outside.realm, driver);
	if (v != CGN_CONTINUE)
		return v;
	v = cgn_finish(path, CGN_INBOUND, k->ip->saddr, s->far.addr, driver); /* of an error, who tells it */
	if (v != CGN_INBOUND)
		return v;
	cgn_set_far(k, &path->scratch->mend, &s->far);
	return v;
}

#endif
