package main

import (
	"net/netip"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	cilium "github.com/cilium/ebpf"

	"github.com/cgnkit/cgnkit/ebpf"
	"github.com/cgnkit/cgnkit/internal/daemon"
	"github.com/cgnkit/cgnkit/internal/netns"
	"github.com/cgnkit/cgnkit/internal/netnstest"
)

// TestXDP is the life of a daemon with the XDP backend.
func TestXDP(t *testing.T) {
	netnstest.Root(t)
	t.Parallel()
	top := netnstest.NewTopology(t, netns.Options{Switches: true})
	for _, h := range top.Subscribers {
		if err := h.Ping(netns.Ping{To: netip.MustParseAddr("100.64.255.254")}); err != nil {
			t.Fatal(err)
		}
	}
	for _, h := range top.Servers {
		if err := h.Ping(netns.Ping{To: netip.MustParseAddr("203.0.113.254")}); err != nil {
			t.Fatal(err)
		}
	}
	s := newSite(t, top, "instance: drifting\nbackend: xdp\ninterfaces: {inside: ["+netns.InsideLink+"], outside: ["+netns.OutsideLink+"]}\npolicy: FOLDER/policy.yaml\n")
	s.write("plan.yaml", plan(1000))
	s.write("policy.yaml", "default: {udp: 3m}\n")
	t.Cleanup(func() {
		if err := s.CGN.Do(func() error { return ebpf.Remove("drifting") }); err != nil {
			t.Error(err)
		}
	})
	s.start()
	first := s.await("start", healthy)
	if first.Apply.Way != "first load" || first.InForce != first.Wanted {
		t.Fatalf("%+v", first)
	}
	transfer := s.startTransfer()
	s.flows(transfer, "at the start")
	for range 3 {
		if err := s.stop(syscall.SIGKILL); !signalled(err, syscall.SIGKILL) {
			t.Fatalf("it ended by itself: %v", err)
		}
		s.flows(transfer, "without a daemon")
		s.start()
		if n := s.await("restart", healthy); n.Apply.Way != "unchanged" || n.InForce != first.InForce {
			t.Errorf("after a restart: %+v", n)
		}
		s.flows(transfer, "after a restart")
	}

	// Another policy takes a reload; another plan does not.
	s.write("policy.yaml", "default: {udp: 4m}\n")
	if err := s.cmd.Process.Signal(syscall.SIGHUP); err != nil {
		t.Fatal(err)
	}
	s.await("another policy", func(n daemon.Snapshot) bool { return n.Healthy && n.Apply.Way == "swap" })
	s.flows(transfer, "after another policy")
	s.write("plan.yaml", plan(1000)+"  - {name: b, inside: [100.65.0.0/28], outside: [192.0.2.64/30]}\n")
	n := s.await("another plan", func(n daemon.Snapshot) bool { return n.Healthy && n.InForce != first.InForce })
	if n.Apply.Added != 16 || n.Apply.Kept != 256 || n.Apply.Moved != 0 {
		t.Errorf("%+v", n.Apply)
	}
	s.flows(transfer, "after another plan")
	if err := transfer.Finish(); err != nil {
		t.Errorf("the transfer: %v", err)
	}

	// Somebody takes the instance away.
	begun := time.Now()
	if err := s.CGN.Do(func() error { return ebpf.Remove("drifting") }); err != nil {
		t.Fatal(err)
	}
	n = s.await("removed", func(n daemon.Snapshot) bool { return n.Drift.Repaired > 0 && n.Healthy })
	t.Logf("removed: found and repaired within %v: %q", time.Since(begun).Round(time.Millisecond), n.Drift.Examples[0])
	// Somebody changes a map, and no packet or interface shows it. It is not compared whole within this test.
	before := n
	begun = time.Now()
	s.spoilPolicies()
	n = s.await("spoiled", func(n daemon.Snapshot) bool { return n.Drift.Repaired > before.Drift.Repaired && n.Healthy })
	t.Logf("a policy changed: found and repaired within %v: %q", time.Since(begun).Round(time.Millisecond), n.Drift.Examples[0])
	again := s.startTransfer()
	s.flows(again, "after the repair")
	if err := s.stop(syscall.SIGTERM); err != nil {
		t.Errorf("SIGTERM: %v", err)
	}
	s.flows(again, "after the end")
	if err := again.Finish(); err != nil {
		t.Errorf("the transfer: %v", err)
	}
}

// spoilPolicies writes zeros over how pools behave.
func (s *site) spoilPolicies() {
	s.Helper()
	pins, err := filepath.Glob("/sys/fs/bpf/cgnkit/*/drifting/v*/live/maps/policies")
	if err != nil || len(pins) != 1 {
		s.Fatal(pins, err)
	}
	m, err := cilium.LoadPinnedMap(pins[0], nil)
	if err != nil {
		s.Fatal(err)
	}
	defer func() { _ = m.Close() }()
	if err := m.Put(uint32(0), make([]byte, m.ValueSize())); err != nil {
		s.Fatal(err)
	}
}
