package ebpf

import "github.com/cgnkit/cgnkit/ebpf/internal/bpf"

// meanings say in a few words what verdicts mean.
var meanings = [bpf.CgnatCgnVerdictCGN_VERDICTS]string{
	bpf.CgnatCgnVerdictCGN_OUTBOUND:            "translated, from a subscriber",
	bpf.CgnatCgnVerdictCGN_INBOUND:             "translated, to a subscriber",
	bpf.CgnatCgnVerdictCGN_HAIRPIN:             "translated, from a subscriber to another by its outside address",
	bpf.CgnatCgnVerdictCGN_PASS_NOT_IPV4:       "no IPv4: left to the host",
	bpf.CgnatCgnVerdictCGN_PASS_NOT_SUBSCRIBER: "the source is no subscriber: left to the host",
	bpf.CgnatCgnVerdictCGN_PASS_NOT_OUTSIDE:    "the destination is no outside address: left to the host",
	bpf.CgnatCgnVerdictCGN_PASS_NO_TRANSLATE:   "to or from a destination that the plan does not translate: left to the host",
	bpf.CgnatCgnVerdictCGN_PASS_INSIDE:         "from a subscriber to an inside address: left to the host",
	bpf.CgnatCgnVerdictCGN_PASS_LOCAL:          "to the host itself",
	bpf.CgnatCgnVerdictCGN_PASS_UNROUTED:       "the host has no way there, or does not forward: left to it to say so",
	bpf.CgnatCgnVerdictCGN_PASS_ANSWER:         "the TTL is over, or it is larger than the MTU: the host answers",
	bpf.CgnatCgnVerdictCGN_PASS_SLOW:           "left to the program behind the driver, and counted there once more",
	bpf.CgnatCgnVerdictCGN_PASS_FOREIGN:        "for another station of the link: left to the host",
	bpf.CgnatCgnVerdictCGN_REPLIED:             "ICMP errors sent about packets that were dropped",
	bpf.CgnatCgnVerdictCGN_HELD:                "fragments that wait for the first one",
	bpf.CgnatCgnVerdictCGN_DROP_MALFORMED:      "cut short, or its lengths or parts contradict each other",
	bpf.CgnatCgnVerdictCGN_DROP_CHECKSUM:       "the checksum of the IPv4 header is wrong, or that of an ICMP error",
	bpf.CgnatCgnVerdictCGN_DROP_SOURCE_ROUTE:   "it has a source route",
	bpf.CgnatCgnVerdictCGN_DROP_SOURCE:         "from outside, and the source is an inside address, one of our outside addresses, or none of a host; or from the inside, and it is an outside address, or nobody's of 100.64.0.0/10",
	bpf.CgnatCgnVerdictCGN_DROP_INSIDE:         "from outside, to an inside address",
	bpf.CgnatCgnVerdictCGN_DROP_PROTOCOL:       "a protocol without ports, and the subscriber shares its address",
	bpf.CgnatCgnVerdictCGN_DROP_ICMP_TYPE:      "ICMP that is neither a query nor an error about a packet",
	bpf.CgnatCgnVerdictCGN_DROP_FRAGMENT:       "a fragment too many, or too large, to wait for the first one",
	bpf.CgnatCgnVerdictCGN_DROP_NO_MAPPING:     "nobody uses that outside port",
	bpf.CgnatCgnVerdictCGN_DROP_FILTERED:       "the mapping has not sent to that host",
	bpf.CgnatCgnVerdictCGN_DROP_EXHAUSTED:      "all ports of the subscriber are in use",
	bpf.CgnatCgnVerdictCGN_DROP_LIMIT:          "the subscriber has as many mappings as it may",
	bpf.CgnatCgnVerdictCGN_DROP_RATE:           "the subscriber makes more mappings a second than it may",
	bpf.CgnatCgnVerdictCGN_DROP_PEERS:          "to one more peer than are kept of the subscriber, where its pool filters by them",
	bpf.CgnatCgnVerdictCGN_DROP_CONTENDED:      "two CPUs wanted the same slot, or the lock of a subscriber, too long",
	bpf.CgnatCgnVerdictCGN_DROP_UNROUTED:       "the host has no way to the subscriber",
	bpf.CgnatCgnVerdictCGN_DROP_TTL:            "the TTL is over, on the way to a subscriber; with several realms from one, too",
	bpf.CgnatCgnVerdictCGN_DROP_TOO_BIG:        "larger than the MTU on the way to a subscriber, and not to be cut; with several realms from one, too",
	bpf.CgnatCgnVerdictCGN_DROP_TABLES:         "the tables contradict themselves",
}

// Meaning returns what a verdict means, in a few words.
func (v Verdict) Meaning() string {
	if int(v) < len(meanings) {
		return meanings[v]
	}
	return "unknown"
}
