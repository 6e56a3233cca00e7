//go:build linux

package ebpf

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/cgnkit/cgnkit/alloc"
	"github.com/cgnkit/cgnkit/internal/netns"
	"github.com/cgnkit/cgnkit/internal/netnstest"
)

// Status says what there is, and what has gone wrong with interfaces.
func TestStatus(t *testing.T) {
	before := time.Now().Add(-time.Second)
	plan := mustPlan(t, samplePool)
	s := newSite(t, Config{Plan: plan, Instance: "north", Policy: Policy{Filtering: AddressDependent}})
	echo := s.echo()
	s.flow(0, echo.Addr())
	s.flow(1, echo.Addr())
	if err := s.Subscribers[0].Ping(netns.Ping{To: s.Servers[0].Addr}); err != nil {
		t.Fatal(err)
	}
	status := func() Status {
		t.Helper()
		st, err := in(s, s.d.Status)
		if err != nil {
			t.Fatal(err)
		}
		return st
	}
	got := status()
	if got.Since.Before(before) || got.Since.After(time.Now().Add(time.Second)) || got.Since.Location() != time.UTC {
		t.Errorf("since %v", got.Since)
	}
	if least := uint64(8 * 3 << 20); got.Bytes < least || got.Bytes > 4*least {
		t.Errorf("%d bytes, want at least %d", got.Bytes, least)
	}
	if n := got.Counters[0]; n.Verdict.String() != "outbound" || n.Packets != 3 {
		t.Errorf("%d packets are %v", n.Packets, n.Verdict)
	}
	got.Since, got.Bytes, got.Counters = time.Time{}, 0, nil
	got.Pools[0].Policy = Policy{Filtering: got.Pools[0].Policy.Filtering} // see TestPolicyOf
	want := Status{
		Instance: "north", SHA256: plan.SHA256(), Release: true,
		Interfaces: []InterfaceStatus{{Interface{"inside", alloc.DefaultRealm}, true, "up"}, {Interface{"outside", ""}, false, "up"}},
		Pools:      []PoolStatus{{Name: "pool0", Realm: alloc.DefaultRealm, Subscribers: 256, Addresses: 8, Filtering: AddressDependent, Policy: Policy{Filtering: AddressDependent}, UDP: 2, ICMP: 1}},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	for _, test := range []struct {
		do   func()
		want string
	}{
		{func() { netnstest.Run(t, s.CGN, "ip", "link", "set", "outside", "down") }, "down"},
		{func() {
			if err := detachHook(behindHook, false)(s); err != nil {
				t.Fatal(err)
			}
		}, "detached"},
		{func() { netnstest.Run(t, s.CGN, "ip", "link", "del", "outside") }, "gone"},
	} {
		test.do()
		if got := status().Interfaces[1].State; got != test.want {
			t.Errorf("the outside interface is %s, want %s", got, test.want)
		}
	}
}
