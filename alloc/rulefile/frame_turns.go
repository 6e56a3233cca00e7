package rulefile

import (
	"github.com/cgnkit/cgnkit/alloc"
	"github.com/cgnkit/cgnkit/portset"
)

// A window is the sets that take turns: in each turn, as many ports as there are owners are usable, whether somebody has them or not.
type window struct {
	ports [][]int // by set and turn
	gaps  []int   // owners whom nobody knows behind each set; behind the last, those of this turn and of the next
}

// takingTurns returns the shapes in which owners take turns where some of them are missing and some ports are reserved. The narrowest turn
// between two sets says how many owners are missing there: reserved ports only make turns wider.
func takingTurns(sets []portset.Set, size int) []alloc.PoolSpec {
	owners := distance(sets[0])
	if owners < 2 || size < 2 {
		return nil
	}
	windows := windowsOf(sets)
	var used []portset.Range
	last := 1023 // behind this port are the first owners
	for i := range windows {
		w := &windows[i]
		if !w.count(owners) {
			return nil
		}
		end := len(w.gaps) - 1
		before := max(0, min(w.gaps[end], w.ports[0][0]-last-1))
		used = w.usable(used, before)
		last = w.ports[end][size-1] + w.gaps[end] - before
	}
	all, err := portset.NewSet(used...)
	if err != nil {
		return nil
	}
	step := alloc.PoolSpec{Scheme: alloc.Step, StepSize: owners, PortsPerSubscriber: size}
	staggered := alloc.PoolSpec{Scheme: alloc.Staggered, SharingRatio: owners, PortsPerSubscriber: size}
	if !usable(&step, all) || !usable(&staggered, all) {
		return nil
	}
	if len(windows) == 1 {
		return []alloc.PoolSpec{staggered, step}
	}
	return []alloc.PoolSpec{step}
}

// distance returns the least distance of two ports of a set.
func distance(s portset.Set) int {
	least, last := portset.PortCount, -1
	for p := range s.Ports() {
		if last >= 0 {
			least = min(least, int(p)-last)
		}
		last = int(p)
	}
	return least
}

// windowsOf parts sets, which are in ascending order: a window begins with a set whose first port lies behind the first turn.
func windowsOf(sets []portset.Set) []window {
	var out []window
	for _, s := range sets {
		ports := make([]int, 0, s.Len())
		for p := range s.Ports() {
			ports = append(ports, int(p))
		}
		n := len(out) - 1
		if n < 0 || ports[0] > out[n].ports[0][1] {
			out = append(out, window{})
			n++
		}
		out[n].ports = append(out[n].ports, ports)
	}
	return out
}

// count finds the gaps, and reports whether they make as many owners as there must be.
func (w *window) count(owners int) bool {
	n := len(w.ports)
	w.gaps = make([]int, n)
	sum := n
	for i := range w.ports {
		w.gaps[i] = portset.PortCount
		next, later := (i+1)%n, (i+1)/n // behind the last set comes the next turn of the first
		for t := 0; t+later < len(w.ports[i]); t++ {
			w.gaps[i] = min(w.gaps[i], w.ports[next][t+later]-w.ports[i][t]-1)
		}
		if w.gaps[i] < 0 {
			return false // they do not take turns
		}
		sum += w.gaps[i]
	}
	return sum == owners
}

// usable appends the usable ports of a window. Of the owners between two turns, before come first in theirs.
func (w *window) usable(to []portset.Range, before int) []portset.Range {
	add := func(first, n int) {
		if r, err := portset.NewRange(first, first+n-1); n > 0 && err == nil {
			to = append(to, r)
		}
	}
	end := len(w.ports) - 1
	add(w.ports[0][0]-before, before)
	for i, ports := range w.ports {
		for t, p := range ports {
			n := w.gaps[i]
			if i == end && t == len(ports)-1 {
				n -= before
			}
			add(p, 1+n)
		}
	}
	return to
}
