/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Who a mapping has sent to, in pools that filter by that (RFC 4787 section 5: ADF, APDF). The slot knows the last one, or that
 * of its TCP session, so that a mapping with one peer needs nothing else. The others are in buckets, which a subscriber has to
 * itself or with few neighbours; in which of them is by the peer. Where that is full, the oldest of who has most there makes way: who
 * talks to very many from few ports forgets some of its own, and none of a neighbour's who talks to few.
 */
#ifndef CGN_FILTER_H
#define CGN_FILTER_H

#include "home.h"
#include "state.h"

/* cgn_filter.peer: the digest is where a slot has it. */
enum cgn_filter_peer {
	CGN_FILTER_PROTO = 0x3, /* enum cgn_proto, or that of no ports */
	CGN_FILTER_PORTLESS = CGN_PLANES - 1,
	CGN_FILTER_TAGS = 8, /* tells the subscribers of a bucket apart, mostly */
	CGN_FILTER_TAG_SHIFT = 2,
	CGN_FILTER_DIGEST_SHIFT = 8,
};

/* A search in a bucket. */
struct cgn_filter_search {
	struct cgn_bucket *bucket;
	const struct cgn_policy *policy;
	__u64 mapping;
	__u64 shares; /* entries by tag, an octet each */
	__u32 peer;
	__u32 first; /* bucket of the subscriber */
	__u32 now;
	__u32 found; /* which entry, CGN_FILTER_WAYS for none */
	__u32 spare; /* which may be overwritten, CGN_FILTER_WAYS for none */
	__u32 most; /* tag of who has most */
	__s32 age; /* of the oldest of those */
	__u32 start; /* at which entry the search for it begins */
};

/* cgn_filter_choose chooses the bucket of a peer, which has the tag of the subscriber. */
static __always_inline int cgn_filter_choose(struct cgn_filter_search *s, __u32 peer)
{
	__u32 at = (s->first + (peer >> CGN_FILTER_DIGEST_SHIFT & (CGN_FILTER_BUCKETS - 1))) & filter_mask;

	s->bucket = bpf_map_lookup_elem(&filters, &at);
	s->peer = peer;
	return s->bucket != 0;
}

/*
 * cgn_filter_begin prepares a search for a peer of a mapping: its digest, and the protocol. The owner of the slot names the
 * mapping by its turn, so that the next one inherits nothing, and the outside address, because rows are not the same under
 * another plan. Two realms may have the same inside addresses, but not outside.
 */
static __always_inline int cgn_filter_begin(struct cgn_filter_search *s, __u64 owner, __be32 outside, __u16 port, __u32 peer)
{
	__u32 low = bpf_ntohl(outside) & 0xffffff;
	__u64 hash = cgn_keyed_hash(owner >> 32 << 24 | low);

	s->first = hash & ~(CGN_FILTER_BUCKETS - 1);
	s->mapping = (__u64)outside << 32 | (__u32)port << 16 | (__u16)owner;
	return cgn_filter_choose(s, peer | hash >> 61 << CGN_FILTER_TAG_SHIFT);
}

static __always_inline __u32 cgn_filter_tag(__u32 peer)
{
	return peer >> CGN_FILTER_TAG_SHIFT & (CGN_FILTER_TAGS - 1);
}

/* cgn_filter_ticks returns for how long a peer may answer. */
static __always_inline __u32 cgn_filter_ticks(const struct cgn_policy *policy, __u32 peer)
{
	__u32 proto = peer & CGN_FILTER_PROTO;

	if (proto == CGN_TCP)
		return policy->established;
	return proto == CGN_ICMP ? policy->icmp : policy->udp;
}

/* cgn_filter_age returns for how many ticks an entry has not been sent to. Another CPU may be a tick ahead. */
static __always_inline __s32 cgn_filter_age(const struct cgn_filter_search *s, const struct cgn_filter *f)
{
	return s->now - f->seen;
}

static __always_inline int cgn_filter_is_over(const struct cgn_filter_search *s, const struct cgn_filter *f)
{
	return cgn_filter_age(s, f) > (__s32)cgn_filter_ticks(s->policy, f->peer);
}

/* cgn_filter_look looks at one entry: step of a loop. */
static long cgn_filter_look(__u32 i, void *data)
{
	struct cgn_filter_search *s = data;
	struct cgn_filter *f;

	if (i >= CGN_FILTER_WAYS)
		return 1;
	f = &s->bucket->way[i];
	if (f->mapping == s->mapping && f->peer == s->peer) {
		s->found = i;
		return 1;
	}
	if (!f->mapping || cgn_filter_is_over(s, f))
		s->spare = i;
	else
		s->shares += 1ULL << cgn_filter_tag(f->peer) * 8;
	return 0;
}

static __always_inline void cgn_filter_find(struct cgn_filter_search *s)
{
	s->found = s->spare = CGN_FILTER_WAYS;
	s->shares = 0;
	bpf_loop(CGN_FILTER_WAYS, cgn_filter_look, s, 0);
}

/* cgn_filter_look_oldest finds the oldest entry of who has most, any of those of one tick: step of a loop. */
static long cgn_filter_look_oldest(__u32 i, void *data)
{
	struct cgn_filter_search *s = data;
	__u32 at = (i + s->start) & (CGN_FILTER_WAYS - 1);
	struct cgn_filter *f = &s->bucket->way[at];

	if (cgn_filter_tag(f->peer) == s->most && cgn_filter_age(s, f) > s->age) {
		s->age = cgn_filter_age(s, f);
		s->spare = at;
	}
	return 0;
}

static __always_inline __u32 cgn_filter_share(const struct cgn_filter_search *s, __u32 tag)
{
	return s->shares >> tag * 8 & 0xff;
}

/* cgn_filter_make_way chooses who makes way in a full bucket: one's own before those of somebody who has as many. */
static __always_inline void cgn_filter_make_way(struct cgn_filter_search *s)
{
	__u32 tag;

	s->most = cgn_filter_tag(s->peer);
	for (tag = 0; tag < CGN_FILTER_TAGS; tag++) {
		if (cgn_filter_share(s, tag) > cgn_filter_share(s, s->most))
			s->most = tag;
	}
	s->age = -(1 << 16);
	s->start = bpf_get_prandom_u32();
	bpf_loop(CGN_FILTER_WAYS, cgn_filter_look_oldest, s, 0);
}

static __always_inline struct cgn_filter *cgn_filter_at(struct cgn_bucket *bucket, __u32 i)
{
	return &bucket->way[i & (CGN_FILTER_WAYS - 1)];
}

/* cgn_filter_open notes that a mapping has sent to a peer at a tick. */
static __always_inline void cgn_filter_open(struct cgn_filter_search *s, __u32 seen)
{
	struct cgn_filter *f;

	cgn_filter_find(s);
	if (s->found < CGN_FILTER_WAYS) {
		cgn_filter_at(s->bucket, s->found)->seen = seen;
		return;
	}
	if (s->spare >= CGN_FILTER_WAYS)
		cgn_filter_make_way(s);
	f = cgn_filter_at(s->bucket, s->spare);
	f->mapping = 0; /* nobody's, as long as it is neither the old nor the new one */
	asm volatile("" ::: "memory");
	f->peer = s->peer;
	f->seen = seen;
	asm volatile("" ::: "memory");
	f->mapping = s->mapping;
}

/* cgn_filter_allows reports whether a mapping has sent to a peer in its time. */
static __always_inline int cgn_filter_allows(struct cgn_filter_search *s)
{
	cgn_filter_find(s);
	return s->found < CGN_FILTER_WAYS && !cgn_filter_is_over(s, cgn_filter_at(s->bucket, s->found));
}

#endif
