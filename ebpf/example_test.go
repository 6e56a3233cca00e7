package ebpf_test

import (
	"fmt"
	"log"

	"github.com/cgnkit/cgnkit/alloc"
	"github.com/cgnkit/cgnkit/ebpf"
)

// Four million subscribers cost what sixteen cost.
func ExampleTables() {
	for _, inside := range []string{"100.64.0.0/28", "100.64.0.0/10"} {
		subscribers, _ := alloc.ParseAddrRange(inside)
		outside, _ := alloc.ParseAddrRange("198.18.0.0/16")
		plan, err := alloc.NewPlan(alloc.Spec{Pools: []alloc.PoolSpec{{
			Name: "homes", Inside: []alloc.AddrRange{subscribers}, Outside: []alloc.AddrRange{outside}, SharingRatio: 64,
		}}})
		if err != nil {
			log.Fatal(err)
		}
		tables, err := ebpf.NewTables(plan)
		if err != nil {
			log.Fatal(err)
		}
		fmt.Println(plan.Subscribers(), "subscribers:", tables.Bytes(), "bytes")
	}
	// Output:
	// 16 subscribers: 1048792 bytes
	// 4194304 subscribers: 1048792 bytes
}
