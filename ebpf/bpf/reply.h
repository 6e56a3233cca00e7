/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * ICMP errors of our own, for packets that are dropped and whose sender should know (RFC 6888 REQ-11, RFC 4787 REQ-13, RFC
 * 1812 section 5.3.1). They quote the packet as its sender sent it. What comes from the inside and cannot go on for its TTL
 * or its size is answered by the host instead, unless there are several realms. Where the driver cannot send, they leave behind
 * it: see tell.h.
 */
#ifndef CGN_REPLY_H
#define CGN_REPLY_H

#include "forward.h"
#include "home.h"
#include "slot.h"
#include "wire.h"

enum cgn_reply_limit {
	CGN_QUOTE_MIN = 28, /* RFC 792: the IP header and 8 octets */
	CGN_QUOTE_MAX = 128,
	CGN_REPLIES = 16, /* of a kind in a share of senders, of a CPU in a tick */
	CGN_REPLY_SHARES = 64, /* a power of two */
	CGN_REPLY_KINDS = 3,
	CGN_REPLY_TTL = 64,
};

struct cgn_rate {
	__u32 tick;
	__u32 replies;
};

/*
 * Replies by CPU in the tick: of each kind, and of each share of senders, which a keyed hash tells apart. Whoever sends in vain must
 * not silence what the packets of others depend on: to hear that they are too large (RFC 4787 REQ-13).
 */
struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__type(key, __u32);
	__type(value, struct cgn_rate);
	__uint(max_entries, CGN_REPLY_KINDS *CGN_REPLY_SHARES);
} rates SEC(".maps");

/* cgn_may_reply limits replies to a sender: they must not be a way to make us busy (RFC 1812 section 4.3.2.8). */
static __always_inline int cgn_may_reply(__u32 icmp_mtu, __be32 to)
{
	__u32 kind = icmp_mtu >> 16 == (CGN_UNREACHABLE << 8 | 1) ? 0 : icmp_mtu >> 24 == CGN_UNREACHABLE ? 1 : 2;
	__u32 at = kind * CGN_REPLY_SHARES + (cgn_keyed_hash(to) & (CGN_REPLY_SHARES - 1)), now = cgn_now();
	struct cgn_rate *r = bpf_map_lookup_elem(&rates, &at);

	if (!r)
		return 0;
	if (r->tick != now) {
		r->tick = now;
		r->replies = 0;
	}
	return r->replies++ < CGN_REPLIES;
}

/* cgn_icmp_of returns what a verdict is to the sender: type and code, 0 for silence. */
static __always_inline __u16 cgn_icmp_of(enum cgn_verdict v)
{
	switch (v) {
	case CGN_DROP_EXHAUSTED:
	case CGN_DROP_LIMIT:
	case CGN_DROP_RATE:
	case CGN_DROP_PEERS:
		return CGN_UNREACHABLE << 8 | 1; /* host unreachable: RFC 6888 REQ-11B, and not RFC 5508's code 13 */
	case CGN_DROP_TOO_BIG:
		return CGN_UNREACHABLE << 8 | 4;
	case CGN_DROP_TTL:
		return CGN_TIME_EXCEEDED << 8;
	default:
		return 0;
	}
}

/* A sum over words that a loop of calls adds up. */
struct cgn_words {
	const __u16 *word;
	const void *end;
	__u32 sum;
};

static long cgn_add_word(__u32 i, void *data)
{
	struct cgn_words *w = data;

	if ((const void *)(w->word + 1) > w->end)
		return 1;
	w->sum += *w->word++;
	return 0;
}

/*
 * cgn_answers reports whether an ICMP error about a packet is allowed: not about an error, not about a later fragment, not to
 * nobody in particular (RFC 1812 section 4.3.2.7).
 */
static __always_inline int cgn_answers(const struct cgn_packet *k)
{
	__u32 from = bpf_ntohl(k->ip->saddr);

	return !k->quoted && !(k->ip->frag_off & bpf_htons(CGN_IP_OFFSET)) && from >> 28 < 14 && from >> 24 != 127 &&
	       from >> 24;
}

/* cgn_move_front moves what is before the IP header of a frame to its new front, and turns it around. */
static __always_inline int cgn_move_front(void *front, void *old, const void *end, __u32 length)
{
	struct ethhdr *eth = front, *was = old;
	__u32 *tag = (void *)(eth + 1), *tag_was = (void *)(was + 1);

	if ((void *)(tag_was + CGN_TAGS) > end)
		return 0;
	__builtin_memcpy(eth->h_dest, was->h_source, ETH_ALEN);
	__builtin_memcpy(eth->h_source, was->h_dest, ETH_ALEN);
	eth->h_proto = was->h_proto;
	if (length > ETH_HLEN)
		tag[0] = tag_was[0];
	if (length > ETH_HLEN + sizeof(*tag))
		tag[1] = tag_was[1];
	return 1;
}

/* cgn_write_error writes the headers of an ICMP error about a packet of which so much is quoted. Its checksum comes later. */
static __always_inline void cgn_write_error(struct iphdr *ip, struct cgn_icmp *icmp, __be32 from, __be32 to, __u32 icmp_mtu,
					    __u32 quote)
{
	__u32 sum = 0, i;

	__builtin_memset(ip, 0, sizeof(*ip));
	ip->version = 4;
	ip->ihl = 5;
	ip->tos = 0xc0; /* internetwork control: RFC 1812 section 4.3.2.5 */
	ip->tot_len = bpf_htons(sizeof(*ip) + sizeof(*icmp) + quote);
	ip->frag_off = bpf_htons(CGN_IP_DF);
	ip->ttl = CGN_REPLY_TTL;
	ip->protocol = IPPROTO_ICMP;
	ip->saddr = from;
	ip->daddr = to;
#pragma clang loop unroll(full)
	for (i = 0; i < 10; i++)
		sum += ((__u16 *)ip)[i];
	ip->check = ~cgn_fold(sum);
	icmp->type = icmp_mtu >> 24;
	icmp->code = icmp_mtu >> 16;
	icmp->check = 0;
	icmp->id = 0;
	icmp->word = bpf_htons((__u16)icmp_mtu);
}

/* What the driver has the program behind it tell the sender of a packet; before the frame, where no wire can write. */
struct cgn_telling {
	__u32 key; /* some of home_key: others may write there, too */
	__u32 icmp_mtu;
};

/* cgn_hand_on leaves it to the program behind the driver to tell the sender. It returns an XDP action, or 0 where that cannot be. */
static __always_inline int cgn_hand_on(struct xdp_md *xdp, __u32 icmp_mtu)
{
	struct cgn_telling *t;

	if (bpf_xdp_adjust_meta(xdp, -(int)sizeof(*t)))
		return 0;
	t = (void *)(long)xdp->data_meta;
	if ((void *)(t + 1) > (void *)(long)xdp->data)
		return 0;
	t->key = home_key[0];
	t->icmp_mtu = icmp_mtu;
	return XDP_PASS;
}

/*
 * cgn_reply turns a packet into an ICMP error to its sender, and sends it back where it came from. l2 is how long what is
 * before the IP header is, length the packet behind it. ifindex is the interface, which may be on top of the card. It returns
 * an XDP action, or 0 where there is nothing to be said. XDP_PASS is where the program behind the driver says it.
 */
static __noinline int cgn_reply(struct xdp_md *xdp, __u32 icmp_mtu, __be32 to, __u32 lengths, __u32 ifindex)
{
	struct bpf_fib_lookup fib = {.family = CGN_INET, .ipv4_dst = to, .ifindex = ifindex};
	__u32 l2 = lengths >> 16, length = lengths & 0xffff;
	__u32 quote = length < CGN_QUOTE_MAX ? length & ~3 : CGN_QUOTE_MAX, have;
	struct cgn_words words = {};
	struct cgn_icmp *icmp;
	struct iphdr *ip;
	void *front, *end;

	if (quote < CGN_QUOTE_MIN || !cgn_may_reply(icmp_mtu, to))
		return 0;
	if (!cgn_can_exit(xdp->ingress_ifindex))
		return cgn_hand_on(xdp, icmp_mtu);
	/* Our own address towards the sender. */
	if (bpf_fib_lookup(xdp, &fib, sizeof(fib), BPF_FIB_LOOKUP_SRC | BPF_FIB_LOOKUP_SKIP_NEIGH))
		return 0;
	have = (void *)(long)xdp->data_end - (void *)(long)xdp->data;
	if (have < l2 + quote || bpf_xdp_adjust_tail(xdp, (int)(l2 + quote) - (int)have))
		return 0;
	if (bpf_xdp_adjust_head(xdp, -(int)(sizeof(*ip) + sizeof(*icmp))))
		return 0;
	front = (void *)(long)xdp->data;
	end = (void *)(long)xdp->data_end;
	if (l2 != ETH_HLEN && l2 != ETH_HLEN + 4 && l2 != ETH_HLEN + 8)
		return 0;
	if (!cgn_move_front(front, front + sizeof(*ip) + sizeof(*icmp), end, l2))
		return 0;
	ip = front + l2;
	if ((void *)(ip + 1) + sizeof(*icmp) > end)
		return 0;
	icmp = (void *)(ip + 1);
	cgn_write_error(ip, icmp, fib.ipv4_src, to, icmp_mtu, quote);
	words.word = (__u16 *)icmp;
	words.end = (void *)(long)xdp->data_end;
	bpf_loop((sizeof(*icmp) + CGN_QUOTE_MAX) / 2, cgn_add_word, &words, 0);
	icmp->check = ~cgn_fold(words.sum);
	return bpf_redirect(xdp->ingress_ifindex, 0);
}

#endif
