//go:build linux

package ebpf

import (
	"errors"
	"net/netip"
	"os"
	"slices"
	"testing"

	"github.com/cilium/ebpf"
	"github.com/cilium/ebpf/link"

	"github.com/cgnkit/cgnkit/alloc"
	"github.com/cgnkit/cgnkit/ebpf/internal/bpf"
	"github.com/cgnkit/cgnkit/internal/netns"
	"github.com/cgnkit/cgnkit/internal/netnstest"
)

// programsOn returns the names of the programs that run on the links of a generation at a path, at the hooks of an interface.
func (s *site) programsOn(path, name string) (names []string) {
	s.Helper()
	g, err := openGeneration(path)
	if err == nil {
		defer g.close()
		err = g.understand(nil, nil)
	}
	if err != nil {
		s.Fatal(err)
	}
	for _, spot := range g.spots() {
		if spot.on != name {
			continue
		}
		l := must(link.LoadPinnedLink(g.at("links", spot.pin()), nil))
		info := must(l.Info())
		_ = l.Close()
		p := must(ebpf.NewProgramFromID(info.Program))
		names = append(names, must(p.Info()).Name)
		_ = p.Close()
	}
	return names
}

// No program of a plan runs before or after its time: on an interface that is added or taken away, it is an idle one until the plan with it is in force,
// and as soon as the one without it is. Where the change is given up, what was in force runs there again, or nothing.
func TestIdleOutOfForce(t *testing.T) {
	idle := []string{idleName, idleName}
	old, next := mustPlan(t, samplePool), mustPlan(t, movedPool)
	s := newSite(t, Config{Plan: old})
	s.addExtra()
	f := s.d.folder
	change := func(c Config, at, path string, give bool) {
		t.Helper()
		looked := false
		c.Step = func(what string) error {
			if what != at {
				return nil
			}
			looked = true
			if got := s.programsOn(path, extraLink); !slices.Equal(got, idle) {
				t.Errorf("%s, %s: %v runs", what, path, got)
			}
			if give {
				return errors.New("given up")
			}
			return nil
		}
		d, err := in(s, func() (*Datapath, error) { return Apply(c) })
		if (err != nil) != give || !looked {
			t.Fatalf("error %v, looked %v", err, looked)
		}
		if err == nil {
			_ = s.d.Close()
			s.d = d
		}
	}
	whole := func(plan *alloc.Plan, n int) {
		t.Helper()
		if _, found := s.verify(plan); len(found) > 0 {
			t.Errorf("%q", found)
		}
		if got := s.programsOn(f.live(), extraLink); len(got) != n || slices.Contains(got, idleName) {
			t.Errorf("%v runs", got)
		}
	}
	change(withExtra(Config{Plan: next}), "changing over", f.next(), true)
	whole(old, 0)
	change(withExtra(Config{Plan: next}), "changing over", f.next(), false)
	whole(next, 2)
	change(withLinks(Config{Plan: old}), "ending what was before", f.next(), false)
	whole(old, 0)
	change(withExtra(Config{Plan: next}), "changing over", f.next(), false)
	refused := withLinks(Config{Plan: old})
	refused.Step = func(what string) error {
		if what == "changing over" {
			return os.Remove(f.next() + "/programs/" + bpf.CgnatProgCgnInside)
		}
		return nil
	}
	if _, err := in(s, func() (*Datapath, error) { return Apply(refused) }); err == nil {
		t.Fatal("a program is missing, and there is no error")
	}
	whole(next, 2)
}

// Who moves while it sends, behind an interface that goes with the same change, keeps no port of somebody else.
func TestInterfaceGoesUnderTraffic(t *testing.T) {
	const there, gone = "100.64.0.0-100.64.0.15 100.64.1.1", "100.64.1.1 100.64.0.0-100.64.0.15"
	pool := func(inside string) *alloc.Plan {
		return mustPlan(t, alloc.PoolSpec{Inside: spans(inside), Outside: spans("192.0.2.0/31"), PortsPerSubscriber: 64})
	}
	s := newSite(t, Config{Plan: pool(gone)})
	leaver := netns.Host{NS: netnstest.New(t), Addr: ad("100.64.1.1")}
	s.connect(leaver)
	netnstest.Run(t, s.CGN, "ip", "route", "add", "100.64.1.1/32", "dev", twinLink)
	if err := leaver.Ping(netns.Ping{To: ad("100.64.255.254")}); err != nil {
		t.Fatal(err)
	}
	sent, end := make(chan error, 1), make(chan struct{})
	go func() {
		for {
			select {
			case <-end:
				sent <- nil
				return
			default:
			}
			err := leaver.SendAll(60, func(i int) []byte {
				return udp(netip.AddrPortFrom(leaver.Addr, uint16(6000+i)), netip.AddrPortFrom(s.Servers[0].Addr, 9), "x").ip()
			})
			if err != nil {
				sent <- err
				return
			}
		}
	}()
	for round := range 2 {
		with := withLinks(Config{Plan: pool(there)})
		with.Inside = append(with.Inside, Interface{Name: twinLink})
		for _, c := range []Config{with, withLinks(Config{Plan: pool(gone)})} {
			d, err := in(s, func() (*Datapath, error) { return Apply(c) })
			if err != nil {
				t.Fatal(err)
			}
			_ = s.d.Close()
			s.d = d
		}
		if _, found := s.verify(pool(gone)); len(found) > 0 {
			t.Errorf("round %d: %.300q", round, found)
		}
	}
	close(end)
	if err := <-sent; err != nil {
		t.Error(err)
	}
}
