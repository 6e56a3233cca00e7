package nat44_test

import (
	"errors"
	"fmt"
	"strings"

	"github.com/cgnkit/cgnkit/alloc"
	"github.com/cgnkit/cgnkit/nat44"
)

// tinySpec describes four flats behind one address.
func tinySpec() alloc.Spec {
	inside, _ := alloc.ParseAddrRange("192.168.7.10-192.168.7.13")
	outside, _ := alloc.ParseAddrRange("203.0.113.7")
	return alloc.Spec{Pools: []alloc.PoolSpec{{
		Name: "flats", Inside: []alloc.AddrRange{inside}, Outside: []alloc.AddrRange{outside}, SharingRatio: 4,
	}}}
}

// Write a plan as text for nft -f. It takes no root and no kernel.
func ExampleRuleset_WriteTo() {
	plan, err := alloc.NewPlan(tinySpec())
	if err != nil {
		fmt.Println(err)
		return
	}
	instance, err := nat44.ParseInstance("flats")
	if err != nil {
		fmt.Println(err)
		return
	}
	rs, err := nat44.NewRuleset(plan, instance)
	if err != nil {
		fmt.Println(err)
		return
	}
	var text strings.Builder
	if _, err := rs.WriteTo(&text); err != nil {
		fmt.Println(err)
		return
	}
	_, rest, _ := strings.Cut(text.String(), "\tmap ")
	shares, _, _ := strings.Cut(rest, "\n\n")
	fmt.Println("table ip", instance.Table(), "has")
	fmt.Println("\tmap", shares)
	// Output:
	// table ip cgn_flats has
	// 	map shares {
	// 		type ipv4_addr : interval ipv4_addr . inet_service
	// 		size 64
	// 		elements = {
	// 			# pool flats
	// 			192.168.7.10 : 203.0.113.7 . 1024-17151,
	// 			192.168.7.11 : 203.0.113.7 . 17152-33279,
	// 			192.168.7.12 : 203.0.113.7 . 33280-49407,
	// 			192.168.7.13 : 203.0.113.7 . 49408-65535
	// 		}
	// 	}
}

// Not every plan can be said in nftables; the error names the pool and the reason.
func ExampleNewRuleset() {
	spec := tinySpec()
	spec.Pools[0].Scheme = alloc.Staggered // every fourth port: thousands of ranges for each subscriber
	plan, err := alloc.NewPlan(spec)
	if err != nil {
		fmt.Println(err)
		return
	}
	instance, err := nat44.ParseInstance("")
	if err != nil {
		fmt.Println(err)
		return
	}
	_, err = nat44.NewRuleset(plan, instance)
	fmt.Println(errors.Is(err, nat44.ErrInexpressible))
	fmt.Printf("%.95s...\n", err)
	// Output:
	// true
	// nftables cannot express this plan: pool "flats": scheme staggered gives a share of 16128 ranges...
}
