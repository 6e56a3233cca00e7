package ebpf

import (
	"errors"
	"fmt"
	"slices"
	"strconv"

	"github.com/cilium/ebpf"
	"github.com/cilium/ebpf/link"

	"github.com/cgnkit/cgnkit/ebpf/internal/bpf"
)

// A hook is a place on an interface where a program of ours runs.
type hook struct {
	name            string
	inside, outside string // programs
	attach          func(*ebpf.Program, int) (link.Link, error)
}

var (
	// behindHook is behind the driver, for what the driver cannot do.
	behindHook = hook{"tcx", bpf.CgnatProgCgnInsideSlow, bpf.CgnatProgCgnOutsideSlow, attachBehind}
	driverHook = hook{"xdp", bpf.CgnatProgCgnInside, bpf.CgnatProgCgnOutside, attachDriver}
	// hooks are in the order in which they are attached: until there is a program behind the driver, what the driver leaves to
	// it would go on untranslated.
	hooks = []hook{behindHook, driverHook}
)

// pin returns the name of the link on an interface. It has the index, because names may be given anew.
func (h hook) pin(a attachment) string { return strconv.Itoa(a.Index) + "-" + h.name }

// program returns the name of the program for an interface. Those of the inside know the realm: there is one for each.
func (h hook) program(a attachment, realms []string) string {
	if !a.Inside {
		return h.outside
	}
	return realmProgram(h.inside, slices.Index(realms, a.Realm))
}

// realmProgram returns the name of the program for a realm, by its number in the plan.
func realmProgram(name string, realm int) string {
	if realm == 0 {
		return name
	}
	return fmt.Sprintf("%s-%d", name, realm)
}

// attachTo attaches a program.
func (h hook) attachTo(a attachment, p *ebpf.Program) (link.Link, error) {
	l, err := h.attach(p, a.Index)
	if err != nil {
		return nil, fmt.Errorf("attach %s to %s: %w", h.name, a.Name, attachError(err))
	}
	return l, nil
}

// alive reports whether a link still holds its interface.
func alive(l link.Link, a attachment) (programID ebpf.ProgramID, ok bool) {
	info, err := l.Info()
	if err != nil {
		return 0, false
	}
	return info.Program, linkIndex(info) == uint32(a.Index)
}

// inOrder calls f for every hook of every interface: the outside first, then the inside. A plan that knows more addresses than
// another one can so translate back what the inside begins to send.
func (r record) inOrder(f func(attachment, hook) error) error {
	for _, inside := range []bool{false, true} {
		for _, a := range r.Links {
			for _, h := range hooks {
				if a.Inside != inside {
					continue
				}
				if err := f(a, h); err != nil {
					return err
				}
			}
		}
	}
	return nil
}

// attached reports whether the programs of a generation run where its record says.
func (g *generation) attached() (bool, error) {
	ok := true
	err := g.record.inOrder(func(a attachment, h hook) error {
		l, err := g.openLink(a, h)
		if err != nil || l == nil {
			ok = false
			return err
		}
		defer l.Close()
		p, err := g.openProgram(h.program(a, g.plan.Realms()))
		if err != nil {
			return err
		}
		defer p.Close()
		runs, live := alive(l, a)
		ok = ok && live && runs == programID(p)
		return nil
	})
	return ok, err
}

func programID(p *ebpf.Program) ebpf.ProgramID {
	info, err := p.Info()
	if err != nil {
		return 0
	}
	id, _ := info.ID()
	return id
}

// errGone means: the interface of a link is gone.
var errGone = errors.New("the interface is gone")

// runOn makes the programs of g run on the links of g. Where the interface of one is gone, that is an error, but not for the
// others.
func (g *generation) runOn() error {
	var lost error
	err := g.record.inOrder(func(a attachment, h hook) error {
		l, err := g.openLink(a, h)
		if err != nil || l == nil {
			return err
		}
		defer l.Close()
		p, err := g.openProgram(h.program(a, g.plan.Realms()))
		if err != nil {
			return err
		}
		defer p.Close()
		runs, live := alive(l, a)
		if !live {
			lost = errors.Join(lost, fmt.Errorf("%w: %s: %w", ErrInterface, a.Name, errGone))
			return nil
		}
		if runs == programID(p) {
			return nil
		}
		if err := l.Update(p); err != nil {
			return fmt.Errorf("update %s on %s: %w", h.name, a.Name, err)
		}
		return nil
	})
	return errors.Join(err, lost)
}
