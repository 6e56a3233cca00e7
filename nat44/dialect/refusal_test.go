package dialect

import (
	"errors"
	"io"
	"net/netip"
	"strings"
	"testing"

	"github.com/cgnkit/cgnkit/alloc"
	"github.com/cgnkit/cgnkit/portset/softwire"
)

// TestRefusals checks what is refused, and that the message says why with numbers.
func TestRefusals(t *testing.T) {
	twoRealms := plan(
		pool("retail-a", "10.0.0.0/23", "192.0.2.0/28", alloc.PoolSpec{Realm: "a", PortsPerSubscriber: 2000}),
		pool("retail-b", "10.0.1.0/24", "192.0.2.16/28", alloc.PoolSpec{Realm: "b", PortsPerSubscriber: 2000}))
	crossed := plan(
		pool("first", "10.0.0.0/24", "172.16.0.0/28", alloc.PoolSpec{Realm: "a", PortsPerSubscriber: 2000}),
		pool("second", "172.16.0.8/29", "192.0.2.0/28", alloc.PoolSpec{Realm: "b", PortsPerSubscriber: 2000}))
	west := plan(pool("west", "100.64.0.0/20", "198.18.0.0/26", alloc.PoolSpec{PortsPerSubscriber: 1000}))
	var services []string
	for i := range maxServices + 1 {
		services = append(services, addr4(11<<24+uint32(i)<<8).String()+" tcp/80")
	}
	busy := planWithout(strings.Join(services, ","), pool("p", "100.64.0.0/28", "198.18.0.0", alloc.PoolSpec{}))
	holes := plan(pool("holes", "100.64.0.0/28", "198.18.0.0", alloc.PoolSpec{SharingRatio: 16, Reserve: portSet("5060-5061")}))
	two := plan(
		pool("one", "100.64.0.0/28", "198.18.0.0", alloc.PoolSpec{SharingRatio: 16, Reserve: portSet("5060-5061")}),
		pool("two", "100.64.1.0/28", "198.18.0.1", alloc.PoolSpec{SharingRatio: 16, Reserve: portSet("5060-5061")}))
	descending := plan(pool("back", "100.64.9.0/28 100.64.8.0/28", "198.18.0.0", alloc.PoolSpec{}))
	odd := plan(pool("odd", "100.64.0.0-100.64.0.9", "198.18.0.0", alloc.PoolSpec{}))
	wide := plan(pool("wide", "100.64.0.0/30", "198.18.0.0/28", alloc.PoolSpec{SharingRatio: 1}))
	softwires, err := alloc.NewPlan(alloc.Spec{Softwires: []alloc.SoftwireSpec{{Name: "lw", Kind: alloc.LW4o6, Relay: netip.MustParseAddr("2001:db8:fffd::1"),
		Bindings: []softwire.BindingSpec{{B4: netip.MustParsePrefix("2001:db8:1::/56"), IPv4: netip.MustParseAddr("203.0.113.1")}}}}})
	if err != nil {
		t.Fatal(err)
	}
	s := samples()
	for _, c := range []struct {
		name  string
		write writer
		plan  *alloc.Plan
		want  []string
	}{
		{"realms", IPTables, twoRealms, []string{"inside address 10.0.1.0", `realm "a" (pool "retail-a")`, `realm "b" (pool "retail-b")`, "a plan each"}},
		{"realms", RouterOS, twoRealms, []string{"inside address 10.0.1.0"}},
		{"realms", VyOS, twoRealms, []string{"inside address 10.0.1.0"}},
		{"realms", VPP, twoRealms, []string{"inside address 10.0.1.0"}},
		{"crossed realms", IPTables, crossed, []string{`pool "first": outside address 172.16.0.8 is an inside address of realm "b" (pool "second")`}},
		{"empty", IPTables, &alloc.Plan{}, []string{"the plan has no subscribers"}},
		{"no NAT", VPP, softwires, []string{`the plan has no pool of kind nat44, and the target serves no other: pool "lw" is of kind lw4o6`}},
		{"services", IPTables, busy, []string{"129 destinations with ports", "128 is the limit"}},
		{"services", RouterOS, busy, []string{"129 destinations with ports"}},
		{"many ranges", IPTables, s["random"], []string{`pool "random": the 2016 ports of subscriber 100.64.0.0 are`, "64 ranges are the limit"}},
		{"many ranges", RouterOS, s["map"], []string{`pool "map": the 252 ports of subscriber 100.64.0.0 are 63 ranges`}},
		{"holes", RouterOS, holes, []string{`the 4031 ports of subscriber 100.64.0.1 are 2 ranges`}},
		{"holes", VyOS, holes, []string{`pool "holes": the 4031 ports of subscriber 100.64.0.1 are 2 ranges`, "VyOS gives one range"}},
		{"both pools", RouterOS, two, []string{`pool "one": `, `pool "two": `}},
		{"stripe", VyOS, s["stripe"], []string{`pool "stripes": VyOS gives subscriber 100.64.0.1 198.18.4.0:3536-5535, the plan (scheme stripe) 198.18.4.1:1536-3535`}},
		{"order", VyOS, descending, []string{"inside range 100.64.8.0/28 comes behind 100.64.9.0/28", "ascending order"}},
		{"no-translate", VyOS, s["exempt"], []string{"no-translate lists 7 destinations, the first 192.0.2.128/25"}},
		{"no-translate", VPP, s["exempt"], []string{"no-translate lists 7 destinations"}},
		{"ports", VPP, west, []string{`pool "west": VPP det44 gives every subscriber floor(64512/64) = 1008 ports, the plan 1000: use scheme spread`}},
		{"ranges", VPP, s["village"], []string{`pool "village": its inside addresses are`, "make a pool for each prefix"}},
		{"no prefix", VPP, odd, []string{"its 10 inside addresses 100.64.0.0-100.64.0.9 are no prefix", "for example 100.64.0.0/29 with 8"}},
		{"wide", VPP, wide, []string{"4 subscribers on 16 addresses", "use the outside prefix 198.18.0.0/30"}},
		{"stripe", VPP, s["det44"], nil},
		{"stripe", VPP, plan(pool("st", "100.64.0.0/25", "198.18.0.0/30", scheme(alloc.Stripe))),
			[]string{"VPP det44 gives subscriber 100.64.0.1 198.18.0.0:3040-5055, the plan (scheme stripe) 198.18.0.1:1024-3039"}},
		{"dynamic", VPP, s["business"], []string{`pool "households": VPP det44 gives every subscriber floor(64512/64) = 1008 ports, the plan 976`}},
	} {
		_, err := render(t, c.write, c.plan)
		if c.want == nil {
			if err != nil {
				t.Errorf("%s: %v", c.name, err)
			}
			continue
		}
		if err == nil {
			t.Errorf("%s: not refused", c.name)
			continue
		}
		for _, part := range c.want {
			if !strings.Contains(err.Error(), part) {
				t.Errorf("%s: error %q lacks %q", c.name, err, part)
			}
		}
	}
}

// failing is a writer that is full after some bytes.
type failing struct{ left int }

var errFull = errors.New("full")

func (f *failing) Write(b []byte) (int, error) {
	if f.left -= len(b); f.left < 0 {
		return 0, errFull
	}
	return len(b), nil
}

func TestWriteErrors(t *testing.T) {
	for _, write := range []writer{IPTables, RouterOS, VyOS, VPP} {
		for _, left := range []int{0, 100, 70000, 300000} {
			p := samples()["det44"]
			counted := &failing{left: 1 << 40}
			if err := write(counted, p); err != nil {
				t.Fatal(err)
			}
			if size := 1<<40 - counted.left; left >= size {
				continue
			}
			if err := write(&failing{left: left}, p); !errors.Is(err, errFull) || errors.Is(err, ErrInexpressible) {
				t.Errorf("a writer that fails after %d bytes: %v", left, err)
			}
		}
	}
}

// TestConstantMemory renders and proves a million subscribers and looks at what was allocated for each.
func TestConstantMemory(t *testing.T) {
	big := plan(pool("p", "100.64.0.0/12", "198.18.0.0/17", alloc.PoolSpec{Scheme: alloc.Spread}))
	for name, write := range map[string]writer{"IPTables": IPTables, "RouterOS": RouterOS, "VyOS": VyOS, "VPP": VPP} {
		allocs := testing.AllocsPerRun(1, func() {
			if err := write(io.Discard, big); err != nil {
				t.Error(err)
			}
		})
		// A chain, which serves 16 subscribers, may allocate its name.
		if each := allocs / float64(big.Subscribers()); each > 2 {
			t.Errorf("%s: %.2f allocations per subscriber", name, each)
		}
		t.Logf("%s: %.0f allocations for %d subscribers", name, allocs, big.Subscribers())
	}
}
