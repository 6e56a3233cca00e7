// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* The production object: the entry points. */
#include <linux/if_packet.h>

#include "carry.h"
#include "claim.h"
#include "path.h"
#include "reply.h"
#include "slow.h"
#include "station.h"
#include "tell.h"
#include "tidy.h"
#include "wire.h"

char _license[] SEC("license") = "Dual BSD/GPL";

/* The realm of the interface that a program is attached to. Set by Go, which loads the programs of the inside for each realm. */
const volatile __u32 inside_realm;

/* What only the tables of an outside address hold, for Go: clang describes no type that it does not see used. */
struct cgn_carry {
	struct cgn_slot slot;
	enum cgn_slot_state state;
	enum cgn_tcp_state tcp;
	struct cgn_account account;
	enum cgn_account_flag flag;
	enum cgn_event_kind event;
	enum cgn_tally tally;
	enum cgn_limit limit;
	enum cgn_wire_limit wire;
	enum cgn_station_limit station;
	enum cgn_verdict verdict;
	enum cgn_proto proto;
	enum cgn_since since;
	struct cgn_times times;
	struct cgn_tidying tidying;
	struct cgn_evicting evicting;
	struct cgn_retiming retiming;
	struct cgn_claiming claiming;
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

/* cgn_error_about returns what the sender of a packet that is dropped should know: type, code and MTU, 0 for nothing. */
static __always_inline __u32 cgn_error_about(const struct cgn_path *path, enum cgn_verdict v)
{
	__u16 icmp = cgn_icmp_of(v), mtu = v == CGN_DROP_TOO_BIG ? path->scratch->fib.mtu_result : 0;

	return icmp && cgn_answers(&path->packet) ? (__u32)icmp << 16 | mtu : 0;
}

/* cgn_answer sends an ICMP error about a packet that is dropped, if its sender should know. It returns an XDP action. */
static __always_inline int cgn_answer(struct xdp_md *xdp, const struct cgn_path *path, enum cgn_verdict v, __u32 l2)
{
	__u32 icmp_mtu = cgn_error_about(path, v);
	int action;

	if (!icmp_mtu)
		return XDP_DROP;
	action = cgn_reply(xdp, icmp_mtu, path->packet.ip->saddr, l2 << 16 | path->length, path->ifindex);
	if (!action)
		return XDP_DROP;
	if (action != XDP_PASS)
		cgn_count(CGN_REPLIED, 0);
	return action;
}

/* cgn_decide is what becomes of a packet behind l2 octets; the packet is as it leaves. */
static __always_inline enum cgn_verdict cgn_decide(struct cgn_path *path, struct iphdr *ip, __u32 frame, __u32 l2,
						   int inside)
{
	enum cgn_verdict v;

	if ((void *)(ip + 1) <= path->packet.end)
		path->length = bpf_ntohs(ip->tot_len);
	path->packet.length = frame - l2;
	path->scratch->mend = (struct cgn_mend){};
	v = inside ? cgn_from_inside(path, ip, 1) : cgn_from_outside(path, ip, 1);
	cgn_count(v, frame);
	if (v <= CGN_HAIRPIN) {
		cgn_hop(path->packet.ip);
		cgn_mend(&path->packet, &path->scratch->mend);
	}
	return v;
}

/*
 * cgn_strange counts a frame that no interface of ours is known to take. It is the host's; only behind the driver the kernel says
 * whether it is for the host at all, by the MAC addresses of the moment.
 */
static __always_inline int cgn_strange(const struct ethhdr *eth, __u32 bytes)
{
	cgn_count(cgn_is_to_group(eth) ? CGN_PASS_LOCAL : CGN_PASS_SLOW, bytes);
	return XDP_PASS;
}

/* cgn_xdp is the way of a packet in the driver, where no frame of ours has a tag. */
static __always_inline int cgn_xdp(struct xdp_md *xdp, int inside)
{
	struct cgn_path path = {
		.ctx = xdp, .ifindex = xdp->ingress_ifindex, .realm = inside_realm, .scratch = cgn_scratch_of_cpu()};
	void *data = (void *)(long)xdp->data;
	struct ethhdr *eth = data;
	enum cgn_verdict v;
	__u32 bytes;

	if (!path.scratch)
		return XDP_DROP;
	path.packet.end = (void *)(long)xdp->data_end;
	bytes = path.packet.end - data;
	if ((void *)(eth + 1) > path.packet.end || eth->h_proto != bpf_htons(ETH_P_IP)) {
		cgn_count(CGN_PASS_NOT_IPV4, bytes);
		return XDP_PASS;
	}
	if (!cgn_is_for_us(eth, path.ifindex))
		return cgn_strange(eth, bytes);
	v = cgn_decide(&path, (void *)(eth + 1), bytes, ETH_HLEN, inside);
	if (v <= CGN_HAIRPIN) {
		__builtin_memcpy(eth->h_dest, path.scratch->fib.dmac, ETH_ALEN);
		__builtin_memcpy(eth->h_source, path.scratch->fib.smac, ETH_ALEN);
		return bpf_redirect(path.scratch->fib.ifindex, 0);
	}
	return v < CGN_REPLIED ? XDP_PASS : cgn_answer(xdp, &path, v, ETH_HLEN);
}

/*
 * cgn_tagged is for cards with VLANs, whatever side those are on, and for where packets may leave by one. What belongs to none
 * of our interfaces is left alone.
 */
SEC("xdp")
int cgn_tagged(struct xdp_md *xdp)
{
	struct cgn_wire wire = {.ifindex = xdp->ingress_ifindex};
	struct cgn_path path = {.ctx = xdp, .scratch = cgn_scratch_of_cpu()};
	void *data = (void *)(long)xdp->data, *ip;
	struct cgn_frame frame = {};
	struct cgn_link *link;
	enum cgn_verdict v;
	__u32 bytes;

	if (!path.scratch)
		return XDP_DROP;
	path.packet.end = (void *)(long)xdp->data_end;
	bytes = path.packet.end - data;
	ip = cgn_untag(data, path.packet.end, &frame, &wire);
	link = bpf_map_lookup_elem(&links, &wire);
	if (!ip || !link) {
		cgn_count(CGN_PASS_NOT_IPV4, bytes);
		return XDP_PASS;
	}
	path.ifindex = link->ifindex;
	if (!cgn_is_for_us(data, path.ifindex))
		return cgn_strange(data, bytes);
	path.realm = link->realm;
	if (link->inside)
		v = cgn_decide(&path, ip, bytes, frame.length, 1);
	else
		v = cgn_decide(&path, ip, bytes, frame.length, 0);
	if (v <= CGN_HAIRPIN)
		return cgn_depart(xdp, &frame, &path.scratch->fib);
	return v < CGN_REPLIED ? XDP_PASS : cgn_answer(xdp, &path, v, frame.length);
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

/* cgn_take_apart is for fragments, and for packets that become some. It returns what became of the packet. */
static __always_inline enum cgn_verdict cgn_take_apart(struct __sk_buff *skb, struct cgn_path *path, enum cgn_verdict v,
						       int inside)
{
	struct iphdr *ip = path->packet.ip;
	struct cgn_fragment_key key;

	if (v == CGN_CUT)
		return cgn_cut(skb, ip, path->scratch->fib.mtu_result);
	if (v != CGN_HELD && v != CGN_RELEASE)
		return v;
	key = cgn_fragment_key_of(ip, cgn_side(path, inside));
	if (v == CGN_HELD)
		return cgn_hold(skb, &key);
	cgn_release_held(skb, &key);
	return v;
}

/* cgn_answer_behind sends an ICMP error about a packet that was dropped. It returns a tc action. */
static __always_inline int cgn_answer_behind(struct __sk_buff *skb, __u32 icmp_mtu)
{
	int action = cgn_reply_behind(skb, icmp_mtu);

	if (!action)
		return TC_ACT_SHOT;
	cgn_count(CGN_REPLIED, 0);
	return action;
}

/* cgn_tc is the slow way. What it leaves to the host has been counted in the driver, but for what is not for the host either. */
static __always_inline int cgn_tc(struct __sk_buff *skb, int inside)
{
	struct cgn_path path = {.ctx = skb, .ifindex = skb->ifindex, .realm = inside_realm, .scratch = cgn_scratch_of_cpu()};
	__u32 icmp_mtu = cgn_told(skb);
	__be32 from;
	struct ethhdr *eth;
	struct iphdr *ip;
	enum cgn_verdict v;
	int known, again = cgn_is_again(skb);

	if (icmp_mtu)
		return cgn_answer_behind(skb, icmp_mtu);
	/* The kernel takes a tag off before it asks us: a frame of a VLAN is not of this interface. VLAN 0 is none. */
	if (skb->protocol != bpf_htons(ETH_P_IP) || skb->vlan_tci & CGN_VID || !path.scratch)
		return TC_ACT_UNSPEC;
	bpf_skb_pull_data(skb, skb->len < CGN_HEADERS ? skb->len : CGN_HEADERS);
	eth = (void *)(long)skb->data;
	ip = (void *)(eth + 1);
	path.packet.end = (void *)(long)skb->data_end;
	if ((void *)(ip + 1) > path.packet.end)
		return TC_ACT_SHOT;
	if (cgn_is_to_group(eth))
		return TC_ACT_UNSPEC;
	known = cgn_is_for_us(eth, path.ifindex);
	if (!known && skb->pkt_type == PACKET_OTHERHOST) {
		cgn_count(CGN_PASS_FOREIGN, skb->len);
		return TC_ACT_UNSPEC;
	}
	/* The driver leaves tags to the kernel, and what it does not know to be for us. What comes in once more has been here. */
	path.packet.flow.again = again || (known && !skb->vlan_present);
	if (!skb->gso_size)
		path.length = bpf_ntohs(ip->tot_len);
	path.packet.length = skb->len - sizeof(*eth) < 0xffff ? skb->len - sizeof(*eth) : 0xffff;
	path.scratch->mend = (struct cgn_mend){};
	v = inside ? cgn_from_inside(&path, ip, 0) : cgn_from_outside(&path, ip, 0);
	if (v > CGN_HAIRPIN && v < CGN_REPLIED)
		return TC_ACT_UNSPEC;
	icmp_mtu = cgn_error_about(&path, v);
	from = ip->saddr;
	if (v > CGN_HAIRPIN)
		v = cgn_take_apart(skb, &path, v, inside);
	if (v < CGN_VERDICTS)
		cgn_count(v, skb->len);
	if (v <= CGN_HAIRPIN)
		return cgn_send(skb, &path);
	return icmp_mtu && cgn_may_reply(icmp_mtu, from) ? cgn_answer_behind(skb, icmp_mtu) : TC_ACT_SHOT;
}

SEC("tcx/ingress")
int cgn_inside_slow(struct __sk_buff *skb)
{
	return cgn_tc(skb, 1);
}

SEC("tcx/ingress")
int cgn_outside_slow(struct __sk_buff *skb)
{
	return cgn_tc(skb, 0);
}

/*
 * For Go, which runs these programs without a packet: what is asked and answered is where the packet would be. They are XDP
 * programs because in a run of those nothing interrupts who holds the lock of an account: no packet on this CPU waits in vain.
 */
#define CGN_ASKED(type)                                                \
	({                                                             \
		type *asked = (void *)(long)xdp->data;                 \
                                                                       \
		if ((void *)(asked + 1) > (void *)(long)xdp->data_end) \
			return XDP_ABORTED;                            \
		asked;                                                 \
	})

SEC("xdp")
int cgn_tidy(struct xdp_md *xdp)
{
	struct cgn_tidying told = *CGN_ASKED(struct cgn_tidying);

	told.now = cgn_now();
	bpf_loop(CGN_TIDY_SHARES, cgn_tidy_share, &told, 0);
	*CGN_ASKED(struct cgn_tidying) = told;
	return XDP_PASS;
}

SEC("xdp")
int cgn_evict(struct xdp_md *xdp)
{
	struct cgn_evicting told = *CGN_ASKED(struct cgn_evicting);
	struct cgn_walk w = {};

	if (!cgn_walk_row(&w, told.row))
		return XDP_ABORTED;
	w.s.at = told.at;
	bpf_loop(CGN_EVICT_SLOTS, cgn_evict_slot, &w, 0);
	told.at = w.s.at;
	told.freed += w.freed;
	*CGN_ASKED(struct cgn_evicting) = told;
	return XDP_PASS;
}

SEC("xdp")
int cgn_retime(struct xdp_md *xdp)
{
	struct cgn_retiming told = *CGN_ASKED(struct cgn_retiming);
	struct cgn_rewalk r = {};

	if (!cgn_walk_row(&r.w, told.row))
		return XDP_ABORTED;
	if (told.policy.since == CGN_SINCE_LATER)
		told.policy.since = cgn_begin_times(&r.w.s);
	r.policy = told.policy;
	r.w.s.at = told.at;
	bpf_loop(CGN_EVICT_SLOTS, cgn_retime_slot, &r, 0);
	told.at = r.w.s.at;
	*CGN_ASKED(struct cgn_retiming) = told;
	return XDP_PASS;
}

SEC("xdp")
int cgn_claim(struct xdp_md *xdp)
{
	struct cgn_claiming c = *CGN_ASKED(struct cgn_claiming);

	c.result = cgn_claim_port(&c);
	*CGN_ASKED(struct cgn_claiming) = c;
	return XDP_PASS;
}

SEC("xdp")
int cgn_carry(struct xdp_md *xdp)
{
	__u32 i;

	for (i = 0; i < CGN_PEERS_AT_ONCE; i++) {
		struct cgn_carrying *c = CGN_ASKED(struct cgn_carrying);

		if (i >= c->count)
			break;
		c->refused += !cgn_carry_one(c, i);
	}
	return XDP_PASS;
}
