package metrics

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"
	"github.com/prometheus/common/expfmt"

	"github.com/cgnkit/cgnkit/alloc"
)

// render returns what a scrape of c gets, and fails where the registry finds fault with it.
func render(tb testing.TB, c prometheus.Collector) []byte {
	tb.Helper()
	r := prometheus.NewPedanticRegistry()
	if err := r.Register(c); err != nil {
		tb.Fatal(err)
	}
	families, err := r.Gather()
	if err != nil {
		tb.Fatal(err)
	}
	var b bytes.Buffer
	for _, f := range families {
		if _, err := expfmt.MetricFamilyToText(&b, f); err != nil {
			tb.Fatal(err)
		}
	}
	return b.Bytes()
}

// golden compares with a file, or writes it.
func golden(t *testing.T, path, variable string, got []byte) {
	t.Helper()
	if os.Getenv(variable) != "" {
		if err := os.WriteFile(path, got, 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got, want) {
		t.Errorf("%s is stale: set %s=1 to write it, and look at the difference", path, variable)
	}
}

func TestFullSnapshot(t *testing.T) {
	golden(t, "testdata/full.prom", "UPDATE_GOLDEN", render(t, collector(full(t))))
}

// TestEveryFamilyIsThere makes sure that no family is listed and never sent.
func TestEveryFamilyIsThere(t *testing.T) {
	text := "\n" + string(render(t, collector(full(t))))
	for name := range Families() {
		if !strings.Contains(text, "\n# TYPE "+name+" ") {
			t.Errorf("%s is in the catalogue and not in a full snapshot", name)
		}
	}
	if n, want := strings.Count(text, "\n# TYPE "), len(Families()); n != want {
		t.Errorf("%d families were sent, the catalogue has %d", n, want)
	}
}

func TestPromtoolFindsNoFault(t *testing.T) {
	for name, s := range map[string]*Snapshot{"full": full(t), "empty": {}, "nothing": nil} {
		promtool(t, render(t, collector(s)), "check", "metrics")
		if problems, err := testutil.CollectAndLint(collector(s)); err != nil || len(problems) > 0 {
			t.Errorf("%s: %v, %v", name, problems, err)
		}
	}
	cmd := exec.Command("promtool", "check", "metrics")
	cmd.Stdin = strings.NewReader("# TYPE cgnkit_bad_milliseconds counter\ncgnkit_bad_milliseconds 1\n")
	if out, err := cmd.CombinedOutput(); err == nil {
		t.Errorf("promtool finds no fault with anything: %s", out)
	}
}

// promtool runs promtool, which must say nothing but that all is well.
func promtool(t *testing.T, stdin []byte, args ...string) {
	t.Helper()
	cmd := exec.Command("promtool", args...)
	cmd.Stdin = bytes.NewReader(stdin)
	out, err := cmd.CombinedOutput()
	if err != nil || len(out) > 0 {
		t.Errorf("promtool %s: %v\n%s(Debian: apt install prometheus)", strings.Join(args, " "), err, out)
	}
}

// TestUnknownIsMissing: what is not known is left out, and not 0.
func TestUnknownIsMissing(t *testing.T) {
	text := string(render(t, collector(&Snapshot{})))
	for _, name := range []string{
		"cgnkit_epoch", "cgnkit_ledger_readable", "cgnkit_usage_age_seconds", "cgnkit_conntrack_entries", "cgnkit_new_mappings_total",
		"cgnkit_last_apply_success", "cgnkit_last_verify_success", "cgnkit_drift_differences", "cgnkit_bpf_map_memory_bytes", "cgnkit_plan_info",
	} {
		if strings.Contains(text, "\n"+name) {
			t.Errorf("%s is there, and nobody knows it", name)
		}
	}
	if got := string(render(t, collector(nil))); strings.Count(got, "\n") != 3 || !strings.Contains(got, "cgnkit_build_info{") {
		t.Errorf("without a snapshot there is\n%s", got)
	}
}

// TestRefusedFromTheStart: an apply or a verify that never succeeded is no success.
func TestRefusedFromTheStart(t *testing.T) {
	text := string(render(t, collector(&Snapshot{Apply: Apply{Failed: 1}, Verify: Verify{Failed: 1}})))
	for name, want := range map[string]bool{
		"cgnkit_last_apply_success 0": true, "cgnkit_last_verify_success 0": true, "cgnkit_healthy 0": true,
		"cgnkit_last_apply_timestamp_seconds ": false, "cgnkit_last_verify_duration_seconds ": false,
	} {
		if strings.Contains(text, "\n"+name) != want {
			t.Errorf("%s: want %t in\n%s", name, want, text)
		}
	}
}

// TestHostileSource: odd names and numbers do not make a scrape fail.
func TestHostileSource(t *testing.T) {
	s := full(t)
	s.Interfaces = []Interface{{"eth0", "inside", true}, {"eth0", "inside", false}, {"\xff\x00\n\"", "out\\side", true}}
	s.Packets = append(s.Packets, s.Packets...)
	s.Pools = append(s.Pools, s.Pools...)
	s.Usage.Pools = append(s.Usage.Pools, s.Usage.Pools...)
	s.Usage.Pools[0].Ports.TCP = 1 << 63
	s.Usage.Taken = now.Add(time.Hour) // the clock went back
	text := string(render(t, collector(s)))
	for _, want := range []string{
		`cgnkit_interface_up{interface="eth0",side="inside"} 1`, "cgnkit_usage_age_seconds 0\n", `cgnkit_pool_free_ports{pool="fttx",protocol="tcp"} 0`,
	} {
		if !strings.Contains(text, want) {
			t.Errorf("there is no %s", want)
		}
	}
}

// TestCardinalityIsBounded: a plan with a thousand pools has the series of MaxPools and one, and nothing is lost in sums.
func TestCardinalityIsBounded(t *testing.T) {
	s := full(t)
	s.Pools, s.Usage.Pools = nil, nil
	var subscribers uint64
	for i := range 1000 {
		h, a := newHistogram(subscriberBounds), newHistogram(addressBounds)
		h.add(uint64(i), 10)
		a.add(uint64(i), 1)
		name := fmt.Sprint("pool", i)
		s.Pools = append(s.Pools, Pool{Name: name, Subscribers: 10, Capacity: 20, Addresses: 1, SharingRatio: 20, OwnedPorts: 10_000})
		s.Usage.Pools = append(s.Usage.Pools, PoolUsage{Name: name, Ports: Protocols{uint64(i), 1, 0}, Subscribers: h, Addresses: a})
		subscribers += 10
	}
	for i := range 1000 {
		s.Packets = append(s.Packets, PacketCount{Result: "dropped", Reason: fmt.Sprint(i)})
		s.Maps = append(s.Maps, MapFill{Name: fmt.Sprint(i)})
		s.Interfaces = append(s.Interfaces, Interface{Name: fmt.Sprint(i)})
		s.Usage.Top = append(s.Usage.Top, TopUse{Pool: "pool0", Subscriber: alloc.SubscriberFrom(fmt.Sprint("r", i), inside(i))})
	}
	text := string(render(t, collector(s)))
	for name, want := range map[string]int{
		"cgnkit_pool_subscribers{": MaxPools + 1, "cgnkit_pool_used_ports{": 3 * (MaxPools + 1), "cgnkit_subscriber_used_ports_count{": MaxPools + 1,
		"cgnkit_packets_total{": maxRows, "cgnkit_bpf_map_entries{": maxRows, "cgnkit_interface_up{": maxRows, "cgnkit_top_subscriber_used_ports{": MaxTop,
	} {
		if got := strings.Count(text, "\n"+name); got != want {
			t.Errorf("%s} has %d series, want %d", name, got, want)
		}
	}
	for _, want := range []string{
		`cgnkit_pool_subscribers{pool="_others"} 9000`, `cgnkit_subscriber_used_ports_count{pool="_others"} 9000`,
		`cgnkit_address_used_ports_sum{pool="_others"} 494550`, `cgnkit_pool_free_ports{pool="_others",protocol="tcp"} 8.50545e+06`,
	} {
		if !strings.Contains(text, want+"\n") {
			t.Errorf("there is no %s", want)
		}
	}
}
