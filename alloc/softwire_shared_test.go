package alloc

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"net/netip"
	"strings"
	"testing"

	"github.com/cgnkit/cgnkit/portset"
	"github.com/cgnkit/cgnkit/portset/softwire"
)

// An address of CGN and of lw4o6 is refused, and the finding says which port is the first that both have, or that there is none: as the two plans
// say that have one of the pools each.
func TestSharedWithCGN(t *testing.T) {
	seen := map[bool]int{}
	for seed := range uint64(200) {
		r := rand.New(rand.NewPCG(seed, 7))
		first := 1 + r.IntN(60000)
		ports, err := portset.NewRange(first, min(65535, first+200+r.IntN(5000)))
		if err != nil {
			t.Fatal(err)
		}
		nat := PoolSpec{Name: "cgn", Inside: addrs("100.64.0.0/30"), Outside: addrs("192.0.2.1"), Ports: ports, SharingRatio: 4 + r.IntN(8)}
		switch r.IntN(5) {
		case 0:
			nat.Scheme, nat.KeyID = Random, testKey.ID()
		case 1:
			nat.Scheme = Staggered
		case 2:
			nat.DynamicPorts = 100
		case 3:
			share, _ := portset.NewSet(ports)
			nat = PoolSpec{Name: "cgn", Scheme: Explicit, Ports: ports, Shares: []ExplicitShare{{Inside: netip.MustParseAddr("100.64.0.1"), Outside: netip.MustParseAddr("192.0.2.1"), Ports: share}}}
		}
		lw := SoftwireSpec{Name: "lw", Kind: LW4o6, Relay: netip.MustParseAddr("2001:db8:fffe::1")}
		k := 1 + r.IntN(6)
		for psid := range 1 + r.IntN(1<<k) {
			lw.Bindings = append(lw.Bindings, softwire.BindingSpec{B4: netip.MustParsePrefix(fmt.Sprintf("2001:db8:%x::/56", psid)), IPv4: netip.MustParseAddr("192.0.2.1"),
				PSIDOffset: int(seed % 3), PSIDLength: k, PSID: psid})
		}
		a, b := mustPlan(t, Spec{Pools: []PoolSpec{nat}, Keys: []Key{testKey}}), mustPlan(t, Spec{Softwires: []SoftwireSpec{lw}})
		want := `outside address 192.0.2.1 also belongs to pool "cgn", which has other ports of it`
		for port := range 1 << 16 {
			st := a.Trace(netip.MustParseAddr("192.0.2.1"), uint16(port)).Status()
			if _, ok := b.Trace(netip.MustParseAddr("192.0.2.1"), uint16(port)).Allocation(); ok && (st == Allocated || st == Unassigned || st == Dynamic) {
				want = fmt.Sprintf(`outside address 192.0.2.1 also belongs to pool "cgn", and both have port %d of it`, port)
				break
			}
		}
		seen[strings.Contains(want, "both")]++
		_, err = NewPlan(Spec{Pools: []PoolSpec{nat}, Softwires: []SoftwireSpec{lw}, Keys: []Key{testKey}})
		var invalid *InvalidError
		if !errors.As(err, &invalid) || len(invalid.Findings) != 1 || !errors.Is(err, ErrOverlap) || invalid.Findings[0].Msg != want {
			t.Fatalf("seed %d: %v, want %s", seed, err, want)
		}
	}
	if seen[true] < 20 || seen[false] < 20 {
		t.Errorf("with a common port, and without: %v", seen)
	}
}

// A pool of CGN that is wrong by itself has no ports to compare.
func TestSharedWithWrongCGN(t *testing.T) {
	lw := SoftwireSpec{Name: "lw", Kind: LW4o6, Relay: netip.MustParseAddr("2001:db8:fffe::1"), Bindings: []softwire.BindingSpec{
		{B4: netip.MustParsePrefix("2001:db8:1::/56"), IPv4: netip.MustParseAddr("192.0.2.1"), PSIDLength: 1, PSID: 1},
	}}
	for name, change := range map[string]func(*PoolSpec){
		"no key":       func(s *PoolSpec) { s.Scheme, s.KeyID = Random, "0123456789abcdef" },
		"too many":     func(s *PoolSpec) { s.SharingRatio, s.PortsPerSubscriber = 64, 60000 },
		"do not fit":   func(s *PoolSpec) { s.SharingRatio = 2 },
		"PSID layout":  func(s *PoolSpec) { s.Scheme, s.PSIDOffset, s.PSIDLength = PSID, new(9), new(9) },
		"port 0":       func(s *PoolSpec) { s.Ports = portRange("0-100") },
		"nothing left": func(s *PoolSpec) { s.Ports, s.Reserve = portRange("1024-2000"), portSet("1024-2000") },
		"dynamic":      func(s *PoolSpec) { s.DynamicPorts = 65000 },
		"step":         func(s *PoolSpec) { s.Scheme, s.StepSize, s.SharingRatio = Step, 7, 9 },
	} {
		found := findingsOf(t, Spec{Pools: []PoolSpec{pool("cgn", "100.64.0.0/28", "192.0.2.1", change)}, Softwires: []SoftwireSpec{lw}})
		if n := len(found); n < 2 || found[n-1].Msg != `outside address 192.0.2.1 also belongs to pool "cgn"` {
			t.Errorf("%s: %v", name, found)
		}
	}
}
