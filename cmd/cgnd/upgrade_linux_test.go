package main

import (
	"bytes"
	"context"
	"net/netip"
	"os"
	"syscall"
	"testing"
	"time"

	"github.com/cgnkit/cgnkit/internal/daemonfile"
	"github.com/cgnkit/cgnkit/internal/netns"
)

// own returns this binary.
func (s *site) own() []byte {
	s.Helper()
	self, err := os.Executable()
	if err != nil {
		s.Fatal(err)
	}
	text, err := os.ReadFile(self)
	if err != nil {
		s.Fatal(err)
	}
	return text
}

// binary puts a copy of this binary where the site starts it from, in one step as a package manager does. Another release has
// other programs for the kernel: with other, a name in their debugging information is another one, which is enough for that.
func (s *site) binary(other bool) {
	s.Helper()
	text := s.own()
	if other {
		name := append([]byte("\x00cgn_"), "carry\x00"...) // in two parts, so that it is in the programs only
		if !bytes.Contains(text, name) {
			s.Fatal("the programs have no type cgn_carry")
		}
		text = bytes.ReplaceAll(text, name, append([]byte("\x00cgn_"), "cargo\x00"...))
	}
	s.self = s.path("cgnd")
	if err := os.WriteFile(s.self+".new", text, 0o700); err != nil {
		s.Fatal(err)
	}
	if err := os.Rename(s.self+".new", s.self); err != nil {
		s.Fatal(err)
	}
}

// TestUpgrade restarts cgnd, and replaces it by another release and back, under sixteen TCP transfers of two subscribers.
// None breaks: each ends with the checksum of what was sent.
func TestUpgrade(t *testing.T) {
	onBoth(t, func(t *testing.T, backend string) {
		s := newSiteOf(t, backend, "")
		s.write("plan.yaml", plan(1000))
		s.binary(false)
		s.start()
		first := s.await("start", healthy)
		transfers := s.startTransfers(16)
		flow := func(when string) {
			t.Helper()
			s.flow(transfers, when)
		}
		flow("at the start")
		other := false
		for round, how := range []syscall.Signal{syscall.SIGTERM, syscall.SIGKILL, syscall.SIGTERM, syscall.SIGTERM, syscall.SIGKILL, syscall.SIGTERM} {
			replaced := round%3 != 0
			if replaced {
				other = !other
				s.binary(other)
				flow("with another binary on the disk")
			}
			if err := s.stop(how); how == syscall.SIGTERM && err != nil || how == syscall.SIGKILL && !signalled(err, how) {
				t.Fatalf("round %d: %v", round, err)
			}
			flow("without a daemon")
			s.start()
			n := s.await("restart", healthy)
			programs := replaced && backend == daemonfile.XDP // of another release take the place of those before
			if (n.Apply.Way == "unchanged") == programs || n.InForce != first.InForce || n.Apply.Kept != 256 {
				t.Errorf("round %d, replaced %t: %+v", round, replaced, n.Apply)
			}
			flow("after a restart")
		}
		broken := 0
		for _, transfer := range transfers {
			if err := transfer.Finish(); err != nil {
				broken++
				t.Error(err)
			}
		}
		t.Logf("%d of %d transfers broke", broken, len(transfers))
	})
}

// startTransfers starts transfers of both subscribers to both servers.
func (s *site) startTransfers(n int) (all []*netns.Transfer) {
	s.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Minute)
	s.Cleanup(cancel)
	var sinks []netip.AddrPort
	for _, server := range s.Servers {
		sink, err := server.ListenSink(netip.AddrPortFrom(server.Addr, 0))
		if err != nil {
			s.Fatal(err)
		}
		sinks = append(sinks, sink.Addr())
	}
	for i := range n {
		stream := netns.Stream{Remote: sinks[i/2%len(sinks)], Bytes: 1 << 40, Rate: 1 << 18}
		t, err := s.Subscribers[i%len(s.Subscribers)].StartTransfer(ctx, stream)
		if err != nil {
			s.Fatal(err)
		}
		all = append(all, t)
	}
	return all
}

// flow waits until some more of each of several transfers was sent.
func (s *site) flow(transfers []*netns.Transfer, when string) {
	s.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	var want []int64
	for _, t := range transfers {
		want = append(want, t.Sent()+1<<15)
	}
	for i, t := range transfers {
		if err := t.AwaitSent(ctx, want[i]); err != nil {
			s.Fatalf("%s: transfer %d: %v", when, i, err)
		}
	}
}
