package dialect

import (
	"bytes"
	"os/exec"
	"strings"
	"testing"

	"github.com/cgnkit/cgnkit/internal/netnstest"
)

// TestIPTablesRestore has the real tools read the text, in a network namespace of its own.
func TestIPTablesRestore(t *testing.T) {
	netnstest.Root(t)
	tools := []string{"iptables-restore", "iptables-legacy-restore"} // Debian's package iptables has both
	for name, p := range samples() {
		text, err := render(t, IPTables, p)
		if err != nil || len(text) > 10<<20 {
			continue
		}
		for _, tool := range tools {
			cmd := exec.Command("unshare", "-n", tool, "--test")
			cmd.Stdin = strings.NewReader(text)
			if out, err := cmd.CombinedOutput(); err != nil {
				t.Errorf("%s: %s --test: %v: %s", name, tool, err, out)
			}
		}
	}
}

// TestIPTablesLoads loads the deepest plans for good: --test does not have the kernel look at nested chains.
func TestIPTablesLoads(t *testing.T) {
	netnstest.Root(t)
	for _, name := range []string{"scattered", "edges", "village", "exempt", "map"} {
		text := mustRender(t, IPTables, samples()[name])
		for _, saved := range []string{"nat", "mangle"} {
			cmd := exec.Command("unshare", "-n", "sh", "-c", "iptables-restore && iptables-save -t "+saved)
			cmd.Stdin = strings.NewReader(text)
			out, err := cmd.CombinedOutput()
			if err != nil {
				t.Fatalf("%s: %v: %.300s", name, err, out)
			}
			_, table, _ := strings.Cut(text, "*"+saved)
			table, _, _ = strings.Cut(table, "COMMIT")
			if got, want := bytes.Count(out, []byte("\n-A ")), strings.Count(table, "\n-A "); got != want {
				t.Errorf("%s: the kernel has %d rules in %s, not %d", name, got, saved, want)
			}
		}
	}
}
