package ebpf

import (
	"encoding/binary"
	"fmt"
	"net/netip"
	"time"
)

// A partOf is the packet that a fragment is of.
type partOf struct {
	from, to netip.Addr
	id       uint16
	proto    uint8
	side     side
}

// A part is what became of the first fragment of a packet, or of one that needed none, and becomes of the others.
type part struct {
	near, far  netip.Addr
	verdict    verdict
	id         uint16
	numbered   bool // the identification is known: a fragment has gone on
	made, used time.Time
}

// A note lasts five seconds, and nobody knows when exactly the programs read the time: surely there, surely gone, and between.
func (p *part) isThere() bool { return p != nil && time.Since(p.made) < 2*time.Second }
func (p *part) isGone() bool  { return p == nil || time.Since(p.used) > 12*time.Second }

func (s *shape) fragment() bool { return s.u16(ip+6)&(moreFragments|0x1fff) != 0 }
func (s *shape) later() bool    { return s.u16(ip+6)&0x1fff != 0 }

// followsFirst reports whether this is a fragment whose ports only the first one has.
func (s *shape) followsFirst() bool {
	return s.later() && (s.proto == protoTCP || s.proto == protoUDP || s.proto == protoICMP)
}

// overlaps reports whether a fragment would write over the ports and flags of the first (RFC 3128).
func (s *shape) overlaps() bool { return s.proto == protoTCP && int(s.u16(ip+6)&0x1fff)*8 < 20 }

func (s *shape) partOf(from side) partOf {
	return partOf{s.teller, s.addressee, s.u16(ip + 4), s.proto, from}
}

// finish is the end of the way of a packet that goes on, of which the others follow where it is a first fragment.
func (m *model) finish(s *shape, from side, v verdict, got outcome) verdict {
	if v := s.unlessDamaged(v); v.drops() || !s.fragment() {
		return v
	}
	key := s.partOf(from)
	p := &part{near: s.teller, far: s.addressee, verdict: v, made: time.Now(), used: time.Now()}
	if s.newNear.IsValid() {
		p.near = s.newNear.Addr()
	}
	if s.newFar.IsValid() {
		p.far = s.newFar.Addr()
	}
	had := m.parts[key]
	if !had.isGone() {
		p.made = had.made
	}
	if v == inbound {
		p.id, p.numbered = key.id, true
	} else if had.isThere() && had.near == p.near && had.far == p.far {
		p.id, p.numbered = had.id, had.numbered
	}
	m.parts[key] = p
	s.problem = p.number(got)
	return v
}

// number compares the identification of a fragment that has gone on with those before, or learns it.
func (p *part) number(got outcome) string {
	if len(got.frame) < ip+20 || got.verdict != p.verdict {
		return "" // which is compared anyway
	}
	id := binary.BigEndian.Uint16(got.frame[ip+4:])
	if p.numbered && id != p.id && p.isThere() {
		return fmt.Sprintf("a fragment has identification %d, and others of its packet %d", id, p.id)
	}
	p.id, p.numbered = id, true
	return ""
}

// isShown reports whether a fragment has gone on with the addresses of the others.
func (p *part) isShown(got outcome) bool {
	return got.verdict == p.verdict && len(got.frame) >= ip+20 && netip.AddrFrom4([4]byte(got.frame[ip+12:])) == p.near
}

// laterFromInside is for a fragment of a subscriber that has no ports.
func (m *model) laterFromInside(s *shape, got outcome) verdict {
	near, ours := m.subscriber(s.teller)
	if !ours {
		if _, forged := m.pool(s.teller); forged || m.leaks(s) {
			return dropSource
		}
		return passNotSubscriber
	}
	if s.overlaps() {
		return dropMalformed
	}
	key := s.partOf(fromInside)
	p := m.parts[key]
	if p.isThere() || !p.isGone() && p.isShown(got) {
		return m.follow(s, p, got)
	}
	if _, ok := m.pool(s.addressee); ok {
		return m.maybeFollow(s, p, got)
	}
	if _, inside := m.subscriber(s.addressee); inside && !m.network.route(s.addressee).leadsOutside() {
		return passInside
	}
	alone := &part{near: near.Outside(), far: s.addressee, verdict: outbound, made: time.Now(), used: time.Now()}
	switch {
	case p.isGone():
		m.parts[key] = alone
	case alone.isShown(got):
		alone.made = p.made
		m.parts[key] = alone
	default: // it went nowhere, and whether it found the note of p, nobody has seen
		p.used = time.Now()
	}
	return m.follow(s, alone, got)
}

// laterFromOutside is for a fragment to an outside address that has no ports.
func (m *model) laterFromOutside(s *shape, got outcome) verdict {
	p := m.parts[s.partOf(fromOutside)]
	switch {
	case s.overlaps():
		return dropMalformed
	case p.isThere():
		return m.follow(s, p, got)
	}
	return m.maybeFollow(s, p, got)
}

// maybeFollow is for a fragment whose note may be there still. Without it, it waits behind the driver.
func (m *model) maybeFollow(s *shape, p *part, got outcome) verdict {
	if p.isGone() || got.verdict == passSlow {
		return passSlow
	}
	return m.follow(s, p, got)
}

// follow does to a fragment what was done to the first one.
func (m *model) follow(s *shape, p *part, got outcome) verdict {
	p.used = time.Now()
	s.newNear, s.newFar = netip.AddrPortFrom(p.near, 0), netip.AddrPortFrom(p.far, 0)
	s.hop = m.network.route(p.far)
	way := s.hop.in(s)
	if p.verdict == outbound {
		way = s.hop.out(s)
	}
	if way != "" {
		return way
	}
	s.problem = p.number(got)
	return p.verdict
}
