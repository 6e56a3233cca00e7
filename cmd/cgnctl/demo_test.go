package main

import (
	"bytes"
	"net/netip"
	"regexp"
	"strings"
	"testing"
)

// TestDemoCommand runs the command that the demo shows: it must describe the very plan of the demo.
func TestDemoCommand(t *testing.T) {
	t.Parallel()
	d := testDemo(t)
	var out bytes.Buffer
	args := []string{"plan", "--subscribers", demoInside, "--outside", demoOutside, "--ports-per-subscriber", "1000"}
	if code := run(&env{stdout: &out, stderr: &out}, args); code != exitOK {
		t.Fatalf("exit code %d: %s", code, out.String())
	}
	if got := regexp.MustCompile(`[0-9a-f]{64}`).FindString(out.String()); got != d.plan.SHA256() {
		t.Errorf("the command makes plan %s, the demo has %s", got, d.plan.SHA256())
	}
}

func testDemo(t *testing.T) *demo {
	t.Helper()
	plan, err := demoPlan()
	if err != nil {
		t.Fatal(err)
	}
	e := &env{stdin: strings.NewReader(""), stdout: &bytes.Buffer{}, stderr: &bytes.Buffer{}}
	return &demo{e: e, out: &sticky{w: e.stdout}, format: "table", plan: plan}
}

func TestDemoJudge(t *testing.T) {
	t.Parallel()
	d := testDemo(t)
	for _, tt := range []struct {
		seen  string
		right bool
		whom  string
	}{
		{"192.0.2.1:2024", true, "100.64.0.1"},
		{"192.0.2.1:3023", true, "100.64.0.1"},
		{"192.0.2.1:2023", false, "100.64.0.0"},
		{"192.0.2.1:3024", false, "100.64.0.2"},
		{"192.0.2.1:40000", false, "unassigned"},
		{"192.0.2.1:700", false, "reserved"},
		{"192.0.2.2:2024", false, "not-in-pool"},
		{"100.64.0.1:2024", false, "not-in-pool"}, // untranslated
		{"", false, "not-in-pool"},                // seen by nobody
	} {
		var seen netip.AddrPort
		if tt.seen != "" {
			seen = netip.MustParseAddrPort(tt.seen)
		}
		a, err := d.judge(demoHosts[0], seen)
		if err != nil {
			t.Fatal(err)
		}
		if a.right != tt.right || a.whom() != tt.whom {
			t.Errorf("%q for %v: right %v, trace %s; want %v, %s", tt.seen, demoHosts[0], a.right, a.whom(), tt.right, tt.whom)
		}
		if got, want := a.verdict(), map[bool]string{true: "ok", false: "WRONG"}[tt.right]; got != want {
			t.Errorf("%q: verdict %s, want %s", tt.seen, got, want)
		}
	}
}
