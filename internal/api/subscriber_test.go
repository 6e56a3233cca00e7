package api

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/cgnkit/cgnkit/alloc"
	"github.com/cgnkit/cgnkit/internal/api/form"
	"github.com/cgnkit/cgnkit/internal/daemon"
	"github.com/cgnkit/cgnkit/internal/metrics"
)

// A fakeKernel has what a test gives it.
type fakeKernel struct {
	use   Use
	err   error
	usage *metrics.Usage
}

func (k *fakeKernel) Use(ctx context.Context, share alloc.Allocation, now bool) (Use, error) {
	if end, ok := ctx.Deadline(); !ok || time.Until(end) > 2*time.Second {
		return Use{}, fmt.Errorf("there is no bound, or too long a one")
	}
	u := k.use
	u.Share = share
	u.Now = u.Now || now
	return u, k.err
}

func (k *fakeKernel) Usage() *metrics.Usage { return k.usage }

// usageOfPlan is a reading in which subscriber i of a plan uses i+1 TCP ports and twice as many sessions.
func usageOfPlan(plan *alloc.Plan, sessions bool) *metrics.Usage {
	tally := metrics.NewTally(plan, 0)
	tally.Rank(metrics.MaxTop)
	n := uint64(0)
	for a := range plan.All() {
		n++
		u := metrics.Use{Share: a, Ports: metrics.Protocols{TCP: n, UDP: 1}, Mappings: metrics.Protocols{TCP: n, UDP: 1}}
		if sessions {
			u.Sessions = metrics.Protocols{UDP: 100 - n}
		}
		tally.Add(u, nil)
	}
	out := tally.Usage(metrics.PoolsOf(plan), nil)
	out.Taken, out.Took, out.HasSessions = noon, time.Millisecond, sessions
	return out
}

func TestVerdicts(t *testing.T) {
	ago := func(d time.Duration, kind string) *form.Refusals {
		r := &form.Refusals{Since: noon.Add(-time.Hour), Exhausted: 3, Last: new(noon.Add(-d)), LastKind: kind}
		if kind == "exhausted" {
			r.LastExhausted = r.Last
		}
		return r
	}
	both := NewRefusals(noon.Add(-time.Hour))
	both.Add(who(1), "exhausted", noon.Add(-20*time.Second))
	both.Add(who(1), "rate", noon.Add(-10*time.Second))
	seen := map[string]bool{}
	for name, c := range map[string]struct {
		ports    uint64 // of 1000, TCP
		udp      uint64
		limit    uint64
		refusals *form.Refusals
		sessions bool
		err      error
		problem  string
		other    bool
		verdict  string
		says     string
	}{
		"healthy":                       {ports: 12, verdict: form.Healthy, says: "12 of 1000 tcp ports"},
		"nothing":                       {verdict: form.Idle, says: "No port is in use"},
		"nine tenths":                   {ports: 900, verdict: form.NearLimit, says: "900 of 1000"},
		"just below":                    {ports: 899, verdict: form.Healthy},
		"all":                           {ports: 1000, verdict: form.Exhausted, says: "1000 of 1000 tcp ports are in use: new connections fail."},
		"all, with nftables":            {ports: 1000, sessions: true, verdict: form.Exhausted, says: "to destinations that many of these go to"},
		"a moment ago":                  {ports: 3, refusals: ago(time.Minute, "exhausted"), verdict: form.Exhausted, says: "3 of 1000 tcp ports are in use: some are free now, and a moment ago a connection found none, of this or another protocol, or by another plan; the last refusal (exhausted) was 1m0s ago"},
		"five minutes ago":              {ports: 3, refusals: ago(5*time.Minute, "exhausted"), verdict: form.Healthy},
		"nearly five minutes ago":       {ports: 3, refusals: ago(5*time.Minute-time.Second, "exhausted"), verdict: form.Exhausted},
		"exhausted, then the rate":      {ports: 3, refusals: new(both.Of(who(1))), verdict: form.Exhausted, says: "the last refusal (exhausted) was 20s ago"},
		"another protocol as much":      {ports: 12, udp: 12, verdict: form.Healthy, says: "12 of 1000 tcp ports are in use, and of other protocols as many, or less."},
		"another protocol less":         {ports: 12, udp: 11, verdict: form.Healthy, says: "12 of 1000 tcp ports are in use, and of other protocols less."},
		"long ago":                      {ports: 3, refusals: ago(time.Hour, "exhausted"), verdict: form.Healthy},
		"never":                         {ports: 3, refusals: &form.Refusals{Since: noon}, verdict: form.Healthy},
		"rate":                          {ports: 3, refusals: ago(time.Second, "rate"), verdict: form.Limited, says: "(rate) was 1s ago"},
		"limit":                         {ports: 50, limit: 50, verdict: form.Limited, says: "50 of 50 tcp mappings"},
		"near the limit":                {ports: 45, limit: 50, verdict: form.NearLimit, says: "45 of 50"},
		"a limit above the share":       {ports: 50, limit: 5000, verdict: form.Healthy},
		"not read":                      {err: ErrUnknown, verdict: form.Unknown, says: "not known yet"},
		"drift":                         {ports: 12, problem: "drift", verdict: form.NotEnforced, says: "drift is there"},
		"late":                          {ports: 12, problem: "late", verdict: form.Healthy},
		"another plan in the kernel":    {ports: 12, other: true, verdict: form.NotEnforced, says: "does not have the plan"},
		"another plan, and it is blind": {err: ErrUnknown, other: true, verdict: form.NotEnforced},
	} {
		d := &fakeDaemon{plan: samplePlan(t, "198.18.0.0/30"), other: c.other}
		if c.problem != "" {
			d.problems = []daemon.Problem{{Code: c.problem, Text: c.problem + " is there"}}
		}
		p := metrics.Protocols{TCP: c.ports, UDP: c.udp}
		k := &fakeKernel{err: c.err, use: Use{
			Use: metrics.Use{Ports: p, Mappings: p}, Taken: noon, Now: true, HasSessions: c.sessions, Limit: metrics.Protocols{TCP: c.limit}, Refusals: c.refusals,
		}}
		s := serveWith(t, d, func(o *Options) { o.Kernel = k })
		code, a := s.ask("GET", "/v1/subscribers/default/100.64.0.1", nil)
		if code != 200 || a["verdict"] != c.verdict || !strings.Contains(fmt.Sprint(a["summary"]), c.says) || a["action"] == "" {
			t.Errorf("%s: %d %v, want %s %q", name, code, a, c.verdict, c.says)
		}
		if (a["usage"] == nil) != (c.err != nil) || (a["refusals"] == nil) != (c.refusals == nil || c.err != nil) {
			t.Errorf("%s: %v", name, a)
		}
		seen[c.verdict] = true
	}
	for _, v := range form.Verdicts {
		if !seen[v] {
			t.Errorf("nothing gives %s", v)
		}
	}
}

// TestNow has a query ask for how it is now.
func TestNow(t *testing.T) {
	c := serveWith(t, &fakeDaemon{plan: samplePlan(t, "198.18.0.0/30")}, func(o *Options) { o.Kernel = &fakeKernel{} })
	for query, want := range map[string]any{"": false, "?now=false": false, "?now=true": true} {
		if code, a := c.ask("GET", "/v1/subscribers/default/100.64.0.1"+query, nil); code != 200 || a["usage"].(map[string]any)["now"] != want {
			t.Error(query, code, a)
		}
	}
	for _, query := range []string{"?now", "?now=1", "?now=true&now=true", "?then=true"} {
		if code, a := c.ask("GET", "/v1/subscribers/default/100.64.0.1"+query, nil); code != 400 {
			t.Error(query, code, a)
		}
	}
}

// TestFullest takes the protocol that is nearest to its own limit.
func TestFullest(t *testing.T) {
	u := &form.Usage{Protocols: []form.ProtocolUsage{
		{Protocol: "tcp", Limit: 1000, Used: 500}, {Protocol: "udp", Limit: 50, Used: 40}, {Protocol: "icmp", Limit: 1000, Used: 100},
	}}
	if p := fullest(u); p.Protocol != "udp" {
		t.Errorf("%+v", p)
	}
}

func TestTop(t *testing.T) {
	plan := samplePlan(t, "198.18.0.0/30")
	k := &fakeKernel{usage: usageOfPlan(plan, true)}
	c := serveWith(t, &fakeDaemon{plan: plan}, func(o *Options) { o.Kernel = k })
	names := func(a map[string]any) (out []string) {
		for i, m := range a["top"].([]any) {
			one := m.(map[string]any)
			if one["rank"] != float64(i+1) || one["outside"] == "" || one["owned"] != 1000.0 {
				t.Errorf("%v", one)
			}
			out = append(out, one["subscriber"].(string))
		}
		return out
	}
	for query, want := range map[string][]string{
		"?n=2":             {"100.64.0.7", "100.64.0.6"},
		"?by=mappings&n=1": {"100.64.0.7"},
		"?n=2&by=sessions": {"100.64.0.0", "100.64.0.1"},
		"?by=ports&n=100":  {"100.64.0.7", "100.64.0.6", "100.64.0.5", "100.64.0.4", "100.64.0.3", "100.64.0.2", "100.64.0.1", "100.64.0.0"},
	} {
		code, a := c.ask("GET", "/v1/top"+query, nil)
		if code != 200 || !slices.Equal(names(a), want) {
			t.Errorf("%s: %d %v, want %v", query, code, a, want)
		}
	}
	for _, query := range []string{"?n=0", "?n=101", "?n=x", "?by=name", "?by=ports&by=ports", "?x=y", "?%zz"} {
		if code, a := c.ask("GET", "/v1/top"+query, nil); code != 400 {
			t.Errorf("%s: %d %v", query, code, a)
		}
	}
	_, a := c.ask("GET", "/v1/pools", nil)
	pool := a["pools"].([]any)[0].(map[string]any)
	if a["usage_taken"] != "2026-03-01T12:00:00Z" || pool["owned_ports"] != 8000.0 || pool["used_ports"].(map[string]any)["tcp"] != 36.0 {
		t.Errorf("%v", a)
	}
}

// TestNothingRead is before the first reading, and after one of another plan.
func TestNothingRead(t *testing.T) {
	plan := samplePlan(t, "198.18.0.0/30")
	for name, k := range map[string]Kernel{
		"no kernel": nil, "no reading": &fakeKernel{}, "another plan": &fakeKernel{usage: usageOfPlan(samplePlan(t, "198.18.0.0/30"), true)},
	} {
		c := serveWith(t, &fakeDaemon{plan: plan}, func(o *Options) { o.Kernel = k })
		if code, a := c.ask("GET", "/v1/top", nil); code != 503 {
			t.Errorf("%s: %d %v", name, code, a)
		}
		if _, a := c.ask("GET", "/v1/pools", nil); a["usage_taken"] != nil || a["pools"].([]any)[0].(map[string]any)["used_ports"] != nil {
			t.Errorf("%s: %v", name, a)
		}
	}
	c := serveWith(t, &fakeDaemon{plan: plan}, func(o *Options) { o.Kernel = &fakeKernel{usage: usageOfPlan(plan, false)} })
	if code, a := c.ask("GET", "/v1/top?by=sessions", nil); code != 400 {
		t.Error(code, a)
	}
	if _, a := c.ask("GET", "/v1/top?n=1", nil); a["top"].([]any)[0].(map[string]any)["sessions"] != nil {
		t.Error(a)
	}
}

func FuzzQueries(f *testing.F) {
	for _, q := range []string{"by=ports&n=20", "n=-1", "from=2026-03-01T13:00:00Z&by=%1b&note=x", "%", "a;b"} {
		f.Add(q)
	}
	f.Fuzz(func(t *testing.T, query string) {
		if o, n, err := parseTop(query); err == nil && (n < 1 || n > metrics.MaxTop || !slices.Contains(metrics.Orders, o.String())) {
			t.Errorf("%q gives %v, %d", query, o, n)
		}
		q, err := parseQuery(query, addKeys)
		if err == nil && len(q) > len(addKeys) {
			t.Errorf("%q gives %v", query, q)
		}
	})
}

// FuzzRequests sends a request to every path, as a client would that has no token, and one that has.
func FuzzRequests(f *testing.F) {
	f.Add("GET", "/v1/subscribers/default/100.64.0.1", "", "")
	f.Add("GET", "/v1/subscribers/%00/x?y", "Bearer x", "")
	f.Add("POST", "/v1/epochs?from=2026-03-01T13:00:00Z&by=me", "Bearer ", "version: 1")
	f.Add("DELETE", "//v1/../status", "\x00", "{}")
	f.Add("OPTIONS", "*", "", "")
	f.Add("CONNECT", "/x:80", "Basic x", "")
	handlers := fuzzHandlers(f)
	f.Fuzz(func(t *testing.T, method, target, authorization, body string) {
		for name, h := range handlers {
			code, answer, ok := h.try(method, target, authorization, body)
			if !ok {
				return // no client could send that
			}
			if code == 500 || code < 100 {
				t.Errorf("%s: %s %q: %d %s", name, method, target, code, answer)
			}
			if name == "tcp" && code != 401 {
				t.Errorf("%s %q without a token: %d %s", method, target, code, answer)
			}
		}
	})
}
