package rulefile

import (
	"slices"

	"github.com/cgnkit/cgnkit/portset"
)

// A setID stands for a port set of a table: millions of shares have a few thousand different ones. 0 is no ports.
type setID uint32

// A setTable holds every port set once.
type setTable struct {
	sets    []portset.Set // by setID; sets[0] is the zero Set
	byRange map[portset.Range]setID
	byText  map[string]setID // sets of several ranges
	unions  map[[2]setID]setID
	last    portset.Range // of the last look-up
	lastID  setID
}

func newSetTable() *setTable {
	return &setTable{sets: make([]portset.Set, 1), byRange: map[portset.Range]setID{}, byText: map[string]setID{}, unions: map[[2]setID]setID{}}
}

func (t *setTable) set(id setID) portset.Set { return t.sets[id] }

// ofRange returns the ID of a range of ports. Port 0 belongs to nobody: where a rule says 0-65535, it means all.
func (t *setTable) ofRange(first, last int) (setID, bool) {
	r, err := portset.NewRange(max(first, 1), last)
	if err != nil || first < 0 {
		return 0, false
	}
	if r == t.last {
		return t.lastID, true
	}
	id, ok := t.byRange[r]
	if !ok {
		s, err := portset.NewSet(r)
		if err != nil {
			return 0, false
		}
		id = t.append(s)
		t.byRange[r] = id
	}
	t.last, t.lastID = r, id
	return id, true
}

// of returns the ID of a set.
func (t *setTable) of(s portset.Set) setID {
	if r, ok := s.Range(); ok {
		id, _ := t.ofRange(int(r.First()), int(r.Last()))
		return id
	}
	text := s.String()
	id, ok := t.byText[text]
	if !ok {
		id = t.append(s)
		t.byText[text] = id
	}
	return id
}

func (t *setTable) append(s portset.Set) setID {
	t.sets = append(t.sets, s)
	return setID(len(t.sets) - 1)
}

// union returns the ID of two sets together.
func (t *setTable) union(a, b setID) setID {
	switch {
	case a == b || b == 0:
		return a
	case a == 0:
		return b
	}
	key := [2]setID{a, b}
	id, ok := t.unions[key]
	if !ok {
		ranges := slices.AppendSeq(slices.Collect(t.sets[a].Ranges()), t.sets[b].Ranges())
		s, err := portset.NewSet(ranges...)
		if err != nil {
			panic(err) // the sets of a table hold ports
		}
		id = t.of(s)
		t.unions[key] = id
	}
	return id
}

// parsePorts reads "1024-2047", "1024:2047" or "1024".
func parsePorts(b []byte) (first, last int, ok bool) {
	cut := len(b)
	for i, c := range b {
		if c == '-' || c == ':' {
			cut = i
			break
		}
	}
	from, ok := parseNumber(b[:cut])
	to, ok2 := from, true
	if cut < len(b) {
		to, ok2 = parseNumber(b[cut+1:])
	}
	return int(from), int(to), ok && ok2 && from <= to && to <= 65535
}
