package ebpf

import (
	"fmt"
	"net/netip"

	"github.com/cgnkit/cgnkit/alloc"
)

// The model says what must become of one packet, with maps and package alloc and as slowly as it likes. It does not know which
// port an inside endpoint gets: it takes that from the first packet that shows it, checks it, and foretells all else.
//
// What it does not cover: time (a test says what has expired), and where a packet is redirected to other than by the addresses in its
// frame. Filtering is in model_peers_test.go, and fragments are in model_parts_test.go.

// shared is the shared address space, of which all plans here have inside addresses.
var shared = netip.MustParsePrefix("100.64.0.0/10")

// A plane is a protocol with ports or identifiers; planes have nothing to do with each other.
type plane int

const (
	planeTCP plane = iota
	planeUDP
	planeICMP
)

// An insider is what a mapping is of.
type insider struct {
	plane    plane
	endpoint netip.AddrPort
}

// An outsider is what a mapping is to.
type outsider struct {
	plane    plane
	endpoint netip.AddrPort
}

// A holder is who mappings are counted of.
type holder struct {
	plane  plane
	inside netip.Addr
}

func (i insider) holder() holder { return holder{i.plane, i.endpoint.Addr()} }

// A mapping lives until a test says that it is idle. An idle one is still there, but as good as free.
type mapping struct {
	insider insider
	outside netip.AddrPort
	idle    bool
}

// A model is a NAT in its own words.
type model struct {
	plan    *alloc.Plan
	network network
	limit   map[plane]int

	inside  map[insider]*mapping
	outside map[outsider]*mapping
	live    map[holder]int            // mappings that are not idle
	alone   map[netip.Addr]netip.Addr // outside addresses that one subscriber has alone
	shares  portsOf

	filtering Filtering
	peers     map[insider]map[netip.AddrPort]bool // whom a mapping has sent to, where that counts
	strangers int                                 // that were taken for peers
	parts     map[partOf]*part                    // what became of first fragments

	mute bool // no more ICMP errors in this tick

	// learn finds out which port an inside endpoint has got, where no packet shows it.
	learn func(who insider, a alloc.Allocation) uint16
}

func newModel(plan *alloc.Plan, n network) *model {
	m := &model{
		plan: plan, network: n, limit: make(map[plane]int), shares: portsOf{},
		inside: make(map[insider]*mapping), outside: make(map[outsider]*mapping), live: make(map[holder]int),
		alone: make(map[netip.Addr]netip.Addr), peers: make(map[insider]map[netip.AddrPort]bool), parts: make(map[partOf]*part),
	}
	for p := range plan.Pools() {
		for a := range p.All() {
			if m.unshared(p, a.Outside()) {
				m.alone[a.Outside()] = a.Inside()
			}
		}
	}
	return m
}

// unshared reports whether an outside address of a pool has one share.
func (m *model) unshared(p *alloc.Pool, outside netip.Addr) bool {
	if p.Scheme() != alloc.Explicit {
		return p.SharingRatio() == 1
	}
	n := 0
	for range m.plan.Holders(outside) {
		n++
	}
	return n == 1
}

// An outcome is what became of a packet.
type outcome struct {
	verdict verdict
	reply   bool // answered with an ICMP error
	action  uint32
	frame   []byte // what goes on or back, to a neighbour or to the host
}

// judge foretells the outcome of a packet, and returns how another outcome differs: "" if it does not.
func (m *model) judge(side side, in []byte, got outcome) string {
	s, v := readHeader(in, side)
	if v == "" {
		v = m.decide(s, side, got)
	}
	if problem := s.problem; problem != "" {
		return problem
	}
	want := outcome{verdict: v, action: xdpDrop}
	switch {
	case v == outbound, v == inbound, v == hairpin:
		want.action, want.frame = xdpRedirect, s.translated(got.frame)
	case v.passes():
		want.action, want.frame = xdpPass, in
	case m.answers(s, v):
		want.action, want.reply, want.frame = xdpRedirect, true, m.reply(s, v)
	}
	return want.diff(got)
}

// decide says the verdict about a packet with a sound IP header, and what its endpoints become.
func (m *model) decide(s *shape, side side, got outcome) verdict {
	if side == fromInside {
		return m.fromInside(s, got)
	}
	return m.fromOutside(s, got)
}

func (m *model) fromInside(s *shape, got outcome) verdict {
	if s.followsFirst() {
		return m.laterFromInside(s, got)
	}
	ports := s.readPorts()
	near, ours := m.subscriber(s.near.Addr())
	_, known := m.subscriber(s.teller)
	switch {
	case !ours && !known:
		if _, forged := m.pool(s.teller); forged || m.leaks(s) {
			return dropSource
		}
		return passNotSubscriber
	case ports != "":
		return ports
	case !ours:
		return dropNoMapping // an error of a subscriber about what is nobody's
	case s.far.Addr() != s.addressee:
		return dropMalformed
	}
	if pool, ok := m.pool(s.far.Addr()); ok {
		return m.turnBack(s, near, pool, got)
	}
	if _, inside := m.subscriber(s.far.Addr()); inside && !m.network.route(s.far.Addr()).leadsOutside() {
		return passInside
	}
	s.hop = m.network.route(s.far.Addr())
	way := s.hop.out(s)
	if way != "" && way != passSlow {
		return way
	}
	if v := m.nearHalf(s, near, got); v != "" {
		return v // told at once, also where the slow way would come next
	}
	if way != "" {
		return way
	}
	return m.finish(s, fromInside, outbound, got)
}

// turnBack is hairpinning.
func (m *model) turnBack(s *shape, near alloc.Allocation, pool *alloc.Pool, got outcome) verdict {
	ping := s.plane == planeICMP && !s.portless
	if ping && !s.asks {
		s.newNear = netip.AddrPortFrom(near.Outside(), s.near.Port()) // whom it is for says the identifier at the far end
	} else if v := m.nearHalf(s, near, got); v != "" {
		return v
	}
	v := m.farHalf(s, pool, got)
	if ping && s.asks {
		s.newFar = netip.AddrPortFrom(s.newFar.Addr(), s.newNear.Port()) // who is asked gets the identifier of who asks
	}
	if v != "" {
		return v
	}
	return m.finish(s, fromInside, hairpin, got)
}

// leaks reports whether what is nobody's would leave with an address of the shared space.
func (m *model) leaks(s *shape) bool {
	return shared.Contains(s.teller) && m.network.route(s.addressee).leadsOutside()
}

func (m *model) fromOutside(s *shape, got outcome) verdict {
	if m.belongsInside(s.teller) || shared.Contains(s.teller) && !m.network.route(s.teller).leadsOutside() {
		return dropSource
	}
	if _, ours := m.pool(s.teller); ours {
		return dropSource
	}
	pool, ok := m.pool(s.far.Addr())
	if !ok && m.belongsInside(s.far.Addr()) {
		return dropInside
	}
	if !ok {
		return passNotOutside
	}
	if nobodys(s.teller) {
		return dropSource
	}
	if s.followsFirst() {
		return m.laterFromOutside(s, got)
	}
	if v := s.readPorts(); v != "" {
		return v
	}
	if s.far.Addr() != s.addressee {
		return dropMalformed
	}
	if v := m.farHalf(s, pool, got); v != "" {
		return v
	}
	return m.finish(s, fromOutside, inbound, got)
}

// unlessDamaged is about what would be translated: an error with a wrong checksum is not (RFC 5508 REQ-3). That of a fragment covers more.
func (s *shape) unlessDamaged(v verdict) verdict {
	if s.kind == quotes && !s.fragment() && s.sumMessage() != 0xffff {
		return dropChecksum
	}
	return v
}

// nobodys reports whether an address cannot be that of a sender: this host, a group, everybody.
func nobodys(a netip.Addr) bool {
	return a.IsLoopback() || a.IsMulticast() || a == netip.AddrFrom4([4]byte{255, 255, 255, 255}) || a.As4()[0] == 0
}

// belongsInside reports whether an address is an inside address, and not that of a host outside that has the same.
func (m *model) belongsInside(a netip.Addr) bool {
	_, ok := m.subscriber(a)
	return ok && !m.network.route(a).leadsOutside()
}

// subscriber returns the share of an inside address.
func (m *model) subscriber(a netip.Addr) (alloc.Allocation, bool) {
	share, err := m.plan.Lookup(alloc.SubscriberFrom(m.plan.Realms()[0], a))
	return share, err == nil
}

// pool returns the pool that an outside address is in.
func (m *model) pool(a netip.Addr) (*alloc.Pool, bool) {
	t := m.plan.Trace(a, 1024)
	return t.Pool(), t.Status() != alloc.NotInPool && t.Status() != alloc.Excluded
}

// creates reports whether a packet from the inside may make a mapping.
func (s *shape) creates() bool {
	switch {
	case s.kind == quotes:
		return false
	case s.plane == planeICMP:
		return s.asks
	case s.plane == planeTCP:
		return s.flags&rst == 0
	}
	return true
}

// nearHalf says what the near endpoint becomes.
func (m *model) nearHalf(s *shape, a alloc.Allocation, got outcome) verdict {
	if s.portless {
		if !m.unshared(a.Pool(), a.Outside()) {
			return dropProtocol
		}
		s.newNear = netip.AddrPortFrom(a.Outside(), 0)
		m.sends(s, insider{portless, s.near})
		return ""
	}
	if s.plane == planeICMP && !s.asks && m.asksAlone() && m.unshared(a.Pool(), a.Outside()) {
		s.newNear = netip.AddrPortFrom(a.Outside(), s.near.Port()) // who is asked keeps the identifier of who asks
		return ""
	}
	who := insider{s.plane, s.near}
	to := m.inside[who]
	if to == nil || to.idle {
		if !s.creates() {
			return dropNoMapping
		}
		if v := m.refuses(who, a); v != "" {
			return v
		}
		if to, s.problem = m.admit(who, a, m.portOf(s, who, a, got)); s.problem != "" {
			return dropExhausted
		}
	}
	s.newNear = to.outside
	m.sends(s, who)
	return ""
}

// refuses says why an inside endpoint gets no mapping, or "".
func (m *model) refuses(who insider, a alloc.Allocation) verdict {
	if m.inside[who] != nil {
		return "" // its own has expired, and is there for it
	}
	live, ports := m.live[who.holder()], m.shares.of(a)
	if limit, ok := m.limit[who.plane]; ok && limit < ports.Len() && live >= limit {
		return dropLimit
	}
	if live == ports.Len() {
		return dropExhausted
	}
	return ""
}

// portOf returns which port an inside endpoint has got: what the packet shows, or what the table says where it ended here.
func (m *model) portOf(s *shape, who insider, a alloc.Allocation, got outcome) uint16 {
	at := s.nearPort
	shown := got.verdict == outbound || got.verdict == hairpin && s.nearPort != s.farPort
	if !shown || len(got.frame) < at+2 {
		return m.learn(who, a)
	}
	return uint16(got.frame[at])<<8 | uint16(got.frame[at+1])
}

// admit makes a mapping to a port that an inside endpoint has got, or says what is wrong with the port.
func (m *model) admit(who insider, a alloc.Allocation, port uint16) (*mapping, string) {
	outside := netip.AddrPortFrom(a.Outside(), port)
	if _, ok := m.shares.of(a).Index(port); !ok {
		return nil, fmt.Sprintf("%v got %v, which is not in its share %v", who.endpoint, outside, a)
	}
	to := outsider{who.plane, outside}
	if own := m.inside[who]; own != nil && own.outside != outside {
		return nil, fmt.Sprintf("%v got %v, though its own %v has expired and is free", who.endpoint, outside, own.outside)
	}
	if held := m.outside[to]; held != nil {
		if !held.idle {
			return nil, fmt.Sprintf("%v got %v, which %v has", who.endpoint, outside, held.insider.endpoint)
		}
		delete(m.inside, held.insider)
	}
	m.live[who.holder()]++
	got := &mapping{insider: who, outside: outside}
	m.inside[who], m.outside[to] = got, got
	return got, ""
}

// farHalf says what the far endpoint becomes, and whether a packet gets there.
func (m *model) farHalf(s *shape, pool *alloc.Pool, got outcome) verdict {
	unshared := m.unshared(pool, s.far.Addr())
	var who insider
	if s.portless || s.plane == planeICMP && s.asks && m.asksAlone() && unshared {
		to, ok := m.alone[s.far.Addr()]
		switch {
		case !unshared:
			return dropProtocol
		case !ok:
			return dropNoMapping
		}
		s.newFar = netip.AddrPortFrom(to, s.near.Port())
		if s.newNear.IsValid() {
			s.newFar = netip.AddrPortFrom(to, s.newNear.Port())
		}
		who = insider{portless, netip.AddrPortFrom(to, 0)}
	} else {
		to := m.outside[outsider{s.plane, s.far}]
		if to == nil || to.idle {
			return dropNoMapping
		}
		s.newFar, who = to.insider.endpoint, to.insider
	}
	if !m.hears(s, who, got) {
		return dropFiltered
	}
	s.hop = m.network.route(s.newFar.Addr())
	return s.hop.in(s)
}
