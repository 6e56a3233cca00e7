/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * ICMP errors of our own that leave behind the driver (tc): about what only this way decides, and about what the driver has decided
 * where it cannot send by the interface that the packet came in on.
 */
#ifndef CGN_TELL_H
#define CGN_TELL_H

#include "reply.h"
#include "sound.h"

/* What is before an error and the packet that it quotes. */
struct cgn_error_head {
	__u16 pad;
	struct ethhdr eth;
	struct iphdr ip;
	struct cgn_icmp icmp;
};

enum cgn_tell_limit {
	CGN_ERROR_HEAD = sizeof(struct cgn_error_head) - sizeof(__u16),
	CGN_ERROR_MORE = sizeof(struct iphdr) + sizeof(struct cgn_icmp),
};

/* cgn_told returns what the driver wants the sender of a packet to be told: type, code and MTU, 0 for nothing. */
static __always_inline __u32 cgn_told(struct __sk_buff *skb)
{
	struct cgn_telling *t = (void *)(long)skb->data_meta;

	if ((void *)(t + 1) > (void *)(long)skb->data || t->key != (__u32)home_key[0])
		return 0;
	return t->icmp_mtu;
}

/*
 * cgn_seal writes the head of an error, whose checksum of ICMP depends on who ends that of the packet that is quoted. Where that is
 * the hardware, on the way out, TCP or UDP sums up to the complement of what is in its checksum now, and the IP header to nothing.
 * All else is added by a call that does nothing then.
 */
static __always_inline int cgn_seal(struct __sk_buff *skb, struct cgn_error_head *h, __u32 at, __u32 quote)
{
	__u32 zero = 0, check_at = ETH_HLEN + sizeof(h->ip) + offsetof(struct cgn_icmp, check), sum;
	struct cgn_piece *piece = bpf_map_lookup_elem(&pieces, &zero);
	__be16 check = 0;

	if (!piece || quote < CGN_QUOTE_MIN || quote > CGN_QUOTE_MAX)
		return 0;
	__builtin_memset(piece->data, 0, CGN_QUOTE_MAX);
	if (bpf_skb_load_bytes(skb, CGN_ERROR_HEAD, piece->data, quote))
		return 0;
	bpf_skb_load_bytes(skb, CGN_ERROR_HEAD + at, &check, sizeof(check));
	sum = bpf_csum_diff(NULL, 0, (__be32 *)&h->icmp, sizeof(h->icmp), 0);
	h->icmp.check = ~cgn_fold(cgn_fold(sum) + (__u16)~check);
	if (bpf_skb_store_bytes(skb, 0, &h->eth, CGN_ERROR_HEAD, 0))
		return 0;
	sum = bpf_csum_diff(NULL, 0, (__be32 *)piece->data, CGN_QUOTE_MAX, 0);
	return !bpf_l4_csum_replace(skb, check_at, 0, cgn_fold(sum) + check, 0);
}

/*
 * cgn_reply_behind turns a packet into an ICMP error to its sender, and sends it back by the interface that it came in on. It returns
 * a tc action, or 0 where there is nothing to be said.
 */
static __noinline int cgn_reply_behind(struct __sk_buff *skb, __u32 icmp_mtu)
{
	struct bpf_fib_lookup fib = {.family = CGN_INET, .ifindex = skb->ifindex};
	struct cgn_error_head h = {};
	__u32 length, quote, at;
	__u8 mac[ETH_ALEN];
	__be32 to;

	if (bpf_skb_load_bytes(skb, 0, &h.eth, ETH_HLEN + sizeof(h.ip)))
		return 0;
	length = skb->gso_size ? skb->len - ETH_HLEN : bpf_ntohs(h.ip.tot_len);
	quote = length < CGN_QUOTE_MAX ? length & ~3 : CGN_QUOTE_MAX;
	at = h.ip.ihl * 4 + (h.ip.protocol == IPPROTO_TCP ? offsetof(struct tcphdr, check) : offsetof(struct udphdr, check));
	/* Our own address towards the sender. */
	fib.ipv4_dst = to = h.ip.saddr;
	if (quote < CGN_QUOTE_MIN || bpf_fib_lookup(skb, &fib, sizeof(fib), BPF_FIB_LOOKUP_SRC | BPF_FIB_LOOKUP_SKIP_NEIGH))
		return 0;
	if (bpf_skb_change_tail(skb, ETH_HLEN + quote, 0) || bpf_skb_change_head(skb, CGN_ERROR_MORE, 0))
		return 0;
	__builtin_memcpy(mac, h.eth.h_dest, ETH_ALEN);
	__builtin_memcpy(h.eth.h_dest, h.eth.h_source, ETH_ALEN);
	__builtin_memcpy(h.eth.h_source, mac, ETH_ALEN);
	cgn_write_error(&h.ip, &h.icmp, fib.ipv4_src, to, icmp_mtu, quote);
	if (!cgn_seal(skb, &h, at, quote))
		return 0;
	return bpf_redirect(skb->ifindex, 0);
}

#endif
