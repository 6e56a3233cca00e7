//go:build linux

package nat44

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/google/nftables"

	"github.com/cgnkit/cgnkit/alloc"
)

// ErrConflict says that another instance in the same network namespace has some of the addresses.
var ErrConflict = errors.New("addresses belong to another instance")

// instanceAddresses are what another instance has in the kernel.
type instanceAddresses struct {
	instance        Instance
	table, sha256   string // of the plan, "" where the kernel does not say
	inside, outside []alloc.AddrRange
}

// otherInstances reads the addresses of all other instances of the namespace. Inside addresses are left out where there are so
// many ranges that listing them takes long.
func (k *Kernel) otherInstances(instance Instance) ([]instanceAddresses, error) {
	tables, err := k.nft.ListTablesOfFamily(nftables.TableFamilyIPv4)
	if err != nil {
		return nil, kernelErr("list tables", err)
	}
	var out []instanceAddresses
	for _, t := range tables {
		if t.Name == instance.Table() || t.Name != DefaultInstance && !strings.HasPrefix(t.Name, DefaultInstance+"_") {
			continue
		}
		other := Instance{DefaultInstance}
		if t.Name != DefaultInstance {
			other.name = strings.TrimPrefix(t.Name, DefaultInstance+"_")
		}
		st, err := k.read(other)
		if err != nil {
			return nil, err
		}
		if !st.loaded {
			continue
		}
		o := instanceAddresses{instance: other, table: t.Name, sha256: st.mark.plan}
		for base, to := range map[string]*[]alloc.AddrRange{insideSet: &o.inside, outsideSet: &o.outside} {
			name := st.live.of(base)
			if s := st.sets[name]; s == nil || !s.Interval {
				continue
			}
			n, err := k.sock.count(t.Name, name)
			if err != nil {
				return nil, err
			}
			if n > dumpLimit && n != countUnknown {
				continue
			}
			if *to, err = k.storedRanges(t.Name, name); err != nil {
				return nil, err
			}
		}
		o.inside, o.outside = merge(o.inside), merge(o.outside)
		out = append(out, o)
	}
	return out, nil
}

// conflict returns an error if another instance has addresses of rs: an outside address and port would have two owners, or a
// subscriber two translations of which the first table wins.
func (rs *Ruleset) conflict(others []instanceAddresses) error {
	for _, o := range others {
		if a, _, found := crossing(rs.outside, o.outside); found {
			return fmt.Errorf("%w: outside addresses in %v, in table ip %s", ErrConflict, a, o.table)
		}
		if a, _, found := crossing(rs.inside, o.inside); found {
			return fmt.Errorf("%w: inside addresses in %v, in table ip %s", ErrConflict, a, o.table)
		}
	}
	return nil
}

// An Overlap is an instance that has some of a plan's outside addresses.
type Overlap struct {
	Instance Instance
	SHA256   string          // of its plan, "" where the kernel does not say
	Range    alloc.AddrRange // of the plan, with some of them
}

// Overlaps returns the instances that have some of a plan's outside addresses, in the order of the kernel. Apply looks itself; this
// is for who translates by other means.
func (k *Kernel) Overlaps(plan *alloc.Plan) (out []Overlap, err error) {
	var outside []alloc.AddrRange
	for p := range plan.Pools() {
		outside = slices.AppendSeq(outside, p.OutsideRanges())
	}
	outside = merge(outside)
	all, err := k.otherInstances(Instance{}) // which is nobody's
	if err != nil {
		return nil, err
	}
	for _, o := range all {
		if a, _, found := crossing(outside, o.outside); found {
			out = append(out, Overlap{o.instance, o.sha256, a})
		}
	}
	return out, nil
}
