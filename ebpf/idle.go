package ebpf

import (
	"fmt"

	"github.com/cilium/ebpf"
	"github.com/cilium/ebpf/asm"
)

// An idle program leaves every packet to the host, as if none were attached. One is on an interface that a plan adds until that plan comes into force,
// and on one that it takes away as soon as it does: programs of two plans at once would each take ports that the other one's have given away.
const idleName = "cgn_idle"

// idle loads the idle program of a hook.
func (h hook) idle() (*ebpf.Program, error) {
	spec := &ebpf.ProgramSpec{Name: idleName, Type: ebpf.XDP, AttachType: ebpf.AttachXDP, License: "Dual BSD/GPL"}
	verdict := int32(2) // XDP_PASS
	if h.name == behindHook.name {
		spec.Type, spec.AttachType = ebpf.SchedCLS, ebpf.AttachTCXIngress
		verdict = -1 // TCX_NEXT
	}
	spec.Instructions = asm.Instructions{asm.Mov.Imm(asm.R0, verdict), asm.Return()}
	p, err := ebpf.NewProgram(spec)
	if err != nil {
		return nil, fmt.Errorf("load what stands in for the program %s: %w", h.name, loadError(err))
	}
	return p, nil
}

// attachIdle attaches the idle program.
func (s spot) attachIdle(path string) error {
	p, err := s.idle()
	if err != nil {
		return err
	}
	defer p.Close()
	return s.attachAs(p, path)
}

// rest makes the idle programs run on the links of g that next has not. Where an interface is gone, there is nothing to do.
func (g *generation) rest(next *generation) error {
	stays := make(map[string]bool)
	for _, s := range next.spots() {
		stays[s.pin()] = true
	}
	for _, s := range g.spots() {
		if stays[s.pin()] {
			continue
		}
		if err := g.restAt(s); err != nil {
			return err
		}
	}
	return nil
}

func (g *generation) restAt(s spot) error {
	l, err := g.openLink(s)
	if err != nil || l == nil {
		return err
	}
	defer l.Close()
	if _, live := s.alive(l); !live {
		return nil
	}
	p, err := s.idle()
	if err != nil {
		return err
	}
	defer p.Close()
	if err := l.Update(p); err != nil {
		return fmt.Errorf("update %s on %s, which is taken away: %w", s.name, s.on, err)
	}
	return nil
}
