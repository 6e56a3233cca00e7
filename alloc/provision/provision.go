package provision

import (
	"errors"
	"fmt"
	"slices"

	"github.com/cgnkit/cgnkit/alloc"
	"github.com/cgnkit/cgnkit/portset/softwire"
	"github.com/cgnkit/cgnkit/portset/softwire/s46"
)

// Errors to compare with errors.Is.
var (
	// ErrInexpressible means: the target cannot do what the plan says.
	ErrInexpressible = errors.New("cannot be expressed")
	// ErrInterface means: an interface or a relay agent is none, or two pools have the same.
	ErrInterface = errors.New("invalid interface")
)

func refuse(p *alloc.Pool, target, format string, args ...any) error {
	return fmt.Errorf("%w for %s: pool %q: %s", ErrInexpressible, target, p.Name(), fmt.Sprintf(format, args...))
}

// nothing says that a plan has no pool that a target serves.
func nothing(target string, kinds ...alloc.Kind) error {
	return fmt.Errorf("%w for %s: the plan has no pool of kind %v", ErrInexpressible, target, kinds)
}

// poolsOf returns the pools of some kinds.
func poolsOf(p *alloc.Plan, target string, kinds ...alloc.Kind) ([]*alloc.Pool, error) {
	var pools []*alloc.Pool
	for pool := range p.Softwires() {
		if slices.Contains(kinds, pool.Kind()) {
			pools = append(pools, pool)
		}
	}
	if len(pools) == 0 {
		return nil, nothing(target, kinds...)
	}
	return pools, nil
}

// container returns what DHCPv6 tells the routers of a MAP rule: that rule first, and all that forward.
func container(p *alloc.Pool, own *softwire.Rule) (s46.Option, error) {
	d := p.Domain()
	rules := []s46.Rule{s46.RuleOf(own)}
	for i := range d.Len() {
		if r := d.Rule(i); r.Forwarding() && r != own {
			rules = append(rules, s46.RuleOf(r))
		}
	}
	for i := range d.Len() {
		if r := d.Rule(i); (r == own || r.Forwarding()) && r.Spec().IID != softwire.IIDRFC7597 {
			return nil, refuse(p, "DHCPv6", "rule6 %v has interface identifiers of the drafts, which no option says", r.IPv6())
		}
	}
	if dmr, ok := d.DMR(); ok {
		return s46.MAPT{Rules: rules, DMR: s46.DMR{Prefix: dmr.Prefix()}}, nil
	}
	relay, _ := p.Relay() // a pool of kind map-e has one
	return s46.MAPE{Rules: rules, BRs: []s46.BR{{Addr: relay}}}, nil
}

// binding returns what DHCPv6 tells a B4.
func binding(p *alloc.Pool, b softwire.Binding) s46.Option {
	relay, _ := p.Relay() // a pool of kind lw4o6 has one
	bind := s46.BindOf(b)
	return s46.LW{Bind: &bind, BRs: []s46.BR{{Addr: relay}}}
}
