package alloc

import (
	"errors"
	"testing"
)

func TestPlacementIsThePlanWithoutSubscribers(t *testing.T) {
	for _, kind := range []Scheme{Sequential, Stripe, Staggered, Step, PSID, Random} {
		t.Run(kind.String(), func(t *testing.T) {
			s := pool("p", "100.64.0.0/24", "192.0.2.9 192.0.2.0/29", scheme(kind), ratio(32), reserve("5000-5100"))
			switch kind {
			case Step:
				s.StepSize = 4
			case Random:
				s.KeyID = testKey.ID()
			}
			p, err := NewPlacement(s, testKey)
			if err != nil {
				t.Fatal(err)
			}
			if p.Capacity() != 9*32 {
				t.Errorf("Capacity = %d, want %d", p.Capacity(), 9*32)
			}
			i := uint64(0)
			for want := range mustPlan(t, Spec{Pools: []PoolSpec{s}, Keys: []Key{testKey}}).All() {
				got, err := p.Assign(i, want.Inside())
				if err != nil || got.Outside() != want.Outside() || got.Subscriber() != want.Subscriber() || !got.Ports().Equal(want.Ports()) {
					t.Fatalf("Assign(%d) = %v %v, %v; the plan says %v %v", i, got.Outside(), got.Ports(), err, want.Outside(), want.Ports())
				}
				i++
			}
			for _, bad := range []struct {
				i    uint64
				addr string
				want error
			}{
				{p.Capacity(), "100.64.0.1", ErrCapacity}, {0, "2001:db8::1", ErrAddress}, {0, "127.0.0.1", ErrAddress},
				{0, "224.0.0.9", ErrAddress}, {0, addr4(p.pool.place.outside.addr(0)).String(), ErrLoop},
			} {
				if _, err := p.Assign(bad.i, addr(bad.addr)); !errors.Is(err, bad.want) {
					t.Errorf("Assign(%d, %s): %v, want %v", bad.i, bad.addr, err, bad.want)
				}
			}
		})
	}
}

func TestPlacementOnAnyAddress(t *testing.T) {
	for _, outside := range []string{"1.0.0.0/24", "1.0.0.0-126.255.255.255"} {
		p, err := NewPlacement(pool("p", "", outside, ratio(32)))
		if err != nil {
			t.Errorf("outside %s: %v", outside, err)
			continue
		}
		if a, err := p.Assign(0, addr("192.0.2.1")); err != nil || a.Outside() != addr("1.0.0.0") {
			t.Errorf("outside %s: Assign(0) = %v", outside, err)
		}
	}
}

// A /14 with one port for each subscriber has more than 2^32 shares.
func TestPlacementPastTheLastUint32(t *testing.T) {
	for _, tc := range []struct {
		name           string
		scheme         Scheme
		i              uint64
		outside, ports string
	}{
		{"sequential, the last uint32", Sequential, 1<<32 - 1, "198.19.4.16", "17407"}, // 2^32-1 = 66576*64512 + 16383
		{"sequential, one further", Sequential, 1 << 32, "198.19.4.16", "17408"},
		{"sequential, the last", Sequential, 1<<18*64512 - 1, "198.21.255.255", "65535"},
		{"stripe, further", Stripe, 1<<32 + 3, "198.18.0.3", "17408"}, // 2^32/2^18 = 16384 rounds
		{"stripe, the last", Stripe, 1<<18*64512 - 1, "198.21.255.255", "65535"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			p, err := NewPlacement(pool("p", "", "198.18.0.0-198.21.255.255", scheme(tc.scheme), size(1)))
			if err != nil {
				t.Fatal(err)
			}
			a, err := p.Assign(tc.i, addr("100.64.0.1"))
			if err != nil || a.Outside().String() != tc.outside || a.Ports().String() != tc.ports {
				t.Errorf("Assign(%d) = %v %v, %v; want %s %s", tc.i, a.Outside(), a.Ports(), err, tc.outside, tc.ports)
			}
		})
	}
}

func TestPlacementNeedsSizes(t *testing.T) {
	const msg, hint = "the number of subscribers is not known, so that no sharing ratio follows from it",
		"give the ports per subscriber or the sharing ratio, and a scheme other than spread"
	for name, s := range map[string]PoolSpec{
		"no sizes":   pool("p", "", "192.0.2.1"),
		"spread":     pool("p", "", "192.0.2.1", scheme(Spread), size(100)),
		"psid alone": pool("p", "", "192.0.2.1", scheme(PSID)),
	} {
		_, err := NewPlacement(s)
		var invalid *InvalidError
		if !errors.As(err, &invalid) || len(invalid.Findings) != 1 {
			t.Fatalf("%s: %v", name, err)
		}
		if f := invalid.Findings[0]; !errors.Is(err, ErrPorts) || f.Path != "pools[0].ports-per-subscriber" || f.Pool != "p" || f.Msg != msg || f.Hint != hint {
			t.Errorf("%s: %+v", name, f)
		}
	}
	if _, err := NewPlacement(pool("p", "", "192.0.2.1 192.0.2.0/31", ratio(4))); !errors.Is(err, ErrOverlap) {
		t.Errorf("an outside address twice: %v, want %v", err, ErrOverlap)
	}
}
