/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Whom a frame is for. Frames for another router come in, too: switches flood what they know no port for, and a sniffer has a
 * card take everything. What is in them is not for us to translate.
 */
#ifndef CGN_STATION_H
#define CGN_STATION_H

#include "packet.h"

enum cgn_station_limit {
	CGN_MACS = 65536,
	CGN_STATIONS = 4096,
};

/*
 * cgn_is_to_group reports whether a frame is for everybody on a link, or for a group. What is in it is for the host, or for
 * nobody, and never forwarded (RFC 1812 section 5.3.4).
 */
static __always_inline int cgn_is_to_group(const struct ethhdr *eth)
{
	return eth->h_dest[0] & 1;
}

/* Written by Go: the MAC address of each of our interfaces by its number, as cgn_mac has it. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__type(key, __u32);
	__type(value, __u64);
	__uint(max_entries, CGN_MACS);
} macs SEC(".maps");

/* Another MAC address at which an interface takes packets for this host. */
struct cgn_station {
	__u64 mac;
	__u32 ifindex;
	__u32 pad;
};
_Static_assert(sizeof(struct cgn_station) == 16, "struct cgn_station");

/* Written by Go: those of a bridge that the interface is a port of, of a virtual router (VRRP) on top of it, and the like. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__type(key, struct cgn_station);
	__type(value, __u32);
	__uint(max_entries, CGN_STATIONS);
} stations SEC(".maps");

/* cgn_mac returns whom a frame is for, as a number. */
static __always_inline __u64 cgn_mac(const struct ethhdr *eth)
{
	return *(const __u16 *)eth->h_dest | (__u64) * (const __u32 *)(eth->h_dest + 2) << 16;
}

/* cgn_is_station reports whether a MAC address is another one at which an interface takes packets. */
__noinline int cgn_is_station(__u64 mac, __u32 ifindex)
{
	struct cgn_station station = {.mac = mac, .ifindex = ifindex};

	return bpf_map_lookup_elem(&stations, &station) != NULL;
}

/* cgn_is_for_us reports whether a frame is known to be for this host, by the MAC addresses of the interface that it came in on. */
static __always_inline int cgn_is_for_us(const struct ethhdr *eth, __u32 ifindex)
{
	__u64 mac = cgn_mac(eth), *own = bpf_map_lookup_elem(&macs, &ifindex);

	return (own && mac && *own == mac) || cgn_is_station(mac, ifindex);
}

#endif
