package ebpf

import (
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/cgnkit/cgnkit/alloc"
	"github.com/cgnkit/cgnkit/ebpf/internal/bpf"
)

// upcoming is what a record knows of policies beside those in force: what pools get that a later plan brings, or brings back.
type upcoming struct {
	Default bpf.CgnatCgnPolicy            `json:"default_policy"`
	Absent  map[string]bpf.CgnatCgnPolicy `json:"absent_policies,omitempty"` // of pools that the plan has no longer
}

// setPolicies sets the policies that c asks for; live is what there is, or nil.
func (r *record) setPolicies(c Config, live *generation) (err error) {
	if r.Policies, err = c.policies(); err != nil {
		return err
	}
	_, tick, err := tickShift()
	if err != nil {
		return err
	}
	r.Default = c.Policy.entry(tick)
	if !c.KeepPolicies || live == nil {
		return nil
	}
	if c.Policy == (Policy{}) {
		r.Default = live.record.Default
	}
	r.Absent = live.record.policiesByName(live.plan)
	for i, name := range poolNames(c.Plan) {
		had, ok := r.Absent[name]
		_, given := c.Policies[name]
		switch {
		case ok:
			r.Policies[i] = had
		case !given:
			r.Policies[i] = r.Default
		}
		delete(r.Absent, name)
	}
	maps.DeleteFunc(r.Absent, func(_ string, p bpf.CgnatCgnPolicy) bool { return p == r.Default })
	return nil
}

// policies returns the policies of the plan's pools.
func (c Config) policies() (entries []bpf.CgnatCgnPolicy, err error) {
	_, tick, err := tickShift()
	if err != nil {
		return nil, err
	}
	if err := c.Policy.check(); err != nil {
		return nil, err
	}
	names := poolNames(c.Plan)
	for _, name := range names {
		policy, ok := c.Policies[name]
		if !ok {
			policy = c.Policy
		}
		if err := policy.check(); err != nil {
			return nil, fmt.Errorf("pool %s: %w", name, err)
		}
		entries = append(entries, policy.entry(tick))
	}
	for _, name := range slices.Sorted(maps.Keys(c.Policies)) {
		if !slices.Contains(names, name) {
			return nil, fmt.Errorf("%w: policy of pool %s: the plan has no such pool", ErrPolicy, name)
		}
	}
	return entries, nil
}

// policiesByName returns all policies that a record has, where plan is its own.
func (r record) policiesByName(plan *alloc.Plan) map[string]bpf.CgnatCgnPolicy {
	all := make(map[string]bpf.CgnatCgnPolicy)
	maps.Copy(all, r.Absent)
	for i, name := range poolNames(plan) {
		all[name] = r.Policies[i]
	}
	return all
}

func poolNames(plan *alloc.Plan) (names []string) {
	for p := range plan.Pools() {
		names = append(names, p.Name())
	}
	return names
}

// samePolicies reports whether pools behave the same, those to come, too.
func (r record) samePolicies(other record) bool {
	return slices.Equal(r.Policies, other.Policies) && r.Default == other.Default && maps.Equal(r.Absent, other.Absent)
}

// fillPeers sets how many peers are kept where a release before that was recorded has left it out.
func fillPeers(p *bpf.CgnatCgnPolicy) {
	if p.Peers == 0 {
		p.Peers = uint32(bpf.CgnatCgnLimitCGN_PEERS)
	}
}

// fillDefault sets the default where a release before it was recorded has left it out, and the number of peers.
func (r *record) fillDefault() error {
	var err error
	if r.Default == (bpf.CgnatCgnPolicy{}) { // no policy is all zeros
		var tick time.Duration
		_, tick, err = tickShift()
		r.Default = Policy{}.entry(tick)
	}
	for i := range r.Policies {
		fillPeers(&r.Policies[i])
	}
	for name, p := range r.Absent {
		fillPeers(&p)
		r.Absent[name] = p
	}
	fillPeers(&r.Default)
	return err
}
