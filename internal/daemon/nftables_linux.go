package daemon

import (
	"errors"
	"fmt"
	"os"
	"sync"
	"time"

	"github.com/cgnkit/cgnkit/alloc"
	"github.com/cgnkit/cgnkit/ebpf"
	"github.com/cgnkit/cgnkit/nat44"
)

// A nftables is an instance of the nftables backend.
type nftables struct {
	instance nat44.Instance
	kernel   *nat44.Kernel
	routes   *nat44.RouteWatch

	seen       bool // the four below are right
	generation uint32
	changes    uint64 // of routes
	inForce    InForce
	rules      *nat44.Ruleset // of the plan that was applied or compared last
}

// Nftables returns an instance of the nftables backend in the network namespace of the calling thread.
func Nftables(instance string) (Backend, error) {
	in, err := nat44.ParseInstance(instance)
	if err != nil {
		return nil, err
	}
	k, err := nat44.Open()
	if err != nil {
		return nil, err
	}
	w, err := nat44.WatchRoutes(in)
	if err != nil {
		k.Close()
		return nil, err
	}
	return &nftables{instance: in, kernel: k, routes: w}, nil
}

// InForce costs one message while nobody changes nf_tables, nor the routes of the instance.
func (n *nftables) InForce() (InForce, error) {
	g, err := n.kernel.Generation()
	if err != nil {
		return InForce{}, err
	}
	changes, err := n.routes.Changes()
	if err != nil || n.seen && g == n.generation && changes == n.changes {
		return n.inForce, err
	}
	sha, err := n.kernel.InForce(n.instance)
	if err != nil {
		return InForce{}, err
	}
	n.seen, n.generation, n.changes = true, g, changes
	n.inForce = InForce{SHA256: sha, Mark: fmt.Sprintf("%d, routes %d", g, changes), Exact: true}
	return n.inForce, nil
}

func (n *nftables) ruleset(plan *alloc.Plan) (*nat44.Ruleset, error) {
	if n.rules == nil || n.rules.Plan() != plan {
		rs, err := nat44.NewRuleset(plan, n.instance)
		if err != nil {
			return nil, err
		}
		n.rules = rs
	}
	return n.rules, nil
}

// nftablesAhead is for parsing a plan and making its ruleset. The change itself is made at the instant, as a transaction has to be made of
// what the kernel has just then.
const nftablesAhead = 2 * time.Second

func (n *nftables) Ahead() time.Duration { return nftablesAhead }

func (n *nftables) Apply(plan *alloc.Plan, wait func() error) (out Applied, err error) {
	rs, err := n.ruleset(plan)
	if err != nil {
		return out, err
	}
	if out.Warnings, err = xdpOverlaps(plan); err != nil {
		return out, err
	}
	if wait != nil {
		if err := wait(); err != nil {
			return out, err
		}
	}
	r, err := n.kernel.Apply(rs, nat44.ApplyOptions{})
	out.Warnings = append(out.Warnings, r.Warnings...)
	out.Way, out.Kept, out.Moved, out.Added, out.Removed = r.Way.String(), r.Kept, r.Moved, r.Added, r.Removed
	return out, err
}

func (n *nftables) Verify(plan *alloc.Plan, found func(string)) (Verified, error) {
	rs, err := n.ruleset(plan)
	if err != nil {
		return Verified{}, err
	}
	v, err := n.kernel.Verify(rs, func(d nat44.Difference) { found(d.String()) })
	return Verified{Differences: v.Differences, Misleading: v.Misleading, OtherRelease: v.OtherRelease, Notes: v.Notes}, err
}

func (n *nftables) Leftover(plan *alloc.Plan, former []*alloc.Plan, forget bool) (flows int, err error) {
	rs, err := n.ruleset(plan)
	if err != nil {
		return 0, err
	}
	if !forget {
		return n.kernel.Leftover(rs, former...)
	}
	flows, err = n.kernel.ForgetLeftover(rs, former...)
	if errors.Is(err, nat44.ErrBusy) {
		err = fmt.Errorf("%w: %w", errGivenUp, err)
	}
	return flows, err
}

func (n *nftables) Reload() (bool, error) { return false, nil }

func (n *nftables) Close() error {
	n.kernel.Close()
	n.routes.Close()
	return nil
}

// The two backends know nothing of each other. An outside address belongs to an instance of one of them.

// errOverlap says that the other backend has outside addresses of a plan by another plan.
var errOverlap = errors.New("addresses belong to an instance of the other backend")

// overlapsUnseen keeps the daemon from saying at every apply what cannot change.
var overlapsUnseen sync.Once

func overlap(backend, instance, where, sha string, plan *alloc.Plan) (warning string, err error) {
	if sha != plan.SHA256() {
		return "", fmt.Errorf("%w: instance %s of backend %s has %s by another plan; cgnctl remove --backend %s --instance %s takes it away",
			errOverlap, instance, backend, where, backend, instance)
	}
	return fmt.Sprintf("instance %s of backend %s has the same plan: packets on the interfaces of XDP are translated there and nowhere else", instance, backend), nil
}

func xdpOverlaps(plan *alloc.Plan) (warnings []string, err error) {
	over, err := ebpf.Overlaps(plan)
	if errors.Is(err, ebpf.ErrMount) || errors.Is(err, ebpf.ErrKernel) || errors.Is(err, os.ErrPermission) || errors.Is(err, ebpf.ErrPermission) {
		overlapsUnseen.Do(func() {
			warnings = append(warnings, "whether an instance of backend xdp has the same addresses was not looked at: "+err.Error())
		})
		return warnings, nil
	}
	if err != nil {
		return nil, err
	}
	for _, o := range over {
		w, err := overlap("xdp", o.Instance, "outside address "+o.Address.String(), o.SHA256, plan)
		if err != nil {
			return nil, err
		}
		warnings = append(warnings, w)
	}
	return warnings, nil
}

func nftablesOverlaps(plan *alloc.Plan) (warnings []string, err error) {
	k, err := nat44.Open()
	if errors.Is(err, nat44.ErrUnsupported) || errors.Is(err, os.ErrPermission) {
		overlapsUnseen.Do(func() {
			warnings = append(warnings, "whether an instance of backend nftables has the same addresses was not looked at: "+err.Error())
		})
		return warnings, nil
	}
	if err != nil {
		return nil, err
	}
	defer k.Close()
	over, err := k.Overlaps(plan)
	if err != nil {
		return nil, err
	}
	for _, o := range over {
		w, err := overlap("nftables", o.Instance.String(), "outside addresses in "+o.Range.String(), o.SHA256, plan)
		if err != nil {
			return nil, err
		}
		warnings = append(warnings, w)
	}
	return warnings, nil
}
