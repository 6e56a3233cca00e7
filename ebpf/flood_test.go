//go:build linux

package ebpf

import (
	"math/rand/v2"
	"net/netip"
	"testing"
	"time"

	"github.com/cilium/ebpf"

	"github.com/cgnkit/cgnkit/ebpf/internal/bpf"
	"github.com/cgnkit/cgnkit/internal/netns"
)

// anywhere returns an endpoint on the internet that no host of the crowd has.
func anywhere(rnd *rand.Rand) netip.AddrPort {
	n := rnd.Uint64()
	return netip.AddrPortFrom(netip.AddrFrom4([4]byte{198, 18 | byte(n>>40&1), byte(n), byte(n >> 8)}), uint16(n>>16))
}

// One subscriber floods: SYNs or datagrams from random ports to random endpoints. It gets what its share or its policy has for it,
// every other packet is dropped for that reason and counted, it is told of some, and nobody else notices.
func TestSubscriberFloods(t *testing.T) {
	for name, test := range map[string]struct {
		policy Policy
		packet func(from, to netip.AddrPort) datagram
		proto  Protocol
		reason string
		most   int // mappings
	}{
		"SYNs and a full share":   {Policy{}, synTo, TCP, "drop-exhausted", 100},
		"UDP and a full share":    {Policy{}, datagramTo, UDP, "drop-exhausted", 100},
		"UDP and a limit":         {Policy{Limit: Limit{UDP: 20}}, datagramTo, UDP, "drop-limit", 20},
		"SYNs and a limited rate": {Policy{Rate: 1, Burst: 15}, synTo, TCP, "drop-rate", 100},
	} {
		t.Run(name, func(t *testing.T) {
			const packets = 20000
			c, rnd := newCrowd(t, test.policy), seeded(t)
			me := c.Subscribers[0]
			arrived := c.observe(c.Servers[1], func(p netns.Packet) bool { return p.Dst.As4()[0] == 198 })
			told := c.observe(me, func(p netns.Packet) bool { return p.ICMPType == unreachable })
			before, begun := c.counts(), time.Now()
			c.during(func() error {
				return flood(me, "100.64.255.254", packets, func(int) []byte {
					return test.packet(netip.AddrPortFrom(me.Addr, uint16(1024+rnd.IntN(64512))), anywhere(rnd)).ip()
				})
			}, c.exchange)
			c.refused(before, test.reason, packets, arrived)
			c.toldSome(before, test.reason, begun, told)
			if n := c.mappingsOf(me.Addr, test.proto); n == 0 || n > test.most {
				t.Errorf("the flooder has %d mappings, want at most %d", n, test.most)
			}
			c.isUnharmed()
		})
	}
}

func synTo(from, to netip.AddrPort) datagram      { return tcp(from, to, syn, "") }
func datagramTo(from, to netip.AddrPort) datagram { return udp(from, to, "flood") }

// observe counts packets at a host.
func (c *crowd) observe(h netns.Host, match func(netns.Packet) bool) *netns.Observer {
	c.Helper()
	o, err := h.Observe(netns.Watch{Match: match, Keep: -1})
	if err != nil {
		c.Fatal(err)
	}
	return o
}

// count returns how many packets were seen.
func (c *crowd) count(o *netns.Observer) int {
	c.Helper()
	n, err := o.Count()
	if err != nil {
		c.Fatal(err)
	}
	return n
}

func (c *crowd) mappingsOf(inside netip.Addr, proto Protocol) (n int) {
	c.Helper()
	for m, err := range c.d.Mappings() {
		if err != nil {
			c.Fatal(err)
		}
		if m.Inside.Addr() == inside && m.Protocol == proto {
			n++
		}
	}
	return n
}

// refused fails the test unless every packet of a flood either arrived or was dropped for a reason, and no other was dropped.
func (c *crowd) refused(before map[string]uint64, reason string, packets int, arrived *netns.Observer) {
	c.Helper()
	until(c, "every packet is accounted for", func() bool { return c.count(arrived)+int(c.drops(before)[reason]) >= packets })
	drops, through := c.drops(before), c.count(arrived)
	if len(drops) != 1 || int(drops[reason])+through != packets || through == 0 {
		c.Errorf("of %d packets %d arrived, and dropped were %v, want all others as %s", packets, through, drops, reason)
	}
}

// toldSome fails the test unless the flooder was told of some packets that were dropped: of no more than mostReplies a tick and CPU.
func (c *crowd) toldSome(before map[string]uint64, reason string, begun time.Time, told *netns.Observer) {
	c.Helper()
	_, tick, err := tickShift()
	if err != nil {
		c.Fatal(err)
	}
	most := uint64(time.Since(begun)/tick+2) * mostReplies * uint64(ebpf.MustPossibleCPU())
	replied, heard := c.counts()["replied"]-before["replied"], uint64(c.count(told))
	if replied == 0 || replied > most || heard == 0 || heard > replied {
		c.Errorf("%d ICMP errors were sent about %d drops, at most %d may be, and %d were heard", replied, c.drops(before)[reason], most, heard)
	}
	c.Logf("%d ICMP errors about %d drops, %d allowed", replied, c.drops(before)[reason], most)
}

// Fragments that never become packets, from a subscriber and from outside, many more than the tables for them hold, take no more
// memory than those, and cost nobody else anything: not even those whose own datagrams come in fragments, in order.
func TestFragmentsFlood(t *testing.T) {
	const fromSubscriber, fromOutside = 40000, 4000
	c, rnd := newCrowd(t, Policy{}), seeded(t)
	me, him := c.Subscribers[0], c.Servers[1]
	_, victim := c.flow(1, netip.AddrPortFrom(c.Servers[0].Addr, echoPort))
	large := c.largeExchange()
	large()
	c.had = c.mappingsOfOthers()
	before := c.counts()
	part := func(id int, p datagram, flags uint16) []byte { p.id, p.flags = uint16(1+id), flags; return p.ip() }
	c.during(func() error {
		return flood(me, "100.64.255.254", fromSubscriber, func(i int) []byte {
			p := udp(netip.AddrPortFrom(me.Addr, 5000), anywhere(rnd), "the first of several, whose others never come")
			return part(i, p, []uint16{moreFragments, moreFragments | 100}[i%2]) // a first one, and one from the middle
		})
	}, func() { c.exchange(); large() })
	c.during(func() error {
		return flood(him, "203.0.113.254", fromOutside, func(i int) []byte {
			return part(i, udp(netip.AddrPortFrom(him.Addr, 9), victim, "one from the middle"), moreFragments|100)
		})
	}, func() { c.exchange(); large() })
	c.filled(bpf.CgnatMapFragments, 16384)
	c.filled(bpf.CgnatMapHeld, 1024)
	if held := c.counts()["held"] - before["held"]; held != fromOutside {
		t.Errorf("%d fragments were held, want %d", held, fromOutside)
	}
	if drops := c.drops(before); len(drops) > 0 {
		t.Errorf("dropped: %v", drops)
	}
	c.isUnharmed()
}

// filled fails the test unless a table has at most so many entries, and enough of them to show that there is a bound.
func (c *crowd) filled(name string, most int) {
	c.Helper()
	n := 0
	err := with(c.site, "maps", name, func(m *ebpf.Map) error {
		key, all := make([]byte, m.KeySize()), m.Iterate()
		for value := make([]byte, m.ValueSize()); all.Next(&key, &value); n++ {
			continue
		}
		return all.Err()
	})
	if err != nil || n > most || n < most*3/4 {
		c.Errorf("%s has %d entries (error %v), want nearly %d", name, n, err, most)
	}
}

// Who sends to outside ports that nobody uses gets nowhere and hears nothing, whatever it sends, and mappings do not notice.
func TestOutsideFloods(t *testing.T) {
	const packets = 20000
	c, rnd := newCrowd(t, Policy{}), seeded(t)
	him, used := c.Servers[1], make(map[string]bool)
	for _, outside := range c.had {
		used[outside] = true
	}
	var inside []*netns.Observer
	for _, h := range c.Subscribers {
		inside = append(inside, c.observe(h, func(p netns.Packet) bool { return p.Src.As4()[0] == 198 || p.Src == him.Addr }))
	}
	heard := c.observe(him, func(p netns.Packet) bool {
		return p.Dst.As4()[0] == 198 || p.ICMPType == unreachable || p.ICMPType == timeExceeded
	})
	before := c.counts()
	c.during(func() error {
		return flood(him, "203.0.113.254", packets, func(i int) []byte {
			to := netip.AddrPortFrom(ad("192.0.2.0"), uint16(rnd.Uint32()))
			for used[to.String()] {
				to = netip.AddrPortFrom(to.Addr(), to.Port()+1)
			}
			from := anywhere(rnd)
			switch i % 4 {
			case 0:
				return tcp(from, to, syn, "").ip()
			case 1:
				return tcp(from, to, rst|ack, "").ip()
			case 2:
				return icmpQuery(from.Addr(), to.Addr(), echoReply, to.Port(), "flood").ip()
			}
			return udp(from, to, "flood").ip()
		})
	}, c.exchange)
	until(c, "every packet is accounted for", func() bool { return c.drops(before)["drop-no-mapping"] >= packets })
	if drops := c.drops(before); len(drops) != 1 || drops["drop-no-mapping"] != packets {
		t.Errorf("of %d packets were dropped %v", packets, drops)
	}
	for i, o := range inside {
		if n := c.count(o); n > 0 {
			t.Errorf("%d packets came in to subscriber %d", n, i)
		}
	}
	if n, replied := c.count(heard), c.counts()["replied"]-before["replied"]; n > 0 || replied > 0 {
		t.Errorf("%d packets came back, and %d ICMP errors were sent", n, replied)
	}
	c.isUnharmed()
}
