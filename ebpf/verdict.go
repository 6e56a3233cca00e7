package ebpf

import (
	"fmt"

	"github.com/cgnkit/cgnkit/ebpf/internal/bpf"
)

// A Verdict is what became of a packet. Names are stable; numbers are those of the kernel's counters.
type Verdict uint32

// verdictNames are the names of cgn_verdict in types.h, without the prefix.
var verdictNames = [bpf.CgnatCgnVerdictCGN_VERDICTS]string{
	bpf.CgnatCgnVerdictCGN_OUTBOUND:            "outbound",
	bpf.CgnatCgnVerdictCGN_INBOUND:             "inbound",
	bpf.CgnatCgnVerdictCGN_HAIRPIN:             "hairpin",
	bpf.CgnatCgnVerdictCGN_PASS_NOT_IPV4:       "pass-not-ipv4",
	bpf.CgnatCgnVerdictCGN_PASS_NOT_SUBSCRIBER: "pass-not-subscriber",
	bpf.CgnatCgnVerdictCGN_PASS_NOT_OUTSIDE:    "pass-not-outside",
	bpf.CgnatCgnVerdictCGN_PASS_NO_TRANSLATE:   "pass-no-translate",
	bpf.CgnatCgnVerdictCGN_PASS_INSIDE:         "pass-inside",
	bpf.CgnatCgnVerdictCGN_PASS_LOCAL:          "pass-local",
	bpf.CgnatCgnVerdictCGN_PASS_UNROUTED:       "pass-unrouted",
	bpf.CgnatCgnVerdictCGN_PASS_ANSWER:         "pass-answer",
	bpf.CgnatCgnVerdictCGN_PASS_SLOW:           "pass-slow",
	bpf.CgnatCgnVerdictCGN_REPLIED:             "replied",
	bpf.CgnatCgnVerdictCGN_HELD:                "held",
	bpf.CgnatCgnVerdictCGN_DROP_MALFORMED:      "drop-malformed",
	bpf.CgnatCgnVerdictCGN_DROP_CHECKSUM:       "drop-checksum",
	bpf.CgnatCgnVerdictCGN_DROP_SOURCE_ROUTE:   "drop-source-route",
	bpf.CgnatCgnVerdictCGN_DROP_PROTOCOL:       "drop-protocol",
	bpf.CgnatCgnVerdictCGN_DROP_ICMP_TYPE:      "drop-icmp-type",
	bpf.CgnatCgnVerdictCGN_DROP_FRAGMENT:       "drop-fragment",
	bpf.CgnatCgnVerdictCGN_DROP_NO_MAPPING:     "drop-no-mapping",
	bpf.CgnatCgnVerdictCGN_DROP_FILTERED:       "drop-filtered",
	bpf.CgnatCgnVerdictCGN_DROP_EXHAUSTED:      "drop-exhausted",
	bpf.CgnatCgnVerdictCGN_DROP_LIMIT:          "drop-limit",
	bpf.CgnatCgnVerdictCGN_DROP_RATE:           "drop-rate",
	bpf.CgnatCgnVerdictCGN_DROP_CONTENDED:      "drop-contended",
	bpf.CgnatCgnVerdictCGN_DROP_UNROUTED:       "drop-unrouted",
	bpf.CgnatCgnVerdictCGN_DROP_TTL:            "drop-ttl",
	bpf.CgnatCgnVerdictCGN_DROP_TOO_BIG:        "drop-too-big",
	bpf.CgnatCgnVerdictCGN_DROP_TABLES:         "drop-tables",
	bpf.CgnatCgnVerdictCGN_DROP_SOURCE:         "drop-source",
	bpf.CgnatCgnVerdictCGN_DROP_INSIDE:         "drop-inside",
	bpf.CgnatCgnVerdictCGN_PASS_FOREIGN:        "pass-foreign",
	bpf.CgnatCgnVerdictCGN_DROP_PEERS:          "drop-peers",
}

// String returns the name, such as "drop-no-mapping".
func (v Verdict) String() string {
	if int(v) < len(verdictNames) {
		return verdictNames[v]
	}
	return fmt.Sprintf("Verdict(%d)", uint32(v))
}

// A Kind is what verdicts have in common.
type Kind uint8

// The kinds.
const (
	Translated Kind = iota + 1
	Passed          // left to the host as it came
	Replied         // counts the ICMP errors that were sent about packets, which are also counted as dropped
	Dropped
	Held // until the first fragment comes, and then counted as what that becomes, unless that is not translated
)

// String returns "translated", "pass", "replied", "drop" or "held".
func (k Kind) String() string {
	if k < Translated || k > Held {
		return fmt.Sprintf("Kind(%d)", uint8(k))
	}
	return [...]string{Translated: "translated", Passed: "pass", Replied: "replied", Dropped: "drop", Held: "held"}[k]
}

// Kind returns the kind of a verdict.
func (v Verdict) Kind() Kind {
	switch r := Verdict(bpf.CgnatCgnVerdictCGN_REPLIED); {
	case v <= Verdict(bpf.CgnatCgnVerdictCGN_HAIRPIN):
		return Translated
	case v < r, v == Verdict(bpf.CgnatCgnVerdictCGN_PASS_FOREIGN):
		return Passed
	case v == r:
		return Replied
	case v == Verdict(bpf.CgnatCgnVerdictCGN_HELD):
		return Held
	}
	return Dropped
}

// A Counter is how many packets had a verdict since the instance was loaded, and how long they were, with Ethernet headers.
type Counter struct {
	Verdict        Verdict
	Packets, Bytes uint64
}

// Counters returns the counters of all verdicts in their order, summed over the CPUs. They go on when the instance gets another
// plan. They are read one after the other while packets pass.
func (d *Datapath) Counters() ([]Counter, error) {
	m, err := d.generation.openMap("maps", bpf.CgnatMapCounters)
	if err != nil {
		return nil, err
	}
	defer m.Close()
	out := make([]Counter, len(verdictNames))
	for v := range out {
		var cpus []bpf.CgnatCgnCounter
		if err := m.Lookup(uint32(v), &cpus); err != nil {
			return nil, fmt.Errorf("read counter %v: %w", Verdict(v), err)
		}
		out[v].Verdict = Verdict(v)
		for _, c := range cpus {
			out[v].Packets += c.Packets
			out[v].Bytes += c.Bytes
		}
	}
	return out, nil
}
