// Package ebpf is the XDP backend: carrier-grade NAT in the driver, by a plan of package alloc.
//
// Apply makes an instance what a Config says and keeps it so: load, another plan, other policies, other interfaces, newer programs
// are all the same call, and packets pass meanwhile. The instance is in the kernel. The process may end; Open finds it again, and
// Remove ends it.
//
//	d, err := ebpf.Apply(ebpf.Config{
//		Plan:    plan,
//		Inside:  []ebpf.Interface{{Name: "eth0"}},
//		Outside: []ebpf.Interface{{Name: "eth1"}},
//	})
//
// A Datapath then shows Mappings, a Subscriber and Counters, opens ports with Forward, is kept tidy by Sweep, and hands its
// mappings to another node with Checkpoint and Restore.
//
// # Maps
//
//	pools     a pool's numbers, from which position <-> (outside address, slot) <-> ports follow
//	rows      one entry an outside address
//	nodes     search trees over address ranges, 16 addresses each: over the outside ones, and over the inside ones of each realm,
//	ranges    and what they find: a range, its pool, its positions
//	buckets   a hash table of the addresses of short ranges, where there are many
//	lists     the usable ports in the order in which shares take them, where no formula says it: 256 KiB each
//	cuts      the PSID sets that reserved ports cut into
//	exempts   destinations that are not translated
//	slots     3 MiB an outside address: who has which port of which protocol
//	accounts  64 bytes a share: how many ports are taken
//
// The plan holds nothing per subscriber: a prefix costs 16 bytes whatever its length, but for prefixes from /29 on where there are more
// than 16, as in a list of scattered addresses: about 19 bytes an address. Slots and accounts outlive a plan.
//
// # Pins
//
//	/sys/fs/bpf/cgnkit/NAMESPACE/INSTANCE/v1/live    the generation in force
//	                                        /next    one that is being made, or that was in force before
//
// NAMESPACE is the cookie of the network namespace, so instances in several namespaces of a host never touch each other. A
// generation has its record (meta: plan, key, policies, interfaces), maps, slots, accounts, programs and links. A change makes
// another one beside it, which pins what stays once more, and then swaps the two. Whatever only the old one had goes with it. A
// process that is killed at any moment leaves a state that the next Apply or Open finishes or takes back.
//
// # What it takes
//
// Linux 6.7, and CAP_BPF, CAP_NET_ADMIN and CAP_PERFMON. Who finds no BPF filesystem at /sys/fs/bpf needs CAP_SYS_ADMIN too, to mount
// it. The folders of instances are the user's who made them.
//
// # What bites
//
//   - ip netns exec gives a process a /sys of its own, and pins would go with the process: Apply refuses. Enter with
//     nsenter --net=/run/netns/NAME instead.
//   - A namespace that is deleted takes its interfaces along and leaves the pins, with their memory: Remove comes first.
//   - A pool whose usable ports are not one range needs a list, which all pools with the same ports share. With scheme random,
//     every outside address needs one, and every change of the plan needs the keys of the plan before.
//   - Excluded outside addresses are in no table. Where alloc says excluded, C says not-in-pool: the packet is none of ours.
package ebpf
