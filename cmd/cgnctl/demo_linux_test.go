package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"net/netip"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/cgnkit/cgnkit/internal/netns"
	"github.com/cgnkit/cgnkit/internal/netnstest"
)

// demoHost returns a namespace that stands for the host, with things in it that look like the demo's own.
func demoHost(t *testing.T) *netns.NS {
	t.Helper()
	host := netnstest.New(t)
	if err := errors.Join(host.AddVeth("in0", host, "out0"), host.SetUp("in0", "out0"), host.AwaitUp(10*time.Second, "in0", "out0"),
		host.AddRoute(netns.Route{To: netip.MustParsePrefix("192.0.2.0/24"), Blackhole: true})); err != nil {
		t.Fatal(err)
	}
	netnstest.Run(t, host, "nft", "table ip cgn { chain c { counter; }; }")
	return host
}

// state is everything of a namespace that the demo could have changed by mistake.
func state(t *testing.T, host *netns.NS) string {
	t.Helper()
	var b strings.Builder
	for _, command := range []string{
		"nft list ruleset", "ip -d link", "ip address", "ip route show table all", "ip rule", "ip neighbour", "ip netns list",
	} {
		args := strings.Fields(command)
		fmt.Fprintf(&b, "$ %s\n%s", command, netnstest.Run(t, host, args[0], args[1:]...))
	}
	for _, name := range []string{"net.ipv4.ip_forward", "net.ipv4.conf.all.rp_filter", "net.ipv4.conf.all.send_redirects"} {
		v, err := host.Sysctl(name)
		fmt.Fprintln(&b, name, v, err)
	}
	return b.String()
}

// demoProcess prepares the real program, in the namespace that stands for the host.
func demoProcess(args ...string) (cmd *exec.Cmd, stdout, stderr *bytes.Buffer) {
	cmd = exec.Command("cgnctl", append([]string{"demo"}, args...)...)
	stdout, stderr = &bytes.Buffer{}, &bytes.Buffer{}
	cmd.Stdout, cmd.Stderr = stdout, stderr
	return cmd, stdout, stderr
}

func TestDemo(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		flags []string
		want  []string
	}{
		"both": {nil, []string{
			"nftables  8 subscribers added; the kernel equals the plan, 8 elements", "xdp       8 subscribers added; the kernel equals the plan, 5 entries",
			"(EIF)       no          yes\n", "(hairpin)  no          yes\n", "  450 of 450\n", "Untranslated: nothing", "24 of 24 flows",
		}},
		nftables: {[]string{"--backend", nftables}, []string{"8 subscribers added", "equals the plan, 8 elements", "Untranslated: nothing", "12 of 12 flows"}},
		xdp:      {[]string{"--backend", xdp}, []string{"equals the plan, 5 entries", "(EIF)       yes\n", "(hairpin)  yes\n", "  450 of 450\n", "12 of 12 flows"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			testDemoOutput(t, test.flags, test.want)
		})
	}
}

func testDemoOutput(t *testing.T, flags, texts []string) {
	host := demoHost(t)
	before := state(t, host)
	cmd, stdout, stderr := demoProcess(flags...)
	cmd.Env = []string{} // no PATH: no other program can be needed
	start := time.Now()
	if err := host.Do(cmd.Run); err != nil || stderr.Len() > 0 {
		t.Fatalf("%v\n%s\n%s", err, stderr, stdout)
	}
	t.Log("took", time.Since(start))
	for _, want := range texts {
		if !strings.Contains(stdout.String(), want) {
			t.Errorf("%q is missing", want)
		}
	}
	if n := strings.Count(stdout.String(), "  ok\n"); n != 12 {
		t.Errorf("%d rows are ok, want 12", n)
	}
	for line := range strings.Lines(stdout.String()) {
		if len(line) > 80+len("\n") {
			t.Errorf("wider than 80 columns: %s", line)
		}
	}
	if t.Failed() {
		t.Log(stdout)
	}
	if diff := cmp.Diff(before, state(t, host)); diff != "" {
		t.Errorf("the host was changed (-before +after):\n%s", diff)
	}
}

// TestDemoBothJSON asserts what programs read of both backends.
func TestDemoBothJSON(t *testing.T) {
	t.Parallel()
	host := demoHost(t)
	cmd, stdout, stderr := demoProcess("-o", "json")
	if err := host.Do(cmd.Run); err != nil || !strings.Contains(stderr.String(), "cgnctl: 24 of 24 flows") {
		t.Fatalf("%v\n%s", err, stderr)
	}
	var got struct {
		Flows     []struct{ Subscriber, Ports, Verdict, Nftables, XDP string }
		Abilities []struct{ Ability, Nftables, XDP string }
		Right     int
		Leaks     int
	}
	if err := json.Unmarshal(stdout.Bytes(), &got); err != nil {
		t.Fatal(err)
	}
	if len(got.Flows) != 12 || len(got.Abilities) != 3 || got.Right != 24 || got.Leaks != 0 {
		t.Errorf("%+v", got)
	}
	for i, f := range got.Flows {
		if f.Verdict != "ok" || f.Nftables == "" || f.XDP == "" {
			t.Errorf("flow %d: %+v", i, f)
		}
		// Endpoint-independent: both servers see the same.
		if i%2 == 1 && f.XDP != got.Flows[i-1].XDP {
			t.Errorf("flow %d is from %s, and the one before from %s", i, f.XDP, got.Flows[i-1].XDP)
		}
	}
	if a := got.Abilities[2]; a.XDP != "450 of 450" || a.Nftables == a.XDP {
		t.Errorf("%+v", a)
	}
}

// TestDemoJSON asserts what programs read, row by row and without what the kernel chooses.
func TestDemoJSON(t *testing.T) {
	t.Parallel()
	host := demoHost(t)
	cmd, stdout, stderr := demoProcess("-o", "json", "--backend", "nftables")
	if err := host.Do(cmd.Run); err != nil || !strings.Contains(stderr.String(), "cgnctl: 12 of 12 flows") {
		t.Fatalf("%v\n%s", err, stderr)
	}
	var got struct {
		Flows []struct {
			Subscriber, Proto, Server, Outside, Ports, Trace, Verdict string
			Saw                                                       netip.AddrPort
		}
		Right, Leaks, Elements int
		PlanSHA256             string `json:"plan_sha256"`
	}
	if err := json.Unmarshal(stdout.Bytes(), &got); err != nil {
		t.Fatal(err)
	}
	if got.Right != 12 || got.Leaks != 0 || got.Elements != 8 || len(got.PlanSHA256) != 64 {
		t.Errorf("%+v", got)
	}
	flows := map[string]bool{}
	for _, f := range got.Flows {
		flows[f.Subscriber+f.Proto+f.Server] = true
		first := map[string]uint16{"100.64.0.1": 2024, "100.64.0.2": 3024}[f.Subscriber]
		if f.Saw.Addr() != netip.MustParseAddr("192.0.2.1") || f.Saw.Port() < first || f.Saw.Port() > first+999 {
			t.Errorf("%+v: the server saw a foreign endpoint", f)
		}
		if f.Outside != "192.0.2.1" || f.Ports != fmt.Sprintf("%d-%d", first, first+999) || f.Trace != f.Subscriber || f.Verdict != "ok" {
			t.Errorf("%+v", f)
		}
	}
	if len(flows) != 12 {
		t.Errorf("%d different flows, want 12", len(flows))
	}
}
