//go:build linux

package ebpf

import (
	"errors"
	"net"
	"net/netip"
	"os"
	"testing"

	"github.com/cilium/ebpf"

	"github.com/cgnkit/cgnkit/alloc"
	"github.com/cgnkit/cgnkit/ebpf/internal/bpf"
	"github.com/cgnkit/cgnkit/internal/netnstest"
)

// extraLink is an interface of a CGN that has its far end there, too.
const extraLink = "extra"

// addExtra makes it.
func (s *site) addExtra() {
	s.Helper()
	netnstest.Run(s, s.CGN, "ip", "link", "add", extraLink, "type", "veth", "peer", "name", extraLink+"-far")
	netnstest.Run(s, s.CGN, "ip", "link", "set", extraLink+"-far", "up")
	netnstest.Run(s, s.CGN, "ip", "link", "set", extraLink, "up")
}

// withExtra returns what has it, too, on the inside.
func withExtra(c Config) Config {
	c = withLinks(c)
	c.Inside = append(c.Inside, Interface{Name: extraLink})
	return c
}

// claimNext has the programs of a plan that is not in force yet give a port to a subscriber who has another one in the plan that is.
func (s *site) claimNext(plan *alloc.Plan, moved netip.Addr) {
	s.Helper()
	g, err := openGeneration(s.d.folder.next())
	if err == nil {
		defer g.close()
		err = g.understand(plan, nil)
	}
	if err != nil {
		s.Fatal(err)
	}
	p := must(g.openProgram(bpf.CgnatProgCgnClaim))
	defer func() { _ = p.Close() }()
	share := must(plan.Lookup(alloc.SubscriberFrom("", moved)))
	m := Mapping{Protocol: UDP, Inside: netip.AddrPortFrom(moved, 5000), Outside: netip.AddrPortFrom(share.Outside(), share.Ports().First())}
	c := &claimer{p, plan.Realms()}
	if _, err := c.claim(bpf.CgnatCgnClaimKindCGN_CLAIM_RESTORE, m); err != nil {
		s.Fatal(err)
	}
}

// A plan that does not come into force leaves no mapping on a port of somebody else: not where a link refuses its programs when others run them
// already, nor where they ran on an interface that is new.
func TestTakenBack(t *testing.T) {
	stopped := errors.New("stopped")
	old, next := mustPlan(t, samplePool), mustPlan(t, movedPool)
	moved := ad("100.64.0.100")
	s := newSite(t, Config{Plan: old})
	s.addExtra()
	flow, seen := s.flow(0, s.echo().Addr())
	isBack := func(when string) {
		t.Helper()
		if _, found := s.verify(old); len(found) > 0 {
			t.Errorf("%s: %q", when, found)
		}
		if again, err := flow.Ask(); err != nil || again != seen {
			t.Errorf("%s: the server sees %v, %v; want %v", when, again, err, seen)
		}
		if _, err := os.Stat(s.d.folder.next()); !errors.Is(err, os.ErrNotExist) {
			t.Errorf("%s: %s is left: %v", when, s.d.folder.next(), err)
		}
		who := must(s.d.Subscriber(alloc.SubscriberFrom("", s.Subscribers[0].Addr)))
		if who.UDP.Used != 1 {
			t.Errorf("%s: %d mappings are counted", when, who.UDP.Used)
		}
	}
	refused := withLinks(Config{Plan: next})
	refused.Step = func(what string) error {
		if what != "changing over" {
			return nil
		}
		s.claimNext(next, moved)
		return os.Remove(s.d.folder.next() + "/programs/" + bpf.CgnatProgCgnInside) // the last that is attached
	}
	ended := withExtra(Config{Plan: next})
	ended.Step = func(what string) error {
		if what != "changing over" {
			return nil
		}
		s.claimNext(next, moved)
		return stopped
	}
	for what, c := range map[string]Config{"a link that refuses": refused, "the end with a new interface": ended} {
		if _, err := in(s, func() (*Datapath, error) { return Apply(c) }); err == nil {
			t.Fatalf("%s: there is no error", what)
		}
		isBack(what)
	}
	_, err := in(s, func() (int, error) {
		c := withExtra(Config{Plan: next})
		b, err := build(s.d.folder.next(), must(newRecord(c, s.d.generation)), s.d.generation, c)
		if err != nil {
			return 0, err
		}
		b.close()
		s.claimNext(next, moved)
		return 0, os.Remove(s.d.folder.next() + "/meta") // killed before it was whole
	})
	if err != nil {
		t.Fatal(err)
	}
	isBack("a kill with a new interface")
}

// Who is killed while it removes the state before has closed the exits that went with it; and they are closed where it was not so far.
func TestKilledWhileRemoving(t *testing.T) {
	old, next := mustPlan(t, samplePool), mustPlan(t, movedPool)
	s := newSite(t, Config{Plan: old})
	s.addExtra()
	f := s.d.folder
	far := uint32(must(in(s, func() (*net.Interface, error) { return net.InterfaceByName(extraLink + "-far") })).Index)
	canExit := func() bool {
		t.Helper()
		var word uint64
		if err := with(s, "maps", bpf.CgnatMapExits, func(m *ebpf.Map) error { return m.Lookup(far/64, &word) }); err != nil {
			t.Fatal(err)
		}
		return word>>(far%64)&1 != 0
	}
	follow := func(d *Datapath, err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		_ = s.d.Close()
		s.d = d
	}
	follow(in(s, func() (*Datapath, error) { return Apply(withExtra(Config{Plan: old})) }))
	follow(in(s, func() (*Datapath, error) { // all but the end of an Apply without the extra one
		live, c := s.d.generation, withLinks(Config{Plan: next})
		b, err := build(f.next(), must(newRecord(c, live)), live, c)
		if err == nil {
			err = f.switchTo(live, b.generation)
		}
		if err == nil {
			err = live.detachAll(b.generation)
		}
		return &Datapath{folder: f, generation: b.generation}, err
	}))
	if !canExit() {
		t.Fatal("the exit was not open: this shows nothing")
	}
	if err := os.Remove(f.next() + "/meta"); err != nil {
		t.Fatal(err)
	}
	follow(in(s, func() (*Datapath, error) { return Open("") }))
	if canExit() {
		t.Errorf("%s-far sends still, and %s is detached", extraLink, extraLink)
	}
	if _, err := os.Stat(f.next()); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("%s is left: %v", f.next(), err)
	}
	if _, found := s.verify(next); len(found) > 0 {
		t.Errorf("at last: %q", found)
	}
}
