package main

import (
	"fmt"
	"math/rand/v2"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/cgnkit/cgnkit/internal/testseed"

	"github.com/cgnkit/cgnkit/internal/daemonfile"
	"github.com/cgnkit/cgnkit/internal/netns"
	"github.com/cgnkit/cgnkit/internal/netnstest"
)

// TestKilled kills cgnd at 50 random moments of start, reload and repair, while a transfer runs: most of them while the kernel is being changed. What
// subscriber 100.64.0.1 has is the same in all plans, so its flow must live; the next start converges.
func TestKilled(t *testing.T) {
	onBoth(t, func(t *testing.T, backend string) {
		s := newSiteOf(t, backend, "instance: killed\n")
		seed := testseed.New(t)
		random := rand.New(rand.NewPCG(seed, 0))
		s.write("plan.yaml", killPlan(backend, 0))
		s.start()
		s.await("start", healthy)
		transfer := s.startTransfer()
		inside := map[string]int{} // kills between the beginning and the end of an apply
		for round := range 50 {
			what := []string{"start", "reload", "repair"}[round%3]
			s.begin(what, backend, round)
			if round%5 != 4 { // else at any moment before
				s.awaitLog("msg=apply ")
			}
			time.Sleep(time.Duration(random.IntN(60)) * time.Millisecond) // the moment is random on purpose
			if err := s.stop(syscall.SIGKILL); !signalled(err, syscall.SIGKILL) {
				t.Fatal(err)
			}
			if log := s.log.String(); strings.Count(log, "msg=apply ") > strings.Count(log, `msg="plan applied"`) {
				inside[what]++
			}
			s.flow([]*netns.Transfer{transfer}, fmt.Sprint("round ", round))
			if what != "repair" { // the next round begins with a start of its own
				s.start()
				s.await("converge", healthy)
			}
		}
		if s.cmd == nil {
			s.start()
		}
		n := s.await("converge", healthy)
		if n.InForce != n.Wanted {
			t.Errorf("%+v", n)
		}
		t.Log("kills while the kernel was changed: ", inside)
		if inside["start"] < 3 || inside["reload"] < 3 || inside["repair"] < 2 {
			t.Error("that is too few: the test shows nothing")
		}
		if err := transfer.Finish(); err != nil {
			t.Errorf("the transfer: %v", err)
		}
	})
}

// begin begins what is to be interrupted.
func (s *site) begin(what, backend string, round int) {
	s.Helper()
	switch what {
	case "start": // with a kernel that has another plan
		if s.cmd != nil {
			_ = s.stop(syscall.SIGKILL)
		}
		s.write("plan.yaml", killPlan(backend, round))
		s.start()
	case "reload":
		s.log.Reset()
		s.write("plan.yaml", killPlan(backend, round))
		if err := s.cmd.Process.Signal(syscall.SIGHUP); err != nil {
			s.Fatal(err)
		}
	case "repair":
		s.log.Reset()
		if backend == daemonfile.XDP {
			s.unpinDriver()
		} else {
			s.emptyGuard()
		}
	}
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

// killPlan returns plans whose subscribers but for the first 256 move from one to the next: with nftables, where an apply is quick, thirty thousand of
// them, else a thousand.
func killPlan(backend string, n int) string {
	inside, outside := "100.65.0.0/22", []netip.Prefix{netip.MustParsePrefix("192.0.2.128/27"), netip.MustParsePrefix("192.0.2.192/27")}[n%2]
	if backend == daemonfile.Nftables {
		inside, outside = "100.66.0.0/17", []netip.Prefix{netip.MustParsePrefix("198.18.0.0/22"), netip.MustParsePrefix("198.18.4.0/22")}[n%2]
	}
	return fmt.Sprintf("%s  - {name: b, inside: [%s], outside: [%v], ports-per-subscriber: 1500}\n", plan(1000), inside, outside)
}
