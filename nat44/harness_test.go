//go:build linux

package nat44

import (
	"errors"
	"testing"
	"time"

	"github.com/cgnkit/cgnkit/alloc"
	"github.com/cgnkit/cgnkit/internal/netns"
	"github.com/cgnkit/cgnkit/internal/netnstest"
	"github.com/cgnkit/cgnkit/portset"
)

// A bench is a namespace with a connection to its kernel.
type bench struct {
	testing.TB
	ns *netns.NS
	k  *Kernel
}

func newBench(tb testing.TB) *bench {
	tb.Helper()
	netnstest.Root(tb)
	return openBench(tb, netnstest.New(tb))
}

func openBench(tb testing.TB, ns *netns.NS) *bench {
	tb.Helper()
	b := &bench{TB: tb, ns: ns, k: openKernel(tb, ns)}
	return b
}

func openKernel(tb testing.TB, ns *netns.NS) (k *Kernel) {
	tb.Helper()
	err := ns.Do(func() (err error) { k, err = Open(); return err })
	for range 300 { // tests beside this one have a thousand sockets
		if !errors.Is(err, ErrDescriptors) {
			break
		}
		time.Sleep(100 * time.Millisecond)
		err = ns.Do(func() (err error) { k, err = Open(); return err })
	}
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(k.Close)
	return k
}

// nft runs nft in the namespace.
func (b *bench) nft(args ...string) string {
	b.Helper()
	return netnstest.Run(b.TB, b.ns, "nft", args...)
}

func (b *bench) apply(rs *Ruleset) Report {
	b.Helper()
	r, err := b.k.Apply(rs, ApplyOptions{})
	if err != nil {
		b.Fatal(err)
	}
	return r
}

// differences verifies, and returns what differs.
func (b *bench) differences(rs *Ruleset) []string {
	b.Helper()
	var out []string
	v, err := b.k.Verify(rs, func(d Difference) { out = append(out, d.String()) })
	if err != nil {
		b.Fatal(err)
	}
	if v.Differences != uint64(len(out)) {
		b.Fatalf("%d differences told, %d counted", len(out), v.Differences)
	}
	return out
}

// equal fails the test unless the kernel equals the ruleset.
func (b *bench) equal(rs *Ruleset) {
	b.Helper()
	if d := b.differences(rs); len(d) > 0 {
		b.Fatalf("%d differences, the first: %s", len(d), d[0])
	}
}

func addrRanges(tb testing.TB, texts ...string) []alloc.AddrRange {
	tb.Helper()
	var out []alloc.AddrRange
	for _, s := range texts {
		r, err := alloc.ParseAddrRange(s)
		if err != nil {
			tb.Fatal(err)
		}
		out = append(out, r)
	}
	return out
}

// onePool is a plan with one pool.
func onePool(tb testing.TB, change func(*alloc.PoolSpec), inside, outside string) *alloc.Plan {
	tb.Helper()
	p := alloc.PoolSpec{Name: "a", Inside: addrRanges(tb, inside), Outside: addrRanges(tb, outside)}
	if change != nil {
		change(&p)
	}
	return planOf(tb, alloc.Spec{Pools: []alloc.PoolSpec{p}})
}

func planOf(tb testing.TB, spec alloc.Spec) *alloc.Plan {
	tb.Helper()
	plan, err := alloc.NewPlan(spec)
	if err != nil {
		tb.Fatal(err)
	}
	return plan
}

func rulesetOf(tb testing.TB, plan *alloc.Plan) *Ruleset {
	tb.Helper()
	instance, err := ParseInstance("")
	if err != nil {
		tb.Fatal(err)
	}
	rs, err := NewRuleset(plan, instance)
	if err != nil {
		tb.Fatal(err)
	}
	return rs
}

func mustSet(tb testing.TB, s string) portset.Set {
	tb.Helper()
	set, err := portset.ParseSet(s)
	if err != nil {
		tb.Fatal(err)
	}
	return set
}

// ports gives a pool S ports a subscriber.
func ports(s int) func(*alloc.PoolSpec) {
	return func(p *alloc.PoolSpec) { p.PortsPerSubscriber = s }
}

// psid gives a pool RFC 7597's a and k.
func psid(a, k int) func(*alloc.PoolSpec) {
	return func(p *alloc.PoolSpec) { p.Scheme, p.PSIDOffset, p.PSIDLength = alloc.PSID, &a, &k }
}
