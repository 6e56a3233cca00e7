package softwire

import (
	"cmp"
	"fmt"
	"iter"
	"net/netip"
	"slices"

	"github.com/cgnkit/cgnkit/portset"
)

// MaxBindings is the largest number of bindings of a table.
const MaxBindings = numberMask - 1

// Bindings are the binding table of an lwAFTR (RFC 7596 section 6.1). A table takes 32 to 60 bytes a binding, the more the fewer
// share an address.
type Bindings struct {
	entries []entry   // by IPv4 address, then by PSID
	shared  []address // one an IPv4 address, ascending
	byB4    hashIndex
	byIPv4  hashIndex
}

// An entry is a binding without what all bindings of its address have.
type entry struct {
	b4   bits128
	addr uint32 // number in shared
	psid uint16
	bits uint8
}

// An address is an IPv4 address with its bindings: entries[first : first+more+1].
type address struct {
	v4              uint32
	first           uint32
	more            uint16
	layout          portset.Layout
	lowest, highest uint16 // PSIDs
}

// numbered is a binding and its place among the specifications.
type numbered struct {
	Binding
	number int32
}

// NewBindings returns a table of what specs yields, MaxBindings at most. The error is an *InvalidError; paths of its
// findings are such as "bindings[7].psid". It finds, beside what is wrong with single bindings, a B4 or a PSID of an
// address that stands twice (ErrOverlap), and an address with different PSID offsets or lengths (ErrConflict).
// O(n log n) for n bindings, with some 60 bytes a binding beside the table while it works.
func NewBindings(specs iter.Seq[BindingSpec]) (*Bindings, error) {
	var fs findings
	var list []numbered
	n := 0
	for s := range specs {
		if n >= MaxBindings {
			fs.add(Finding{Err: ErrTooMany, Path: "bindings", Msg: fmt.Sprintf("there are more than %d bindings", MaxBindings)})
			break
		}
		b, found := newBinding(s)
		for _, f := range found {
			f.Path = fmt.Sprintf("bindings[%d].%s", n, f.Path)
			fs.add(f)
		}
		if fs.full() {
			break
		}
		list = append(list, numbered{b, int32(n)})
		n++
	}
	if err := fs.err(); err != nil {
		return nil, err
	}
	slices.SortFunc(list, func(a, b numbered) int {
		return cmp.Or(cmp.Compare(a.v4, b.v4), cmp.Compare(a.psid, b.psid), cmp.Compare(a.number, b.number))
	})
	t := &Bindings{}
	t.share(list, &fs)
	if len(fs) == 0 { // entries of one address fit its counters then
		t.index(list, &fs)
	}
	if err := fs.err(); err != nil {
		return nil, err
	}
	return t, nil
}

// share counts addresses and fills shared, whose entries are at the places of list.
func (t *Bindings) share(list []numbered, fs *findings) {
	addresses := 0
	for i := range list {
		if i == 0 || list[i].v4 != list[i-1].v4 {
			addresses++
		}
	}
	t.shared = make([]address, 0, addresses)
	for i, b := range list {
		if i == 0 || b.v4 != list[i-1].v4 {
			t.shared = append(t.shared, address{v4: b.v4, first: uint32(i), layout: b.layout, lowest: b.psid, highest: b.psid})
			continue
		}
		a, before := &t.shared[len(t.shared)-1], list[i-1]
		switch {
		case b.layout != a.layout:
			fs.add(b.finding(ErrConflict, "psid-length", "%v has %v in bindings[%d] and %v here (RFC 7597 section 5.1)",
				b.IPv4(), before.layout, before.number, b.layout))
		case b.psid == a.highest:
			fs.add(b.finding(ErrOverlap, "psid", "PSID %d of %v belongs to bindings[%d], too", b.psid, b.IPv4(), before.number))
		}
		a.highest = b.psid
		a.more++
	}
}

func (b numbered) finding(err error, field, format string, args ...any) Finding {
	return Finding{Err: err, Path: fmt.Sprintf("bindings[%d].%s", b.number, field), Msg: fmt.Sprintf(format, args...)}
}

// index fills entries and both indexes.
func (t *Bindings) index(list []numbered, fs *findings) {
	t.entries = make([]entry, len(list))
	t.byB4, t.byIPv4 = newHashIndex(len(list)), newHashIndex(len(t.shared))
	for k, a := range t.shared {
		at, tag := t.byIPv4.hash4(a.v4)
		t.byIPv4.put(at, tag, k)
		for i := a.first; i <= a.first+uint32(a.more); i++ {
			t.entries[i] = entry{b4: list[i].b4, addr: uint32(k), psid: list[i].psid, bits: list[i].bits}
		}
	}
	for i, b := range list {
		at, tag := t.byB4.hash6(b.b4)
		if j := t.numberOfB4(b.b4); j >= 0 {
			fs.add(b.finding(ErrOverlap, "b4", "%v is the B4 of bindings[%d], too", b.B4(), list[j].number))
			continue
		}
		t.byB4.put(at, tag, i)
	}
}

// Len returns the number of bindings.
func (t *Bindings) Len() int { return len(t.entries) }

// All iterates over all bindings by IPv4 address, then by PSID.
func (t *Bindings) All() iter.Seq[Binding] {
	return func(yield func(Binding) bool) {
		for i := range t.entries {
			if !yield(t.binding(i)) {
				return
			}
		}
	}
}

func (t *Bindings) binding(i int) Binding {
	e := &t.entries[i]
	a := &t.shared[e.addr]
	return Binding{b4: e.b4, bits: e.bits, layout: a.layout, psid: e.psid, v4: a.v4}
}

func (t *Bindings) numberOfB4(b4 bits128) int {
	for at, tag := t.byB4.hash6(b4); ; {
		var i int
		if i, at = t.byB4.next(at, tag); i < 0 || t.entries[i].b4 == b4 {
			return i
		}
	}
}

// Forward returns the binding of a B4, by its address. The error is ErrNoRule. O(1), no allocation.
func (t *Bindings) Forward(b4 netip.Addr) (Binding, error) {
	if b4.Is6() {
		if i := t.numberOfB4(from6(b4)); i >= 0 {
			return t.binding(i), nil
		}
	}
	return Binding{}, ErrNoRule
}

// Reverse returns the binding that has this IPv4 address and port (for ICMP, the identifier). The error is ErrNoRule,
// ErrExcluded or ErrUnassigned. O(1) where the PSIDs of an address are evenly spread, O(k) otherwise; no allocation.
func (t *Bindings) Reverse(ipv4 netip.Addr, port uint16) (Binding, error) {
	if !ipv4.Is4() {
		return Binding{}, ErrNoRule
	}
	v4 := from4(ipv4)
	for at, tag := t.byIPv4.hash4(v4); ; {
		var k int
		if k, at = t.byIPv4.next(at, tag); k < 0 {
			return Binding{}, ErrNoRule
		}
		if a := &t.shared[k]; a.v4 == v4 {
			psid, ok := a.layout.PSID(port)
			if !ok {
				return Binding{}, ErrExcluded
			}
			if i := t.search(a, psid); i >= 0 {
				return t.binding(i), nil
			}
			return Binding{}, ErrUnassigned
		}
	}
}

// search returns the entry of a with this PSID, or -1. PSIDs are ascending and different, so that where they have no gaps
// the first look finds it. Every second look is in the middle, so that gaps cannot make it slow.
func (t *Bindings) search(a *address, psid uint16) int {
	if psid < a.lowest || psid > a.highest {
		return -1
	}
	first, last := int(a.first), int(a.first)+int(a.more)
	low, high := int(a.lowest), int(a.highest)
	for turn := 0; first <= last; turn++ {
		// Entry i has a PSID of at least low+(i-first), and of at most high-(last-i).
		from, to := max(first, last-(high-int(psid))), min(last, first+(int(psid)-low))
		if from > to {
			return -1
		}
		i := from + (to-from)/2
		if turn%2 == 0 && high > low {
			i = min(max(first+int(int64(int(psid)-low)*int64(last-first)/int64(high-low)), from), to)
		}
		switch p := t.entries[i].psid; {
		case p == psid:
			return i
		case p < psid:
			first, low = i+1, int(p)+1
		default:
			last, high = i-1, int(p)-1
		}
	}
	return -1
}

// Check says whether a packet from a B4 has the sources that it must have (RFC 7596 section 6.2). It returns nil, or the
// first reason why not, in this order: ErrNoRule, ErrIPv4Source, ErrExcluded, ErrPort. O(1), no allocation.
func (t *Bindings) Check(ipv6, ipv4 netip.Addr, port uint16) error {
	b, err := t.Forward(ipv6)
	switch {
	case err != nil:
		return err
	case !ipv4.Is4() || from4(ipv4) != b.v4:
		return ErrIPv4Source
	}
	psid, ok := b.layout.PSID(port)
	switch {
	case !ok:
		return ErrExcluded
	case psid != b.psid:
		return ErrPort
	}
	return nil
}
