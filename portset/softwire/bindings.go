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
const MaxBindings = 1 << 24

// Bindings are the binding table of an lwAFTR (RFC 7596 section 6.1). A table takes 53 to 86 bytes a binding, the more the fewer
// share an address.
type Bindings struct {
	byB4   table[bits128, Binding]
	byIPv4 table[uint32, address]

	// By IPv4 address, then by PSID: places in byB4, and the PSIDs again, so that a search stays in a few cache lines.
	order []uint32
	psids []uint16

	by6 []uint32 // places in byB4, by the address of the B4
}

// An address is an IPv4 address with its bindings. Its 16 bytes never lie in two cache lines.
type address struct {
	v4              uint32
	at              uint32 // of one binding its place in byB4; of several the first in order
	more            uint16 // bindings behind the first
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
	t := &Bindings{
		byB4:  newTable(len(list), 3, func(b *Binding) (bits128, bool) { return b.b4, b.IsValid() }),
		order: make([]uint32, len(list)), psids: make([]uint16, len(list)),
	}
	t.bind(list, &fs)
	t.share(list, &fs)
	if err := fs.err(); err != nil {
		return nil, err
	}
	t.sortB4()
	return t, nil
}

// bind fills byB4, order and psids.
func (t *Bindings) bind(list []numbered, fs *findings) {
	for i, b := range list {
		at, taken := t.byB4.find(b.b4)
		if taken {
			if fs.full() {
				return
			}
			// The list is by IPv4 address; whoever stands first among the specifications is right.
			first := slices.IndexFunc(list, func(o numbered) bool { return o.b4 == b.b4 })
			right, wrong := list[first], b
			for _, o := range list[first:] {
				if o.b4 == b.b4 && o.number < right.number {
					right = o
				}
			}
			if right.number == b.number {
				wrong = list[first]
			}
			fs.add(wrong.finding(ErrOverlap, "b4", "%v is the B4 of bindings[%d], too", b.B4(), right.number))
			continue
		}
		t.byB4.slots[at] = b.Binding
		t.order[i], t.psids[i] = uint32(at), b.psid
	}
}

// share fills byIPv4.
func (t *Bindings) share(list []numbered, fs *findings) {
	addresses := 0
	for i := range list {
		if i == 0 || list[i].v4 != list[i-1].v4 {
			addresses++
		}
	}
	t.byIPv4 = newTable(addresses, 1, func(a *address) (uint32, bool) { return a.v4, a.layout.IsValid() })
	first := 0 // of the bindings of an address, whose layout is that of all
	for i, b := range list {
		at, there := t.byIPv4.find(b.v4)
		a := &t.byIPv4.slots[at]
		if !there {
			first = i
			*a = address{v4: b.v4, at: t.order[i], layout: b.layout, lowest: b.psid, highest: b.psid}
			continue
		}
		before := list[i-1]
		switch {
		case b.layout != a.layout:
			fs.add(b.finding(ErrConflict, differing(b.layout, a.layout), "%v has %v in bindings[%d] and %v here (RFC 7597 section 5.1)",
				b.IPv4(), a.layout, list[first].number, b.layout))
		case b.psid == a.highest:
			fs.add(b.finding(ErrOverlap, "psid", "PSID %d of %v belongs to bindings[%d], too", b.psid, b.IPv4(), before.number))
		}
		if a.highest = b.psid; a.more == 0 {
			a.at = uint32(i) - 1
		}
		a.more++
	}
}

func (b numbered) finding(err error, field, format string, args ...any) Finding {
	return Finding{Err: err, Path: fmt.Sprintf("bindings[%d].%s", b.number, field), Msg: fmt.Sprintf(format, args...)}
}

// Len returns the number of bindings.
func (t *Bindings) Len() int { return len(t.order) }

// All iterates over all bindings by IPv4 address, then by PSID.
func (t *Bindings) All() iter.Seq[Binding] {
	return func(yield func(Binding) bool) {
		for _, at := range t.order {
			if !yield(t.byB4.slots[at]) {
				return
			}
		}
	}
}

// Forward returns the binding of a B4, by its address. The error is ErrNoRule. O(1), no allocation.
func (t *Bindings) Forward(b4 netip.Addr) (Binding, error) {
	if b4.Is6() {
		if at, ok := t.byB4.find(from6(b4)); ok {
			return t.byB4.slots[at], nil
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
	at, ok := t.byIPv4.find(from4(ipv4))
	if !ok {
		return Binding{}, ErrNoRule
	}
	a := &t.byIPv4.slots[at]
	psid, ok := a.layout.PSID(port)
	if !ok {
		return Binding{}, ErrExcluded
	}
	if at, ok := t.holder(a, psid); ok {
		return t.byB4.slots[at], nil
	}
	return Binding{}, ErrUnassigned
}

// holder returns the place in byB4 of who has a PSID of an address.
func (t *Bindings) holder(a *address, psid uint16) (at uint32, ok bool) {
	if a.more == 0 {
		return a.at, psid == a.lowest
	}
	if i := t.search(a, psid); i >= 0 {
		return t.order[i], true
	}
	return 0, false
}

// search returns where a PSID of an address with several bindings stands in psids, or -1. PSIDs are ascending and different, so that where they
// have no gaps the first look finds it. Every second look is in the middle, so that gaps cannot make it slow.
func (t *Bindings) search(a *address, psid uint16) int {
	if psid < a.lowest || psid > a.highest {
		return -1
	}
	first, last := int(a.at), int(a.at)+int(a.more)
	low, high := int(a.lowest), int(a.highest)
	for turn := 0; first <= last; turn++ {
		// psids[i] is at least low+(i-first), and at most high-(last-i).
		from, to := max(first, last-(high-int(psid))), min(last, first+(int(psid)-low))
		if from > to {
			return -1
		}
		i := from + (to-from)/2
		if turn%2 == 0 && high > low {
			i = min(max(first+int(int64(int(psid)-low)*int64(last-first)/int64(high-low)), from), to)
		}
		switch p := t.psids[i]; {
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
