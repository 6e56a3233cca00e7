package policyfile_test

import (
	"fmt"

	"github.com/cgnkit/cgnkit/ebpf/policyfile"
)

func ExampleParse() {
	p, err := policyfile.Parse([]byte("default: {udp: 3m}\npools: {business: {limit: {tcp: 5000}}}"))
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(p.Default.UDP, p.Pools["business"].UDP, p.Pools["business"].Limit.TCP)
	// Output: 3m0s 3m0s 5000
}
