/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * VLANs. A tagged frame comes in on a card, and belongs to a VLAN interface on top of it; one that goes out by a VLAN interface
 * leaves its card with tags. Cards do both themselves for packets of the kernel, but not here. Two tags are the most (QinQ).
 */
#ifndef CGN_WIRE_H
#define CGN_WIRE_H

#include <linux/if_ether.h>

#include "packet.h"

enum cgn_wire_limit {
	CGN_TAGS = 2,
	CGN_VID = 0xfff, /* of a tag's TCI; above are priority and drop eligibility */
	CGN_VID_PROVIDER = 0x8000,
	CGN_LINKS = 4096,
};

/* Where a frame comes in: a card, and the VLANs from the outermost, with CGN_VID_PROVIDER for tags of 802.1ad. Without a tag, 0. */
struct cgn_wire {
	__u32 ifindex;
	__u16 vid[CGN_TAGS];
};

/* The interface that it belongs to. */
struct cgn_link {
	__u32 ifindex;
	__u16 realm;
	__u16 inside;
};

/* How frames leave by an interface that is not a card. */
struct cgn_cable {
	__u32 ifindex; /* of the card */
	__u32 tags;
	struct {
		__be16 protocol;
		__be16 tci;
	} tag[CGN_TAGS];
};

/* Written by Go: the interfaces that the tagged program is for. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__type(key, struct cgn_wire);
	__type(value, struct cgn_link);
	__uint(max_entries, CGN_LINKS);
} links SEC(".maps");

/* Written by Go: VLAN interfaces of this host by their number. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__type(key, __u32);
	__type(value, struct cgn_cable);
	__uint(max_entries, CGN_LINKS);
} cables SEC(".maps");

struct cgn_tag {
	__be16 tci;
	__be16 protocol; /* of what follows */
};

/* What is before the IP header of a frame. */
struct cgn_frame {
	__u32 length;
	__u32 tags;
	__be16 priority; /* of the outermost tag, where its TCI has it */
};

static __always_inline int cgn_is_tag(__be16 protocol)
{
	return protocol == bpf_htons(ETH_P_8021Q) || protocol == bpf_htons(ETH_P_8021AD);
}

/* cgn_vid returns the VLAN of a tag as a wire has it. */
static __always_inline __u16 cgn_vid(__be16 protocol, __be16 tci)
{
	return (bpf_ntohs(tci) & CGN_VID) | (protocol == bpf_htons(ETH_P_8021AD) ? CGN_VID_PROVIDER : 0);
}

/* cgn_untag reads the tags of a frame. It returns where the IP header is, or NULL for a frame of another protocol. */
static __always_inline void *cgn_untag(void *data, void *end, struct cgn_frame *frame, struct cgn_wire *wire)
{
	struct ethhdr *eth = data;
	struct cgn_tag *tag = (void *)(eth + 1);
	__be16 protocol;

	if ((void *)tag > end)
		return NULL;
	protocol = eth->h_proto;
	if (cgn_is_tag(protocol)) {
		if ((void *)(tag + 1) > end)
			return NULL;
		wire->vid[0] = cgn_vid(protocol, tag->tci);
		frame->priority = tag->tci & ~bpf_htons(CGN_VID);
		protocol = tag->protocol;
		frame->tags = 1;
		tag++;
	}
	if (frame->tags && cgn_is_tag(protocol)) {
		if ((void *)(tag + 1) > end)
			return NULL;
		wire->vid[1] = cgn_vid(protocol, tag->tci);
		protocol = tag->protocol;
		frame->tags = 2;
		tag++;
	}
	frame->length = ETH_HLEN + frame->tags * sizeof(*tag);
	return protocol == bpf_htons(ETH_P_IP) ? tag : NULL;
}

/*
 * cgn_depart sends a packet to the next hop by an interface that may be a VLAN. The outermost tag has the priority that the
 * frame came with. It returns an XDP action.
 */
static __always_inline int cgn_depart(struct xdp_md *xdp, const struct cgn_frame *frame, const struct bpf_fib_lookup *fib)
{
	__u32 ifindex = fib->ifindex, tags = 0;
	struct cgn_cable *cable = bpf_map_lookup_elem(&cables, &ifindex);
	struct cgn_tag *tag;
	struct ethhdr *eth;
	void *end;

	if (cable) {
		tags = cable->tags;
		ifindex = cable->ifindex;
	}
	if (tags > CGN_TAGS)
		return XDP_ABORTED;
	if (tags != frame->tags && bpf_xdp_adjust_head(xdp, (int)(frame->tags - tags) * (int)sizeof(*tag)))
		return XDP_DROP;
	eth = (void *)(long)xdp->data;
	end = (void *)(long)xdp->data_end;
	tag = (void *)(eth + 1);
	if ((void *)(tag + CGN_TAGS) > end) /* behind two tags there is an IP header in any case */
		return XDP_DROP;
	__builtin_memcpy(eth->h_dest, fib->dmac, ETH_ALEN);
	__builtin_memcpy(eth->h_source, fib->smac, ETH_ALEN);
	eth->h_proto = bpf_htons(ETH_P_IP);
	if (cable && tags > 0) {
		eth->h_proto = cable->tag[0].protocol;
		tag[0].tci = cable->tag[0].tci | frame->priority;
		tag[0].protocol = bpf_htons(ETH_P_IP);
	}
	if (cable && tags > 1) {
		tag[0].protocol = cable->tag[1].protocol;
		tag[1].tci = cable->tag[1].tci;
		tag[1].protocol = bpf_htons(ETH_P_IP);
	}
	return bpf_redirect(ifindex, 0);
}

#endif
