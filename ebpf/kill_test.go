//go:build linux

package ebpf

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/netip"
	"os"
	"os/exec"
	"syscall"
	"testing"
	"time"

	"github.com/cgnkit/cgnkit/internal/testseed"

	"github.com/cgnkit/cgnkit/alloc"
	"github.com/cgnkit/cgnkit/internal/netns"
)

// The test binary, started once more, does something else than testing.
const (
	applyUntilKilled = "EBPF_APPLY_UNTIL_KILLED"
	// Which capabilities to keep, and that the others are gone.
	dropCapabilities    = "EBPF_DROP_CAPABILITIES"
	withoutCapabilities = "EBPF_WITHOUT_CAPABILITIES"
	askKernel           = "EBPF_ASK_KERNEL"
	applyWithoutMemory  = "EBPF_APPLY_WITHOUT_MEMORY"
)

func TestMain(m *testing.M) {
	switch {
	case os.Getenv(applyUntilKilled) != "":
		err := error(nil)
		for i := 0; err == nil; i++ {
			_, err = Apply(killConfig(i))
		}
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	case os.Getenv(dropCapabilities) != "":
		fmt.Println(keepCapabilities(os.Getenv(dropCapabilities)))
		os.Exit(1)
	case os.Getenv(applyWithoutMemory) != "":
		if err := refuseMemory(); err != nil {
			fmt.Println(err)
			os.Exit(1)
		}
		os.Exit(0)
	case os.Getenv(withoutCapabilities) != "":
		use := useCapabilities
		if os.Getenv(withoutCapabilities) == askKernel {
			use = loadPrograms
		}
		if err := use(); err != nil {
			fmt.Println(err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	os.Exit(m.Run())
}

// killConfig is what is applied in turn: subscriber 0 stays, and most of the others of its pool move. Two pools become one. Times get longer
// and shorter.
func killConfig(i int) Config {
	pool := func(name, inside, outside string) alloc.PoolSpec {
		return alloc.PoolSpec{Name: name, Inside: spans(inside), Outside: spans(outside), SharingRatio: 64}
	}
	plan := func(pools ...alloc.PoolSpec) *alloc.Plan { return must(alloc.NewPlan(alloc.Spec{Pools: pools})) }
	policy := func(udp time.Duration) Policy { return Policy{Hold: MaxTime, UDP: udp} }
	key := Key{1}
	if i%2 == 0 {
		return withLinks(Config{
			Plan: plan(pool("low", "100.64.0.0/25", "192.0.2.0/31"), pool("high", "100.64.0.128/25", "192.0.2.2-192.0.2.7")), Key: key,
			Policies: map[string]Policy{"low": policy(10 * time.Hour), "high": policy(3 * time.Hour)},
		})
	}
	return withLinks(Config{
		Plan: plan(pool("pool", "100.64.0.0-100.64.0.1 100.64.0.3-100.64.0.127 100.64.0.2 100.64.0.128/25", "192.0.2.0/29")), Key: key,
		Policy: policy(5 * time.Hour),
	})
}

// killStays is a subscriber whose pool has the shorter times of two that become one, and who does not move.
var killStays = netip.MustParseAddr("100.64.0.200")

// TestKilled kills an apply at 50 random moments while packets pass. Whatever it was doing, a transfer of a subscriber that does
// not move goes on, and who opens the instance finds one of the plans whole and in force. A mapping that has ended does not live again.
func TestKilled(t *testing.T) {
	t.Parallel()
	s := newSite(t, killConfig(0))
	sink, err := s.Servers[0].ListenSink(netip.AddrPortFrom(s.Servers[0].Addr, 9))
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(context.Background(), 40*time.Minute)
	defer cancel()
	transfer, err := s.Subscribers[0].StartTransfer(ctx, netns.Stream{Remote: sink.Addr(), Bytes: 1 << 40, Rate: 1 << 19})
	if err != nil {
		t.Fatal(err)
	}
	seed := testseed.New(t)
	random := rand.New(rand.NewPCG(seed, 0))
	left, plans := map[string]int{}, map[string]int{}
	s.restoreOld(s.d, s.Subscribers[0].Addr, 7*time.Hour)
	s.restoreOld(s.d, killStays, 4*time.Hour)
	begun := time.Now() // how long an apply takes on this machine, so that some are interrupted and some are not
	s.apply(killConfig(1))
	long := 2 * time.Since(begun)
	for round := range 50 {
		s.killOnce(time.Duration(random.Int64N(int64(long))))
		f := s.d.folder
		if _, err := readRecord(f.next() + "/meta"); err == nil {
			left["a change that was whole"]++
		} else if _, err := os.Stat(f.next()); err == nil {
			left["one that was not"]++
		}
		if err := transfer.AwaitSent(ctx, transfer.Sent()+1<<14); err != nil {
			t.Fatalf("round %d: %v", round, err)
		}
		plans[s.reopen(round)]++
	}
	t.Log(left, plans)
	if err := transfer.Finish(); err != nil {
		t.Error(err)
	}
	if len(left) == 0 || len(plans) != 2 {
		t.Errorf("nothing was interrupted: %v, %v", left, plans)
	}
}

// restoreOld has a subscriber have a mapping of UDP that has been idle for a while.
func (s *site) restoreOld(d *Datapath, inside netip.Addr, idle time.Duration) {
	s.Helper()
	share, err := d.Plan().Lookup(alloc.SubscriberFrom("", inside))
	if err != nil {
		s.Fatal(err)
	}
	_, tick, err := tickShift()
	if err != nil {
		s.Fatal(err)
	}
	m := Mapping{
		Protocol: UDP, Inside: netip.AddrPortFrom(inside, 5000), Outside: netip.AddrPortFrom(share.Outside(), share.Ports().First()),
		ticks: uint32(idle / tick),
	}
	var r Restored
	if err := d.claiming(func(c *claimer) error { return d.restore(c, m, &r) }); err != nil || r.Placed != 1 {
		s.Fatalf("restored %+v, %v", r, err)
	}
}

// reopen opens the instance and checks that it is whole. Where there are two pools, there is one more mapping then that has ended.
func (s *site) reopen(round int) (plan string) {
	s.Helper()
	d, err := in(s, func() (*Datapath, error) { return Open("") })
	if err != nil {
		s.Fatalf("round %d: %v", round, err)
	}
	defer func() { _ = d.Close() }()
	if ok, err := d.generation.attached(); err != nil || !ok {
		s.Fatalf("round %d: in force: %v, %v", round, ok, err)
	}
	for m, err := range d.Mappings() {
		if err != nil {
			s.Fatalf("round %d: %v", round, err)
		}
		if m.Protocol == UDP {
			s.Errorf("round %d: %v has ended, and lives: it has been idle for %v", round, m.Inside, m.Age)
		}
		if owner, _ := d.Plan().Trace(m.Outside.Addr(), m.Outside.Port()).Allocation(); owner.Inside() != m.Inside.Addr() {
			s.Errorf("round %d: %v has %v, which is %v's", round, m.Inside, m.Outside, owner.Inside())
		}
	}
	if d.Plan().SHA256() == killConfig(0).Plan.SHA256() {
		s.restoreOld(d, killStays, 4*time.Hour)
	}
	return d.Plan().SHA256()
}

// killOnce starts the test binary in the namespace, and kills it after a while.
func (s *site) killOnce(after time.Duration) {
	s.Helper()
	cmd := exec.Command(must(os.Executable()))
	cmd.Env = append(os.Environ(), applyUntilKilled+"=1")
	cmd.Stderr = os.Stderr
	if err := s.CGN.Do(cmd.Start); err != nil {
		s.Fatal(err)
	}
	time.Sleep(after) // the moment is random on purpose
	if err := cmd.Process.Kill(); err != nil {
		s.Fatal(err)
	}
	err := cmd.Wait()
	exit, ok := errors.AsType[*exec.ExitError](err)
	if !ok || exit.Sys().(syscall.WaitStatus).Signal() != syscall.SIGKILL {
		s.Fatalf("it did not run until it was killed: %v", err)
	}
}
