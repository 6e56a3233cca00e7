package rulefile

import (
	"cmp"
	"slices"
	"sort"
)

// nearby finds conditions by their destinations: of thousands of exceptions, a path is about few.
type nearby struct {
	n     int        // how many conditions are in it
	reach []reaching // by their first address
	loose []int32    // conditions that ask for no destination
	found []int32    // reused
}

// reaching is some destinations of a condition.
type reaching struct {
	span
	most uint32 // the last address of those up to here
	at   int32
}

// lag is how many conditions may be missing: they are looked at one by one.
func (y *nearby) lag() int { return 32 + y.n/8 }

// heed puts conditions into it, where many are missing.
func (y *nearby) heed(p *program, list []Condition) (steps int) {
	if len(list) >= y.n && len(list)-y.n <= y.lag() {
		return 0
	}
	*y = nearby{n: len(list), found: y.found}
	for i := range list {
		if dest := p.destOf(list[i].cond); dest != nil {
			for _, s := range dest {
				y.reach = append(y.reach, reaching{span: s, at: int32(i)})
			}
			continue
		}
		y.loose = append(y.loose, int32(i))
	}
	slices.SortFunc(y.reach, func(a, b reaching) int { return cmp.Compare(a.first, b.first) })
	most := uint32(0)
	for i := range y.reach {
		most = max(most, y.reach[i].last)
		y.reach[i].most = most
	}
	return len(list) + len(y.reach)
}

// destOf returns destinations that a circumstance asks for; nil where it asks for none.
func (p *program) destOf(c condID) []span {
	for _, id := range p.conds[c].atoms {
		if a := &p.atoms[id]; a.isDest {
			return a.dest
		}
	}
	return nil
}

// of returns which of n conditions may be true of packets to some destinations, ascending, and how many steps that took.
func (y *nearby) of(dest []span, n int) (list []int32, steps int) {
	y.found = append(y.found[:0], y.loose...)
	for _, d := range dest {
		i := sort.Search(len(y.reach), func(i int) bool { return y.reach[i].first > d.last }) - 1
		for steps++; i >= 0 && y.reach[i].most >= d.first; i-- {
			if steps++; y.reach[i].last >= d.first {
				y.found = append(y.found, y.reach[i].at)
			}
		}
	}
	for i := y.n; i < n; i++ {
		y.found = append(y.found, int32(i))
	}
	slices.Sort(y.found)
	y.found = slices.Compact(y.found)
	return y.found, steps + len(y.found)
}
