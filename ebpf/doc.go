// Package ebpf is the XDP backend: a plan as BPF maps, and the port maths of package alloc once more, in C.
//
// It is under way. What exists is the plan's side: NewTables turns an alloc.Plan into what the maps hold, and C in bpf/
// answers both questions of a plan from them, which share a subscriber has and who owns a port. No packet is translated
// yet; until then the backend to use is package nat44.
//
// # Maps
//
//	pools     a pool's numbers, from which position <-> (outside address, slot) <-> ports follow
//	rows      one entry an outside address
//	indexes   search trees over address ranges: one over the outside addresses, one a realm over the inside ones;
//	nodes     their nodes of 16 addresses,
//	ranges    and what they find: a range, its pool, its positions
//	lists     the usable ports in the order in which shares take them, where no formula says it: 256 KiB each
//	cuts      the PSID sets that reserved ports cut into
//
// Nothing is held per subscriber: a prefix costs 16 bytes whatever its length, and a list of scattered addresses about 20
// bytes an address.
//
// # What bites
//
//   - A pool whose usable ports are not one range needs a list, which all pools with the same ports share. With scheme
//     random, every outside address needs one.
//   - Excluded outside addresses are in no table. Where alloc says excluded, C says not-in-pool: the packet is none of ours.
package ebpf
