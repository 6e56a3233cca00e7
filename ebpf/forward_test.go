//go:build linux

package ebpf

import (
	"encoding/binary"
	"errors"
	"net/netip"
	"sync/atomic"
	"testing"
	"time"

	"github.com/cilium/ebpf"

	"github.com/cgnkit/cgnkit/alloc"
	"github.com/cgnkit/cgnkit/ebpf/internal/bpf"
	"github.com/cgnkit/cgnkit/internal/netns"
)

// sharePort returns port number i of the share of subscriber n.
func (s *site) sharePort(n, i int) (netip.Addr, uint16) {
	s.Helper()
	share := must(s.d.Plan().Lookup(alloc.SubscriberFrom("", s.Subscribers[n].Addr)))
	port, ok := share.Ports().Port(i)
	if !ok {
		s.Fatalf("a share of %d ports has no number %d", share.Ports().Len(), i)
	}
	return share.Outside(), port
}

func (s *site) forwards() (out []Forward) {
	s.Helper()
	for f, err := range s.d.Forwards() {
		if err != nil {
			s.Fatal(err)
		}
		out = append(out, f)
	}
	return out
}

// Who comes from the outside reaches the inside port, over UDP and TCP, and the answer comes from where the question went. It
// stays so under another plan that leaves the subscriber its share, and ends where it is asked to.
func TestForward(t *testing.T) {
	s := newSite(t, Config{Plan: mustPlan(t, samplePool)})
	addr, port := s.sharePort(0, 77)
	var forwards []Forward
	for network, p := range map[string]Protocol{"udp": UDP, "tcp": TCP} {
		if _, err := s.Subscribers[0].ListenEcho(network, netip.AddrPortFrom(s.Subscribers[0].Addr, echoPort)); err != nil {
			t.Fatal(err)
		}
		f := Forward{alloc.SubscriberFrom("default", s.Subscribers[0].Addr), p, port, echoPort}
		for range 2 { // it may be there already
			if err := s.d.Forward(f); err != nil {
				t.Fatal(err)
			}
		}
		forwards = append(forwards, f)
	}
	works := func() {
		t.Helper()
		for network := range map[string]bool{"udp": true, "tcp": true} {
			q := netns.Query{Network: network, Remote: netip.AddrPortFrom(addr, port)}
			if seen, err := s.Servers[0].Ask(q); err != nil || seen.Addr() != s.Servers[0].Addr {
				t.Errorf("%s: the subscriber sees %v, %v", network, seen, err)
			}
		}
		if got := s.forwards(); len(got) != 2 || got[0].Protocol != TCP || got[1].Protocol != UDP || got[0].OutsidePort != port {
			t.Errorf("forwards %v", got)
		}
	}
	works()
	s.apply(Config{Plan: mustPlan(t, movedPool)})
	if _, err := s.d.Tidy(t.Context()); err != nil {
		t.Fatal(err)
	}
	works()
	for _, f := range forwards {
		if err := s.d.EndForward(f); err != nil {
			t.Error(err)
		}
		if err := s.d.EndForward(f); !errors.Is(err, ErrNoForward) {
			t.Errorf("once more: %v", err)
		}
	}
	if err := s.Servers[0].Silent(netns.Query{Remote: netip.AddrPortFrom(addr, port)}); err != nil {
		t.Error(err)
	}
	if got := s.forwards(); len(got) != 0 {
		t.Errorf("forwards %v", got)
	}
}

// An endpoint that has a mapping gets the forward's port instead.
func TestForwardMovesTheMapping(t *testing.T) {
	s := newSite(t, Config{Plan: mustPlan(t, samplePool)})
	flow, seen := s.flow(0, s.echo().Addr())
	number := 5
	if _, port := s.sharePort(0, number); port == seen.Port() {
		number++
	}
	addr, port := s.sharePort(0, number)
	f := Forward{alloc.SubscriberFrom("", s.Subscribers[0].Addr), UDP, port, flow.Local().Port()}
	if err := s.d.Forward(f); err != nil {
		t.Fatal(err)
	}
	if after, err := flow.Ask(); err != nil || after != netip.AddrPortFrom(addr, port) {
		t.Errorf("the server sees %v, %v; want port %d", after, err, port)
	}
	if got := s.mappings(); len(got) != 1 || !got[0].Static {
		t.Errorf("mappings %+v", got)
	}
}

// Ports of others, of other endpoints, and of nobody are refused.
func TestForwardRefused(t *testing.T) {
	s := newSite(t, Config{Plan: mustPlan(t, samplePool)})
	flow, seen := s.flow(0, s.echo().Addr())
	_, own := s.sharePort(0, 9)
	_, foreign := s.sharePort(1, 9)
	who := alloc.SubscriberFrom("", s.Subscribers[0].Addr)
	if err := s.d.Forward(Forward{who, TCP, own, 80}); err != nil {
		t.Fatal(err)
	}
	_, second := s.sharePort(0, 10)
	for name, test := range map[string]struct {
		f    Forward
		want error
	}{
		"of another subscriber": {Forward{who, UDP, foreign, 80}, ErrNotOwned},
		"reserved":              {Forward{who, UDP, 80, 80}, ErrNotOwned},
		"in use":                {Forward{who, UDP, seen.Port(), 80}, ErrTaken},
		"forwarded":             {Forward{who, TCP, own, 81}, ErrTaken},
		"forwarded from":        {Forward{who, TCP, second, 80}, ErrTaken},
		"nobody":                {Forward{alloc.SubscriberFrom("", netip.MustParseAddr("192.0.2.9")), UDP, own, 80}, alloc.ErrNotSubscriber},
		"no realm":              {Forward{alloc.SubscriberFrom("mars", who.Addr()), UDP, own, 80}, alloc.ErrNotSubscriber},
		"icmp":                  {Forward{who, ICMP, own, 80}, ErrNotOwned},
	} {
		if err := s.d.Forward(test.f); !errors.Is(err, test.want) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if again, err := flow.Ask(); err != nil || again != seen {
		t.Errorf("the flow: %v, %v", again, err)
	}
	stale := s.d
	s.d = must(in(s, func() (*Datapath, error) { return Apply(withLinks(Config{Plan: mustPlan(t, movedPool)})) }))
	if err := stale.Forward(Forward{who, TCP, second, 81}); !errors.Is(err, ErrChanged) {
		t.Errorf("after the plan has changed: %v", err)
	}
	if _, err := stale.Tidy(t.Context()); !errors.Is(err, ErrChanged) {
		t.Errorf("Tidy after the plan has changed: %v", err)
	}
}

// A forward that is made of a mapping is there, whatever packets of the mapping do to its slot at the same time.
func TestForwardWhilePacketsPass(t *testing.T) {
	me := ap("100.64.0.1:5000")
	for p, packets := range map[plane][]datagram{
		planeUDP: {udp(me, ap("192.0.2.1:1"), "x"), udp(me, ap("192.0.2.2:1"), "x")},
		planeTCP: {tcp(me, server, syn, ""), tcp(me, server, syn|ack, ""), tcp(me, server, rst, "")},
	} {
		l := newFilterLab(t, AddressDependent, peersPool)
		m := Mapping{Protocol: Protocol(p), Inside: me, Outside: l.opens(packets[0]), state: uint32(bpf.CgnatCgnSlotStateCGN_SLOT_STATIC)}
		stop := l.repeat(packets)
		lost, forwards := l.forwardAgain(m)
		stop()
		if lost > 0 {
			t.Errorf("plane %d: %d of %d forwards that were made are not there", p, lost, forwards)
		}
	}
}

// repeat sends packets from the inside in turn, on another CPU, until it is told to stop.
func (l *lab) repeat(packets []datagram) (stop func()) {
	var stopped atomic.Bool
	ended := make(chan error)
	go func() {
		ended <- l.ns.Do(func() error {
			for i := 0; !stopped.Load(); i++ {
				f := packets[i%len(packets)].frame()
				o := &ebpf.RunOptions{Data: f, DataOut: make([]byte, 512), Context: &[6]uint32{1: uint32(len(f)), 3: l.links[fromInside]}}
				if _, err := l.programs[fromInside].Run(o); err != nil {
					return err
				}
			}
			return nil
		})
	}()
	return func() {
		l.Helper()
		stopped.Store(true)
		if err := <-ended; err != nil {
			l.Error(err)
		}
	}
}

// forwardAgain makes a forward of a mapping for some seconds, and each time counts whether it is lost, and takes it away.
func (l *lab) forwardAgain(m Mapping) (lost, forwards int) {
	l.Helper()
	p := plane(m.Protocol)
	err := l.ns.Do(func() error {
		return l.d.claiming(func(c *claimer) error {
			for end := time.Now().Add(3 * time.Second); time.Now().Before(end); forwards++ {
				if _, err := c.claim(bpf.CgnatCgnClaimKindCGN_CLAIM_FORWARD, m); err != nil {
					return err
				}
				time.Sleep(20 * time.Microsecond)
				state := l.slot(p, m.Outside).State
				if state&m.state == 0 {
					lost++
				}
				dynamic := binary.NativeEndian.AppendUint32(nil, state&^m.state)
				if _, err := l.slots[m.Outside.Addr()].WriteAt(dynamic, l.place(p, m.Outside)+12); err != nil {
					return err
				}
			}
			return nil
		})
	})
	if err != nil {
		l.Fatal(err)
	}
	return lost, forwards
}
