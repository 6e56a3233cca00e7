package ebpf

import (
	"net/netip"

	"github.com/cgnkit/cgnkit/alloc"
	"github.com/cgnkit/cgnkit/ebpf/internal/bpf"
)

// endSeconds ends, of two mappings of an inside endpoint, the one that programs of a plan which was given up have made (RFC 4787 REQ-1). They
// could, where that plan gave the subscriber some of the ports that it has: what the endpoint has on one of the others, they did not know.
// displaced is not right about those then: see forgetEnded.
func (g *generation) endSeconds(other *alloc.Plan) error {
	seconds, err := g.seconds(other)
	if err != nil || len(seconds) == 0 {
		return err
	}
	p, err := g.openProgram(bpf.CgnatProgCgnClaim)
	if err != nil {
		return err
	}
	defer p.Close()
	c := &claimer{p, g.plan.Realms()}
	for _, m := range seconds {
		if result, err := c.claim(bpf.CgnatCgnClaimKindCGN_CLAIM_END, m); err != nil && result != bpf.CgnatCgnClaimResultCGN_CLAIM_NONE {
			return err
		}
	}
	return nil
}

// seconds returns those mappings.
func (g *generation) seconds(other *alloc.Plan) (out []Mapping, err error) {
	type endpoint struct {
		proto  Protocol
		inside netip.AddrPort
	}
	var row netip.Addr
	first := make(map[endpoint]Mapping) // of the row
	for m, err := range (&Datapath{generation: g}).Mappings() {
		if err != nil {
			return nil, err
		}
		if m.Outside.Addr() != row {
			row = m.Outside.Addr()
			clear(first)
		}
		e := endpoint{m.Protocol, m.Inside}
		was, two := first[e]
		first[e] = m
		if !two {
			continue
		}
		switch a, b := gives(other, was), gives(other, m); {
		case a && !b && !was.Static:
			out = append(out, was)
		case b && !a && !m.Static:
			out = append(out, m)
		}
	}
	return out, nil
}

// gives reports whether a plan gives the subscriber of a mapping its outside port.
func gives(plan *alloc.Plan, m Mapping) bool {
	share, err := plan.Lookup(alloc.SubscriberFrom(m.Realm, m.Inside.Addr()))
	return err == nil && share.Outside() == m.Outside.Addr() && share.Ports().Contains(m.Outside.Port())
}
