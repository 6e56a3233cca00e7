//go:build linux

package ebpf

import (
	"bytes"
	"errors"
	"net/netip"
	"testing"
	"time"

	"github.com/cgnkit/cgnkit/alloc"
	"github.com/cgnkit/cgnkit/internal/netns"
)

// restart takes the datapath away and loads another one, which has no mappings.
func (s *site) restart(c Config) {
	s.Helper()
	if _, err := in(s, func() (int, error) { return 0, Remove("") }); err != nil {
		s.Fatal(err)
	}
	s.apply(c)
}

// flows opens UDP flows of subscriber 0 and returns them with what the server sees.
func (s *site) flows(n int, to netip.AddrPort) (flows []*netns.Flow, seen []netip.AddrPort) {
	s.Helper()
	for range n {
		f, at := s.flow(0, to)
		flows, seen = append(flows, f), append(seen, at)
	}
	return flows, seen
}

// All flows of a share that is full keep their ports on another node that has got a checkpoint, with the same key and with
// another one; also packets from the outside get through at once.
func TestRestore(t *testing.T) {
	plan := mustPlan(t, tinyPool)
	for name, key := range map[string]Key{"same key": sampleKey, "other key": {9}} {
		t.Run(name, func(t *testing.T) {
			s := newSite(t, Config{Plan: plan, Key: sampleKey})
			flows, seen := s.flows(8, s.echo().Addr())
			who := must(s.d.Subscriber(s.mappings()[0].subscriber()))
			var checkpoint bytes.Buffer
			n, err := s.d.Checkpoint(&checkpoint, CheckpointOptions{})
			if err != nil || int(n) < len(flows) {
				t.Fatalf("%d mappings, %v", n, err)
			}
			s.restart(Config{Plan: plan, Key: key})
			got, err := s.d.Restore(bytes.NewReader(checkpoint.Bytes()))
			if err != nil || got != (Restored{Placed: n}) {
				t.Fatalf("restored %+v of %d, %v", got, n, err)
			}
			again := must(s.d.Subscriber(who.Mappings[0].subscriber()))
			if len(again.Mappings) != len(who.Mappings) || again.UDP != who.UDP {
				t.Errorf("account %+v, was %+v", again, who)
			}
			for i, f := range flows {
				if at, err := f.Ask(); err != nil || at != seen[i] {
					t.Errorf("flow %d: %v, %v; want %v", i, at, err, seen[i])
				}
			}
		})
	}
}

// The displaced mappings alone are enough for who has the same key: the others come home.
func TestRestoreDisplaced(t *testing.T) {
	plan := mustPlan(t, tinyPool)
	s := newSite(t, Config{Plan: plan, Key: sampleKey})
	flows, seen := s.flows(8, s.echo().Addr())
	displaced := uint64(0)
	for _, m := range s.mappings() {
		if m.Displaced {
			displaced++
		}
	}
	var checkpoint bytes.Buffer
	n, err := s.d.Checkpoint(&checkpoint, CheckpointOptions{Displaced: true})
	if err != nil || n != displaced || n == 0 {
		t.Fatalf("%d mappings of %d that are displaced, %v", n, displaced, err)
	}
	s.restart(Config{Plan: plan, Key: sampleKey})
	if _, err := s.d.Restore(&checkpoint); err != nil {
		t.Fatal(err)
	}
	for i, f := range flows {
		if at, err := f.Ask(); err != nil || at != seen[i] {
			t.Errorf("flow %d: %v, %v; want %v", i, at, err, seen[i])
		}
	}
}

// What lives is not overwritten, and who has moved gets nothing.
func TestRestoreOverwritesNothing(t *testing.T) {
	plan := mustPlan(t, samplePool)
	s := newSite(t, Config{Plan: plan, Key: sampleKey})
	echo := s.echo()
	_, before := s.flows(1, echo.Addr())
	old := s.mappings()
	var checkpoint bytes.Buffer
	if _, err := s.d.Checkpoint(&checkpoint, CheckpointOptions{}); err != nil {
		t.Fatal(err)
	}
	s.restart(Config{Plan: plan, Key: sampleKey})
	// The port is another endpoint's when the checkpoint comes.
	f := Forward{old[0].subscriber(), UDP, before[0].Port(), 80}
	if err := s.d.Forward(f); err != nil {
		t.Fatal(err)
	}
	if got, err := s.d.Restore(bytes.NewReader(checkpoint.Bytes())); err != nil || got != (Restored{Taken: 1}) {
		t.Errorf("restored %+v, %v", got, err)
	}
	if got := s.forwards(); len(got) != 1 || got[0].InsidePort != 80 {
		t.Errorf("forwards %v", got)
	}
	other := samplePool
	other.Outside = spans("192.0.2.8/29")
	s.restart(Config{Plan: mustPlan(t, other), Key: sampleKey})
	if got, err := s.d.Restore(bytes.NewReader(checkpoint.Bytes())); err != nil || got != (Restored{Moved: 1}) {
		t.Errorf("restored %+v, %v", got, err)
	}
	if _, err := s.d.Restore(bytes.NewReader(checkpoint.Bytes()[:50])); !errors.Is(err, ErrCheckpoint) {
		t.Errorf("half a checkpoint: %v", err)
	}
}

// A forward is one also where its inside port has sent to the node that takes over before it is restored, and has the same port there.
func TestRestoreForwardThatLives(t *testing.T) {
	plan := mustPlan(t, alloc.PoolSpec{Inside: spans("100.64.0.0/28"), Outside: spans("198.51.100.0"), PortsPerSubscriber: 64})
	one := newLab(t, Config{Plan: plan})
	sub := alloc.SubscriberFrom("", ad("100.64.0.1"))
	me := netip.AddrPortFrom(sub.Addr(), 80)
	out := one.leaves(udp(me, server, "x"))
	if err := one.d.Forward(Forward{sub, UDP, out.Port(), 80}); err != nil {
		t.Fatal(err)
	}
	var file bytes.Buffer
	if _, err := one.d.Checkpoint(&file, CheckpointOptions{}); err != nil {
		t.Fatal(err)
	}
	other := newLab(t, Config{Plan: plan, Key: one.d.Key()})
	if got := other.leaves(udp(me, server, "x")); got != out {
		t.Fatalf("the home is %v there, and not %v: this shows nothing", got, out)
	}
	if err := other.ns.Do(func() error { _, err := other.d.Restore(&file); return err }); err != nil {
		t.Fatal(err)
	}
	other.idle(planeUDP, out, 10*time.Minute)
	other.gets(fromOutside, udp(server, out, "x"), inbound)
	n := 0
	for f, err := range other.d.Forwards() {
		if n++; err != nil || f.OutsidePort != out.Port() {
			t.Errorf("%v, %v", f, err)
		}
	}
	if n != 1 {
		t.Errorf("there are %d forwards", n)
	}
}
