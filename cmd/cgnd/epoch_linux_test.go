package main

import (
	"net/netip"
	"testing"
	"time"

	"github.com/cgnkit/cgnkit/alloc/ledger"
	"github.com/cgnkit/cgnkit/internal/daemon"
	"github.com/cgnkit/cgnkit/internal/netns"
)

// onTime is how late an epoch may be on a machine that has other things to do, too.
const onTime = 200 * time.Millisecond

// A sighting is an outside port that a server saw, of a packet that was sent and answered between two instants.
type sighting struct {
	sent, back time.Time
	port       uint16
}

// sightings asks a server again and again, each time from another port, until some time after an instant.
func (s *site) sightings(until time.Time) (out []sighting) {
	s.Helper()
	e, err := s.Servers[0].ListenEcho("udp", netip.AddrPort{})
	if err != nil {
		s.Fatal(err)
	}
	defer func() { _ = e.Close() }()
	server := netip.AddrPortFrom(netip.MustParseAddr("203.0.113.1"), e.Addr().Port())
	for time.Now().Before(until) {
		begun := time.Now()
		if seen, err := s.Subscribers[0].Ask(netns.Query{Remote: server, Timeout: 50 * time.Millisecond}); err == nil {
			out = append(out, sighting{begun, time.Now(), seen.Port()})
		}
		time.Sleep(5 * time.Millisecond)
	}
	return out
}

// TestEpochInTime has epochs that are dated 6, 12 and 24 s ahead come into force. No packet has the ports of an epoch before its instant, and none those
// of the one before later than the ledger says. At least one of three is in force within 200 ms.
func TestEpochInTime(t *testing.T) {
	onBoth(t, func(t *testing.T, backend string) {
		s := newSiteOf(t, backend, "instance: intime\nledger: FOLDER/ledger.jsonl\n")
		s.record(plan(1000), time.Now())
		s.start()
		s.await("start", healthy)
		inTime := 0
		for round := range 3 {
			instant := time.Now().Add(6 * time.Second << round).Truncate(time.Millisecond) // a machine that is busy takes longer to prepare it
			ports := []int{2000, 1000}[round%2]
			s.record(plan(ports), instant)
			seen := s.sightings(instant.Add(8 * time.Second))
			n := s.await("epoch", func(n daemon.Snapshot) bool {
				return n.Healthy && n.Next == nil && n.Doing == "" && n.Epoch.From.Equal(instant) && n.Unsure.IsZero()
			})
			led, err := ledger.Open(s.path("ledger.jsonl"))
			if err != nil {
				t.Fatal(err)
			}
			e, _ := led.Epoch(n.Epoch.Seq)
			_ = led.Close()
			settled := e.Settled.Add(onTime / 2) // what is not recorded
			var last, first time.Time
			for _, x := range seen {
				after := (x.port >= 3024) == (ports == 2000) // 100.64.0.1 has ports 2024-3023 by the one plan, and 3024-5023 by the other
				if after && first.IsZero() {
					first = x.back
				} else if !after {
					last = x.sent
				}
			}
			t.Logf("round %d: %d packets, the last one by the plan before %v after the instant, the first by the new one %v, recorded %v", round, len(seen), last.Sub(instant), first.Sub(instant), e.Settled.Sub(e.From))
			switch {
			case last.IsZero() || first.IsZero():
				t.Errorf("round %d: the plan did not change in %d packets", round, len(seen))
			case first.Before(instant):
				t.Errorf("round %d: the epoch was in force %v before its instant", round, instant.Sub(first))
			case last.After(settled):
				t.Errorf("round %d: the epoch before was in force %v longer than the ledger says", round, last.Sub(settled))
			case first.Sub(instant) <= onTime:
				inTime++
			}
		}
		if inTime == 0 {
			t.Error("no epoch was in force in time")
		}
	})
}
