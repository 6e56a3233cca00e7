package daemon

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/cgnkit/cgnkit/alloc"
	"github.com/cgnkit/cgnkit/ebpf"
)

// An xdp is an instance of the XDP backend.
type xdp struct {
	c        XDPConfig
	config   ebpf.Config // but for the plan
	files    [32]byte    // digest of what was read last
	loaded   bool
	applied  [32]byte // and of what was applied
	open     *ebpf.Datapath
	openings uint64 // how often it was opened: the state in force was another one each time
	glances  glances
	took     time.Duration // to prepare the last state
}

// XDP returns an instance of the XDP backend in the network namespace of the process.
func XDP(c XDPConfig) (Backend, error) {
	x := &xdp{c: c}
	if _, err := x.Reload(); err != nil {
		return nil, err
	}
	return x, nil
}

// Reload reads policies and keys.
func (x *xdp) Reload() (changed bool, err error) {
	c := ebpf.Config{Instance: x.c.Instance, Inside: x.c.Inside, Outside: x.c.Outside, KeepInterfaces: true, KeepPolicies: x.c.Policies == nil}
	h := sha256.New()
	if x.c.Policies != nil {
		var text []byte
		if c.Policy, c.Policies, text, err = x.c.Policies(); err != nil {
			return false, err
		}
		h.Write(text)
	}
	if x.c.Key != nil {
		if c.Key, err = x.c.Key(); err != nil {
			return false, err
		}
		h.Write(c.Key[:])
	}
	if c.Keys, err = x.c.Keys(); err != nil {
		return false, err
	}
	x.config = c
	h.Sum(x.files[:0])
	return x.loaded && x.files != x.applied, nil
}

// InForce costs some calls an interface, and every three seconds a look at the small maps. Another state than the one that is open is opened, which parses its plan.
func (x *xdp) InForce() (InForce, error) {
	for range 3 {
		if err := x.reopen(); err != nil {
			if errors.Is(err, ebpf.ErrNotLoaded) || errors.Is(err, ebpf.ErrDamaged) {
				return InForce{Mark: err.Error(), Links: x.links(nil)}, nil // Apply loads the one, and says what is to be done about the other
			}
			return InForce{}, err
		}
		links, err := x.open.Links()
		if errors.Is(err, ebpf.ErrChanged) {
			x.close()
			continue
		}
		if err != nil {
			return InForce{}, err
		}
		var b strings.Builder
		fmt.Fprint(&b, x.openings)
		for _, l := range links {
			fmt.Fprintf(&b, " %s=%s", l.Name, l.State)
		}
		err = x.glances.next(x.open)
		if errors.Is(err, ebpf.ErrChanged) {
			x.close()
			continue
		}
		if err != nil {
			return InForce{}, err
		}
		x.glances.appendTo(&b)
		return InForce{SHA256: x.open.Plan().SHA256(), Mark: b.String(), Links: x.links(links)}, nil
	}
	return InForce{}, fmt.Errorf("instance %s: %w", x.c.Instance, ebpf.ErrChanged)
}

func (x *xdp) reopen() (err error) {
	if x.open == nil {
		if x.open, err = ebpf.Open(x.c.Instance, x.config.Keys...); err != nil {
			x.open = nil
			return err
		}
		x.openings++
	}
	return nil
}

func (x *xdp) close() {
	if x.open != nil {
		_ = x.open.Close() // it is nil
		x.open, x.glances = nil, glances{}
	}
}

// To prepare a state is to have the kernel check the programs, and to make what new outside addresses need. Nobody else can change the
// instance meanwhile.
const (
	firstAhead = 10 * time.Second
	minAhead   = 5 * time.Second
	maxAhead   = 2 * time.Minute
)

func (x *xdp) Ahead() time.Duration {
	if x.took == 0 {
		return firstAhead
	}
	return min(max(2*x.took, minAhead), maxAhead)
}

func (x *xdp) Apply(plan *alloc.Plan, wait func() error) (out Applied, err error) {
	begun := time.Now()
	if out.Warnings, err = nftablesOverlaps(plan); err != nil {
		return out, err
	}
	c := x.config
	c.Plan = plan
	c.Step = func(what string) error {
		if what != ebpf.StepAttaching {
			return nil
		}
		x.took = time.Since(begun)
		if wait == nil {
			return nil
		}
		return wait()
	}
	change, err := ebpf.Preview(c)
	if err != nil {
		return out, err
	}
	d, err := ebpf.Apply(c)
	if err != nil {
		return out, err
	}
	x.close()
	x.open = d
	x.openings++
	x.applied, x.loaded = x.files, true
	out.Warnings = append(out.Warnings, change.Lacks...)
	out.Kept, out.Moved, out.Added, out.Removed = change.Kept, change.Moved, change.Added, change.Removed
	switch {
	case !change.Loaded:
		out.Way = "first load"
	case change.None():
		out.Way = "unchanged"
	case change.Repairs:
		out.Way = "repair"
	default:
		out.Way = "swap"
	}
	return out, nil
}

func (x *xdp) Verify(plan *alloc.Plan, found func(string)) (Verified, error) {
	if err := x.reopen(); err != nil {
		if errors.Is(err, ebpf.ErrNotLoaded) || errors.Is(err, ebpf.ErrDamaged) {
			found(err.Error())
			v := Verified{Differences: 1}
			if errors.Is(err, ebpf.ErrDamaged) { // programs may go on with what cannot be read
				v.Misleading = 1
			}
			return v, nil
		}
		return Verified{}, err
	}
	v, err := x.open.Verify(plan, func(d ebpf.Difference) { found(d.String()) })
	if errors.Is(err, ebpf.ErrChanged) {
		x.close()
	}
	return Verified{Differences: v.Differences, Misleading: v.Misleading, OtherRelease: v.OtherRelease, Notes: v.Notes}, err
}

// Leftover is none: a mapping is one of the state in which it was made, and whoever changes the plan takes along what is right by the next one only.
func (x *xdp) Leftover(*alloc.Plan, []*alloc.Plan, bool) (int, error) { return 0, nil }

func (x *xdp) Close() error {
	x.close()
	return nil
}
