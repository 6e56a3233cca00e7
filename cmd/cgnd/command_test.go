package main

import (
	"bytes"
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/spf13/pflag"

	"github.com/cgnkit/cgnkit/alloc/ledger"
	"github.com/cgnkit/cgnkit/alloc/planfile"
)

// runs returns what a command says and its exit code.
func runs(t *testing.T, args ...string) (code int, out, errs string) {
	t.Helper()
	var stdout, stderr bytes.Buffer
	code = run(t.Context(), args, &stdout, &stderr)
	return code, stdout.String(), stderr.String()
}

func TestCheck(t *testing.T) {
	folder := t.TempDir()
	write := func(name, text string) string {
		path := filepath.Join(folder, name)
		if err := os.WriteFile(path, []byte(strings.ReplaceAll(text, "FOLDER", folder)), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	const good = "version: 1\npools:\n  - {name: a, inside: [100.64.0.0/24], outside: [192.0.2.0/28]}\n"
	write("plan.yaml", good)
	write("bad.yaml", strings.Replace(good, "inside", "outside", 1))
	write("random.yaml", strings.Replace(good, "name: a", "name: a, scheme: random, key-id: 9f31c0de5a7b0042", 1))
	write("policy.yaml", "default: {udp: 3m}\n")
	write("port.key", strings.Repeat("1f", 16)+"\n")
	write("zero.key", strings.Repeat("00", 16))
	write("damaged.jsonl", "{}\n")
	p, err := planfile.Load(filepath.Join(folder, "plan.yaml"), planfile.Options{})
	if err != nil {
		t.Fatal(err)
	}
	for name, from := range map[string]time.Duration{"ledger.jsonl": -time.Hour, "future.jsonl": time.Hour} {
		w, err := ledger.Edit(filepath.Join(folder, name))
		if err != nil {
			t.Fatal(err)
		}
		if _, err := w.Add(ledger.Entry{Plan: p.Plan, From: time.Now().Add(from), Now: time.Now()}); err != nil {
			t.Fatal(err)
		}
		w.Close()
	}
	if err := errors.Join(
		os.Symlink("ledger.jsonl", filepath.Join(folder, "link.jsonl")), os.Link(filepath.Join(folder, "ledger.jsonl"), filepath.Join(folder, "hard.jsonl")),
		os.Symlink("cgnd.yaml", filepath.Join(folder, "config")), os.Symlink("sock", filepath.Join(folder, "later")),
	); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		config string
		code   int
		want   string
	}{
		{"plan: FOLDER/plan.yaml\n", 0, "configuration is valid: backend nftables, instance cgn, plan "},
		{"ledger: FOLDER/ledger.jsonl\n", 0, "epoch 1 of "},
		{"backend: xdp\nplan: FOLDER/plan.yaml\npolicy: FOLDER/policy.yaml\nport-key: FOLDER/port.key\n", 0, "backend xdp"},
		{"plan: FOLDER/none.yaml\n", 2, "none.yaml"},
		{"plan: FOLDER/bad.yaml\n", 2, "bad.yaml:3:"},
		{"plan: FOLDER/random.yaml\n", 2, "key"},
		{"ledger: FOLDER/damaged.jsonl\n", 2, "record 1"},
		{"ledger: FOLDER/future.jsonl\n", 2, "no epoch covers that time"},
		{"plan: FOLDER/plan.yaml\nkey-files: FOLDER/plan.yaml\n", 2, "key-files: "},
		{"backend: xdp\nplan: FOLDER/plan.yaml\npolicy: FOLDER/plan.yaml\n", 2, "policy: "},
		{"backend: xdp\nplan: FOLDER/plan.yaml\nport-key: FOLDER/zero.key\n", 2, "want 32 hexadecimal digits"},
		{"plan: FOLDER/plan.yaml\nlisten: {user: no-such}\n", 2, "listen.user: user: unknown user no-such"},
		{"plan: FOLDER/plan.yaml\nlisten: {group: no-such}\n", 2, "listen.group: group: unknown group no-such"},
		{"plan: FOLDER/plan.yaml\nlisten: {unix: FOLDER/none/sock}\n", 2, "its folder is needed"},
		{"plan: FOLDER/plan.yaml\nlisten: {unix: FOLDER/plan.yaml/sock}\n", 2, "plan.yaml is no folder"},
		{"plan: FOLDER/plan.yaml\nlisten: {unix: FOLDER/plan.yaml}\n", 2, "and is no socket"},
		{"plan: FOLDER/plan.yaml\nlisten: {user: 65533}\n", 0, "CAP_CHOWN"},
		{"plan: FOLDER/plan.yaml\nlisten: {group: 65533}\n", 0, "SupplementaryGroups=65533"},
		{"plan: FOLDER/plan.yaml\nlisten: {unix: FOLDER/sock, user: 0, group: 0}\n", 0, "configuration is valid"},
		{"ledger: FOLDER/ledger.jsonl\naudit: FOLDER/link.jsonl\n", 2, "link.jsonl is ledger, "},
		{"ledger: FOLDER/ledger.jsonl\naudit: FOLDER/hard.jsonl\n", 2, "hard.jsonl is ledger, "},
		{"plan: FOLDER/plan.yaml\naudit: FOLDER/cgnd.yaml\n", 2, "cgnd.yaml is the configuration, "},
		{"plan: FOLDER/plan.yaml\naudit: FOLDER/config\n", 2, "config is the configuration, "},
		{"plan: FOLDER/plan.yaml\naudit: FOLDER/later\nlisten: {unix: FOLDER/sock}\n", 2, "later is listen.unix, "},
		{"plan: FOLDER/plan.yaml\naudit: FOLDER/sock\nlisten: {unix: FOLDER/sock}\n", 2, "cgnd.yaml:2:1: audit and listen.unix"},
		{"plan: FOLDER/plan.yaml\naudit: FOLDER/audit.jsonl\nlisten: {unix: FOLDER/sock}\n", 0, "configuration is valid"},
		{"plan: FOLDER/plan.yaml\naudit: FOLDER\n", 2, "is no regular file"},
		{"plan: FOLDER/plan.yaml\naudit: FOLDER/plan.yaml/audit\n", 2, "audit log: "},
		{"plan: FOLDER/plan.yaml\naudit: FOLDER/none/audit\n", 0, "none, of the audit log, is not there yet"},
		{"plan: FOLDER/plan.yaml\nfoo: bar\n", 2, "cgnd.yaml:2:1: unknown key"},
	} {
		path := write("cgnd.yaml", c.config)
		code, out, errs := runs(t, "--check", "-c", path)
		if code != c.code || !strings.Contains(out+errs, c.want) || code != 0 && out != "" {
			t.Errorf("%q: %d\n%s%s\nwant %d %q", c.config, code, out, errs, c.code, c.want)
		}
	}
}

// TestStartRefuses has the start refuse what --check does about whose the socket is, before it touches anything.
func TestStartRefuses(t *testing.T) {
	folder := t.TempDir()
	path := filepath.Join(folder, "cgnd.yaml")
	for _, key := range []string{"user", "group"} {
		if err := os.WriteFile(path, []byte("plan: /nonexistent\nlisten: {"+key+": no-such}\n"), 0o600); err != nil {
			t.Fatal(err)
		}
		want := "cgnd: listen." + key + ": " + key + ": unknown " + key + " no-such\n"
		for _, args := range [][]string{{"-c", path}, {"--check", "-c", path}} {
			if code, out, errs := runs(t, args...); code != 2 || out != "" || errs != want {
				t.Errorf("%q: %d, %q, %q, want %q", args, code, out, errs, want)
			}
		}
	}
}

func TestUsage(t *testing.T) {
	for _, c := range []struct {
		args []string
		code int
		want string
	}{
		{nil, 2, "-c FILE is missing"},
		{[]string{"-c", "/nonexistent/cgnd.yaml"}, 2, "no such file"},
		{[]string{"--chekc"}, 2, "unknown flag"},
		{[]string{"extra"}, 2, "unknown command"},
		{[]string{"version"}, 0, "cgnd " + release},
		{[]string{"gen", "schema"}, 0, "cgnd configuration"},
		{[]string{"gen", "keys"}, 0, "| `verify-interval` |"},
		{[]string{"gen", "config"}, 0, "\nledger: /var/lib/cgnd/ledger.jsonl\n"},
		{[]string{"gen", "man"}, 2, "accepts 1 arg"},
		{[]string{"completion", "bash"}, 0, "bash completion"},
		{[]string{"completion", "zsh"}, 0, "#compdef cgnd"},
		{[]string{"completion", "fish"}, 0, "fish completion"},
		{[]string{"--help"}, 0, "cgnd --check -c"},
	} {
		code, out, errs := runs(t, c.args...)
		if code != c.code || !strings.Contains(out+errs, c.want) {
			t.Errorf("%q: %d\n%s%s\nwant %d %q", c.args, code, out, errs, c.code, c.want)
		}
	}
}

// TestManPage has every flag and command stand in the page, and mandoc find nothing to complain about.
func TestManPage(t *testing.T) {
	folder := t.TempDir()
	if code, _, errs := runs(t, "gen", "man", folder); code != 0 {
		t.Fatal(errs)
	}
	text, err := os.ReadFile(filepath.Join(folder, "cgnd.8"))
	if err != nil {
		t.Fatal(err)
	}
	page := strings.NewReplacer(`\-`, "-", `"`, "").Replace(string(text))
	root := newRoot(io.Discard, io.Discard)
	root.InitDefaultHelpFlag()
	root.Flags().VisitAll(func(f *pflag.Flag) {
		if !strings.Contains(page, "--"+f.Name) {
			t.Errorf("--%s is not in the page", f.Name)
		}
	})
	for _, c := range root.Commands() {
		if !strings.Contains(page, "\n.B "+c.Name()) && !strings.Contains(page, "B cgnd "+c.Name()) {
			t.Errorf("cgnd %s is not in the page", c.Name())
		}
		for _, sub := range c.Commands() {
			if !strings.Contains(page, c.Name()+" "+sub.Name()) {
				t.Errorf("cgnd %s %s is not in the page", c.Name(), sub.Name())
			}
		}
	}
	if strings.Contains(page, "@") {
		t.Error("something is left to be filled in")
	}
	for _, name := range []string{"cgnd.8", "cgnd.yaml.5"} {
		if out, err := exec.Command("mandoc", "-T", "lint", "-W", "warning", filepath.Join(folder, name)).CombinedOutput(); err != nil || len(out) > 0 {
			t.Errorf("%v\n%s", err, out)
		}
	}
}
