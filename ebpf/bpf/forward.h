/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Where a packet goes next. The kernel's routing table says it; a packet that needs more than a MAC address goes the slow
 * way, which is another program of ours behind the driver: see slow.h.
 */
#ifndef CGN_FORWARD_H
#define CGN_FORWARD_H

#include "packet.h"

/* AF_INET, whose header does not compile for this target. */
enum cgn_family {
	CGN_INET = 2,
};

enum cgn_forward_limit {
	CGN_EXITS = 65536,
};

/*
 * cgn_unforwardable reports whether an address is one that packets are never forwarded to: everybody on a link, a group, this
 * host (RFC 1812 section 4.2.2.11 and 5.3.4). The routing table does not know that; where there is a default route, it says that.
 */
static __always_inline int cgn_unforwardable(__be32 to)
{
	__u32 addr = bpf_ntohl(to);

	return addr >> 28 == 14 || addr == 0xffffffff || addr >> 24 == 127 || !(addr >> 24);
}

/* cgn_route asks for the way to an address, as if the packet had come in on ifindex. The way is in fib on CGN_CONTINUE and on CGN_PASS_SLOW. */
static __always_inline enum cgn_verdict cgn_route(void *ctx, const struct cgn_packet *k, __be32 to, __u32 ifindex,
						  __u16 length, struct bpf_fib_lookup *fib)
{
	fib->family = CGN_INET;
	fib->tos = k->ip->tos;
	fib->l4_protocol = k->ip->protocol;
	fib->sport = k->flow.kind == CGN_SESSION ? k->flow.near.port : 0;
	fib->dport = k->flow.kind == CGN_SESSION ? k->flow.far.port : 0;
	fib->tot_len = length;
	fib->ipv4_src = k->ip->saddr;
	fib->ipv4_dst = to;
	fib->ifindex = ifindex;
	switch (bpf_fib_lookup(ctx, fib, sizeof(*fib), 0)) {
	case BPF_FIB_LKUP_RET_SUCCESS:
		return CGN_CONTINUE;
	case BPF_FIB_LKUP_RET_NO_NEIGH:
		return CGN_PASS_SLOW;
	case BPF_FIB_LKUP_RET_FRAG_NEEDED:
		return CGN_DROP_TOO_BIG;
	case BPF_FIB_LKUP_RET_NOT_FWDED:
		return CGN_PASS_LOCAL;
	case BPF_FIB_LKUP_RET_BLACKHOLE:
	case BPF_FIB_LKUP_RET_UNREACHABLE:
	case BPF_FIB_LKUP_RET_PROHIBIT:
	case BPF_FIB_LKUP_RET_FWD_DISABLED:
		return CGN_PASS_UNROUTED; /* the host does not forward it either, and may say so to the sender */
	default:
		return CGN_DROP_UNROUTED; /* a tunnel of the routing table, say: the host would forward it as it is */
	}
}

/*
 * The interfaces by which the driver can send, a bit each; written by Go. The kernel drops without a word what is redirected
 * to another one, a bridge for example: that goes the slow way.
 */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__type(key, __u32);
	__type(value, __u64);
	__uint(max_entries, CGN_EXITS / 64);
} exits SEC(".maps");

/* The outside interfaces, a bit each; written by Go. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__type(key, __u32);
	__type(value, __u64);
	__uint(max_entries, CGN_EXITS / 64);
} outsides SEC(".maps");

/* cgn_has_bit reports whether an interface is in such a map. */
static __always_inline int cgn_has_bit(void *map, __u32 ifindex)
{
	__u32 at = ifindex / 64;
	__u64 *word = bpf_map_lookup_elem(map, &at);

	return word && *word >> (ifindex % 64) & 1;
}

/* cgn_can_exit reports whether the driver can send by an interface. */
static __always_inline int cgn_can_exit(__u32 ifindex)
{
	return cgn_has_bit(&exits, ifindex);
}

/*
 * cgn_is_elsewhere reports whether the way to an inside address leads by an outside interface, as seen from ifindex. Then it is
 * that of a host outside: the same part of the shared address space may be in use on both sides (RFC 6598 section 4).
 */
static __noinline int cgn_is_elsewhere(void *ctx, __be32 from, __be32 addr, __u32 ifindex)
{
	struct bpf_fib_lookup fib = {.family = CGN_INET, .ipv4_src = from, .ipv4_dst = addr, .ifindex = ifindex};

	/* With any length: without, all that the kernel says of a large packet behind the driver is that it does not fit. */
	fib.tot_len = 1;
	return !bpf_fib_lookup(ctx, &fib, sizeof(fib), BPF_FIB_LOOKUP_SKIP_NEIGH) && cgn_has_bit(&outsides, fib.ifindex);
}

/* cgn_fragmentable reports whether a packet may be cut, and then needs an identification of its own (RFC 6864). */
static __always_inline int cgn_fragmentable(const struct iphdr *ip)
{
	return !(ip->frag_off & bpf_htons(CGN_IP_DF));
}

/* cgn_hop takes one from the TTL, which is more than 1. */
static __always_inline void cgn_hop(struct iphdr *ip)
{
	__be16 *word = (__be16 *)&ip->ttl; /* and protocol */
	__be16 was = *word;

	ip->ttl--;
	ip->check = cgn_checksum(ip->check, cgn_delta16(was, *word));
}

#endif
