package ebpf

import (
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"time"

	"github.com/cilium/ebpf"

	"github.com/cgnkit/cgnkit/ebpf/internal/bpf"
)

// A Status is what there is of an instance.
type Status struct {
	Instance   string
	SHA256     string    // of the plan in force
	Since      time.Time // when this state came into force
	Release    bool      // the programs are those of this release
	Interfaces []InterfaceStatus
	Pools      []PoolStatus
	Bytes      uint64 // memory of maps
	Counters   []Counter
}

// An InterfaceStatus is an interface that the instance was given.
type InterfaceStatus struct {
	Interface
	Inside bool
	// State is "up" where packets pass, otherwise "down" for an interface that is down, "gone" for one that does not exist any
	// longer, "detached" where a program of ours is missing, and "changed" where another one runs.
	State string
}

// A PoolStatus is how much of a pool is in use.
type PoolStatus struct {
	Name, Realm            string
	Subscribers, Addresses uint64
	Filtering              Filtering
	Policy                 Policy // in force: defaults are filled in, and MaxPorts stands for no limit
	TCP, UDP, ICMP         uint64 // mappings that live
}

// Status returns what there is. It reads every slot; see Mappings for what that takes.
func (d *Datapath) Status() (Status, error) {
	g := d.generation
	s := Status{Instance: d.folder.instance, SHA256: g.record.SHA256, Release: g.record.Object == bpf.Digest()}
	pin, err := os.Stat(fmt.Sprintf("/proc/self/fd/%d/meta", g.handle.Fd()))
	if err != nil {
		return s, fmt.Errorf("status of instance %s: %w", s.Instance, pinError(err))
	}
	s.Since = pin.ModTime().UTC()
	for _, step := range []func(*Status) error{d.interfaceStatus, d.poolStatus, d.addMemory} {
		if err := step(&s); err != nil {
			return s, fmt.Errorf("status of instance %s: %w", s.Instance, err)
		}
	}
	if s.Counters, err = d.Counters(); err != nil {
		return s, fmt.Errorf("status of instance %s: %w", s.Instance, err)
	}
	return s, nil
}

// Links returns the state of the interfaces that the instance was given. Unlike Status it reads no slot: it takes some calls an
// interface. The error wraps ErrChanged when another state is in force than when the instance was opened.
func (d *Datapath) Links() ([]InterfaceStatus, error) {
	if err := d.current(); err != nil {
		return nil, err
	}
	var s Status
	err := d.interfaceStatus(&s)
	return s.Interfaces, err
}

func (d *Datapath) interfaceStatus(s *Status) error {
	g := d.generation
	for _, a := range g.record.Links {
		state, err := g.stateOf(a)
		if err != nil {
			return err
		}
		s.Interfaces = append(s.Interfaces, InterfaceStatus{Interface{a.Name, a.Realm}, a.Inside, state})
	}
	return nil
}

// stateOf returns the state of an interface.
func (g *generation) stateOf(a attachment) (string, error) {
	link, err := net.InterfaceByIndex(a.Index)
	if err != nil {
		return "gone", nil //nolint:nilerr // which is the answer
	}
	for _, s := range g.spots() {
		if s.index != a.Index && s.index != a.Lead.Card {
			continue
		}
		if state, err := g.stateAt(s); state != "" || err != nil {
			return state, err
		}
	}
	if link.Flags&net.FlagUp == 0 {
		return "down", nil
	}
	return "up", nil
}

// stateAt says what is wrong with a spot, "" = nothing.
func (g *generation) stateAt(s spot) (string, error) {
	l, err := g.openLink(s)
	if err != nil {
		return "", permission(err)
	}
	if l == nil {
		return "detached", nil
	}
	defer l.Close()
	runs, ok := s.alive(l)
	if !ok {
		return "detached", nil
	}
	p, err := g.openProgram(s.program)
	if errors.Is(err, ErrChanged) {
		return "changed", nil
	}
	if err != nil {
		return "", err
	}
	defer p.Close()
	if runs != programID(p) {
		return "changed", nil
	}
	return "", nil
}

func (d *Datapath) poolStatus(s *Status) error {
	_, tick, err := tickShift()
	if err != nil {
		return err
	}
	for p := range d.generation.plan.Pools() {
		policy := policyOf(d.generation.record.Policies[len(s.Pools)], tick)
		s.Pools = append(s.Pools, PoolStatus{
			Name: p.Name(), Realm: p.Realm(), Subscribers: p.Subscribers(), Addresses: p.Addresses(), Filtering: policy.Filtering, Policy: policy,
		})
	}
	rows := d.generation.rowsByAddress()
	for m, err := range d.Mappings() {
		if err != nil {
			return err
		}
		p := &s.Pools[d.generation.tables.rows[rows[m.Outside.Addr()]].Pool]
		switch m.Protocol {
		case TCP:
			p.TCP++
		case UDP:
			p.UDP++
		default:
			p.ICMP++
		}
	}
	return nil
}

func (d *Datapath) addMemory(s *Status) (err error) {
	s.Bytes, err = d.Memory()
	return err
}

// Memory returns how many bytes the kernel keeps for the maps of the instance. It takes some 20 µs an outside address.
func (d *Datapath) Memory() (bytes uint64, err error) {
	for _, kind := range []string{"maps", "slots", "accounts"} {
		pins, err := filepath.Glob(fmt.Sprintf("/proc/self/fd/%d/%s/*", d.generation.handle.Fd(), kind))
		if err != nil {
			return 0, err
		}
		for _, pin := range pins {
			n, err := memoryOf(pin)
			if err != nil {
				return 0, err
			}
			bytes += n
		}
	}
	return bytes, nil
}

func memoryOf(pin string) (uint64, error) {
	m, err := ebpf.LoadPinnedMap(pin, nil)
	if err != nil {
		return 0, fmt.Errorf("open %s: %w", filepath.Base(pin), pinError(err))
	}
	defer m.Close()
	info, err := m.Info()
	if err != nil {
		return 0, fmt.Errorf("look at map %s: %w", filepath.Base(pin), permission(err))
	}
	n, _ := info.Memlock()
	return n, nil
}
