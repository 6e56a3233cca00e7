package ledger_test

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/cgnkit/cgnkit/alloc/ledger"
)

// TestTargets notes beside a ledger what it is applied to, also by a link to it.
func TestTargets(t *testing.T) {
	path := small(t)
	link := filepath.Join(t.TempDir(), "link")
	if err := os.Symlink(path, link); err != nil {
		t.Fatal(err)
	}
	one := []ledger.Target{{Backend: "nftables", Instance: "cgn"}}
	two := append(slices.Clone(one), ledger.Target{Backend: "xdp", Instance: "cgn", Namespace: "blue"})
	for _, want := range [][]ledger.Target{nil, one, one, two, one} {
		w, err := ledger.Edit(link)
		if err != nil {
			t.Fatal(err)
		}
		if want != nil {
			if err := w.SetTargets(want); err != nil {
				t.Fatal(err)
			}
		}
		if got, err := w.Targets(); err != nil || !slices.Equal(got, want) || w.TargetsPath() != path+".targets" {
			t.Errorf("%v, %v in %s; want %v", got, err, w.TargetsPath(), want)
		}
		w.Close()
	}
	// What a writer that was killed has left goes away; what is no list of targets is said.
	if err := os.WriteFile(path+".targets.123", nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for _, text := range []string{"", "{}", `{"cgnkit_targets":2,"targets":[]}`, `{"cgnkit_targets":1,"more":1}`, "x"} {
		if err := os.WriteFile(path+".targets", []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		w, err := ledger.Edit(path)
		if err != nil {
			t.Fatal(err)
		}
		if got, err := w.Targets(); err == nil || !strings.Contains(err.Error(), path+".targets: this does not say") {
			t.Errorf("%q: %v, %v", text, got, err)
		}
		w.Close()
	}
	if _, err := os.Stat(path + ".targets.123"); err == nil {
		t.Error("what was left behind is still there")
	}
	open(t, path)
}
