/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * What is known of a packet on its path, which ways it may go, and what is done last: it is numbered, or noted where it is the first
 * fragment of one.
 */
#ifndef CGN_WAY_H
#define CGN_WAY_H

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
 * cgn_note_first notes what becomes of a packet whose first fragment this is, and gives it the identification of the others. What is not
 * translated keeps its own.
 */
static __always_inline enum cgn_verdict cgn_note_first(struct cgn_path *path, enum cgn_verdict v, __be32 near, __be32 far,
						       int driver)
{
	struct iphdr *ip = path->packet.ip;
	struct cgn_fragment_key key = cgn_fragment_key_of(ip, cgn_side(path, v != CGN_INBOUND));
	struct cgn_fragment_note note = {
		.near = near, .far = far, .ident = ip->id, .state = CGN_FRAGMENT_READY, .verdict = v};
	int noted;

	if (v == CGN_OUTBOUND || v == CGN_HAIRPIN)
		note.ident = cgn_ident(near, far, ip->protocol);
	if (v != CGN_OUTBOUND)
		note.realm = path->scratch->outside.realm;
	noted = cgn_fragment_first(&key, &note, driver);
	if (noted != CGN_CONTINUE)
		return noted;
	cgn_set_ident(ip, note.ident);
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

#endif
