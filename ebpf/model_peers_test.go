package ebpf

import "net/netip"

// portless is the plane of what has no ports, of which an inside address has one mapping.
const portless plane = 3

// asksAlone reports whether who has an address alone can be pinged there, and not only its mappings: filters go by mappings.
func (m *model) asksAlone() bool { return m.filtering == EndpointIndependent }

// peerOf returns a remote endpoint as filters tell it from others.
func (m *model) peerOf(who insider, remote netip.AddrPort) netip.AddrPort {
	if m.filtering == AddressDependent || who.plane == planeICMP || who.plane == portless {
		return netip.AddrPortFrom(remote.Addr(), 0)
	}
	return remote
}

// sends notes whom a mapping sends to. Errors and resets let nobody in.
func (m *model) sends(s *shape, who insider) {
	if m.filtering == EndpointIndependent || s.kind == quotes || who.plane == planeTCP && s.flags&rst != 0 {
		return
	}
	if m.peers[who] == nil {
		m.peers[who] = make(map[netip.AddrPort]bool)
	}
	m.peers[who][m.peerOf(who, s.far)] = true
}

// hears reports whether who sends a packet may send to a mapping. Errors come from anywhere on the way. A stranger is taken for a peer
// once in a million times (20 bits of an address): one is let through.
func (m *model) hears(s *shape, who insider, got outcome) bool {
	if m.filtering == EndpointIndependent || s.kind == quotes {
		return true
	}
	remote := s.near
	if s.newNear.IsValid() {
		remote = s.newNear // of a subscriber: as others see it
	}
	if m.peers[who][m.peerOf(who, remote)] {
		return true
	}
	if got.verdict != dropFiltered && m.strangers == 0 {
		m.strangers++
		return true
	}
	return false
}
