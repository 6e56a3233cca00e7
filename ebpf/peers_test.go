//go:build linux

package ebpf

import (
	"encoding/binary"
	"maps"
	"net/netip"
	"slices"
	"testing"
	"time"

	"github.com/cilium/ebpf"

	"github.com/cgnkit/cgnkit/alloc"
	"github.com/cgnkit/cgnkit/ebpf/internal/bpf"
)

// peersPool has 128 subscribers in realm "default".
var peersPool = alloc.PoolSpec{Name: "a", Inside: spans("100.64.0.0/25"), Outside: spans("198.51.100.0/30"), SharingRatio: 64}

// newFilterLab returns a lab that filters.
func newFilterLab(tb testing.TB, filtering Filtering, pools ...alloc.PoolSpec) *lab {
	tb.Helper()
	return newLab(tb, Config{Policy: Policy{Filtering: filtering}}, pools...)
}

// opens sends from a mapping to a remote endpoint, and returns the mapping's outside endpoint.
func (l *lab) opens(d datagram) netip.AddrPort {
	l.Helper()
	o := l.run(fromInside, d.frame())
	if o.verdict != outbound {
		l.Fatalf("from the inside: %q", o.verdict)
	}
	return sourceOf(o.frame)
}

// hears checks what becomes of a packet from the outside.
func (l *lab) hears(what string, d datagram, want verdict) {
	l.Helper()
	if o := l.run(fromOutside, d.frame()); o.verdict != want {
		l.Errorf("%s: %q, want %q", what, o.verdict, want)
	}
}

// idle makes a mapping so much older, in the table alone.
func (l *lab) idle(p plane, outside netip.AddrPort, by time.Duration) {
	l.Helper()
	_, tick, err := tickShift()
	if err != nil {
		l.Fatal(err)
	}
	seen := binary.NativeEndian.AppendUint32(nil, l.slot(p, outside).Seen-uint32(by/tick))
	if _, err := l.slots[outside.Addr()].WriteAt(seen, l.place(p, outside)+8); err != nil {
		l.Fatal(err)
	}
}

// replan puts another plan in force and has the lab run its programs.
func (l *lab) replan(c Config) {
	l.Helper()
	var d *Datapath
	if err := l.ns.Do(func() (err error) { d, err = Apply(c); return err }); err != nil {
		l.Fatal(err)
	}
	_ = l.d.Close()
	l.d = d
	l.programs = [2]*ebpf.Program{must(d.generation.openProgram(bpf.CgnatProgCgnInside)), must(d.generation.openProgram(bpf.CgnatProgCgnOutside))}
	l.tally = newTally(l, must(d.generation.openMap("maps", bpf.CgnatMapCounters)))
	l.was = l.tally.read()
	l.wire()
	l.openTables()
}

// Whom a mapping has sent to may answer, for as long as its protocol lets it, whether the slot or the bucket knows. Ports count
// where they are to.
func TestPeers(t *testing.T) {
	for _, filtering := range []Filtering{AddressDependent, AddressAndPortDependent} {
		t.Run(filtering.String(), func(t *testing.T) {
			l := newFilterLab(t, filtering, peersPool)
			otherPort := inbound
			if filtering == AddressAndPortDependent {
				otherPort = dropFiltered
			}
			for p, packet := range map[plane]func(from, to netip.AddrPort) datagram{
				planeUDP: func(from, to netip.AddrPort) datagram { return udp(from, to, "x") },
				planeTCP: func(from, to netip.AddrPort) datagram { return tcp(from, to, ack, "") },
			} {
				me, first, second := ap("100.64.0.1:5000"), ap("192.0.2.1:443"), ap("192.0.2.2:443")
				out := l.opens(packet(me, first))
				for _, next := range []netip.AddrPort{first, second, first, ap("192.0.2.3:443"), ap("192.0.2.4:443")} {
					l.opens(packet(me, next))
					l.hears("the first", packet(first, out), inbound)
					l.hears("the last", packet(next, out), inbound)
					l.hears("another port of the last", packet(netip.AddrPortFrom(next.Addr(), 444), out), otherPort)
					l.hears("a stranger", packet(ap("192.0.2.99:443"), out), dropFiltered)
				}
				l.hears("the second", packet(second, out), inbound)
				l.hears("the second, to another port", packet(second, netip.AddrPortFrom(out.Addr(), out.Port()^1)), dropNoMapping)
				if s := l.slot(p, out); s.Owner == 0 {
					t.Errorf("no mapping at %v", out)
				}
			}
		})
	}
}

// A session of TCP that follows another on a mapping takes its place in the slot; what is late of the former comes through.
func TestPeersOfSessionsInTurn(t *testing.T) {
	l := newFilterLab(t, AddressAndPortDependent, peersPool)
	me, first, second := ap("100.64.0.1:5000"), ap("192.0.2.1:443"), ap("192.0.2.2:443")
	out := l.opens(tcp(me, first, syn, ""))
	l.hears("the first", tcp(first, out, syn|ack, ""), inbound)
	l.opens(tcp(me, first, rst, ""))
	l.opens(tcp(me, second, syn, ""))
	l.hears("the second", tcp(second, out, syn|ack, ""), inbound)
	l.hears("the first, late", tcp(first, out, rst, ""), inbound)
}

// A mapping's peers are not those of the next inside endpoint that gets its port, also where the port has been free meanwhile.
func TestPeersAreNotInherited(t *testing.T) {
	pool := peersPool
	pool.SharingRatio, pool.PortsPerSubscriber = 0, 1
	for _, swept := range []bool{false, true} {
		l := newFilterLab(t, AddressAndPortDependent, pool)
		old, next := ap("100.64.0.1:5000"), ap("100.64.0.1:5001")
		peers := []netip.AddrPort{ap("192.0.2.1:443"), ap("192.0.2.2:443"), ap("192.0.2.3:443")}
		var out netip.AddrPort
		for _, peer := range peers {
			out = l.opens(tcp(old, peer, syn, ""))
		}
		for _, peer := range peers {
			l.hears("a peer", tcp(peer, out, syn|ack, ""), inbound)
		}
		l.idle(planeTCP, out, 3*time.Hour)
		if swept {
			free := make([]byte, 8)
			if _, err := l.slots[out.Addr()].WriteAt(free, l.place(planeTCP, out)); err != nil {
				t.Fatal(err)
			}
			time.Sleep(time.Second) // some ticks
		}
		if to := l.opens(tcp(next, ap("192.0.2.50:80"), syn, "")); to != out {
			t.Fatalf("the next mapping is at %v, the first was at %v", to, out)
		}
		for _, peer := range peers {
			l.hears("a peer of the former", tcp(peer, out, syn, ""), dropFiltered)
		}
	}
}

// Protocols without ports are filtered by address, and their errors are not.
func TestPeersWithoutPorts(t *testing.T) {
	for _, filtering := range []Filtering{AddressDependent, AddressAndPortDependent} {
		l := newFilterLab(t, filtering, alloc.PoolSpec{Name: "b", Inside: spans("100.65.0.0/31"), Outside: spans("198.51.100.128/31"), SharingRatio: 1})
		me, one, other, stranger := ad("100.65.0.1"), ad("192.0.2.1"), ad("192.0.2.2"), ad("192.0.2.99")
		gre := func(from, to netip.Addr) datagram { return newDatagram(from, to, protoGRE, make([]byte, 8)) }
		out := l.opens(udp(netip.AddrPortFrom(me, 5000), server, "x")).Addr()
		l.hears("who was sent only UDP", gre(server.Addr(), out), dropFiltered)
		l.opens(gre(me, one))
		l.opens(gre(me, other))
		l.hears("the first", gre(one, out), inbound)
		l.hears("the last", gre(other, out), inbound)
		l.hears("a stranger", gre(stranger, out), dropFiltered)
		l.hears("a router", icmpError(router, out, unreachable, 1, gre(out, one).ip()), inbound)
		l.hears("who was sent only GRE, with UDP", udp(netip.AddrPortFrom(one, 9), netip.AddrPortFrom(out, 9), "x"), dropNoMapping)
	}
}

// Under a plan with more subscribers, or another realm, everybody's peers are there.
func TestPeersStayWhenThePlanGrows(t *testing.T) {
	policy := Policy{Filtering: AddressDependent}
	l := newFilterLab(t, AddressDependent, peersPool)
	me, first := ap("100.64.0.1:5000"), ap("192.0.2.1:443")
	out := l.opens(udp(me, first, "x"))
	l.opens(udp(me, ap("192.0.2.2:443"), "x"))
	more := alloc.PoolSpec{Name: "b", Inside: spans("100.64.16.0/21"), Outside: spans("198.51.100.64/27"), SharingRatio: 64}
	realm := alloc.PoolSpec{Name: "c", Realm: "another", Inside: spans("100.64.0.0/25"), Outside: spans("198.51.100.32/30"), SharingRatio: 64}
	for _, plan := range []*alloc.Plan{mustPlan(t, peersPool, more), mustPlan(t, peersPool, more, realm), mustPlan(t, peersPool)} {
		l.replan(Config{Plan: plan, Policy: policy})
		l.hears("the peer", udp(first, out, "y"), inbound)
		l.hears("a stranger", udp(ap("192.0.2.99:443"), out, "y"), dropFiltered)
	}
}

// What else a subscriber does takes no mapping's peer away, as long as each sends to one.
func TestPeersBesideOtherMappings(t *testing.T) {
	l := newFilterLab(t, AddressAndPortDependent, peersPool)
	me, first := ap("100.64.0.1:5000"), ap("192.0.2.1:443")
	out := l.opens(udp(me, first, "x"))
	l.opens(udp(me, ap("192.0.2.2:443"), "x"))
	for port := range uint16(100) {
		l.opens(udp(netip.AddrPortFrom(me.Addr(), 6000+port), ap("192.0.2.9:53"), "x"))
		l.opens(tcp(netip.AddrPortFrom(me.Addr(), 6000+port), ap("192.0.2.9:53"), ack, ""))
	}
	l.hears("the first", udp(first, out, "y"), inbound)
}

// A mapping that talks to many at once hears all of them.
func TestPeersOfOneMapping(t *testing.T) {
	for _, filtering := range []Filtering{AddressDependent, AddressAndPortDependent} {
		l := newLab(t, Config{Key: Key{1}, Policy: Policy{Filtering: filtering}}, peersPool)
		me, peers := ap("100.64.0.1:5000"), [80]netip.AddrPort{}
		var out netip.AddrPort
		for i := range peers {
			peers[i] = netip.AddrPortFrom(fromWire(wireOrder(192<<24|2<<8|1+uint32(i))), 6881)
			out = l.opens(udp(me, peers[i], "x"))
		}
		for _, peer := range peers {
			l.hears(peer.String(), udp(peer, out, "y"), inbound)
		}
		l.hears("a stranger", udp(ap("192.0.2.199:6881"), out, "y"), dropFiltered)
	}
}

// Neighbours who talk to very many take no peer from who talks to few, even where all are in one bucket.
func TestPeersBesideNeighbours(t *testing.T) {
	pool := peersPool
	pool.Inside, pool.Outside = spans("100.64.0.0/20"), spans("198.51.100.0/26")
	c := Config{Key: NewKey(), Policy: Policy{Filtering: AddressAndPortDependent}}
	l := newLab(t, c, pool)
	bucket := l.fullBucket(c.Key)
	me, first := netip.AddrPortFrom(bucket[0], 5000), ap("192.0.2.1:443")
	out := l.opens(udp(me, first, "x"))
	l.opens(udp(me, ap("192.0.2.2:443"), "x"))
	for _, who := range bucket[1:] {
		var peers [160]datagram
		for i := range peers {
			to := netip.AddrPortFrom(ad("192.0.2.33"), 1000+uint16(i))
			peers[i] = udp(to, l.opens(udp(netip.AddrPortFrom(who, 7000), to, "x")), "y")
		}
		l.hears("the first", udp(first, out, "y"), inbound)
		l.hears("the last of many", peers[159], inbound)
		known := 0
		for _, d := range peers {
			if l.run(fromOutside, d.frame()).verdict == inbound {
				known++
			}
		}
		if known < 64 || known > 128 {
			t.Errorf("%v: %d of %d peers are known, which is not a share of four buckets", who, known, len(peers))
		}
	}
}

// fullBucket returns subscribers of the same buckets with tags of their own, at least three.
func (l *lab) fullBucket(k Key) []netip.Addr {
	l.Helper()
	m := l.table(bpf.CgnatMapFilters)
	buckets := make(map[uint64]map[uint64]netip.Addr)
	pool := slices.Collect(l.d.Plan().Pools())[0]
	for i := range pool.Subscribers() {
		a, _ := pool.At(i)
		hash := k.hash(uint64(wireOrder(hostOrder(a.Inside())))<<24 | uint64(hostOrder(a.Outside())&0xffffff))
		at, tag := hash&uint64(m.MaxEntries()-1)&^3, hash>>61 // the first of four
		if buckets[at] == nil {
			buckets[at] = make(map[uint64]netip.Addr)
		}
		buckets[at][tag] = a.Inside()
		if len(buckets[at]) == 3 {
			return slices.Collect(maps.Values(buckets[at]))
		}
	}
	l.Fatal("no bucket has three subscribers")
	return nil
}
