//go:build linux

package nat44

import (
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/nftables"
	"golang.org/x/sys/unix"

	"github.com/cgnkit/cgnkit/alloc"
)

// TestOneWins runs many applies at once. Each either goes through or says that another one is at it, and the kernel then holds
// the plan of one that went through.
func TestOneWins(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	type result struct {
		rs  *Ruleset
		err error
	}
	results := make(chan result)
	const n = 8
	for i := range n {
		k := openKernel(t, b.ns)
		rs := subscribersOf(t, "192.0.0.0/24", 900+i, "100.64.0.0/20")
		go func() {
			_, err := k.Apply(rs, ApplyOptions{})
			results <- result{rs, err}
		}()
	}
	var won []*Ruleset
	for range n {
		switch r := <-results; {
		case r.err == nil:
			won = append(won, r.rs)
		case !errors.Is(r.err, ErrBusy):
			t.Error(r.err)
		}
	}
	if len(won) == 0 {
		t.Fatal("nobody won")
	}
	for _, rs := range won {
		if len(b.differences(rs)) == 0 {
			return
		}
	}
	t.Fatalf("the kernel holds the plan of none of the %d that went through", len(won))
}

// TestStaleGeneration has a stranger change nf_tables all the time. Apply begins anew, and either gets through with the right
// result or gives up saying why.
func TestStaleGeneration(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	rs := subscribersOf(t, "192.0.0.0/24", 1000, "100.64.0.0/24")
	st, err := b.k.read(rs.instance)
	if err != nil {
		t.Fatal(err)
	}
	if err := b.k.stage(rs, st, generation(0)); err != nil {
		t.Fatal(err)
	}
	if st, err = b.k.read(rs.instance); err != nil {
		t.Fatal(err)
	}
	b.nft("add table ip stranger")
	if err := b.k.activate(rs, st, generation(0)); !isStale(err) {
		t.Fatalf("activating in a stale state: %v", err)
	}
	b.apply(rs)
	next := subscribersOf(t, "192.0.0.0/24", 1000, "100.64.0.0/24", "100.64.1.0")
	if st, err = b.k.read(rs.instance); err != nil {
		t.Fatal(err)
	}
	d, err := b.k.plan(next, st)
	if err != nil || d.Way != Increment {
		t.Fatal(d, err)
	}
	b.nft("delete table ip stranger")
	if err := b.k.incrementOnce(next, st, d); !isStale(err) {
		t.Fatalf("changing in a stale state: %v", err)
	}
	b.equal(rs)
	// A stranger's table is no reason to give up, a change of ours is.
	b.nft("insert rule ip cgn guard accept")
	if err := b.k.change(next, st, d); !isStale(err) {
		t.Fatalf("changing what is no longer there: %v", err)
	}
	b.apply(next)
	b.equal(next)
}

// TestErrorNamesSubscribers makes the kernel refuse elements, and wants to read whom that concerns.
func TestErrorNamesSubscribers(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	rs := subscribersOf(t, "192.0.0.0/24", 1000, "100.64.0.0/20")
	st, err := b.k.read(rs.instance)
	if err != nil {
		t.Fatal(err)
	}
	if err := b.k.stage(rs, st, generation(0)); err != nil {
		t.Fatal(err)
	}
	// A stranger's element is in the way.
	b.nft("add element ip cgn shares { 100.64.8.0 : 192.0.2.1 . 1-2 }")
	err = b.k.fillMap("cgn", "shares", rs.maps[0])
	refused, ok := errors.AsType[*KernelError](err)
	if !ok || refused.First == "" || !strings.HasPrefix(refused.Op, "add elements") {
		t.Fatalf("%v (%T)", err, err)
	}
	lo, hi := addrRanges(t, refused.First)[0], addrRanges(t, refused.Last)[0]
	at := addrRanges(t, "100.64.8.0")[0].First()
	if at.Less(lo.First()) || hi.Last().Less(at) {
		t.Fatalf("%v does not contain %v", err, at)
	}
	// What was staged goes away with the next apply.
	b.apply(rs)
	b.equal(rs)
}

// TestFull has the kernel run out of room in a map, which is how it says that memory or size is exhausted.
func TestFull(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	rs := subscribersOf(t, "192.0.0.0/24", 1000, "100.64.0.0/22")
	b.apply(rs)
	small := subscribersOf(t, "192.0.0.0/24", 1000, "100.64.0.0/24")
	m := *small.maps[0]
	m.parts = rs.maps[0].parts
	st, err := b.k.read(rs.instance)
	if err != nil {
		t.Fatal(err)
	}
	if err := b.k.stage(small, st, generation(1)); err != nil { // room for 320
		t.Fatal(err)
	}
	err = b.k.fillMap("cgn", "shares_b", &m)
	if err == nil || !strings.Contains(err.Error(), "subscribers 100.64.0.0 to ") {
		t.Fatalf("1024 elements into room for 320: %v", err)
	}
	b.equal(rs) // nothing of it is live
	if v, err := b.k.Verify(rs, func(Difference) {}); err != nil || len(v.Notes) == 0 {
		t.Fatalf("the remains are not noted: %v %v", v, err)
	}
	if r := b.apply(rs); r.Way != Unchanged {
		t.Fatal(r.Way)
	}
	if got := b.nft("list", "ruleset"); strings.Contains(got, "shares_b") {
		t.Fatal("the remains are still there")
	}
	// And growing beyond the size rebuilds.
	grown := subscribersOf(t, "192.0.0.0/24", 1000, "100.64.0.0/22", "100.65.0.0/22")
	if r := b.apply(grown); r.Way != Rebuild {
		t.Fatal(r.Way, r.Reasons)
	}
	b.equal(grown)
}

// TestSmallRoom applies with the send buffer of somebody who may not enlarge it.
func TestSmallRoom(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.k.sock.room = 1 << 17
	rs := subscribersOf(t, "192.0.0.0/22", 1000, "100.64.0.0/18")
	b.apply(rs)
	b.equal(rs)
	// An increment that does not fit becomes a rebuild.
	inside := []string{"100.64.0.0-100.64.31.255"}
	for i := range 4096 {
		inside = append(inside, fmt.Sprintf("100.64.%d.%d", 32+(4095-i)/256, (4095-i)%256))
	}
	next := subscribersOf(t, "192.0.0.0/22", 1000, append(inside, "100.64.48.0-100.64.63.255")...)
	if r := b.apply(next); r.Moved == 0 {
		t.Fatalf("%+v", r)
	}
	b.equal(next)
}

// TestUncounted does without the number of elements, which kernels before 6.16 do not tell.
func TestUncounted(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.k.sock.uncounted = true
	rs := subscribersOf(t, "192.0.2.0/28", 1000, "100.64.0.0/24")
	b.apply(rs)
	b.equal(rs)
	b.nft("add element ip cgn shares { 10.9.9.9 : 192.0.2.1 . 1024-2023 }")
	if d := b.differences(rs); len(d) != 1 || !strings.Contains(d[0], "10.9.9.9: surplus") {
		t.Fatal(d)
	}
	if r := b.apply(rs); r.Way != Increment || r.Removed != 1 {
		t.Fatalf("%+v", r)
	}
	b.equal(rs)
}

// TestLockLeavesNoFile applies, fails, and looks for files.
func TestLockLeavesNoFile(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	rs := subscribersOf(t, "192.0.2.0/28", 1000, "100.64.0.0/24")
	b.apply(rs)
	release, err := b.k.lock.acquire(rs.instance)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := b.k.Apply(rs, ApplyOptions{}); !errors.Is(err, ErrBusy) {
		t.Fatal(err)
	}
	release()
	b.apply(rs)
	if left, err := filepath.Glob(fmt.Sprintf("%s/nat44-%d*", lockFolder, b.ns.Inode())); err != nil || len(left) > 0 {
		t.Fatal(left, err)
	}
}

// TestInterrupted kills nothing, but does what a kill between the swap and the rest leaves: the new rules with the old routes and
// flows. The next apply must finish.
func TestInterrupted(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	old, next := subscribersOf(t, "192.0.2.0/28", 1000, "100.64.0.0/24"), subscribersOf(t, "198.51.100.0/28", 1000, "100.64.0.0/25")
	b.apply(old)
	st, err := b.k.read(next.instance)
	if err != nil {
		t.Fatal(err)
	}
	d, err := b.k.plan(next, st)
	if err != nil {
		t.Fatal(err)
	}
	if err := b.k.change(next, st, d); err != nil {
		t.Fatal(err)
	}
	if found := strings.Join(b.differences(next), "\n"); !strings.Contains(found, "route 192.0.2.0/28: surplus") || !strings.Contains(found, "route 198.51.100.0/28: missing") {
		t.Fatalf("verify says %q", found)
	}
	if r := b.apply(next); r.Way != Unchanged || r.RoutesAdded != 1 || r.RoutesRemoved != 1 {
		t.Fatalf("%+v", r)
	}
	b.equal(next)
	// Somebody flushes everything: what is left is routes, and remove takes them, but not those of another instance.
	west := must(NewRuleset(onePool(t, ports(1000), "100.65.0.0/24", "203.0.113.0/28"), must(ParseInstance("west"))))
	b.apply(west)
	b.nft("flush", "ruleset")
	if r, err := b.k.Remove(next.instance); err != nil || r.RoutesRemoved != 1 {
		t.Fatalf("%+v, %v", r, err)
	}
	if _, err := b.k.Remove(next.instance); !errors.Is(err, ErrNotLoaded) {
		t.Fatal(err)
	}
	if r := b.apply(west); r.RoutesAdded != 0 || r.RoutesRemoved != 0 {
		t.Fatalf("%+v", r)
	}
	b.equal(west)
}

// TestBusyBox has a stranger change nf_tables all the time, a table of its own. Apply must get through all the same.
func TestBusyBox(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	stop, done := make(chan struct{}), make(chan error, 1)
	stranger := openKernel(t, b.ns)
	go func() {
		for {
			select {
			case <-stop:
				done <- nil
				return
			default:
				stranger.nft.AddTable(&nftables.Table{Name: "stranger", Family: nftables.TableFamilyIPv4})
				stranger.nft.DelTable(&nftables.Table{Name: "stranger", Family: nftables.TableFamilyIPv4})
				if err := stranger.nft.Flush(); err != nil {
					done <- err
					return
				}
				time.Sleep(20 * time.Millisecond) // a box is busy, not a denial of service
			}
		}
	}()
	for _, rs := range []*Ruleset{
		subscribersOf(t, "192.0.0.0/22", 1000, "100.64.0.0/18"), subscribersOf(t, "192.0.0.0/22", 1000, "100.64.0.0/18", "100.65.0.0"),
		subscribersOf(t, "192.0.0.0/22", 900, "100.64.0.0/18"),
	} {
		b.apply(rs)
		b.equal(rs)
	}
	close(stop)
	if err := <-done; err != nil {
		t.Fatal(err)
	}
}

// TestSmallReceiveBuffer reads with the receive buffer of somebody who may not enlarge it.
func TestSmallReceiveBuffer(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	rs := subscribersOf(t, "192.0.0.0/22", 1000, "100.64.0.0/18")
	b.apply(rs)
	const granted = 212992 // the kernel's default
	if err := unix.SetsockoptInt(b.k.sock.fd, unix.SOL_SOCKET, unix.SO_RCVBUFFORCE, granted); err != nil {
		t.Fatal(err)
	}
	b.k.sock.ahead = 2 * granted / answerBytes
	b.equal(rs)
}

// TestRemovedNeverWraps loses one bucket of a share in a plan of two kinds of maps.
func TestRemovedNeverWraps(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	a, k := 3, 6
	rs := rulesetOf(t, planOf(t, alloc.Spec{Pools: []alloc.PoolSpec{
		{Name: "plain", Inside: addrRanges(t, "100.64.0.0/26"), Outside: addrRanges(t, "192.0.2.0"), PortsPerSubscriber: 1000},
		{Name: "psid", Scheme: alloc.PSID, PSIDOffset: &a, PSIDLength: &k, Inside: addrRanges(t, "100.65.0.0/26"), Outside: addrRanges(t, "192.0.2.1")},
	}}))
	b.apply(rs)
	b.nft("delete", "element", "ip", "cgn", "ranges_7", "{ 100.65.0.5 . 0x3 }")
	if r := b.apply(rs); r.Removed != 0 || r.Kept != 127 {
		t.Fatalf("%+v", r)
	}
	b.equal(rs)
}
