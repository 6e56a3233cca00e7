/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * What may not come in from outside: inside addresses, be it as source or as destination, and other addresses of the shared space as
 * source (RFC 6598 section 4). Where the routes say that such an address is outside, it is that of a host there.
 */
#ifndef CGN_BORDER_H
#define CGN_BORDER_H

#include "forward.h"
#include "whose.h"

/*
 * An interface of each realm, set by Go before load. The same inside address may be in several realms: which one is meant is
 * for the routing rules of the interface (a VRF, or ip rule iif) to say, as if the packet had come in there.
 */
const volatile __u32 realm_interface[CGN_INDEXES];

/* cgn_seen_from returns the interface from which the way to an address of a realm is asked for; ifindex is where the packet came in. */
static __always_inline __u32 cgn_seen_from(__u32 realm, __u32 ifindex)
{
	__u32 own = realms > 1 ? realm_interface[realm & (CGN_INDEXES - 1)] : 0;

	return own ? own : ifindex;
}

/* cgn_near_outside reports whether an address may be an outside address of ours. */
static __always_inline int cgn_near_outside(__be32 addr)
{
	return bpf_ntohl(addr) - outside_first <= outside_last - outside_first;
}

/* cgn_is_shared reports whether an address is of the shared address space, 100.64.0.0/10. */
static __always_inline int cgn_is_shared(__be32 addr)
{
	return bpf_ntohl(addr) >> 22 == (100 << 8 | 64) >> 6;
}

/* A search for the realm that has an address. */
struct cgn_inside_search {
	void *ctx;
	__be32 addr;
	__u32 ifindex; /* that the packet came in on */
	__u32 found;
};

/* cgn_inside_look looks into one realm: step of a loop. */
static long cgn_inside_look(__u32 realm, void *data)
{
	struct cgn_inside_search *s = data;

	if (cgn_is_inside(realm, s->addr))
		s->found = !cgn_is_elsewhere(s->ctx, 0, s->addr, cgn_seen_from(realm, s->ifindex));
	return s->found;
}

static __noinline int cgn_search_realms(void *ctx, __be32 addr, __u32 ifindex)
{
	struct cgn_inside_search s = {.ctx = ctx, .addr = addr, .ifindex = ifindex};

	bpf_loop(realms, cgn_inside_look, &s, 0);
	return s.found;
}

/*
 * cgn_near_inside reports whether an address may be an inside address: of some realm, or of the shared space where the plan uses that,
 * which Go has counted in.
 */
static __always_inline int cgn_near_inside(__be32 addr)
{
	return bpf_ntohl(addr) - inside_first <= inside_last - inside_first;
}

/* cgn_belongs_inside reports whether an address is an inside address of some realm, for packets from outside. */
static __always_inline int cgn_belongs_inside(void *ctx, __be32 addr, __u32 ifindex)
{
	return cgn_near_inside(addr) && cgn_search_realms(ctx, addr, ifindex);
}

/*
 * cgn_comes_from_inside is that for the source of a packet, which may not be of the shared space at all where no way leads back to it
 * outside. As a destination the host may have such an address itself, and it is for its routes what becomes of the others.
 */
static __always_inline int cgn_comes_from_inside(void *ctx, __be32 addr, __u32 ifindex)
{
	if (!cgn_near_inside(addr))
		return 0;
	if (cgn_is_shared(addr))
		return !cgn_is_elsewhere(ctx, 0, addr, ifindex) || cgn_search_realms(ctx, addr, ifindex);
	return cgn_search_realms(ctx, addr, ifindex);
}

/*
 * cgn_to_inside says what becomes of a packet from outside to an inside address. Hosts that subscribers reach untranslated answer
 * that way, and so do routers on the way to them.
 */
static __always_inline enum cgn_verdict cgn_to_inside(struct cgn_packet *k)
{
	if (!indexes[(realms + 1) & (CGN_INDEXES - 1)].ranges)
		return CGN_DROP_INSIDE;
	if (cgn_exempts_of(k->ip->saddr))
		return CGN_PASS_NO_TRANSLATE;
	if (k->ip->protocol != IPPROTO_ICMP || k->ip->frag_off & bpf_htons(CGN_IP_OFFSET))
		return CGN_DROP_INSIDE;
	if (cgn_parse_ports(k) != CGN_CONTINUE || !k->quoted || !cgn_exempts_of(k->flow.near.addr))
		return CGN_DROP_INSIDE;
	return CGN_PASS_NO_TRANSLATE;
}

#endif
