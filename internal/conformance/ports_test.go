//go:build linux

package conformance

import (
	"net/netip"
	"strconv"
	"testing"

	"github.com/cgnkit/cgnkit/alloc"
)

func portProbes() map[string]probe {
	holes := setup{ports: roomy, reserve: "1100,1200,1300-1499,2000"}
	psid := setup{ratio: 256, scheme: alloc.PSID}
	return map[string]probe{
		"6888-13": shows(with(4032), utilisation),
		"6888-15": shows(with(roomy), hardToGuess),
		"6056-2":  shows(with(roomy), hardToGuess),
		"6056-5":  shows(with(roomy), hardToGuess),
		"7422-4":  shows(with(roomy), hardToGuess),
		"7857-9":  shows(with(roomy), hardToGuess),
		"6056-3":  shows(psid.make, noBias),
		"6269-2":  shows(holes.make, reservedStayFree),
		"7422-2":  shows(holes.make, reservedStayFree),
		"7422-3":  shows(with(4), exhaustionDrops),
	}
}

// outsidePorts sends one datagram from each of n ports of subscriber 0, from 40000 on, and returns the outside ports that came
// of it, in that order. Ports for which no mapping was made are left out.
func (b *bench) outsidePorts(t *testing.T, n int) []uint16 {
	t.Helper()
	if b.path != nil {
		return b.xdpOutsidePorts(t, n)
	}
	to := netip.AddrPortFrom(b.Servers[0].Addr, 9)
	for i := range n {
		send(t, b.Subscribers[0], datagram(b.from(0, uint16(40000+i)), to, "x"))
	}
	byPort := map[string]uint16{}
	for _, r := range b.remembered(t, "udp") {
		p, err := strconv.ParseUint(r.back["dport"], 10, 16)
		if err != nil {
			t.Fatal(err)
		}
		byPort[r.from["sport"]] = uint16(p)
	}
	var out []uint16
	for i := range n {
		if p, ok := byPort[strconv.Itoa(40000+i)]; ok {
			out = append(out, p)
		}
	}
	return out
}

// utilisation shows that a share can be filled to nine tenths towards one destination before a flow is refused, and a share of
// up to 128 ports to the last port; and that in a larger one the kernel gives up although ports are free.
func utilisation(t *testing.T, b *bench) {
	n := b.share(t, 0).Ports.Len()
	used := b.outsidePorts(t, n)
	if len(used) < n*9/10 || len(used) == n {
		t.Errorf("%d of %d flows got a port: the table says more than nine tenths and not all", len(used), n)
	}
	b.apply(t, setup{ports: 128}.plan(t))
	// The flows that the new plan contradicts are gone; those that it does not take their ports already.
	if used := b.outsidePorts(t, n); len(used) != 128 {
		t.Errorf("%d of 128 ports were used", len(used))
	}
}

// hardToGuess shows that ports are spread over the share without order, except those that are in the share to begin with:
// they stay what they are.
func hardToGuess(t *testing.T, b *bench) {
	const n = 200
	share := b.share(t, 0).Ports
	used := b.outsidePorts(t, n)
	if len(used) != n {
		t.Fatalf("%d of %d flows got a port", len(used), n)
	}
	quarters, steps := [4]int{}, map[int]int{}
	for i, p := range used {
		at, ok := share.Index(p)
		if !ok {
			t.Fatalf("port %d is not in the share %v", p, share)
		}
		quarters[at*4/share.Len()]++
		if i > 0 {
			steps[int(p)-int(used[i-1])]++
		}
	}
	for i, q := range quarters {
		if q < n/10 { // 50 are expected; as few as 20 by chance once in a million runs
			t.Errorf("%d of %d ports are in quarter %d of the share", q, n, i)
		}
	}
	for step, count := range steps {
		if count > n/10 {
			t.Errorf("the next port is %d further %d times of %d", step, count, n)
		}
	}
	if b.path != nil {
		return // nothing is kept
	}
	inShare, _ := share.Port(100)
	if e := b.ask(t, 0, "udp", inShare, b.echo(t, 0, "udp", 7000).Addr()); e.Port() != inShare {
		t.Errorf("port %d of the share became %d: the table says that it is kept", inShare, e.Port())
	}
}

// noBias shows that in shares of many small ranges the ports next to holes are no more likely than others: the range is chosen
// by a hash, not by going on from a start.
func noBias(t *testing.T, b *bench) {
	const n = 300 // towards a share of 252 ports in 63 ranges: some ranges get full, most do not
	share := b.share(t, 0).Ports
	firsts, all := 0, 0
	met := map[uint16]bool{}
	for _, p := range b.outsidePorts(t, n) {
		at, ok := share.Index(p)
		if !ok {
			t.Fatalf("port %d is not in the share %v", p, share)
		}
		all++
		if at%4 == 0 {
			firsts++
		}
		met[p&^0x3ff] = true
	}
	if all < 150 || firsts < all/8 || firsts > all*3/8 {
		t.Errorf("%d of %d ports are the first of their range of 4", firsts, all)
	}
	if len(met) < 55 {
		t.Errorf("%d of 63 ranges were used", len(met))
	}
}

// reservedStayFree shows that reserved ports are nobody's, also where they lie in the middle of a share.
func reservedStayFree(t *testing.T, b *bench) {
	reserved := ports(t, "1100,1200,1300-1499,2000")
	share := b.share(t, 0).Ports
	if share.Len() != roomy || share.Last() == 1024+roomy-1 {
		t.Errorf("the share is %v", share)
	}
	for _, p := range b.outsidePorts(t, 1000) {
		if reserved.Contains(p) || !share.Contains(p) || p < 1024 {
			t.Fatalf("port %d was used", p)
		}
	}
	for _, p := range []uint16{1100, 1300, 2000} {
		if e := b.ask(t, 0, "udp", p, b.echo(t, 0, "udp", p).Addr()); e.Port() == p {
			t.Errorf("the source port %d is reserved and was kept", p)
		}
	}
}
