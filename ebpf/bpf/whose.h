/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Whose addresses are: what a packet is about. The questions that packets ask are global functions, so that the verifier looks
 * at them once, and not once for every kind of packet.
 */
#ifndef CGN_WHOSE_H
#define CGN_WHOSE_H

#include "lookup.h"

/* An outside address of ours. */
struct cgn_outside {
	__u32 row;
	__u32 pool;
	__u32 realm;
};

/* cgn_is_subscriber finds who an inside address is. It returns 0 for nobody. */
__noinline int cgn_is_subscriber(__u32 realm, __be32 inside, struct cgn_owner *o)
{
	return o && cgn_subscriber(realm, inside, o);
}

/* A search among what is exempt. */
struct cgn_exempt_search {
	__u32 at;
	__u32 found;
	__u16 port;
	__u8 protocol;
	__u8 pad;
};

static long cgn_exempt_look(__u32 i, void *data)
{
	struct cgn_exempt_search *s = data;
	__u32 at = s->at + i;
	struct cgn_exempt *e = bpf_map_lookup_elem(&exempts, &at);

	if (!e)
		return 1;
	s->found = !e->protocol || (e->protocol == s->protocol && s->port >= e->first && s->port <= e->last);
	return s->found != 0;
}

/* cgn_is_inside reports whether an address is one of a realm. */
static __always_inline int cgn_is_inside(__u32 realm, __be32 addr)
{
	struct cgn_found found;

	if (realms == 1)
		realm = 0;
	return realm < CGN_INDEXES - 1 && cgn_find(1 + realm, bpf_ntohl(addr), &found);
}

/* cgn_exempts_of finds what the plan leaves untranslated at a host, NULL for nothing: where its entries begin, and how many there are. */
static __always_inline struct cgn_range *cgn_exempts_of(__be32 host)
{
	__u32 index = realms + 1;

	if (index >= CGN_INDEXES || !indexes[index].ranges)
		return NULL;
	return cgn_find_range(index, bpf_ntohl(host));
}

/* cgn_is_exempt reports whether the plan leaves a destination untranslated (RFC 6888 REQ-6). */
static __always_inline int cgn_is_exempt(__be32 to, __u8 protocol, __be16 port)
{
	struct cgn_exempt_search s = {.protocol = protocol, .port = bpf_ntohs(port)};
	struct cgn_range *r = cgn_exempts_of(to);

	if (!r)
		return 0;
	s.at = r->pool;
	bpf_loop(r->position, cgn_exempt_look, &s, 0);
	return s.found;
}

/* cgn_exempt_by_port looks whether an entry is about ports of a protocol: step of a loop. ICMP errors are about any. */
static long cgn_exempt_by_port(__u32 i, void *data)
{
	struct cgn_exempt_search *s = data;
	__u32 at = s->at + i;
	struct cgn_exempt *e = bpf_map_lookup_elem(&exempts, &at);

	if (!e || !e->protocol)
		return 1;
	s->found = e->protocol == s->protocol || s->protocol == IPPROTO_ICMP;
	return s->found != 0;
}

/* cgn_port_decides reports whether a destination is left untranslated for some of its ports only, which later fragments do not say. */
__noinline int cgn_port_decides(__be32 to, __u8 protocol)
{
	struct cgn_exempt_search s = {.protocol = protocol};
	struct cgn_range *r = cgn_exempts_of(to);

	if (!r)
		return 0;
	s.at = r->pool;
	bpf_loop(r->position, cgn_exempt_by_port, &s, 0);
	return s.found;
}

/* cgn_find_outside finds which outside address of ours one is. It returns 0 for none. */
static __always_inline int cgn_find_outside(__be32 outside, struct cgn_outside *at)
{
	struct cgn_found found;
	struct cgn_pool *p;

	if (!cgn_find(0, bpf_ntohl(outside), &found))
		return 0;
	p = bpf_map_lookup_elem(&pools, &found.pool);
	if (!p)
		return 0;
	at->pool = found.pool;
	at->row = p->row + found.position;
	at->realm = p->realm;
	return 1;
}

/* cgn_is_unshared is cgn_is_alone for one. Few packets ask. */
static __always_inline int cgn_is_unshared(const struct cgn_outside *at)
{
	__u32 number = at->pool;
	struct cgn_pool *p = bpf_map_lookup_elem(&pools, &number);

	return p && cgn_is_alone(p, at->row);
}

/* cgn_is_outside is cgn_find_outside for packets from the outside. */
__noinline int cgn_is_outside(__be32 outside, struct cgn_outside *at)
{
	return at && cgn_find_outside(outside, at);
}

/*
 * cgn_destination says what a subscriber's packet to an address is: CGN_HAIRPIN for an outside address of ours, which is then
 * in at, a verdict for what is not translated, CGN_CONTINUE for everything else. port is 0 where there is none.
 */
__noinline int cgn_destination(__be32 to, __u32 realm, __u8 protocol, __be16 port, struct cgn_outside *at)
{
	if (!at)
		return CGN_DROP_TABLES;
	if (cgn_find_outside(to, at))
		return CGN_HAIRPIN;
	if (cgn_is_exempt(to, protocol, port))
		return CGN_PASS_NO_TRANSLATE;
	return cgn_is_inside(realm, to) ? CGN_PASS_INSIDE : CGN_CONTINUE;
}

#endif
