package ebpf

import (
	"fmt"
	"net/netip"
	"time"

	"github.com/cgnkit/cgnkit/alloc"
	"github.com/cgnkit/cgnkit/ebpf/internal/bpf"
)

// A Protocol is one that has ports, or identifiers that serve as such. The zero Protocol is TCP.
type Protocol uint8

// The protocols.
const (
	TCP  = Protocol(bpf.CgnatCgnProtoCGN_TCP)
	UDP  = Protocol(bpf.CgnatCgnProtoCGN_UDP)
	ICMP = Protocol(bpf.CgnatCgnProtoCGN_ICMP) // queries; the identifier is the port
)

var protocolNames = [...]string{TCP: "tcp", UDP: "udp", ICMP: "icmp"}

// String returns "tcp", "udp" or "icmp".
func (p Protocol) String() string {
	if int(p) < len(protocolNames) {
		return protocolNames[p]
	}
	return fmt.Sprintf("Protocol(%d)", uint8(p))
}

// A TCPState is that of RFC 7857 section 2. The zero TCPState is closed, and that of every mapping that is not TCP.
type TCPState uint8

var tcpStateNames = [...]string{
	bpf.CgnatCgnTcpStateCGN_TCP_CLOSED: "closed", bpf.CgnatCgnTcpStateCGN_TCP_INIT: "init",
	bpf.CgnatCgnTcpStateCGN_TCP_ESTABLISHED: "established", bpf.CgnatCgnTcpStateCGN_TCP_INSIDE_FIN: "inside-fin",
	bpf.CgnatCgnTcpStateCGN_TCP_OUTSIDE_FIN: "outside-fin", bpf.CgnatCgnTcpStateCGN_TCP_BOTH_FIN: "both-fin",
	bpf.CgnatCgnTcpStateCGN_TCP_TRANS: "trans",
}

// String returns "closed", "init", "established", "inside-fin", "outside-fin", "both-fin" or "trans".
func (s TCPState) String() string {
	if int(s) < len(tcpStateNames) {
		return tcpStateNames[s]
	}
	return fmt.Sprintf("TCPState(%d)", uint8(s))
}

// A Mapping is an inside endpoint and the outside endpoint that stands for it.
type Mapping struct {
	Protocol        Protocol
	Realm           string // of the inside endpoint
	Inside, Outside netip.AddrPort
	// Age is the time since the last packet that keeps the mapping, rounded down to a quarter of a second or so.
	Age time.Duration
	// TCP is the state of the connection, where the mapping is TCP and not Several.
	TCP TCPState
	// Several says that TCP connections to several remote endpoints use the mapping, or did: it lives as long as an established
	// one.
	Several bool
	// Static says that it is a port forward: it does not expire.
	Static bool
	// Displaced says that the port is not the one that a node without any state would choose.
	Displaced bool

	state, ticks uint32
}

// timeout is cgn_timeout.
func timeout(p bpf.CgnatCgnPolicy, proto Protocol, state uint32) uint32 {
	switch proto {
	case UDP:
		return p.Udp
	case ICMP:
		return p.Icmp
	}
	if state&uint32(bpf.CgnatCgnSlotStateCGN_SLOT_SEVERAL) != 0 {
		return p.Established
	}
	switch bpf.CgnatCgnTcpState(state & uint32(bpf.CgnatCgnSlotStateCGN_SLOT_TCP)) {
	case bpf.CgnatCgnTcpStateCGN_TCP_ESTABLISHED, bpf.CgnatCgnTcpStateCGN_TCP_INSIDE_FIN, bpf.CgnatCgnTcpStateCGN_TCP_OUTSIDE_FIN:
		return p.Established
	case bpf.CgnatCgnTcpStateCGN_TCP_BOTH_FIN, bpf.CgnatCgnTcpStateCGN_TCP_TRANS:
		return p.Closing
	}
	return p.Opening
}

// A place is where a slot is.
type place struct {
	row   int
	pool  *alloc.Pool
	proto Protocol
	port  uint16
}

// A reader turns slots into mappings.
type reader struct {
	*generation
	key  Key
	now  uint32
	tick time.Duration
}

// mapping returns the mapping in a slot. ok is false for a slot that is free, whose mapping has ended, or whose owner does not
// own the port: its plan is no more, and it is about to be freed.
func (r *reader) mapping(s bpf.CgnatCgnSlot, at place) (m Mapping, ok bool) {
	inside, ok := ownerOf(s.Owner)
	if !ok || at.port == 0 {
		return m, false
	}
	static := s.State&uint32(bpf.CgnatCgnSlotStateCGN_SLOT_STATIC) != 0
	ended := s.State&uint32(bpf.CgnatCgnSlotStateCGN_SLOT_ENDED) != 0
	age := int32(r.now - s.Seen)
	policy := r.record.Policies[r.tables.rows[at.row].Pool]
	if !static && (ended || age > int32(timeout(policy, at.proto, s.State))) {
		return m, false
	}
	realm := at.pool.Realm()
	share, err := r.plan.Lookup(alloc.SubscriberFrom(realm, inside.Addr()))
	if err != nil || share.Outside() != r.address(at.row) {
		return m, false
	}
	ports := share.Ports()
	number, ok := ports.Index(at.port)
	if !ok {
		return m, false
	}
	flags := r.tables.pools[r.tables.rows[at.row].Pool].Flags
	home := r.key.homeOf(inside, at.proto, homeShare{ports.Len(), flags&parity != 0, ports.First()})
	m = Mapping{
		Protocol: at.proto, Realm: realm, Inside: inside, Outside: netip.AddrPortFrom(r.address(at.row), at.port),
		Age: time.Duration(max(age, 0)) * r.tick, Static: static, Displaced: home != number, state: s.State, ticks: uint32(max(age, 0)),
	}
	if at.proto == TCP {
		m.Several = s.State&uint32(bpf.CgnatCgnSlotStateCGN_SLOT_SEVERAL) != 0
		if !m.Several {
			m.TCP = TCPState(s.State & uint32(bpf.CgnatCgnSlotStateCGN_SLOT_TCP))
		}
	}
	return m, true
}

// subscriber returns whose mapping it is.
func (m Mapping) subscriber() alloc.Subscriber { return alloc.SubscriberFrom(m.Realm, m.Inside.Addr()) }
