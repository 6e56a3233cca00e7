package main

import (
	"encoding/binary"
	"maps"
	"net/netip"
	"sync"
	"testing"

	"github.com/cgnkit/cgnkit/internal/netns"
	"github.com/cgnkit/cgnkit/internal/netnstest"
)

// sentinel is the number that no program has.
const sentinel = 0xffff

var judgedServers = []netip.Addr{netip.MustParseAddr("203.0.113.1"), netip.MustParseAddr("203.0.113.53")}

// judgedPort is the port from which the packets of a program leave: each its own, so that each is the first of a connection.
func judgedPort(program uint16) uint16 { return 10000 + program%50000 }

// judgedPacket returns a datagram of UDP from the port of a program. Its checksum is left out.
func judgedPacket(program uint16, from netip.Addr, to netip.AddrPort, data ...byte) []byte {
	udp := binary.BigEndian.AppendUint16(nil, judgedPort(program))
	udp = binary.BigEndian.AppendUint16(udp, to.Port())
	udp = binary.BigEndian.AppendUint16(udp, uint16(8+len(data)))
	udp = append(udp, 0, 0)
	return netns.IPv4{Src: from, Dst: to.Addr(), Proto: 17, Payload: append(udp, data...)}.Bytes()
}

// sightings are the packets that have arrived, and where they were seen.
type sightings[P comparable, W any] struct {
	mu   sync.Mutex
	seen map[P]W
}

func (s *sightings[P, W]) note(packet P, where W) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.seen != nil { // else nothing has been sent
		s.seen[packet] = where
	}
}

// of returns what arrives while send sends, and returns when it has arrived.
func (s *sightings[P, W]) of(send func()) map[P]W {
	s.mu.Lock()
	s.seen = make(map[P]W)
	s.mu.Unlock()
	send()
	s.mu.Lock()
	defer s.mu.Unlock()
	return maps.Clone(s.seen)
}

// observe has the packets that come to a host looked at until the test ends.
func observe(t *testing.T, h netns.Host, match func(netns.Packet) bool) *netns.Observer {
	t.Helper()
	o, err := h.Observe(netns.Watch{Match: match, Keep: -1})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = o.Close() }) // it would hold the namespace
	return o
}

// sendAll sends packets from a host.
func sendAll(t *testing.T, h netns.Host, packets ...[]byte) {
	t.Helper()
	if err := h.SendAll(len(packets), func(i int) []byte { return packets[i] }); err != nil {
		t.Fatal(err)
	}
}

// loadRules replaces the table that rules are in. dir is for files.
func loadRules(t *testing.T, ns *netns.NS, dir, text string) {
	t.Helper()
	netnstest.Run(t, ns, "nft", "-f", saveText(t, dir, "loaded.nft", "table ip n\ndelete table ip n\n"+text))
}

// trackConnections has a box remember connections for as long as the test goes on: the sentinels are packets of one that no chain of NAT sees again, once
// the first has passed.
func trackConnections(t *testing.T, ns *netns.NS, dir string) {
	t.Helper()
	netnstest.Run(t, ns, "nft", "table ip keep { chain c { type filter hook forward priority 0; ct state new accept; }; }")
	loadRules(t, ns, dir, "table ip n { chain p { type nat hook postrouting priority 100; }; }")
}
