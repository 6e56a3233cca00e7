package ebpf

import (
	"fmt"
	"math"
	"time"

	"github.com/cgnkit/cgnkit/ebpf/internal/bpf"
)

// Filtering says who may send to a mapping (RFC 4787 section 5).
type Filtering uint32

// The ways of filtering.
const (
	EndpointIndependent     = Filtering(bpf.CgnatCgnFilteringCGN_EIF)  // anybody
	AddressDependent        = Filtering(bpf.CgnatCgnFilteringCGN_ADF)  // addresses that the mapping has sent to
	AddressAndPortDependent = Filtering(bpf.CgnatCgnFilteringCGN_APDF) // endpoints that it has sent to
)

// String returns "endpoint-independent", "address-dependent" or "address-and-port-dependent".
func (f Filtering) String() string {
	if int(f) < len(filteringNames) {
		return filteringNames[f]
	}
	return fmt.Sprintf("Filtering(%d)", uint32(f))
}

var filteringNames = [...]string{
	EndpointIndependent: "endpoint-independent", AddressDependent: "address-dependent", AddressAndPortDependent: "address-and-port-dependent",
}

// The highest values of a Policy. More is a slip of the pen, and the tables have no room for it.
const (
	MaxTime  = 7 * 24 * time.Hour
	MaxPorts = 1 << 16        // of Limit and HoldPorts: no share has more
	MaxRate  = 1_000_000      // of new mappings a second
	MaxBurst = math.MaxUint16 // what an account counts up to
	MaxPeers = int(bpf.CgnatCgnLimitCGN_MAX_PEERS)
)

// A Policy is how a pool behaves. The zero value of a field is the default that is named there; times are rounded up to
// ticks of about a quarter of a second. No time is longer than MaxTime, and no number higher than MaxPorts, MaxRate, MaxBurst and MaxPeers.
type Policy struct {
	UDP         time.Duration // without a packet from the inside, a mapping ends; RFC 4787 REQ-5; 5 minutes
	ICMP        time.Duration // the same for queries; RFC 5508 REQ-2; 60 s
	Established time.Duration // TCP; RFC 5382 REQ-5; 2 hours and 4 minutes
	Opening     time.Duration // TCP that opens; RFC 7857 section 2.1; 4 minutes
	Closing     time.Duration // TCP that closes, and what is picked up in the middle; the same; 4 minutes
	Hold        time.Duration // before another inside endpoint gets a freed port, of whichever subscriber; RFC 6888 REQ-8; 0
	HoldPorts   int           // so many ports of a subscriber may wait when no other is free; RFC 6888 REQ-8D; all
	Limit       Limit         // RFC 6888 REQ-4
	Rate        int           // new mappings of a subscriber a second; any number
	Burst       int           // so many at once, which takes a rate, and never fewer than the rate; as many as the rate
	Filtering   Filtering
	Peers       int // where it filters, remote endpoints that are kept of a subscriber beside one of each mapping; RFC 6888 REQ-5; 320
}

// A Limit is how many mappings a subscriber may have; 0 stands for its whole share.
type Limit struct{ TCP, UDP, ICMP int }

// check refuses values that the entry of C has no room for, or that mean nothing.
func (p Policy) check() error {
	for _, v := range []struct {
		name  string
		value int64
		most  int64
	}{
		{"Limit.TCP", int64(p.Limit.TCP), MaxPorts}, {"Limit.UDP", int64(p.Limit.UDP), MaxPorts}, {"Limit.ICMP", int64(p.Limit.ICMP), MaxPorts},
		{"HoldPorts", int64(p.HoldPorts), MaxPorts}, {"Rate", int64(p.Rate), MaxRate}, {"Burst", int64(p.Burst), MaxBurst},
		{"Peers", int64(p.Peers), int64(MaxPeers)},
		{"Filtering", int64(p.Filtering), int64(len(filteringNames)) - 1},
	} {
		if v.value < 0 || v.value > v.most {
			return fmt.Errorf("%w: %s is %d: want a number from 0, the default, to %d", ErrPolicy, v.name, v.value, v.most)
		}
	}
	for _, v := range []struct {
		name  string
		value time.Duration
	}{{"UDP", p.UDP}, {"ICMP", p.ICMP}, {"Established", p.Established}, {"Opening", p.Opening}, {"Closing", p.Closing}, {"Hold", p.Hold}} {
		if v.value < 0 || v.value > MaxTime {
			return fmt.Errorf("%w: %s is %v: want a time from 0, the default, to %v", ErrPolicy, v.name, v.value, MaxTime)
		}
	}
	if p.Burst > 0 && p.Rate == 0 {
		return fmt.Errorf("%w: Burst is %d and there is no Rate, without which it means nothing: set both, or neither", ErrPolicy, p.Burst)
	}
	return nil
}

// tickShift returns how many bits of jiffies a tick leaves out, and how long it is: the power of two of them next to a
// quarter of a second.
func tickShift() (shift uint32, tick time.Duration, err error) {
	tick, err = jiffy()
	if err != nil {
		return 0, 0, fmt.Errorf("ask how long a jiffy is: %w", err)
	}
	for ; tick < 180*time.Millisecond; tick *= 2 {
		shift++
	}
	return shift, tick, nil
}

// ticks returns a duration for C, never shorter.
func ticks(d, otherwise, tick time.Duration) uint32 {
	if d == 0 {
		d = otherwise
	}
	return uint32((d + tick - 1) / tick)
}

func (p Policy) entry(tick time.Duration) bpf.CgnatCgnPolicy {
	e := bpf.CgnatCgnPolicy{
		Udp: ticks(p.UDP, 5*time.Minute, tick), Icmp: ticks(p.ICMP, time.Minute, tick),
		Established: ticks(p.Established, 2*time.Hour+4*time.Minute, tick), Opening: ticks(p.Opening, 4*time.Minute, tick),
		Closing: ticks(p.Closing, 4*time.Minute, tick), Hold: ticks(p.Hold, 0, tick), Held: 1 << 16, Filtering: bpf.CgnatCgnFiltering(p.Filtering),
	}
	for i, n := range [...]int{p.Limit.TCP, p.Limit.UDP, p.Limit.ICMP} {
		e.Limit[i] = 1 << 16
		if n > 0 {
			e.Limit[i] = uint32(n)
		}
	}
	e.Peers = uint32(bpf.CgnatCgnLimitCGN_PEERS)
	if p.Peers > 0 {
		e.Peers = uint32(p.Peers)
	}
	if p.HoldPorts > 0 {
		e.Held = uint32(p.HoldPorts)
	}
	if p.Rate > 0 {
		e.Rate = uint32(max(1, time.Duration(p.Rate)*16*tick/time.Second))
		e.Burst = uint32(max(1, p.Burst, p.Rate))
	}
	return e
}

// policyOf returns the policy of an entry, with nothing left to defaults but a burst without a rate. Times are cut to seconds,
// which undoes the rounding up of those that were whole.
func policyOf(e bpf.CgnatCgnPolicy, tick time.Duration) Policy {
	span := func(ticks uint32) time.Duration { return (time.Duration(ticks) * tick).Truncate(time.Second) }
	p := Policy{
		UDP: span(e.Udp), ICMP: span(e.Icmp), Established: span(e.Established), Opening: span(e.Opening), Closing: span(e.Closing),
		Hold: span(e.Hold), HoldPorts: int(e.Held), Limit: Limit{int(e.Limit[0]), int(e.Limit[1]), int(e.Limit[2])},
		Burst: int(e.Burst), Filtering: Filtering(e.Filtering), Peers: int(e.Peers),
	}
	if e.Rate > 0 {
		p.Rate = int((time.Duration(e.Rate)*time.Second + 8*tick) / (16 * tick))
	}
	return p
}
