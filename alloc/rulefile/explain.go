package rulefile

import (
	"fmt"
	"strings"

	"github.com/cgnkit/cgnkit/alloc"
)

// An Explanation says what Infer found, for people.
type Explanation struct {
	Shares int
	Pools  []Found
	Filled []alloc.AddrRange // subscribers of the plan whom the table does not name, ascending; none from Infer
	Offer  *Offer            // what InferFilled would find; nil where it would be the same
}

// An Offer is what InferFilled would find.
type Offer struct {
	Pools  int // that follow a scheme
	Listed int // shares that would be listed
	Filled int // subscribers whom the table does not name
}

// A Found is a pool that was found.
type Found struct {
	Name                          string
	Scheme                        alloc.Scheme
	Subscribers, Addresses        uint64
	SharingRatio, PortsEach, Tail int
	Usable                        string // ports that subscribers can have, without the reserved ones
	InsideRanges, OutsideRanges   int
}

func (x *Explanation) describe(plan *alloc.Plan) {
	for p := range plan.Pools() {
		f := Found{Name: p.Name(), Scheme: p.Scheme(), Subscribers: p.Subscribers(), Addresses: p.Addresses(), SharingRatio: p.SharingRatio(),
			PortsEach: p.PortsPerSubscriber(), Tail: p.TailPorts(), Usable: p.Usable().String()}
		for range p.InsideRanges() {
			f.InsideRanges++
		}
		for range p.OutsideRanges() {
			f.OutsideRanges++
		}
		x.Pools = append(x.Pools, f)
	}
}

// Lines returns the explanation as sentences, one a pool.
func (x *Explanation) Lines() []string {
	var out []string
	for _, f := range x.Pools {
		if f.Scheme == alloc.Explicit {
			out = append(out, fmt.Sprintf("pool %s: scheme explicit, %s on %s: their shares follow no scheme, and are listed one by one",
				f.Name, plural(f.Subscribers, "subscriber", "s"), plural(f.Addresses, "address", "es")))
			continue
		}
		usable := f.Usable
		if n := strings.Count(usable, ","); n > 3 {
			usable = fmt.Sprintf("%.60s... (%d ranges)", usable, n+1)
		}
		out = append(out, fmt.Sprintf("pool %s: scheme %v, %s on %s, sharing ratio 1:%d, %d ports each, usable %s, tail %d; %s, %s",
			f.Name, f.Scheme, plural(f.Subscribers, "subscriber", "s"), plural(f.Addresses, "address", "es"), f.SharingRatio, f.PortsEach, usable, f.Tail,
			plural(uint64(f.InsideRanges), "inside range", "s"), plural(uint64(f.OutsideRanges), "outside range", "s")))
	}
	return out
}

func plural(n uint64, one, more string) string {
	if n == 1 {
		return "1 " + one
	}
	return fmt.Sprintf("%d %s%s", n, one, more)
}
