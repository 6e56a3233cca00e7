package main

import (
	"bufio"
	"io"
	"net"
	"net/http"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/cgnkit/cgnkit/ebpf"
	"github.com/cgnkit/cgnkit/internal/netns"
	"github.com/cgnkit/cgnkit/internal/netnstest"
)

// TestMetrics reads /metrics of a running daemon with each backend: what it says of plan, applies and ports in use, and whether
// promtool takes it.
func TestMetrics(t *testing.T) {
	netnstest.Root(t)
	for backend, lines := range map[string]string{
		"nftables": "",
		"xdp":      "backend: xdp\ninterfaces: {inside: [" + netns.InsideLink + "], outside: [" + netns.OutsideLink + "]}\n",
	} {
		t.Run(backend, func(t *testing.T) {
			top := netnstest.NewTopology(t, netns.Options{Switches: backend == "xdp"})
			s := newSite(t, top, lines+"metrics: 127.0.0.1:9742\n")
			s.write("plan.yaml", plan(1000))
			if backend == "xdp" {
				t.Cleanup(func() {
					if err := s.CGN.Do(func() error { return ebpf.Remove("") }); err != nil {
						t.Error(err)
					}
				})
			}
			s.start()
			s.await("start", healthy)
			text := s.metrics(`cgnkit_pool_subscribers{`)
			for _, want := range []string{
				`cgnkit_build_info{`, `cgnkit_plan_info{`, `cgnkit_applies_total{`, `cgnkit_verifies_total{`, `cgnkit_pool_addresses{`,
			} {
				if !strings.Contains(text, want) {
					t.Errorf("no %s in\n%s", want, text)
				}
			}
			check := exec.Command("promtool", "check", "metrics")
			check.Stdin = strings.NewReader(text)
			if out, err := check.CombinedOutput(); err != nil {
				t.Errorf("promtool: %v\n%s", err, out)
			}
		})
	}
}

// metrics reads /metrics until it has something.
func (s *site) metrics(until string) string {
	s.Helper()
	var text string
	for range 100 {
		var err error
		text, err = s.scrape()
		if err == nil && strings.Contains(text, until) {
			return text
		}
		time.Sleep(100 * time.Millisecond)
	}
	s.Fatalf("no %s in\n%s", until, text)
	return ""
}

// scrape reads /metrics once. It dials by itself: package http does so in another thread, which is in another namespace.
func (s *site) scrape() (text string, err error) {
	err = s.do(func() error {
		c, err := net.Dial("tcp", "127.0.0.1:9742")
		if err != nil {
			return err
		}
		defer func() { _ = c.Close() }()
		q, err := http.NewRequest(http.MethodGet, "http://127.0.0.1:9742/metrics", nil)
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
		text = string(b)
		return err
	})
	return text, err
}
