/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Who a mapping has sent to, in pools that filter by that (RFC 4787 section 5: ADF, APDF). The slot knows the last one, or that
 * of its TCP session, so that a mapping with one peer needs nothing else. A subscriber's other remotes are in one bucket, where
 * the one that was not sent to for longest makes way: who talks to very many from few ports forgets some of its own.
 */
#ifndef CGN_FILTER_H
#define CGN_FILTER_H

#include "home.h"
#include "state.h"

/* cgn_bucket_of returns the bucket of a subscriber. */
static __always_inline struct cgn_bucket *cgn_bucket_of(__be32 inside, __u32 realm)
{
	__u32 at = cgn_keyed_hash((__u64)inside << 8 | realm) & filter_mask;

	return bpf_map_lookup_elem(&filters, &at);
}

/* cgn_filter_mapping is how the entries of a bucket name a mapping: by its outside address, whose row another plan may change. */
static __always_inline __u64 cgn_filter_mapping(__be32 outside, __u8 proto, __u16 port)
{
	return (__u64)outside << 32 | (__u32)proto << 16 | port;
}

/* A search in a bucket. */
struct cgn_filter_search {
	struct cgn_bucket *bucket;
	__u64 mapping;
	__be32 addr;
	__be16 port;
	__u16 now;
	__u32 found; /* which entry, CGN_FILTER_WAYS for none */
	__u32 oldest;
	__u32 age; /* of the oldest, + 1 */
};

/* cgn_filter_look looks at one entry: step of a loop. */
static long cgn_filter_look(__u32 i, void *data)
{
	struct cgn_filter_search *s = data;
	struct cgn_filter *f;
	__u32 age;

	if (i >= CGN_FILTER_WAYS)
		return 1;
	f = &s->bucket->way[i];
	if (f->mapping == s->mapping && f->addr == s->addr && f->port == s->port) {
		s->found = i;
		return 1;
	}
	age = f->addr ? (__u16)(s->now - f->seen) + 1 : 1 << 17;
	if (age > s->age) {
		s->age = age;
		s->oldest = i;
	}
	return 0;
}

static __always_inline struct cgn_filter *cgn_filter_at(struct cgn_bucket *bucket, __u32 i)
{
	return &bucket->way[i & (CGN_FILTER_WAYS - 1)];
}

/* cgn_filter_open notes that a mapping has sent to a remote endpoint. */
static __always_inline void cgn_filter_open(struct cgn_filter_search *s)
{
	struct cgn_filter *f;

	s->found = CGN_FILTER_WAYS;
	bpf_loop(CGN_FILTER_WAYS, cgn_filter_look, s, 0);
	if (s->found < CGN_FILTER_WAYS) {
		f = cgn_filter_at(s->bucket, s->found);
	} else {
		f = cgn_filter_at(s->bucket, s->oldest);
		f->addr = 0;
		f->mapping = s->mapping;
		f->port = s->port;
		f->addr = s->addr;
	}
	f->seen = s->now;
}

/* cgn_filter_allows reports whether a mapping has sent to a remote endpoint in the last ticks. */
static __always_inline int cgn_filter_allows(struct cgn_filter_search *s, __u32 ticks)
{
	s->found = CGN_FILTER_WAYS;
	bpf_loop(CGN_FILTER_WAYS, cgn_filter_look, s, 0);
	return s->found < CGN_FILTER_WAYS && (__u16)(s->now - cgn_filter_at(s->bucket, s->found)->seen) <= ticks;
}

#endif
