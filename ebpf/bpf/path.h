/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The path of a packet, from what it is to what becomes of it. The same code runs in the driver (XDP) and behind it (tc), on
 * the packets that the driver's run left to the slow way: driver is a constant.
 *
 * Nothing is changed in a packet before it is certain where it goes. Whatever is left to the host is as it came.
 */
#ifndef CGN_PATH_H
#define CGN_PATH_H

#include "border.h"
#include "forward.h"
#include "fragment.h"
#include "ident.h"
#include "rewrite.h"
#include "sound.h"
#include "translate.h"

/* What is too much for the stack: everything that is found out about a packet, as opposed to read from it. */
struct cgn_scratch {
	struct bpf_fib_lookup fib;
	struct cgn_owner owner;
	struct cgn_outside outside;
	struct cgn_endpoint near, far; /* what they become */
	struct cgn_mend mend; /* at first nothing */
};

/* Of a CPU. The programs do not interrupt each other: they all run where the network's interrupts are served. */
struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(key_size, sizeof(__u32)); /* sizes, because the kernel's struct does not translate to Go */
	__uint(value_size, sizeof(struct cgn_scratch));
	__uint(max_entries, 1);
} scratches SEC(".maps");

/* cgn_scratch_of_cpu returns the scratch of this CPU; NULL never. */
static __always_inline struct cgn_scratch *cgn_scratch_of_cpu(void)
{
	__u32 zero = 0;

	return bpf_map_lookup_elem(&scratches, &zero);
}

struct cgn_path {
	void *ctx;
	__u32 ifindex; /* that it came in on */
	__u32 realm; /* of the inside interface */
	__u16 length; /* for the MTU; 0 = the kernel knows it better */
	struct cgn_scratch *scratch;
	struct cgn_packet packet;
};

/*
 * cgn_slowly is for what the driver cannot do: a neighbour to be asked for its address, a packet to be cut, an interface that
 * takes none of its frames. It is left to the run behind the driver.
 */
static __always_inline enum cgn_verdict cgn_slowly(const struct cgn_path *path, enum cgn_verdict v, int driver)
{
	if (driver)
		return v == CGN_CONTINUE && cgn_can_exit(path->scratch->fib.ifindex) ? v : CGN_PASS_SLOW;
	return v == CGN_DROP_TOO_BIG ? CGN_CUT : CGN_CONTINUE;
}

/*
 * cgn_way_out decides about the way of a packet from the inside. The host answers what cannot go on: it knows the sender. Where
 * there are several realms, it may know two by one address, and would tell the wrong one: we answer then.
 */
static __always_inline enum cgn_verdict cgn_way_out(struct cgn_path *path, int driver)
{
	struct cgn_packet *k = &path->packet;
	enum cgn_verdict v;

	if (cgn_unforwardable(k->flow.far.addr))
		return CGN_PASS_LOCAL;
	v = cgn_route(path->ctx, k, k->flow.far.addr, path->ifindex, path->length, &path->scratch->fib);
	if (v == CGN_PASS_LOCAL || v == CGN_PASS_UNROUTED)
		return v;
	if (k->ip->ttl <= 1)
		return realms > 1 ? CGN_DROP_TTL : CGN_PASS_ANSWER;
	if (v == CGN_DROP_TOO_BIG && !cgn_fragmentable(k->ip))
		return realms > 1 ? CGN_DROP_TOO_BIG : CGN_PASS_ANSWER;
	return cgn_slowly(path, v, driver);
}

/* cgn_way_in decides about the way of a packet to an inside address of a realm. */
static __always_inline enum cgn_verdict cgn_way_in(struct cgn_path *path, __be32 to, __u32 realm, int driver)
{
	struct cgn_packet *k = &path->packet;
	__u32 ifindex = cgn_seen_from(realm, path->ifindex);
	enum cgn_verdict v = cgn_route(path->ctx, k, to, ifindex, path->length, &path->scratch->fib);

	if (v == CGN_PASS_LOCAL || v == CGN_PASS_UNROUTED)
		return CGN_DROP_UNROUTED;
	if (k->ip->ttl <= 1)
		return CGN_DROP_TTL;
	if (v == CGN_DROP_TOO_BIG && !cgn_fragmentable(k->ip))
		return v;
	return cgn_slowly(path, v, driver);
}

/* cgn_side is how fragments tell where they come from. */
static __always_inline __u8 cgn_side(const struct cgn_path *path, int inside)
{
	return inside ? path->realm + 1 : 0;
}

/* cgn_number gives a packet an identification of ours where it may be cut. */
static __always_inline void cgn_number(struct cgn_packet *k, __be32 near, __be32 far)
{
	if (cgn_fragmentable(k->ip))
		cgn_set_ident(k->ip, cgn_ident(near, far, k->ip->protocol));
}

/*
 * cgn_note_first notes what becomes of a packet whose first fragment this is, and gives it the identification of the others.
 * Where some of them wait, it is for the slow way to let them go. What is not translated keeps its identification.
 */
static __always_inline enum cgn_verdict cgn_note_first(struct cgn_path *path, enum cgn_verdict v, __be32 near, __be32 far,
						       int driver)
{
	struct iphdr *ip = path->packet.ip;
	struct cgn_fragment_key key = cgn_fragment_key_of(ip, cgn_side(path, v != CGN_INBOUND));
	struct cgn_fragment_note note = {.near = near,
					 .far = far,
					 .ident = ip->id,
					 .state = CGN_FRAGMENT_READY,
					 .verdict = v},
				 *n;

	if (v == CGN_OUTBOUND || v == CGN_HAIRPIN)
		note.ident = cgn_ident(near, far, ip->protocol);
	if (v != CGN_OUTBOUND)
		note.realm = path->scratch->outside.realm;
	n = cgn_fragment_find(&key);
	if (!n)
		n = cgn_fragment_add(&key, &note);
	if (!n)
		return CGN_DROP_FRAGMENT;
	if (n->state == CGN_FRAGMENT_WAITING && driver)
		return CGN_PASS_SLOW;
	if (n->state == CGN_FRAGMENT_WAITING) {
		n->near = near;
		n->far = far;
		n->ident = note.ident;
		n->verdict = v;
		n->realm = note.realm;
		n->seen = cgn_now();
		__sync_lock_test_and_set(&n->state, CGN_FRAGMENT_READY); /* only when all else is there */
		return CGN_RELEASE;
	}
	if (n->near != near || n->far != far) { /* an earlier packet with the same number */
		n->near = near;
		n->far = far;
		n->ident = note.ident;
		n->verdict = v;
		n->realm = note.realm;
	}
	cgn_set_ident(ip, n->ident);
	return v;
}

/*
 * cgn_finish numbers a packet from the inside, or notes what becomes of it where it is the first fragment of one. Errors that are
 * damaged end here.
 */
static __always_inline enum cgn_verdict cgn_finish(struct cgn_path *path, enum cgn_verdict v, __be32 near, __be32 far,
						   int driver)
{
	if (path->packet.quoted && !cgn_is_sound(path->ctx, &path->packet, driver))
		return CGN_DROP_CHECKSUM;
	if (cgn_is_fragment(path->packet.ip))
		return cgn_note_first(path, v, near, far, driver);
	if (v != CGN_INBOUND)
		cgn_number(&path->packet, near, far);
	return v;
}

/* cgn_leave is for what the plan leaves untranslated. The others of a packet follow its first fragment, where that alone says so. */
static __always_inline enum cgn_verdict cgn_leave(struct cgn_path *path, int driver)
{
	const struct iphdr *ip = path->packet.ip;

	if (!cgn_is_fragment(ip) || !cgn_port_decides(ip->daddr, ip->protocol))
		return CGN_PASS_NO_TRANSLATE;
	return cgn_note_first(path, CGN_PASS_NO_TRANSLATE, ip->saddr, ip->daddr, driver);
}

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
 * cgn_where says what the destination of a packet from the inside is, as cgn_destination does, or that it is a host outside. An error
 * goes where packets of what it is about go.
 */
static __always_inline enum cgn_verdict cgn_where(struct cgn_path *path, __be32 to, __be16 port)
{
	const struct iphdr *ip = path->packet.ip, *quoted = path->packet.quoted;
	__u8 protocol = quoted ? quoted->protocol : ip->protocol;
	enum cgn_verdict v = cgn_destination(to, path->realm, protocol, port, &path->scratch->outside);

	if (v == CGN_PASS_INSIDE && cgn_is_elsewhere(path->ctx, ip->saddr, to, path->ifindex))
		return CGN_CONTINUE;
	return v;
}

/*
 * cgn_leaks reports whether a packet from the inside would leave untranslated with a source of the shared space (RFC 6598 section 4),
 * to other hosts than those that the plan does not translate.
 */
static __always_inline int cgn_leaks(struct cgn_path *path)
{
	const struct cgn_packet *k = &path->packet;
	__be32 from = k->ip->saddr, to = k->ip->daddr;

	if (!cgn_is_shared(from) || cgn_unforwardable(to) || !cgn_is_elsewhere(path->ctx, from, to, path->ifindex))
		return 0;
	return cgn_destination(to, path->realm, k->ip->protocol, k->flow.far.port, &path->scratch->outside) !=
	       CGN_PASS_NO_TRANSLATE;
}

/*
 * cgn_nobodys is the verdict about a packet from the inside whose source is no subscriber. It is the host's, except where it would
 * leak, or the source is an outside address: the packet would get out as if it were of whoever has that port there.
 */
static __always_inline enum cgn_verdict cgn_nobodys(struct cgn_path *path, __be32 from)
{
	if (cgn_is_outside(from, &path->scratch->outside) || cgn_leaks(path))
		return CGN_DROP_SOURCE;
	return CGN_PASS_NOT_SUBSCRIBER;
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
	struct cgn_fragment_note note = {.far = ip->daddr, .state = CGN_FRAGMENT_READY, .verdict = CGN_OUTBOUND}, *n;
	struct cgn_scratch *s = path->scratch;
	enum cgn_verdict v;
	struct cgn_row *row;
	__u32 at;

	if (!cgn_is_subscriber(path->realm, ip->saddr, &s->owner))
		return cgn_nobodys(path, ip->saddr);
	if (cgn_overlaps(ip))
		return CGN_DROP_MALFORMED;
	n = cgn_fragment_find(&key);
	if (n && n->state == CGN_FRAGMENT_READY)
		return cgn_follow(path, n, driver);
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
	n = cgn_fragment_add(&key, &note);
	return n ? cgn_follow(path, n, driver) : CGN_DROP_FRAGMENT;
}

/* cgn_later_from_outside decides about a later fragment to an outside address of ours. */
static __always_inline enum cgn_verdict cgn_later_from_outside(struct cgn_path *path, int driver)
{
	struct iphdr *ip = path->packet.ip;
	struct cgn_fragment_key key = cgn_fragment_key_of(ip, cgn_side(path, 0));
	struct cgn_fragment_note *n;

	if (cgn_overlaps(ip))
		return CGN_DROP_MALFORMED;
	n = cgn_fragment_find(&key);
	if (n && n->state == CGN_FRAGMENT_READY)
		return cgn_follow(path, n, driver);
	return driver ? CGN_PASS_SLOW : CGN_HELD;
}

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
	if (way != CGN_CONTINUE && way != CGN_PASS_SLOW)
		return way;
	/* Before the slow way, too: only the driver tells who is refused, and the next run finds the mapping. */
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
	v = cgn_finish(path, CGN_INBOUND, k->flow.near.addr, s->far.addr, driver);
	if (v != CGN_INBOUND)
		return v;
	cgn_set_far(k, &path->scratch->mend, &s->far);
	return v;
}

#endif
