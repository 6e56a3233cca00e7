package ebpf

import (
	"errors"
	"fmt"
	"math"
	"net/netip"
	"slices"
	"unsafe"

	"github.com/cilium/ebpf"

	"github.com/cgnkit/cgnkit/alloc"
	"github.com/cgnkit/cgnkit/ebpf/internal/bpf"
	"github.com/cgnkit/cgnkit/portset"
)

const (
	slotBytes    = 16 // struct cgn_slot
	accountBytes = 64 // struct cgn_account
	protocols    = int(bpf.CgnatCgnProtoCGN_PROTOS)
	tableSlots   = protocols << 16
)

// pinnedTogether is how many addresses are added to a map at once: that many descriptors are open, and the kernel waits for
// running programs once for them and not once for each.
const pinnedTogether = 256

// addAddresses gives every outside address its slots and accounts: those that it has, or new ones.
func (b *builder) addAddresses() error {
	var had map[netip.Addr]int
	if b.old != nil {
		had = b.old.rowsByAddress()
		var err error
		if b.oldPools, err = b.old.poolsInForce(); err != nil {
			return err
		}
	}
	if err := b.checkMemory(); err != nil {
		return err
	}
	for first := 0; first < len(b.tables.rows); first += pinnedTogether {
		last := min(first+pinnedTogether, len(b.tables.rows))
		if err := b.addRows(first, last, had); err != nil {
			return err
		}
	}
	return nil
}

// addRows does that for some rows.
func (b *builder) addRows(first, last int, had map[netip.Addr]int) error {
	var rows, slots, accounts []uint32
	var open []*ebpf.Map
	defer func() {
		for _, m := range open {
			m.Close()
		}
	}()
	for row := first; row < last; row++ {
		old := -1
		if r, ok := had[b.address(row)]; ok && b.sameRealm(row, b.old, r) {
			old = r
		}
		s, a, err := b.tablesOf(row, old)
		if s != nil {
			open = append(open, s)
		}
		if a != nil {
			open = append(open, a)
		}
		if err != nil {
			return err
		}
		rows, slots, accounts = append(rows, uint32(row)), append(slots, uint32(s.FD())), append(accounts, uint32(a.FD()))
	}
	for name, fds := range map[string][]uint32{bpf.CgnatMapSlots: slots, bpf.CgnatMapAccounts: accounts} {
		if _, err := b.coll.Maps[name].BatchUpdate(rows, fds, nil); err != nil {
			return fmt.Errorf("add the %s of %v to %v: %w", name, b.address(first), b.address(last-1), err)
		}
	}
	return nil
}

// sameRealm reports whether the same inside address means the same subscriber in a row and in a row of another generation.
func (g *generation) sameRealm(row int, other *generation, there int) bool {
	return g.realmOf(g.tables.rows[row].Pool) == other.realmOf(other.tables.rows[there].Pool)
}

// tablesOf returns the slots and accounts of a row, pinned. old is the row that the address had, or -1.
func (b *builder) tablesOf(row, old int) (slots, accounts *ebpf.Map, err error) {
	addr := b.address(row)
	fresh := old < 0
	if !fresh {
		slots, err = b.old.openMap("slots", addr)
		fresh = errors.Is(err, ErrChanged) // somebody has taken the pin away, and its mappings with it
	}
	if fresh {
		slots, err = b.newTable(b.spec.Maps[bpf.CgnatMapSlots].InnerMap, addr, "slots")
	}
	if err != nil {
		return slots, nil, err
	}
	if fresh || !b.samePlaces(row, old) {
		accounts, err = b.newAccounts(row, fresh)
	} else if accounts, err = b.old.openMap("accounts", addr); errors.Is(err, ErrChanged) {
		accounts, err = b.newAccounts(row, false)
	}
	if err != nil {
		return slots, accounts, err
	}
	if b.path == "" {
		return slots, accounts, nil // not pinned, for benchmarks
	}
	return slots, accounts, errors.Join(pinMap(slots, b.at("slots", addr)), pinMap(accounts, b.at("accounts", addr)))
}

// poolsInForce returns the pools as the programs have them, which may be those of another release. It returns nothing where they cannot
// be told.
func (g *generation) poolsInForce() ([]pool, error) {
	m, err := g.openMap("maps", bpf.CgnatMapPools)
	if errors.Is(err, ErrChanged) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	defer m.Close()
	pools := make([]pool, len(g.tables.pools))
	if m.ValueSize() != uint32(unsafe.Sizeof(pool{})) || int(m.MaxEntries()) < len(pools) {
		return nil, nil
	}
	for i := range pools {
		if err := m.Lookup(uint32(i), &pools[i]); err != nil {
			return nil, fmt.Errorf("read the pools in force: %w", permission(err))
		}
	}
	return pools, nil
}

// sameHomes reports whether endpoints have the home in a share that they had, while the share is the same.
func (b *builder) sameHomes(row, old int) bool {
	was := b.old.tables.rows[old].Pool
	return b.record.Key == b.old.record.Key && int(was) < len(b.oldPools) &&
		(b.oldPools[was].Flags^b.tables.pools[b.tables.rows[row].Pool].Flags)&parity == 0
}

// samePlaces reports whether the shares of a row and the homes in them are where they were, so that what accounts say of them is still
// right.
func (b *builder) samePlaces(row, old int) bool {
	if b.unindexed || !b.sameHomes(row, old) {
		return false // who is away is not known
	}
	if b.record.SHA256 == b.old.record.SHA256 {
		return true
	}
	p, q := b.poolOf(row), b.old.poolOf(old)
	if p.Scheme() == alloc.Explicit && q.Scheme() == alloc.Explicit {
		return slices.EqualFunc(b.sharesOf(row), b.old.sharesOf(old), portset.Set.Equal)
	}
	if p.Scheme() == alloc.Random || p.Scheme() != q.Scheme() || p.StepSize() != q.StepSize() ||
		p.SharingRatio() != q.SharingRatio() || p.PortsPerSubscriber() != q.PortsPerSubscriber() || !p.Usable().Equal(q.Usable()) {
		return false
	}
	l, _ := p.Layout()
	m, _ := q.Layout()
	return l == m
}

// sharesOf returns the shares of a row by slot.
func (g *generation) sharesOf(row int) (out []portset.Set) {
	for a := range g.plan.Holders(g.address(row)) {
		out = append(out, a.Ports())
	}
	return out
}

// newAccounts makes the accounts of a row. Where the slots hold mappings already, they are looked for everywhere, until a sweep
// has found out which are not at home.
func (b *builder) newAccounts(row int, fresh bool) (*ebpf.Map, error) {
	spec := b.spec.Maps[bpf.CgnatMapAccounts].InnerMap.Copy()
	spec.MaxEntries = b.ratio(row)
	m, err := b.newTable(spec, b.address(row), "accounts")
	if err != nil || fresh {
		return m, err
	}
	b.relaid = append(b.relaid, row)
	most := uint16(b.poolOf(row).Usable().Len())
	keys := make([]uint32, spec.MaxEntries)
	accounts := make([]bpf.CgnatCgnAccount, spec.MaxEntries)
	for i := range accounts {
		keys[i] = uint32(i)
		accounts[i].Flags = uint8(bpf.CgnatCgnAccountFlagCGN_ACCOUNT_ASTRAY * 7) // all protocols
		accounts[i].Strays = [3]uint64{math.MaxUint64, math.MaxUint64, math.MaxUint64}
		// Enough to have them counted when a limit is near, and too few to overflow before that.
		accounts[i].Used = [4]uint16{most / 2, most / 2, most / 2}
	}
	if _, err := m.BatchUpdate(keys, accounts, nil); err != nil {
		return m, fmt.Errorf("write the accounts of %v: %w", b.address(row), err)
	}
	return m, nil
}

func (b *builder) newTable(spec *ebpf.MapSpec, addr netip.Addr, what string) (*ebpf.Map, error) {
	m, err := ebpf.NewMap(spec)
	if err != nil {
		bytes := uint64(spec.MaxEntries) * uint64(spec.ValueSize)
		return nil, mapError(err, fmt.Sprintf("make the %s of %v, one of %d outside addresses", what, addr, len(b.tables.rows)), bytes)
	}
	return m, nil
}

// pinMap pins a map once more, wherever it is pinned already.
func pinMap(m *ebpf.Map, path string) error {
	other, err := m.Clone()
	if err != nil {
		return fmt.Errorf("clone a map: %w", err)
	}
	defer other.Close()
	if err := other.Pin(path); err != nil {
		return fmt.Errorf("pin a map: %w", err)
	}
	return nil
}
