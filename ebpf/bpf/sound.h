/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Whether an ICMP error is whole: its checksum is over all of it, and is not looked at before it is certain that the error goes
 * on (RFC 5508 REQ-3). Errors are rare, and a few hundred octets long at most: they are summed by helpers, piece by piece.
 */
#ifndef CGN_SOUND_H
#define CGN_SOUND_H

#include "fragment.h"
#include "packet.h"

enum cgn_sound_limit {
	CGN_PIECE = 256, /* octets */
	CGN_PIECES = 256, /* of a packet: 64 KiB */
};

/* A piece of a packet, of a CPU. */
struct cgn_piece {
	__u64 data[CGN_PIECE / sizeof(__u64)];
};

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__type(key, __u32);
	__type(value, struct cgn_piece);
	__uint(max_entries, 1);
} pieces SEC(".maps");

/* A sum over a part of a frame. */
struct cgn_summing {
	void *ctx;
	struct cgn_piece *piece;
	__u32 at; /* in the frame */
	__u32 left; /* octets */
	__u32 sum;
	__u32 failed;
};

/* cgn_next_piece returns how long the next piece is, 0 at the end. What it does not fill is zero, which adds nothing. */
static __always_inline __u32 cgn_next_piece(struct cgn_summing *s)
{
	__u32 n = s->left < CGN_PIECE ? s->left : CGN_PIECE;

	if (n && n < CGN_PIECE)
		__builtin_memset(s->piece->data, 0, CGN_PIECE);
	return n;
}

static __always_inline void cgn_add_piece(struct cgn_summing *s, __u32 n)
{
	s->sum = bpf_csum_diff(NULL, 0, (__be32 *)s->piece->data, CGN_PIECE, s->sum);
	s->at += n;
	s->left -= n;
}

/* cgn_sum_driver and cgn_sum_behind add a piece: steps of loops, in the driver and behind it. */
static long cgn_sum_driver(__u32 i, void *data)
{
	struct cgn_summing *s = data;
	__u32 n = cgn_next_piece(s);

	if (!n || n > CGN_PIECE)
		return 1;
	if (bpf_xdp_load_bytes(s->ctx, s->at, s->piece->data, n)) {
		s->failed = 1;
		return 1;
	}
	cgn_add_piece(s, n);
	return 0;
}

static long cgn_sum_behind(__u32 i, void *data)
{
	struct cgn_summing *s = data;
	__u32 n = cgn_next_piece(s);

	if (!n || n > CGN_PIECE)
		return 1;
	if (bpf_skb_load_bytes(s->ctx, s->at, s->piece->data, n)) {
		s->failed = 1;
		return 1;
	}
	cgn_add_piece(s, n);
	return 0;
}

static __always_inline int cgn_sums_up(void *ctx, __u32 at, __u32 length, int driver)
{
	__u32 zero = 0;
	struct cgn_summing s = {.ctx = ctx, .at = at, .left = length, .piece = bpf_map_lookup_elem(&pieces, &zero)};

	if (!s.piece)
		return 0;
	if (driver)
		bpf_loop(CGN_PIECES, cgn_sum_driver, &s, 0);
	else
		bpf_loop(CGN_PIECES, cgn_sum_behind, &s, 0);
	return !s.failed && cgn_fold(s.sum) == 0xffff;
}

/* Global functions, so that the verifier looks at them once. */
__noinline int cgn_sums_up_driver(struct xdp_md *xdp, __u32 at, __u32 length)
{
	return cgn_sums_up(xdp, at, length, 1);
}

__noinline int cgn_sums_up_behind(struct __sk_buff *skb, __u32 at, __u32 length)
{
	return cgn_sums_up(skb, at, length, 0);
}

/* cgn_is_sound reports whether the checksum of an ICMP error is right. That of a fragment covers what is not here. */
static __always_inline int cgn_is_sound(void *ctx, const struct cgn_packet *k, int driver)
{
	struct __sk_buff *skb = ctx;
	struct xdp_md *xdp = ctx;
	__u32 length = k->length - k->ip->ihl * 4;

	if (cgn_is_fragment(k->ip))
		return 1;
	if (driver)
		return cgn_sums_up_driver(xdp, (void *)k->icmp - (void *)(long)xdp->data, length);
	return cgn_sums_up_behind(skb, (void *)k->icmp - (void *)(long)skb->data, length);
}

#endif
