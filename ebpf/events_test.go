//go:build linux

package ebpf

import (
	"context"
	"errors"
	"net/netip"
	"slices"
	"testing"
	"time"

	"github.com/cgnkit/cgnkit/alloc"
)

// Whoever is refused is told of: with what, which endpoint, and of which subscriber. What finds no room is counted.
func TestEvents(t *testing.T) {
	pool := alloc.PoolSpec{Inside: spans("100.64.0.0/28"), Outside: spans("198.51.100.0/30"), PortsPerSubscriber: 4}
	for name, c := range map[string]struct {
		policy Policy
		kind   EventKind
		opens  int
	}{
		"exhausted": {Policy{}, Exhausted, 4},
		"limit":     {Policy{Limit: Limit{UDP: 2}}, LimitHit, 2},
		"rate":      {Policy{Rate: 1, Burst: 1}, RateHit, 1},
	} {
		t.Run(name, func(t *testing.T) {
			l := newLab(t, Config{Policy: c.policy}, pool)
			who := netip.MustParseAddr("100.64.0.5")
			for i := range c.opens + 3 {
				l.run(fromInside, udp(netip.AddrPortFrom(who, uint16(7000+i)), server, "x").frame())
			}
			ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
			defer cancel()
			for e, err := range l.d.Events(ctx) {
				if err != nil {
					t.Fatal(err)
				}
				share := must(l.d.Plan().Lookup(alloc.SubscriberFrom("", who)))
				if e.Kind != c.kind || e.Kind.String() != name || e.Protocol != UDP || e.Share != share || e.Time <= 0 ||
					e.Inside.Addr() != who || e.Inside.Port() < uint16(7000+c.opens) {
					t.Errorf("event %+v", e)
				}
				if ago := time.Since(e.At()); ago < -time.Second || ago > time.Minute {
					t.Errorf("it was %v ago", ago)
				}
				break
			}
			if n, err := l.d.LostEvents(); n != 0 || err != nil {
				t.Errorf("%d events are lost, error %v", n, err)
			}
			got, err := l.d.Tallies()
			refused := map[EventKind]uint64{Exhausted: got.Exhausted, LimitHit: got.Limit, RateHit: got.Rate}
			told := refused[c.kind]
			refused[c.kind] = 0
			if err != nil || got.UDP != uint64(c.opens) || got.TCP+got.ICMP != 0 || told < 1 || told > 3 ||
				refused[Exhausted]+refused[LimitHit]+refused[RateHit] != 0 {
				t.Errorf("tallies %+v, error %v; want %d mappings of UDP, and refusals of this kind only", got, err, c.opens)
			}
		})
	}
}

// Where nothing happens, the end of the context ends it.
func TestEventsEnd(t *testing.T) {
	l := newLab(t, Config{}, alloc.PoolSpec{Inside: spans("100.64.0.0/28"), Outside: spans("198.51.100.0/30"), PortsPerSubscriber: 4})
	ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	for e, err := range l.d.Events(ctx) {
		if !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("event %+v, error %v", e, err)
		}
	}
}

// A reader learns that the instance has another plan: it would say of events whose share it was.
func TestEventsChanged(t *testing.T) {
	s := newSite(t, Config{Plan: mustPlan(t, samplePool)})
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	ended := make(chan error, 1)
	go func() {
		for _, err := range s.d.Events(ctx) {
			if err != nil {
				ended <- err
			}
		}
	}()
	other, err := in(s, func() (*Datapath, error) { return Apply(withLinks(Config{Plan: mustPlan(t, movedPool)})) })
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = other.Close() }()
	if err := <-ended; !errors.Is(err, ErrChanged) {
		t.Errorf("after another plan: %v", err)
	}
}

// What a reader has taken while the plan changes is delivered, and then the change.
func TestEventsTakenWhileChanging(t *testing.T) {
	pool := alloc.PoolSpec{Inside: spans("100.64.0.0/28"), Outside: spans("198.51.100.0/30"), PortsPerSubscriber: 4}
	l := newLab(t, Config{Policy: Policy{Limit: Limit{UDP: 1}}}, pool)
	refused := []netip.Addr{ad("100.64.0.5"), ad("100.64.0.6")}
	for _, who := range refused {
		for i := range 2 {
			l.run(fromInside, udp(netip.AddrPortFrom(who, uint16(7000+i)), server, "x").frame())
		}
	}
	pool.Outside = spans("198.51.100.8/30")
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	var seen []netip.Addr
	var end error
	for e, err := range l.d.Events(ctx) {
		if end = err; err != nil {
			break
		}
		if share := must(l.d.Plan().Lookup(alloc.SubscriberFrom("", e.Inside.Addr()))); e.Share != share {
			t.Errorf("event %+v, want share %v", e, share)
		}
		if seen = append(seen, e.Inside.Addr()); len(seen) > 1 {
			continue
		}
		err := l.ns.Do(func() error {
			d, err := Apply(Config{Plan: mustPlan(t, pool)})
			if err == nil {
				err = d.Close()
			}
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	if !slices.Equal(seen, refused) || !errors.Is(end, ErrChanged) {
		t.Errorf("events of %v, then %v; want %v, then ErrChanged", seen, end, refused)
	}
}
