package s46_test

import (
	"fmt"
	"log"
	"net/netip"

	"github.com/cgnkit/cgnkit/portset/softwire"
	"github.com/cgnkit/cgnkit/portset/softwire/s46"
)

// What a DHCPv6 server sends to the routers of RFC 7597 appendix A, and what one of them reads.
func Example() {
	domain, err := softwire.NewDomain(softwire.DomainSpec{
		Rules: []softwire.RuleSpec{{IPv6: netip.MustParsePrefix("2001:db8::/40"), IPv4: netip.MustParsePrefix("192.0.2.0/24"), EALen: 16, Forwarding: true}},
		Relay: netip.MustParseAddr("2001:db8:ffff::1"),
	})
	if err != nil {
		log.Fatal(err)
	}
	container, err := s46.ContainerOf(domain)
	if err != nil {
		log.Fatal(err)
	}
	b, err := s46.Append(nil, container)
	fmt.Printf("%x %v\n", b, err)

	for _, o := range must(s46.Containers(b)) {
		fmt.Println(o.Code(), o.(s46.MAPE).Rules[0].IPv6, o.(s46.MAPE).BRs[0].Addr)
	}
	// Output:
	// 005e00250059000d011018c00002002820010db800005a001020010db8ffff00000000000000000001 <nil>
	// S46_CONT_MAPE 2001:db8::/40 2001:db8:ffff::1
}

func must(list []s46.Option, discarded []error) []s46.Option {
	for _, err := range discarded {
		log.Fatal(err)
	}
	return list
}
