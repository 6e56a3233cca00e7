package form

import "time"

// A Refusal is the answer to what is refused.
type Refusal struct {
	Error string `json:"error"`
}

// Protocols are numbers by protocol.
type Protocols struct {
	TCP  uint64 `json:"tcp"`
	UDP  uint64 `json:"udp"`
	ICMP uint64 `json:"icmp"`
}

// Max returns the highest of the three.
func (p Protocols) Max() uint64 { return max(p.TCP, p.UDP, p.ICMP) }

// Sum returns the three together.
func (p Protocols) Sum() uint64 { return p.TCP + p.UDP + p.ICMP }

// Pools are the pools of the plan that was applied.
type Pools struct {
	SHA256 string     `json:"plan_sha256"`
	Taken  *time.Time `json:"usage_taken"` // when use was read, which is done in the background; null = not yet
	Pools  []Pool     `json:"pools"`       // in the order of the plan
}

// A Pool is a pool. Ports are those of one protocol: each has as many.
type Pool struct {
	Name               string     `json:"name"`
	Realm              string     `json:"realm"`
	Scheme             string     `json:"scheme"`
	Subscribers        uint64     `json:"subscribers"`
	Capacity           uint64     `json:"capacity"` // subscribers that fit
	Addresses          uint64     `json:"addresses"`
	SharingRatio       int        `json:"sharing_ratio"`
	PortsPerSubscriber int        `json:"ports_per_subscriber"`
	DynamicPorts       int        `json:"dynamic_ports"` // of an address
	TailPorts          int        `json:"tail_ports"`    // of an address
	OwnedPorts         uint64     `json:"owned_ports"`   // by subscribers, on all addresses
	UsedPorts          *Protocols `json:"used_ports"`    // of these; null = not known yet
	Mappings           *Protocols `json:"mappings"`
	Sessions           *Protocols `json:"sessions"` // null also where the backend does not know them
}

// A Subscriber is what the plan that was applied gives a subscriber, what it uses of that, and what is to be thought of it.
type Subscriber struct {
	Subscriber string    `json:"subscriber"`
	Realm      string    `json:"realm"`
	Pool       string    `json:"pool"`
	Outside    string    `json:"outside"`
	Ports      string    `json:"ports"`
	Count      int       `json:"port_count"`
	SHA256     string    `json:"plan_sha256"`
	Usage      *Usage    `json:"usage"`    // null = it cannot be read; the summary says why
	Refusals   *Refusals `json:"refusals"` // null = the backend does not tell
	Verdict    string    `json:"verdict"`  // one of Verdicts
	Summary    string    `json:"summary"`  // the same in words, with numbers
	Action     string    `json:"action"`   // what to do
}

// The verdicts on a subscriber.
const (
	NotEnforced = "not-enforced" // the kernel may not have what the plan says
	Exhausted   = "exhausted"    // no port of a protocol is left, or none was a moment ago
	Limited     = "limited"      // a policy refused mappings a moment ago
	NearLimit   = "near-limit"
	Idle        = "idle" // it uses nothing
	Healthy     = "healthy"
	Unknown     = "unknown" // what it uses cannot be read
)

// Verdicts are all verdicts, the gravest first.
var Verdicts = []string{NotEnforced, Exhausted, Limited, NearLimit, Idle, Healthy, Unknown}

// A Usage is what a subscriber uses.
type Usage struct {
	Taken     time.Time       `json:"taken"`
	Now       bool            `json:"now"` // read for this answer; otherwise by the last reading in the background
	Protocols []ProtocolUsage `json:"protocols"`
}

// A ProtocolUsage is what a subscriber uses of one protocol.
type ProtocolUsage struct {
	Protocol string  `json:"protocol"` // "tcp", "udp" or "icmp"
	Owned    uint64  `json:"owned"`    // ports
	Limit    uint64  `json:"limit"`    // mappings that it may have: as many as ports, unless a policy says less
	Used     uint64  `json:"used"`     // ports that a mapping has
	Mappings uint64  `json:"mappings"`
	Sessions *uint64 `json:"sessions"` // null where the backend does not know them
}

// Refusals count how often a subscriber was told to have been refused a mapping, at most twice a second.
type Refusals struct {
	Since     time.Time  `json:"since"` // nothing before that is known
	Exhausted uint64     `json:"exhausted"`
	Limit     uint64     `json:"limit"`
	Rate      uint64     `json:"rate"`
	Last      *time.Time `json:"last"` // null = never
	LastKind  string     `json:"last_kind"`
	// LastExhausted is when no port was free last; null = never.
	LastExhausted *time.Time `json:"last_exhausted"`
}

// A Top is who uses most.
type Top struct {
	By     string      `json:"by"`    // "ports", "mappings" or "sessions"
	Taken  time.Time   `json:"taken"` // when reading it began
	Took   int64       `json:"took_ns"`
	SHA256 string      `json:"plan_sha256"`
	Top    []TopMember `json:"top"` // most first
}

// A TopMember is a subscriber who uses much.
type TopMember struct {
	Rank       int        `json:"rank"` // from 1
	Subscriber string     `json:"subscriber"`
	Realm      string     `json:"realm"`
	Pool       string     `json:"pool"`
	Outside    string     `json:"outside"`
	Owned      uint64     `json:"owned"` // ports of each protocol
	Used       Protocols  `json:"used"`
	Mappings   Protocols  `json:"mappings"`
	Sessions   *Protocols `json:"sessions"` // null where the backend does not know them
}

// An Epoch is an epoch of the ledger.
type Epoch struct {
	Seq       uint64     `json:"seq"`
	From      time.Time  `json:"from"`
	Settled   time.Time  `json:"settled"`
	Until     *time.Time `json:"until"` // null for the last
	Added     time.Time  `json:"added"`
	By        string     `json:"by"`
	Note      string     `json:"note"`
	Backdated bool       `json:"backdated"`
	Stray     bool       `json:"stray,omitempty"`
	Unknown   bool       `json:"unknown,omitempty"`
	SHA256    string     `json:"plan_sha256"`
	Hash      string     `json:"hash"`
}

// Epochs are the last epochs of a ledger.
type Epochs struct {
	Head    string  `json:"head"`
	Records int     `json:"records"`
	Epochs  []Epoch `json:"epochs"` // the last 1,000, in the order of recording
	// Warnings say that there may be others.
	Warnings []string `json:"warnings"`
}

// An Added is an epoch that was recorded.
type Added struct {
	Epoch
	Difference Difference `json:"difference"`
}

// A Difference is who moves by an epoch: numbers of subscribers. All are 0 where ComparedWith is null.
type Difference struct {
	ComparedWith *uint64 `json:"compared_with"` // the epoch before; null = there is none, or its plan cannot be read
	Kept         uint64  `json:"kept"`
	Moved        uint64  `json:"moved"`
	Added        uint64  `json:"added"`
	Removed      uint64  `json:"removed"`
}
