/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What a packet means for the life of its mapping. */
#ifndef CGN_SESSION_H
#define CGN_SESSION_H

#include "home.h"
#include "packet.h"
#include "tcp.h"

/* cgn_digest returns 24 bits of a remote endpoint, where a slot keeps them. */
static __always_inline __u32 cgn_digest(__be32 addr, __be16 port)
{
	__u64 word = ((__u64)addr << 16 | port) ^ home_key[0];

	return word * (home_key[1] | 1) >> 32 & CGN_SLOT_REMOTE;
}

/*
 * cgn_parted_digest returns the digest of the other end of a TCP session where addresses decide who may send (ADF): 20 bits of it follow
 * from the address alone, and 4 from the port, too. So the slot knows the address, whose other ports may send as well, and a mapping
 * that has one peer by its address needs no table. That a stranger's address has the same 20 bits happens once in a million times. Two
 * sessions of a mapping, to two ports of one address, are told apart 15 times of 16; else cgn_joins finds them by their SYNs.
 *
 * Global, because of the stack: few packets need it.
 */
__noinline __u32 cgn_parted_digest(__be32 addr, __be16 port)
{
	__u32 ports = CGN_SLOT_REMOTE & ~CGN_SLOT_ADDRESS;

	return (cgn_digest(addr, 0) & CGN_SLOT_ADDRESS) | (cgn_digest(addr, port) & ports);
}

/* cgn_session_digest returns it as the slots of a pool have it that filters in a way. */
static __always_inline __u32 cgn_session_digest(__be32 addr, __be16 port, enum cgn_filtering filtering)
{
	return filtering == CGN_ADF ? cgn_parted_digest(addr, port) : cgn_digest(addr, port);
}

/* cgn_session_digest_before returns it as a pool had it that filtered in another way, or by the release before: mappings outlive that. */
static __always_inline __u32 cgn_session_digest_before(__be32 addr, __be16 port, enum cgn_filtering filtering)
{
	return filtering == CGN_ADF ? cgn_digest(addr, port) : cgn_parted_digest(addr, port);
}

/* cgn_touch notes that a mapping is in use. Most packets find it noted, and then nothing is written. */
static __always_inline void cgn_touch(struct cgn_slot *slot, __u32 now)
{
	if (slot->seen != now)
		slot->seen = now;
}

/*
 * cgn_change changes the state of a slot, unless somebody has just done so: a packet on another CPU, or Go, who makes a forward of
 * it and must not lose that. What is lost here instead, the next packet makes up. It reports whether the state is what it shall be.
 */
static __always_inline int cgn_change(struct cgn_slot *slot, __u32 state, __u32 next)
{
	return next == state || __sync_val_compare_and_swap(&slot->state, state, next) == state;
}

/* cgn_is_plain reports whether a TCP packet is one that changes nothing: of an established session, which it does not end. */
static __always_inline int cgn_is_plain(__u32 state, __u32 remote, __u8 flags)
{
	return !(flags & (CGN_TCP_SYN | CGN_TCP_FIN | CGN_TCP_RST)) &&
	       (state & (CGN_SLOT_REMOTE | CGN_SLOT_SEVERAL | CGN_SLOT_TCP)) == (remote | CGN_TCP_ESTABLISHED);
}

/*
 * cgn_joins reports whether a SYN of what looks like the session of a slot, which is open, may be of another one to the same address:
 * see cgn_parted_digest. A SYN that is sent again looks the same: then the mapping lives longer than it must.
 */
static __always_inline int cgn_joins(enum cgn_tcp_state tcp, __u8 flags, enum cgn_filtering filtering)
{
	return filtering == CGN_ADF && flags & CGN_TCP_SYN && !(flags & CGN_TCP_RST) &&
	       (tcp == CGN_TCP_ESTABLISHED || tcp == CGN_TCP_INSIDE_FIN || tcp == CGN_TCP_OUTSIDE_FIN);
}

/*
 * cgn_session_out is what a TCP packet from the inside means for a mapping. A RST that ends the session begins the time that is left (RFC
 * 7857 section 2.2), however long it was idle before; a further one gives no more. What the driver leaves to the slow way comes here before
 * that, which finds the mapping for the RST then.
 *
 * The slot's state is as given. It returns what it has made of that; the same where it has changed nothing.
 */
static __always_inline __u32 cgn_session_out(struct cgn_slot *slot, __u32 state, __u32 remote, __u8 flags,
					     enum cgn_filtering filtering, __u32 now)
{
	enum cgn_tcp_state tcp = state & CGN_SLOT_TCP;
	__u32 next;

	if (cgn_is_plain(state, remote, flags) || state & CGN_SLOT_SEVERAL)
		return state;
	if ((state & CGN_SLOT_REMOTE) == remote && cgn_joins(tcp, flags, filtering))
		next = state | CGN_SLOT_SEVERAL;
	else if ((state & CGN_SLOT_REMOTE) == remote && tcp != CGN_TCP_CLOSED)
		next = (state & ~CGN_SLOT_TCP) | cgn_tcp_next(tcp, 1, flags);
	else if (flags & CGN_TCP_RST)
		return state; /* who is told to go away opens nothing, and has nothing to keep alive: RFC 7857 section 7 */
	else if (tcp == CGN_TCP_CLOSED || tcp == CGN_TCP_TRANS || tcp == CGN_TCP_BOTH_FIN)
		next = (state & CGN_SLOT_STATIC) | remote | cgn_tcp_next(CGN_TCP_CLOSED, 1, flags);
	else
		next = state | CGN_SLOT_SEVERAL;
	if (flags & CGN_TCP_RST && next != state)
		cgn_touch(slot, now); /* before the state, as in cgn_keep */
	return cgn_change(slot, state, next) ? next : state;
}

/* cgn_is_session reports whether a packet is one of a TCP session, and no error about one. */
static __always_inline int cgn_is_session(const struct cgn_flow *f)
{
	return f->kind == CGN_SESSION && f->proto == CGN_TCP;
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
 * cgn_session_in is what a TCP packet from the outside means. Only those of the session that the slot knows count: anybody
 * may send to a mapping, and must not keep it alive or end it (RFC 7857 section 7).
 */
static __always_inline void cgn_session_in(struct cgn_slot *slot, __u32 remote, __u8 flags, enum cgn_filtering filtering,
					   __u32 now)
{
	__u32 state = slot->state, next;
	enum cgn_tcp_state tcp = state & CGN_SLOT_TCP;

	if (cgn_is_plain(state, remote, flags)) {
		cgn_touch(slot, now);
		return;
	}
	if ((state & CGN_SLOT_REMOTE) != remote || state & CGN_SLOT_SEVERAL)
		return;
	next = cgn_joins(tcp, flags, filtering) ? state | CGN_SLOT_SEVERAL
						: (state & ~CGN_SLOT_TCP) | cgn_tcp_next(tcp, 0, flags);
	if (!(flags & CGN_TCP_RST) || next != state) /* the first RST begins the time that is left */
		cgn_touch(slot, now);
	cgn_change(slot, state, next);
}

#endif
