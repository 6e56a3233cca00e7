package alloc

import (
	"net/netip"
	"testing"
)

// TestNoAllocs holds the documentation to its word: lookups do not allocate, except for Ports and Trace with Random.
func TestNoAllocs(t *testing.T) {
	list := PoolSpec{Name: "explicit", Inside: scattered(5000), Outside: addrs("198.18.0.0/20"), SharingRatio: 16}
	for name, s := range map[string]PoolSpec{
		"sequential":            pool("p", "100.64.0.0/16", "198.18.0.0/20"),
		"sequential with holes": pool("p", "100.64.0.0/16", "198.18.0.0/20", reserve("5004,5060,40000-40010")),
		"spread":                pool("p", "100.64.0.0/16", "198.18.0.0/20", scheme(Spread)),
		"stripe":                pool("p", "100.64.0.0/16", "198.18.0.0/20", scheme(Stripe)),
		"staggered":             pool("p", "100.64.0.0/16", "198.18.0.0/20", scheme(Staggered)),
		"staggered with holes":  pool("p", "100.64.0.0/16", "198.18.0.0/20", scheme(Staggered), reserve("5004,5060,40000-40010")),
		"step":                  pool("p", "100.64.0.0/16", "198.18.0.0/20", step(4)),
		"step with holes":       pool("p", "100.64.0.0/16", "198.18.0.0/20", step(4), reserve("5004,5060,40000-40010")),
		"psid":                  pool("p", "100.64.0.0/16", "198.18.0.0/20", scheme(PSID)),
		"psid with holes":       pool("p", "100.64.0.0/16", "198.18.0.0/20", scheme(PSID), reserve("5004,5060,40000-40010")),
		"psid a=0":              pool("p", "100.64.0.0/16", "198.18.0.0/20", psidOffset(0)),
		"explicit list":         list,
		"explicit scheme":       listedPool(5000, "1024-2023", "1024-1500,1502-2023"),
	} {
		t.Run(name, func(t *testing.T) {
			p := mustPlan(t, spec(s, pool("other", "101.0.0.0 101.0.0.2", "203.0.113.0 203.0.113.2")))
			pool := p.pools[0]
			inside, first := addr4(pool.inside.addr(pool.inside.n/2)), addr4(pool.inside.addr(0))
			queries := []Subscriber{SubscriberFrom("", inside), SubscriberFrom("", first), SubscriberFrom("nowhere", inside), sub("9.9.9.9")}
			endpoints := []netip.AddrPort{
				netip.MustParseAddrPort("198.18.0.1:1024"), netip.MustParseAddrPort("198.18.15.255:65535"), netip.MustParseAddrPort("198.18.0.9:5060"),
				netip.MustParseAddrPort("198.18.0.9:80"), netip.MustParseAddrPort("9.9.9.9:9999"), netip.MustParseAddrPort("203.0.113.1:2000"),
			}
			found, ports, statuses := 0, 0, 0
			if n := testing.AllocsPerRun(100, func() {
				for _, q := range queries {
					a, err := p.Lookup(q)
					if err != nil {
						continue
					}
					set := a.Ports()
					if a.Outside().Is4() && a.Subscriber() == q && a.Share().Outside == a.Outside() && a.Inside() == q.Addr() {
						found, ports = found+1, ports+set.Len()
					}
				}
			}); n != 0 || found != 2*101 || ports == 0 {
				t.Errorf("Lookup: %v allocations a run; found %d, ports %d", n, found, ports)
			}
			found = 0
			if n := testing.AllocsPerRun(100, func() {
				for _, q := range endpoints {
					tr := p.Trace(q.Addr(), q.Port())
					statuses += int(tr.Status())
					if a, ok := tr.Allocation(); ok && a.Ports().Contains(q.Port()) && a.Subscriber().Prefix.IsValid() && tr.Pool() == a.Pool() {
						found++
					}
				}
			}); n != 0 || found == 0 || statuses == 0 {
				t.Errorf("Trace: %v allocations a run; found %d", n, found)
			}
		})
	}
}
