//go:build linux

package ebpf

import (
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"testing"
	"time"

	"github.com/cgnkit/cgnkit/alloc"
	"github.com/cgnkit/cgnkit/internal/netns"
)

// mappings returns what Mappings yields.
func (s *site) mappings() (out []Mapping) {
	s.Helper()
	for m, err := range s.d.Mappings() {
		if err != nil {
			s.Fatal(err)
		}
		out = append(out, m)
	}
	return out
}

// tinyPool has shares so small that mappings are not all at home.
var tinyPool = alloc.PoolSpec{Inside: spans("100.64.0.1 100.64.0.2"), Outside: spans("192.0.2.0/31"), PortsPerSubscriber: 8, SharingRatio: 4}

// What servers see is what Mappings says, and where a mapping is at home is what Go computes.
func TestMappings(t *testing.T) {
	s := newSite(t, Config{Plan: mustPlan(t, tinyPool)})
	echo := s.echo()
	want := map[string]bool{}
	for n := range s.Subscribers {
		for range 6 {
			f, seen := s.flow(n, echo.Addr())
			want[fmt.Sprint("udp ", f.Local(), " ", seen)] = true
		}
	}
	got := map[string]bool{}
	atHome := map[netip.Addr]int{}
	for _, m := range s.mappings() {
		if m.Protocol != UDP { // the pings that found neighbours do not pass, but others may
			continue
		}
		got[fmt.Sprint(m.Protocol, " ", m.Inside, " ", m.Outside)] = true
		if m.Realm != alloc.DefaultRealm || m.Static || m.Several || m.TCP != 0 || m.Age < 0 || m.Age > time.Minute {
			t.Errorf("mapping %+v", m)
		}
		if !m.Displaced {
			atHome[m.Inside.Addr()]++
		}
	}
	if !equalSets(want, got) {
		t.Errorf("mappings:\n%v\nwant\n%v", got, want)
	}
	for _, sub := range s.Subscribers {
		if atHome[sub.Addr] == 0 {
			t.Errorf("of %v none is at home, and the first always is", sub.Addr)
		}
	}
}

func equalSets(a, b map[string]bool) bool {
	if len(a) != len(b) {
		return false
	}
	for k := range a {
		if !b[k] {
			return false
		}
	}
	return true
}

// A mapping alone in a large share is at home: Go computes the same home as C, for every protocol, with and without parity.
func TestHomes(t *testing.T) {
	t.Parallel()
	for name, pool := range map[string]alloc.PoolSpec{
		"ranges": samplePool,
		"lists":  {Inside: spans("100.64.0.0/24"), Outside: spans("192.0.2.0/29"), SharingRatio: 64, Reserve: portSet("2000-2100,3000")},
		"psid":   {Inside: spans("100.64.0.0/24"), Outside: spans("192.0.2.0/29"), Scheme: alloc.PSID, SharingRatio: 64},
		"shares": listOfShares("100.64.0.0 192.0.2.0 1024-2047", "100.64.0.1 192.0.2.0 2048-3071", "100.64.0.2 192.0.2.1 1024-2047"),
	} {
		t.Run(name, func(t *testing.T) {
			s := newSite(t, Config{Plan: mustPlan(t, pool)})
			for _, network := range []string{"udp", "tcp"} {
				echo, err := s.Servers[0].ListenEcho(network, netip.AddrPortFrom(s.Servers[0].Addr, echoPort))
				if err != nil {
					t.Fatal(err)
				}
				if _, err := s.Subscribers[0].Ask(netns.Query{Network: network, Remote: echo.Addr()}); err != nil {
					t.Fatal(err)
				}
			}
			if err := s.Subscribers[0].Ping(netns.Ping{To: s.Servers[0].Addr}); err != nil {
				t.Fatal(err)
			}
			seen := map[Protocol]bool{}
			for _, m := range s.mappings() {
				seen[m.Protocol] = true
				if m.Displaced {
					t.Errorf("%v %v on %v is not at home", m.Protocol, m.Inside, m.Outside)
				}
			}
			if len(seen) != 3 {
				t.Errorf("protocols %v", seen)
			}
		})
	}
}

// What is seen of a TCP connection is its state, and what has ended is not seen.
func TestMappingsLive(t *testing.T) {
	s := newSite(t, Config{Plan: mustPlan(t, samplePool), Policy: Policy{UDP: time.Second}})
	tcp, err := s.Servers[0].ListenEcho("tcp", netip.AddrPortFrom(s.Servers[0].Addr, echoPort))
	if err != nil {
		t.Fatal(err)
	}
	flow, err := s.Subscribers[0].Dial(netns.Query{Network: "tcp", Remote: tcp.Addr()})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := flow.Ask(); err != nil {
		t.Fatal(err)
	}
	s.flow(0, s.echo().Addr())
	count := func(p Protocol) (n int) {
		for _, m := range s.mappings() {
			if m.Protocol == p {
				n++
			}
		}
		return n
	}
	found := s.mappings()
	i := slices.IndexFunc(found, func(m Mapping) bool { return m.Protocol == TCP })
	if i < 0 || found[i].TCP.String() != "established" || found[i].Inside != flow.Local() {
		t.Fatalf("mappings %+v", found)
	}
	if count(UDP) != 1 {
		t.Errorf("mappings %+v", found)
	}
	for deadline := time.Now().Add(10 * time.Second); count(UDP) > 0; time.Sleep(100 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal("a mapping does not end")
		}
	}
}

// The view of a subscriber is its part of the mappings.
func TestSubscriber(t *testing.T) {
	s := newSite(t, Config{Plan: mustPlan(t, tinyPool), Policy: Policy{Limit: Limit{UDP: 5}}})
	echo := s.echo()
	for range 3 {
		s.flow(0, echo.Addr())
	}
	s.flow(1, echo.Addr())
	who := alloc.SubscriberFrom("", s.Subscribers[0].Addr)
	a, err := s.d.Subscriber(who)
	if err != nil {
		t.Fatal(err)
	}
	if a.UDP != (Usage{3, 5}) || a.TCP != (Usage{0, 8}) || a.Share.Inside() != who.Addr() {
		t.Errorf("account %+v", a)
	}
	for _, m := range a.Mappings {
		if m.Inside.Addr() != who.Addr() || !a.Share.Ports().Contains(m.Outside.Port()) {
			t.Errorf("mapping %+v", m)
		}
	}
	if _, err := s.d.Subscriber(alloc.SubscriberFrom("", netip.MustParseAddr("192.0.2.9"))); !errors.Is(err, alloc.ErrNotSubscriber) {
		t.Errorf("nobody: %v", err)
	}
}
