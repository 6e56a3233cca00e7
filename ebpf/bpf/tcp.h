/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The TCP state machine of RFC 7857 section 2, and what a slot remembers of a session. Pure.
 *
 * A mapping may carry several sessions (RFC 4787: endpoint-independent). A slot has room for the state of one, and for a
 * digest of its remote endpoint. When a second one joins while the first is alive, the slot says so, and from then on the
 * mapping lives as long as an established connection does: longer than it must, never shorter.
 */
#ifndef CGN_TCP_H
#define CGN_TCP_H

#include <linux/bpf.h>
#include <bpf/bpf_helpers.h> /* without it, __always_inline is only a wish */

#include "types.h"

enum cgn_tcp_flags {
	CGN_TCP_FIN = 1,
	CGN_TCP_SYN = 2,
	CGN_TCP_RST = 4,
	CGN_TCP_ACK = 16,
};

enum cgn_tcp_state {
	CGN_TCP_CLOSED,
	CGN_TCP_INIT,
	CGN_TCP_ESTABLISHED,
	CGN_TCP_INSIDE_FIN,
	CGN_TCP_OUTSIDE_FIN,
	CGN_TCP_BOTH_FIN,
	CGN_TCP_TRANS,
};

/* cgn_slot.state */
enum cgn_slot_state {
	CGN_SLOT_TCP = 0x7, /* enum cgn_tcp_state */
	CGN_SLOT_SEVERAL = 1 << 3, /* several remote endpoints: the state is of no account */
	CGN_SLOT_STATIC = 1 << 4, /* a port forward: never expires */
	CGN_SLOT_ENDED = 1 << 5, /* the mapping has ended, whatever times hold: seen is its last tick */
	CGN_SLOT_REMOTE = 0xffffff00, /* digest of the remote endpoint */
	CGN_SLOT_ADDRESS = 0xfffff000, /* of it, what follows from the address alone: TCP, with ADF */
};

/*
 * cgn_tcp_next returns the state after a packet of the session. A SYN from the inside opens it anew, whatever was. A
 * connection in the middle, which comes to a standby that has never seen it, begins in TRANS: it lives as long as one that
 * opens, and the next packet makes it ESTABLISHED.
 */
static __always_inline enum cgn_tcp_state cgn_tcp_next(enum cgn_tcp_state state, int from_inside, __u8 flags)
{
	int syn = flags & CGN_TCP_SYN, fin = flags & CGN_TCP_FIN, rst = flags & CGN_TCP_RST, ack = flags & CGN_TCP_ACK;

	if (from_inside && syn && !ack && !rst && state != CGN_TCP_ESTABLISHED)
		return CGN_TCP_INIT;
	switch (state) {
	case CGN_TCP_CLOSED:
		if (rst)
			return state;
		if (!syn)
			return CGN_TCP_TRANS;
		return from_inside ? CGN_TCP_ESTABLISHED : CGN_TCP_INIT;
	case CGN_TCP_INIT:
		/* The other side's SYN. From the inside it has an ACK, and answers one that came with the mapping there. */
		return syn && !rst ? CGN_TCP_ESTABLISHED : state;
	case CGN_TCP_ESTABLISHED:
		if (rst)
			return CGN_TCP_TRANS;
		if (fin)
			return from_inside ? CGN_TCP_INSIDE_FIN : CGN_TCP_OUTSIDE_FIN;
		return state;
	case CGN_TCP_INSIDE_FIN:
		if (rst)
			return CGN_TCP_TRANS;
		return fin && !from_inside ? CGN_TCP_BOTH_FIN : state;
	case CGN_TCP_OUTSIDE_FIN:
		if (rst)
			return CGN_TCP_TRANS;
		return fin && from_inside ? CGN_TCP_BOTH_FIN : state;
	case CGN_TCP_TRANS:
		return rst ? state : CGN_TCP_ESTABLISHED;
	case CGN_TCP_BOTH_FIN:
		/* The other side has opened the connection anew, and this one answers. */
		return from_inside && syn && ack && !rst ? CGN_TCP_ESTABLISHED : state;
	default:
		return state;
	}
}

/*
 * cgn_tcp_timeout returns which of some times counts. One that is picked up in the middle is not known to be open, and has
 * the time of one that closes.
 */
static __always_inline __u32 cgn_tcp_timeout(const struct cgn_times *times, __u32 state)
{
	if (state & CGN_SLOT_SEVERAL)
		return times->established;
	switch (state & CGN_SLOT_TCP) {
	case CGN_TCP_ESTABLISHED:
	case CGN_TCP_INSIDE_FIN:
	case CGN_TCP_OUTSIDE_FIN:
		return times->established;
	case CGN_TCP_BOTH_FIN:
	case CGN_TCP_TRANS:
		return times->closing;
	}
	return times->opening;
}

#endif
