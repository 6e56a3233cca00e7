package dialect

import (
	"cmp"
	"math"
	"slices"

	"github.com/cgnkit/cgnkit/alloc"
	"github.com/cgnkit/cgnkit/portset"
)

// maxServices bounds the destinations with ports, because targets walk them one by one.
const maxServices = 128

// A service is traffic to ports of some addresses that is not translated.
type service struct {
	span     // the addresses
	protocol alloc.Protocol
	ports    portset.Range
}

// An exempt is the traffic of subscribers that is not translated: to each other, and to the destinations that the plan
// lists.
type exempt struct {
	spans      []span    // whatever the protocol: inside addresses and destinations; ascending, without overlap
	services   []service // ports of some addresses
	everywhere []service // ports of all addresses but the plan's outside addresses
	outside    []span    // those, ascending; nil without everywhere
}

// newExempt collects what is not translated. It refuses what would make every packet walk too many rules.
func newExempt(p *alloc.Plan, in *inside, target string) (*exempt, error) {
	x := &exempt{spans: slices.Clone(in.spans)}
	everywhere := map[alloc.Protocol][]portset.Range{}
	for _, d := range p.NoTranslate() {
		s := span{first: u32(d.Addrs().First()), last: u32(d.Addrs().Last())}
		ports, hasPorts := d.Ports()
		switch {
		case !hasPorts:
			x.spans = append(x.spans, s)
		case s.first == 0 && s.last == math.MaxUint32:
			everywhere[d.Protocol()] = append(everywhere[d.Protocol()], ports)
		default:
			x.services = append(x.services, service{s, d.Protocol(), ports})
		}
	}
	x.spans = union(x.spans)
	for _, protocol := range []alloc.Protocol{alloc.TCP, alloc.UDP} {
		if set, err := portset.NewSet(everywhere[protocol]...); err == nil { // an error means: none
			for r := range set.Ranges() {
				x.everywhere = append(x.everywhere, service{span{last: math.MaxUint32}, protocol, r})
			}
		}
	}
	if n := len(x.services) + len(x.everywhere); n > maxServices {
		return nil, refuse("no-translate lists %d destinations with ports, and %s would compare every new connection with all of them; "+
			"%d is the limit: list addresses without ports, or join port ranges", n, target, maxServices)
	}
	if len(x.everywhere) > 0 {
		for pool := range p.Pools() {
			x.outside = append(x.outside, spansOf(pool.OutsideRanges(), 0)...)
		}
		x.outside = union(x.outside)
	}
	return x, nil
}

// union returns the addresses of spans, ascending and joined. Of the result only the addresses mean something.
func union(spans []span) []span {
	slices.SortFunc(spans, func(a, b span) int { return cmp.Compare(a.first, b.first) })
	var out []span
	for _, s := range spans {
		if n := len(out) - 1; n >= 0 && uint64(s.first) <= uint64(out[n].last)+1 {
			out[n].last = max(out[n].last, s.last)
			continue
		}
		out = append(out, s)
	}
	return out
}

// refuseNoTranslate refuses plans with destinations that are not translated, for targets that translate everything.
func refuseNoTranslate(p *alloc.Plan, target string) error {
	if list := p.NoTranslate(); len(list) > 0 {
		return refuse("no-translate lists %d destinations, the first %v, and %s translates whatever a subscriber sends: "+
			"route those destinations around it and take them out of the plan", len(list), list[0], target)
	}
	return nil
}
