package api

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

func TestAnswers(t *testing.T) {
	c := serve(t, &fakeDaemon{plan: samplePlan(t, "198.18.1.0/30"), ledger: sampleLedger(t)})
	for _, q := range []struct {
		path string
		code int
		want map[string]any
	}{
		{"/v1/status", 200, map[string]any{"instance": "cgn", "healthy": true}},
		{"/v1/pools", 200, map[string]any{}},
		{"/v1/epochs", 200, map[string]any{"records": 2.0}},
		{"/v1/subscribers/default/100.64.0.1", 200, map[string]any{"outside": "198.18.1.0", "ports": "2024-3023", "port_count": 1000.0, "pool": "a"}},
		{"/v1/subscribers/default/100.64.9.9", 404, nil},
		{"/v1/subscribers/nowhere/100.64.0.1", 404, nil},
		{"/v1/subscribers/default/x", 400, nil},
		{"/v1/trace?outside=198.18.1.0&port=2100&case=1&reason=r", 200, map[string]any{"status": "allocated"}},
		{"/v1/trace?outside=198.18.1.0&port=80&case=1&reason=r", 200, map[string]any{"status": "reserved"}},
		{"/v1/trace?outside=198.18.0.0&port=2100&at=2026-03-01T10:30:00Z&case=1&reason=r", 200, map[string]any{"status": "allocated"}},
		{"/v1/trace?outside=198.18.0.0&port=2100&at=2026-03-01T11:00:02Z&tolerance=5s&case=1&reason=r", 200, map[string]any{"status": "ambiguous"}},
		{"/v1/trace?outside=198.18.0.0&port=2100&at=2026-03-01T09:00:00Z&case=1&reason=r", 200, map[string]any{"status": "not-covered"}},
		{"/v1/trace?outside=198.18.1.0&case=1&reason=r", 200, map[string]any{"status": "ambiguous"}},
		{"/v1/trace?outside=198.18.1.0&port=2100&case=1", 400, nil},
		{"/v1/trace?outside=198.18.1.0&port=2100&reason=r", 400, nil},
		{"/v1/trace?outside=198.18.1.0&port=2100&case=1&reason=%0a", 400, nil},
		{"/v1/trace?outside=198.18.1.0&port=2100&case=1&reason=%20", 400, nil},
		{"/v1/trace?outside=198.18.1.0&port=2100&case=%20-&reason=r", 400, nil},
		{"/v1/trace?outside=198.18.1.0&port=2100&case=1&reason=" + strings.Repeat("x", 257), 400, nil},
		{"/v1/trace?outside=198.18.1.0&port=2100&at=2026-03-01T11:00:02&case=1&reason=r", 400, nil}, // no offset
		{"/v1/trace?outside=198.18.1.0&port=65536&case=1&reason=r", 400, nil},
		{"/v1/trace?outside=2001:db8::1&port=1&case=1&reason=r", 400, nil},
		{"/v1/trace?outside=198.18.1.0&port=1&port=2&case=1&reason=r", 400, nil},
		{"/v1/trace?outside=198.18.1.0&prot=1&case=1&reason=r", 400, nil},
		{"/v1/trace?outside=198.18.1.0&port=1&tolerance=-1s&case=1&reason=r", 400, nil},
		{"/v1/trace?outside=198.18.1.0&port=1&tolerance=25h&case=1&reason=r", 400, nil},
		{"/v1/trace?%zz", 400, nil},
		{"/v2/status", 404, nil},
	} {
		code, got := c.ask("GET", q.path, nil)
		if code != q.code || code >= 400 && got["error"] == "" {
			t.Errorf("%s: %d %v, want %d", q.path, code, got, q.code)
			continue
		}
		for k, v := range q.want {
			if got[k] != v {
				t.Errorf("%s: %s is %v, want %v", q.path, k, got[k], v)
			}
		}
	}
	if n := len(c.auditLines()); n != 6 {
		t.Errorf("%d lines in the audit log, want one for every trace that was answered", n)
	}
}

// TestTraceSays compares all of an answer.
func TestTraceSays(t *testing.T) {
	c := serve(t, &fakeDaemon{ledger: sampleLedger(t)})
	_, got := c.ask("GET", "/v1/trace?outside=198.18.0.0&port=2100&at=2026-03-01T10:30:00Z&case=4711&reason=abuse", nil)
	one := got["candidates"].([]any)[0].(map[string]any)
	for k, v := range map[string]any{"subscriber": "100.64.0.1", "realm": "default", "pool": "a", "ports": "2024-3023", "epoch": 1.0,
		"from": "2026-03-01T10:00:00Z", "until": "2026-03-01T11:00:00Z"} {
		if one[k] != v {
			t.Errorf("%s is %v, want %v", k, one[k], v)
		}
	}
	line := c.auditLines()[0]
	for k, v := range map[string]any{"time": "2026-03-01T12:00:00Z", "uid": float64(os.Getuid()), "pid": float64(os.Getpid()), "action": "trace",
		"outside": "198.18.0.0", "port": 2100.0, "from": "2026-03-01T10:30:00Z", "case": "4711", "reason": "abuse", "status": "allocated"} {
		if line[k] != v {
			t.Errorf("audit: %s is %v, want %v", k, line[k], v)
		}
	}
	if _, ok := line["subscriber"]; ok {
		t.Error("the audit log names the subscriber")
	}
}

// TestFuture has a question about what lies ahead be answered with a warning, and no other.
func TestFuture(t *testing.T) {
	c := serve(t, &fakeDaemon{ledger: sampleLedger(t)})
	for query, want := range map[string]int{
		"": 0, "&at=2026-03-01T12:00:00Z": 0, "&at=2026-03-01T11:59:00Z&tolerance=59s": 0, "&tolerance=5s": 0,
		"&at=2026-03-01T12:00:01Z": 1, "&at=2099-01-01T00:00:00Z": 1, "&at=2026-03-01T11:59:58Z&tolerance=5s": 1,
	} {
		code, a := c.ask("GET", "/v1/trace?outside=198.18.1.0&port=2100&case=1&reason=r"+query, nil)
		warnings, _ := a["warnings"].([]any)
		if code != 200 || a["status"] != "allocated" || len(warnings) != want {
			t.Errorf("%s: %d %v", query, code, a)
		}
	}
}

// TestPlanFile is a daemon without a ledger: it knows of now only.
func TestPlanFile(t *testing.T) {
	c := serve(t, &fakeDaemon{plan: samplePlan(t, "198.18.0.0/30")})
	if code, got := c.ask("GET", "/v1/trace?outside=198.18.0.0&port=2100&case=1&reason=r", nil); code != 200 || got["status"] != "allocated" {
		t.Error(code, got)
	}
	for query, says := range map[string]string{
		"at=2026-03-01T10:30:00Z&port=2100": "at: ", "tolerance=1s&port=2100": "tolerance: ", "tolerance=0s&port=2100": "tolerance: ",
		"at=2026-03-01T12:00:00Z&tolerance=1h&port=2100": "at: ", "": "port: ",
	} {
		code, got := c.ask("GET", "/v1/trace?outside=198.18.0.0&case=1&reason=r&"+query, nil)
		if text, _ := got["error"].(string); code != 400 || !strings.HasPrefix(text, says) {
			t.Error(query, code, got)
		}
	}
	if n := len(c.auditLines()); n != 1 { // what was answered
		t.Errorf("%d lines", n)
	}
	if code, _ := c.ask("GET", "/v1/epochs", nil); code != 404 {
		t.Error(code)
	}
}

func TestNothingApplied(t *testing.T) {
	c := serve(t, &fakeDaemon{})
	for _, path := range []string{"/v1/pools", "/v1/subscribers/default/100.64.0.1", "/v1/trace?outside=198.18.0.0&port=1&case=1&reason=r"} {
		if code, got := c.ask("GET", path, nil); code != 503 {
			t.Error(path, code, got)
		}
	}
}

// TestAuditFails has the log not be writable: no trace is answered, everything else is.
func TestAuditFails(t *testing.T) {
	c := serve(t, &fakeDaemon{plan: samplePlan(t, "198.18.0.0/30")})
	const path = "/v1/trace?outside=198.18.0.0&port=2100&case=1&reason=r"
	if err := os.Symlink("/dev/full", c.audit); err != nil {
		t.Fatal(err)
	}
	if code, got := c.ask("GET", path, nil); code != 503 || strings.Contains(fmt.Sprint(got), "100.64") {
		t.Error(code, got)
	}
	if code, _ := c.ask("GET", "/v1/pools", nil); code != 200 {
		t.Error(code)
	}
	if err := os.Remove(c.audit); err != nil {
		t.Fatal(err)
	}
	if code, got := c.ask("GET", path, nil); code != 200 {
		t.Error(code, got)
	}
	// It is rotated, and the machine loses power in the middle of a line.
	if err := os.Rename(c.audit, c.audit+".1"); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(c.audit, []byte(`{"time":"20`), 0o640); err != nil {
		t.Fatal(err)
	}
	if code, got := c.ask("GET", path, nil); code != 200 {
		t.Error(code, got)
	}
	if lines := c.auditLines(); len(lines) != 2 || lines[1]["action"] != "trace" {
		t.Error(lines)
	}
}

func TestReload(t *testing.T) {
	c := serve(t, &fakeDaemon{})
	if code, got := c.ask("POST", "/v1/reload", nil); code != 202 || c.d.reloads != 1 {
		t.Error(code, got)
	}
	if code, got := c.ask("POST", "/v1/reload", strings.NewReader("{}")); code != 400 || c.d.reloads != 1 {
		t.Error(code, got)
	}
	if code, got := c.ask("POST", "/v1/reload", bytes.NewReader(make([]byte, maxBody+1))); code != 413 || c.d.reloads != 1 {
		t.Error(code, got)
	}
	if code, _ := c.ask("GET", "/v1/reload", nil); code == 202 || c.d.reloads != 1 {
		t.Error(code)
	}
}

func TestAdmin(t *testing.T) {
	for _, c := range []struct {
		p    Peer
		want bool
	}{
		{Peer{}, false}, {Peer{UID: 0}, false}, {Peer{Known: true, UID: 0}, true},
		{Peer{Known: true, UID: uint32(os.Geteuid())}, true}, {Peer{Known: true, UID: 54321}, false},
	} {
		if c.p.admin() != c.want {
			t.Errorf("%+v: %t", c.p, !c.want)
		}
	}
}

func TestListen(t *testing.T) {
	path := filepath.Join(t.TempDir(), "s")
	l, err := ListenUnix(path, 0o640, -1, -1, nil)
	if err != nil {
		t.Fatal(err)
	}
	if st, err := os.Stat(path); err != nil || st.Mode().Perm() != 0o640 || st.Mode().Type() != fs.ModeSocket {
		t.Error(st, err)
	}
	if _, err := ListenUnix(path, 0o660, -1, -1, nil); !errors.Is(err, ErrInUse) {
		t.Error(err)
	}
	l.(*socket).unix.SetUnlinkOnClose(false) // as if it had been killed
	_ = l.Close()
	if l, err = ListenUnix(path, 0o660, -1, -1, nil); err != nil {
		t.Fatal(err)
	}
	_ = l.Close()
	if err := os.WriteFile(path, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := ListenUnix(path, 0o660, -1, -1, nil); err == nil {
		t.Error("a file was replaced")
	}
	if _, err := os.Stat(path); err != nil {
		t.Error(err)
	}
}

// TestListenInEverybodysFolder: where every user may put a socket in the place of ours, there is none; /tmp is no such folder.
func TestListenInEverybodysFolder(t *testing.T) {
	folder := t.TempDir()
	for mode, want := range map[os.FileMode]string{0o777: "chmod o-w " + folder, 0o703: "chmod o-w", 0o777 | os.ModeSticky: "", 0o775: "", 0o700: ""} {
		if err := os.Chmod(folder, mode); err != nil {
			t.Fatal(err)
		}
		l, err := ListenUnix(filepath.Join(folder, "s"), 0o600, -1, -1, nil)
		if l != nil {
			_ = l.Close()
		}
		if (err == nil) != (want == "") || err != nil && !strings.Contains(err.Error(), want) {
			t.Errorf("%v: %v", mode, err)
		}
	}
}

func FuzzTrace(f *testing.F) {
	for _, q := range []string{"outside=198.18.0.0&port=2100&at=2026-03-01T10:30:00Z&tolerance=5s&case=1&reason=r", "outside=198.18.1.0&case=%00&reason=", "%", "a=b;c"} {
		f.Add(q)
	}
	s := &server{Options: Options{Daemon: &fakeDaemon{ledger: sampleLedger(f)}, Now: func() time.Time { return noon }}}
	f.Fuzz(func(t *testing.T, query string) {
		q, err := s.parseTrace(query)
		if err != nil {
			if _, ok := errors.AsType[*failure](err); !ok {
				t.Errorf("%q: %v has no status", query, err)
			}
			return
		}
		if !isText(q.caseNumber) || !isText(q.reason) || q.To.Before(q.From) || !q.Outside.Is4() {
			t.Errorf("%q gives %+v", query, q)
		}
		a, err := s.answer(q)
		if err == nil && a.Status == "" {
			t.Errorf("%q: no status", query)
		}
	})
}
