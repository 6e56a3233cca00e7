//go:build linux

package ebpf

import (
	"context"
	"errors"
	"net/netip"
	"testing"
	"time"

	"github.com/cgnkit/cgnkit/alloc"
	"github.com/cgnkit/cgnkit/ebpf/internal/bpf"
	"github.com/cgnkit/cgnkit/internal/netns"
)

// account returns the account of a subscriber, as the kernel has it.
func (s *site) account(inside netip.Addr) (a bpf.CgnatCgnAccount) {
	s.Helper()
	share := must(s.d.Plan().Lookup(alloc.SubscriberFrom("", inside)))
	m, err := s.d.generation.openMap("accounts", share.Outside())
	if err != nil {
		s.Fatal(err)
	}
	defer m.Close()
	if err := m.Lookup(uint32(slotOf(s.d.Plan(), share)), &a); err != nil {
		s.Fatal(err)
	}
	return a
}

func (s *site) tidy() Tidied {
	s.Helper()
	t, err := s.d.Tidy(s.Context())
	if err != nil {
		s.Fatal(err)
	}
	return t
}

// place makes n mappings of a subscriber, of this age.
func (s *site) place(inside netip.Addr, proto Protocol, first, n int, age time.Duration) {
	s.Helper()
	share := must(s.d.Plan().Lookup(alloc.SubscriberFrom("", inside)))
	_, tick, _ := tickShift()
	err := s.d.claiming(func(c *claimer) error {
		for i := first; i < first+n; i++ {
			port, _ := share.Ports().Port(i)
			m := Mapping{
				Protocol: proto, Inside: netip.AddrPortFrom(inside, uint16(1024+i)), Outside: netip.AddrPortFrom(share.Outside(), port),
				ticks: uint32(age / tick),
			}
			if _, err := c.claim(bpf.CgnatCgnClaimKindCGN_CLAIM_RESTORE, m); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		s.Fatal(err)
	}
}

// What lives stays and is counted, what has ended is freed, and the search gets short again.
func TestTidy(t *testing.T) {
	s := newSite(t, Config{Plan: mustPlan(t, tinyPool)})
	echo := s.echo()
	var flows []*netns.Flow
	var seen []netip.AddrPort
	for range 5 {
		f, at := s.flow(0, echo.Addr())
		flows, seen = append(flows, f), append(seen, at)
	}
	who := s.Subscribers[0].Addr
	away, strays := 0, uint64(0)
	for _, m := range s.mappings() {
		share := must(s.d.Plan().Lookup(m.subscriber())).Ports()
		number, _ := share.Index(m.Outside.Port())
		if home := s.d.Key().homeOf(m.Inside, UDP, homeShare{share.Len(), true, share.First()}); number != home {
			away++
			strays |= 1 << (home % 64)
		}
	}
	got := s.tidy()
	if a := s.account(who); got.Mappings != 5 || got.Freed != 0 || a.Used[UDP] != 5 || s.displaced() != away || a.Strays[UDP] != strays {
		t.Errorf("tidied %+v, account %+v; %d mappings are not at home, and %d are known", got, a, away, s.displaced())
	}
	for i, f := range flows {
		if again, err := f.Ask(); err != nil || again != seen[i] {
			t.Errorf("flow %d: %v, %v; want %v", i, again, err, seen[i])
		}
	}
	s.apply(Config{Plan: mustPlan(t, tinyPool), Policy: Policy{UDP: time.Millisecond}})
	for got.Freed = 0; got.Freed < 5; got.Freed += s.tidy().Freed {
		if t.Context().Err() != nil {
			t.Fatal("mappings do not end")
		}
	}
	if a := s.account(who); a.Used[UDP] != 0 || a.Strays[UDP] != 0 || s.displaced() != 0 || got.Freed != 5 {
		t.Errorf("freed %d, account %+v", got.Freed, a)
	}
	if got := s.tidy(); got.Looked != 8 {
		t.Errorf("with nothing in use it looked at %d, and there are 8 shares to pass over", got.Looked)
	}
}

// displaced returns how many mappings are known that are not at home.
func (s *site) displaced() (n int) {
	s.Helper()
	m := must(s.d.generation.openMap("maps", bpf.CgnatMapDisplaced))
	defer m.Close()
	var key bpf.CgnatCgnDisplaced
	var port uint16
	for it := m.Iterate(); it.Next(&key, &port); {
		n++
	}
	if f, err := s.d.Displaced(); f.Entries != uint64(n) || f.Capacity != uint64(m.MaxEntries()) || err != nil {
		s.Errorf("%d of %d mappings are not at home, and Displaced says %+v, %v", n, m.MaxEntries(), f, err)
	}
	return n
}

// Shares that are looked at in several slices are counted, too.
func TestTidyWholeAddress(t *testing.T) {
	s := newSite(t, Config{Plan: mustPlan(t, alloc.PoolSpec{Inside: spans("100.64.0.1 100.64.0.2"), Outside: spans("192.0.2.0/31"), SharingRatio: 1})})
	who := s.Subscribers[0].Addr
	s.place(who, TCP, 0, 2000, 0)
	s.place(who, TCP, 30000, 3000, 24*time.Hour)
	if a := s.account(who); a.Used[TCP] != 5000 {
		t.Errorf("account %+v", a)
	}
	if got := s.tidy(); got.Mappings != 2000 || got.Freed != 3000 || got.Busy != 0 {
		t.Errorf("tidied %+v", got)
	}
	if a := s.account(who); a.Used[TCP] != 2000 {
		t.Errorf("account %+v", a)
	}
}

// After a change of the key nothing is at home any longer, and the index of what is not has to be made: also for shares that
// are looked at in several slices.
func TestIndexOfDisplacedIsMadeAnew(t *testing.T) {
	pool := alloc.PoolSpec{Inside: spans("100.64.0.1 100.64.0.2"), Outside: spans("192.0.2.0/31"), SharingRatio: 1}
	s := newSite(t, Config{Plan: mustPlan(t, pool), Key: Key{1}})
	echo := s.echo()
	f, seen := s.flow(0, echo.Addr())
	s.apply(Config{Plan: mustPlan(t, pool), Key: Key{2}})
	who := s.Subscribers[0].Addr
	if again, err := f.Ask(); err != nil || again != seen {
		t.Errorf("the flow leaves from %v, error %v; want %v", again, err, seen)
	}
	s.tidy()
	if a := s.account(who); a.Flags != 0 || s.displaced() != 1 {
		t.Errorf("account %+v, %d known", a, s.displaced())
	}
	if again, err := f.Ask(); err != nil || again != seen {
		t.Errorf("the flow leaves from %v, error %v; want %v", again, err, seen)
	}
}

// After a change of the sharing ratio accounts are counted.
func TestRelaidAccountsAreCounted(t *testing.T) {
	small := alloc.PoolSpec{Inside: spans("100.64.0.1 100.64.0.2"), Outside: spans("192.0.2.0/32"), PortsPerSubscriber: 8, SharingRatio: 2}
	large := small
	large.SharingRatio = 3
	s := newSite(t, Config{Plan: mustPlan(t, small)})
	echo := s.echo()
	for range 4 {
		s.flow(0, echo.Addr())
	}
	s.apply(Config{Plan: mustPlan(t, large)})
	if a := s.account(s.Subscribers[0].Addr); a.Used[UDP] != 4 || a.Flags != 0 || a.Used[TCP] != 0 {
		t.Errorf("account %+v", a)
	}
}

// A sweep comes round again and again, until it is told to stop or the plan changes.
func TestSweep(t *testing.T) {
	s := newSite(t, Config{Plan: mustPlan(t, tinyPool), Policy: Policy{UDP: time.Second}})
	echo := s.echo()
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error)
	go func() { done <- s.d.Sweep(ctx, 200*time.Millisecond) }()
	for round := range 2 {
		s.flow(0, echo.Addr())
		for deadline := time.Now().Add(20 * time.Second); s.account(s.Subscribers[0].Addr).Used[UDP] > 0; time.Sleep(50 * time.Millisecond) {
			if time.Now().After(deadline) {
				t.Fatalf("round %d: nothing is freed", round)
			}
		}
	}
	cancel()
	if err := <-done; !errors.Is(err, context.Canceled) {
		t.Errorf("after the end: %v", err)
	}
	d := s.d
	go func() { done <- d.Sweep(t.Context(), time.Second) }()
	s.d = must(in(s, func() (*Datapath, error) { return Apply(withLinks(Config{Plan: mustPlan(t, movedPool)})) }))
	if err := <-done; !errors.Is(err, ErrChanged) {
		t.Errorf("after another plan: %v", err)
	}
}

// BenchmarkTidy reports what a round over a million mappings costs, 6 % of the ports of 256 outside addresses: of a slot, and of
// a core when there is one a minute.
func BenchmarkTidy(b *testing.B) {
	const addresses, ratio, each = 256, 64, 62
	s := newSite(b, Config{Plan: mustPlan(b, alloc.PoolSpec{Inside: spans("100.64.0.0/18"), Outside: spans("198.18.0.0/24"), SharingRatio: ratio})})
	for a := range s.d.Plan().All() {
		s.place(a.Inside(), Protocol(a.Slot()%2), 0, each, 0)
	}
	pin(b)
	var t Tidied
	b.ResetTimer()
	for b.Loop() {
		t = s.tidy()
	}
	if t.Mappings != addresses*ratio*each {
		b.Fatalf("%d mappings, want %d", t.Mappings, addresses*ratio*each)
	}
	perRound := float64(b.Elapsed().Nanoseconds()) / float64(b.N)
	b.ReportMetric(perRound/float64(t.Looked), "ns/slot")
	b.ReportMetric(float64(t.Looked), "slots")
	b.ReportMetric(float64(t.Mappings), "mappings")
	b.ReportMetric(100*perRound/float64(DefaultSweep.Nanoseconds()), "%core")
}
