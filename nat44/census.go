//go:build linux

package nat44

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/google/nftables"
)

// A census counts subscribers across all maps of shares that the kernel has live, whatever their shape.
type census struct {
	total   uint64 // subscribers in the kernel
	present uint64 // of those, subscribers of the ruleset
}

// A primary is a live map of the kernel that gives subscribers a share. In a map of ranges, the element of bucket 0 stands for all.
type primary struct {
	set     string
	kind    mapKind
	buckets uint64
}

// primaries returns the live maps of shares.
func (st *state) primaries() []primary {
	var out []primary
	for _, name := range slices.Sorted(maps.Keys(st.sets)) {
		set := st.sets[name]
		base, g := splitName(name)
		if !set.IsMap || !isContent(name) || g != st.live {
			continue
		}
		if base == "shares" && set.KeyType.GetNFTMagic() == nftables.TypeIPAddr.GetNFTMagic() {
			out = append(out, primary{name, contiguous, 1})
		}
		if n, err := strconv.ParseUint(strings.TrimPrefix(base, "ranges_"), 10, 16); err == nil && n > 0 {
			out = append(out, primary{name, ranged, n})
		}
	}
	return out
}

// countShares counts the subscribers that a map of shares has.
func (k *Kernel) countShares(table string, p primary) (uint64, error) {
	n, err := k.sock.count(table, p.set)
	if err != nil {
		return 0, err
	}
	if n == countUnknown {
		n = 0
		if err := k.sock.dump(table, p.set, func() { n = 0 }, func(kernelElement) error { n++; return nil }); err != nil {
			return 0, err
		}
	}
	// Rounded up, so that a share that lost some of its elements still counts.
	return (n + p.buckets - 1) / p.buckets, nil
}

// census takes a census. It reads one element for every subscriber and map.
func (k *Kernel) census(rs *Ruleset, st *state) (c census, err error) {
	table := rs.instance.Table()
	for _, p := range st.primaries() {
		n, err := k.countShares(table, p)
		if err != nil {
			return c, err
		}
		c.total += n
		reader := newReader(k.sock, table, p.set, func(_ element, e *kernelElement) error {
			if e != nil {
				c.present++
			}
			return nil
		})
		for a := range rs.plan.All() {
			if err := reader.askElement(p.kind, element{Allocation: a}); err != nil {
				return c, fmt.Errorf("count subscribers: %w", err)
			}
		}
		if err := reader.flush(); err != nil {
			return c, err
		}
	}
	c.present = min(c.present, c.total)
	return c, nil
}
