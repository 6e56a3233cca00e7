package main

import (
	"net/netip"
	"slices"
	"strconv"
	"testing"
	"time"

	"github.com/cgnkit/cgnkit/alloc/planfile"
	"github.com/cgnkit/cgnkit/internal/daemon"
	"github.com/cgnkit/cgnkit/internal/netns"
	"github.com/cgnkit/cgnkit/internal/netnstest"
	"github.com/cgnkit/cgnkit/nat44"
)

// TestConnectionsOfAPlanByHand has somebody load another plan with nft -f and then the right one again, and a subscriber open a connection in between: as
// long as it goes on, from a port that is somebody else's by the ledger, no answer about now is a single name, from the daemon or the files.
func TestConnectionsOfAPlanByHand(t *testing.T) {
	netnstest.Root(t)
	t.Parallel()
	s := newSite(t, netnstest.NewTopology(t, netns.Options{}), "ledger: FOLDER/ledger.jsonl\ndrift: report\n")
	begun := time.Now().UTC().Truncate(time.Millisecond)
	s.record(plan(2000), begun.Add(-time.Hour)) // so that the ledger knows it
	s.record(plan(1000), begun)
	s.start()
	s.await("start", healthy)
	time.Sleep(2 * time.Second) // some evidence
	rules := func(ports int) *nat44.Ruleset {
		t.Helper()
		p, err := planfile.Parse("plan", []byte(plan(ports)), planfile.Options{})
		if err != nil {
			t.Fatal(err)
		}
		in, err := nat44.ParseInstance("cgn")
		if err != nil {
			t.Fatal(err)
		}
		rs, err := nat44.NewRuleset(p.Plan, in)
		if err != nil {
			t.Fatal(err)
		}
		return rs
	}
	load := func(ports int) {
		t.Helper()
		netnstest.Run(t, s.CGN, "nft", "-f", s.write("rules.nft", rules(ports).String()))
	}
	load(2000)
	s.await("reported", func(n daemon.Snapshot) bool { return len(n.Had) > 0 && !n.Healthy })
	server := s.Servers[0]
	e, err := server.ListenEcho("tcp", netip.AddrPort{})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = e.Close() }()
	f, err := s.Subscribers[1].Dial(netns.Query{Network: "tcp", Remote: netip.AddrPortFrom(server.Addr, e.Addr().Port()), Timeout: 5 * time.Second})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = f.Close() }()
	seen, err := f.Ask()
	if err != nil {
		t.Fatal(err)
	}
	load(1000)
	s.await("connections are reported", func(n daemon.Snapshot) bool {
		return !n.Healthy && n.Verify.Differences == 0 && slices.ContainsFunc(n.Drift.Examples, func(text string) bool { return text[0] == '1' })
	})
	time.Sleep(3 * time.Second)
	if at, err := f.Ask(); err != nil || at != seen {
		t.Fatalf("it was seen as %v, and is as %v: %v", seen, at, err)
	}
	var a struct{ Status string }
	if err := s.get("/v1/trace?outside="+seen.Addr().String()+"&port="+strconv.Itoa(int(seen.Port()))+"&case=1&reason=test", &a); err != nil || a.Status != "ambiguous" {
		t.Errorf("the daemon says %q of a port that a connection of another subscriber has: %v", a.Status, err)
	}
	if got, _ := s.possibleAt(time.Now()); len(got) < 2 {
		t.Errorf("by the files possible are %.12s", got)
	}
	if err := s.do(func() error { // as cgnctl apply does
		k, err := nat44.Open()
		if err != nil {
			return err
		}
		defer k.Close()
		_, err = k.Apply(rules(1000), nat44.ApplyOptions{})
		return err
	}); err != nil {
		t.Fatal(err)
	}
	s.await("over", func(n daemon.Snapshot) bool { return healthy(n) && n.Records == 3 && n.Unsure.IsZero() })
	time.Sleep(2 * time.Second) // what is noted follows what is recorded
	if got, _ := s.possibleAt(time.Now()); len(got) != 1 {
		t.Errorf("afterwards, by the files possible are %.12s", got)
	}
}
