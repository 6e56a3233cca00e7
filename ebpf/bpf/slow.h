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
	CGN_BODY_MAX = 1 << 14, /* octets that can be cut into parts; a power of two */
	CGN_OPTIONS_MAX = 40, /* octets of IP options */
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
		bpf_l4_csum_replace(skb, at + offsetof(struct cgn_icmp, check), 0, path->scratch->mend.port, 0);
		return;
	}
	at += k->flow.kind == CGN_SESSION && k->flow.proto == CGN_TCP ? offsetof(struct tcphdr, check)
								      : offsetof(struct udphdr, check);
	bpf_l4_csum_replace(skb, at, 0, path->scratch->mend.addr, BPF_F_PSEUDO_HDR | zero);
	if (path->scratch->mend.port)
		bpf_l4_csum_replace(skb, at, 0, path->scratch->mend.port, zero);
}

/* cgn_send hands a translated packet to the next hop. */
static __always_inline int cgn_send(struct __sk_buff *skb, struct cgn_path *path)
{
	struct bpf_redir_neigh hop = {.nh_family = path->scratch->fib.family};

	__builtin_memcpy(hop.ipv6_nh, path->scratch->fib.ipv6_dst, sizeof(hop.ipv6_nh));
	cgn_hop(path->packet.ip);
	cgn_mend_skb(skb, path);
	return bpf_redirect_neigh(path->scratch->fib.ifindex, &hop, sizeof(hop), 0);
}

/* A part of a packet that waits for the first one. */
struct cgn_held_key {
	struct cgn_fragment_key packet;
	__u32 number;
	__u64 begun; /* as its note has it */
};

struct cgn_held {
	__u64 first; /* seal: which part it is. Where it is that of another one at one end, its memory is just given to that */
	__u32 length;
	__u8 data[CGN_HELD_BYTES];
	__u32 pad;
	__u64 last; /* the same */
};

struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__type(key, struct cgn_held_key);
	__type(value, struct cgn_held);
	__uint(max_entries, CGN_HELD_MAX);
} held SEC(".maps");

/* A packet on its way between the kernel's memory and ours, of a CPU. */
struct cgn_body {
	__u8 data[2 * CGN_BODY_MAX];
};

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__type(key, __u32);
	__type(value, struct cgn_body);
	__uint(max_entries, 1);
} bodies SEC(".maps");

/* cgn_again has a packet come in once more, behind the driver. It says so, where the kernel keeps what programs note about a packet. */
static __always_inline void cgn_again(struct __sk_buff *skb)
{
	skb->cb[0] = home_key[0];
	skb->cb[1] = home_key[0] >> 32;
	bpf_clone_redirect(skb, skb->ifindex, BPF_F_INGRESS);
}

/* cgn_is_again reports whether a packet comes in once more. It is asked once. */
static __always_inline int cgn_is_again(struct __sk_buff *skb)
{
	if (skb->cb[0] != (__u32)home_key[0] || skb->cb[1] != home_key[0] >> 32)
		return 0;
	skb->cb[0] = skb->cb[1] = 0;
	return 1;
}

/* cgn_held_seal returns the seal of a part. */
static __always_inline __u64 cgn_held_seal(const struct cgn_held_key *key)
{
	struct cgn_fragment_note nothing = {};

	return cgn_stir(cgn_fragment_seal(&key->packet, &nothing) ^ key->begun) + key->number;
}

/* cgn_hold keeps a later fragment until the first one comes. It returns what became of it. */
static __always_inline enum cgn_verdict cgn_hold(struct __sk_buff *skb, const struct cgn_fragment_key *packet)
{
	struct cgn_fragment_note waiting = {.state = CGN_FRAGMENT_WAITING, .begun = bpf_ktime_get_ns()};
	struct cgn_fragment_note *n = cgn_fragment_find(packet);
	struct cgn_held_key key = {.packet = *packet};
	__u32 zero = 0, length = skb->len;
	struct cgn_held *h = bpf_map_lookup_elem(&bodies, &zero);

	if (!n)
		n = cgn_fragment_put(packet, &waiting);
	if (!n || !h || length < ETH_HLEN || length > CGN_HELD_BYTES)
		return CGN_DROP_FRAGMENT;
	key.begun = n->begun;
	key.number = __sync_fetch_and_add(&n->held, 1);
	if (key.number >= CGN_HELD_EACH)
		return CGN_DROP_FRAGMENT;
	h->first = h->last = cgn_held_seal(&key);
	h->length = length;
	if (bpf_skb_load_bytes(skb, 0, h->data, length) || bpf_map_update_elem(&held, &key, h, BPF_ANY))
		return CGN_DROP_FRAGMENT;
	/* The first one came meanwhile, on another CPU, which may have seen this one or not. */
	if (n->state == CGN_FRAGMENT_READY && !bpf_map_delete_elem(&held, &key))
		cgn_again(skb);
	return CGN_HELD;
}

/* The way through the fragments that are held of a packet. */
struct cgn_release {
	struct __sk_buff *skb;
	struct cgn_held_key key;
};

/* cgn_release_one has one fragment come in again: step of a loop. */
static long cgn_release_one(__u32 i, void *data)
{
	struct cgn_release *r = data;
	const volatile struct cgn_held *h;
	__u32 length;
	__u64 seal;

	r->key.number = i;
	h = bpf_map_lookup_elem(&held, &r->key);
	if (!h)
		return 0;
	length = h->length;
	if (length < ETH_HLEN || length > CGN_HELD_BYTES)
		return 0;
	if (bpf_skb_change_tail(r->skb, length, 0) || bpf_skb_store_bytes(r->skb, 0, (const void *)h->data, length, 0))
		return 0;
	seal = cgn_held_seal(&r->key);
	if (h->first == seal && h->last == seal)
		cgn_again(r->skb);
	bpf_map_delete_elem(&held, &r->key);
	return 0;
}

/* cgn_release_held has the first fragment of a packet come in again, and those after it that were held for the same note. */
static __always_inline void cgn_release_held(struct __sk_buff *skb, const struct cgn_fragment_key *packet)
{
	struct cgn_release r = {.skb = skb, .key = {.packet = *packet}};
	struct cgn_fragment_note *n = cgn_fragment_find(packet);
	__u32 count = n ? n->held : 0;

	r.key.begun = n ? n->begun : 0;
	cgn_again(skb);
	bpf_loop(count < CGN_HELD_EACH ? count : CGN_HELD_EACH, cgn_release_one, &r, 0);
}

/* The way through a packet that is cut. Lengths and offsets are octets behind the IP header. */
struct cgn_cutting {
	struct __sk_buff *skb;
	struct cgn_body *body;
	__u32 head; /* Ethernet and IP header */
	__u32 total;
	__u32 unit; /* of a part, a multiple of 8 */
	__u16 flags; /* of the packet that is cut: it may be a part itself */
	__be16 length; /* of the part before, as the header has it */
	__be16 offset;
};

/* A walk over the IP options of a packet of the kernel. */
struct cgn_blanking {
	struct __sk_buff *skb;
	__u32 at;
	__u32 end;
};

/* cgn_blank_one blanks one option, unless it is to be copied: step of a loop. It ends where options contradict themselves. */
static long cgn_blank_one(__u32 i, void *data)
{
	struct cgn_blanking *b = data;
	__u8 o[2], blank[CGN_OPTIONS_MAX];
	__u32 length;

	if (b->at >= b->end || bpf_skb_load_bytes(b->skb, b->at, o, sizeof(o)) || !o[0])
		return 1;
	length = o[0] == CGN_OPTION_NOP ? 1 : o[1];
	if (length > b->end - b->at || (length < 2 && o[0] != CGN_OPTION_NOP))
		return 1;
	__builtin_memset(blank, CGN_OPTION_NOP, sizeof(blank));
	barrier_var(length); /* so that the verifier sees the next question asked of it */
	if (!(o[0] & CGN_OPTION_COPIED) && length && length <= sizeof(blank))
		bpf_skb_store_bytes(b->skb, b->at, blank, length, 0);
	b->at += length;
	return 0;
}

/*
 * cgn_blank_options takes out of an IP header of some length what is for the first part of a packet only (RFC 791 section 3.1), so
 * that a route, say, is not recorded in each.
 */
static __noinline void cgn_blank_options(struct __sk_buff *skb, __u32 header)
{
	__u32 at = ETH_HLEN + sizeof(struct iphdr), length = header - sizeof(struct iphdr);
	struct cgn_blanking b = {.skb = skb, .at = at, .end = at + length};
	__be32 was[CGN_OPTIONS_MAX / 4], is[CGN_OPTIONS_MAX / 4];
	__s64 delta;

	if (!length || length > sizeof(was) || bpf_skb_load_bytes(skb, at, was, length))
		return;
	bpf_loop(CGN_OPTIONS_MAX, cgn_blank_one, &b, 0);
	if (bpf_skb_load_bytes(skb, at, is, length))
		return;
	delta = bpf_csum_diff(was, length & ~3, is, length & ~3, 0);
	bpf_l3_csum_replace(skb, ETH_HLEN + offsetof(struct iphdr, check), 0, delta, 0);
}

/* cgn_cut_one has one part come in: step of a loop. */
static long cgn_cut_one(__u32 i, void *data)
{
	struct cgn_cutting *c = data;
	__u32 at = i * c->unit, size = c->total - at;
	__be16 length, offset;

	if (at >= c->total || at >= CGN_BODY_MAX)
		return 1;
	if (size > c->unit)
		size = c->unit;
	if (!size || size >= CGN_BODY_MAX)
		return 1;
	if (i == 1)
		cgn_blank_options(c->skb, c->head - ETH_HLEN);
	length = bpf_htons(c->head - ETH_HLEN + size);
	offset = bpf_htons((c->flags + at / 8) | (at + size < c->total ? CGN_IP_MF : 0));
	if (bpf_skb_change_tail(c->skb, c->head + size, 0) ||
	    bpf_skb_store_bytes(c->skb, c->head, c->body->data + at, size, 0))
		return 1;
	bpf_skb_store_bytes(c->skb, ETH_HLEN + offsetof(struct iphdr, tot_len), &length, sizeof(length), 0);
	bpf_skb_store_bytes(c->skb, ETH_HLEN + offsetof(struct iphdr, frag_off), &offset, sizeof(offset), 0);
	bpf_l3_csum_replace(c->skb, ETH_HLEN + offsetof(struct iphdr, check), c->length, length, sizeof(length));
	bpf_l3_csum_replace(c->skb, ETH_HLEN + offsetof(struct iphdr, check), c->offset, offset, sizeof(offset));
	c->length = length;
	c->offset = offset;
	cgn_again(c->skb);
	return 0;
}

/*
 * cgn_cut cuts a packet into parts that fit, in order, and has them come in again: fragments know their way. It returns what
 * became of the packet.
 */
static __always_inline enum cgn_verdict cgn_cut(struct __sk_buff *skb, const struct iphdr *ip, __u32 mtu)
{
	struct cgn_cutting c = {.skb = skb, .length = ip->tot_len, .offset = ip->frag_off, .flags = bpf_ntohs(ip->frag_off)};
	__u32 zero = 0, header = ip->ihl * 4;

	c.head = ETH_HLEN + header;
	c.total = bpf_ntohs(ip->tot_len) - header;
	c.unit = mtu > header ? (mtu - header) & ~7 : 0;
	c.body = bpf_map_lookup_elem(&bodies, &zero);
	if (!c.body || c.unit < 8 || !c.total || c.total >= CGN_BODY_MAX)
		return CGN_DROP_TOO_BIG;
	if (bpf_skb_load_bytes(skb, c.head, c.body->data, c.total))
		return CGN_DROP_MALFORMED;
	bpf_loop(CGN_BODY_MAX / 8, cgn_cut_one, &c, 0);
	return CGN_CUT;
}

#endif
