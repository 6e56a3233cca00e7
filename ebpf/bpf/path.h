/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The path of a packet, from what it is to what becomes of it. The same code runs in the driver (XDP) and behind it (tc), on
 * the packets that the driver's run left to the slow way: driver is a constant.
 *
 * Nothing is changed in a packet before it is certain where it goes. Whatever is left to the host is as it came.
 */
#ifndef CGN_PATH_H
#define CGN_PATH_H

#include "forward.h"
#include "rewrite.h"
#include "translate.h"

struct cgn_path {
	void *ctx;
	__u32 ifindex; /* that it came in on */
	__u32 realm; /* of the inside interface */
	__u16 length; /* for the MTU; 0 = the kernel knows it better */
	struct cgn_mend mend;
	struct bpf_fib_lookup fib;
	struct cgn_packet packet;
};

/*
 * cgn_slowly is for what the driver cannot do: a neighbour to be asked for its address, a packet to be cut. It is left to
 * the run behind the driver.
 */
static __always_inline enum cgn_verdict cgn_slowly(enum cgn_verdict v, int driver)
{
	if (v == CGN_CONTINUE || driver)
		return v == CGN_CONTINUE ? v : CGN_PASS_SLOW;
	return v == CGN_DROP_TOO_BIG ? CGN_CUT : CGN_CONTINUE;
}

/* cgn_way_out decides about the way of a packet from the inside. The host answers what cannot go on: it knows the sender. */
static __always_inline enum cgn_verdict cgn_way_out(struct cgn_path *path, int driver)
{
	struct cgn_packet *k = &path->packet;
	enum cgn_verdict v = cgn_route(path->ctx, k, k->flow.far.addr, path->ifindex, path->length, &path->fib);

	if (v == CGN_PASS_LOCAL || v == CGN_PASS_UNROUTED)
		return v;
	if (k->ip->ttl <= 1 || (v == CGN_DROP_TOO_BIG && !cgn_fragmentable(k->ip)))
		return CGN_PASS_ANSWER;
	return cgn_slowly(v, driver);
}

/* cgn_way_in decides about the way of a packet to an inside address. */
static __always_inline enum cgn_verdict cgn_way_in(struct cgn_path *path, __be32 to, int driver)
{
	struct cgn_packet *k = &path->packet;
	enum cgn_verdict v = cgn_route(path->ctx, k, to, path->ifindex, path->length, &path->fib);

	if (v == CGN_PASS_LOCAL || v == CGN_PASS_UNROUTED)
		return CGN_DROP_UNROUTED;
	if (k->ip->ttl <= 1)
		return CGN_DROP_TTL;
	if (v == CGN_DROP_TOO_BIG && !cgn_fragmentable(k->ip))
		return v;
	return cgn_slowly(v, driver);
}

/* cgn_turn_back decides about a packet from the inside to an outside address of ours. */
static __always_inline enum cgn_verdict cgn_turn_back(struct cgn_path *path, const struct cgn_owner *o,
						      const struct cgn_outside *at, int driver)
{
	struct cgn_packet *k = &path->packet;
	struct cgn_endpoint near = {}, far = {};
	enum cgn_verdict v;

	v = cgn_near_half(&k->flow, o, &near);
	if (v != CGN_CONTINUE)
		return v;
	v = cgn_far_half(&k->flow, at, &near, &far);
	if (v != CGN_CONTINUE)
		return v;
	v = cgn_way_in(path, far.addr, driver);
	if (v != CGN_CONTINUE)
		return v;
	cgn_set_near(k, &path->mend, &near);
	cgn_set_far(k, &path->mend, &far);
	return CGN_HAIRPIN;
}

/* cgn_from_inside decides about a packet that comes from the inside. */
static __always_inline enum cgn_verdict cgn_from_inside(struct cgn_path *path, void *ip, int driver)
{
	struct cgn_packet *k = &path->packet;
	enum cgn_verdict v = cgn_parse_ip(k, ip), ports;
	struct cgn_endpoint near = {};
	struct cgn_outside at = {};
	struct cgn_owner o = {};

	if (v != CGN_CONTINUE)
		return v;
	ports = cgn_parse_ports(k);
	if (!cgn_is_subscriber(path->realm, k->flow.near.addr, &o))
		return CGN_PASS_NOT_SUBSCRIBER;
	if (ports != CGN_CONTINUE)
		return ports;
	if (k->flow.far.addr != k->ip->daddr)
		return CGN_DROP_MALFORMED; /* an error to somebody else than it is about */
	if (cgn_is_outside(k->flow.far.addr, &at))
		return cgn_turn_back(path, &o, &at, driver);
	v = cgn_way_out(path, driver);
	if (v != CGN_CONTINUE)
		return v;
	v = cgn_near_half(&k->flow, &o, &near);
	if (v != CGN_CONTINUE)
		return v;
	cgn_set_near(k, &path->mend, &near);
	return CGN_OUTBOUND;
}

/* cgn_from_outside decides about a packet that comes from the outside. */
static __always_inline enum cgn_verdict cgn_from_outside(struct cgn_path *path, void *ip, int driver)
{
	struct cgn_packet *k = &path->packet;
	enum cgn_verdict v = cgn_parse_ip(k, ip);
	struct cgn_endpoint far = {};
	struct cgn_outside at = {};

	if (v != CGN_CONTINUE)
		return v;
	if (!cgn_is_outside(k->flow.far.addr, &at))
		return CGN_PASS_NOT_OUTSIDE;
	v = cgn_parse_ports(k);
	if (v != CGN_CONTINUE)
		return v;
	if (k->flow.far.addr != k->ip->daddr)
		return CGN_DROP_MALFORMED;
	v = cgn_far_half(&k->flow, &at, &k->flow.near, &far);
	if (v != CGN_CONTINUE)
		return v;
	v = cgn_way_in(path, far.addr, driver);
	if (v != CGN_CONTINUE)
		return v;
	cgn_set_far(k, &path->mend, &far);
	return CGN_INBOUND;
}

#endif
