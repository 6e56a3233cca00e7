//go:build linux

package nat44

import (
	"fmt"
	"slices"

	"github.com/cgnkit/cgnkit/alloc"
)

// Leftover returns how many conntrack entries have an outside endpoint that is not their subscriber's by rs, which is in force: another plan made
// them, and conntrack translates by them for as long as they live. Apply deletes those that it finds. Where a plan came and went by other means, as with
// nft -f, they stay. Those with outside addresses of former plans count, too, unless another instance has the addresses by now. It reads all flows of
// the namespace: about a second for a million.
func (k *Kernel) Leftover(rs *Ruleset, former ...*alloc.Plan) (flows int, err error) {
	s, err := k.leftover(rs, former)
	if err != nil {
		return 0, err
	}
	err = k.sock.flows(func(_ []byte, f flow) error {
		if s.leftover(f) {
			flows++
		}
		return nil
	})
	if err != nil {
		return 0, fmt.Errorf("list flows: %w", err)
	}
	return flows, nil
}

// ForgetLeftover deletes what Leftover counts, and returns how many there were. The error wraps ErrBusy while another process applies or removes an
// instance.
func (k *Kernel) ForgetLeftover(rs *Ruleset, former ...*alloc.Plan) (flows int, err error) {
	release, err := k.lock.acquire(rs.instance)
	if err != nil {
		return 0, err
	}
	defer release()
	s, err := k.leftover(rs, former)
	if err != nil {
		return 0, err
	}
	sha, err := k.InForce(rs.instance)
	if err != nil {
		return 0, err
	}
	if sha != rs.plan.SHA256() {
		return 0, fmt.Errorf("flows of instance %s stay: it has plan %.12s, and not plan %.12s", rs.instance, sha, rs.plan.SHA256())
	}
	return k.sock.forget(s.leftover)
}

// leftover returns what tells these flows.
func (k *Kernel) leftover(rs *Ruleset, former []*alloc.Plan) (*staleness, error) {
	s := &staleness{rs: rs, outside: slices.Clone(rs.outside), plans: append([]*alloc.Plan{rs.plan}, former...)}
	for _, plan := range former {
		for p := range plan.Pools() {
			s.outside = slices.AppendSeq(s.outside, p.OutsideRanges())
		}
	}
	s.outside = merge(s.outside)
	others, err := k.otherInstances(rs.instance)
	if err != nil {
		return nil, err
	}
	for _, o := range others {
		s.others = append(s.others, o.outside...)
	}
	s.others = merge(s.others)
	return s, nil
}

// leftover reports whether a flow is translated to an outside endpoint that its subscriber does not own, and one of the plans gives to somebody. What is
// not translated at all is nobody's doubt, and the guard drops its packets; nor is what somebody else's rules do with ports that are nobody's.
func (s *staleness) leftover(f flow) bool {
	return f.orig.src != f.reply.dst && !contains(s.others, f.reply.dst) && s.stale(f) && s.given(f)
}

// given reports whether one of the plans gives the outside endpoint of a flow to a subscriber: what has no ports, where the address is one subscriber's alone.
func (s *staleness) given(f flow) bool {
	return slices.ContainsFunc(s.plans, func(p *alloc.Plan) bool {
		if f.orig.proto == tcp || f.orig.proto == udp || f.orig.proto == icmp {
			return p.Trace(f.reply.dst, f.reply.dstPort).Status() == alloc.Allocated
		}
		for a := range p.Holders(f.reply.dst) {
			return a.Alone()
		}
		return false
	})
}
