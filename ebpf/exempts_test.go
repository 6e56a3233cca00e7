//go:build linux

package ebpf

import (
	"encoding/binary"
	"net/netip"
	"slices"
	"testing"

	"github.com/cilium/ebpf"

	"github.com/cgnkit/cgnkit/alloc"
	"github.com/cgnkit/cgnkit/ebpf/internal/bpf"
	"github.com/cgnkit/cgnkit/internal/netns"
)

// exemptPlan returns a plan that leaves destinations alone.
func exemptPlan(t *testing.T, pool alloc.PoolSpec, destinations ...string) *alloc.Plan {
	t.Helper()
	spec := alloc.Spec{Pools: []alloc.PoolSpec{pool}}
	for _, d := range destinations {
		spec.NoTranslate = append(spec.NoTranslate, must(alloc.ParseDestination(d)))
	}
	plan, err := alloc.NewPlan(spec)
	if err != nil {
		t.Fatal(err)
	}
	return plan
}

// inParts returns a datagram in two parts.
func inParts(d datagram, id uint16) (first, later datagram) {
	const at = 24 // octets, a multiple of 8
	first, later = d, d
	first.payload, first.flags, first.id = d.payload[:at], moreFragments, id
	later.payload, later.flags, later.id = d.payload[at:], at/8, id
	return first, later
}

// An exempts is a lab where a host is reached untranslated by some ports of it.
type exempts struct {
	*lab
	behind     *ebpf.Program
	me, friend netip.Addr
	last       uint16 // identification
}

func newExempts(t *testing.T) *exempts {
	pool := alloc.PoolSpec{Name: "a", Inside: spans("100.64.0.0/25"), Outside: spans("198.51.100.0/30"), SharingRatio: 64}
	l := newLab(t, Config{behind: true, Plan: exemptPlan(t, pool, "192.0.2.17 udp/53", "192.0.2.17 tcp/0-80", labInside.String()+" udp/53")})
	behind := must(l.d.generation.openProgram(bpf.CgnatProgCgnInsideSlow))
	return &exempts{lab: l, behind: behind, me: ad("100.64.0.1"), friend: ad("192.0.2.17")}
}

// large returns a datagram to a port of a host, in two parts with an identification of their own.
func (e *exempts) large(to netip.Addr, port uint16) (first, later datagram) {
	e.last++
	return inParts(udp(netip.AddrPortFrom(e.me, 5000), netip.AddrPortFrom(to, port), string(make([]byte, 40))), e.last)
}

// becomes fails the test unless packets become what they should, and what is left to the host is as it came.
func (e *exempts) becomes(name string, want verdict, packets ...datagram) (gone []outcome) {
	e.Helper()
	for i, p := range packets {
		frame := p.frame()
		got := e.run(fromInside, frame)
		if got.verdict != want {
			e.Errorf("%s, packet %d: %s, want %s", name, i, got.verdict, want)
		}
		if got.action == xdpPass && !slices.Equal(got.frame, frame) {
			e.Errorf("%s, packet %d was changed:\n% x\n% x", name, i, frame, got.frame)
		}
		gone = append(gone, got)
	}
	return gone
}

// waits fails the test unless a fragment is kept until the first one comes.
func (e *exempts) waits(name string, later datagram) {
	e.Helper()
	e.becomes(name, passSlow, later)
	if got := e.runBehind(e.behind, fromInside, later.frame()); got.verdict != "held" {
		e.Errorf("%s, behind the driver: %q, want held", name, got.verdict)
	}
}

const passNoTranslate verdict = "pass no translate"

// Only the first fragment says whether a datagram is to a port that is not translated. The others share its fate.
func TestExemptFragments(t *testing.T) {
	e := newExempts(t)
	first, later := e.large(e.friend, 53)
	e.becomes("to an exempt port", passNoTranslate, first, later, later)
	first, later = e.large(e.friend, 54)
	gone := e.becomes("to another port", outbound, first, later)
	if a, b := gone[0].frame, gone[1].frame; !slices.Equal(a[ip+12:ip+20], b[ip+12:ip+20]) || !slices.Equal(a[ip+4:ip+6], b[ip+4:ip+6]) {
		t.Errorf("the parts of a datagram do not belong together:\n% x\n% x", a, b)
	}
	first, later = e.large(e.friend, 53)
	e.waits("before the first one to an exempt port", later)
	if got := e.run(fromInside, first.frame()); got.verdict != passSlow {
		t.Errorf("the first fragment for which others wait: %s", got.verdict)
	}
	_, later = e.large(e.friend, 54)
	e.waits("before the first one to another port", later)
	_, later = e.large(server.Addr(), 53)
	e.becomes("before the first one, to a host that is always translated", outbound, later)
	_, later = e.large(labInside, 54)
	e.becomes("before the first one, to the host itself", passLocal, later)
}

// The protocol counts, too: what no rule is about waits for nothing. A ping or an error may be about anything.
func TestExemptFragmentsOfOthers(t *testing.T) {
	e := newExempts(t)
	later := func(proto uint8, id uint16) datagram {
		return newDatagram(e.me, e.friend, proto, make([]byte, 16)).with(func(d *datagram) { d.flags, d.id = 4, id })
	}
	e.waits("TCP", later(protoTCP, 1))
	e.waits("ICMP", later(protoICMP, 2))
	large := icmpQuery(e.me, e.friend, echoRequest, 7, string(make([]byte, 40)))
	first, rest := inParts(large, 3)
	e.becomes("ping", outbound, first, rest)
	about := udp(netip.AddrPortFrom(e.friend, 53), netip.AddrPortFrom(e.me, 5000), string(make([]byte, 40)))
	first, rest = inParts(icmpError(e.me, e.friend, unreachable, 3, about.ip()), 4)
	first.payload, rest.payload, rest.flags = append(first.payload, rest.payload[:16]...), rest.payload[16:], 5
	e.becomes("error", passNoTranslate, first, rest)
}

// The number of a datagram comes again: what counts is the last first fragment.
func TestExemptFragmentsNumberedAgain(t *testing.T) {
	e := newExempts(t)
	first, later := e.large(e.friend, 53)
	e.last--
	other, rest := e.large(e.friend, 54)
	for range 2 {
		e.becomes("exempt", passNoTranslate, first, later)
		gone := e.becomes("translated", outbound, other, rest)
		a, b := gone[0].frame[ip+4:ip+6], gone[1].frame[ip+4:ip+6]
		if !slices.Equal(a, b) || binary.BigEndian.Uint16(a) == first.id {
			t.Errorf("translated parts have the identifications %x and %x, the datagram before them %x", a, b, first.id)
		}
	}
}

// An error about a packet from an exempt port goes as answers to it do.
func TestExemptErrors(t *testing.T) {
	e := newExempts(t)
	me := netip.AddrPortFrom(e.me, 5000)
	told := func(about datagram) datagram { return icmpError(e.me, e.friend, unreachable, 3, about.ip()) }
	e.becomes("a mapping", outbound, udp(me, netip.AddrPortFrom(e.friend, 54), "x"))
	e.becomes("about UDP from an exempt port", passNoTranslate, told(udp(netip.AddrPortFrom(e.friend, 53), me, "x")))
	e.becomes("about TCP from an exempt port", passNoTranslate, told(tcp(netip.AddrPortFrom(e.friend, 80), me, ack, "x")))
	e.becomes("about UDP from another port", outbound, told(udp(netip.AddrPortFrom(e.friend, 54), me, "x")))
	e.becomes("about TCP from a port that is exempt for UDP only", dropNoMapping, told(tcp(netip.AddrPortFrom(e.friend, 81), me, ack, "x")))
	e.becomes("about UDP from a port that is exempt for TCP only", outbound, told(udp(netip.AddrPortFrom(e.friend, 0), me, "x")))
	e.becomes("a ping", outbound, icmpQuery(e.me, e.friend, echoRequest, 53, "x"))
}

// In the order in which they came in or the other way round, all fragments of a datagram leave from one address.
func TestExemptFragmentsLeaveTogether(t *testing.T) {
	pool := samplePool
	pool.Name = "a"
	s := newSite(t, Config{Plan: exemptPlan(t, pool, "203.0.113.1 udp/53")})
	if err := s.CGN.SetSysctl("net.ipv4.ip_forward", "1"); err != nil {
		t.Fatal(err)
	}
	me, him := s.Subscribers[0], s.Servers[0]
	seen, err := him.Observe(netns.Watch{Match: func(p netns.Packet) bool { return binary.BigEndian.Uint16(p.Raw[6:])&0x3fff != 0 }})
	if err != nil {
		t.Fatal(err)
	}
	n := 0
	for id, order := range [][]int{{0, 1}, {1, 0}} {
		for _, port := range []uint16{53, 54} {
			first, later := inParts(udp(netip.AddrPortFrom(me.Addr, 5000), netip.AddrPortFrom(him.Addr, port), string(make([]byte, 40))), uint16(100*id)+port)
			for _, i := range order {
				if err := me.SendIPv4([]datagram{first, later}[i].ip()); err != nil {
					t.Fatal(err)
				}
			}
			n += 2
			until(t, "both parts are there", func() bool { return must(seen.Count()) >= n })
			for _, p := range must(seen.Packets())[n-2:] {
				if (p.Src == me.Addr) != (port == 53) {
					t.Errorf("to port %d, order %v: a part came from %v", port, order, p.Src)
				}
			}
		}
	}
}
