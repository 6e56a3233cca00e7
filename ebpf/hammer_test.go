//go:build linux

package ebpf

import (
	"encoding/binary"
	"errors"
	"fmt"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"unsafe"

	"github.com/cilium/ebpf"
	"golang.org/x/sys/unix"

	"github.com/cgnkit/cgnkit/alloc"
	"github.com/cgnkit/cgnkit/ebpf/internal/bpf"
	"github.com/cgnkit/cgnkit/ebpf/internal/hammer"
)

// A lane is what one of two CPUs does; see bpf/hammer.bpf.c.
type lane = hammer.HammerLane

// An anvil is an outside address on which two CPUs make the mappings of all its subscribers at once.
type anvil struct {
	testing.TB
	coll        *ebpf.Collection
	plane       plane
	size        int // ports of a subscriber
	subscribers int
	ports       int // inside ports of each that are tried
	shares      map[uint16]bool
	accounts    *ebpf.Map // of the outside address, as slots
	slots       *ebpf.Map
}

// newAnvil loads the hammer object with an address full of shares of a size.
func newAnvil(tb testing.TB, size int, p plane) *anvil {
	tb.Helper()
	root(tb)
	if runtime.NumCPU() < 2 {
		tb.Fatal("two CPUs at once need two CPUs")
	}
	a := &anvil{TB: tb, plane: p, size: size, subscribers: 64512 / size, ports: size + size/4 + 1, shares: make(map[uint16]bool)}
	last := fromWire(wireOrder(10<<24 + uint32(a.subscribers) - 1))
	plan := mustPlan(tb, alloc.PoolSpec{
		Inside:  []alloc.AddrRange{must(alloc.AddrRangeFrom(fromWire(wireOrder(10<<24)), last))},
		Outside: spans("198.18.0.0"), PortsPerSubscriber: size,
	})
	for pool := range plan.Pools() {
		for i := range pool.Subscribers() {
			share, _ := pool.At(i)
			for port := range share.Ports().Ports() {
				a.shares[port] = true
			}
		}
	}
	a.load(plan)
	a.set("first", 10<<24)
	a.set("protocol", uint32(p))
	a.set("ports", uint32(a.ports))
	a.set("each", uint32(a.each()))
	return a
}

// each is how many packets a lane sends of each subscriber: every port some times over.
func (a *anvil) each() int { return 5 * a.ports }

func (a *anvil) load(plan *alloc.Plan) {
	a.Helper()
	tables, err := NewTables(plan)
	if err != nil {
		a.Fatal(err)
	}
	a.coll = loadUnpinned(a, must(hammer.LoadHammer()), tables)
	a.accounts, a.slots = a.inner(bpf.CgnatMapAccounts), a.inner(bpf.CgnatMapSlots)
}

// inner opens the map of the only outside address.
func (a *anvil) inner(of string) *ebpf.Map {
	a.Helper()
	var id ebpf.MapID
	if err := a.coll.Maps[of].Lookup(uint32(0), &id); err != nil {
		a.Fatal(err)
	}
	m := must(ebpf.NewMapFromID(id))
	a.Cleanup(func() { _ = m.Close() })
	return m
}

func (a *anvil) set(variable string, to uint32) {
	a.Helper()
	if err := a.coll.Variables[variable].Set(to); err != nil {
		a.Fatal(err)
	}
}

// clear writes zeros over a map.
func (a *anvil) clear(m *ebpf.Map) {
	a.Helper()
	memory := must(m.Memory())
	if _, err := memory.WriteAt(make([]byte, memory.Size()), 0); err != nil {
		a.Fatal(err)
	}
}

// prepare empties the slots, or makes what is in them expired.
func (a *anvil) prepare(again bool) {
	a.Helper()
	a.clear(a.coll.Maps["given"])
	a.clear(a.coll.Maps["holders"])
	var account bpf.CgnatCgnAccount
	for at := range a.accounts.MaxEntries() {
		if err := a.accounts.Lookup(at, &account); err != nil {
			a.Fatal(err)
		}
		account.Full = 0 // who was refused a moment ago may try again
		if err := a.accounts.Put(at, account); err != nil {
			a.Fatal(err)
		}
	}
	if !again {
		a.clear(a.slots)
		return
	}
	const slot = int(unsafe.Sizeof(bpf.CgnatCgnSlot{}))
	memory := must(a.slots.Memory())
	b := make([]byte, memory.Size())
	if _, err := memory.ReadAt(b, 0); err != nil {
		a.Fatal(err)
	}
	for at := 0; at < len(b); at += slot {
		seen := binary.NativeEndian.Uint32(b[at+8:])
		binary.NativeEndian.PutUint32(b[at+8:], seen-longAgo)
	}
	if _, err := memory.WriteAt(b, 0); err != nil {
		a.Fatal(err)
	}
}

// round has two lanes send packets from the inside ports from first on. With again, the slots are not empty, but what is in
// them has expired.
func (a *anvil) round(first uint32, lanes [2]lane, again bool) {
	a.Helper()
	a.prepare(again)
	a.set("first_port", first)
	a.strike(lanes, a.each()*a.subscribers)
	a.check()
}

// strike runs the program on two CPUs at once.
func (a *anvil) strike(lanes [2]lane, packets int) {
	a.Helper()
	var ready atomic.Int32
	var done sync.WaitGroup
	errs := make([]error, 2)
	for cpu, l := range lanes {
		if err := a.coll.Maps["lanes"].Put(uint32(cpu), l); err != nil {
			a.Fatal(err)
		}
		done.Go(func() {
			runtime.LockOSThread() // and never unlocked: the thread ends, and its CPU set with it
			var one unix.CPUSet
			one.Set(cpu)
			errs[cpu] = unix.SchedSetaffinity(0, &one)
			frame := make([]byte, 64)
			frame[0] = byte(cpu)
			ready.Add(1)
			for ready.Load() < 2 { // so that neither is done before the other begins
				runtime.Gosched()
			}
			if errs[cpu] == nil {
				_, errs[cpu] = a.coll.Programs["hammer"].Run(&ebpf.RunOptions{Data: frame, Repeat: uint32(packets)})
			}
		})
	}
	done.Wait()
	if err := errors.Join(errs...); err != nil {
		a.Fatal(err)
	}
}

// check looks at what the lanes found.
func (a *anvil) check() {
	a.Helper()
	var sum lane
	for cpu := range uint32(2) {
		var l lane
		if err := a.coll.Maps["lanes"].Lookup(cpu, &l); err != nil {
			a.Fatal(err)
		}
		sum.Together += l.Together
		sum.Made += l.Made
		sum.Refused += l.Refused
		sum.Contended += l.Contended
		sum.Failed += l.Failed
		sum.Split += l.Split
		sum.Shared += l.Shared
		sum.Lost += l.Lost
		sum.Free += l.Free
	}
	if sum.Failed+sum.Split+sum.Shared+sum.Lost+sum.Free > 0 {
		a.Errorf("%d other verdicts, %d endpoints with two ports, %d ports with two owners, %d endpoints refused that had a port, %d ports free at a first refusal",
			sum.Failed, sum.Split, sum.Shared, sum.Lost, sum.Free)
	}
	packets := uint32(2 * a.each() * a.subscribers)
	// A packet that waited for the lock in vain, because the other CPU was taken away meanwhile, may be the one that a port is
	// missing for.
	used := a.used()
	if used > len(a.shares) || used+int(sum.Contended) < len(a.shares) || sum.Refused == 0 || sum.Made+sum.Refused+sum.Contended != packets {
		a.Errorf("%d of %d ports used, %d packets made it, %d were refused and %d contended, of %d",
			used, len(a.shares), sum.Made, sum.Refused, sum.Contended, packets)
	}
	var account bpf.CgnatCgnAccount
	for at := range a.accounts.MaxEntries() {
		if err := a.accounts.Lookup(at, &account); err != nil {
			a.Fatal(err)
		}
		if account.Lock != 0 {
			a.Fatalf("account %d stays locked: %+v", at, account)
		}
	}
	a.Logf("%d packets, %d of %d subscribers together: %d got through, %d refused, %d contended",
		packets, sum.Together/2, a.subscribers, sum.Made, sum.Refused, sum.Contended)
}

// used counts the ports that have an owner, and fails the test where one has that belongs to nobody.
func (a *anvil) used() (n int) {
	a.Helper()
	memory := must(a.coll.Maps["holders"].Memory())
	b := make([]byte, memory.Size())
	if _, err := memory.ReadAt(b, 0); err != nil {
		a.Fatal(err)
	}
	for port := range 1 << 16 {
		switch owned := binary.NativeEndian.Uint64(b[8*port:]) != 0; {
		case owned && a.shares[uint16(port)]:
			n++
		case owned:
			a.Errorf("port %d belongs to no share", port)
		}
	}
	return n
}

// rounds makes n rounds with the same inside ports in the same order, in opposite orders, with every other port each, and with
// the same ports at different times; with empty slots and with expired ones.
func (a *anvil) rounds(n int) {
	a.Helper()
	lanes := [][2]lane{
		{{Step: 1}, {Step: 1}},
		{{Step: 1}, {Step: uint32(a.ports) - 1}},
		{{Step: 2 % uint32(a.ports)}, {Next: 1, Step: 2 % uint32(a.ports)}},
		{{Step: 1}, {Next: uint32(a.ports) / 2, Step: 1}},
	}
	for i := range n {
		first := 1 + uint32(i/2*a.ports*3/4)%10000 // some inside ports are those of the round before
		a.round(first, lanes[i/2%4], i%2 == 1)
	}
}

// Two CPUs make mappings of one subscriber at once, with the same inside endpoints and with others. No port ever has two
// owners, no endpoint two ports, and nothing is refused as long as a port is free.
func TestTwoCPUs(t *testing.T) {
	for size, rounds := range map[int]int{1: 2, 7: 4, 64: 6, 1000: 2} {
		t.Run(fmt.Sprintf("%d ports", size), func(t *testing.T) { newAnvil(t, size, planeUDP).rounds(rounds) })
	}
	t.Run("TCP", func(t *testing.T) { newAnvil(t, 64, planeTCP).rounds(2) })
}

// BenchmarkTwoCPUs is TestTwoCPUs with ten million packets and more.
func BenchmarkTwoCPUs(b *testing.B) {
	for _, size := range []int{7, 64, 1000, 4032} {
		b.Run(fmt.Sprintf("%d ports", size), func(b *testing.B) {
			a := newAnvil(b, size, planeUDP)
			for b.Loop() {
				a.rounds(8)
			}
		})
	}
}
