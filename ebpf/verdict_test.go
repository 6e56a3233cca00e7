package ebpf

import (
	"strings"
	"testing"

	"github.com/cilium/ebpf"
	"github.com/cilium/ebpf/btf"

	"github.com/cgnkit/cgnkit/ebpf/internal/bpf"
)

// A verdict is the name of an enum cgn_verdict: CGN_DROP_TTL is "drop ttl".
type verdict string

// The verdicts that tests expect. That the names are those of C is checked by use: a packet is compared by its verdict's name.
const (
	outbound          verdict = "outbound"
	inbound           verdict = "inbound"
	hairpin           verdict = "hairpin"
	passNotIPv4       verdict = "pass not ipv4"
	passNotSubscriber verdict = "pass not subscriber"
	passNotOutside    verdict = "pass not outside"
	passInside        verdict = "pass inside"
	passLocal         verdict = "pass local"
	passAnswer        verdict = "pass answer"
	passUnrouted      verdict = "pass unrouted"
	passSlow          verdict = "pass slow"
	passForeign       verdict = "pass foreign"
	dropMalformed     verdict = "drop malformed"
	dropChecksum      verdict = "drop checksum"
	dropSourceRoute   verdict = "drop source route"
	dropProtocol      verdict = "drop protocol"
	dropICMPType      verdict = "drop icmp type"
	dropFragment      verdict = "drop fragment"
	dropNoMapping     verdict = "drop no mapping"
	dropFiltered      verdict = "drop filtered"
	dropExhausted     verdict = "drop exhausted"
	dropLimit         verdict = "drop limit"
	dropRate          verdict = "drop rate"
	dropPeers         verdict = "drop peers"
	dropUnrouted      verdict = "drop unrouted"
	dropTTL           verdict = "drop ttl"
	dropTooBig        verdict = "drop too big"
	dropSource        verdict = "drop source"
	dropInside        verdict = "drop inside"
	replied           verdict = "replied"
)

// passes reports whether the packet goes to the host as it came.
func (v verdict) passes() bool { return strings.HasPrefix(string(v), "pass ") }

// drops reports whether the packet ends here.
func (v verdict) drops() bool { return strings.HasPrefix(string(v), "drop ") }

// A tally reads the counters of verdicts.
type tally struct {
	tb     testing.TB
	m      *ebpf.Map
	names  []verdict
	keys   []uint32
	values []bpf.CgnatCgnCounter // by verdict and CPU
}

func newTally(tb testing.TB, counters *ebpf.Map) *tally {
	tb.Helper()
	spec := must(bpf.LoadCgnat())
	var enum *btf.Enum
	if err := spec.Types.TypeByName("cgn_verdict", &enum); err != nil {
		tb.Fatal(err)
	}
	n := int(counters.MaxEntries())
	t := &tally{tb: tb, m: counters, names: make([]verdict, n)}
	for _, v := range enum.Values {
		if v.Value < uint64(n) {
			t.names[v.Value] = verdict(strings.ToLower(strings.ReplaceAll(strings.TrimPrefix(v.Name, "CGN_"), "_", " ")))
		}
	}
	t.keys = make([]uint32, n)
	t.values = make([]bpf.CgnatCgnCounter, n*ebpf.MustPossibleCPU())
	return t
}

// read returns the packets by verdict, without those of which there were none.
func (t *tally) read() map[verdict]uint64 {
	t.tb.Helper()
	var cursor ebpf.MapBatchCursor
	n, err := t.m.BatchLookup(&cursor, t.keys, t.values, nil)
	if n != len(t.keys) {
		t.tb.Fatalf("%d of %d counters were read: %v", n, len(t.keys), err)
	}
	cpus, packets := len(t.values)/len(t.keys), make(map[verdict]uint64)
	for i, key := range t.keys {
		for _, c := range t.values[i*cpus : (i+1)*cpus] {
			if c.Packets > 0 {
				packets[t.names[key]] += c.Packets
			}
		}
	}
	return packets
}
