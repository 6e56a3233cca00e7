package alloc_test

import (
	"errors"
	"fmt"
	"net/netip"

	"github.com/cgnkit/cgnkit/alloc"
)

func ranges(texts ...string) []alloc.AddrRange {
	var out []alloc.AddrRange
	for _, text := range texts {
		r, err := alloc.ParseAddrRange(text)
		if err != nil {
			panic(err)
		}
		out = append(out, r)
	}
	return out
}

// examplePlan has 14 subscribers that share one address.
func examplePlan() *alloc.Plan {
	plan, err := alloc.NewPlan(alloc.Spec{Pools: []alloc.PoolSpec{{
		Name: "residential", Inside: ranges("100.64.0.1-100.64.0.14"), Outside: ranges("192.0.2.1"), PortsPerSubscriber: 4600,
	}}})
	if err != nil {
		panic(err)
	}
	return plan
}

func ExamplePlan_NoTranslate() {
	var exempt []alloc.Destination
	for _, text := range []string{"203.0.113.0/24", "203.0.114.53 udp/53", "0.0.0.0/0 tcp/8000-8080"} {
		d, err := alloc.ParseDestination(text)
		if err != nil {
			fmt.Println(err)
			return
		}
		exempt = append(exempt, d)
	}
	plan, err := alloc.NewPlan(alloc.Spec{NoTranslate: exempt, Pools: []alloc.PoolSpec{{
		Name: "residential", Inside: ranges("100.64.0.0/22"), Outside: ranges("198.51.100.0/27"),
	}}})
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, d := range plan.NoTranslate() {
		if ports, ok := d.Ports(); ok {
			fmt.Println(d.Addrs(), d.Protocol(), ports.First(), ports.Last())
		} else {
			fmt.Println(d.Addrs(), d.Protocol())
		}
	}
	// Output:
	// 203.0.113.0/24 any
	// 203.0.114.53 udp 53 53
	// 0.0.0.0/0 tcp 8000 8080
}

func Example() {
	plan, err := alloc.NewPlan(alloc.Spec{Pools: []alloc.PoolSpec{{
		Name:          "residential",
		Inside:        ranges("100.64.0.0/22"),
		Outside:       ranges("198.51.100.0/27"),
		ExcludeInside: ranges("100.64.0.0"),
		SharingRatio:  32,
	}}})
	if err != nil {
		fmt.Println(err)
		return
	}
	a, err := plan.Lookup(alloc.SubscriberFrom("", netip.MustParseAddr("100.64.0.2")))
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(a.Subscriber(), "owns", a.Ports(), "of", a.Outside())

	answer := plan.Trace(netip.MustParseAddr("198.51.100.0"), 5000)
	if a, ok := answer.Allocation(); ok {
		fmt.Println("port 5000 belongs to", a.Subscriber())
	}
	// Output:
	// 100.64.0.2 owns 3040-5055 of 198.51.100.0
	// port 5000 belongs to 100.64.0.2
}

func ExampleNewPlan() {
	plan, err := alloc.NewPlan(alloc.Spec{Pools: []alloc.PoolSpec{
		{Name: "homes", Inside: ranges("100.64.0.0/20"), Outside: ranges("198.51.100.0/26", "192.0.2.8/29"), Scheme: alloc.PSID, SharingRatio: 64},
		{Name: "offices", Inside: ranges("100.96.0.0/24"), Outside: ranges("203.0.113.0/28"), PortsPerSubscriber: 4000},
	}})
	if err != nil {
		fmt.Println(err)
		return
	}
	for p := range plan.Pools() {
		fmt.Printf("%s: %d of %d shares, %d for each address, %d ports, %d left over\n",
			p.Name(), p.Subscribers(), p.Capacity(), p.SharingRatio(), p.PortsPerSubscriber(), p.TailPorts())
	}
	// Output:
	// homes: 4096 of 4608 shares, 64 for each address, 1008 ports, 0 left over
	// offices: 256 of 256 shares, 16 for each address, 4000 ports, 512 left over
}

func ExamplePlan_Lookup() {
	plan := examplePlan()
	for _, text := range []string{"100.64.0.1", "100.64.0.14", "100.64.0.15"} {
		a, err := plan.Lookup(alloc.SubscriberFrom(alloc.DefaultRealm, netip.MustParseAddr(text)))
		if err != nil {
			fmt.Println(text, err)
			continue
		}
		fmt.Println(text, a.Outside(), a.Ports())
	}
	// Output:
	// 100.64.0.1 192.0.2.1 1024-5623
	// 100.64.0.14 192.0.2.1 60824-65423
	// 100.64.0.15 not a subscriber of this plan
}

func ExamplePlan_Trace() {
	plan := examplePlan()
	outside := netip.MustParseAddr("192.0.2.1")
	for _, port := range []uint16{5624, 443, 65424} {
		answer := plan.Trace(outside, port)
		if a, ok := answer.Allocation(); ok {
			fmt.Println(port, answer.Status(), a.Subscriber())
			continue
		}
		fmt.Println(port, answer.Status())
	}
	// Output:
	// 5624 allocated 100.64.0.2
	// 443 reserved
	// 65424 tail
}

func ExamplePlan_All() {
	for a := range examplePlan().All() {
		fmt.Println(a.Subscriber(), a.Outside(), a.Ports())
		if a.Slot() == 2 {
			break
		}
	}
	// Output:
	// 100.64.0.1 192.0.2.1 1024-5623
	// 100.64.0.2 192.0.2.1 5624-10223
	// 100.64.0.3 192.0.2.1 10224-14823
}

// Without a port there is no one answer, but a list of candidates.
func ExamplePlan_Holders() {
	n := 0
	for a := range examplePlan().Holders(netip.MustParseAddr("192.0.2.1")) {
		if n++; n <= 2 {
			fmt.Println(a.Subscriber())
		}
	}
	fmt.Println(n, "candidates")
	// Output:
	// 100.64.0.1
	// 100.64.0.2
	// 14 candidates
}

func ExampleDiff() {
	plan := func(outside ...string) *alloc.Plan {
		p, err := alloc.NewPlan(alloc.Spec{Pools: []alloc.PoolSpec{{
			Name: "a", Inside: ranges("100.64.0.0/30"), Outside: ranges(outside...), SharingRatio: 2,
		}}})
		if err != nil {
			panic(err)
		}
		return p
	}
	d := alloc.Diff(plan("192.0.2.1", "192.0.2.2"), plan("192.0.2.1", "192.0.2.9"))
	fmt.Println("kept", d.Kept, "moved", d.Moved)
	for c := range d.Changes() {
		fmt.Println(c.Kind, c.Subscriber, c.Old.Outside, "->", c.New.Outside)
	}
	// Output:
	// kept 2 moved 2
	// moved 100.64.0.2 192.0.2.2 -> 192.0.2.9
	// moved 100.64.0.3 192.0.2.2 -> 192.0.2.9
}

func ExampleParseAddrRange() {
	for _, text := range []string{"100.64.0.0/22", "100.64.0.4-100.64.0.9", "100.64.0.1/22"} {
		r, err := alloc.ParseAddrRange(text)
		if err != nil {
			fmt.Println(err)
			continue
		}
		fmt.Println(r, r.Len())
	}
	// Output:
	// 100.64.0.0/22 1024
	// 100.64.0.4-100.64.0.9 6
	// invalid address 100.64.0.1/22: host bits are set; write 100.64.0.0/22 for the prefix or 100.64.0.1 for the one address
}

// A Placement gives shares to subscribers that come as a stream.
func ExamplePlacement() {
	placement, err := alloc.NewPlacement(alloc.PoolSpec{Name: "a", Outside: ranges("192.0.2.0/24"), PortsPerSubscriber: 2000})
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(placement.Capacity(), "shares")
	for i, text := range []string{"100.64.7.7", "100.64.1.9"} {
		if a, err := placement.Assign(uint64(i), netip.MustParseAddr(text)); err == nil {
			fmt.Println(a.Subscriber(), a.Outside(), a.Ports())
		}
	}
	// Output:
	// 8192 shares
	// 100.64.7.7 192.0.2.0 1024-3023
	// 100.64.1.9 192.0.2.0 3024-5023
}

func ExampleInvalidError() {
	_, err := alloc.NewPlan(alloc.Spec{Pools: []alloc.PoolSpec{{
		Name: "a", Inside: ranges("100.64.0.1-100.64.0.11"), Outside: ranges("192.0.2.0/30"), PortsPerSubscriber: 22000,
	}}})
	if invalid, ok := errors.AsType[*alloc.InvalidError](err); ok {
		for _, f := range invalid.Findings {
			fmt.Println(f.Path+":", f.Msg)
			fmt.Println("hint:", f.Hint)
		}
	}
	fmt.Println(errors.Is(err, alloc.ErrCapacity))
	// Output:
	// pools[0].outside: 11 subscribers do not fit on 4 addresses: 8 fit with 22000 ports each (2 on an address)
	// hint: it fits with 6 addresses (2 more), or with at most 21504 ports per subscriber (sharing ratio 3)
	// true
}
