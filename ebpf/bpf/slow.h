/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The slow way, behind the driver (tc): for packets whose next hop has to be asked for its address, that are to be cut, or
 * whose first fragment has not come yet. The kernel asks for addresses and keeps the packet meanwhile.
 */
#ifndef CGN_SLOW_H
#define CGN_SLOW_H

#include <linux/pkt_cls.h>

#include "path.h"

enum cgn_slow_limit {
	CGN_HEADERS = ETH_HLEN + 60 + 8 + 60 + 20, /* the longest that is looked at: an error about TCP, both with options */
};

/*
 * cgn_mend_skb is cgn_mend for a packet of the kernel, whose checksum may be one that hardware completes. It ends what is
 * known about where the packet is.
 */
static __always_inline void cgn_mend_skb(struct __sk_buff *skb, const struct cgn_path *path)
{
	const struct cgn_packet *k = &path->packet;
	__u32 at = ETH_HLEN + k->ip->ihl * 4, zero = k->udp ? BPF_F_MARK_MANGLED_0 : 0;

	if (k->quoted || !k->check)
		return;
	if (k->icmp) {
		bpf_l4_csum_replace(skb, at + offsetof(struct cgn_icmp, check), 0, path->mend.port, 0);
		return;
	}
	at += k->flow.kind == CGN_SESSION && k->flow.proto == CGN_TCP ? offsetof(struct tcphdr, check)
								      : offsetof(struct udphdr, check);
	bpf_l4_csum_replace(skb, at, 0, path->mend.addr, BPF_F_PSEUDO_HDR | zero);
	if (path->mend.port)
		bpf_l4_csum_replace(skb, at, 0, path->mend.port, zero);
}

/* cgn_send hands a translated packet to the next hop. */
static __always_inline int cgn_send(struct __sk_buff *skb, struct cgn_path *path)
{
	struct bpf_redir_neigh hop = {.nh_family = path->fib.family};

	__builtin_memcpy(hop.ipv6_nh, path->fib.ipv6_dst, sizeof(hop.ipv6_nh));
	cgn_hop(path->packet.ip);
	cgn_mend_skb(skb, path);
	return bpf_redirect_neigh(path->fib.ifindex, &hop, sizeof(hop), 0);
}

#endif
