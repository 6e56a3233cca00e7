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

// A router reads what its DHCPv6 server sent, and with it what its own prefix has. Of a rule that says another PSID than the prefix holds it gets
// no answer: packets for these ports would go to somebody else.
func ExampleRule_CE() {
	prefix := netip.MustParsePrefix("2001:db8:12:3400::/56") // delegated in the same reply
	for _, psid := range []uint16{0x34, 0x35} {
		rule := s46.Rule{IPv6: netip.MustParsePrefix("2001:db8::/40"), IPv4: netip.MustParsePrefix("192.0.2.0/24"), EALen: 16,
			Ports: &s46.PortParams{Offset: 6, PSIDLen: 8, PSID: psid}}
		reply, err := s46.Append(nil, s46.MAPE{Rules: []s46.Rule{rule}, BRs: []s46.BR{{Addr: netip.MustParseAddr("2001:db8:ffff::1")}}})
		if err != nil {
			log.Fatal(err)
		}
		for _, o := range must(s46.Containers(reply)) {
			for _, r := range o.(s46.MAPE).Rules {
				ce, err := r.CE(prefix)
				if err != nil {
					fmt.Println(err)
					continue
				}
				psid, _ := ce.PSID()
				fmt.Println(ce.IPv4(), psid, ce.Ports().First(), ce.Ports().Len(), ce.Address())
			}
		}
	}
	// Output:
	// 192.0.2.18/32 52 1232 252 2001:db8:12:3400:0:c000:212:34
	// S46_RULE: S46_PORTPARAMS: invalid content: PSID 53 contradicts the EA bits of 2001:db8:12:3400::/56, which hold 52
}

func must(list []s46.Option, discarded []error) []s46.Option {
	for _, err := range discarded {
		log.Fatal(err)
	}
	return list
}
