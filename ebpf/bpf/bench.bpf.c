// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Test only: what a translation costs. The kernel does not restore a packet between the runs of one test, so every program
 * writes another packet first, and the one that does nothing else is the floor. There is no routing and no redirect here.
 */
#include "rewrite.h"
#include "station.h"
#include "translate.h"

char _license[] SEC("license") = "Dual BSD/GPL";

/* What the packet is; written by Go. */
__u32 flows; /* a power of two, less one */
__u32 subscribers; /* a power of two, less one */
__u32 first; /* the lowest inside address */
__u32 remote;
__u32 subscriber_bits;
__u32 protocol; /* of the IP header */
__u32 fresh; /* every packet is of another flow, in order */
__u32 turn;
__u32 failed;
__u32 cable; /* what generate sends out of */
__u8 gateway[ETH_ALEN]; /* the MAC address at its other end */

/* The outside endpoints of the flows, as learn found them. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__type(key, __u32);
	__type(value, struct cgn_endpoint);
	__uint(max_entries, 1);
} learned SEC(".maps");

static __always_inline __u32 next(void)
{
	__u32 i = turn++;

	return fresh ? i & flows : (i * 0x9e3779b1 >> 7) & flows;
}

static __always_inline struct cgn_endpoint inside_of(__u32 i)
{
	struct cgn_endpoint e = {
		.addr = bpf_htonl(first + (i & subscribers)),
		.port = bpf_htons(1024 + (i >> subscriber_bits)),
	};

	return e;
}

/*
 * put writes a packet from one endpoint to another, and returns its IP header. The checksum of the ports is not right, and
 * need not be. It writes word by word what is read so: a word that is still being put together from smaller ones makes its
 * reader wait, and that would count as translation.
 */
static __always_inline struct iphdr *put(struct xdp_md *xdp, struct cgn_endpoint from, struct cgn_endpoint to)
{
	struct ethhdr *eth = (void *)(long)xdp->data;
	struct iphdr *ip = (void *)(eth + 1);
	__u32 *word = (__u32 *)ip, length = sizeof(*ip) + sizeof(struct tcphdr), sum;

	if ((void *)(ip + 2) > (void *)(long)xdp->data_end)
		return NULL;
	eth->h_proto = bpf_htons(ETH_P_IP);
	word[0] = bpf_htonl(0x45000000 | length);
	word[1] = bpf_htonl(CGN_IP_DF);
	sum = (word[0] & 0xffff) + (word[0] >> 16) + (word[1] >> 16);
	sum += bpf_htons(64 << 8 | protocol);
	sum += (from.addr & 0xffff) + (from.addr >> 16) + (to.addr & 0xffff) + (to.addr >> 16);
	word[2] = bpf_htons(64 << 8 | protocol) | (__u32)(__u16)~cgn_fold(sum) << 16;
	word[3] = from.addr;
	word[4] = to.addr;
	word[5] = from.port | (__u32)to.port << 16;
	if (protocol == IPPROTO_TCP)
		word[8] = bpf_htonl(5 << 28 | CGN_TCP_ACK << 16);
	else
		word[6] = bpf_htonl((length - sizeof(*ip)) << 16);
	return ip;
}

/* count is what the production object does at the end. */
static __always_inline int count(int v)
{
	__u32 at = v;
	struct cgn_counter *c = bpf_map_lookup_elem(&counters, &at);

	if (c) {
		c->packets++;
		c->bytes += sizeof(struct ethhdr);
	}
	return XDP_PASS;
}

static __always_inline int outbound(struct xdp_md *xdp, __u32 i, struct cgn_endpoint *near)
{
	struct cgn_endpoint to = {.addr = remote, .port = bpf_htons(80)};
	struct cgn_packet k = {};
	struct cgn_mend mend = {};
	struct cgn_outside at = {};
	struct cgn_owner o = {};
	struct iphdr *ip = put(xdp, inside_of(i), to);
	int v;

	if (!ip)
		return CGN_DROP_MALFORMED;
	if (!cgn_is_for_us((void *)ip - ETH_HLEN, xdp->ingress_ifindex))
		return CGN_PASS_SLOW;
	k.end = (void *)(long)xdp->data_end;
	k.length = sizeof(*ip) + sizeof(struct tcphdr);
	v = cgn_parse_ip(&k, ip);
	if (v != CGN_CONTINUE)
		return v;
	v = cgn_parse_ports(&k);
	if (v != CGN_CONTINUE)
		return v;
	if (!cgn_is_subscriber(0, k.flow.near.addr, &o))
		return CGN_PASS_NOT_SUBSCRIBER;
	v = cgn_destination(k.flow.far.addr, 0, k.ip->protocol, k.flow.far.port, &at);
	if (v != CGN_CONTINUE)
		return v;
	v = cgn_near_half(&k.flow, &o, near);
	if (v != CGN_CONTINUE)
		return v;
	cgn_set_near(&k, &mend, near);
	cgn_mend(&k, &mend);
	return CGN_OUTBOUND;
}

SEC("xdp")
int bench_in_floor(struct xdp_md *xdp)
{
	struct cgn_endpoint to = {.addr = remote, .port = bpf_htons(80)};

	return put(xdp, inside_of(next()), to) ? XDP_PASS : XDP_ABORTED;
}

SEC("xdp")
int bench_in(struct xdp_md *xdp)
{
	struct cgn_endpoint near = {};
	int v = outbound(xdp, next(), &near);

	if (v != CGN_OUTBOUND)
		failed++;
	return count(v);
}

/* bench_learn is bench_in that notes what the inside endpoint became. */
SEC("xdp")
int bench_learn(struct xdp_md *xdp)
{
	struct cgn_endpoint near = {}, *e;
	__u32 i = next();
	int v = outbound(xdp, i, &near);

	e = bpf_map_lookup_elem(&learned, &i);
	if (e && v == CGN_OUTBOUND)
		*e = near;
	else
		failed++;
	return XDP_PASS;
}

SEC("xdp")
int bench_out_floor(struct xdp_md *xdp)
{
	struct cgn_endpoint from = {.addr = remote, .port = bpf_htons(80)}, *to;
	__u32 i = next();

	to = bpf_map_lookup_elem(&learned, &i);
	return to && put(xdp, from, *to) ? XDP_PASS : XDP_ABORTED;
}

static __always_inline int inbound(struct xdp_md *xdp)
{
	struct cgn_endpoint from = {.addr = remote, .port = bpf_htons(80)}, far = {}, *to;
	struct cgn_outside at = {};
	struct cgn_packet k = {};
	struct cgn_mend mend = {};
	__u32 i = next();
	struct iphdr *ip;
	int v;

	to = bpf_map_lookup_elem(&learned, &i);
	if (!to)
		return CGN_DROP_TABLES;
	ip = put(xdp, from, *to);
	if (!ip)
		return CGN_DROP_MALFORMED;
	if (!cgn_is_for_us((void *)ip - ETH_HLEN, xdp->ingress_ifindex))
		return CGN_PASS_SLOW;
	k.end = (void *)(long)xdp->data_end;
	k.length = sizeof(*ip) + sizeof(struct tcphdr);
	v = cgn_parse_ip(&k, ip);
	if (v != CGN_CONTINUE)
		return v;
	if (!cgn_is_outside(k.flow.far.addr, &at))
		return CGN_PASS_NOT_OUTSIDE;
	v = cgn_parse_ports(&k);
	if (v != CGN_CONTINUE)
		return v;
	v = cgn_far_half(&k.flow, &at, &k.flow.near, &far);
	if (v != CGN_CONTINUE)
		return v;
	cgn_set_far(&k, &mend, &far);
	cgn_mend(&k, &mend);
	return CGN_INBOUND;
}

SEC("xdp")
int bench_out(struct xdp_md *xdp)
{
	int v = inbound(xdp);

	if (v != CGN_INBOUND)
		failed++;
	return count(v);
}

/* generate sends packets of the flows, as a subscriber would. */
SEC("xdp")
int generate(struct xdp_md *xdp)
{
	struct cgn_endpoint to = {.addr = remote, .port = bpf_htons(80)};
	struct iphdr *ip = put(xdp, inside_of(next()), to);
	struct ethhdr *eth;

	if (!ip)
		return XDP_ABORTED;
	eth = (void *)ip - sizeof(*eth);
	__builtin_memcpy(eth->h_dest, gateway, ETH_ALEN);
	__builtin_memset(eth->h_source, 2, ETH_ALEN);
	return bpf_redirect(cable, 0);
}

__u64 arrived;

/* sink is where they end. */
SEC("xdp")
int sink(struct xdp_md *xdp)
{
	struct ethhdr *eth = (void *)(long)xdp->data;

	if ((void *)(eth + 1) <= (void *)(long)xdp->data_end && eth->h_proto == bpf_htons(ETH_P_IP)) {
		__sync_fetch_and_add(&arrived, 1);
		return XDP_DROP;
	}
	return XDP_PASS;
}
