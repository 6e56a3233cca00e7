//go:build linux

package ebpf

import (
	"fmt"
	"math/rand/v2"
	"net/netip"
	"testing"
	"time"
)

// A modelMapping is a mapping of the subscriber: protocol and inside port.
type modelMapping struct {
	plane plane
	port  uint16
}

// peersModel knows whom every mapping of a subscriber has sent to, and thus what must become of each packet.
type peersModel struct {
	*lab
	filtering Filtering
	room      int
	rnd       *rand.Rand
	known     map[modelMapping]map[netip.AddrPort]bool
	outside   map[modelMapping]netip.AddrPort
}

func newPeersModel(t *testing.T, filtering Filtering, room int, seed uint64) *peersModel {
	return &peersModel{
		lab:       newLab(t, Config{Policy: Policy{Filtering: filtering, Peers: room}}, peersPool),
		filtering: filtering,
		room:      room,
		rnd:       rand.New(rand.NewPCG(uint64(room), seed)),
		known:     make(map[modelMapping]map[netip.AddrPort]bool),
		outside:   make(map[modelMapping]netip.AddrPort),
	}
}

// peer returns what filtering takes for the peer at a remote endpoint.
func (m *peersModel) peer(p netip.AddrPort) netip.AddrPort {
	if m.filtering == AddressDependent {
		return netip.AddrPortFrom(p.Addr(), 1)
	}
	return p
}

// places returns how many places are needed: one for each peer of a mapping beside the first.
func (m *peersModel) places() (n int) {
	for _, peers := range m.known {
		n += len(peers) - 1
	}
	return n
}

// mayRefuse reports whether a mapping may be refused to send to a remote endpoint: to nobody who is known, nor to the first, nor where a
// place is free.
func (m *peersModel) mayRefuse(at modelMapping, to netip.AddrPort) bool {
	return m.known[at] != nil && !m.known[at][m.peer(to)] && m.places() >= m.room
}

// sends has a mapping send, and learns from that.
func (m *peersModel) sends(at modelMapping, to netip.AddrPort, frame []byte, opens bool) error {
	got := m.run(fromInside, frame)
	if got.verdict == dropPeers && !m.mayRefuse(at, to) {
		m.agePeers(0) // places of mappings that have ended are free at the latest in the next tick
		got = m.run(fromInside, frame)
	}
	switch {
	case got.verdict == dropPeers && m.mayRefuse(at, to), got.verdict == dropNoMapping && !opens && m.known[at] == nil:
		return nil
	case got.verdict != outbound:
		return fmt.Errorf("to %v: %q with %d of %d places in use, known: %v", to, got.verdict, m.places(), m.room, m.known[at][m.peer(to)])
	}
	if was, ok := m.outside[at]; ok && was != sourceOf(got.frame) {
		return fmt.Errorf("it was at %v and is at %v", was, sourceOf(got.frame))
	}
	if !opens {
		return nil
	}
	m.outside[at] = sourceOf(got.frame)
	if m.known[at] == nil {
		m.known[at] = make(map[netip.AddrPort]bool)
	}
	m.known[at][m.peer(to)] = true
	return nil
}

// step does something at random: mostly a packet to or from a mapping, and now and then one ends.
func (m *peersModel) step() error {
	at := modelMapping{plane(m.rnd.IntN(2)), uint16(5000 + m.rnd.IntN(8))}
	me := netip.AddrPortFrom(ad("100.64.0.1"), at.port)
	remote := netip.AddrPortFrom(netip.AddrFrom4([4]byte{192, 0, 2, byte(1 + m.rnd.IntN(2+m.room/6))}), uint16(443+m.rnd.IntN(3)))
	flags := []uint8{ack, ack, ack, syn, fin | ack, syn | ack, rst}[m.rnd.IntN(7)]
	packet := func(from, to netip.AddrPort) []byte {
		if at.plane == planeUDP {
			return udp(from, to, "x").frame()
		}
		return tcp(from, to, flags, "").frame()
	}
	switch what := m.rnd.IntN(20); {
	case what < 11:
		if err := m.sends(at, remote, packet(me, remote), at.plane == planeUDP || flags != rst); err != nil {
			return fmt.Errorf("%+v, flags %#x: %w", at, flags, err)
		}
	case m.known[at] == nil:
	case what < 19:
		want := dropFiltered
		if m.known[at][m.peer(remote)] {
			want = inbound
		}
		if got := m.run(fromOutside, packet(remote, m.outside[at])); got.verdict != want {
			return fmt.Errorf("%+v from %v, flags %#x: %q, want %q, in state %#x", at, remote, flags, got.verdict, want, m.slot(at.plane, m.outside[at]).State)
		}
	case m.rnd.IntN(2) == 0:
		m.idle(at.plane, m.outside[at], 3*time.Hour)
		delete(m.known, at)
		delete(m.outside, at)
	}
	return nil
}

// Whatever a subscriber and others send: strangers stay out, nobody who is known is forgotten or refused, and nobody else is refused before
// all places are in use.
func TestPeersModel(t *testing.T) {
	seed := uint64(time.Now().UnixNano())
	for _, filtering := range []Filtering{AddressDependent, AddressAndPortDependent} {
		for _, room := range []int{1, 3, 65, 130} {
			t.Run(fmt.Sprint(filtering, " ", room), func(t *testing.T) {
				m := newPeersModel(t, filtering, room, seed)
				for i := range 3000 {
					if err := m.step(); err != nil {
						t.Fatalf("seed %d, step %d: %v", seed, i, err)
					}
				}
			})
		}
	}
}
