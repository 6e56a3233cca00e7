package ebpf_test

import (
	"context"
	"log"
	"os"

	"github.com/cgnkit/cgnkit/alloc"
	"github.com/cgnkit/cgnkit/ebpf"
)

// Load a plan, or change to it, and keep the tables tidy. It needs root, and interfaces of this name.
func ExampleApply() {
	inside, _ := alloc.ParseAddrRange("100.64.0.0/16")
	outside, _ := alloc.ParseAddrRange("198.18.0.0/22")
	plan, err := alloc.NewPlan(alloc.Spec{Pools: []alloc.PoolSpec{{
		Name: "homes", Inside: []alloc.AddrRange{inside}, Outside: []alloc.AddrRange{outside}, SharingRatio: 64,
	}}})
	if err != nil {
		log.Fatal(err)
	}
	d, err := ebpf.Apply(ebpf.Config{
		Plan:   plan,
		Inside: []ebpf.Interface{{Name: "eth0"}}, Outside: []ebpf.Interface{{Name: "eth1"}},
		Policy: ebpf.Policy{Limit: ebpf.Limit{UDP: 500}},
	})
	if err != nil {
		log.Fatal(err)
	}
	log.Fatal(d.Sweep(context.Background(), ebpf.DefaultSweep))
}

// What a node knows and another one with the same key and plan cannot find by itself.
func ExampleDatapath_Checkpoint() {
	d, err := ebpf.Open("")
	if err != nil {
		log.Fatal(err)
	}
	f, err := os.Create("/var/lib/cgnkit/displaced")
	if err != nil {
		log.Fatal(err)
	}
	if _, err := d.Checkpoint(f, ebpf.CheckpointOptions{Displaced: true}); err != nil {
		log.Fatal(err)
	}
	log.Print(f.Close())
}
