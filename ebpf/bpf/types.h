/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * What C and Go share. Everything that Go has to know is a struct or an enum here, because bpf2go carries those over and
 * no #define. Byte order is in the type: __be32 and __be16 are as on the wire, all else is in the order of the host.
 * Padding is explicit. Enums are append-only.
 */
#ifndef CGN_TYPES_H
#define CGN_TYPES_H

#include <linux/types.h>

/* What is special about a pool. */
enum cgn_pool_flag {
	CGN_POOL_STRIPE = 1 << 0, /* neighbours in inside order are on different addresses */
	CGN_POOL_PSID = 1 << 1, /* the slot of a port follows from its PSID */
	CGN_POOL_CUT = 1 << 2, /* no formula says where shares begin, nor how long they are: cuts do */
	CGN_POOL_LIST = 1 << 3, /* ports are not one range: a list says which they are */
	CGN_POOL_PARITY = 1 << 6, /* neighbours in a share are odd and even in turn */
	CGN_POOL_SEATED = 1 << 7, /* with cut: nor who has which share; the cut of a subscriber is where its position says */
};

/* The protocols with ports, or with identifiers that serve as such, in the order of their planes. */
enum cgn_proto {
	CGN_TCP,
	CGN_UDP,
	CGN_ICMP,
	CGN_PROTOS,
	CGN_PLANES, /* a power of two, so that a mask keeps within bounds */
};

enum cgn_limit {
	CGN_FANOUT = 16, /* keys of a node, one cache line */
	CGN_LEVELS = 6, /* levels of nodes: 16^6 ranges */
	CGN_BUCKET = 5, /* addresses of a bucket, one cache line */
	CGN_INDEXES = 256, /* one, one a realm, and one of what is exempt */
	CGN_PEERS = 320, /* of a subscriber, beside those that slots know, where a policy says nothing */
	CGN_MAX_PEERS = 2048,
	CGN_PEER_BYTES = 13, /* of each: what it is about, a tick, and a mark */
	CGN_PEER_HEAD = 8, /* of a table of them, beside */
	CGN_PEER_LINE = 64, /* they are so many in a line: tables have whole lines */
	CGN_PEER_NONE = 0xff, /* the mark of what is no entry */
	CGN_PEERS_AT_ONCE = 16, /* that are carried to another table */
	CGN_PORTS = 65536,
	CGN_NO_PORT = 0xffff, /* in cgn_list.index: it is reserved */
};

/*
 * A pool, as far as the port maths needs it. Position i of the inside order is on outside address i / ratio in slot
 * i % ratio, or with stripe on address i % addresses in slot i / addresses; with seated, its cut says where it is.
 */
struct cgn_pool {
	__u32 subscribers;
	__u32 addresses; /* outside addresses */
	__u32 row; /* the row of the first of them */
	__u32 ratio; /* C, slots of an address; with seated, of the one that has most, and a cut says it of its own */
	__u32 size; /* S, ports of a share; with cut, what the slot's cgn_cut says instead */
	__u32 step; /* T of scheme step; 1 with sequential, spread, stripe and random, C with staggered */
	__u32 usable; /* n, usable ports */
	enum cgn_pool_flag flags;
	__u16 first_port; /* without list: the lowest usable port */
	__u8 offset; /* a, with psid */
	__u8 contiguous; /* m, with psid: bits of a port behind the PSID */
	__u8 length; /* k, with psid */
	__u8 pad;
	__u16 realm;
};
_Static_assert(sizeof(struct cgn_pool) == 40, "struct cgn_pool");

/* An outside address that is not excluded. Rows are in pool order, then outside order. */
struct cgn_row {
	__be32 addr;
	__u32 pool;
	__u32 list; /* with list: which */
	__u32 cut; /* with cut: that of slot 0 */
};
_Static_assert(sizeof(struct cgn_row) == 16, "struct cgn_row");

/* Consecutive addresses of a pool with consecutive positions, inside or outside. */
struct cgn_range {
	__u32 first;
	__u32 last;
	__u32 pool;
	__u32 position; /* of first: in the inside order, or in the outside order of the pool; with seated, which cut is that of first, the only one */
};
_Static_assert(sizeof(struct cgn_range) == 16, "struct cgn_range");

/*
 * An index finds the range that holds an address, among ranges that are sorted and disjoint. It is a search tree without
 * pointers: every key is the first address of what lies below it, child c of node j is node 16j + c of the level below, and
 * key c of leaf j is the first address of range 16j + c. One range needs no node.
 */
struct cgn_index {
	__u32 range; /* the first of the ranges */
	__u32 ranges; /* how many */
	__u32 depth; /* levels of nodes */
	__u32 level[CGN_LEVELS]; /* the first node of each, from the root down */
	__u32 bucket; /* the first of the buckets, for the addresses of short ranges, which are not in the tree */
	__u32 buckets; /* how many; 0 for none */
	__u32 seed; /* odd */
};
_Static_assert(sizeof(struct cgn_index) == 48, "struct cgn_index");

/* The keys of a node in ascending order. The last node of a level is filled up with the highest address. */
struct cgn_node {
	__u32 key[CGN_FANOUT];
};
_Static_assert(sizeof(struct cgn_node) == 64, "struct cgn_node");

/*
 * The addresses of short ranges are in a hash table, where many of them would make the tree high: one line for most look-ups and two
 * for the others, however many there are. An address has two buckets that it may be in.
 */
struct cgn_bucket {
	__u32 addr[CGN_BUCKET]; /* the highest address where there is none */
	__u32 position[CGN_BUCKET]; /* as that of a range */
	__u32 pool[CGN_BUCKET];
	__u32 more; /* whether an address whose first bucket this is may be in its second */
};
_Static_assert(sizeof(struct cgn_bucket) == 64, "struct cgn_bucket");

/* The usable ports in an order in which every share is a progression, and the inverse. */
struct cgn_list {
	__u16 port[CGN_PORTS]; /* by index */
	__u16 index[CGN_PORTS]; /* by port; CGN_NO_PORT for a reserved port */
};
_Static_assert(sizeof(struct cgn_list) == 4 * CGN_PORTS, "struct cgn_list");

/* The share in a slot, of pools with cut. */
struct cgn_cut {
	__u16 start; /* the index of its first port */
	__u16 len; /* its ports */
	__u32 row; /* with seated: the outside address that it is on */
	__u16 slot; /* and its slot there */
	__u16 shares; /* and how many are there */
};
_Static_assert(sizeof(struct cgn_cut) == 12, "struct cgn_cut");

/*
 * A slot is what an outside address, a protocol and a port stand for: the inside endpoint that has it. The port set of a
 * subscriber is a hash table of slots. owner is what is claimed by compare-and-swap, the rest belongs to who owns it.
 */
struct cgn_slot {
	__u64 owner; /* inside address, port and turn, see slot.h; 0 = free, a turn alone = free, and waits */
	__u32 seen; /* tick of the last packet that counts */
	__u32 state; /* see tcp.h */
};
_Static_assert(sizeof(struct cgn_slot) == 16, "struct cgn_slot");

/* What a subscriber has taken, beside the slots themselves. The lock is held to take or free a slot, never to use one. */
struct cgn_account {
	__u32 lock;
	__u16 used[CGN_PLANES]; /* slots with an owner, expired ones too */
	__u32 refill; /* tick up to which tokens are counted */
	__u32 full; /* tick of the last search that found no slot; + 1, 0 = none */
	__u16 tokens; /* new mappings that the rate allows now */
	__u8 flags; /* enum cgn_account_flag */
	__u8 told; /* low bits of the tick of the last event, but for the lowest, which is set */
	__u32 pad;
	__u32 waited; /* ticks for which the port that is to be given has waited, during the search for it */
	__u64 strays[CGN_PROTOS]; /* homes of mappings that are elsewhere, by their low six bits; others maybe, too */
	__u16 over[CGN_PROTOS]; /* of used, so many at least are no mappings any more, and wait */
	__u8 limited; /* CGN_ACCOUNT_FULL shifted by protocol: the last search in vain met the limit */
	__u8 noted; /* enum cgn_account_note */
};
_Static_assert(sizeof(struct cgn_account) == 64, "struct cgn_account");

enum cgn_account_flag {
	CGN_ACCOUNT_FULL = 1 << 0, /* shifted by protocol: what the last search in vain was for */
	CGN_ACCOUNT_ASTRAY = 1 << 4, /* shifted by protocol: displaced has not all mappings that are not at home */
	CGN_ACCOUNT_AGAIN = 1 << 7, /* displaced had no room for one since cgn_tidy began with the share */
};

enum cgn_account_note {
	CGN_ACCOUNT_VAIN = 1 << 0, /* shifted by protocol: in the tick that full says, a search found no free slot */
	CGN_ACCOUNT_COUNTED = 1 << 4, /* shifted by protocol: used was lowered since cgn_tidy began with the share */
};

/* An inside endpoint, where its mapping is not at home. */
struct cgn_displaced {
	__be32 addr;
	__be16 port;
	__u8 proto;
	__u8 realm;
};
_Static_assert(sizeof(struct cgn_displaced) == 8, "struct cgn_displaced");

/* Who may send to a mapping (RFC 4787 section 5). */
enum cgn_filtering {
	CGN_EIF, /* anybody */
	CGN_ADF, /* addresses that it has sent to */
	CGN_APDF, /* endpoints that it has sent to */
};

/* The times of a policy, in its order. */
struct cgn_times {
	__u32 udp;
	__u32 icmp;
	__u32 established;
	__u32 opening;
	__u32 closing;
};

/* Since when the times of a policy hold, where that is no tick. */
enum cgn_since {
	CGN_SINCE_ALWAYS,
	CGN_SINCE_LATER, /* not yet: those before hold still */
};

/* How a pool behaves. Go may change it while packets pass. Times are in ticks, a quarter of a second or so. */
struct cgn_policy {
	__u32 udp; /* RFC 4787 REQ-5 */
	__u32 icmp; /* RFC 5508 REQ-2 */
	__u32 established; /* TCP; RFC 5382 REQ-5 */
	__u32 opening; /* TCP; the same, and RFC 7857 section 2.1 */
	__u32 closing;
	__u32 hold; /* a free port waits so long before another inside endpoint gets it, whoever's; RFC 6888 REQ-8 */
	__u32 held; /* so many ports of a share may wait when no other is free; REQ-8D */
	__u32 limit[CGN_PLANES]; /* mappings of a subscriber; RFC 6888 REQ-4 */
	__u32 rate; /* new mappings of a subscriber in 16 ticks, 0 = any; RFC 6888 REQ-4c */
	__u32 burst; /* so many at once */
	enum cgn_filtering filtering;
	__u32 peers; /* remote endpoints that are kept of a subscriber; RFC 6888 REQ-5 */
	__u32 since; /* the first tick of its times, or enum cgn_since: see cgn_overdue */
	struct cgn_times was; /* the times before, where since is not always */
};
_Static_assert(sizeof(struct cgn_policy) == 84, "struct cgn_policy");
_Static_assert(__builtin_offsetof(struct cgn_policy, udp) == 0 &&
		       __builtin_offsetof(struct cgn_policy, closing) == __builtin_offsetof(struct cgn_times, closing),
	       "struct cgn_times");

/* Whose remote endpoints are in a table, see filter.h. */
struct cgn_filter_key {
	__be32 inside;
	__be32 outside;
};
_Static_assert(sizeof(struct cgn_filter_key) == 8, "struct cgn_filter_key");

/* Destinations of the plan that are not translated: a protocol and ports of it. */
struct cgn_exempt {
	__u16 first;
	__u16 last;
	__u8 protocol; /* 0 = any */
	__u8 pad[3];
};
_Static_assert(sizeof(struct cgn_exempt) == 8, "struct cgn_exempt");

/* What became of a packet. Append-only: the numbers are those of the counters. */
enum cgn_verdict {
	CGN_OUTBOUND, /* translated */
	CGN_INBOUND,
	CGN_HAIRPIN,
	CGN_PASS_NOT_IPV4, /* left to the host as it came */
	CGN_PASS_NOT_SUBSCRIBER,
	CGN_PASS_NOT_OUTSIDE,
	CGN_PASS_NO_TRANSLATE,
	CGN_PASS_INSIDE,
	CGN_PASS_LOCAL,
	CGN_PASS_UNROUTED,
	CGN_PASS_ANSWER, /* the host answers with an ICMP error */
	CGN_PASS_SLOW,
	CGN_REPLIED, /* answered with an ICMP error */
	CGN_HELD, /* until the first fragment comes */
	CGN_DROP_MALFORMED, /* dropped */
	CGN_DROP_CHECKSUM,
	CGN_DROP_SOURCE_ROUTE,
	CGN_DROP_PROTOCOL,
	CGN_DROP_ICMP_TYPE,
	CGN_DROP_FRAGMENT,
	CGN_DROP_NO_MAPPING,
	CGN_DROP_FILTERED,
	CGN_DROP_EXHAUSTED,
	CGN_DROP_LIMIT,
	CGN_DROP_RATE,
	CGN_DROP_CONTENDED,
	CGN_DROP_UNROUTED,
	CGN_DROP_TTL,
	CGN_DROP_TOO_BIG,
	CGN_DROP_TABLES,
	CGN_DROP_SOURCE,
	CGN_DROP_INSIDE,
	CGN_PASS_FOREIGN, /* left to the host as it came: the frame is for another station of the link. Behind the driver only */
	CGN_DROP_PEERS,
	CGN_VERDICTS,
	CGN_CONTINUE, /* not decided yet, never counted */
	CGN_CUT, /* to be cut into fragments, never counted */
	CGN_RELEASE, /* the first fragment is here, never counted */
};

/* What Go is told of. Append-only. */
enum cgn_event_kind {
	CGN_EVENT_NONE,
	CGN_EVENT_EXHAUSTED, /* no port of the subscriber's share is free */
	CGN_EVENT_LIMIT, /* it has as many mappings as it may */
	CGN_EVENT_RATE, /* it makes more mappings than it may */
};

/* What is counted beside packets. Append-only. */
enum cgn_tally {
	CGN_TALLY_TCP, /* mappings that were made, in the order of cgn_proto */
	CGN_TALLY_UDP,
	CGN_TALLY_ICMP,
	CGN_TALLY_EXHAUSTED, /* refusals, in the order of cgn_event_kind: at most one of a subscriber in two ticks */
	CGN_TALLY_LIMIT,
	CGN_TALLY_RATE,
	CGN_TALLIES,
};

/* Something happened to a subscriber. At most one in two ticks. */
struct cgn_event {
	__u64 time; /* ns of the monotonic clock */
	__be32 inside;
	__u32 row;
	__u32 pool;
	__be16 port; /* of the inside endpoint */
	__u8 proto; /* enum cgn_proto */
	__u8 kind; /* enum cgn_event_kind */
	__u64 plan; /* by which the rest is to be read: plan_id. Programs before it was there end before it */
};
_Static_assert(sizeof(struct cgn_event) == 32, "struct cgn_event");

struct cgn_counter {
	__u64 packets;
	__u64 bytes;
};

#endif
