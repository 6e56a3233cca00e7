package ebpf

import (
	"encoding/binary"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"unsafe"

	"github.com/cgnkit/cgnkit/alloc"
	"github.com/cgnkit/cgnkit/ebpf/internal/bpf"
)

// What the maps hold: the structs of bpf/types.h, which says what their fields mean.
type (
	pool      = bpf.CgnatCgnPool
	row       = bpf.CgnatCgnRow
	index     = bpf.CgnatCgnIndex
	node      = bpf.CgnatCgnNode
	bucket    = bpf.CgnatCgnBucket
	addrRange = bpf.CgnatCgnRange
	cut       = bpf.CgnatCgnCut
	exempt    = bpf.CgnatCgnExempt
)

const (
	stripe = bpf.CgnatCgnPoolFlagCGN_POOL_STRIPE
	psid   = bpf.CgnatCgnPoolFlagCGN_POOL_PSID
	cutOut = bpf.CgnatCgnPoolFlagCGN_POOL_CUT
	listed = bpf.CgnatCgnPoolFlagCGN_POOL_LIST
	parity = bpf.CgnatCgnPoolFlagCGN_POOL_PARITY
	seated = bpf.CgnatCgnPoolFlagCGN_POOL_SEATED
)

// maxIndexes is how many indexes the programs can have: one a realm, and two.
const maxIndexes = int(bpf.CgnatCgnLimitCGN_INDEXES)

// ErrTooManyRealms means: the plan has more realms than the programs can tell apart.
var ErrTooManyRealms = errors.New("too many realms")

// ErrTooManyRanges means: the plan has more address ranges than the maps can index.
var ErrTooManyRanges = errors.New("too many address ranges")

// Tables are what the maps hold for a plan. They grow with its address ranges and outside addresses, and with its subscribers only
// where shares are listed (scheme explicit): by about 31 bytes for each.
//
// This file is the only one that converts byte order.
type Tables struct {
	plan    *alloc.Plan
	pools   []pool
	rows    []row
	indexes []index
	nodes   []node
	ranges  []addrRange
	buckets []bucket
	extents []extent // by index
	cuts    []cut
	exempts []exempt
	ratios  []uint32 // by row: how many shares it has

	lists  []func(*list) // each writes one; they are too large to keep
	shared []sharedList
}

// NewTables returns the tables of a plan. The error wraps ErrTooManyRanges, ErrTooManyRealms or ErrInexpressible.
func NewTables(plan *alloc.Plan) (*Tables, error) {
	if n := len(plan.Realms()); n > maxIndexes-2 {
		return nil, fmt.Errorf("%w: %d, and at most %d are possible", ErrTooManyRealms, n, maxIndexes-2)
	}
	t := &Tables{plan: plan}
	var outside []addrRange
	inside := make(map[string][]addrRange)
	for p := range plan.Pools() {
		number := uint32(len(t.pools))
		seats := t.addPool(p)
		outside = appendRanges(outside, number, slices.Collect(p.OutsideRanges()))
		if seats != nil {
			inside[p.Realm()] = append(inside[p.Realm()], seats...)
		} else {
			inside[p.Realm()] = appendRanges(inside[p.Realm()], number, slices.Collect(p.InsideRanges()))
		}
	}
	if len(t.pools) == 0 {
		return nil, fmt.Errorf("%w: it has no pool of NAT44, and routers of subscribers translate for the others", ErrInexpressible)
	}
	if err := t.addIndex(outside); err != nil {
		return nil, fmt.Errorf("outside addresses: %w", err)
	}
	for _, realm := range plan.Realms() {
		if err := t.addIndex(inside[realm]); err != nil {
			return nil, fmt.Errorf("realm %s: %w", realm, err)
		}
	}
	exempts, err := t.addExempts(plan.NoTranslate())
	if err != nil {
		return nil, err
	}
	if err := t.addTree(index{}, exempts); err != nil {
		return nil, fmt.Errorf("destinations that are not translated: %w", err)
	}
	return t, nil
}

// addPool appends a pool and its rows. With scheme explicit, it returns where each subscriber sits.
func (t *Tables) addPool(p *alloc.Pool) (seats []addrRange) {
	e := pool{
		Subscribers: uint32(p.Subscribers()),
		Addresses:   uint32(p.Addresses()),
		Row:         uint32(len(t.rows)),
		Ratio:       uint32(p.SharingRatio()),
		Size:        uint32(p.PortsPerSubscriber()),
		Step:        1,
		Usable:      uint32(p.Usable().Len()),
		FirstPort:   p.Usable().First(),
		Realm:       uint16(slices.Index(t.plan.Realms(), p.Realm())),
	}
	for r := range p.OutsideRanges() {
		for a, last := hostOrder(r.First()), hostOrder(r.Last()); ; a++ {
			t.rows = append(t.rows, row{Addr: wireOrder(a), Pool: uint32(len(t.pools))})
			t.ratios = append(t.ratios, e.Ratio)
			if a == last {
				break
			}
		}
	}
	switch p.Scheme() {
	case alloc.Stripe:
		e.Flags |= stripe
	case alloc.Staggered:
		e.Step = e.Ratio
	case alloc.Step:
		e.Step = uint32(p.StepSize())
	}
	if p.Scheme() == alloc.Explicit {
		seats = t.addShares(&e, p)
	} else {
		t.addPorts(&e, p)
	}
	if p.Scheme() != alloc.Explicit && e.Flags&listed == 0 && alternates(e) {
		e.Flags |= parity // not where shares are listed: those of others would say whether they are all ranges, and so where homes are
	}
	t.pools = append(t.pools, e)
	return seats
}

// alternates reports whether the ports of a share are odd and even in turn.
func alternates(e pool) bool {
	if e.Flags&psid != 0 {
		return e.Contiguous > 0 && e.Offset < 16
	}
	return e.Step%2 == 1
}

// appendRanges appends the ranges of a pool, in their order.
func appendRanges(out []addrRange, pool uint32, in []alloc.AddrRange) []addrRange {
	out = slices.Grow(out, len(in))
	var position uint32
	for _, r := range in {
		out = append(out, addrRange{First: hostOrder(r.First()), Last: hostOrder(r.Last()), Pool: pool, Position: position})
		position += uint32(r.Len())
	}
	return out
}

// Bytes returns the memory of the maps' contents.
func (t *Tables) Bytes() uint64 {
	return bytesOf(t.pools) + bytesOf(t.rows) + bytesOf(t.indexes) + bytesOf(t.nodes) + bytesOf(t.ranges) + bytesOf(t.buckets) + bytesOf(t.cuts) + bytesOf(t.exempts) +
		uint64(len(t.lists))*uint64(unsafe.Sizeof(list{}))
}

func bytesOf[T any](s []T) uint64 {
	var entry T
	return uint64(len(s)) * uint64(unsafe.Sizeof(entry))
}

// hostOrder returns an address as a number, as C does with ntohl.
func hostOrder(a netip.Addr) uint32 {
	b := a.As4()
	return binary.BigEndian.Uint32(b[:])
}

// wireOrder returns a number as C's __be32.
func wireOrder(a uint32) uint32 {
	var b [4]byte
	binary.BigEndian.PutUint32(b[:], a)
	return binary.NativeEndian.Uint32(b[:])
}

// wire16 returns a number as C's __be16.
func wire16(n uint16) uint16 {
	var b [2]byte
	binary.BigEndian.PutUint16(b[:], n)
	return binary.NativeEndian.Uint16(b[:])
}

// fromWire is the inverse, as an address.
func fromWire(a uint32) netip.Addr {
	var b [4]byte
	binary.NativeEndian.PutUint32(b[:], a)
	return netip.AddrFrom4(b)
}

// wirePort returns a port as C's __be16, and fromWirePort is the inverse.
func wirePort(port uint16) uint16 {
	var b [2]byte
	binary.BigEndian.PutUint16(b[:], port)
	return binary.NativeEndian.Uint16(b[:])
}

func fromWirePort(port uint16) uint16 { return wirePort(port) }
