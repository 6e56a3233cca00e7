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

// A ruleOptions makes the options of the rules of a MAP pool.
type ruleOptions struct {
	pool    *alloc.Pool
	forward []s46.Rule // rules that forward, of which every router is told
	numbers []int      // of these
	drafts  *softwire.Rule
}

func optionsOf(p *alloc.Pool) *ruleOptions {
	m := &ruleOptions{pool: p}
	for i := range p.Domain().Len() {
		if r := p.Domain().Rule(i); r.Forwarding() {
			m.forward, m.numbers = append(m.forward, s46.RuleOf(r)), append(m.numbers, i)
			if m.drafts == nil && isDraft(r) {
				m.drafts = r
			}
		}
	}
	return m
}

func isDraft(r *softwire.Rule) bool { return r.Spec().IID != softwire.IIDRFC7597 }

// container returns what DHCPv6 tells the routers of a MAP rule: that rule first, and all that forward.
func (m *ruleOptions) container(own *softwire.Rule) (s46.Option, error) {
	drafts := m.drafts
	if isDraft(own) {
		drafts = own
	}
	if drafts != nil {
		return nil, refuse(m.pool, "DHCPv6", "rule6 %v has interface identifiers of the drafts, which no option says", drafts.IPv6())
	}
	rules := []s46.Rule{s46.RuleOf(own)}
	for i, r := range m.forward {
		if m.numbers[i] != own.Number() {
			rules = append(rules, r)
		}
	}
	if dmr, ok := m.pool.Domain().DMR(); ok {
		return s46.MAPT{Rules: rules, DMR: s46.DMR{Prefix: dmr.Prefix()}}, nil
	}
	relay, _ := m.pool.Relay() // a pool of kind map-e has one
	return s46.MAPE{Rules: rules, BRs: []s46.BR{{Addr: relay}}}, nil
}

// longest returns how many octets the longest option of the pool has, code and length with it, without that it is made.
func (m *ruleOptions) longest() int {
	size := func(o s46.Option) int {
		b, _ := s46.Append(nil, o) // what a plan has can be said
		return len(b)
	}
	all, more := 0, 0
	for _, r := range m.forward {
		all += size(r)
	}
	for i := range m.pool.Domain().Len() {
		if r := m.pool.Domain().Rule(i); !r.Forwarding() {
			more = max(more, size(s46.RuleOf(r)))
		}
	}
	if dmr, ok := m.pool.Domain().DMR(); ok {
		return 4 + all + more + size(s46.DMR{Prefix: dmr.Prefix()})
	}
	relay, _ := m.pool.Relay()
	return 4 + all + more + size(s46.BR{Addr: relay})
}

// binding returns what DHCPv6 tells a B4.
func binding(p *alloc.Pool, b softwire.Binding) s46.Option {
	relay, _ := p.Relay() // a pool of kind lw4o6 has one
	bind := s46.BindOf(b)
	return s46.LW{Bind: &bind, BRs: []s46.BR{{Addr: relay}}}
}
