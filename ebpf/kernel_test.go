package ebpf

import (
	"errors"
	"math/rand/v2"
	"net/netip"
	"testing"
	"unsafe"

	"github.com/cgnkit/cgnkit/internal/testseed"

	"github.com/cilium/ebpf"

	"github.com/cgnkit/cgnkit/alloc"
	"github.com/cgnkit/cgnkit/ebpf/internal/selftest"
	"github.com/cgnkit/cgnkit/portset"
)

// A query is struct query of bpf/selftest.bpf.c.
type query = selftest.SelftestQuery

// batch is how many queries fit in one run.
const batch = 65536

// A kernel is a plan in the maps of the selftest object.
type kernel struct {
	tb      testing.TB
	plan    *alloc.Plan
	tables  *Tables
	coll    *ebpf.Collection
	queries *ebpf.Memory
	pools   []*alloc.Pool
}

// load puts a plan into the kernel until the test ends.
func load(tb testing.TB, plan *alloc.Plan) *kernel {
	tb.Helper()
	root(tb)
	tables, err := NewTables(plan)
	if err != nil {
		tb.Fatal(err)
	}
	spec := must(selftest.LoadSelftest())
	if err := tables.size(spec); err != nil {
		tb.Fatal(err)
	}
	coll, err := ebpf.NewCollection(spec)
	if v := (*ebpf.VerifierError)(nil); errors.As(err, &v) {
		tb.Fatalf("%+v", v)
	}
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(coll.Close)
	if err := tables.fill(coll.Maps); err != nil {
		tb.Fatal(err)
	}
	k := &kernel{tb: tb, plan: plan, tables: tables, coll: coll, queries: must(coll.Maps["queries"].Memory())}
	for p := range plan.Pools() {
		k.pools = append(k.pools, p)
	}
	return k
}

// seeded returns a random source.
func seeded(tb testing.TB) *rand.Rand {
	tb.Helper()
	return rand.New(rand.NewPCG(testseed.New(tb), 0))
}

// packet is what a program needs to run; nothing reads it.
var packet = make([]byte, 64)

// ask has a program answer queries in place.
func (k *kernel) ask(program string, queries []query) {
	k.tb.Helper()
	for len(queries) > 0 {
		now := queries[:min(batch, len(queries))]
		queries = queries[len(now):]
		memory := unsafe.Slice((*byte)(unsafe.Pointer(&now[0])), len(now)*int(unsafe.Sizeof(now[0])))
		if _, err := k.queries.WriteAt(memory, 0); err != nil {
			k.tb.Fatal(err)
		}
		if err := k.coll.Variables["asked"].Set(uint32(len(now))); err != nil {
			k.tb.Fatal(err)
		}
		if _, err := k.coll.Programs[program].Run(&ebpf.RunOptions{Data: packet}); err != nil {
			k.tb.Fatal(err)
		}
		if _, err := k.queries.ReadAt(memory, 0); err != nil {
			k.tb.Fatal(err)
		}
	}
}

// realm returns the number of a realm.
func (k *kernel) realm(name string) uint32 {
	for i, r := range k.plan.Realms() {
		if r == name {
			return uint32(i)
		}
	}
	k.tb.Fatalf("no realm %q", name)
	return 0
}

// wire returns an address as C's __be32.
func wire(a netip.Addr) uint32 { return wireOrder(hostOrder(a)) }

// portsOf returns the port set of an allocation. Making one is slow with scheme random, so it keeps them.
type portsOf map[alloc.Allocation]portset.Set

func (c portsOf) of(a alloc.Allocation) portset.Set {
	if a.Pool().Scheme() != alloc.Random {
		return a.Ports()
	}
	s, ok := c[a]
	if !ok {
		s = a.Ports()
		c[a] = s
	}
	return s
}
