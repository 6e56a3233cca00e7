/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * What a packet is, read once. No map and no helper here: this says what came, not what becomes of it.
 *
 * Two endpoints matter, and they are not always where the addresses of the IP header are. A packet of a session carries them
 * in its own headers. An ICMP error carries them in the packet that it quotes, which went the other way: what was the
 * destination there is the near end here. In both cases near is the endpoint on the side that the packet comes from.
 *
 *	session:  IP  near -> far  | ports near, far
 *	error:    IP  teller -> far | ICMP | IP  far -> near | ports far, near
 */
#ifndef CGN_PACKET_H
#define CGN_PACKET_H

#include <stddef.h>
#include <linux/bpf.h>
#include <linux/if_ether.h>
#include <linux/in.h>
#include <linux/ip.h>
#include <linux/tcp.h>
#include <linux/udp.h>
#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>

#include "checksum.h"
#include "tcp.h"
#include "types.h"

/* linux/icmp.h does not compile for this target. RFC 792. */
struct cgn_icmp {
	__u8 type;
	__u8 code;
	__be16 check;
	__be16 id; /* of a query */
	__be16 word; /* the sequence of a query, the MTU of an error */
};

enum cgn_icmp_type {
	CGN_ECHO_REPLY = 0,
	CGN_UNREACHABLE = 3,
	CGN_ECHO = 8,
	CGN_TIME_EXCEEDED = 11,
	CGN_PARAMETER_PROBLEM = 12,
	CGN_TIMESTAMP = 13,
	CGN_TIMESTAMP_REPLY = 14,
};

enum cgn_ip_option {
	CGN_OPTION_NOP = 1,
	CGN_OPTION_COPIED = 0x80, /* into all parts of a packet that is cut */
	CGN_OPTION_LSRR = 131,
	CGN_OPTION_SSRR = 137,
};

enum cgn_ip_bits {
	CGN_IP_DF = 0x4000,
	CGN_IP_MF = 0x2000,
	CGN_IP_OFFSET = 0x1fff,
};

/* How the ports of a packet are to be found, and which checksums cover them. */
enum cgn_kind {
	CGN_SESSION, /* TCP, UDP, ICMP query */
	CGN_ERROR, /* ICMP error */
	CGN_PORTLESS, /* another protocol, for subscribers that share with nobody */
	CGN_PORTLESS_ERROR, /* ICMP error about one */
};

struct cgn_endpoint {
	__be32 addr;
	__be16 port;
	__u16 filtered; /* of a mapping: who it sends to is to be noted */
};

/* What matters of a packet to the tables: all but where it is. */
struct cgn_flow {
	struct cgn_endpoint near, far;
	__u8 kind; /* enum cgn_kind */
	__u8 proto; /* enum cgn_proto of the ports; not of portless */
	__u8 tcp; /* TCP flags of a session */
	__u8 query : 1; /* ICMP, and near asks far: a query, not the answer to one; or an error about an answer */
	__u8 again : 1; /* the driver has seen it, or the slow way: what it means for its mapping is noted */
};

static __always_inline int cgn_is_portless(const struct cgn_flow *f)
{
	return f->kind >= CGN_PORTLESS;
}

struct cgn_packet {
	void *end;
	struct iphdr *ip;
	struct iphdr *quoted; /* of an error, else NULL */
	__be16 *near_port, *far_port; /* where they are; the same place for an ICMP query, NULL for portless */
	__be16 *check; /* the one over the ports, NULL where there is none to keep right */
	struct cgn_icmp *icmp; /* of a query or an error */
	__u8 udp; /* check is of UDP, where 0 means none, or of UDP-Lite */
	__u16 length; /* from the IP header on: of the frame at first, then of the packet; what follows is padding */
	struct cgn_flow flow;
};

/* A walk over IP options, which is a loop of calls: written out, its ways would multiply those of everything behind it. */
struct cgn_options {
	const __u8 *first;
	const void *end; /* of the packet */
	__u32 at;
	__u32 length;
	__u32 sum;
	__u32 routed;
};

/* cgn_option_word adds one word of options to the sum: step of a loop. */
static long cgn_option_word(__u32 i, void *data)
{
	struct cgn_options *walk = data;
	__u32 at = i * 4;
	const __u16 *word;

	if (at >= walk->length || at >= 40)
		return 1;
	word = (const __u16 *)(walk->first + at);
	if ((const void *)(word + 2) > walk->end) {
		walk->routed = 1; /* the header is longer than the packet */
		return 1;
	}
	walk->sum += word[0] + word[1];
	return 0;
}

/* cgn_option looks at one option: step of a loop. */
static long cgn_option(__u32 i, void *data)
{
	struct cgn_options *walk = data;
	__u32 at = walk->at;
	const __u8 *o;

	if (at >= walk->length || at >= 40)
		return 1;
	o = walk->first + at;
	if ((const void *)(o + 2) > walk->end || !o[0])
		return 1;
	if (o[0] == CGN_OPTION_LSRR || o[0] == CGN_OPTION_SSRR)
		walk->routed = 1;
	walk->at += o[0] == CGN_OPTION_NOP ? 1 : o[1] < 2 ? 40 : o[1];
	return 0;
}

/*
 * cgn_check_header checks the checksum and the options of an IP header. Options that name a route (RFC 791) would lead around
 * us; those of a packet that is quoted do not matter (RFC 5508 REQ-3b).
 */
static __always_inline enum cgn_verdict cgn_check_header(const struct iphdr *ip, const void *end, int quoted)
{
	const __u32 *word = (const __u32 *)ip;
	__u64 sum = (__u64)word[0] + word[1] + word[2] + word[3] + word[4];

	if (ip->ihl > 5) {
		struct cgn_options walk = {.first = (const __u8 *)(ip + 1), .end = end, .length = (ip->ihl - 5) * 4};

		bpf_loop(10, cgn_option_word, &walk, 0);
		if (walk.routed)
			return CGN_DROP_MALFORMED;
		sum += walk.sum;
		if (!quoted)
			bpf_loop(40, cgn_option, &walk, 0);
		if (walk.routed)
			return CGN_DROP_SOURCE_ROUTE;
	}
	sum = (sum & 0xffffffff) + (sum >> 32);
	sum = (sum & 0xffff) + (sum >> 16);
	sum = (sum & 0xffff) + (sum >> 16);
	sum = (sum & 0xffff) + (sum >> 16);
	return sum == 0xffff ? CGN_CONTINUE : CGN_DROP_CHECKSUM;
}

/* cgn_within reports whether a packet goes up to a place, by what its header says; whether that can be read is another question. */
static __always_inline int cgn_within(const struct cgn_packet *k, const void *up_to)
{
	return up_to <= (void *)k->ip + k->length;
}

/* cgn_parse_ip checks an IP header at ip. */
static __always_inline enum cgn_verdict cgn_parse_ip(struct cgn_packet *k, struct iphdr *ip)
{
	__u32 length;

	if ((void *)(ip + 1) > k->end || ip->version != 4 || ip->ihl < 5)
		return CGN_DROP_MALFORMED;
	length = bpf_ntohs(ip->tot_len);
	if (length < ip->ihl * 4 || length > k->length)
		return CGN_DROP_MALFORMED;
	k->length = length;
	k->ip = ip;
	k->flow.near.addr = ip->saddr;
	k->flow.far.addr = ip->daddr;
	return cgn_check_header(ip, k->end, 0);
}

/*
 * cgn_parse_quoted finds the endpoints in the packet that an ICMP error quotes: its IP header without or with options, and
 * at least 8 octets behind it (RFC 792, RFC 1812 section 4.3.2.3). Its transport checksum is changed where it is quoted and
 * never looked at (RFC 5508 REQ-3c).
 */
static __always_inline enum cgn_verdict cgn_parse_quoted(struct cgn_packet *k, struct iphdr *ip)
{
	enum cgn_verdict v;
	struct tcphdr *tcp;

	if ((void *)(ip + 1) > k->end || ip->version != 4 || ip->ihl < 5)
		return CGN_DROP_MALFORMED;
	if (!cgn_within(k, (void *)ip + ip->ihl * 4))
		return CGN_DROP_MALFORMED;
	v = cgn_check_header(ip, k->end, 1); /* RFC 5508 REQ-3a */
	if (v != CGN_CONTINUE)
		return v;
	if (ip->frag_off & bpf_htons(CGN_IP_OFFSET))
		return CGN_DROP_FRAGMENT; /* about a fragment without ports */
	k->flow.kind = CGN_ERROR;
	k->quoted = ip;
	k->flow.near.addr = ip->daddr;
	k->flow.far.addr = ip->saddr;
	tcp = (void *)ip + ip->ihl * 4;
	if ((void *)tcp + 8 > k->end || !cgn_within(k, (void *)tcp + 8))
		return CGN_DROP_MALFORMED;
	switch (ip->protocol) {
	case IPPROTO_TCP:
		k->flow.proto = CGN_TCP;
		if ((void *)(tcp + 1) <= k->end && cgn_within(k, tcp + 1))
			k->check = (__be16 *)&tcp->check;
		break;
	case IPPROTO_UDP:
		k->flow.proto = CGN_UDP;
		k->udp = 1;
		k->check = (__be16 *)&((struct udphdr *)tcp)->check;
		break;
	case IPPROTO_ICMP: {
		struct cgn_icmp *icmp = (void *)tcp;

		if (icmp->type != CGN_ECHO && icmp->type != CGN_ECHO_REPLY && icmp->type != CGN_TIMESTAMP &&
		    icmp->type != CGN_TIMESTAMP_REPLY)
			return CGN_DROP_ICMP_TYPE;
		k->flow.proto = CGN_ICMP;
		k->flow.query = icmp->type == CGN_ECHO_REPLY || icmp->type == CGN_TIMESTAMP_REPLY;
		k->check = &icmp->check;
		k->near_port = k->far_port = &icmp->id;
		k->flow.near.port = k->flow.far.port = icmp->id;
		return CGN_CONTINUE;
	}
	case IPPROTO_DCCP:
	case IPPROTO_UDPLITE:
		k->check = (__be16 *)&((struct udphdr *)tcp)->check;
		k->udp = ip->protocol == IPPROTO_UDPLITE;
		/* fallthrough */
	default:
		k->flow.kind = CGN_PORTLESS_ERROR;
		return CGN_CONTINUE;
	}
	k->near_port = &tcp->dest;
	k->far_port = &tcp->source;
	k->flow.near.port = tcp->dest;
	k->flow.far.port = tcp->source;
	return CGN_CONTINUE;
}

static __always_inline enum cgn_verdict cgn_parse_icmp(struct cgn_packet *k, struct cgn_icmp *icmp)
{
	if ((void *)(icmp + 1) > k->end || !cgn_within(k, icmp + 1))
		return CGN_DROP_MALFORMED;
	k->icmp = icmp;
	switch (icmp->type) {
	case CGN_ECHO:
	case CGN_TIMESTAMP:
		k->flow.query = 1;
		/* fallthrough */
	case CGN_ECHO_REPLY:
	case CGN_TIMESTAMP_REPLY:
		k->flow.proto = CGN_ICMP;
		k->near_port = k->far_port = &icmp->id;
		k->flow.near.port = k->flow.far.port = icmp->id;
		k->check = &icmp->check;
		return CGN_CONTINUE;
	case CGN_UNREACHABLE:
	case CGN_TIME_EXCEEDED:
	case CGN_PARAMETER_PROBLEM:
		return cgn_parse_quoted(k, (void *)(icmp + 1));
	}
	return CGN_DROP_ICMP_TYPE;
}

/* cgn_parse_ports reads what follows the IP header. */
static __always_inline enum cgn_verdict cgn_parse_ports(struct cgn_packet *k)
{
	void *l4 = (void *)k->ip + k->ip->ihl * 4;
	struct tcphdr *tcp = l4;
	struct udphdr *udp = l4;

	switch (k->ip->protocol) {
	case IPPROTO_TCP:
		if ((void *)(tcp + 1) > k->end || tcp->doff < 5 || !cgn_within(k, (void *)tcp + tcp->doff * 4))
			return CGN_DROP_MALFORMED;
		k->flow.proto = CGN_TCP;
		k->flow.tcp = ((__u8 *)tcp)[13];
		k->check = (__be16 *)&tcp->check;
		break;
	case IPPROTO_UDP:
		if ((void *)(udp + 1) > k->end || !cgn_within(k, udp + 1))
			return CGN_DROP_MALFORMED;
		k->flow.proto = CGN_UDP;
		k->udp = 1;
		k->check = (__be16 *)&udp->check;
		break;
	case IPPROTO_ICMP:
		return cgn_parse_icmp(k, l4);
	case IPPROTO_DCCP:
	case IPPROTO_UDPLITE: /* their checksums are where UDP has its own, and cover addresses too */
		k->flow.kind = CGN_PORTLESS;
		if (k->ip->frag_off & bpf_htons(CGN_IP_OFFSET))
			return CGN_CONTINUE; /* what is there is data */
		if ((void *)(udp + 1) > k->end || !cgn_within(k, udp + 1))
			return CGN_DROP_MALFORMED;
		k->check = (__be16 *)&udp->check;
		k->udp = k->ip->protocol == IPPROTO_UDPLITE; /* which writes 0 as 0xffff, too: RFC 3828 section 3.1 */
		/* fallthrough */
	default:
		k->flow.kind = CGN_PORTLESS;
		return CGN_CONTINUE;
	}
	k->near_port = &udp->source;
	k->far_port = &udp->dest;
	k->flow.near.port = udp->source;
	k->flow.far.port = udp->dest;
	return CGN_CONTINUE;
}

#endif
