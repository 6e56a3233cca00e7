package main

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/cgnkit/cgnkit/internal/netns"
	"github.com/cgnkit/cgnkit/internal/netnstest"
)

// TestBIRD gives what render bird writes to a real BIRD, which tells another one by BGP: that one has a route for each outside
// prefix of the plan, and no other.
func TestBIRD(t *testing.T) {
	here, there := netnstest.New(t), netnstest.New(t)
	if err := here.AddVeth("core", there, "edge"); err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	var routes bytes.Buffer
	if code := run(&env{stdout: &routes, stderr: &routes}, []string{"render", "bird", "-c", "../../testdata/plans/village.yaml"}); code != 0 {
		t.Fatalf("exit code %d: %s", code, routes.String())
	}
	write(t, filepath.Join(dir, "cgnkit.conf"), routes.String())
	speak := func(ns *netns.NS, link, own, other, rest string) *bird {
		netnstest.Run(t, ns, "ip", "address", "add", own+"/30", "dev", link)
		netnstest.Run(t, ns, "ip", "link", "set", link, "up")
		return startBIRD(t, ns, filepath.Join(dir, link), fmt.Sprintf(`router id %s;
protocol device {}
protocol bgp peer {
	local %s as %s;
	neighbor %s as %s;
	connect delay time 1;
	connect retry time 1;
	%s`, own, own, asOf(own), other, asOf(other), rest))
	}
	speak(here, "core", "192.0.2.1", "192.0.2.2", fmt.Sprintf("ipv4 { import none; %s };\n}\ninclude %q;\n", exports(t, routes.String())[0], filepath.Join(dir, "cgnkit.conf")))
	edge := speak(there, "edge", "192.0.2.2", "192.0.2.1", "ipv4 { import all; export none; };\n}\n")

	want := strings.Count(routes.String(), "route ")
	shown := ""
	for deadline := time.Now().Add(30 * time.Second); ; time.Sleep(100 * time.Millisecond) {
		if shown = edge.ask(t, "show", "route"); strings.Count(shown, "unicast [peer") >= want {
			break
		}
		if time.Now().After(deadline) {
			t.Fatalf("want %d routes, the neighbour has\n%s\n%s", want, shown, edge.ask(t, "show", "protocols", "all"))
		}
	}
	for line := range strings.Lines(routes.String()) {
		if f := strings.Fields(line); len(f) > 1 && f[0] == "route" && !strings.Contains(shown, f[1]+" ") {
			t.Errorf("the neighbour has no route to %s:\n%s", f[1], shown)
		}
	}
	if n := strings.Count(shown, "unicast"); n != want {
		t.Errorf("the neighbour has %d routes, want %d:\n%s", n, want, shown)
	}
}

// TestBIRDv6 is TestBIRD for the IPv6 prefixes of a plan with MAP, which go by RIPng.
func TestBIRDv6(t *testing.T) {
	here, there := netnstest.New(t), netnstest.New(t)
	if err := here.AddVeth("core", there, "edge"); err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	var routes bytes.Buffer
	if code := run(&env{stdout: &routes, stderr: &routes}, []string{"render", "bird", "-c", "../../testdata/plans/softwires.yaml"}); code != 0 {
		t.Fatalf("exit code %d: %s", code, routes.String())
	}
	write(t, filepath.Join(dir, "cgnkit.conf"), routes.String())
	speak := func(ns *netns.NS, link, id, channel, rest string) *bird {
		enableIPv6(t, ns)
		netnstest.Run(t, ns, "ip", "link", "set", link, "up")
		return startBIRD(t, ns, filepath.Join(dir, link), fmt.Sprintf(`router id %s;
protocol device { scan time 1; }
protocol rip ng peer {
	%s
	interface %q { update time 1; };
}
%s`, id, channel, link, rest))
	}
	speak(here, "core", "192.0.2.1", fmt.Sprintf("ipv6 { import none; %s };", exports(t, routes.String())[1]), fmt.Sprintf("include %q;\n", filepath.Join(dir, "cgnkit.conf")))
	edge := speak(there, "edge", "192.0.2.2", "ipv6 { import all; export none; };", "")

	_, six, _ := strings.Cut(routes.String(), "protocol static cgnkit6")
	want := []string{"2001:db8::/40", "2001:db8:100::/44", "2001:db8:200::/44", "2001:db8:fffe::/64"}
	if n := strings.Count(six, "route "); n != len(want) {
		t.Fatalf("%d IPv6 routes in\n%s", n, routes.String())
	}
	shown := ""
	for deadline := time.Now().Add(30 * time.Second); strings.Count(shown, "unicast [peer") < len(want); time.Sleep(100 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("want %d routes, the neighbour has\n%s\n%s", len(want), shown, edge.ask(t, "show", "protocols", "all"))
		}
		shown = edge.ask(t, "show", "route")
	}
	for _, prefix := range want {
		if !strings.Contains(shown, prefix+" ") {
			t.Errorf("the neighbour has no route to %s:\n%s", prefix, shown)
		}
	}
	if n := strings.Count(shown, "unicast"); n != len(want) {
		t.Errorf("the neighbour has %d routes, want %d:\n%s", n, len(want), shown)
	}
}

// exports returns the filters that the head of the file tells people to use: of IPv4 and, where there are such routes, of IPv6.
func exports(t *testing.T, routes string) (filters []string) {
	t.Helper()
	for line := range strings.Lines(routes) {
		if _, filter, ok := strings.Cut(strings.TrimSpace(line), ": export where "); ok {
			filters = append(filters, "export where "+filter)
		}
	}
	if want := 1 + strings.Count(routes, "\tipv6;"); len(filters) != want {
		t.Fatalf("%d filters in the head, want %d:\n%s", len(filters), want, routes)
	}
	return filters
}

func asOf(addr string) string { return "6450" + addr[len(addr)-1:] }

func write(t *testing.T, name, text string) {
	t.Helper()
	if err := os.WriteFile(name, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}

// A bird is a running BIRD.
type bird struct{ socket string }

// startBIRD checks a configuration with bird -p and runs it in a namespace until the test ends.
func startBIRD(t *testing.T, ns *netns.NS, path, config string) *bird {
	t.Helper()
	write(t, path+".conf", config)
	netnstest.Run(t, ns, netnstest.Tool(t, "bird"), "-p", "-c", path+".conf")
	var out bytes.Buffer
	cmd := exec.Command(netnstest.Tool(t, "bird"), "-f", "-c", path+".conf", "-s", path+".ctl", "-P", path+".pid")
	cmd.Stdout, cmd.Stderr = &out, &out
	if err := ns.Do(cmd.Start); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
		if t.Failed() {
			t.Logf("bird %s: %s", path, out.String())
		}
	})
	b := &bird{path + ".ctl"}
	for deadline := time.Now().Add(10 * time.Second); ; time.Sleep(20 * time.Millisecond) {
		if exec.Command(netnstest.Tool(t, "birdc"), "-s", b.socket, "show", "status").Run() == nil {
			return b
		}
		if time.Now().After(deadline) {
			t.Fatal("bird does not answer")
		}
	}
}

// ask asks BIRD through its socket.
func (b *bird) ask(t *testing.T, words ...string) string {
	t.Helper()
	out, err := exec.Command(netnstest.Tool(t, "birdc"), append([]string{"-s", b.socket}, words...)...).CombinedOutput()
	if err != nil {
		t.Fatalf("birdc %q: %v: %s", words, err, out)
	}
	return string(out)
}
