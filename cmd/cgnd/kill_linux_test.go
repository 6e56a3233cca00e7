package main

import (
	"fmt"
	"math/rand/v2"
	"net/netip"
	"os"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"github.com/cgnkit/cgnkit/internal/daemonfile"
	"github.com/cgnkit/cgnkit/internal/netns"
	"github.com/cgnkit/cgnkit/internal/netnstest"
)

// TestKilled kills cgnd at 50 random moments of start, reload and repair, while a transfer runs. What subscriber 100.64.0.1 has is
// the same in all plans, so its flow must live; the next start converges.
func TestKilled(t *testing.T) {
	onBoth(t, func(t *testing.T, backend string) {
		s := newSiteOf(t, backend, "instance: killed\n")
		drift := s.emptyGuard
		if backend == daemonfile.XDP {
			drift = s.unpinDriver
		}
		seed := uint64(time.Now().UnixNano())
		t.Logf("seed %d", seed)
		random := rand.New(rand.NewPCG(seed, 0))
		s.write("plan.yaml", killPlan(0))
		s.start()
		s.await("start", healthy)
		transfer := s.startTransfer()
		seen := map[string]int{}
		for round := range 50 {
			wait := time.Duration(random.IntN(400)) * time.Millisecond
			switch round % 3 {
			case 0: // during a start, with a kernel that has another plan
				seen["start"]++
				if err := s.stop(syscall.SIGKILL); !signalled(err, syscall.SIGKILL) {
					t.Fatal(err)
				}
				s.write("plan.yaml", killPlan(round))
				s.start()
			case 1:
				seen["reload"]++
				s.write("plan.yaml", killPlan(round))
				_ = s.cmd.Process.Signal(syscall.SIGHUP) // it may be the end of a process that does not listen to it yet
			case 2:
				seen["repair"]++
				drift()
				wait += time.Duration(random.IntN(1000)) * time.Millisecond
			}
			time.Sleep(wait) // the moment is random on purpose
			_ = s.stop(syscall.SIGKILL)
			s.flow([]*netns.Transfer{transfer}, fmt.Sprint("round ", round))
			s.start()
			if round%10 == 9 {
				s.await("converge", healthy)
			}
		}
		n := s.await("converge", healthy)
		if n.InForce != n.Wanted {
			t.Errorf("%+v", n)
		}
		t.Log(seen)
		if err := transfer.Finish(); err != nil {
			t.Errorf("the transfer: %v", err)
		}
	})
}

// emptyGuard changes what nftables has, and no packet of a subscriber.
func (s *site) emptyGuard() {
	s.Helper()
	netnstest.Run(s.T, s.CGN, "nft", "flush", "chain", "ip", "cgn_killed", "guard")
}

// unpinDriver takes the programs of XDP away from the drivers, if a killed daemon has left any. Those behind them go on.
func (s *site) unpinDriver() {
	s.Helper()
	pins, err := filepath.Glob("/sys/fs/bpf/cgnkit/*/killed/v*/live/links/*-xdp")
	if err != nil {
		s.Fatal(err)
	}
	for _, pin := range pins {
		if err := os.Remove(pin); err != nil {
			s.Fatal(err)
		}
	}
}

// killPlan returns plans with a thousand subscribers or so, of whom all but the first 256 move from one to the next.
func killPlan(n int) string {
	outside := []netip.Prefix{netip.MustParsePrefix("192.0.2.128/27"), netip.MustParsePrefix("192.0.2.192/27")}[n%2]
	return fmt.Sprintf("%s  - {name: b, inside: [100.65.0.0/22], outside: [%v], ports-per-subscriber: 1500}\n", plan(1000), outside)
}
