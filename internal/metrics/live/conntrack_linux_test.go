package live

import (
	"errors"
	"testing"

	"github.com/cgnkit/cgnkit/ebpf"
	"github.com/cgnkit/cgnkit/internal/metrics"
)

func TestStat(t *testing.T) {
	const head = "entries  clashres found new invalid ignore delete chainlength insert insert_failed drop early_drop icmp_error\n"
	for _, tt := range []struct {
		name, text string
		want       metrics.Conntrack
		err        error
	}{
		{"two CPUs, hexadecimal", head + "00000001 0 0 0 0 0 0 0 0 0000000a 00000001 00000010 0\n00000001 0 0 0 0 0 0 0 0 1 2 3 0\n", metrics.Conntrack{Dropped: 3, EarlyDropped: 19, InsertsFailed: 11}, nil},
		{"no CPU", head, metrics.Conntrack{}, nil},
		{"short row", head + "1 2 3\n", metrics.Conntrack{}, errStat},
		{"no number", head + "0 0 0 0 0 0 0 0 0 x y z 0\n", metrics.Conntrack{}, errStat},
		{"other columns", "a b c\n1 2 3\n", metrics.Conntrack{}, errStat},
		{"nothing", "", metrics.Conntrack{}, errStat},
	} {
		var got metrics.Conntrack
		err := addStat(&got, tt.text)
		if !errors.Is(err, tt.err) || err == nil && got != tt.want {
			t.Errorf("%s: %+v, %v", tt.name, got, err)
		}
	}
}

// TestEveryVerdictHasLabels: no two verdicts have the same, and none has the name of its kind twice.
func TestEveryVerdictHasLabels(t *testing.T) {
	var counters []ebpf.Counter
	for v := ebpf.Verdict(0); v.Meaning() != "unknown"; v++ {
		counters = append(counters, ebpf.Counter{Verdict: v, Packets: uint64(v) + 1})
	}
	seen := map[[2]string]bool{}
	results := map[string]int{}
	for i, p := range PacketsOf(counters) {
		key := [2]string{p.Result, p.Reason}
		if seen[key] || p.Reason == "" || p.Packets != uint64(i)+1 {
			t.Errorf("%+v", p)
		}
		seen[key] = true
		results[p.Result]++
	}
	if len(counters) < 30 || len(results) != 5 || results["dropped"] < 15 || !seen[[2]string{"dropped", "no-mapping"}] || !seen[[2]string{"translated", "outbound"}] {
		t.Errorf("%d counters, results %v", len(counters), results)
	}
}

func TestInterfacesAndSlots(t *testing.T) {
	got := InterfacesOf([]ebpf.InterfaceStatus{
		{Interface: ebpf.Interface{Name: "eth0"}, Inside: true, State: "up"}, {Interface: ebpf.Interface{Name: "eth1"}, State: "detached"},
	})
	if len(got) != 2 || got[0] != (metrics.Interface{Name: "eth0", Side: "inside", Up: true}) || got[1] != (metrics.Interface{Name: "eth1", Side: "outside"}) {
		t.Errorf("%+v", got)
	}
	u := &metrics.Usage{Pools: []metrics.PoolUsage{{Mappings: metrics.Protocols{TCP: 1, UDP: 2, ICMP: 3}}, {Mappings: metrics.Protocols{UDP: 4}}}}
	if got, want := SlotsOf(u, []metrics.Pool{{Addresses: 2}, {Addresses: 1}}), (metrics.MapFill{Name: "slots", Entries: 10, Capacity: 9 << 16}); got != want {
		t.Errorf("got %+v, want %+v", got, want)
	}
}

// FuzzStat reads what kernels may come to write.
func FuzzStat(f *testing.F) {
	f.Add("drop early_drop insert_failed\n1 2 3\nff 0 1\n")
	f.Add("drop drop\n")
	f.Fuzz(func(t *testing.T, text string) {
		var got metrics.Conntrack
		if err := addStat(&got, text); err != nil && !errors.Is(err, errStat) {
			t.Error(err)
		}
	})
}
