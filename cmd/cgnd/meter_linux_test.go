package main

import (
	"bufio"
	"io"
	"net"
	"net/http"
	"os/exec"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/cgnkit/cgnkit/internal/daemonfile"
	"github.com/cgnkit/cgnkit/internal/metrics"
)

// TestMetrics reads /metrics of a running daemon with each backend: everything of the catalogue is there but what this backend cannot
// know, and that is missing and not 0. promtool takes it.
func TestMetrics(t *testing.T) {
	missing := map[string][]string{
		daemonfile.Nftables: {
			"cgnkit_new_mappings_total", "cgnkit_exhaustion_events_total", "cgnkit_lost_events_total", "cgnkit_interface_up",
			"cgnkit_bpf_map_entries", "cgnkit_bpf_map_entries_limit", "cgnkit_bpf_map_memory_bytes",
		},
		daemonfile.XDP: {"cgnkit_pool_sessions", "cgnkit_conntrack_entries", "cgnkit_conntrack_entries_limit", "cgnkit_conntrack_losses_total"},
	}
	onBoth(t, func(t *testing.T, backend string) {
		s := newSiteOf(t, backend, "ledger: FOLDER/ledger.jsonl\nmetrics: 127.0.0.1:9742\nusage-interval: 1s\n")
		s.record(plan(1000), time.Now().UTC().Truncate(time.Millisecond))
		s.start()
		s.await("start", healthy)
		transfer := s.startTransfer()
		s.flows(transfer, "a mapping")
		wants := wantedMetrics(backend)
		text := s.metrics(append(wants, "cgnkit_packets_total{")...) // counters are read at another moment than mappings
		for name := range metrics.Families() {
			// Nobody is to be shown, no epoch lies ahead, and there is no TCP.
			want := name != "cgnkit_top_subscriber_used_ports" && name != "cgnkit_certificate_end_timestamp_seconds" && name != "cgnkit_next_epoch_timestamp_seconds" && !slices.Contains(missing[backend], name)
			if got := strings.Contains("\n"+text, "\n# TYPE "+name+" "); got != want {
				t.Errorf("%s is there: %t, want %t", name, got, want)
			}
		}
		check := exec.Command("promtool", "check", "metrics")
		check.Stdin = strings.NewReader(text)
		if out, err := check.CombinedOutput(); err != nil || len(out) > 0 {
			t.Errorf("promtool: %v\n%s", err, out)
		}
		if t.Failed() {
			t.Log(text)
		}
	})
}

// wantedMetrics returns what a daemon tells behind one mapping.
func wantedMetrics(backend string) []string {
	wants := []string{
		"cgnkit_healthy 1", `cgnkit_problem{code="drift"} 0`, "cgnkit_epoch 1", "cgnkit_epoch_due 1", "cgnkit_ledger_records 1", `cgnkit_dropped_connections_total{listener="metrics",reason="slow"} 0`, "cgnkit_last_apply_success 1",
		`cgnkit_pool_used_ports{pool="a",protocol="tcp"} 1`, `cgnkit_pool_free_ports{pool="a",protocol="tcp"} 255999`, `cgnkit_pool_sharing_ratio{pool="a"} 64`,
		`cgnkit_subscriber_used_ports_bucket{pool="a",le="0"} 255`, `cgnkit_address_used_ports_bucket{pool="a",le="0"} 15`,
	}
	if backend == daemonfile.XDP {
		wants = append(wants, `cgnkit_new_mappings_total{protocol="tcp"} 1`, `cgnkit_exhaustion_events_total{kind="exhausted"} 0`, "cgnkit_lost_events_total 0",
			`cgnkit_bpf_map_entries{map="displaced"} 0`, `cgnkit_bpf_map_entries{map="slots"} 1`, `cgnkit_interface_up{interface="inside",side="inside"} 1`)
	} else {
		wants = append(wants, `cgnkit_packets_total{reason="untranslated",result="dropped"} 0`, `cgnkit_pool_sessions{pool="a",protocol="tcp"} 1`)
	}
	for i, want := range wants {
		wants[i] = "\n" + want + "\n"
	}
	return wants
}

// metrics reads /metrics until it has some texts.
func (s *site) metrics(until ...string) string {
	s.Helper()
	var text string
	var lacks []string
	for end := time.Now().Add(time.Minute); time.Now().Before(end); time.Sleep(100 * time.Millisecond) {
		var err error
		text, err = s.scrape()
		lacks = slices.DeleteFunc(slices.Clone(until), func(want string) bool { return err == nil && strings.Contains("\n"+text, want) })
		if len(lacks) == 0 {
			return text
		}
	}
	s.Fatalf("no %q in\n%s", lacks, text)
	return ""
}

// scrape reads /metrics once. It dials by itself: package http does so in another thread, which is in another namespace.
func (s *site) scrape() (text string, err error) {
	_, text, err = s.page("127.0.0.1:9742", "/metrics")
	return text, err
}

// page gets a page by plain HTTP.
func (s *site) page(address, path string) (code int, text string, err error) {
	err = s.do(func() error {
		c, err := net.Dial("tcp", address)
		if err != nil {
			return err
		}
		defer func() { _ = c.Close() }()
		q, err := http.NewRequest(http.MethodGet, "http://"+address+path, nil)
		if err != nil {
			return err
		}
		q.Close = true
		if err := q.Write(c); err != nil {
			return err
		}
		a, err := http.ReadResponse(bufio.NewReader(c), q)
		if err != nil {
			return err
		}
		defer func() { _ = a.Body.Close() }()
		b, err := io.ReadAll(a.Body)
		code, text = a.StatusCode, string(b)
		return err
	})
	return code, text, err
}
