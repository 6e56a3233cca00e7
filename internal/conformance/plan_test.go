//go:build linux

package conformance

import (
	"strings"
	"testing"

	"github.com/cgnkit/cgnkit/alloc"
)

// What is decided by computation alone is shown on plans. Package alloc's own tests go through every scheme and port.

func planProbes() map[string]probe {
	return map[string]probe{
		"7422-1":  shows(nil, bothDirections),
		"7422-6":  shows(nil, bothDirections),
		"6888-14": shows(nil, bothDirections),
		"7422-9":  shows(nil, overflow),
		"6056-1":  shows(nil, widestRange),
		"6056-4":  shows(nil, keyLength),
		"6598-1":  shows(nil, sharedSpace),
	}
}

// samplePlan has 100 subscribers, 16 an address.
func samplePlan(t *testing.T, change func(*alloc.PoolSpec)) *alloc.Plan {
	t.Helper()
	pool := alloc.PoolSpec{Name: "sample", Inside: ranges(t, "100.64.0.0-100.64.0.99"), Outside: ranges(t, "192.0.2.0/29"), SharingRatio: 16}
	if change != nil {
		change(&pool)
	}
	return newPlan(t, alloc.Spec{Pools: []alloc.PoolSpec{pool}})
}

// bothDirections shows for every port of every address that the owner's share has it, and that all shares are found so: the plan
// alone says who had a port, without any log.
func bothDirections(t *testing.T, _ *bench) {
	for _, scheme := range []alloc.Scheme{alloc.Sequential, alloc.Stripe, alloc.Staggered, alloc.PSID} {
		plan := samplePlan(t, func(p *alloc.PoolSpec) { p.Scheme = scheme })
		owned := map[alloc.Subscriber]int{}
		for _, r := range ranges(t, "192.0.2.0/29") {
			for a := r.First(); r.Contains(a); a = a.Next() {
				for port := range 1 << 16 {
					owner, ok := plan.Trace(a, uint16(port)).Allocation()
					if !ok {
						continue
					}
					owned[owner.Subscriber()]++
					own, err := plan.Lookup(owner.Subscriber())
					if err != nil || own.Outside() != a || !own.Ports().Contains(uint16(port)) {
						t.Fatalf("scheme %v: %v:%d is traced to %v, whose share is elsewhere (error %v)", scheme, a, port, owner.Subscriber(), err)
					}
				}
			}
		}
		for a := range plan.All() {
			if owned[a.Subscriber()] != a.Ports().Len() {
				t.Errorf("scheme %v: %d ports of %v are found, it has %d", scheme, owned[a.Subscriber()], a.Subscriber(), a.Ports().Len())
			}
		}
	}
}

// overflow shows that ports are set aside for overflow only where the plan says so.
func overflow(t *testing.T, _ *bench) {
	for d, want := range map[int]int{0: 0, 2: 64512 - 16*3584} {
		plan := samplePlan(t, func(p *alloc.PoolSpec) { p.DynamicShares = d })
		found := 0
		for port := range 1 << 16 {
			if plan.Trace(addr("192.0.2.0"), uint16(port)).Status() == alloc.Dynamic {
				found++
			}
		}
		if found != want {
			t.Errorf("D = %d: %d ports of an address are dynamic, want %d", d, found, want)
		}
	}
}

// widestRange shows that all of 1024-65535 is given out by default, and to whom one address belongs alone, all of it.
func widestRange(t *testing.T, _ *bench) {
	for _, ratio := range []int{1, 16, 64} {
		plan := samplePlan(t, func(p *alloc.PoolSpec) {
			p.Inside, p.SharingRatio = ranges(t, "100.64.0.0/26"), ratio
			if ratio == 1 {
				p.Outside = ranges(t, "192.0.2.0/26")
			}
		})
		if first, err := plan.Lookup(alloc.SubscriberFrom("", addr("100.64.0.0"))); err != nil || first.Ports().Len() != 64512/ratio {
			t.Errorf("ratio %d: a share has %d ports (error %v)", ratio, first.Ports().Len(), err)
		}
		for port := range 1 << 16 {
			if status := plan.Trace(addr("192.0.2.0"), uint16(port)).Status(); (status == alloc.Allocated) != (port >= 1024) {
				t.Fatalf("ratio %d: port %d is %v", ratio, port, status)
			}
		}
	}
}

func keyLength(t *testing.T, _ *bench) {
	for digits, ok := range map[int]bool{16: false, 30: false, 32: true} {
		if _, err := alloc.ParseKey(strings.Repeat("a5", digits/2)); (err == nil) != ok {
			t.Errorf("a key of %d bits: error %v", digits*4, err)
		}
	}
}

func sharedSpace(t *testing.T, _ *bench) {
	plan := samplePlan(t, func(p *alloc.PoolSpec) {
		p.Inside, p.Outside, p.SharingRatio = ranges(t, "100.64.0.0/10"), ranges(t, "198.18.0.0/15"), 32
	})
	last, err := plan.Lookup(alloc.SubscriberFrom("", addr("100.127.255.255")))
	if err != nil || plan.Subscribers() != 1<<22 || last.Outside() != addr("198.19.255.255") {
		t.Errorf("%d subscribers, the last on %v (error %v)", plan.Subscribers(), last.Outside(), err)
	}
}
