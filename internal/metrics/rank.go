package metrics

import (
	"cmp"
	"fmt"
	"slices"
)

// An Order is what subscribers are ranked by. The zero Order is invalid.
type Order uint8

// The orders.
const (
	ByPorts    Order = iota + 1 // ports of the protocol that the subscriber uses most
	ByMappings                  // mappings of all protocols
	BySessions                  // sessions of all protocols; 0 where the backend does not know them
)

// Orders are the names of all orders.
var Orders = []string{"ports", "mappings", "sessions"}

// ParseOrder returns the order of a name.
func ParseOrder(name string) (o Order, ok bool) {
	i := slices.Index(Orders, name)
	return Order(i + 1), i >= 0
}

// String returns "ports", "mappings" or "sessions".
func (o Order) String() string {
	if o < ByPorts || o > BySessions {
		return fmt.Sprintf("Order(%d)", uint8(o))
	}
	return Orders[o-1]
}

// Of returns the number that an order goes by.
func (o Order) Of(u Use) uint64 {
	switch o {
	case ByMappings:
		return u.Mappings.Sum()
	case BySessions:
		return u.Sessions.Sum()
	}
	return u.Ports.Max()
}

// Sum returns the three together.
func (p Protocols) Sum() uint64 { return p.TCP + p.UDP + p.ICMP }

// compare puts who uses more first, and then goes by pool and address, so that the result does not depend on the order of the kernel.
func (o Order) compare(a, b Use) int {
	return cmp.Or(cmp.Compare(o.Of(b), o.Of(a)), cmp.Compare(a.Share.Pool().Name(), b.Share.Pool().Name()), a.Share.Inside().Compare(b.Share.Inside()))
}

// A ranking keeps the n who use most.
type ranking struct {
	n     int
	order Order
	uses  []Use // most first
}

func (r *ranking) add(u Use) {
	if r.n == 0 || r.order.Of(u) == 0 || len(r.uses) == r.n && r.order.compare(r.uses[r.n-1], u) <= 0 {
		return
	}
	i, _ := slices.BinarySearchFunc(r.uses, u, r.order.compare)
	r.uses = slices.Insert(r.uses, i, u)
	r.uses = r.uses[:min(len(r.uses), r.n)]
}

// Rank has Usage.Most have the n who use most, at most MaxTop. Call it before Add.
func (t *Tally) Rank(n int) {
	for i := range t.rankings {
		t.rankings[i] = ranking{n: min(max(n, 0), MaxTop), order: Order(i + 1)}
	}
}

// Most returns the subscribers who use most by an order, most first: as many as the reading was to rank. It must not be changed.
func (u *Usage) Most(o Order) []Use {
	if o < ByPorts || o > BySessions {
		return nil
	}
	return u.most[o-1]
}
