//go:build linux

package ebpf

import (
	"encoding/binary"
	"math/rand/v2"
	"net/netip"
	"slices"
	"testing"
	"time"
)

// A mutator makes frames of real ones that have something wrong, or something else.
type mutator struct {
	*rand.Rand
	samples []sample
	addrs   []netip.Addr
	ports   []uint16
}

func newMutator(rnd *rand.Rand, c *cast) *mutator {
	m := &mutator{Rand: rnd, samples: samplePackets(c), ports: []uint16{0, 1, 53, 1023, 1024, 65535}}
	m.samples = append(m.samples,
		sample{"no way back", fromOutside, udp(server, c.lost.out[1], "x").frame()},
		sample{"source route", fromInside, routed(udp(c.alice.in[1], server, "x")).frame()})
	m.addrs = []netip.Addr{
		server.Addr(), router, c.stranger, labInside, labOutside, ad("255.255.255.255"), ad("224.0.0.5"), ad("127.0.0.1"), ad("0.0.0.0"),
		ad("192.0.2.130"), ad("192.0.2.200"), ad("203.0.113.9"), ad("198.51.100.3"), ad("100.64.0.99"),
		twin.Addr(),
	}
	for _, a := range []actor{c.alice, c.bob, c.carol, c.solo, c.narrow, c.lost, c.unknown} {
		m.addrs = append(m.addrs, a.in[0].Addr(), a.out[0].Addr())
		for p := range a.in {
			m.ports = append(m.ports, a.in[p].Port(), a.out[p].Port())
		}
	}
	return m
}

// next returns a frame and the side that it comes from.
func (m *mutator) next() (side, []byte) {
	s := m.samples[m.IntN(len(m.samples))]
	frame, from := slices.Clone(s.in), s.from
	if m.IntN(10) == 0 {
		from = 1 - from
	}
	for range 1 + m.IntN(3) {
		switch m.IntN(8) {
		case 0:
			bit := m.IntN(8 * len(frame))
			frame[bit/8] ^= 1 << (bit % 8)
		case 1:
			frame[ethernet+m.IntN(len(frame)-ethernet)] = byte(m.Uint32())
		case 2:
			frame = frame[:max(ethernet+20, m.IntN(len(frame)+1))]
		case 3:
			frame = append(frame, make([]byte, m.IntN(20))...)
		default:
			m.field(frame)
		}
	}
	return from, m.finish(frame)
}

// field changes one field of the IP header, of what is behind it, or of a quoted packet.
func (m *mutator) field(frame []byte) {
	b := frame[ip:]
	if m.IntN(4) == 0 && len(b) >= 48 { // where the quoted packet is in errors
		b = b[28:]
	}
	a := m.addrs[m.IntN(len(m.addrs))].As4()
	switch m.IntN(9) {
	case 0:
		copy(b[12:], a[:])
	case 1:
		copy(b[16:], a[:])
	case 2:
		b[8] = []byte{0, 1, 2, 255}[m.IntN(4)]
	case 3:
		b[9] = []byte{protoICMP, protoTCP, protoUDP, protoGRE, protoSCTP, protoDCCP, protoUDPLite, 0}[m.IntN(8)]
	case 4:
		b[0] = byte(m.IntN(2)<<6 | 0x40 | m.IntN(16))
	case 5:
		binary.BigEndian.PutUint16(b[2:], uint16(m.IntN(2*len(frame))))
	case 6:
		b[6] ^= 0x40
	default:
		if l4 := int(b[0]&15) * 4; l4 >= 20 && l4+4 <= len(b) {
			at := l4 + 2*m.IntN(2)
			binary.BigEndian.PutUint16(b[at:], m.ports[m.IntN(len(m.ports))])
		}
	}
}

// cut makes some frames fragments, of few packets.
func (m *mutator) cut(frame []byte) {
	frame[ip+6] &^= 0x3f
	frame[ip+7] = 0
	if m.IntN(5) == 0 {
		frame[ip+4], frame[ip+5] = 0, byte(m.IntN(3))
		frame[ip+6] |= []byte{0, moreFragments >> 8}[m.IntN(2)]
		frame[ip+7] = []byte{0, 0, 1, 2, 3, 200}[m.IntN(6)]
	}
}

// finish makes the checksums of headers and errors right again in most frames, or nothing else of them would be looked at.
func (m *mutator) finish(frame []byte) []byte {
	m.cut(frame)
	if m.IntN(8) > 0 {
		resealed(frame)
	}
	at := ip + int(frame[ip]&15)*4 + 8
	if m.IntN(4) > 0 && frame[ip+9] == protoICMP && at+20 <= len(frame) {
		frame[at+10], frame[at+11] = 0, 0
		binary.BigEndian.PutUint16(frame[at+10:], ^sum16(frame[at:min(len(frame), at+max(20, int(frame[at]&15)*4))]))
	}
	l4, end := ip+int(frame[ip]&15)*4, ip+int(binary.BigEndian.Uint16(frame[ip+2:]))
	if m.IntN(8) > 0 && frame[ip+9] == protoICMP && l4+4 <= end && end <= len(frame) {
		frame[l4+2], frame[l4+3] = 0, 0
		binary.BigEndian.PutUint16(frame[l4+2:], ^sum16(frame[l4:end]))
	}
	return frame
}

// A hundred thousand packets that are almost right: the model knows what must become of each, whoever may send to mappings. Some are
// fragments.
func TestMutatedPackets(t *testing.T) {
	for filtering, packets := range map[Filtering]int{EndpointIndependent: 100_000, AddressDependent: 50_000, AddressAndPortDependent: 50_000} {
		t.Run(filtering.String(), func(t *testing.T) {
			t.Parallel()
			const long = 2 * time.Hour // nothing expires
			l := newLab(t, Config{Policy: Policy{Filtering: filtering, Peers: MaxPeers, UDP: long, ICMP: long, Opening: long, Closing: long}}, labPools()...)
			l.model.filtering = filtering
			l.sendsMutated(newMutator(seeded(t), newCast(l)), packets)
		})
	}
}

// sendsMutated sends so many packets, and looks whether there was enough of everything.
func (l *lab) sendsMutated(m *mutator, packets int) {
	l.Helper()
	seen := make(map[verdict]int)
	for range packets {
		got := l.send(m.next())
		seen[got.verdict]++
	}
	l.Log(seen, "strangers", l.model.strangers)
	wanted := []verdict{
		outbound, inbound, hairpin, passNotSubscriber, passNotOutside, passInside, passLocal, passUnrouted, passAnswer, passSlow,
		dropMalformed, dropChecksum, dropProtocol, dropICMPType, dropNoMapping, dropTTL, dropTooBig, dropUnrouted, dropSourceRoute,
		dropSource, dropInside,
	}
	if l.model.filtering != EndpointIndependent {
		wanted = append(wanted, dropFiltered)
	}
	for _, v := range wanted {
		if seen[v] < packets/20_000 {
			l.Errorf("%q occurred %d times", v, seen[v])
		}
	}
	for _, who := range []netip.Addr{ad("100.64.0.1"), ad("100.65.0.1"), ad("100.64.253.1")} {
		share, _ := l.model.subscriber(who)
		l.checkTable(share)
	}
}
