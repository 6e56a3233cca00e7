// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* The production object: the entry points. */
#include <linux/pkt_cls.h>

#include "path.h"

char _license[] SEC("license") = "Dual BSD/GPL";

/* What only the tables of an outside address hold, for Go: clang describes no type that it does not see used. */
struct cgn_carry {
	struct cgn_slot slot;
	enum cgn_slot_state state;
	enum cgn_tcp_state tcp;
	struct cgn_account account;
	enum cgn_verdict verdict;
	enum cgn_proto proto;
};
const struct cgn_carry *carry __attribute__((unused));

/* cgn_count counts a verdict. */
static __always_inline void cgn_count(enum cgn_verdict v, __u32 bytes)
{
	__u32 at = v;
	struct cgn_counter *c = bpf_map_lookup_elem(&counters, &at);

	if (c) {
		c->packets++;
		c->bytes += bytes;
	}
}

static __always_inline int cgn_xdp(struct xdp_md *xdp, int inside)
{
	struct cgn_path path = {.ctx = xdp, .ifindex = xdp->ingress_ifindex};
	void *data = (void *)(long)xdp->data;
	struct ethhdr *eth = data;
	enum cgn_verdict v = CGN_PASS_NOT_IPV4;
	__u32 bytes;

	path.packet.end = (void *)(long)xdp->data_end;
	bytes = path.packet.end - data;
	if ((void *)(eth + 1) <= path.packet.end && eth->h_proto == bpf_htons(ETH_P_IP)) {
		struct iphdr *ip = (void *)(eth + 1);

		if ((void *)(ip + 1) <= path.packet.end)
			path.length = bpf_ntohs(ip->tot_len);
		v = inside ? cgn_from_inside(&path, ip, 1) : cgn_from_outside(&path, ip, 1);
	}
	cgn_count(v, bytes);
	if (v <= CGN_HAIRPIN) {
		cgn_hop(path.packet.ip);
		__builtin_memcpy(eth->h_dest, path.fib.dmac, ETH_ALEN);
		__builtin_memcpy(eth->h_source, path.fib.smac, ETH_ALEN);
		return bpf_redirect(path.fib.ifindex, 0);
	}
	return v < CGN_REPLIED ? XDP_PASS : XDP_DROP;
}

SEC("xdp")
int cgn_inside(struct xdp_md *xdp)
{
	return cgn_xdp(xdp, 1);
}

SEC("xdp")
int cgn_outside(struct xdp_md *xdp)
{
	return cgn_xdp(xdp, 0);
}
