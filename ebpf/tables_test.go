package ebpf

import (
	"errors"
	"testing"
	"unsafe"

	"github.com/google/go-cmp/cmp"

	"github.com/cgnkit/cgnkit/alloc"
	"github.com/cgnkit/cgnkit/ebpf/internal/bpf"
)

// The structs are laid out in Go as in C.
func TestSizes(t *testing.T) {
	spec := must(bpf.LoadCgnat())
	for name, size := range map[string]uintptr{
		bpf.CgnatMapPools: unsafe.Sizeof(pool{}), bpf.CgnatMapRows: unsafe.Sizeof(row{}),
		bpf.CgnatMapNodes:  unsafe.Sizeof(node{}),
		bpf.CgnatMapRanges: unsafe.Sizeof(addrRange{}), bpf.CgnatMapLists: unsafe.Sizeof(list{}),
		bpf.CgnatMapCuts: unsafe.Sizeof(cut{}), bpf.CgnatMapExempts: unsafe.Sizeof(exempt{}), bpf.CgnatMapBuckets: unsafe.Sizeof(bucket{}),
	} {
		if got := spec.Maps[name].ValueSize; uintptr(got) != size {
			t.Errorf("%s: %d bytes in C, %d in Go", name, got, size)
		}
	}
}

func mustTables(tb testing.TB, pools ...alloc.PoolSpec) *Tables {
	tb.Helper()
	t, err := NewTables(mustPlan(tb, pools...))
	if err != nil {
		tb.Fatal(err)
	}
	return t
}

// A prefix costs the same whatever its length, with every scheme.
func TestBytesDoNotGrowWithSubscribers(t *testing.T) {
	for _, scheme := range []alloc.Scheme{alloc.Sequential, alloc.Stripe, alloc.Staggered, alloc.Step, alloc.PSID} {
		spec := alloc.PoolSpec{Inside: spans("10.0.0.0/20"), Outside: spans("198.18.0.0/18"), Scheme: scheme, SharingRatio: 64}
		if scheme == alloc.Step {
			spec.StepSize = 4
		}
		small := mustTables(t, spec).Bytes()
		spec.Inside = spans("10.0.0.0/12")
		if large := mustTables(t, spec).Bytes(); large != small {
			t.Errorf("%v: 4096 subscribers take %d bytes, a million %d", scheme, small, large)
		}
	}
}

// The parts of what Bytes counts.
func TestBytes(t *testing.T) {
	prefix := alloc.PoolSpec{Inside: spans("10.0.0.0/20"), Outside: spans("198.51.100.0/26"), SharingRatio: 64}
	if got, want := mustTables(t, prefix).Bytes(), uint64(40+64*16+3*48+2*16); got != want {
		t.Errorf("one prefix: %d bytes, want a pool, 64 rows, three indexes and two ranges: %d", got, want)
	}
	holes := prefix
	holes.Reserve = portSet("0-1023,5060")
	second := holes
	second.Inside, second.Outside = spans("10.1.0.0/20"), spans("203.0.113.0/26")
	if got := len(mustTables(t, holes, second).lists); got != 1 {
		t.Errorf("two pools with the same ports have %d lists", got)
	}
	random := prefix
	random.Scheme, random.KeyID = alloc.Random, testKey.ID()
	if got := len(mustTables(t, random).lists); got != 64 {
		t.Errorf("scheme random has %d lists on 64 addresses", got)
	}
}

// A list is a bijection between its ports and their indexes.
func TestListsAreBijections(t *testing.T) {
	for name, plan := range samples(t) {
		tables, err := NewTables(plan)
		if err != nil {
			t.Fatal(err)
		}
		l := new(list)
		for i, writeTo := range tables.lists {
			writeTo(l)
			for port, x := range l.Index {
				if x != noPort && int(l.Port[x]) != port {
					t.Fatalf("%s: list %d: port %d has index %d, which is port %d", name, i, port, x, l.Port[x])
				}
			}
		}
	}
}

// The tree's nodes for 16 ranges and for one more.
func TestIndexLevels(t *testing.T) {
	t.Parallel()
	ranges := func(n int) (out []addrRange) {
		for i := range uint32(n) {
			out = append(out, addrRange{First: 10 * i, Last: 10*i + 5})
		}
		return out
	}
	var got Tables
	for _, n := range []int{1, 16, 17} {
		if err := got.addTree(index{}, ranges(n)); err != nil {
			t.Fatal(err)
		}
	}
	want := []index{
		{Ranges: 1},
		{Range: 1, Ranges: 16, Depth: 1},
		{Range: 17, Ranges: 17, Depth: 2, Level: [6]uint32{1, 2}},
	}
	if diff := cmp.Diff(want, got.indexes); diff != "" {
		t.Errorf("indexes (-want +got):\n%s", diff)
	}
	if key := got.nodes[1].Key; key[0] != 0 || key[1] != 160 || key[2] != ^uint32(0) {
		t.Errorf("the root over 17 ranges: %v", key)
	}
	if len(got.nodes) != 4 {
		t.Errorf("%d nodes", len(got.nodes))
	}
	if err := new(Tables).addTree(index{}, ranges(1<<24+1)); !errors.Is(err, ErrTooManyRanges) {
		t.Errorf("2^24 + 1 ranges: %v", err)
	}
}

// A plan without any pool of NAT44 has nothing that the programs could translate.
func TestNoPools(t *testing.T) {
	if got, err := NewTables(&alloc.Plan{}); got != nil || !errors.Is(err, ErrInexpressible) {
		t.Errorf("NewTables = %v, %v; want %v", got, err, ErrInexpressible)
	}
}
