package softwire_test

import (
	"fmt"
	"log"
	"net/netip"

	"github.com/cgnkit/cgnkit/portset/softwire"
)

// The router of RFC 7597 appendix A, example 1: what it has, who has a port, and a source that is not right.
func Example() {
	domain, err := softwire.NewDomain(softwire.DomainSpec{
		Rules: []softwire.RuleSpec{{IPv6: netip.MustParsePrefix("2001:db8::/40"), IPv4: netip.MustParsePrefix("192.0.2.0/24"), EALen: 16}},
		Relay: netip.MustParseAddr("2001:db8:ffff::1"),
	})
	if err != nil {
		log.Fatal(err)
	}
	ce, err := domain.Forward(netip.MustParsePrefix("2001:db8:12:3400::/56"))
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(ce, "at", ce.Address(), "with", ce.Ports().Len(), "ports from", ce.Ports().First())

	ipv4 := netip.MustParseAddr("192.0.2.18")
	owner, err := domain.Reverse(ipv4, 64723)
	fmt.Println("port 64723 belongs to", owner.EndUser(), err)
	fmt.Println("port 1236 from there:", domain.Check(ce.Address(), ipv4, 1236))
	// Output:
	// 2001:db8:12:3400::/56 192.0.2.18 PSID 52 at 2001:db8:12:3400:0:c000:212:34 with 252 ports from 1232
	// port 64723 belongs to 2001:db8:12:3400::/56 <nil>
	// port 1236 from there: the port is not in the port set of the router that sent it
}
