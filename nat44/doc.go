// Package nat44 makes the Linux kernel obey a plan through nftables.
//
// A [Ruleset] is the pure description: which table, chains, rules, sets and maps follow from a plan. It has two renderings that
// must not differ: text for nft -f ([Ruleset.WriteTo]), and netlink ([Kernel.Apply]). [Kernel.Verify] proves that the kernel
// holds what a Ruleset describes, and [Kernel.Remove] takes an instance away.
//
// # What the kernel gets
//
// One table of family ip for each [Instance]. In it, a map from inside address to outside address and port range serves tcp, udp
// and icmp alike, so that the cost of a new flow does not grow with the subscribers. Its key is exact, its data is an interval:
// with an interval key the kernel would keep a tree instead of a hash table. Shares of several ranges are in maps of their own,
// keyed by inside address and bucket; the bucket is a hash of the inside endpoint, so that an inside endpoint always meets the
// same range and the mapping stays endpoint-independent. Subscribers of 1:1 pools are in a third map, for protocols without
// ports.
//
// Nothing of the inside leaves untranslated: a chain behind translation drops and counts what is left.
//
// # The other end
//
// A [Router] is the NAT of one subscriber's own router under MAP-E, MAP-T or lightweight 4over6, as text. There the kernel does not
// choose ports: the rules do, out of all ranges of the router's port set, and keep a table of mappings. So a port has one inside
// endpoint at a time, which has it towards everybody, and none is refused while one is free.
//
// # What bites
//
// The kernel's NAT is not a compliant carrier-grade NAT. Filtering is address- and port-dependent, there is no hairpinning to
// dynamic mappings, ports of a share are reused for other destinations (so a share bounds sessions to one destination, not
// all), and a share that is used up drops without a word. docs/conformance.md lists requirement by requirement what a test run
// showed.
//
// Everything here works in the network namespace of the calling thread when [Open] is called.
package nat44
