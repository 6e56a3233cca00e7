package main

import (
	"context"
	"net/netip"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/cgnkit/cgnkit/internal/daemon"
	"github.com/cgnkit/cgnkit/internal/netns"
	"github.com/cgnkit/cgnkit/internal/netnstest"
)

// startTransfer starts a transfer through the CGN.
func (s *site) startTransfer() *netns.Transfer {
	s.Helper()
	sink, err := s.Servers[0].ListenSink(netip.AddrPortFrom(s.Servers[0].Addr, 0))
	if err != nil {
		s.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Minute)
	s.Cleanup(cancel)
	t, err := s.Subscribers[0].StartTransfer(ctx, netns.Stream{Remote: sink.Addr(), Bytes: 1 << 40, Rate: 1 << 20})
	if err != nil {
		s.Fatal(err)
	}
	return t
}

// flows waits until some more of a transfer was sent.
func (s *site) flows(t *netns.Transfer, when string) {
	s.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	if err := t.AwaitSent(ctx, t.Sent()+1<<17); err != nil {
		s.Fatalf("%s: %v", when, err)
	}
}

// ruleset returns what nf_tables has, as text.
func (s *site) ruleset() string {
	s.Helper()
	return netnstest.Run(s.T, s.CGN, "nft", "list", "ruleset")
}

// TestNftables is the life of a daemon: start, drift that is repaired, kill and restart under a transfer, another plan, the end.
func TestNftables(t *testing.T) {
	netnstest.Root(t)
	t.Parallel()
	s := newSite(t, netnstest.NewTopology(t, netns.Options{}), "") // not compared without a reason within this test
	s.write("plan.yaml", plan(1000))
	s.start()
	first := s.await("start", healthy)
	if first.Apply.Way != "first load" || first.InForce == "" || first.InForce != first.Wanted {
		t.Fatalf("%+v", first)
	}
	transfer := s.startTransfer()
	s.flows(transfer, "at the start")

	for _, c := range []struct{ name, command string }{
		{"ruleset flushed", "nft flush ruleset"},
		{"table deleted", "nft delete table ip cgn"},
		{"an element deleted", "nft delete element ip cgn shares { 100.64.0.77 }"},
		{"the guard emptied", "nft flush chain ip cgn guard"},
		{"the routes deleted", "ip route flush proto 204"},
	} {
		before := s.await(c.name, healthy)
		begun := time.Now()
		words := strings.Fields(c.command)
		netnstest.Run(t, s.CGN, words[0], words[1:]...)
		after := s.await(c.name, func(n daemon.Snapshot) bool { return n.Drift.Repaired > before.Drift.Repaired && n.Healthy })
		t.Logf("%s: found and repaired within %v: %q", c.name, time.Since(begun).Round(time.Millisecond), after.Drift.Examples[0])
		s.flows(transfer, c.name)
	}

	// Killed at any time, and started again: nothing is written, and the transfer goes on.
	for range 5 {
		if err := s.stop(syscall.SIGKILL); !signalled(err, syscall.SIGKILL) {
			t.Fatalf("it ended by itself: %v", err)
		}
		before := s.ruleset()
		s.flows(transfer, "without a daemon")
		s.start()
		n := s.await("restart", healthy)
		if n.Apply.Way != "unchanged" || n.InForce != first.InForce {
			t.Errorf("after a restart: %+v", n)
		}
		if after := s.ruleset(); after != before {
			t.Errorf("a restart changed the ruleset:\n%s\nbecame\n%s", before, after)
		}
		s.flows(transfer, "after a restart")
	}

	// Another plan that gives subscriber 100.64.0.1 other ports ends its flows; one behind it keeps everybody before.
	s.write("plan.yaml", plan(1000)+"  - {name: b, inside: [100.65.0.0/28], outside: [192.0.2.64/30]}\n")
	n := s.await("another plan", func(n daemon.Snapshot) bool { return n.Healthy && n.InForce != first.InForce })
	if n.Apply.Added != 16 || n.Apply.Kept != 256 || n.Apply.Moved != 0 {
		t.Errorf("%+v", n.Apply)
	}
	s.flows(transfer, "after another plan")

	// A file that is no plan changes nothing.
	s.write("plan.yaml", "version: 1\npools: [\n")
	bad := s.await("no plan", func(n daemon.Snapshot) bool { return !n.Healthy })
	if bad.InForce != n.InForce || bad.Problems[0].Code != "source" {
		t.Errorf("%+v", bad)
	}
	s.flows(transfer, "with a file that is no plan")

	before := s.ruleset()
	begun := time.Now()
	if err := s.stop(syscall.SIGTERM); err != nil {
		t.Errorf("SIGTERM: %v", err)
	}
	if took := time.Since(begun); took > 5*time.Second { // the promise is one; a machine under test may be slow
		t.Errorf("the end took %v", took)
	}
	if s.ruleset() != before {
		t.Error("the end changed the ruleset")
	}
	s.flows(transfer, "after the end")
	if err := transfer.Finish(); err != nil {
		t.Errorf("the transfer: %v", err)
	}
}

// TestOnlyOne has a second daemon refuse to look after the same instance.
func TestOnlyOne(t *testing.T) {
	netnstest.Root(t)
	t.Parallel()
	s := newSite(t, netnstest.NewTopology(t, netns.Options{}), "")
	s.write("plan.yaml", plan(1000))
	s.start()
	s.await("start", healthy)
	first, log := s.cmd, s.log
	s.start()
	if err := s.cmd.Wait(); err == nil || !strings.Contains(s.log.String(), "another cgnd looks after instance cgn") {
		t.Errorf("%v\n%s", err, s.log)
	}
	s.cmd, s.log = first, log
	s.await("the first", healthy)
}

// TestOneLedger has a second cgnd, with a kernel of its own, follow the ledger of another one: it does not begin until the first has ended.
func TestOneLedger(t *testing.T) {
	netnstest.Root(t)
	t.Parallel()
	s := newSite(t, netnstest.NewTopology(t, netns.Options{}), "ledger: FOLDER/ledger.jsonl\n")
	s.record(plan(1000), time.Now().Add(-time.Hour))
	s.start()
	s.await("start", healthy)
	second := newSite(t, netnstest.NewTopology(t, netns.Options{}), "ledger: "+s.path("ledger.jsonl")+"\n")
	second.start()
	if err := second.cmd.Wait(); err == nil || !strings.Contains(second.log.String(), "another cgnd follows this ledger") {
		t.Errorf("%v\n%s", err, second.log)
	}
	second.cmd = nil
	if err := s.stop(syscall.SIGTERM); err != nil {
		t.Error(err)
	}
	second.start()
	second.await("the second", healthy)
}
