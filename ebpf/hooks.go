package ebpf

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

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

// A spot is a hook of an interface, and the program that runs there.
type spot struct {
	hook
	on      string // the name of the interface
	index   int
	program string
}

// pin returns the name of the link. It has the index, because names may be given anew.
func (s spot) pin() string { return strconv.Itoa(s.index) + "-" + s.name }

// spots returns where programs run, in the order in which they change: the outside first, then the inside. A plan that knows more
// addresses than another one can so translate back what the inside begins to send.
//
// Programs of the inside know the realm: there is one for each. The driver's program of a VLAN is on its card, once.
func (r record) spots(realms []string) (out []spot) {
	for _, inside := range []bool{false, true} {
		for _, a := range r.Links {
			for _, h := range hooks {
				if a.Inside != inside {
					continue
				}
				s := spot{hook: h, on: a.Name, index: a.Index, program: h.outside}
				switch {
				case r.Tagged && h.name == driverHook.name:
					s.index, s.program = a.Lead.Card, bpf.CgnatProgCgnTagged
				case a.Inside:
					s.program = realmProgram(h.inside, slices.Index(realms, a.Realm))
				}
				if !slices.ContainsFunc(out, func(o spot) bool { return o.pin() == s.pin() }) {
					out = append(out, s)
				}
			}
		}
	}
	return out
}

// realmProgram returns the name of the program for a realm, by its number in the plan.
func realmProgram(name string, realm int) string {
	if realm == 0 {
		return name
	}
	return fmt.Sprintf("%s-%d", name, realm)
}

// attachAs attaches a program, and pins the link.
func (s spot) attachAs(p *ebpf.Program, path string) error {
	l, err := s.attach(p, s.index)
	if err != nil {
		return fmt.Errorf("attach %s to %s: %w", s.name, s.on, attachError(err))
	}
	defer l.Close()
	return pinLink(l, path)
}

// alive reports whether a link still holds its interface.
func (s spot) alive(l link.Link) (programID ebpf.ProgramID, ok bool) {
	info, err := l.Info()
	if err != nil {
		return 0, false
	}
	return info.Program, linkIndex(info) == uint32(s.index)
}

// spots returns where the programs of a generation run.
func (g *generation) spots() []spot { return g.record.spots(g.plan.Realms()) }

// attached reports whether the programs of a generation run where its record says.
func (g *generation) attached() (bool, error) {
	for _, s := range g.spots() {
		if ok, err := g.attachedTo(s); !ok || err != nil {
			return false, err
		}
	}
	return true, nil
}

func (g *generation) attachedTo(s spot) (bool, error) {
	l, err := g.openLink(s)
	if err != nil || l == nil {
		return false, err
	}
	defer l.Close()
	p, err := g.openProgram(s.program)
	if err != nil {
		return false, err
	}
	defer p.Close()
	runs, live := s.alive(l)
	return live && runs == programID(p), nil
}

// programID returns the number of a program, 0 where it cannot be told. It is asked every second, and the kernel's file says it in
// a tenth of the time that the library takes for all that it finds out about a program.
func programID(p *ebpf.Program) ebpf.ProgramID {
	if text, err := os.ReadFile(fmt.Sprintf("/proc/self/fdinfo/%d", p.FD())); err == nil {
		for line := range strings.Lines(string(text)) {
			if number, ok := strings.CutPrefix(line, "prog_id:"); ok {
				if id, err := strconv.ParseUint(strings.TrimSpace(number), 10, 32); err == nil {
					return ebpf.ProgramID(id)
				}
			}
		}
	}
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
// others; it is told, as errGone, only where there is no other one.
func (g *generation) runOn() error {
	var lost error
	for _, s := range g.spots() {
		err := g.runAt(s)
		if errors.Is(err, errGone) {
			lost = errors.Join(lost, err)
		} else if err != nil {
			return err
		}
	}
	return lost
}

func (g *generation) runAt(s spot) error {
	l, err := g.openLink(s)
	if err != nil || l == nil {
		return err
	}
	defer l.Close()
	p, err := g.openProgram(s.program)
	if err != nil {
		return err
	}
	defer p.Close()
	runs, live := s.alive(l)
	if !live {
		return fmt.Errorf("%w: %s: %w", ErrInterface, s.on, errGone)
	}
	if runs == programID(p) {
		return nil
	}
	if err := l.Update(p); err != nil {
		return fmt.Errorf("update %s on %s: %w", s.name, s.on, err)
	}
	return nil
}

// detachAll detaches the programs of g where the generation live has none, those in the driver first: see removeGeneration. A link that
// only loses its pin is detached by the kernel some time later.
func (g *generation) detachAll(live *generation) error {
	stays := make(map[string]bool)
	for _, s := range live.spots() {
		stays[s.pin()] = true
	}
	for _, h := range []hook{driverHook, behindHook} {
		for _, s := range g.spots() {
			if s.name != h.name || stays[s.pin()] {
				continue
			}
			if err := detach(g.at("links", s.pin())); err != nil && !errors.Is(err, fs.ErrNotExist) {
				return fmt.Errorf("detach %s from %s: %w", s.name, s.on, err)
			}
		}
	}
	return nil
}

// sameLink reports whether two pins are of one link. A pin that is not there is of none.
func sameLink(a, b string) (bool, error) {
	var ids []link.ID
	for _, path := range []string{a, b} {
		l, err := link.LoadPinnedLink(path, nil)
		if errors.Is(err, fs.ErrNotExist) {
			return false, nil
		}
		if err != nil {
			return false, fmt.Errorf("open the link at %s: %w", path, err)
		}
		info, err := l.Info()
		_ = l.Close() // it stays pinned
		if err != nil {
			return false, fmt.Errorf("look at the link at %s: %w", path, err)
		}
		ids = append(ids, info.ID)
	}
	return ids[0] == ids[1], nil
}

// detachOthers detaches the programs of the generation at a path, whatever state it is in, where g has none, as detachAll does, or has lost its own.
// It reports whether there were such.
func (g *generation) detachOthers(path string) (more bool, err error) {
	stays := make(map[string]bool)
	for _, s := range g.spots() {
		stays[s.pin()] = true
	}
	for _, h := range []hook{driverHook, behindHook} {
		links, err := filepath.Glob(filepath.Join(path, "links", "*-"+h.name))
		if err != nil {
			return more, err
		}
		for _, l := range links {
			if name := filepath.Base(l); stays[name] {
				same, err := sameLink(l, g.at("links", name))
				if err != nil {
					return more, err
				}
				if same {
					continue
				}
			}
			more = true
			if err := detach(l); err != nil && !errors.Is(err, fs.ErrNotExist) {
				return more, fmt.Errorf("detach the link at %s: %w", l, err)
			}
		}
	}
	return more, nil
}
