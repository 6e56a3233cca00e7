//go:build linux

package ebpf

import (
	"net"
	"slices"
	"strings"
	"testing"

	"github.com/cilium/ebpf"

	"github.com/cgnkit/cgnkit/ebpf/internal/bpf"
	"github.com/cgnkit/cgnkit/internal/netnstest"
)

// setExit says whether the driver may send by an interface.
func setExit(name string, can bool) func(*site) error { return setBit(bpf.CgnatMapExits, name, can) }

// setBit puts an interface into a set of them, or takes it out.
func setBit(set, name string, in bool) func(*site) error {
	return func(s *site) error {
		ifc, err := net.InterfaceByName(name)
		if err != nil {
			return err
		}
		return with(s, "maps", set, func(m *ebpf.Map) error {
			var word uint64
			at, bit := uint32(ifc.Index)/64, uint64(1)<<(ifc.Index%64)
			if err := m.Lookup(at, &word); err != nil {
				return err
			}
			word &^= bit
			if in {
				word |= bit
			}
			return m.Put(at, word)
		})
	}
}

// links does something to the map of what frames belong to; a is the inside interface.
func links(f func(m *ebpf.Map, a attachment) error) func(*site) error {
	return func(s *site) error {
		return with(s, "maps", bpf.CgnatMapLinks, func(m *ebpf.Map) error { return f(m, s.d.generation.record.Links[0]) })
	}
}

// wireTampers are what somebody may do to what only the tagged program asks for.
var wireTampers = []tamper{
	{"a link is taken away", links(func(m *ebpf.Map, a attachment) error { return m.Delete(a.Lead.entry()) }), `^map links: missing: frames of interface inside are not known$`, false},
	{"a link changes sides", links(func(m *ebpf.Map, a attachment) error {
		return m.Put(a.Lead.entry(), bpf.CgnatCgnLink{Ifindex: uint32(a.Index)})
	}), `^map links: changed: frames of interface inside have inside 0 instead of 1$`, false},
	{"a link is added", links(func(m *ebpf.Map, a attachment) error {
		return m.Put(lead{Card: a.Index, Tags: 1, Tag: [maxTags]tag{{0x8100, 7}}}.entry(), bpf.CgnatCgnLink{Ifindex: uint32(a.Index)})
	}), `^map links: changed: frames with ifindex \d+, vid 0 7 are taken for those of interface inside, and it has none such$`, false},
	{"a link of subscribers is added", links(func(m *ebpf.Map, a attachment) error {
		return m.Put(lead{Card: a.Index, Tags: 1, Tag: [maxTags]tag{{0x8100, 7}}}.entry(), bpf.CgnatCgnLink{Ifindex: uint32(a.Index), Inside: 1})
	}), `^map links: changed: frames with ifindex \d+, vid 0 7 are taken for those of interface inside, and it has none such$`, true},
	{"a cable is added", func(s *site) error {
		return with(s, "maps", bpf.CgnatMapCables, func(m *ebpf.Map) error {
			return m.Put(uint32(s.d.generation.record.Links[0].Index), bpf.CgnatCgnCable{Ifindex: 1, Tags: 1})
		})
	}, `^map cables: changed: interface inside is no VLAN, and programs take it for one$`, false},
	{"links are unpinned", unpin("maps", bpf.CgnatMapLinks), `^map links: missing: it is not pinned any longer$`, true},
}

// What the tagged program knows of interfaces is compared, and Apply repairs it.
func TestVerifyWires(t *testing.T) {
	c := Config{Plan: mustPlan(t, samplePool), tagged: true}
	newSite(t, c).meddle(t, c, wireTampers)
}

// A VLAN is compared as the kernel has it now; who sends by one that is not known would lose packets.
func TestVerifyCables(t *testing.T) {
	entry := func(index int, vid uint16) (uint32, bpf.CgnatCgnCable) {
		return uint32(index), lead{Card: 2, Tags: 1, Tag: [maxTags]tag{{0x8100, vid}}}.cable()
	}
	s := newSite(t, Config{Plan: mustPlan(t, samplePool), tagged: true})
	index, cable := entry(100, 7)
	_, other := entry(100, 8)
	for name, test := range map[string]struct {
		have map[uint32]bpf.CgnatCgnCable
		sent bool // the driver sends by it
		want string
	}{
		"as it is":                {map[uint32]bpf.CgnatCgnCable{index: cable}, true, ""},
		"another VLAN":            {map[uint32]bpf.CgnatCgnCable{index: other}, true, "map cables: changed: interface vlan is reached by "},
		"not known":               {nil, true, "map cables: missing: how interface vlan is reached is not known"},
		"not known, and not used": {nil, false, ""},
		"one that is gone":        {map[uint32]bpf.CgnatCgnCable{index: cable, 101: cable}, true, ""},
	} {
		var found []string
		err := with(s, "maps", bpf.CgnatMapCables, func(m *ebpf.Map) error {
			for i, c := range test.have {
				if err := m.Put(i, c); err != nil {
					return err
				}
			}
			v := must(newVerifier(s.d.generation, s.d.Plan(), nil))
			c := wireCheck{
				verifier: v, want: wiring{cables: map[uint32]bpf.CgnatCgnCable{index: cable}},
				names: map[int]string{100: "vlan"}, exit: map[int]bool{100: test.sent},
			}
			err := c.cables()
			for _, d := range c.details {
				found = append(found, d.String())
			}
			for i := range test.have {
				_ = m.Delete(i)
			}
			return err
		})
		if err != nil || len(found) != min(1, len(test.want)) || (len(found) > 0 && !strings.HasPrefix(found[0], test.want)) {
			t.Errorf("%s: %q, %v; want %q", name, found, err, test.want)
		}
	}
}

// An interface that others make later is a note. From another network namespace interfaces are not looked at.
func TestVerifyNotes(t *testing.T) {
	c := Config{Plan: mustPlan(t, samplePool)}
	s := newSite(t, c)
	netnstest.Run(t, s.CGN, "ip", "link", "add", "late", "type", "veth", "peer", "name", "later")
	for _, name := range []string{"late", "later"} {
		netnstest.Run(t, s.CGN, "ip", "link", "set", name, "up")
	}
	netnstest.Run(t, s.CGN, "ethtool", "-K", "later", "gro", "on")
	v, found := s.verify(c.Plan)
	if len(found) > 0 || !slices.ContainsFunc(v.Notes, func(n string) bool { return strings.HasPrefix(n, "interface late was able") }) {
		t.Errorf("%+v, %v", v, found)
	}
	v, err := s.d.Verify(c.Plan, func(d Difference) { t.Errorf("from here: %v", d) })
	if err != nil || len(v.Notes) != 1 || !strings.Contains(v.Notes[0], "not the network namespace") {
		t.Errorf("from here: %+v, %v", v, err)
	}
	netnstest.Run(t, s.CGN, "ip", "link", "delete", "late")
	if v, found := s.verify(c.Plan); len(found) > 0 || len(v.Notes) > 0 {
		t.Errorf("after they are gone: %+v, %v", v, found)
	}
}

// Who could send only because a program of ours was on the other end, or on the card itself, is not sent by when that is gone.
func TestExitsAfterDetach(t *testing.T) {
	plan := mustPlan(t, samplePool)
	s := newSite(t, Config{Plan: plan})
	netnstest.Run(t, s.CGN, "ip", "link", "add", "second", "type", "veth", "peer", "name", "second-far")
	netnstest.Run(t, s.CGN, "ip", "link", "set", "second", "up")
	netnstest.Run(t, s.CGN, "ip", "link", "set", "second-far", "up")
	c := withLinks(Config{Plan: plan})
	c.Outside = append(c.Outside, Interface{Name: "second"})
	d, err := in(s, func() (*Datapath, error) { return Apply(c) })
	if err != nil {
		t.Fatal(err)
	}
	_ = d.Close()
	if _, found := s.verify(plan); len(found) > 0 {
		t.Errorf("with another interface: %v", found)
	}
	s.apply(Config{Plan: plan})
	if _, found := s.verify(plan); len(found) > 0 {
		t.Errorf("without it: %v", found)
	}
	if d, err = in(s, func() (*Datapath, error) { return Apply(c) }); err != nil {
		t.Fatal(err)
	}
	_ = d.Close()
	netnstest.Run(t, s.CGN, "ip", "link", "delete", "second")
	s.apply(Config{Plan: plan})
	if _, found := s.verify(plan); len(found) > 0 {
		t.Errorf("after it was deleted: %v", found)
	}
}
