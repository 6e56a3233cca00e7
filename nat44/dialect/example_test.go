package dialect_test

import (
	"errors"
	"fmt"
	"os"

	"github.com/cgnkit/cgnkit/alloc"
	"github.com/cgnkit/cgnkit/nat44/dialect"
)

func Example() {
	inside, _ := alloc.ParseAddrRange("100.64.0.0/20")
	outside, _ := alloc.ParseAddrRange("203.0.113.0/26")
	west := alloc.PoolSpec{Name: "west", Inside: []alloc.AddrRange{inside}, Outside: []alloc.AddrRange{outside}, PortsPerSubscriber: 1000}
	plan, err := alloc.NewPlan(alloc.Spec{Pools: []alloc.PoolSpec{west}})
	if err != nil {
		fmt.Println(err)
		return
	}
	if err := dialect.VPP(os.Stdout, plan); errors.Is(err, dialect.ErrInexpressible) {
		fmt.Println(err)
	}
	// Output:
	// pool "west": VPP det44 gives every subscriber floor(64512/64) = 1008 ports, the plan 1000: use scheme spread without ports-per-subscriber, ports 1024-65535 and nothing set aside, or sharing ratio 64 with 1008 ports
}
