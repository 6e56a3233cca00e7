package main

import (
	"bytes"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// exceptingPlan has everything that a plan can except, 1:1 and shared.
const exceptingPlan = `version: 1
no-translate:
  - 203.0.113.0/25
  - 192.0.2.53 udp/53
  - 0.0.0.0/0 tcp/8291
pools:
  - name: shared
    inside: 100.64.0.0/30
    outside: 198.51.100.0/31
    sharing-ratio: 2
  - name: business
    inside: 100.64.1.0/31
    outside: 198.51.100.8/31
    sharing-ratio: 1
`

// scatteredPlan has shares of several ranges: buckets in nftables, chance in iptables.
const scatteredPlan = `version: 1
pools:
  - name: scattered
    inside: 100.64.0.0/31
    outside: 198.51.100.0
    reserve: 5060-5061,40000
    sharing-ratio: 2
`

var (
	// sectionStart begins a part of what render writes, and aside is parts that do not translate.
	sectionStart = regexp.MustCompile(`^\t(chain|map|set|counter|ct timeout) |^\*`)
	aside        = regexp.MustCompile(`^\tchain (timers|guard) |^\tct timeout |^\tset plan |^\*mangle`)
	// idle are lines that decide nothing about subscribers.
	idle = regexp.MustCompile(`^\s*#|^\s*$|^table ip cgn$|^delete |^\t\tsize |^\t\ttype ipv4_addr$|^\t\tflags interval|^remove |^/ip firewall nat` +
		`|ip saddr != @inside accept|ip daddr @inside ct status ! dnat accept|list=cgnkit-local address=100[.]64|cgn-to -d 100[.]64|^:|^[*]nat|^COMMIT`)
)

// TestEqualNoticesEveryLine takes each line out of what render writes: equal must notice, unless it is one of those that decide
// nothing about translation, or are about traffic between subscribers.
func TestEqualNoticesEveryLine(t *testing.T) {
	dir := t.TempDir()
	for _, c := range []struct{ plan, dialect, unused string }{
		{exceptingPlan, "nftables", "-"}, {exceptingPlan, "iptables", "-"}, {exceptingPlan, "routeros", "-"},
		{scatteredPlan, "nftables", "\t\t\t198.51.100.0"}, {scatteredPlan, "iptables", "-A cgn -j cgn-to"},
	} {
		dialect, plan := c.dialect, saveText(t, dir, "plan.yaml", c.plan)
		code, text := runCommand(t, "render", dialect, "-c", plan)
		if code != exitOK {
			t.Fatal(code)
		}
		if code, out := runCommand(t, "equal", plan, saveText(t, dir, "all."+dialect, text)); code != exitOK {
			t.Fatalf("%s: exit code %d: %s", dialect, code, out)
		}
		lines := strings.Split(text, "\n")
		noticed, section := 0, ""
		for i, line := range lines {
			if sectionStart.MatchString(line) {
				section = line
			}
			if aside.MatchString(section) || idle.MatchString(line) || line == c.unused {
				continue
			}
			without := saveText(t, dir, "less."+dialect, strings.Join(slices.Delete(slices.Clone(lines), i, i+1), "\n"))
			code, out := runCommand(t, "equal", plan, without, "--from-b", dialect)
			if noticed++; code == exitOK {
				t.Errorf("%s: line %d is not missed: %s\n%s", dialect, i+1, line, out)
			}
		}
		t.Logf("%s: %d lines", dialect, noticed)
		if noticed < 15 {
			t.Errorf("%s: only %d lines were taken out", dialect, noticed)
		}
	}
}

func saveText(t *testing.T, dir, name, text string) string {
	t.Helper()
	path := filepath.Join(dir, name)
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// runCommand runs a command and returns its exit code and what it printed.
func runCommand(t *testing.T, args ...string) (code int, stdout string) {
	t.Helper()
	var out, talk bytes.Buffer
	code = run(&env{stdin: strings.NewReader(""), stdout: &out, stderr: &talk}, args)
	if code == exitInput && strings.Contains(talk.String(), "hint: see cgnctl") {
		t.Fatalf("%v: %s", args, talk.String())
	}
	return code, out.String()
}
