package api

import (
	"strings"
	"testing"
	"time"

	"github.com/cgnkit/cgnkit/internal/api/form"
	"github.com/cgnkit/cgnkit/internal/daemon"
)

// TestStale has the ledger become unreadable: answers over time say that there may be records that they do not know, and nothing is recorded.
func TestStale(t *testing.T) {
	d := &fakeDaemon{plan: samplePlan(t, "198.18.1.0/30"), ledger: sampleLedger(t)}
	c := serveWith(t, d, func(o *Options) {
		o.AddEpoch = func(NewEpoch) (form.Added, error) {
			t.Error("an epoch is recorded")
			return form.Added{}, nil
		}
	})
	paths := []string{"/v1/trace?outside=198.18.1.0&port=2100&case=1&reason=r", "/v1/epochs"}
	for _, path := range paths {
		if code, a := c.ask("GET", path, nil); code != 200 || len(a["warnings"].([]any)) != 0 {
			t.Errorf("%s: %d %v", path, code, a)
		}
	}
	d.problems = []daemon.Problem{{Code: "source", Text: "no such file", Since: noon.Add(-time.Hour)}}
	for _, path := range paths {
		code, a := c.ask("GET", path, nil)
		if w, ok := a["warnings"].([]any); code != 200 || !ok || len(w) != 1 || !strings.Contains(w[0].(string), "2026-03-01T11:00:00Z") || !strings.Contains(w[0].(string), "no such file") {
			t.Errorf("%s: %d %v", path, code, a)
		}
	}
	if code, a := c.ask("POST", "/v1/epochs?from=2026-03-01T13:00:00Z", strings.NewReader("x")); code != 503 || !strings.HasPrefix(a["error"].(string), "nothing was recorded") {
		t.Error(code, a)
	}
}

// TestUnsure has the kernel be late: both are candidates, and only from then on.
func TestUnsure(t *testing.T) {
	d := &fakeDaemon{plan: samplePlan(t, "198.18.0.0/30"), ledger: sampleLedger(t), unsure: noon.Add(-time.Hour)}
	c := serve(t, d)
	for at, want := range map[string]string{"10:59:59.9": "allocated", "11:00:00": "ambiguous", "12:00:00": "ambiguous"} {
		_, a := c.ask("GET", "/v1/trace?outside=198.18.0.0&port=2100&case=1&reason=r&at=2026-03-01T"+at+"Z", nil)
		if a["status"] != want || len(a["warnings"].([]any)) != 1 {
			t.Errorf("%s: %v", at, a)
		}
	}
	d.unsure = time.Time{}
	_, a := c.ask("GET", "/v1/trace?outside=198.18.1.0&port=2100&case=1&reason=r", nil)
	if a["status"] != "allocated" || len(a["warnings"].([]any)) != 0 {
		t.Error(a)
	}
}

// TestLedgerAndAnotherKernel has the kernel depart from its plan, which the ledger does not know: no single name from when that may have begun, however
// late it was noticed, and by a clock that was set back, and one before.
func TestLedgerAndAnotherKernel(t *testing.T) {
	d := &fakeDaemon{plan: samplePlan(t, "198.18.0.0/30"), ledger: sampleLedger(t)}
	d.departed = noon.Add(-95 * time.Minute)
	c := serve(t, d)
	for code, want := range map[string]string{"late": "allocated", "drift": "ambiguous", "kernel": "ambiguous", "verify": "ambiguous"} {
		d.problems = []daemon.Problem{{Code: code, Text: "it is so", Since: noon.Add(time.Hour)}}
		for at, want := range map[string]string{"10:24:58": "allocated", "10:25:00": want, "10:45:00": want} {
			_, a := c.ask("GET", "/v1/trace?outside=198.18.0.0&port=2100&case=1&reason=r&at=2026-03-01T"+at+"Z", nil)
			candidates, warnings := 1, 0
			if want == "ambiguous" {
				candidates, warnings = 2, 1
			}
			if a["status"] != want || len(a["candidates"].([]any)) != candidates || len(a["warnings"].([]any)) != warnings {
				t.Errorf("%s, %s: %v", code, at, a)
			}
		}
	}
}

// TestByHand has the kernel have plans besides, one of the ledger and one that it does not know: from then on both are candidates.
func TestByHand(t *testing.T) {
	d := &fakeDaemon{plan: samplePlan(t, "198.18.1.0/30"), ledger: sampleLedger(t), unsure: noon}
	c := serve(t, d)
	for name, q := range map[string]struct {
		had        string
		at         string
		candidates string
	}{
		"known, before":   {samplePlan(t, "198.18.0.0/30").SHA256(), "11:59:59.9", "not-in-pool"},
		"known, since":    {samplePlan(t, "198.18.0.0/30").SHA256(), "12:00:00", "not-in-pool allocated"},
		"unknown, before": {samplePlan(t, "198.18.9.0/30").SHA256(), "11:59:59.9", "not-in-pool"},
		"unknown, since":  {samplePlan(t, "198.18.9.0/30").SHA256(), "12:00:00", "not-covered not-in-pool"},
	} {
		d.had = []string{q.had}
		code, a := c.ask("GET", "/v1/trace?outside=198.18.0.0&port=2100&case=1&reason=r&at=2026-03-01T"+q.at+"Z", nil)
		var got []string
		for _, x := range a["candidates"].([]any) {
			got = append(got, x.(map[string]any)["status"].(string))
		}
		if strings.Join(got, " ") != q.candidates || (a["status"] == "ambiguous") != (len(got) > 1) || code != 200 || len(a["warnings"].([]any)) != 2 {
			t.Errorf("%s: %d %v", name, code, a)
		}
	}
}

// TestDoubts has each reason to doubt.
func TestDoubts(t *testing.T) {
	for want, s := range map[string]daemon.Snapshot{
		"":                     {InForce: "a", Wanted: "a", Problems: []daemon.Problem{{Code: "drift", Text: "x"}}},
		"by what was read":     {InForce: "a", Wanted: "b"},
		"the clock was set":    {Problems: []daemon.Problem{{Code: "clock", Text: "the clock was set by 2s"}}},
		"is possible, too":     {InForce: "a", Wanted: "b", Unsure: noon},
		"an apply was cut off": {Problems: []daemon.Problem{{Code: "pending", Text: "an apply was cut off"}}},
	} {
		if got := strings.Join(doubts(&s), "|"); !strings.Contains(got, want) || (got == "") != (want == "") || strings.Contains(got, "|") {
			t.Errorf("%q, want %q", got, want)
		}
	}
}

// TestPlanFileAndAnotherKernel has no single name come from a plan file while the kernel has another plan, or what it has is not known.
func TestPlanFileAndAnotherKernel(t *testing.T) {
	for code, want := range map[string]string{"": "allocated", "late": "allocated", "other": "ambiguous", "drift": "ambiguous", "kernel": "ambiguous", "verify": "ambiguous", "harmless": "allocated"} {
		d := &fakeDaemon{plan: samplePlan(t, "198.18.0.0/30"), other: code == "other"}
		if code != "" && code != "other" {
			d.problems, d.departed = []daemon.Problem{{Code: code, Text: "it is so"}}, noon
		}
		if code == "harmless" { // as where an interface is away
			d.problems, d.departed = []daemon.Problem{{Code: "drift", Text: "it is so"}}, time.Time{}
		}
		c := serve(t, d)
		status, a := c.ask("GET", "/v1/trace?outside=198.18.0.0&port=2100&case=1&reason=r", nil)
		if status != 200 || a["status"] != want {
			t.Errorf("%s: %d %v", code, status, a)
		}
		if all, _ := a["candidates"].([]any); want == "ambiguous" && (len(all) != 2 || len(a["warnings"].([]any)) == 0) {
			t.Errorf("%s: %v", code, a)
		}
	}
}

// TestPlanFileWhileApplied has another plan be applied: both are candidates of a trace, unless they say the same, and nothing is said of anybody who moves by it.
func TestPlanFileWhileApplied(t *testing.T) {
	one, two, same := samplePlan(t, "198.18.0.0/30"), samplePlan(t, "198.18.1.0/30"), samplePlan(t, "198.18.0.0/29")
	for name, q := range map[string]struct {
		has        daemon.Holding
		candidates string
		verdict    string
	}{
		"nothing":                      {daemon.Holding{Plan: one}, "allocated", "unknown"},
		"another":                      {daemon.Holding{Plan: one, Other: two}, "allocated not-in-pool", "not-enforced"},
		"one with the same share":      {daemon.Holding{Plan: one, Other: same}, "allocated", "unknown"},
		"it, or somebody's":            {daemon.Holding{Plan: one, Other: two, Unknown: true}, "allocated not-in-pool not-covered", "not-enforced"},
		"the same share or somebody's": {daemon.Holding{Plan: one, Other: same, Unknown: true}, "allocated not-covered", "unknown"},
	} {
		c := serve(t, &fakeDaemon{plan: one, holding: &q.has})
		code, a := c.ask("GET", "/v1/trace?outside=198.18.0.0&port=2100&case=1&reason=r", nil)
		var got []string
		for _, x := range a["candidates"].([]any) {
			got = append(got, x.(map[string]any)["status"].(string))
		}
		if strings.Join(got, " ") != q.candidates || (a["status"] == "ambiguous") != (len(got) > 1) || code != 200 || (len(a["warnings"].([]any)) > 0) != (q.has.Other != nil) {
			t.Errorf("%s: %d %v", name, code, a)
		}
		if lines := c.auditLines(); len(lines) != 1 || lines[0]["status"] != a["status"] {
			t.Errorf("%s: %v", name, lines)
		}
		if _, a := c.ask("GET", "/v1/subscribers/default/100.64.0.1", nil); a["verdict"] != q.verdict {
			t.Errorf("%s: %v", name, a)
		}
	}
}
