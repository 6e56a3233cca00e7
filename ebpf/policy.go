package ebpf

import (
	"fmt"
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

// A Policy is how a pool behaves. The zero value of a field is the default that is named there; times are rounded up to
// ticks of about a quarter of a second.
type Policy struct {
	UDP         time.Duration // without a packet from the inside, a mapping ends; RFC 4787 REQ-5; 5 minutes
	ICMP        time.Duration // the same for queries; RFC 5508 REQ-2; 60 s
	Established time.Duration // TCP; RFC 5382 REQ-5; 2 hours and 4 minutes
	Opening     time.Duration // TCP that opens; RFC 7857 section 2.1; 4 minutes
	Closing     time.Duration // TCP that closes, and what is picked up in the middle; the same; 4 minutes
	Hold        time.Duration // before another inside endpoint of the subscriber gets a port; RFC 6888 REQ-8B; 0
	HoldPorts   int           // so many ports of a subscriber may wait when no other is free; RFC 6888 REQ-8D; all
	Limit       Limit         // RFC 6888 REQ-4
	Rate        int           // new mappings of a subscriber a second; any number
	Burst       int           // so many at once where there is a rate; as many as the rate
	Filtering   Filtering
}

// A Limit is how many mappings a subscriber may have; 0 stands for its whole share.
type Limit struct{ TCP, UDP, ICMP int }

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
	if p.HoldPorts > 0 {
		e.Held = uint32(p.HoldPorts)
	}
	if p.Rate > 0 {
		e.Rate = uint32(max(1, time.Duration(p.Rate)*16*tick/time.Second))
		e.Burst = uint32(max(1, p.Burst, p.Rate))
	}
	return e
}
