//go:build linux

package ebpf

import (
	"context"
	"errors"
	"maps"
	"net/netip"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/vishvananda/netlink"

	"github.com/cgnkit/cgnkit/internal/netns"
	"github.com/cgnkit/cgnkit/internal/netnstest"
)

// until waits for something to be so.
func until(tb testing.TB, what string, so func() bool) {
	tb.Helper()
	for deadline := time.Now().Add(time.Minute); !so(); time.Sleep(10 * time.Millisecond) {
		if time.Now().After(deadline) {
			tb.Fatalf("not within a minute: %s", what)
		}
	}
}

// A stay is a transfer and a flow that are to survive something, with all mappings as they were before.
type stay struct {
	*site
	sink     *netns.Sink
	transfer *netns.Transfer
	flow     *netns.Flow
	before   map[string]string
}

// settleIn starts a transfer of subscriber 0 to a host, and a flow of subscriber 1.
func settleIn(s *site, to netns.Host) *stay {
	s.Helper()
	sink, err := to.ListenSink(netip.AddrPortFrom(to.Addr, 9))
	if err != nil {
		s.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(s.Context(), 20*time.Minute)
	s.Cleanup(cancel)
	transfer, err := s.Subscribers[0].StartTransfer(ctx, netns.Stream{Remote: sink.Addr(), Bytes: 1 << 40, Rate: 4 << 20})
	if err != nil {
		s.Fatal(err)
	}
	st := &stay{site: s, sink: sink, transfer: transfer}
	st.flow, _ = s.flow(1, s.echo().Addr())
	st.goesOn("at first")
	st.before = s.ports()
	return st
}

// ports returns the outside endpoints of all mappings.
func (s *site) ports() map[string]string {
	s.Helper()
	out := make(map[string]string)
	for m, err := range s.d.Mappings() {
		if err != nil {
			s.Fatal(err)
		}
		out[m.Protocol.String()+" "+m.Inside.String()] = m.Outside.String()
	}
	return out
}

// goesOn waits until more of the transfer has arrived.
func (st *stay) goesOn(when string) {
	st.Helper()
	was := st.sink.Received()
	if err := st.transfer.AwaitSent(st.Context(), st.transfer.Sent()+1); err != nil {
		st.Fatalf("%s: %v", when, err)
	}
	until(st, when+" more of the transfer arrives", func() bool { return st.sink.Received() > was+1<<20 })
}

// isCut fails the test if packets pass.
func (st *stay) isCut() {
	st.Helper()
	f, err := st.Subscribers[1].Dial(netns.Query{Remote: st.echoAddr(), Timeout: 300 * time.Millisecond})
	if err == nil {
		_, err = f.Ask()
	}
	if err == nil {
		st.Error("packets pass by an interface that is down, or has no programs")
	}
}

func (st *stay) echoAddr() netip.AddrPort { return netip.AddrPortFrom(st.Servers[0].Addr, echoPort) }

// isSame fails the test unless everything goes on, by the same mappings, and the kernel equals the plan.
func (st *stay) isSame(when string) {
	st.Helper()
	st.goesOn(when)
	if _, err := st.flow.Ask(); err != nil {
		st.Errorf("%s: %v", when, err)
	}
	after := st.ports()
	maps.DeleteFunc(after, func(inside, _ string) bool { return st.before[inside] == "" }) // tried while nothing passed
	if diff := cmp.Diff(st.before, after); diff != "" {
		st.Errorf("%s mappings are others (-want +got):\n%s", when, diff)
	}
	st.isWhole(st.d.Plan())
}

// stateOf returns the state of an interface.
func (st *stay) stateOf(link string) string {
	st.Helper()
	status, err := in(st.site, st.d.Status)
	if err != nil {
		st.Fatal(err)
	}
	i := slices.IndexFunc(status.Interfaces, func(i InterfaceStatus) bool { return i.Name == link })
	return status.Interfaces[i].State
}

// A transfer survives that an interface goes down and comes up again, and all mappings do. Routes by a gateway do not: whoever
// has set them must set them again.
func TestLinkGoesDown(t *testing.T) {
	s, far := newFarSite(t, Config{Plan: mustPlan(t, samplePool)})
	st := settleIn(s, far)
	way := []string{"route", "replace", farAddr + "/32", "via", s.Servers[1].Addr.String()}
	netnstest.Run(t, s.CGN, "ip", way...)
	for _, link := range []string{netns.InsideLink, netns.OutsideLink} {
		for range 2 {
			netnstest.Run(t, s.CGN, "ip", "link", "set", link, "down")
			if state := st.stateOf(link); state != "down" {
				t.Errorf("%s is %s", link, state)
			}
			st.isCut()
			netnstest.Run(t, s.CGN, "ip", "link", "set", link, "up")
			if err := s.CGN.AwaitUp(10*time.Second, link); err != nil {
				t.Fatal(err)
			}
			netnstest.Run(t, s.CGN, "ip", way...)
			st.isSame("after " + link + " was down")
		}
	}
	if err := st.transfer.Finish(); err != nil {
		t.Error(err)
	}
}

// An interface that was deleted and made again, with the same name, has none of our programs. Verify says so, and Apply mends it:
// mappings and transfers go on. That is so whether it got another number or, as after a reload of all drivers, the same. Until
// then it is for the guard to keep in what subscribers send.
func TestLinkIsMadeAgain(t *testing.T) {
	t.Parallel()
	s := newSite(t, Config{Plan: mustPlan(t, samplePool)})
	netnstest.Run(t, s.CGN, "nft", guard...)
	inside := netip.MustParsePrefix("100.64.0.0/10")
	leaked, err := s.Servers[0].Observe(netns.Watch{Match: func(p netns.Packet) bool { return inside.Contains(p.Src) }})
	if err != nil {
		t.Fatal(err)
	}
	st := settleIn(s, s.Servers[0])
	for _, test := range []struct {
		link string
		same bool
		want string // state of the new interface
	}{
		{netns.OutsideLink, false, "gone"}, {netns.InsideLink, true, "detached"},
	} {
		again := st.remove(test.link, test.same)
		st.isMissing(test.link, "the interface is gone")
		if _, err := in(s, func() (*Datapath, error) { return Apply(withLinks(Config{Plan: s.d.Plan()})) }); !errors.Is(err, ErrInterface) {
			t.Errorf("Apply without %s: %v", test.link, err)
		}
		again()
		if got := st.stateOf(test.link); got != test.want {
			t.Errorf("%s, made again, is %s, want %s", test.link, got, test.want)
		}
		detail := map[bool]string{true: "it was detached", false: "the interface is gone"}[test.same]
		st.isMissing(test.link, detail)
		st.isCut()
		s.apply(Config{Plan: s.d.Plan()})
		st.isSame("after " + test.link + " was made again")
	}
	if err := st.transfer.Finish(); err != nil {
		t.Error(err)
	}
	if n, err := leaked.Count(); n > 0 || err != nil {
		t.Errorf("%d packets left with an inside address (error %v)", n, err)
	}
}

// An interface that is moved to another network namespace takes its programs along. Verify says that it is gone, until it is back.
func TestLinkMovesAway(t *testing.T) {
	t.Parallel()
	s := newSite(t, Config{Plan: mustPlan(t, samplePool)})
	st := settleIn(s, s.Servers[0])
	away := netnstest.New(t)
	move := func(from, to *netns.NS) {
		t.Helper()
		if err := from.Do(func() error {
			link, err := netlink.LinkByName(netns.InsideLink)
			if err != nil {
				return err
			}
			return netlink.LinkSetNsFd(link, to.Fd())
		}); err != nil {
			t.Fatal(err)
		}
	}
	move(s.CGN, away)
	st.isMissing(netns.InsideLink, "the interface is gone")
	if state := st.stateOf(netns.InsideLink); state != "gone" {
		t.Errorf("it is %s", state)
	}
	move(away, s.CGN)
	netnstest.Run(t, s.CGN, "ip", "address", "add", "100.64.255.254/16", "dev", netns.InsideLink)
	netnstest.Run(t, s.CGN, "ip", "link", "set", netns.InsideLink, "up")
	st.isSame("after it was back")
	if err := st.transfer.Finish(); err != nil {
		t.Error(err)
	}
}

// isMissing fails the test unless Verify misses both programs of an interface, and nothing else.
func (st *stay) isMissing(link, why string) {
	st.Helper()
	_, found := st.verify(st.d.Plan())
	slices.Sort(found)
	want := []string{"tcx program on " + link + ": missing: " + why, "xdp program on " + link + ": missing: " + why}
	if !slices.Equal(found, want) {
		st.Errorf("Verify says %q, want %q", found, want)
	}
}

// remove deletes an interface. It returns what makes it again, with its hardware address, and with its number or another one.
func (st *stay) remove(name string, same bool) (again func()) {
	st.Helper()
	was, err := in(st.site, func() (netlink.Link, error) { return netlink.LinkByName(name) })
	if err != nil {
		st.Fatal(err)
	}
	sw, addr := st.Access, "100.64.255.254/16"
	if name == netns.OutsideLink {
		sw, addr = st.Core, "203.0.113.254/24"
	}
	netnstest.Run(st, st.CGN, "ip", "link", "delete", name)
	return func() {
		st.Helper()
		veth := netlink.NewVeth(netlink.LinkAttrs{Name: name, HardwareAddr: was.Attrs().HardwareAddr})
		veth.PeerName, veth.PeerNamespace = netns.CGNLink, netlink.NsFd(sw.Fd())
		if same {
			veth.Index = was.Attrs().Index
		}
		if err := st.CGN.Do(func() error { return netlink.LinkAdd(veth) }); err != nil {
			st.Fatal(err)
		}
		netnstest.Run(st, sw, "ip", "link", "set", netns.CGNLink, "master", name, "up")
		if err := errors.Join(sw.DisableOffload(netns.CGNLink), sw.EnableGRO(netns.CGNLink), st.CGN.DisableOffload(name)); err != nil {
			st.Fatal(err)
		}
		netnstest.Run(st, st.CGN, "ip", "link", "set", name, "up")
		netnstest.Run(st, st.CGN, "ip", "address", "add", addr, "dev", name)
	}
}
