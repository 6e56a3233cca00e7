//go:build linux

package nat44

import (
	"errors"
	"fmt"
	"strings"

	"github.com/google/nftables"

	"github.com/cgnkit/cgnkit/alloc"
)

// ErrConflict says that another instance in the same network namespace has some of the addresses.
var ErrConflict = errors.New("addresses belong to another instance")

// instanceAddresses are what another instance has in the kernel.
type instanceAddresses struct {
	table           string
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
		o := instanceAddresses{table: t.Name}
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
