//go:build linux

package ebpf

import (
	"errors"
	"net/netip"
	"runtime"
	"sync/atomic"
	"testing"

	"github.com/cilium/ebpf"
	"golang.org/x/sys/unix"

	"github.com/cgnkit/cgnkit/alloc"
	"github.com/cgnkit/cgnkit/ebpf/internal/bpf"
)

// onCPU runs f on a CPU, in the lab's namespace. The channel has its error.
func (l *lab) onCPU(cpu int, f func() error) <-chan error {
	ended := make(chan error, 1)
	go func() {
		runtime.LockOSThread() // and never unlocked: the thread ends, and its CPU set with it
		var one unix.CPUSet
		one.Set(cpu)
		if err := unix.SchedSetaffinity(0, &one); err != nil {
			ended <- err
			return
		}
		ended <- l.ns.Do(f)
	}()
	return ended
}

// A packet that is refused takes back what it has changed of its mapping, and nothing that others have changed meanwhile: a forward that
// was made on the mapping is there.
func TestRefusedPacketsUndoNoForward(t *testing.T) {
	const room, rounds = 2048, 8 // a table that takes long to search, so that forwards are made while it is
	pool := peersPool
	pool.Inside = spans("100.64.254.0/25") // where no way leads: who is refused is not answered, and sends the same again
	l := newLab(t, Config{Policy: Policy{Filtering: AddressAndPortDependent, Peers: room}}, pool)
	me, peers := ad("100.64.254.1"), peersOf(room+2)
	for _, peer := range peers[:room+1] {
		l.opens(udp(netip.AddrPortFrom(me, 5000), peer, "x"))
	}
	together := 0
	for round := range uint16(rounds) {
		from := netip.AddrPortFrom(me, 6000+round)
		out := l.opens(tcp(from, peers[0], syn, ""))
		frame := tcp(from, peers[room+1], syn, "").frame()
		l.address(fromInside, frame)
		before := l.was
		var over atomic.Bool
		refused := l.onCPU(0, func() error {
			defer over.Store(true)
			_, err := l.programs[fromInside].Run(&ebpf.RunOptions{Data: frame, Context: &[6]uint32{1: uint32(len(frame)), 3: l.links[fromInside]}, Repeat: 5000})
			return err
		})
		forwarded := l.onCPU(1, func() error {
			for l.tally.read()[dropPeers] == before[dropPeers] && !over.Load() { // the kernel prepares such a run for long
				runtime.Gosched()
			}
			return l.d.Forward(Forward{alloc.SubscriberFrom("", me), TCP, out.Port(), from.Port()})
		})
		if err := errors.Join(<-forwarded, <-refused); err != nil {
			t.Fatal(err)
		}
		if l.was = l.tally.read(); l.was[outbound] > before[outbound] {
			together++
		}
		if s := l.slot(planeTCP, out); s.State&uint32(bpf.CgnatCgnSlotStateCGN_SLOT_STATIC) == 0 {
			t.Fatalf("round %d: the forward is gone, and the state is %#x", round, s.State)
		}
		l.gets(fromOutside, tcp(ap("192.0.2.99:1"), out, syn, ""), dropUnrouted) // and is not filtered
	}
	if together == 0 {
		t.Error("all packets had been refused before a forward was made: nothing is shown")
	}
}
