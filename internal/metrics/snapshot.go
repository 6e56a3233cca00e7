package metrics

import (
	"time"

	"github.com/cgnkit/cgnkit/internal/alarm"
)

// A Source is asked at every scrape, by several goroutines at once. It must answer at once from memory, and must not change what it
// has returned. nil means that there is nothing to tell yet.
type Source interface{ Snapshot() *Snapshot }

// A Snapshot is what is known at an instant. Numbers that are named totals only grow, and start again from 0 with the daemon unless
// said otherwise. nil, and the zero time, mean that something is not known or does not exist here: the metric is left out then.
type Snapshot struct {
	Backend, Instance string // "nftables" or "xdp", and the instance's name
	PlanSHA256        string // of the plan in force, in hex; "" = none
	Healthy           bool   // the kernel has what it is to have, as far as is known
	Problems          []Problem

	Pools       []Pool // of the plan in force, in its order; see PoolsOf
	Usage       *Usage
	UsageErrors uint64 // total of surveys that failed

	NewMappings *Protocols    // totals, of the kernel; nil where the backend does not count them
	Packets     []PacketCount // totals of the kernel
	Refusals    []Refusal     // totals of subscribers that were refused a mapping, of the kernel
	LostEvents  *uint64       // total of refusals that were not told, of the kernel

	Apply  Apply
	Verify Verify
	Drift  Drift
	Epoch  *Epoch  // nil without a ledger
	Ledger *Ledger // nil without a ledger

	Conntrack  *Conntrack
	Maps       []MapFill
	MapBytes   *uint64 // of kernel memory in BPF maps
	Interfaces []Interface

	Alarms Alarms

	CertificateEnd time.Time // of the one that the API shows on TCP

	Requests []Requests // of the API: totals
	Dropped  []Dropped  // connections: totals
}

// Requests counts requests of the API by how they ended.
type Requests struct {
	Listener string // "unix" or "tcp"
	Code     string // of HTTP
	Count    uint64
}

// Dropped counts connections that were closed because their clients kept others waiting.
type Dropped struct {
	Listener string // "unix", "tcp" or "metrics"
	Reason   string // "silent", "crowded" or "slow"
	Count    uint64
}

// Protocols are numbers by protocol.
type Protocols struct{ TCP, UDP, ICMP uint64 }

// Max returns the highest of the three.
func (p Protocols) Max() uint64 { return max(p.TCP, p.UDP, p.ICMP) }

// plus returns the sums.
func (p Protocols) plus(o Protocols) Protocols {
	return Protocols{p.TCP + o.TCP, p.UDP + o.UDP, p.ICMP + o.ICMP}
}

// A Pool is what the plan says of a pool. Ports are those of one protocol, on all outside addresses together: each protocol has as
// many.
type Pool struct {
	Name                    string
	Subscribers, Capacity   uint64 // who have a share, and how many could
	Addresses               uint64 // outside addresses
	SharingRatio            int    // shares on an outside address
	OwnedPorts              uint64 // in shares of subscribers
	DynamicPorts, TailPorts uint64 // set aside for blocks; left to nobody by the scheme
}

// A Problem is something that can be wrong, and whether it is.
type Problem struct {
	Code string
	Is   bool
}

// A PacketCount is a counter of packets.
type PacketCount struct {
	Result         string // "translated", "passed", "replied", "dropped" or "held"
	Reason         string // within it: the name of a verdict, or "untranslated" with nftables
	Packets, Bytes uint64
}

// A Refusal counts how often subscribers were told to have been refused a mapping.
type Refusal struct {
	Kind  string // "exhausted", "limit" or "rate"
	Count uint64
}

// An Apply is how bringing the plan into the kernel went.
type Apply struct {
	Succeeded, Failed uint64    // totals
	At                time.Time // of the end of the last one that succeeded; zero = none yet
	Took              time.Duration
	OK                bool // the last one succeeded
}

// A Verify is how comparing the kernel with the plan went.
type Verify struct {
	Equal, Different, Failed uint64    // totals; Failed: it could not be compared
	At                       time.Time // of the end of the last one that could compare; zero = none yet
	Took                     time.Duration
	OK                       bool   // the last one found the kernel equal to the plan
	Differences              uint64 // that the last one found
}

// A Drift is what others have changed in our part of the kernel.
type Drift struct {
	At                        time.Time // of the last look; zero = none yet
	Differences               uint64    // that are there now
	Noticed, Repaired, Failed uint64    // totals: times it was noticed, and what came of repairs
}

// An Epoch is where the ledger stands. Numbers are sequence numbers; 0 = none.
type Epoch struct {
	InForce, Due uint64    // that the kernel has, and that it should have by the clock
	From         time.Time // of the one in force; zero = none
	Next         time.Time // from when another is due; zero = none is known
}

// A Ledger is the file of epochs.
type Ledger struct {
	Head     string    // hash of its last record, in hex; "" = it is empty or was never read
	Records  uint64    // when it was read last
	Readable bool      // the last reading succeeded
	ReadAt   time.Time // of the last reading that succeeded; zero = none
}

// A Conntrack is the kernel's table of flows in the network namespace. The totals are of the kernel.
type Conntrack struct {
	Entries, Limit                       uint64
	Dropped, EarlyDropped, InsertsFailed uint64
}

// A MapFill is how full a BPF map is.
type MapFill struct {
	Name              string
	Entries, Capacity uint64
}

// An Interface is a link that the instance translates on.
type Interface struct {
	Name, Side string // Side is "inside" or "outside"
	Up         bool   // packets pass, and are translated
}

// Alarms are the numbers of alarms by level.
type Alarms struct{ Pool, Address, Subscriber alarm.Counts }

// AlarmsOf returns the numbers of a monitor.
func AlarmsOf(m *alarm.Monitor) Alarms {
	return Alarms{m.Counts(alarm.Pool), m.Counts(alarm.Address), m.Counts(alarm.Subscriber)}
}
