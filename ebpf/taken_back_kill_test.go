//go:build linux

package ebpf

import (
	"errors"
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/cgnkit/cgnkit/alloc"
	"github.com/cgnkit/cgnkit/ebpf/internal/bpf"
	"github.com/cgnkit/cgnkit/internal/netns"
	"github.com/cgnkit/cgnkit/internal/netnstest"
)

// diesChanging runs an Apply that is killed where it would change over, after f.
func (s *site) diesChanging(c Config, f func()) {
	s.Helper()
	const killed = "killed"
	c.Step = func(what string) error {
		if what == "changing over" {
			f()
			panic(killed)
		}
		return nil
	}
	_, err := in(s, func() (d *Datapath, err error) {
		defer func() {
			if p := recover(); p != killed {
				s.Fatal(p)
			}
		}()
		return Apply(c)
	})
	if err != nil {
		s.Fatal(err)
	}
}

// Who is killed while it takes back what was begun, after whatever part of that, has it taken back to the end by the next one: what was in force
// stays, also where the next state has another interface in the place of one, and nobody keeps a port of somebody else.
func TestKilledWhileTakingBack(t *testing.T) {
	old, next := mustPlan(t, samplePool), mustPlan(t, movedPool)
	moved := ad("100.64.0.100")
	s := newSite(t, Config{Plan: old})
	s.addExtra()
	flow, seen := s.flow(0, s.echo().Addr())
	instead := withLinks(Config{Plan: next})
	instead.Inside = []Interface{{Name: extraLink}}
	f := s.d.folder
	for what, c := range map[string]struct {
		Config
		ran *alloc.Plan
	}{
		"an interface that is added":    {withExtra(Config{Plan: next}), nil},
		"another one in its place":      {instead, nil},
		"the same, after programs ran":  {withLinks(Config{Plan: next}), next},
		"added, and after programs ran": {withExtra(Config{Plan: next}), next},
	} {
		for n := range f.takingBack(s.d.generation, c.ran) {
			what := fmt.Sprintf("%s, killed after step %d", what, n)
			s.diesChanging(c.Config, func() {
				s.claimNext(next, moved)
				for _, step := range f.takingBack(s.d.generation, c.ran)[:n+1] {
					if err := step(); err != nil {
						t.Fatal(err)
					}
				}
			})
			s.isTakenBack(what, old, flow, seen)
		}
	}
}

// Where nothing was in force before, nothing is in force after that, either, and the next apply begins anew.
func TestKilledWhileTakingBackTheFirst(t *testing.T) {
	plan := mustPlan(t, samplePool)
	s := newSite(t, Config{Plan: plan})
	f := s.d.folder
	_ = s.d.Close()
	for n := range f.takingBack(nil, nil) {
		if _, err := in(s, func() (int, error) { return 0, Remove("") }); err != nil {
			t.Fatal(err)
		}
		s.diesChanging(withLinks(Config{Plan: plan}), func() {
			for _, step := range f.takingBack(nil, nil)[:n+1] {
				if err := step(); err != nil {
					t.Fatal(err)
				}
			}
		})
		if _, err := in(s, func() (*Datapath, error) { return Open("") }); !errors.Is(err, ErrNotLoaded) {
			t.Errorf("killed after step %d: %v; want %v", n, err, ErrNotLoaded)
		}
		d, err := in(s, func() (*Datapath, error) { return Apply(withLinks(Config{Plan: plan})) })
		if err != nil {
			t.Fatal(err)
		}
		s.d = d
		if _, found := s.verify(plan); len(found) > 0 {
			t.Errorf("killed after step %d: %q", n, found)
		}
		_ = d.Close()
	}
}

// isTakenBack opens what is there, and compares.
func (s *site) isTakenBack(what string, old *alloc.Plan, flow *netns.Flow, seen netip.AddrPort) {
	s.Helper()
	d, err := in(s, func() (*Datapath, error) { return Open("") })
	if err != nil {
		s.Fatal(err)
	}
	_ = s.d.Close()
	s.d = d
	if d.Plan().SHA256() != old.SHA256() {
		s.Errorf("%s: another plan is in force", what)
	}
	if _, found := s.verify(old); len(found) > 0 {
		s.Errorf("%s: %q", what, found)
	}
	if again, err := flow.Ask(); err != nil || again != seen {
		s.Errorf("%s: the server sees %v, %v; want %v", what, again, err, seen)
	}
	if _, err := os.Stat(d.folder.next()); !errors.Is(err, os.ErrNotExist) {
		s.Errorf("%s: %s is left: %v", what, d.folder.next(), err)
	}
}

// What is taken back while the state in force is damaged is gone after that, and an apply repairs the rest.
func TestTakenBackToWhatIsDamaged(t *testing.T) {
	stopped := errors.New("stopped")
	old, next := mustPlan(t, samplePool), mustPlan(t, movedPool)
	for _, gone := range []string{
		"programs/" + bpf.CgnatProgCgnEvict, "programs/" + bpf.CgnatProgCgnTidy, "maps/" + bpf.CgnatMapAccounts, "accounts/*", "slots/*", "links",
	} {
		s := newSite(t, Config{Plan: old})
		s.addExtra()
		c := withExtra(Config{Plan: next})
		if gone == "links" {
			c = withLinks(Config{Plan: next})
			for _, spot := range s.d.generation.spots() {
				if err := detach(s.d.generation.at("links", spot.pin())); err != nil {
					t.Fatal(err)
				}
			}
		} else if err := os.Remove(must(filepath.Glob(filepath.Join(s.d.folder.live(), gone)))[0]); err != nil {
			t.Fatal(err)
		}
		c.Step = func(what string) error {
			if what != "changing over" {
				return nil
			}
			s.claimNext(next, ad("100.64.0.100"))
			return stopped
		}
		if _, err := in(s, func() (*Datapath, error) { return Apply(c) }); !errors.Is(err, stopped) {
			t.Errorf("%s: %v; want %v", gone, err, stopped)
		}
		if _, err := os.Stat(s.d.folder.next()); !errors.Is(err, os.ErrNotExist) {
			t.Errorf("%s: %s is left: %v", gone, s.d.folder.next(), err)
		}
		if gone == "links" { // nothing of theirs is left, also before that is repaired
			if _, found := s.verify(old); slices.ContainsFunc(found, func(d string) bool { return !strings.Contains(d, "it was detached") }) {
				t.Errorf("%s: %q", gone, found)
			}
		}
		d, err := in(s, func() (*Datapath, error) { return Apply(withLinks(Config{Plan: old})) })
		if err != nil {
			t.Errorf("%s: %v", gone, err)
			continue
		}
		_ = s.d.Close()
		s.d = d
		if _, found := s.verify(old); len(found) > 0 {
			t.Errorf("%s: %q", gone, found)
		}
	}
}

// Who has an address alone is known by the plan that stays, also where programs of the one that is taken back have noted somebody else, or the
// address is shared in one of the two.
func TestAloneTakenBack(t *testing.T) {
	stopped := errors.New("stopped")
	alone := alloc.PoolSpec{Inside: spans("100.64.0.0/28"), Outside: spans("192.0.2.0/28"), SharingRatio: 1}
	swapped, shared := alone, alone
	swapped.Inside, shared.SharingRatio = spans("100.64.0.1 100.64.0.0 100.64.0.2-100.64.0.15"), 4
	for what, plans := range map[string][2]alloc.PoolSpec{"swapped": {alone, swapped}, "was shared": {shared, alone}, "was alone": {alone, shared}} {
		old, next := mustPlan(t, plans[0]), mustPlan(t, plans[1])
		s := newSite(t, Config{Plan: old})
		s.addExtra()
		c := withExtra(Config{Plan: next})
		c.Step = func(what string) error {
			if what != "changing over" {
				return nil
			}
			g, err := openGeneration(s.d.folder.next())
			if err == nil {
				defer g.close()
				err = g.understand(next, nil)
			}
			if err == nil {
				err = g.noteAgain() // as programs do, with the first packet of a subscriber
			}
			return errors.Join(err, stopped)
		}
		if _, err := in(s, func() (*Datapath, error) { return Apply(c) }); !errors.Is(err, stopped) {
			t.Fatal(err)
		}
		if _, found := s.verify(old); len(found) > 0 {
			t.Errorf("%s: %q", what, found)
		}
	}
}

// Mappings that are not at home are found again when a plan is taken back by whose programs their inside ports had others, also where what is
// in force is damaged at that, and repaired afterwards.
func TestDisplacedTakenBack(t *testing.T) {
	pool := func(inside string) *alloc.Plan {
		return mustPlan(t, alloc.PoolSpec{Name: "p", Inside: spans(inside), Outside: spans("198.51.100.0"), PortsPerSubscriber: 64})
	}
	old, next := pool("100.64.0.0-100.64.0.15"), pool("100.64.0.1 100.64.0.0 100.64.0.2-100.64.0.15")
	who := ad("100.64.0.1")
	for _, c := range []struct {
		hold time.Duration
		gone string
	}{
		{0, ""}, {2 * time.Minute, ""}, {0, "programs/" + bpf.CgnatProgCgnEvict}, {0, "programs/" + bpf.CgnatProgCgnTidy}, {0, "maps/" + bpf.CgnatMapAccounts},
	} {
		what := fmt.Sprintf("hold %v, %q is missing", c.hold, c.gone)
		config := Config{Plan: old, Policy: Policy{Hold: c.hold}}
		l := newLab(t, config)
		away := l.wandering(who)
		if c.gone != "" {
			if err := os.Remove(filepath.Join(l.d.folder.live(), c.gone)); err != nil {
				t.Fatal(err)
			}
		}
		if err := l.ns.Do(func() error { return l.givesUp(Config{Plan: next, Policy: config.Policy, Key: l.d.Key()}, away) }); err != nil {
			t.Fatal(err)
		}
		if c.gone != "" {
			config.Key = l.d.Key()
			l.replan(config)
		}
		l.stay(what, away)
		if n := l.used(who); c.gone == "" && n != len(away) {
			t.Errorf("%s: %d ports are in use, want %d", what, n, len(away))
		}
	}
}

// So are they in a change that comes into force, where somebody who moves was seen by new programs first, and then by old ones.
func TestDisplacedByBothSides(t *testing.T) {
	pool := func(inside string) *alloc.Plan {
		return mustPlan(t, alloc.PoolSpec{Name: "p", Inside: spans(inside), Outside: spans("198.51.100.0"), PortsPerSubscriber: 64})
	}
	old, next := pool("100.64.0.0-100.64.0.15"), pool("100.64.0.1 100.64.0.0 100.64.0.2-100.64.0.15")
	l := newLab(t, Config{Plan: old})
	live := l.d.generation
	var all []Mapping
	claim := func(g *generation, plan *alloc.Plan, inside, outside int) {
		p := must(g.openProgram(bpf.CgnatProgCgnClaim))
		defer func() { _ = p.Close() }()
		m := Mapping{Protocol: UDP, Inside: netip.AddrPortFrom(ad("100.64.0.1"), uint16(inside))}
		share := must(plan.Lookup(alloc.SubscriberFrom("", m.Inside.Addr())))
		m.Outside = netip.AddrPortFrom(share.Outside(), share.Ports().First()+uint16(outside))
		if _, err := (&claimer{p, plan.Realms()}).claim(bpf.CgnatCgnClaimKindCGN_CLAIM_RESTORE, m); err != nil {
			t.Fatal(err)
		}
		if g != live {
			all = append(all, m)
		}
	}
	l.replan(Config{Plan: next, Key: l.d.Key(), Step: func(what string) error {
		if what != "ending what was before" {
			return nil
		}
		g, err := openGeneration(l.d.folder.live())
		if err == nil {
			defer g.close()
			err = g.understand(next, nil)
		}
		if err != nil {
			return err
		}
		for i := range 20 {
			claim(g, next, 5000+i, i)
			claim(live, old, 5000+i, i+20)
		}
		return nil
	}})
	for _, m := range all {
		got := l.run(fromInside, udp(m.Inside, server, "x").frame())
		if got.verdict != outbound || sourceOf(got.frame) != m.Outside {
			t.Errorf("%v: %v as %v, want %v", m.Inside, got.verdict, sourceOf(got.frame), m.Outside)
		}
	}
}

// givesUp makes another generation, whose programs give the inside ports of some mappings others, the first that are free, and takes it back.
func (l *lab) givesUp(c Config, mappings []Mapping) error {
	live, f := l.d.generation, l.d.folder
	r, err := newRecord(c, live)
	if err != nil {
		return err
	}
	b, err := build(f.next(), r, live, c)
	if err != nil {
		return err
	}
	defer b.close()
	p, err := b.openProgram(bpf.CgnatProgCgnClaim)
	if err != nil {
		return err
	}
	defer p.Close()
	claims := &claimer{p, c.Plan.Realms()}
	for _, m := range mappings {
		share, err := c.Plan.Lookup(alloc.SubscriberFrom("", m.Inside.Addr()))
		if err != nil {
			return err
		}
		taken := ErrTaken
		for port := share.Ports().First(); errors.Is(taken, ErrTaken); port++ {
			m.Outside = netip.AddrPortFrom(share.Outside(), port)
			_, taken = claims.claim(bpf.CgnatCgnClaimKindCGN_CLAIM_RESTORE, m)
		}
		if taken != nil {
			return taken
		}
	}
	steps := f.takingBack(live, c.Plan)
	last := len(steps) - 1
	for _, step := range append(steps[:last-1], steps[last]) { // not closeExits: the exits of a lab are no interfaces
		if err := step(); err != nil {
			return err
		}
	}
	return nil
}

// A link that refuses its programs is an error, and the change is taken back, also where the interface of another link is gone.
func TestRefusedAndGone(t *testing.T) {
	old, next := mustPlan(t, samplePool), mustPlan(t, movedPool)
	s := newSite(t, Config{Plan: old})
	s.addExtra()
	c := withLinks(Config{Plan: old})
	c.Outside = append([]Interface{{Name: extraLink}}, c.Outside...)
	d, err := in(s, func() (*Datapath, error) { return Apply(c) })
	if err != nil {
		t.Fatal(err)
	}
	_ = s.d.Close()
	s.d = d
	flow, seen := s.flow(0, s.echo().Addr())
	c.Plan = next
	c.Step = func(what string) error {
		if what != "changing over" {
			return nil
		}
		netnstest.Run(s, s.CGN, "ip", "link", "del", extraLink)
		return os.Remove(s.d.folder.next() + "/programs/" + bpf.CgnatProgCgnInside)
	}
	if _, err = in(s, func() (*Datapath, error) { return Apply(c) }); err == nil {
		t.Error("the change is reported as good")
	}
	if again, err := flow.Ask(); err != nil || again != seen {
		t.Errorf("the server sees %v, %v; want %v", again, err, seen)
	}
}
