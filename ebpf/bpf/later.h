/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Later fragments, which have no ports: what was done to the first is done to them. */
#ifndef CGN_LATER_H
#define CGN_LATER_H

#include "way.h"

/* cgn_follow does to a later fragment what was done to the first. */
static __always_inline enum cgn_verdict cgn_follow(struct cgn_path *path, const struct cgn_fragment_note *n, int driver)
{
	__be32 near = n->near, far = n->far;
	__u32 verdict = n->verdict, realm = n->realm;
	__be16 ident = n->ident;
	struct iphdr *ip = path->packet.ip;
	enum cgn_verdict v;

	if (verdict == CGN_PASS_NO_TRANSLATE)
		return CGN_PASS_NO_TRANSLATE;
	v = verdict == CGN_OUTBOUND ? cgn_way_out(path, driver) : cgn_way_in(path, far, realm, driver);
	if (v != CGN_CONTINUE)
		return v;
	cgn_set_ident(ip, ident);
	ip->check = cgn_checksum(ip->check, cgn_delta32(ip->saddr, near) + cgn_delta32(ip->daddr, far));
	ip->saddr = near;
	ip->daddr = far;
	return verdict == CGN_OUTBOUND ? CGN_OUTBOUND : verdict == CGN_INBOUND ? CGN_INBOUND : CGN_HAIRPIN;
}

/* cgn_overlaps reports whether a later fragment would write over the ports and flags of the first (RFC 3128). */
static __always_inline int cgn_overlaps(const struct iphdr *ip)
{
	return ip->protocol == IPPROTO_TCP && (bpf_ntohs(ip->frag_off) & CGN_IP_OFFSET) * 8 < sizeof(struct tcphdr);
}

/* cgn_has_ports reports whether only first fragments of a protocol say whose they are. */
static __always_inline int cgn_has_ports(__u8 protocol)
{
	return protocol == IPPROTO_TCP || protocol == IPPROTO_UDP || protocol == IPPROTO_ICMP;
}

/*
 * cgn_await_first is for a later fragment to a host of which some ports are exempt. It waits, unless it is the host's with any port:
 * of that, no first fragment is noted.
 */
static __always_inline enum cgn_verdict cgn_await_first(struct cgn_path *path, int driver)
{
	enum cgn_verdict v = cgn_way_out(path, driver);

	if (v != CGN_CONTINUE && v != CGN_PASS_SLOW && v != CGN_CUT)
		return v;
	return driver ? CGN_PASS_SLOW : CGN_HELD;
}

/* cgn_later_from_inside decides about a later fragment from the inside. */
static __always_inline enum cgn_verdict cgn_later_from_inside(struct cgn_path *path, int driver)
{
	struct iphdr *ip = path->packet.ip;
	struct cgn_fragment_key key = cgn_fragment_key_of(ip, cgn_side(path, 1));
	struct cgn_fragment_note note = {.far = ip->daddr, .state = CGN_FRAGMENT_READY, .verdict = CGN_OUTBOUND};
	struct cgn_scratch *s = path->scratch;
	enum cgn_verdict v;
	int noted;
	struct cgn_row *row;
	__u32 at;

	if (!cgn_is_subscriber(path->realm, ip->saddr, &s->owner))
		return cgn_nobodys(path, ip->saddr);
	if (cgn_overlaps(ip))
		return CGN_DROP_MALFORMED;
	noted = cgn_fragment_read(&key, &note);
	if (noted == CGN_CONTINUE)
		return cgn_follow(path, &note, driver);
	if (noted != CGN_HELD)
		return noted;
	v = cgn_where(path, ip->daddr, 0);
	if (v == CGN_HAIRPIN)
		return driver ? CGN_PASS_SLOW : CGN_HELD;
	if (v != CGN_CONTINUE && v != CGN_PASS_NO_TRANSLATE)
		return v;
	if (cgn_port_decides(ip->daddr, ip->protocol))
		return cgn_await_first(path, driver);
	if (v != CGN_CONTINUE)
		return v;
	at = s->owner.row;
	row = bpf_map_lookup_elem(&rows, &at);
	if (!row)
		return CGN_DROP_TABLES;
	note.near = row->addr;
	note.ident = cgn_ident(note.near, note.far, ip->protocol);
	noted = cgn_fragment_add(&key, &note, driver);
	return noted == CGN_CONTINUE ? cgn_follow(path, &note, driver) : noted;
}

/* cgn_later_from_outside decides about a later fragment to an outside address of ours. */
static __always_inline enum cgn_verdict cgn_later_from_outside(struct cgn_path *path, int driver)
{
	struct iphdr *ip = path->packet.ip;
	struct cgn_fragment_key key = cgn_fragment_key_of(ip, cgn_side(path, 0));
	struct cgn_fragment_note note = {};
	int noted;

	if (cgn_overlaps(ip))
		return CGN_DROP_MALFORMED;
	noted = cgn_fragment_read(&key, &note);
	if (noted == CGN_CONTINUE)
		return cgn_follow(path, &note, driver);
	return noted == CGN_HELD && driver ? CGN_PASS_SLOW : noted;
}

#endif
