package ebpf

import (
	"fmt"
	"math/rand/v2"
	"net/netip"
	"slices"

	"github.com/cgnkit/cgnkit/alloc"
)

// The oracle is package alloc, by Pool.At, Plan.Lookup and Plan.Trace. What it does not cover: rows, which are compared with
// the order of the outside ranges.

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
		want.Status, want.Pool, want.Position = allocated, number, uint32(positions[q/3])
		want.Outside, want.Slot, want.Len = wire(a.Outside()), uint32(a.Slot()), uint32(ports.Len())
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
		if (err == nil) != (got.Status == allocated) {
			k.tb.Fatalf("forward %v: C says status %d, alloc says %v", a, got.Status, err)
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

// reverse compares C's reverse answers with Trace for every port of outside addresses, at most that many of them a pool, and
// for a few ports of the addresses beside them.
func (k *kernel) reverse(rnd *rand.Rand, most int) (compared int) {
	k.tb.Helper()
	for number, p := range k.pools {
		for _, i := range somePositions(rnd, p.Addresses(), most) {
			compared += k.reverseAddress(fromWire(k.tables.rows[uint64(k.tables.pools[number].Row)+i].Addr))
		}
	}
	addrs := ends()
	for _, p := range k.pools {
		addrs = append(addrs, edges(slices.Collect(p.OutsideRanges()))...)
	}
	var asked []query
	for _, a := range addrs {
		for _, port := range []uint16{0, 1, 1023, 1024, uint16(rnd.Uint32()), 65535} {
			asked = append(asked, query{Outside: wire(a), Port: port})
		}
	}
	return compared + k.compareReverse(asked)
}

// reverseAddress asks for all ports of an address.
func (k *kernel) reverseAddress(outside netip.Addr) int {
	k.tb.Helper()
	asked := make([]query, 65536)
	for port := range asked {
		asked[port] = query{Outside: wire(outside), Port: uint16(port)}
	}
	return k.compareReverse(asked)
}

func (k *kernel) compareReverse(asked []query) int {
	k.tb.Helper()
	answers, cache := slices.Clone(asked), portsOf{}
	k.ask("reverse", answers)
	for i, got := range answers {
		if err := k.compareTrace(got, cache); err != nil {
			k.tb.Fatalf("reverse %v port %d: %v\n got %+v", fromWire(asked[i].Outside), asked[i].Port, err, got)
		}
	}
	return len(answers)
}

// compareTrace returns how an answer of C differs from Trace.
func (k *kernel) compareTrace(got query, cache portsOf) error {
	trace := k.plan.Trace(fromWire(got.Outside), got.Port)
	want := trace.Status()
	if want == alloc.Excluded {
		want = alloc.NotInPool // the tables do not have what is excluded
	}
	if alloc.Status(got.Status) != want {
		return fmt.Errorf("C says %v, alloc says %v", alloc.Status(got.Status), want)
	}
	if want == alloc.NotInPool {
		return nil
	}
	if number := k.pool(trace.Pool()); got.Pool != number {
		return fmt.Errorf("C says pool %d, alloc says %d", got.Pool, number)
	}
	if fromWire(k.tables.rows[got.Row].Addr) != fromWire(got.Outside) {
		return fmt.Errorf("row %d is %v", got.Row, fromWire(k.tables.rows[got.Row].Addr))
	}
	a, ok := trace.Allocation()
	if !ok {
		return nil
	}
	ports := cache.of(a)
	number, _ := ports.Index(got.Port)
	owner, ok := trace.Pool().At(uint64(got.Position))
	if !ok || owner != a || got.Slot != uint32(a.Slot()) || got.Back != int32(number) || got.Len != uint32(ports.Len()) {
		return fmt.Errorf("C says %v, alloc says %v slot %d, number %d of %d", owner.Subscriber(), a.Subscriber(), a.Slot(), number, ports.Len())
	}
	return nil
}
