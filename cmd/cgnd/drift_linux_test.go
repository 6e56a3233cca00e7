package main

import (
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/cgnkit/cgnkit/alloc/planfile"
	"github.com/cgnkit/cgnkit/internal/daemon"
	"github.com/cgnkit/cgnkit/internal/netns"
	"github.com/cgnkit/cgnkit/internal/netnstest"
	"github.com/cgnkit/cgnkit/nat44"
)

// swapped gives two subscribers of plan(1000) the ports of each other, and asIs takes that back.
const (
	swapped = "delete element ip cgn shares { 100.64.0.0, 100.64.0.1 }\nadd element ip cgn shares { 100.64.0.0 : 192.0.2.0 . 2024-3023, 100.64.0.1 : 192.0.2.0 . 1024-2023 }\n"
	asIs    = "delete element ip cgn shares { 100.64.0.0, 100.64.0.1 }\nadd element ip cgn shares { 100.64.0.0 : 192.0.2.0 . 1024-2023, 100.64.0.1 : 192.0.2.0 . 2024-3023 }\n"
)

// known fails the test unless by the files it is known, or not, who had ports at an instant.
func (s *site) known(what string, at time.Time, want bool) {
	s.Helper()
	if got, _ := s.possibleAt(at); slices.Contains(got, "unknown") == want {
		s.Errorf("%s: by the files possible are %.12s", what, got)
	}
}

// TestDriftIsRecorded has somebody give two subscribers the ports of each other, under the plan's own name, and the plan's again: of that time nobody knows who
// had ports, also when it is over, and of no other time. A route that is missing gives no port to anybody.
func TestDriftIsRecorded(t *testing.T) {
	netnstest.Root(t)
	for _, drift := range []string{"repair", "report"} {
		t.Run(drift, func(t *testing.T) {
			t.Parallel()
			s := newSite(t, netnstest.NewTopology(t, netns.Options{}), "ledger: FOLDER/ledger.jsonl\ndrift: "+drift+"\n")
			s.record(plan(1000), time.Now().UTC().Truncate(time.Millisecond))
			s.start()
			s.await("start", healthy)
			time.Sleep(4 * time.Second)
			if drift == "repair" {
				netnstest.Run(t, s.CGN, "ip", "route", "delete", "blackhole", "192.0.2.0/28")
				if n := s.await("a route is missing", func(n daemon.Snapshot) bool { return n.Drift.Repaired == 1 }); !n.Departed.IsZero() {
					t.Errorf("%+v", n)
				}
				s.await("the route is there", healthy)
				time.Sleep(2 * time.Second)
			}
			had := s.await("calm", healthy).Drift.Found
			begun := time.Now()
			netnstest.Run(t, s.CGN, "nft", "-f", s.write("swapped.nft", swapped))
			within := time.Now()
			s.await("found", func(n daemon.Snapshot) bool { return n.Drift.Found == had+1 })
			if drift == "report" {
				s.await("departed", func(n daemon.Snapshot) bool { return !n.Departed.IsZero() && !n.Healthy })
				time.Sleep(3 * time.Second)
				within = time.Now()
				netnstest.Run(t, s.CGN, "nft", "-f", s.write("asis.nft", asIs))
			}
			n := s.await("recorded", func(n daemon.Snapshot) bool { return healthy(n) && n.Records == 2 && len(n.Departures) == 0 })
			s.known("when it was so", within, false)
			s.known("some seconds before", begun.Add(-3*time.Second), true)
			s.known("now", n.Taken, true)
			s.known("some seconds behind", n.Taken.Add(3*time.Second), true)
		})
	}
}

// TestRulesOfAnotherRelease begins while the kernel has the plan with rules that another release has made: nobody has changed them, and they are replaced, also
// where drift is only reported. What somebody has changed besides is reported.
func TestRulesOfAnotherRelease(t *testing.T) {
	netnstest.Root(t)
	for _, changed := range []bool{false, true} {
		t.Run(map[bool]string{false: "as they were made", true: "changed"}[changed], func(t *testing.T) {
			t.Parallel()
			s := newSite(t, netnstest.NewTopology(t, netns.Options{}), "ledger: FOLDER/ledger.jsonl\ndrift: report\n")
			s.record(plan(1000), time.Now().UTC().Truncate(time.Millisecond))
			netnstest.Run(t, s.CGN, "nft", "-f", s.write("rules.nft", s.otherRules(plan(1000))))
			netnstest.Run(t, s.CGN, "ip", "route", "add", "blackhole", "192.0.2.0/28")
			if !strings.Contains(s.ruleset(), "301") {
				t.Fatal(s.ruleset())
			}
			if changed {
				netnstest.Run(t, s.CGN, "nft", "-f", s.write("swapped.nft", swapped))
			}
			s.start()
			n := s.await("start", func(n daemon.Snapshot) bool { return n.Ready && n.Doing == "" && n.Verify.Runs > 0 })
			if n.Healthy == changed || (n.Drift.Found > 0) != changed || strings.Contains(s.ruleset(), "301") != changed {
				t.Errorf("%+v\n%s", n, s.ruleset())
			}
		})
	}
}

// otherRules returns the rules of a plan as another release would make them: with another timer, and a mark that says so.
func (s *site) otherRules(text string) string {
	s.Helper()
	p, err := planfile.Parse("plan", []byte(text), planfile.Options{})
	if err != nil {
		s.Fatal(err)
	}
	in, err := nat44.ParseInstance("cgn")
	if err != nil {
		s.Fatal(err)
	}
	rs, err := nat44.NewRuleset(p.Plan, in)
	if err != nil {
		s.Fatal(err)
	}
	rules := strings.Replace(rs.String(), "replied : 300 }", "replied : 301 }", 1)
	return regexp.MustCompile(`("[0-9a-f]{64} [0-9a-f]{16}) [0-9a-f]{16}"`).ReplaceAllString(rules, `$1 0123456789abcdef"`)
}
