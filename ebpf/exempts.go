package ebpf

import (
	"fmt"
	"slices"

	"github.com/cgnkit/cgnkit/alloc"
)

// maxExempts is how many entries the destinations that are not translated may take. Each is repeated wherever the addresses
// of another begin or end within its own.
const maxExempts = 1 << 20

// addExempts appends the destinations that are not translated, and returns the ranges that lead to them: disjoint, each with
// the entries of all destinations that hold it.
//
//	list    |------- any -------|            |-- udp/53 --|
//	              |- tcp/80 -|                     |---- tcp/53 ----|
//	ranges  |------- any -------|            |udp53|udp,tcp|-tcp53--|
func (t *Tables) addExempts(list []alloc.Destination) (ranges []addrRange, err error) {
	bounds := make([]uint64, 0, 2*len(list)) // where another set of destinations begins
	for _, d := range list {
		bounds = append(bounds, uint64(hostOrder(d.Addrs().First())), uint64(hostOrder(d.Addrs().Last()))+1)
	}
	slices.Sort(bounds)
	bounds = slices.Compact(bounds)
	begin := slices.Clone(list)
	slices.SortFunc(begin, func(a, b alloc.Destination) int { return a.Addrs().First().Compare(b.Addrs().First()) })
	var active []alloc.Destination
	for i, b := range bounds {
		active = slices.DeleteFunc(active, func(d alloc.Destination) bool { return uint64(hostOrder(d.Addrs().Last())) < b })
		for len(begin) > 0 && uint64(hostOrder(begin[0].Addrs().First())) == b {
			active, begin = append(active, begin[0]), begin[1:]
		}
		if len(active) == 0 {
			continue // a gap, or the end
		}
		entries := exemptsOf(active)
		ranges = append(ranges, addrRange{First: uint32(b), Last: uint32(bounds[i+1] - 1), Pool: uint32(len(t.exempts)), Position: uint32(len(entries))})
		t.exempts = append(t.exempts, entries...)
		if len(t.exempts) > maxExempts {
			return nil, fmt.Errorf("%w: the destinations that are not translated overlap too much: more than %d entries", ErrTooManyRanges, maxExempts)
		}
	}
	return ranges, nil
}

// exemptsOf returns the entries of destinations: a single one where all ports of one of them count.
func exemptsOf(list []alloc.Destination) (out []exempt) {
	for _, d := range list {
		ports, ok := d.Ports()
		if !ok {
			return []exempt{{}}
		}
		out = append(out, exempt{First: ports.First(), Last: ports.Last(), Protocol: uint8(d.Protocol())})
	}
	return out
}
