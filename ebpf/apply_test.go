//go:build linux

package ebpf

import (
	"errors"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/cilium/ebpf/link"

	"github.com/cgnkit/cgnkit/alloc"
	"github.com/cgnkit/cgnkit/ebpf/internal/bpf"
	"github.com/cgnkit/cgnkit/internal/netns"
	"github.com/cgnkit/cgnkit/internal/netnstest"
)

// A site is a topology with a datapath that tests change.
type site struct {
	testing.TB
	*netns.Topology
	d *Datapath
}

func newSite(tb testing.TB, c Config) *site {
	tb.Helper()
	s := &site{TB: tb, Topology: netnstest.NewTopology(tb, netns.Options{Switches: true})}
	warm(tb, s.Topology)
	s.d = attach(tb, s.Topology, c)
	return s
}

func withLinks(c Config) Config {
	c.Inside, c.Outside = []Interface{{Name: netns.InsideLink}}, []Interface{{Name: netns.OutsideLink}}
	return c
}

// in runs a function in the namespace of the CGN.
func in[T any](s *site, f func() (T, error)) (v T, err error) {
	err = s.CGN.Do(func() (err error) { v, err = f(); return err })
	return v, err
}

// apply changes the datapath.
func (s *site) apply(c Config) {
	s.Helper()
	d, err := in(s, func() (*Datapath, error) { return Apply(withLinks(c)) })
	if err != nil {
		s.Fatalf("%+v", err)
	}
	if err := s.d.Close(); err != nil {
		s.Fatal(err)
	}
	s.d = d
	s.Cleanup(func() { _ = d.Close() })
}

// echo starts a UDP echo server on server 0.
func (s *site) echo() *netns.Echo {
	s.Helper()
	e, err := s.Servers[0].ListenEcho("udp", netip.AddrPortFrom(s.Servers[0].Addr, echoPort))
	if err != nil {
		s.Fatal(err)
	}
	return e
}

// flow opens a UDP flow of a subscriber and asks once.
func (s *site) flow(subscriber int, to netip.AddrPort) (*netns.Flow, netip.AddrPort) {
	s.Helper()
	f, err := s.Subscribers[subscriber].Dial(netns.Query{Remote: to})
	if err != nil {
		s.Fatal(err)
	}
	seen, err := f.Ask()
	if err != nil {
		s.Fatal(err)
	}
	return f, seen
}

var (
	samplePool = alloc.PoolSpec{Inside: spans("100.64.0.0/24"), Outside: spans("192.0.2.0/29"), SharingRatio: 64}
	// The second subscriber comes first here, so that it has another share, and the first has its own.
	movedPool = alloc.PoolSpec{Inside: spans("100.64.0.0-100.64.0.1 100.64.0.3-100.64.0.255 100.64.0.2"), Outside: spans("192.0.2.0/29"), SharingRatio: 64}
)

// The kernel goes on without the process, and what is pinned says all that is needed to open the instance again.
func TestReopen(t *testing.T) {
	plan := mustPlan(t, samplePool)
	s := newSite(t, Config{Plan: plan, Instance: "north"})
	echo := s.echo()
	flow, seen := s.flow(0, echo.Addr())
	key := s.d.Key()
	if err := s.d.Close(); err != nil {
		t.Fatal(err)
	}
	if again, err := flow.Ask(); err != nil || again != seen {
		t.Errorf("after Close the server sees %v, %v; want %v", again, err, seen)
	}
	d, err := in(s, func() (*Datapath, error) { return Open("north") })
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = d.Close() }()
	inside, outside := d.Interfaces()
	if d.Plan().SHA256() != plan.SHA256() || d.Key() != key || len(inside) != 1 || len(outside) != 1 ||
		inside[0] != (Interface{Name: netns.InsideLink, Realm: alloc.DefaultRealm}) || outside[0] != (Interface{Name: netns.OutsideLink}) {
		t.Errorf("opened: plan %s, key %x, interfaces %v and %v", d.Plan().SHA256(), d.Key(), inside, outside)
	}
}

// An instance is opened where it is, and by its name.
func TestNotLoaded(t *testing.T) {
	s := newSite(t, Config{Plan: mustPlan(t, samplePool)})
	other := netnstest.New(t)
	if err := other.Do(func() error { _, err := Open(""); return err }); !errors.Is(err, ErrNotLoaded) {
		t.Errorf("Open in another namespace: %v", err)
	}
	if _, err := in(s, func() (*Datapath, error) { return Open("south") }); !errors.Is(err, ErrNotLoaded) {
		t.Errorf("Open by another name: %v", err)
	}
	if _, err := in(s, func() (*Datapath, error) { return Open("South") }); !errors.Is(err, ErrInstance) {
		t.Errorf("Open by no name: %v", err)
	}
	if err := other.Do(func() error { return Remove("") }); err != nil {
		t.Errorf("Remove where there is none: %v", err)
	}
	if d, err := in(s, func() (*Datapath, error) { return Open("") }); err != nil {
		t.Errorf("after Remove in another namespace: %v", err)
	} else if err := d.Close(); err != nil {
		t.Error(err)
	}
}

// Remove ends everything, also when a process has the instance open, and leaves no folder.
func TestRemove(t *testing.T) {
	s := newSite(t, Config{Plan: mustPlan(t, samplePool)})
	echo := s.echo()
	s.flow(0, echo.Addr())
	if _, err := in(s, func() (int, error) { return 0, Remove("") }); err != nil {
		t.Fatal(err)
	}
	if err := s.Subscribers[0].Silent(netns.Query{Remote: echo.Addr()}); err != nil {
		t.Error(err)
	}
	if _, err := os.Stat(filepath.Dir(s.d.folder.path)); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("the folder of the namespace: %v", err)
	}
	for _, link := range []string{netns.InsideLink, netns.OutsideLink} {
		if out := netnstest.Run(t, s.CGN, "ip", "link", "show", link); strings.Contains(out, "xdp") {
			t.Errorf("%s has a program: %s", link, out)
		}
	}
}

// Pins of another release are refused with the remedy, and can be removed.
func TestOtherVersion(t *testing.T) {
	s := newSite(t, Config{Plan: mustPlan(t, samplePool)})
	f := s.d.folder
	if err := os.Rename(f.version(), filepath.Join(f.path, "v7")); err != nil {
		t.Fatal(err)
	}
	open := func() (*Datapath, error) { return Open("") }
	apply := func() (*Datapath, error) { return Apply(withLinks(Config{Plan: mustPlan(t, samplePool)})) }
	for name, f := range map[string]func() (*Datapath, error){"Open": open, "Apply": apply} {
		if _, err := in(s, f); !errors.Is(err, ErrVersion) || !strings.Contains(err.Error(), "v7") || !strings.Contains(err.Error(), "remove it") {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := in(s, func() (int, error) { return 0, Remove("") }); err != nil {
		t.Fatal(err)
	}
	s.apply(Config{Plan: mustPlan(t, samplePool)})
}

// Two changes at once do not mix.
func TestBusy(t *testing.T) {
	s := newSite(t, Config{Plan: mustPlan(t, samplePool)})
	release, err := s.d.folder.lock()
	if err != nil {
		t.Fatal(err)
	}
	defer release()
	if _, err := in(s, func() (*Datapath, error) { return Apply(withLinks(Config{Plan: mustPlan(t, movedPool)})) }); !errors.Is(err, ErrBusy) {
		t.Errorf("Apply: %v", err)
	}
	if _, err := in(s, func() (int, error) { return 0, Remove("") }); !errors.Is(err, ErrBusy) {
		t.Errorf("Remove: %v", err)
	}
}

// What is as it should be is left alone.
func TestApplyTwice(t *testing.T) {
	plan := mustPlan(t, samplePool)
	s := newSite(t, Config{Plan: plan})
	before := s.d.generation.record.Serial
	s.apply(Config{Plan: mustPlan(t, samplePool)})
	if after := s.d.generation.record.Serial; after != before {
		t.Errorf("generation %d became %d", before, after)
	}
	s.apply(Config{Plan: plan, Policy: Policy{UDP: time.Minute}})
	if after := s.d.generation.record.Serial; after != before+1 {
		t.Errorf("with another policy generation %d became %d", before, after)
	}
}

// occupy puts a program onto an interface that is of no instance.
func occupy(s *site, name string) {
	s.Helper()
	p := must(s.d.generation.openProgram(bpf.CgnatProgCgnOutside))
	defer p.Close()
	l, err := in(s, func() (link.Link, error) {
		ifc, err := net.InterfaceByName(name)
		if err != nil {
			return nil, err
		}
		return attachDriver(p, ifc.Index)
	})
	if err != nil {
		s.Fatal(err)
	}
	s.Cleanup(func() { _ = l.Close() })
}

// What cannot be is refused, and what is in force stays.
func TestApplyRefused(t *testing.T) {
	plan := mustPlan(t, samplePool)
	s := newSite(t, Config{Plan: plan})
	if err := s.CGN.AddVeth("lonely", s.Core, "lonelier"); err != nil {
		t.Fatal(err)
	}
	netnstest.Run(t, s.CGN, "ip", "link", "add", "name", "br", "type", "bridge")
	echo := s.echo()
	flow, seen := s.flow(0, echo.Addr())
	named := func(names ...string) (out []Interface) {
		for _, n := range names {
			out = append(out, Interface{Name: n})
		}
		return out
	}
	elsewhere := mustPlan(t, alloc.PoolSpec{Inside: spans("100.64.0.0/24"), Outside: spans("192.0.2.8/29"), SharingRatio: 64})
	occupy(s, "lonely")
	huge := mustPlan(t, alloc.PoolSpec{Inside: spans("100.64.0.0/10"), Outside: spans("10.0.0.0/12"), SharingRatio: 64})
	for name, test := range map[string]struct {
		c    Config
		want error
		says string
	}{
		"no plan":         {Config{}, nil, "no plan"},
		"no such link":    {Config{Plan: plan, Inside: named("nowhere")}, ErrInterface, "nowhere"},
		"twice":           {Config{Plan: plan, Inside: named("inside"), Outside: named("inside")}, ErrInterface, "inside and inside"},
		"foreign realm":   {Config{Plan: plan, Inside: []Interface{{Name: "inside", Realm: "mars"}}}, ErrInterface, "mars"},
		"outside realm":   {Config{Plan: plan, Outside: []Interface{{Name: "outside", Realm: "default"}}}, ErrInterface, "only inside"},
		"a bridge":        {Config{Plan: plan, Inside: named("inside", "br"), Outside: named("outside")}, ErrInterface, "driver"},
		"foreign policy":  {Config{Plan: plan, Inside: named("inside"), Policies: map[string]Policy{"nobody": {}}}, nil, "nobody"},
		"taken":           {Config{Plan: elsewhere, Instance: "other", Inside: named("inside")}, ErrInterface, "instance cgn has its programs there"},
		"foreign program": {Config{Plan: plan, Inside: named("inside", "lonely"), Outside: named("outside")}, ErrInterface, "another XDP program"},
		"memory":          {Config{Plan: huge}, ErrMemory, "1048576 outside addresses take 3"},
		"a name":          {Config{Plan: plan, Instance: "../x"}, ErrInstance, "../x"},
	} {
		_, err := in(s, func() (*Datapath, error) { return Apply(test.c) })
		if err == nil || (test.want != nil && !errors.Is(err, test.want)) || !strings.Contains(err.Error(), test.says) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if again, err := flow.Ask(); err != nil || again != seen {
		t.Errorf("the server sees %v, %v; want %v", again, err, seen)
	}
	if ok, err := s.d.generation.attached(); err != nil || !ok {
		t.Errorf("what was in force: attached %v, %v", ok, err)
	}
	if _, err := os.Stat(filepath.Join(filepath.Dir(s.d.folder.path), "other")); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("the folder of what was refused: %v", err)
	}
}

// Interfaces come and go while the others work.
func TestInterfaces(t *testing.T) {
	plan := mustPlan(t, samplePool)
	s := newSite(t, Config{Plan: plan})
	if err := s.CGN.AddVeth("second", s.Core, "secondary"); err != nil {
		t.Fatal(err)
	}
	echo := s.echo()
	flow, seen := s.flow(0, echo.Addr())
	has := func(want bool) {
		t.Helper()
		out := netnstest.Run(t, s.CGN, "ip", "link", "show", "second")
		if got := strings.Contains(out, "xdp"); got != want {
			t.Errorf("second has a program: %v, want %v", got, want)
		}
		if again, err := flow.Ask(); err != nil || again != seen {
			t.Errorf("the server sees %v, %v; want %v", again, err, seen)
		}
	}
	has(false)
	with := withLinks(Config{Plan: plan})
	with.Outside = append(with.Outside, Interface{Name: "second"})
	d, err := in(s, func() (*Datapath, error) { return Apply(with) })
	if err != nil {
		t.Fatal(err)
	}
	if err := d.Close(); err != nil {
		t.Error(err)
	}
	has(true)
	s.apply(Config{Plan: plan})
	has(false)
}

// Apply replaces the programs of another release while packets pass, and every mapping and transfer goes on.
func TestUpgrade(t *testing.T) {
	t.Parallel()
	s := newSite(t, Config{Plan: mustPlan(t, samplePool)})
	st := settleIn(s, s.Servers[0])
	g := s.d.generation
	s.release(strings.Repeat("0", len(bpf.Digest())))
	c := withLinks(Config{Plan: s.d.Plan()})
	if change := must(in(s, func() (Change, error) { return Preview(c) })); !change.Programs || change.Plan || change.Repairs {
		t.Errorf("what an upgrade would do: %+v", change)
	}
	before := s.counts()
	s.apply(c)
	if r := s.d.generation.record; r.Object != bpf.Digest() || r.Serial != g.record.Serial+1 {
		t.Errorf("after the upgrade generation %d has the programs %s", r.Serial, r.Object)
	}
	if after := s.counts(); after["outbound"] < before["outbound"] {
		t.Errorf("counters began anew: %v after %v", after, before)
	}
	st.isSame("after the upgrade")
	if err := st.transfer.Finish(); err != nil {
		t.Error(err)
	}
}

// An upgrade takes along the slots of those who own the port, and not what somebody wrote into others.
func TestUpgradeEvicts(t *testing.T) {
	t.Parallel()
	c := Config{Plan: mustPlan(t, samplePool)}
	s := newSite(t, c)
	echo := s.echo()
	s.flow(0, echo.Addr())
	s.release(strings.Repeat("0", len(bpf.Digest())))
	if err := claimSlot(s); err != nil {
		t.Fatal(err)
	}
	s.apply(c)
	if v, found := s.verify(c.Plan); v.Differences > 0 || v.Mappings != 1 {
		t.Errorf("after the upgrade: %+v, %v", v, found)
	}
}

// release has the record say that another release made the programs.
func (s *site) release(object string) {
	s.Helper()
	other, meta := s.d.generation.record, filepath.Join(s.d.folder.live(), "meta")
	other.Object = object
	if err := errors.Join(os.Remove(meta), other.pin(meta)); err != nil {
		s.Fatal(err)
	}
}
