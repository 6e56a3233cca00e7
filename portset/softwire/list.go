package softwire

import (
	"iter"
	"net/netip"
)

// Count returns the number of CEs of the domain: those of all rules, without the prefixes that a longer rule6 takes away.
func (d *Domain) Count() int64 {
	var n int64
	for i := range d.rules {
		r := &d.rules[i]
		n += r.Len()
		if p := d.by6.parent[i]; p != nobody { // of the outer rule, what lies in rule6 of the inner one
			n -= 1 << (d.rules[p].end - r.spec.IPv6.Bits())
		}
	}
	return n
}

// All iterates over the CEs of the domain: rule by rule, and in a rule by EA bits. Count says how many there are. It begins with
// O(n log n) for n rules.
func (d *Domain) All() iter.Seq[CE] {
	return func(yield func(CE) bool) { without(d.runs(), nil)(yield) }
}

// has reports whether no longer rule6 takes the prefix of a CE away.
func (d *Domain) has(ce CE) bool {
	return !ce.rule.shadowed || int(d.by6.find(ce.prefix)) == ce.rule.number
}

// On iterates over the CEs that have an IPv4 address or a share of it, by PSID: 65,536 at most.
func (d *Domain) On(ipv4 netip.Addr) iter.Seq[CE] {
	return func(yield func(CE) bool) {
		if !ipv4.Is4() {
			return
		}
		h := d.by4.find(uint64(from4(ipv4)))
		if h == nobody {
			return
		}
		for _, s := range d.sharers[d.holders[h].from:d.holders[h].to] {
			r := &d.rules[s.rule]
			for psid := range 1 << r.psids {
				ce := r.ce(r.suffixOf(from4(ipv4))<<r.psids | uint64(psid))
				if d.has(ce) && !yield(ce) {
					return
				}
			}
		}
	}
}

// Behind returns the CE in whose end-user prefix an address lies; Source asks more. The error is ErrNoRule. O(log n), no
// allocation.
func (d *Domain) Behind(ipv6 netip.Addr) (CE, error) { return d.behind(ipv6) }

// Find returns the CE of the rule with an IPv4 address and a PSID, which is 0 where the address is not shared. ok is false where
// the rule has none. O(1), no allocation.
func (r *Rule) Find(ipv4 netip.Addr, psid uint16) (ce CE, ok bool) {
	if !ipv4.Is4() || !r.spec.IPv4.Contains(ipv4) || int(psid) >= r.layout.SharingRatio() || r.fixed && psid != r.psid {
		return CE{}, false
	}
	if r.fixed {
		psid = 0 // EA bits do not hold it
	}
	return r.ce(r.suffixOf(from4(ipv4))<<r.psids | uint64(psid)), true
}

// suffixOf returns the bits of an address of rule4 that EA bits hold.
func (r *Rule) suffixOf(v4 uint32) uint64 {
	return uint64(v4&^mask32(r.spec.IPv4.Bits())) >> (32 - r.spec.IPv4.Bits() - r.suffix)
}

// Find returns the binding with an IPv4 address and a PSID, which is 0 where the address is not shared. ok is false where there
// is none. No allocation.
func (t *Bindings) Find(ipv4 netip.Addr, psid uint16) (b Binding, ok bool) {
	a := t.address(ipv4)
	if a == nil {
		return Binding{}, false
	}
	at, ok := t.holder(a, psid)
	if !ok {
		return Binding{}, false
	}
	return t.byB4.slots[at], true
}

// On iterates over the bindings of an IPv4 address, by PSID.
func (t *Bindings) On(ipv4 netip.Addr) iter.Seq[Binding] {
	return func(yield func(Binding) bool) {
		a := t.address(ipv4)
		if a == nil {
			return
		}
		places := []uint32{a.at}
		if a.more > 0 {
			places = t.order[a.at : int(a.at)+int(a.more)+1]
		}
		for _, at := range places {
			if !yield(t.byB4.slots[at]) {
				return
			}
		}
	}
}

func (t *Bindings) address(ipv4 netip.Addr) *address {
	if !ipv4.Is4() {
		return nil
	}
	at, ok := t.byIPv4.find(from4(ipv4))
	if !ok {
		return nil
	}
	return &t.byIPv4.slots[at]
}
