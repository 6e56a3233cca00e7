package ebpf

import (
	"math/rand/v2"
	"net/netip"
	"slices"

	"github.com/cgnkit/cgnkit/alloc"
	"github.com/cgnkit/cgnkit/portset"
)

// The oracle is package alloc, by Pool.At, Plan.Lookup, Plan.Holders and Plan.Trace. What it does not cover: rows, which are compared
// with the order of the outside ranges.

// forward compares C's forward answers with alloc's for the subscribers at some positions of every pool, and with Lookup for
// addresses beside the inside ranges. It returns how many it compared.
func (k *kernel) forward(rnd *rand.Rand, most int) (compared int) {
	k.tb.Helper()
	for number, p := range k.pools {
		positions := somePositions(rnd, p.Subscribers(), most)
		for chunk := range slices.Chunk(positions, batch/3) {
			compared += k.forwardChunk(rnd, uint32(number), p, chunk)
		}
	}
	return compared + k.beside()
}

// somePositions returns all positions below n, or where there are more than most: both ends, and others at random.
func somePositions(rnd *rand.Rand, n uint64, most int) (out []uint64) {
	if n <= uint64(most) {
		for i := range n {
			out = append(out, i)
		}
		return out
	}
	for i := range uint64(most / 4) {
		out = append(out, i, n-1-i)
	}
	for len(out) < most {
		out = append(out, rnd.Uint64N(n))
	}
	return out
}

// forwardChunk asks for the first, the last and some other port of subscribers of one pool, and whether the ports before and
// after them and any port belong to the share.
func (k *kernel) forwardChunk(rnd *rand.Rand, number uint32, p *alloc.Pool, positions []uint64) int {
	k.tb.Helper()
	realm, cache := k.realm(p.Realm()), portsOf{}
	var asked []query
	for _, i := range positions {
		a, ok := p.At(i)
		if !ok {
			k.tb.Fatalf("%s: no position %d", p.Name(), i)
		}
		ports := cache.of(a)
		others := [...]uint16{ports.First() - 1, ports.Last() + 1, uint16(rnd.Uint32())}
		for k, j := range [...]int{0, ports.Len() - 1, rnd.IntN(ports.Len())} {
			asked = append(asked, query{Inside: wire(a.Inside()), Realm: realm, Number: uint32(j), Other: others[k]})
		}
	}
	answers := slices.Clone(asked)
	k.ask("forward", answers)
	for q, got := range answers {
		a, _ := p.At(positions[q/3])
		ports := cache.of(a)
		port, _ := ports.Port(int(got.Number))
		want := asked[q]
		want.Found, want.Pool = 1, number
		want.Outside, want.Slot, want.Len = wire(a.Outside()), uint32(slotOf(k.plan, a)), uint32(ports.Len())
		want.Port, want.Back, want.NumberOfOther = port, int32(got.Number), -1
		if j, ok := ports.Index(want.Other); ok {
			want.NumberOfOther = int32(j)
		}
		want.Row = k.tables.pools[number].Row + k.outsidePosition(p, a)
		if got != want {
			k.tb.Fatalf("%s: forward for position %d, %v:\n got %+v\nwant %+v", p.Name(), positions[q/3], a.Inside(), got, want)
		}
	}
	return len(answers)
}

// outsidePosition returns the position of an allocation's address in its pool.
func (k *kernel) outsidePosition(p *alloc.Pool, a alloc.Allocation) (position uint32) {
	k.tb.Helper()
	for r := range p.OutsideRanges() {
		if r.Contains(a.Outside()) {
			return position + hostOrder(a.Outside()) - hostOrder(r.First())
		}
		position += uint32(r.Len())
	}
	k.tb.Fatalf("%v is not in %s", a.Outside(), p.Name())
	return 0
}

// beside asks for the addresses next to the inside ranges, in every realm, and for the ends of the address space.
func (k *kernel) beside() int {
	k.tb.Helper()
	addrs := ends()
	for _, p := range k.pools {
		addrs = append(addrs, edges(slices.Collect(p.InsideRanges()))...)
	}
	if len(addrs) > batch {
		addrs = addrs[:batch]
	}
	var asked []query
	for realm := range k.plan.Realms() {
		for _, a := range addrs {
			asked = append(asked, query{Inside: wire(a), Realm: uint32(realm)})
		}
	}
	answers := slices.Clone(asked)
	k.ask("forward", answers)
	for i, got := range answers {
		a := addrs[i%len(addrs)]
		want, err := k.plan.Lookup(alloc.SubscriberFrom(k.plan.Realms()[i/len(addrs)], a))
		if (err == nil) != (got.Found == 1) {
			k.tb.Fatalf("forward %v: C says %d, alloc says %v", a, got.Found, err)
		}
		if err == nil && got.Outside != wire(want.Outside()) {
			k.tb.Fatalf("forward %v: C says %v, alloc says %v", a, fromWire(got.Outside), want.Outside())
		}
		if err != nil && got != asked[i] {
			k.tb.Fatalf("forward %v is not a subscriber, but C wrote %+v", a, got)
		}
	}
	return len(answers)
}

// ends returns addresses at the ends of the address space.
func ends() []netip.Addr {
	return []netip.Addr{netip.IPv4Unspecified(), netip.AddrFrom4([4]byte{255, 255, 255, 255}), netip.AddrFrom4([4]byte{255, 255, 255, 254})}
}

// edges returns the first and last address of ranges and their neighbours.
func edges(ranges []alloc.AddrRange) (out []netip.Addr) {
	for _, r := range ranges {
		out = append(out, r.First(), r.Last(), r.First().Prev(), r.Last().Next())
	}
	return out
}

// reverse asks for all ports of all shares on outside addresses, at most that many of them a pool, and compares with what Trace says
// of each port.
func (k *kernel) reverse(rnd *rand.Rand, most int) (compared int) {
	k.tb.Helper()
	for number, p := range k.pools {
		for _, i := range somePositions(rnd, p.Addresses(), most) {
			compared += k.reverseAddress(fromWire(k.tables.rows[uint64(k.tables.pools[number].Row)+i].Addr))
		}
	}
	return compared
}

// reverseAddress does that for one of them.
func (k *kernel) reverseAddress(outside netip.Addr) int {
	k.tb.Helper()
	var asked []query
	cache := portsOf{}
	for a := range k.plan.Holders(outside) {
		for number := range cache.of(a).Len() {
			asked = append(asked, query{Inside: wire(a.Inside()), Realm: k.realm(a.Pool().Realm()), Number: uint32(number)})
		}
	}
	k.ask("forward", asked)
	var owners [portset.PortCount]netip.Addr
	for _, got := range asked {
		inside := fromWire(got.Inside)
		if got.Found != 1 || fromWire(got.Outside) != outside || got.Back != int32(got.Number) || owners[got.Port].IsValid() {
			k.tb.Fatalf("number %d of %v is not a port of its own on %v: %+v", got.Number, inside, outside, got)
		}
		owners[got.Port] = inside
	}
	for port, owner := range owners {
		var want netip.Addr
		if a, ok := k.plan.Trace(outside, uint16(port)).Allocation(); ok {
			want = a.Inside()
		}
		if owner != want {
			k.tb.Fatalf("%v port %d: C says %v, alloc says %v", outside, port, owner, want)
		}
	}
	return len(owners)
}

// slotOf returns the number of a share on its outside address.
func slotOf(plan *alloc.Plan, a alloc.Allocation) (slot int) {
	if a.Pool().Scheme() != alloc.Explicit {
		return a.Slot()
	}
	for other := range plan.Holders(a.Outside()) {
		if other == a {
			break
		}
		slot++
	}
	return slot
}
