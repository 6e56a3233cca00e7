//go:build linux

package ebpf

import (
	"encoding/binary"
	"errors"
	"net/netip"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/cilium/ebpf"
	"github.com/cilium/ebpf/link"

	"github.com/cgnkit/cgnkit/alloc"
	"github.com/cgnkit/cgnkit/ebpf/internal/bpf"
	"github.com/cgnkit/cgnkit/internal/netns"
	"github.com/cgnkit/cgnkit/internal/netnstest"
)

// verify returns the differences of the kernel from a plan.
func (s *site) verify(plan *alloc.Plan) (Verified, []string) {
	s.Helper()
	var found []string
	var misleading, release uint64
	v, err := in(s, func() (Verified, error) {
		d, err := Open("")
		if err != nil {
			return Verified{}, err
		}
		defer func() { _ = d.Close() }()
		return d.Verify(plan, func(d Difference) {
			found = append(found, d.String())
			if d.Misleading {
				misleading++
			}
			if d.OtherRelease {
				release++
			}
			if d.OtherRelease != strings.HasSuffix(d.String(), "; made by another release") || d.OtherRelease && d.Misleading {
				s.Errorf("%+v says %v", d, d)
			}
		})
	})
	if err != nil {
		s.Fatalf("%+v", err)
	}
	if v.Misleading != misleading || v.OtherRelease != release {
		s.Errorf("%d misleading and %d of another release were found, and counted: %+v", misleading, release, v)
	}
	if v.Differences != uint64(len(found)) {
		s.Errorf("%d differences were counted, and %d found", v.Differences, len(found))
	}
	return v, found
}

// What is loaded equals its plan, whatever the plan.
func TestVerifyEqual(t *testing.T) {
	t.Parallel()
	for name, pools := range map[string][]alloc.PoolSpec{
		"prefixes":   {samplePool},
		"everything": labPools(),
		"random":     {{Inside: spans("100.64.0.0/28"), Outside: spans("192.0.2.0/31"), SharingRatio: 8, Scheme: alloc.Random, KeyID: testKey.ID()}},
	} {
		plan := mustPlan(t, pools...)
		var v Verified
		err := netnstest.New(t).Do(func() error {
			d, err := Apply(Config{Plan: plan})
			if err != nil {
				return err
			}
			v, err = d.Verify(plan, func(d Difference) { t.Errorf("%s: %v", name, d) })
			return errors.Join(err, d.Close(), Remove(""))
		})
		if err != nil || v.Differences > 0 || v.Entries == 0 || len(v.Notes) > 0 {
			t.Errorf("%s: %+v, %v", name, v, err)
		}
	}
}

// Mappings of those who own the port are counted, in all protocols.
func TestVerifyMappings(t *testing.T) {
	plan := mustPlan(t, samplePool)
	s := newSite(t, Config{Plan: plan})
	echo := s.echo()
	s.flow(0, echo.Addr())
	s.flow(1, echo.Addr())
	s.flow(1, echo.Addr())
	if v, found := s.verify(plan); len(found) > 0 || v.Mappings != 3 {
		t.Errorf("%+v: %v", v, found)
	}
	v, found := s.verify(mustPlan(t, movedPool))
	if !slices.Contains(found, "plan: changed: "+plan.SHA256()+" is in force, not "+mustPlan(t, movedPool).SHA256()) {
		t.Errorf("with another plan: %v", found)
	}
	if v.Mappings != 1 || !slices.ContainsFunc(found, func(d string) bool {
		return strings.HasPrefix(d, "udp port ") && strings.Contains(d, "100.64.0.2:") && strings.HasSuffix(d, " has it, and the plan says: 100.64.0.3")
	}) {
		t.Errorf("with another plan: %+v: %v", v, found)
	}
}

// A tamper is what somebody may do to an instance, and what Verify says of it.
type tamper struct {
	name string
	do   func(s *site) error
	want string // matches the one difference
	// misleads says whether somebody else may have a port by it.
	misleads bool
}

// claimSlot makes 100.64.0.9:1234 the owner of a port of 100.64.0.0.
func claimSlot(s *site) error {
	m, err := s.d.generation.openMap("slots", s.d.generation.address(0))
	if err != nil {
		return err
	}
	defer m.Close()
	memory, err := m.Memory()
	if err != nil {
		return err
	}
	b := make([]byte, slotBytes)
	word := uint64(wireOrder(hostOrder(netip.MustParseAddr("100.64.0.9"))))<<32 | uint64(wirePort(1234))<<16
	binary.NativeEndian.PutUint64(b, word)
	binary.NativeEndian.PutUint32(b[8:], ^uint32(0)) // not seen for a long time, or about to be
	_, err = memory.WriteAt(b, int64(UDP)*planeBytes+2000*slotBytes)
	return err
}

// with opens a map, does something to it and closes it.
func with(s *site, kind string, name any, f func(*ebpf.Map) error) error {
	m, err := s.d.generation.openMap(kind, name)
	if err != nil {
		return err
	}
	defer m.Close()
	return f(m)
}

// spot returns where a program runs.
func (s *site) spot(h hook, inside bool) spot {
	name := map[bool]string{true: netns.InsideLink, false: netns.OutsideLink}[inside]
	for _, at := range s.d.generation.spots() {
		if at.name == h.name && at.on == name {
			return at
		}
	}
	s.Fatalf("no %s program on %s", h.name, name)
	return spot{}
}

func detachHook(h hook, inside bool) func(*site) error {
	return func(s *site) error {
		return detach(s.d.generation.at("links", s.spot(h, inside).pin()))
	}
}

// runOther puts the program of the outside onto the inside interface.
func runOther(s *site) error {
	g := s.d.generation
	p, err := g.openProgram(bpf.CgnatProgCgnOutside)
	if err != nil {
		return err
	}
	defer p.Close()
	l, err := link.LoadPinnedLink(g.at("links", s.spot(driverHook, true).pin()), nil)
	if err != nil {
		return err
	}
	defer l.Close()
	return l.Update(p)
}

func unpin(kind string, name any) func(*site) error {
	return func(s *site) error { return os.Remove(s.d.generation.at(kind, name)) }
}

var tampers = []tamper{
	{"a driver program is detached", detachHook(driverHook, true), `^xdp program on inside: missing: it was detached$`, false},
	{"a program behind the driver is detached", detachHook(behindHook, false), `^tcx program on outside: missing: it was detached$`, false},
	{"a link is unpinned", func(s *site) error {
		return os.Remove(s.d.generation.at("links", s.spot(driverHook, false).pin()))
	}, `^xdp program on outside: missing: its link is not pinned any longer$`, false},
	{"another program runs", runOther, `^xdp program on inside: changed: program \d+ runs there, not \d+$`, true},
	{"a program is unpinned", unpin("programs", bpf.CgnatProgCgnClaim), `^program cgn_claim: missing: it is not pinned any longer$`, true},
	{"a foreign owner is in a slot", claimSlot, `^udp port 2000 of 192.0.2.0: surplus: 100.64.0.9:1234 has it, and the plan says: 100.64.0.0$`, true},
	{"an inner map is deleted", func(s *site) error {
		return with(s, "maps", bpf.CgnatMapSlots, func(m *ebpf.Map) error { return m.Delete(uint32(2)) })
	}, `^slots of 192.0.2.2: missing: programs find none in row 2$`, false},
	{"accounts are exchanged", func(s *site) error {
		return with(s, "accounts", "192.0.2.3", func(other *ebpf.Map) error {
			return with(s, "maps", bpf.CgnatMapAccounts, func(m *ebpf.Map) error { return m.Put(uint32(1), other) })
		})
	}, `^accounts of 192.0.2.1: changed: programs find others in row 1 than those that are pinned$`, true},
	{"slots are unpinned", unpin("slots", "192.0.2.2"), `^slots of 192.0.2.2: missing: they are not pinned any longer$`, true},
	{"accounts are unpinned", unpin("accounts", "192.0.2.2"), `^accounts of 192.0.2.2: missing: they are not pinned any longer$`, false},
	{"a policy is changed", func(s *site) error {
		return with(s, "maps", bpf.CgnatMapPolicies, func(m *ebpf.Map) error { return m.Put(uint32(0), bpf.CgnatCgnPolicy{Udp: 1}) })
	}, `^map policies: changed: 1 of 1 entries differ, first: 0 has udp 1 instead of \d{3,}`, false},
	{"a map of the plan is unpinned", unpin("maps", bpf.CgnatMapRanges), `^map ranges: missing: it is not pinned any longer$`, true},
	{"counters are unpinned", unpin("maps", bpf.CgnatMapCounters), `^map counters: missing: it is not pinned any longer$`, false},
	{"an exit is closed", setExit(netns.InsideLink, false), `^map exits: changed: interface inside can send by XDP, and programs do not$`, false},
	{"an exit is opened", setExit("lo", true), `^map exits: changed: interface lo cannot send by XDP, and programs would send by it$`, false},
	{"an inside interface is taken for one of the outside", setBit(bpf.CgnatMapOutsides, netns.InsideLink, true), `^map outsides: changed: of interfaces 0 to 63, 0x[0-9a-f]+ are taken for those of the outside instead of 0x[0-9a-f]+$`, false},
	{"exits are unpinned", unpin("maps", bpf.CgnatMapExits), `^map exits: missing: it is not pinned any longer$`, false},
	{"a map of the plan is replaced", replaceRows, `^map rows: changed: (8 of 8 entries differ, first: 0 has addr 0\.0\.0\.0 instead of 192\.0\.2\.0|it can be written|no program uses the one that is pinned)`, true},
}

// replaceRows pins another map in place of that of the rows.
func replaceRows(s *site) error {
	path := s.d.generation.at("maps", bpf.CgnatMapRows)
	return with(s, "maps", bpf.CgnatMapRows, func(m *ebpf.Map) error {
		other, err := ebpf.NewMap(&ebpf.MapSpec{Type: ebpf.Array, KeySize: 4, ValueSize: m.ValueSize(), MaxEntries: m.MaxEntries(), Flags: m.Flags()})
		if err != nil {
			return err
		}
		defer other.Close()
		if err := os.Remove(path); err != nil {
			return err
		}
		return other.Pin(path)
	})
}

// What another release has made is counted apart, and what somebody did under it is not of that release. An interface that is gone gives a port
// to nobody; another plan does.
func TestVerifyBearings(t *testing.T) {
	t.Parallel()
	c := Config{Plan: mustPlan(t, samplePool)}
	s := newSite(t, c)
	s.release(strings.Repeat("0", len(bpf.Digest())))
	if v, found := s.verify(c.Plan); v.Differences != 1 || v.OtherRelease != 1 || v.Misleading != 0 {
		t.Errorf("of another release: %+v, %v", v, found)
	}
	for _, do := range []func(*site) error{
		unpin("programs", bpf.CgnatProgCgnClaim), unpin("maps", bpf.CgnatMapCounters), // which it may not have
		claimSlot, detachHook(behindHook, false),
	} {
		if _, err := in(s, func() (int, error) { return 0, do(s) }); err != nil {
			t.Fatal(err)
		}
	}
	if v, found := s.verify(c.Plan); v.Differences != 5 || v.OtherRelease != 3 || v.Misleading != 1 {
		t.Errorf("changed by somebody: %+v, %v", v, found)
	}
	s.apply(c)
	if v, found := s.verify(c.Plan); v.Differences != 0 {
		t.Errorf("after Apply: %+v, %v", v, found)
	}
	if v, found := s.verify(mustPlan(t, movedPool)); v.Misleading == 0 || v.OtherRelease > 0 {
		t.Errorf("with another plan: %+v, %v", v, found)
	}
	netnstest.Run(t, s.CGN, "ip", "link", "delete", netns.InsideLink)
	if v, found := s.verify(c.Plan); v.Differences == 0 || v.Misleading > 0 || v.OtherRelease > 0 {
		t.Errorf("without an interface: %+v, %v", v, found)
	}
}

// Whatever somebody does to an instance is named, and Apply repairs it.
func TestVerifyTampered(t *testing.T) {
	t.Parallel()
	c := Config{Plan: mustPlan(t, samplePool)}
	newSite(t, c).meddle(t, c, tampers)
}

// meddle does what somebody may do, one after the other, and looks whether Verify names it and Apply repairs it.
func (s *site) meddle(t *testing.T, c Config, tampers []tamper) {
	echo := s.echo()
	for _, test := range tampers {
		t.Run(test.name, func(t *testing.T) {
			if _, err := in(s, func() (int, error) { return 0, test.do(s) }); err != nil {
				t.Fatal(err)
			}
			v, found := s.verify(c.Plan)
			if len(found) == 0 {
				t.Fatal("nothing is found")
			}
			if (v.Misleading > 0) != test.misleads || v.OtherRelease > 0 {
				t.Errorf("%+v: misleading: %t", v, test.misleads)
			}
			for _, d := range found {
				if !regexp.MustCompile(test.want).MatchString(d) {
					t.Errorf("found %s", d)
				}
			}
			s.apply(c)
			if _, found := s.verify(c.Plan); len(found) > 0 {
				t.Errorf("after Apply: %v", found)
			}
			f, err := s.Subscribers[0].Dial(netns.Query{Remote: echo.Addr()})
			if err != nil {
				t.Fatal(err)
			}
			if seen, err := f.Ask(); err != nil || c.Plan.Trace(seen.Addr(), seen.Port()).Status() != alloc.Allocated {
				t.Errorf("the server sees %v, %v", seen, err)
			}
		})
	}
}
