package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/cgnkit/cgnkit/internal/daemonfile"
	"github.com/cgnkit/cgnkit/internal/netns"
	"github.com/cgnkit/cgnkit/internal/netnstest"
)

const promAddr = "127.0.0.1:9090"

// A prometheus is the real one, in the namespace of the CGN, with our rules.
type prometheus struct {
	*site
	cmd *exec.Cmd
}

// startPrometheus has it scrape cgnd and look at the rules every second.
func (s *site) startPrometheus() *prometheus {
	s.Helper()
	rules, err := filepath.Abs("../../docs/monitoring/cgnkit.rules.yml")
	if err != nil {
		s.Fatal(err)
	}
	config := s.write("prometheus.yml", fmt.Sprintf(`global: {scrape_interval: 1s, evaluation_interval: 1s}
rule_files: [%q]
scrape_configs:
  - {job_name: cgnd, static_configs: [{targets: ["127.0.0.1:9742"]}]}
`, rules))
	p := &prometheus{site: s, cmd: exec.Command("prometheus", "--config.file="+config, "--storage.tsdb.path="+s.path("tsdb"), "--web.listen-address="+promAddr, "--log.level=warn")}
	log := &logBuffer{}
	p.cmd.Stdout, p.cmd.Stderr = log, log
	if err := s.do(p.cmd.Start); err != nil {
		s.Fatalf("%v (Debian: apt install prometheus)", err)
	}
	s.Cleanup(func() {
		_ = p.cmd.Process.Signal(syscall.SIGTERM)
		if err := p.cmd.Wait(); err != nil {
			s.Errorf("prometheus: %v", err)
		}
		if s.Failed() {
			s.Logf("log of prometheus:\n%s", log)
		}
	})
	return p
}

// api asks Prometheus' own API.
func (p *prometheus) api(path string, data any) error {
	var body []byte
	err := p.do(func() error { // package http dials in another thread, which is in another namespace
		c, err := net.Dial("tcp", promAddr)
		if err != nil {
			return err
		}
		defer func() { _ = c.Close() }()
		q, err := http.NewRequest(http.MethodGet, "http://"+promAddr+path, nil)
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
		body, err = io.ReadAll(a.Body)
		return err
	})
	if err != nil {
		return err
	}
	answer := struct {
		Status string
		Data   any
	}{Data: data}
	if err := json.Unmarshal(body, &answer); err != nil || answer.Status != "success" {
		return fmt.Errorf("%w: %s", err, body)
	}
	return nil
}

// An alert is one that is pending or firing.
type alert struct {
	State  string
	Labels map[string]string
}

// String returns the name, what it is about and the state: "CGNUtilisation/pool firing".
func (a alert) String() string {
	text := a.Labels["alertname"]
	for _, about := range []string{"level", "kind"} {
		if v := a.Labels[about]; v != "" {
			text += "/" + v
		}
	}
	return text + " " + a.State
}

// alerts returns the alerts that there are, by name and what they are about.
func (p *prometheus) alerts() (map[string]bool, error) {
	var data struct{ Alerts []alert }
	if err := p.api("/api/v1/alerts", &data); err != nil {
		return nil, err
	}
	out := map[string]bool{}
	for _, a := range data.Alerts {
		out[a.String()] = true
	}
	return out, nil
}

// awaitAlerts waits until alerts are there, and others are not.
func (p *prometheus) awaitAlerts(when string, there, gone []string) {
	p.Helper()
	var last map[string]bool
	var err error
	for end := time.Now().Add(90 * time.Second); time.Now().Before(end); time.Sleep(200 * time.Millisecond) {
		if last, err = p.alerts(); err != nil {
			continue
		}
		ok := true
		for _, a := range there {
			ok = ok && last[a]
		}
		for _, a := range gone {
			ok = ok && !last[a+" firing"] && !last[a+" pending"]
		}
		if ok {
			p.Logf("%s: %v", when, last)
			return
		}
	}
	p.Fatalf("%s: want %v and not %v, there are %v, %v", when, there, gone, last, err)
}

// value returns what an expression is worth.
func (p *prometheus) value(expr string) (float64, error) {
	var data struct{ Result []struct{ Value [2]any } }
	if err := p.api("/api/v1/query?query="+url.QueryEscape(expr), &data); err != nil {
		return 0, err
	}
	if len(data.Result) != 1 {
		return 0, fmt.Errorf("%s has %d results", expr, len(data.Result))
	}
	return strconv.ParseFloat(fmt.Sprint(data.Result[0].Value[1]), 64)
}

// awaitValue waits until an expression is true.
func (p *prometheus) awaitValue(expr string) {
	p.Helper()
	var err error
	for end := time.Now().Add(time.Minute); time.Now().Before(end); time.Sleep(200 * time.Millisecond) {
		var v float64
		if v, err = p.value(expr); err == nil && v > 0 {
			return
		}
	}
	p.Fatalf("%s: it did not come to that: %v", expr, err)
}

// checkRules waits until Prometheus has evaluated all rules, and makes sure that none failed.
func (p *prometheus) checkRules() {
	p.Helper()
	var wrong []string
	n := 0
	for end := time.Now().Add(time.Minute); time.Now().Before(end); time.Sleep(200 * time.Millisecond) {
		var data struct {
			Groups []struct {
				Rules []struct{ Name, Health, LastError string }
			}
		}
		if err := p.api("/api/v1/rules", &data); err != nil {
			p.Fatal(err)
		}
		wrong, n = nil, 0
		for _, g := range data.Groups {
			for _, r := range g.Rules {
				if n++; r.Health != "ok" {
					wrong = append(wrong, r.Name+": "+r.Health+" "+r.LastError)
				}
			}
		}
		if n >= 15 && len(wrong) == 0 {
			return
		}
	}
	p.Fatalf("Prometheus has %d rules, and of these are not well: %q", n, wrong)
}

// fullPlan has 32 subscribers with 16 ports each, which is all that its address has.
const fullPlan = `version: 1
pools:
  - {name: a, inside: [100.64.0.1-100.64.0.32], outside: [192.0.2.0], ports: 1024-1535, ports-per-subscriber: 16}
`

// crowd sends from 20 UDP ports of each of 32 subscribers, which have 16, until it is stopped.
func (s *site) crowd() (stop func()) {
	s.Helper()
	server := s.Servers[0]
	if _, err := server.ListenEcho("udp", netip.AddrPortFrom(server.Addr, 7)); err != nil {
		s.Fatal(err)
	}
	for i := 3; i <= 32; i++ {
		if err := s.Subscribers[0].AddAddr(netns.HostLink, netip.PrefixFrom(netip.AddrFrom4([4]byte{100, 64, 0, byte(i)}), 32)); err != nil {
			s.Fatal(err)
		}
	}
	const ports = 20
	send := func() error {
		return s.Subscribers[0].SendAll(32*ports, func(i int) []byte {
			datagram := []byte{0x30, byte(i % ports), 0, 7, 0, 12, 0, 0, 'c', 'g', 'n', '\n'} // from port 0x3000 + i, without a checksum
			return netns.IPv4{Src: netip.AddrFrom4([4]byte{100, 64, 0, byte(i/ports + 1)}), Dst: server.Addr, Proto: unix.IPPROTO_UDP, Payload: datagram}.Bytes()
		})
	}
	ended, end := make(chan error), make(chan struct{})
	go func() {
		for {
			if err := send(); err != nil {
				ended <- err
				return
			}
			select {
			case <-end:
				ended <- nil
				return
			case <-time.After(300 * time.Millisecond):
			}
		}
	}()
	return func() {
		close(end)
		if err := <-ended; err != nil {
			s.Error(err)
		}
	}
}

// TestPrometheus has Debian's Prometheus scrape cgnd and evaluate the rules, while 32 subscribers use up all ports of their pool:
// alerts come, and go when the ports are free again. Then the backend refuses a plan, and at the end cgnd goes and comes back.
func TestPrometheus(t *testing.T) {
	onBoth(t, func(t *testing.T, backend string) {
		lines := "metrics: 127.0.0.1:9742\nusage-interval: 1s\nalarms: {pool: {hold: 2s}, address: {hold: 2s}, subscriber: {hold: 2s}}\n"
		exhausted := "CGNFlowsRefused pending"
		if backend == daemonfile.XDP {
			lines += "policy: FOLDER/policy.yaml\n"
			exhausted = "CGNExhaustion/exhausted pending"
		}
		s := newSiteOf(t, backend, lines)
		s.write("policy.yaml", "shorter-than-rfc: true\ndefault: {udp: 5s}\n")
		s.write("plan.yaml", fullPlan)
		s.start()
		s.await("start", healthy)
		p := s.startPrometheus()
		p.awaitValue(`sum(up{job="cgnd"})`)
		p.awaitValue(`sum(cgnkit_pool_free_ports{protocol="udp"} == 512)`)
		p.checkRules()
		p.awaitAlerts("at rest", nil, []string{"CGNUtilisation/pool", "CGNDaemonGone", "CGNUnhealthy", "CGNExhaustion/exhausted", "CGNFlowsRefused", "CGNConntrackFull"})

		stop := s.crowd()
		p.awaitAlerts("exhausted", []string{
			"CGNUtilisation/pool firing", "CGNUtilisation/address firing", "CGNSubscribersAtTheirLimit/subscriber pending", "CGNPoolPortsHigh pending", exhausted,
		}, []string{"CGNConntrackFull", "CGNDaemonGone", "CGNUnhealthy"})
		p.awaitValue(`sum(cgnkit_alarms{level="subscriber"} == 32)`)
		if backend == daemonfile.XDP {
			p.awaitValue(`sum(cgnkit_new_mappings_total{protocol="udp"}) >= 512`)
			p.awaitValue(`sum(cgnkit_bpf_map_entries{map="slots"}) >= 512`)
			p.awaitValue(`sum(cgnkit_packets_total{result="dropped",reason="exhausted"}) > 100`)
		} else {
			p.awaitValue(`sum(cgnkit_conntrack_entries) >= 512`)
		}

		stop()
		if backend == daemonfile.Nftables { // with XDP they end by themselves
			netnstest.Run(t, s.CGN, "conntrack", "-F")
		}
		p.awaitAlerts("free again", nil, []string{"CGNUtilisation/pool", "CGNUtilisation/address", "CGNSubscribersAtTheirLimit/subscriber", "CGNPoolPortsHigh"})
		s.write("plan.yaml", fullPlan+refused[backend])
		p.awaitAlerts("refused", []string{"CGNApplyFailed firing", "CGNUnhealthy pending"}, []string{"CGNVerifyFailed", "CGNDrift"})
		s.write("plan.yaml", fullPlan)
		p.awaitAlerts("mended", nil, []string{"CGNApplyFailed", "CGNUnhealthy"})
		if err := s.stop(syscall.SIGKILL); !signalled(err, syscall.SIGKILL) {
			t.Error(err)
		}
		p.awaitAlerts("without cgnd", []string{"CGNDaemonGone pending"}, nil)
		s.start()
		p.awaitAlerts("with cgnd", nil, []string{"CGNDaemonGone", "CGNUnhealthy", "CGNApplyFailed"})
		if _, err := os.Stat(s.path("tsdb")); err != nil {
			t.Error(err)
		}
	})
}
