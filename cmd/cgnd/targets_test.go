package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/cgnkit/cgnkit/internal/daemonfile"
)

// TestTargetNotes reads what cgnctl has noted of other instances beside a ledger.
func TestTargetNotes(t *testing.T) {
	path := filepath.Join(t.TempDir(), "ledger.jsonl")
	if err := os.WriteFile(path, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	c := &daemonfile.Config{Ledger: path, Backend: "nftables", Instance: "cgn"}
	const mine, other, far = `{"backend":"nftables","instance":"cgn"}`, `{"backend":"xdp","instance":"cgn"}`, `{"backend":"nftables","instance":"b","namespace":"blue"}`
	for targets, want := range map[string][]string{
		"": nil, "[" + mine + "]": nil, "[" + other + "]": {"cgnctl remove --backend xdp --instance cgn ends it"}, "[" + mine + "," + far + "," + other + "]": {"in network namespace blue", "instance cgn of backend xdp: if"}, "x": {"this does not say"},
	} {
		if targets != "" {
			if err := os.WriteFile(path+".targets", []byte(`{"cgnkit_targets":1,"targets":`+targets+"}\n"), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		got := targetNotes(c)
		if len(got) != len(want) {
			t.Errorf("%s: %q", targets, got)
			continue
		}
		for i := range want {
			if !strings.Contains(got[i], want[i]) {
				t.Errorf("%s: %q, want %q", targets, got[i], want[i])
			}
		}
		if err := os.RemoveAll(path + ".targets"); err != nil {
			t.Fatal(err)
		}
	}
	if got := targetNotes(&daemonfile.Config{Plan: path}); got != nil {
		t.Errorf("without a ledger: %q", got)
	}
}
