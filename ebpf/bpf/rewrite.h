/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The rewriting of a packet: other endpoints, and checksums that are as right or as wrong as before. */
#ifndef CGN_REWRITE_H
#define CGN_REWRITE_H

#include "packet.h"

/* cgn_put changes a word of an ICMP message, and keeps count for the checksum of the message. */
static __always_inline void cgn_put(__be16 *field, __be16 to, __u32 *delta)
{
	*delta += cgn_delta16(*field, to);
	*field = to;
}

/* What a translation does to checksums that are mended at the end. */
struct cgn_mend {
	__u32 addr; /* delta of addresses */
	__u32 port; /* delta of ports */
};

/* cgn_quote changes one endpoint of the packet that an error quotes: the words behind addr, and port, NULL for portless. */
static __always_inline void cgn_quote(struct cgn_packet *k, __be32 *addr, __be16 *port, __be32 to_addr, __be16 to_port)
{
	__u32 words = cgn_delta32(*addr, to_addr), delta = words, ports = port ? cgn_delta16(*port, to_port) : 0;

	*addr = to_addr;
	cgn_put((__be16 *)&k->quoted->check, cgn_checksum(k->quoted->check, words), &delta);
	if (port)
		cgn_put(port, to_port, &delta);
	if (k->check && !(k->udp && !*k->check)) {
		__u32 covered = k->flow.proto == CGN_ICMP ? ports : words + ports;
		__be16 check = cgn_checksum(*k->check, covered);

		cgn_put(k->check, k->udp && !check ? 0xffff : check, &delta);
	}
	k->icmp->check = cgn_checksum(k->icmp->check, delta);
}

/* cgn_set_near gives the packet another near endpoint. */
static __always_inline void cgn_set_near(struct cgn_packet *k, struct cgn_mend *mend, const struct cgn_endpoint *to)
{
	__u32 words = cgn_delta32(k->ip->saddr, to->addr);

	k->ip->check = cgn_checksum(k->ip->check, words);
	k->ip->saddr = to->addr;
	if (k->quoted) {
		cgn_quote(k, &k->quoted->daddr, k->near_port, to->addr, to->port);
	} else {
		mend->addr += words;
		if (k->near_port) {
			mend->port += cgn_delta16(*k->near_port, to->port);
			*k->near_port = to->port;
		}
	}
}

/* cgn_set_far gives the packet another far endpoint. */
static __always_inline void cgn_set_far(struct cgn_packet *k, struct cgn_mend *mend, const struct cgn_endpoint *to)
{
	__u32 words = cgn_delta32(k->ip->daddr, to->addr);

	k->ip->check = cgn_checksum(k->ip->check, words);
	k->ip->daddr = to->addr;
	if (k->quoted) {
		cgn_quote(k, &k->quoted->saddr, k->far_port, to->addr, to->port);
	} else {
		mend->addr += words;
		if (k->far_port) {
			mend->port += cgn_delta16(*k->far_port, to->port);
			*k->far_port = to->port;
		}
	}
}

/* cgn_mend mends the checksum over the ports of a session, or over the addresses of another protocol. */
static __always_inline void cgn_mend(struct cgn_packet *k, const struct cgn_mend *mend)
{
	__be16 check;

	if (k->quoted || !k->check || (k->udp && !*k->check))
		return;
	check = cgn_checksum(*k->check, k->icmp ? mend->port : mend->addr + mend->port);
	*k->check = k->udp && !check ? 0xffff : check;
}

#endif
