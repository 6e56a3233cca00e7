package daemonfile

import (
	"encoding/json"
	"errors"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"github.com/santhosh-tekuri/jsonschema/v6"
	"go.yaml.in/yaml/v3"

	"github.com/cgnkit/cgnkit/internal/alarm"
)

const everything = `backend: xdp
instance: west
ledger: /var/lib/cgnd/ledger.jsonl
key-files: [/etc/cgnd/a.key, /etc/cgnd/b.key]
interfaces:
  inside: [eth0, eth1=wholesale-b]
  outside: eth2
policy: /etc/cgnd/policy.yaml
port-key: /etc/cgnd/port.key
drift: report
events: leave
verify-interval: 90s
listen:
  unix: /run/cgnd/west.sock
  user: root
  group: noc
  mode: 0600
  tcp: "[::]:9743"
  tokens: /etc/cgnd/tokens
  certificate: /etc/cgnd/tls.crt
  key: /etc/cgnd/tls.key
  plain: loopback
audit: /var/log/cgnd/west.jsonl
metrics: "[::1]:9742"
metrics-top: 20
usage-interval: 10s
alarms:
  pool: {raise: 80, clear: 60, hold: 10m}
  subscriber: {raise: off, hold: 1m}
  limit: 500
log:
  level: debug
  format: json
`

func TestParse(t *testing.T) {
	got, err := Parse("cgnd.yaml", []byte(everything))
	if err != nil {
		t.Fatal(err)
	}
	want := &Config{
		Backend: XDP, Instance: "west", Ledger: "/var/lib/cgnd/ledger.jsonl", KeyFiles: []string{"/etc/cgnd/a.key", "/etc/cgnd/b.key"},
		Inside: []Interface{{"eth0", ""}, {"eth1", "wholesale-b"}}, Outside: []Interface{{"eth2", ""}},
		Policy: "/etc/cgnd/policy.yaml", PortKey: "/etc/cgnd/port.key", Report: true, LeaveEvents: true, VerifyEvery: 90 * time.Second,
		Metrics: netip.MustParseAddrPort("[::1]:9742"), MetricsTop: 20, UsageEvery: 10 * time.Second,
		Alarms: alarm.Config{
			Pool: alarm.Thresholds{Raise: 80, Clear: 60, Hold: 10 * time.Minute}, Address: alarm.Thresholds{Raise: 90, Clear: 70, Hold: 5 * time.Minute},
			Subscriber: alarm.Thresholds{Hold: time.Minute}, Hold: 5 * time.Minute, Limit: 500,
		},
		Listen: Listen{
			Unix: "/run/cgnd/west.sock", User: "root", Group: "noc", Mode: 0o600,
			TCP: netip.MustParseAddrPort("[::]:9743"), Tokens: "/etc/cgnd/tokens", Certificate: "/etc/cgnd/tls.crt", Key: "/etc/cgnd/tls.key",
		},
		Audit: "/var/log/cgnd/west.jsonl", Log: Log{levels["debug"], true},
	}
	if diff := cmp.Diff(want, got, cmpopts.EquateComparable(netip.AddrPort{})); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// TestDefaults has the documented defaults be those of the decoder.
func TestDefaults(t *testing.T) {
	got, err := Parse("f", []byte("plan: /p\n"))
	if err != nil {
		t.Fatal(err)
	}
	for _, key := range []string{"backend", "instance", "drift", "verify-interval", "listen.unix", "listen.mode", "metrics-top", "audit", "log.level", "log.format",
		"usage-interval", "alarms.pool.raise", "alarms.pool.clear", "alarms.address.hold", "alarms.subscriber.raise", "alarms.limit",
	} {
		f := fieldAt(t, key)
		text := "plan: /p\n" + strings.ReplaceAll(key, ".", ": {") + ": " + f.initial + strings.Repeat("}", strings.Count(key, "."))
		same, err := Parse("f", []byte(text))
		if err != nil {
			t.Errorf("%s: the default that is documented is none: %v", key, err)
		} else if diff := cmp.Diff(got, same, cmpopts.EquateComparable(netip.AddrPort{})); diff != "" {
			t.Errorf("%s: %s is not the default:\n%s", key, f.initial, diff)
		}
	}
}

func fieldAt(t *testing.T, path string) field {
	t.Helper()
	at := fields
	var found field
	for part := range strings.SplitSeq(path, ".") {
		found = field{}
		for _, f := range at {
			if f.key == part {
				found = f
			}
		}
		if found.key == "" {
			t.Fatalf("there is no %s", path)
		}
		at = found.fields
	}
	return found
}

func TestErrors(t *testing.T) {
	for text, want := range map[string]string{
		"":                               "f: it is empty",
		"# nothing\n":                    "f: it is empty",
		"plan":                           "f:1:1: the configuration must have keys (the keys are backend, ",
		"[a]":                            "f:1:1: the configuration must have keys",
		"backend: nftables\n":            "f:1:1: there is neither ledger nor plan: nothing to follow",
		"plan: /p\nledger: /l\n":         "f:1:1: plan and ledger: a daemon follows one of them",
		"plan: /p\nplan: /q\n":           "f:2:1: duplicate key plan, first in line 1",
		"plan: /p\nplna: /q\n":           `f:2:1: unknown key "plna" in the configuration`,
		"plan: /p\nlog: {lavel: info}\n": `f:2:7: unknown key "lavel" in log (the keys are level, format)`,
		"plan: /p\nlog: info\n":          "f:2:6: log must have keys",
		"plan: p.yaml\n":                 `f:1:7: plan: "p.yaml" does not begin with /`,
		"plan: [/p]\n":                   "f:1:7: plan: want one value",
		"plan:\n":                        "f:1:6: plan: want one value",
		"ledger: /l\naudit: /x/../l\n":   "f:2:1: audit and ledger: traces are written to a file of their own (for example audit: /var/log/cgnd/audit.jsonl)",
		"ledger: /l\naudit: /l.cgnd\n":   "f:2:1: audit and ledger: traces are written to a file of their own",
		"plan: /p\nlisten: {unix: /s}\naudit: /s\n":                           "f:3:1: audit and listen.unix: traces are written to a file of their own",
		"plan: /p\nkey-files: [/j, /k]\naudit: /k\n":                          "f:3:1: audit and key-files: traces are written to a file of their own",
		"plan: /p\naudit: /p\n":                                               "f:2:1: audit and plan: traces are written to a file of their own",
		"plan: &a /p\naudit: *a\n":                                            "f:2:8: audit: aliases are not accepted",
		"plan: /p\nbackend: ebpf\n":                                           `f:2:10: backend: "ebpf" is none of nftables, xdp`,
		"plan: /p\ninstance: CGN\n":                                           "f:2:1: instance: want 1 to 32 lower-case letters",
		"plan: /p\nverify-interval: 1s\n":                                     `f:2:18: verify-interval: "1s" is no time from 10s to 24h0m0s (for example verify-interval: 5m)`,
		"plan: /p\nmetrics: 9742\n":                                           `"9742" is no address with a port, such as 127.0.0.1:9742 or [::1]:9742`,
		"plan: /p\nmetrics: 127.0.0.1:0\n":                                    `"127.0.0.1:0" is no address with a port`,
		"plan: /p\nmetrics: localhost:9742\n":                                 `"localhost:9742" is no address with a port`,
		"plan: /p\nverify-interval: 300\n":                                    `"300" is no time`,
		"plan: /p\nverify-interval: 99999h\n":                                 "is no time",
		"plan: /p\nusage-interval: 0s\n":                                      `"0s" is no time from 1s to 1h0m0s`,
		"plan: /p\nalarms: {pool: 90}\n":                                      "f:2:16: pool must have keys",
		"plan: /p\nalarms: {pool: {rise: 90}}\n":                              `f:2:17: unknown key "rise" in pool (the keys are raise, clear, hold)`,
		"plan: /p\nalarms: {pool: {raise: 0}}\n":                              `f:2:24: raise: "0" is no whole number from 1 to 100`,
		"plan: /p\nalarms: {pool: {raise: 90.5}}\n":                           `"90.5" is no whole number from 1 to 100`,
		"plan: /p\nalarms: {pool: {raise: 70}}\n":                             "f:2:17: alarms.pool: clear 70 is not below raise 70",
		"plan: /p\nalarms: {address: {clear: 95}}\n":                          "f:2:20: alarms.address: clear 95 is not below raise 90",
		"plan: /p\nalarms: {subscriber: {raise: off, clear: 5}}\n":            "f:2:35: alarms.subscriber: clear: without raise there is nothing to clear",
		"plan: /p\nalarms: {subscriber: {clear: off}}\n":                      "f:2:23: alarms.subscriber: clear: an alarm that is raised must end some time",
		"plan: /p\nalarms: {subscriber: {hold: 25h}}\n":                       `"25h" is no time from 1s to 24h0m0s`,
		"plan: /p\nalarms: {limit: 1000001}\n":                                `"1000001" is no whole number from 1 to 1000000`,
		"plan: /p\nlisten: {mode: 0999}\n":                                    `f:2:16: mode: "0999" is no mode`,
		"plan: /p\nlisten: {mode: 0440}\n":                                    "is no mode",
		"plan: /p\nlisten: {mode: 01777}\n":                                   "is no mode",
		"plan: /p\nlisten: {mode: -1}\n":                                      "is no mode",
		"plan: /p\ndrift: ignore\n":                                           `"ignore" is none of repair, report`,
		"plan: /p\npolicy: /x\n":                                              "f:2:1: policy belongs to backend xdp, and this is nftables",
		"plan: /p\ninterfaces: {inside: eth0}\n":                              "f:2:1: interfaces belongs to backend xdp",
		"plan: /p\nbackend: xdp\ninterfaces: {inside: eth0, outside: eth0}\n": "f:3:1: interfaces: eth0 stands twice",
		"plan: /p\nbackend: xdp\ninterfaces: {outside: eth0=a}\n":             `"eth0=a": only inside interfaces have a realm`,
		"plan: /p\nbackend: xdp\ninterfaces: {inside: eth0=}\n":               `"eth0=": only inside`,
		"plan: /p\nbackend: xdp\ninterfaces: {inside: []}\n":                  "want from 1 to 256 entries",
		"plan: /p\nbackend: xdp\ninterfaces: {inside: [abcdefghijklmnop]}\n":  "is no name of an interface",
		"plan: /p\nlisten: {unix: /" + strings.Repeat("x", 107) + "}\n":       "the path of a socket has at most 107 bytes",
		"plan: /p\nmetrics-top: 101\n":                                        `"101" is no whole number from 0 to 100`,
		"plan: /p\nmetrics-top: -1\n":                                         "is no whole number from 0 to 100",
		"plan: /p\nmetrics-top: many\n":                                       "is no whole number from 0 to 100",
		"plan: /p\nlisten: {tcp: '127.0.0.1:9743'}\n":                         "f:2:10: listen.tcp: listen.tokens is missing: who may ask there?",
		"plan: /p\nlisten: {tcp: 9743, tokens: /t}\n":                         `"9743" is no address with a port`,
		"plan: /p\nlisten: {tcp: '0.0.0.0:9743', tokens: /t}\n":               "0.0.0.0:9743 is not of loopback, and without a certificate",
		"plan: /p\nlisten: {tcp: '[::]:9743', tokens: /t}\n":                  "[::]:9743 is not of loopback",
		"plan: /p\nlisten: {tcp: '[::ffff:192.0.2.1]:9743', tokens: /t}\n":    "is not of loopback",
		"plan: /p\nlisten: {tcp: '[::]:9743', tokens: /t, certificate: /c}\n": "listen.certificate: listen.key is missing",
		"plan: /p\nlisten: {tcp: '[::]:9743', tokens: /t, key: /k}\n":         "listen.key: listen.certificate is missing",
		"plan: /p\nlisten: {tokens: /t}\n":                                    "listen.tokens belongs to listen.tcp, which is missing",
		"plan: /p\nlisten: {plain: anywhere}\n":                               "listen.plain belongs to listen.tcp",
		"plan: /p\nlisten: {plain: never}\n":                                  `"never" is none of loopback, anywhere`,
		"plan: /p\nmetrics: '[::]:1'\nlisten: {tcp: '[::1]:1', tokens: /t}\n": "metrics is at port 1 already",
		"plan: /p\nkey-files: [k]\n":                                          "does not begin with /",
		"plan: /p\n---\nplan: /q\n":                                           "f: there is more than one document (leave out all but one)",
		"plan: {":                                                             "f:1:1: ",
		"plan: /p\n\"a\\x1b[31m\": 1\n":                                       `unknown key "a\x1b[31m"`,
		strings.Repeat("#", MaxBytes+1):                                       "f: it has more than 1048576 bytes",
	} {
		c, err := Parse("f", []byte(text))
		if !errors.Is(err, ErrConfig) || !strings.Contains(err.Error(), want) {
			t.Errorf("%.60q: %v, %v; want %q", text, c, err, want)
			continue
		}
		if strings.ContainsAny(err.Error(), "\x1b\x00") {
			t.Errorf("%.60q: %q has control characters", text, err)
		}
	}
}

// TestAllAtOnce has one run show everything.
func TestAllAtOnce(t *testing.T) {
	_, err := Parse("f", []byte("plan: p\ndrift: no\nbakend: x\n"))
	all, ok := errors.AsType[*Error](err)
	if !ok || len(all.Diagnostics) != 3 {
		t.Errorf("%v", err)
	}
}

func TestLoad(t *testing.T) {
	path := filepath.Join(t.TempDir(), "cgnd.yaml")
	if _, err := Load(path); !errors.Is(err, os.ErrNotExist) {
		t.Error(err)
	}
	if err := os.WriteFile(path, []byte("plan: /p\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if c, err := Load(path); err != nil || c.Plan != "/p" {
		t.Error(c, err)
	}
	if _, err := Load(filepath.Dir(path)); err == nil {
		t.Error("a folder was read")
	}
}

// The files in docs are those that the code makes.
func TestDocs(t *testing.T) {
	schema, err := Schema()
	if err != nil {
		t.Fatal(err)
	}
	if kept, err := os.ReadFile("../../docs/cgnd.schema.json"); err != nil || string(kept) != string(schema) {
		t.Errorf("docs/cgnd.schema.json is stale: make generate (%v)", err)
	}
	kept, err := os.ReadFile("../../docs/cgnd.md")
	if err != nil || !strings.Contains(string(kept), KeyTable()) {
		t.Errorf("the keys in docs/cgnd.md are stale: make generate (%v)", err)
	}
	// Every configuration that is shown is one.
	for i, part := range strings.Split(string(kept), "```yaml\n") {
		if text, _, ok := strings.Cut(part, "```"); ok && i > 0 {
			if _, err := Parse("docs/cgnd.md", []byte(text)); err != nil {
				t.Error(err)
			}
		}
	}
}

func TestSchema(t *testing.T) {
	schema := compiled(t)
	for text, want := range map[string]bool{
		everything:                                  true,
		"plan: /p\n":                                true,
		"backend: nftables\n":                       false,
		"plan: /p\nledger: /l\n":                    false,
		"plan: p\n":                                 false,
		"plan: /p\nplna: 1\n":                       false,
		"plan: /p\nverify-interval: 5\n":            false,
		"plan: /p\nlog: {level: loud}\n":            false,
		"plan: /p\nalarms: {pool: {raise: 0}}\n":    false,
		"plan: /p\nalarms: {pool: {raise: off}}\n":  true,
		"plan: /p\nalarms: {pool: {rise: 1}}\n":     false,
		"plan: /p\ninterfaces: {outside: eth0=a}\n": false,
	} {
		if err := validate(t, schema, []byte(text)); (err == nil) != want {
			t.Errorf("%q: %v", text, err)
		}
	}
}

func compiled(tb testing.TB) *jsonschema.Schema {
	tb.Helper()
	b, err := Schema()
	if err != nil {
		tb.Fatal(err)
	}
	doc, err := jsonschema.UnmarshalJSON(strings.NewReader(string(b)))
	if err != nil {
		tb.Fatal(err)
	}
	c := jsonschema.NewCompiler()
	if err := c.AddResource("cgnd.schema.json", doc); err != nil {
		tb.Fatal(err)
	}
	s, err := c.Compile("cgnd.schema.json")
	if err != nil {
		tb.Fatal(err)
	}
	return s
}

func validate(tb testing.TB, s *jsonschema.Schema, text []byte) error {
	tb.Helper()
	var v any
	if err := yaml.Unmarshal(text, &v); err != nil {
		return err
	}
	b, err := json.Marshal(v)
	if err != nil {
		return err
	}
	doc, err := jsonschema.UnmarshalJSON(strings.NewReader(string(b)))
	if err != nil {
		return err
	}
	return s.Validate(doc)
}

func FuzzParse(f *testing.F) {
	f.Add([]byte(everything))
	f.Add([]byte("plan: /p\nlisten: {mode: 0o640}\n"))
	f.Add([]byte("a: &a [*a]\n"))
	f.Add([]byte("{plan: /p, ? [x] : y}"))
	f.Fuzz(func(t *testing.T, data []byte) {
		c, err := Parse("f", data)
		switch {
		case err != nil && !errors.Is(err, ErrConfig):
			t.Errorf("%q: %v", data, err)
		case err != nil && strings.ContainsAny(err.Error(), "\x1b\x00\r"):
			t.Errorf("%q: %q has control characters", data, err)
		case err == nil && ((c.Plan == "") == (c.Ledger == "") || c.VerifyEvery < verifySpan.least || c.VerifyEvery > verifySpan.most || c.Listen.Mode > 0o777):
			t.Errorf("%q gives %+v", data, c)
		case err == nil:
			if _, err := alarm.New(c.Alarms); err != nil {
				t.Errorf("%q gives %+v: %v", data, c.Alarms, err)
			}
		}
	})
}

// TestListens has what may be without TLS be taken.
func TestListens(t *testing.T) {
	for _, text := range []string{
		"{tcp: '127.0.0.1:9743', tokens: /t}", "{tcp: '[::1]:9743', tokens: /t}", "{tcp: '127.0.0.53:1', tokens: /t, plain: loopback}",
		"{tcp: '192.0.2.1:9743', tokens: /t, plain: anywhere}", "{tcp: '192.0.2.1:9743', tokens: /t, certificate: /c, key: /k}",
	} {
		if c, err := Parse("f", []byte("plan: /p\nlisten: "+text+"\n")); err != nil || !c.Listen.TCP.IsValid() {
			t.Errorf("%s: %v", text, err)
		}
	}
	if c, err := Parse("f", []byte("plan: /p\n")); err != nil || c.Listen.TCP.IsValid() || c.Metrics.IsValid() {
		t.Errorf("%+v, %v: something listens without having been configured", c, err)
	}
}
