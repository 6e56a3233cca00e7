package daemonfile

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// TestSample reads the sample as it is, and once more with every key that it has as a comment.
func TestSample(t *testing.T) {
	c, err := Parse("cgnd.yaml", []byte(Sample()))
	if err != nil {
		t.Fatal(err)
	}
	if c.Ledger == "" || c.Plan != "" || c.Listen.Group != "cgnd" || c.Metrics.IsValid() {
		t.Errorf("%+v", c)
	}
	all := regexp.MustCompile(`(?m)^( *)#([a-z-]+:)`).ReplaceAllString(Sample(), "$1$2")
	all = regexp.MustCompile(`(?m)^plan:.*$`).ReplaceAllString(all, "") // it is this or ledger
	all = strings.Replace(all, "backend: nftables", "backend: xdp", 1)
	if c, err = Parse("cgnd.yaml", []byte(all)); err != nil {
		t.Fatalf("%v\n%s", err, all)
	}
	if len(c.Inside) != 1 || c.Policy == "" || !c.Metrics.IsValid() || len(c.KeyFiles) != 1 {
		t.Errorf("%+v", c)
	}
	for line := range strings.Lines(Sample()) {
		if len(line) > sampleWidth+len("# \n") && strings.HasPrefix(strings.TrimSpace(line), "# ") {
			t.Errorf("too long: %s", line)
		}
	}
}

// TestManPage has every key be in the page, and mandoc find nothing to complain about.
func TestManPage(t *testing.T) {
	page := ManPage("0.1.0-dev")
	var each func(prefix string, fields []field)
	each = func(prefix string, fields []field) {
		for _, f := range fields {
			if !strings.Contains(page, "\n.B "+strings.ReplaceAll(prefix+f.key, "-", `\-`)+"\n") {
				t.Errorf("%s%s is not in the page", prefix, f.key)
			}
			each(prefix+f.key+".", f.fields)
		}
	}
	each("", fields)
	path := filepath.Join(t.TempDir(), "cgnd.yaml.5")
	if err := os.WriteFile(path, []byte(page), 0o600); err != nil {
		t.Fatal(err)
	}
	if out, err := exec.Command("mandoc", "-T", "lint", "-W", "warning", path).CombinedOutput(); err != nil || len(out) > 0 {
		t.Errorf("%v\n%s", err, out)
	}
}

func TestRoff(t *testing.T) {
	for text, want := range map[string]string{
		"a-b":           `a\-b`,
		`c:\d`:          `c:\ed`,
		".hidden":       `\&.hidden`,
		"`NAME=REALM`.": `\fBNAME=REALM\fR.`,
		"One. Two.":     "One.\nTwo.",
		"Ends in `a-b`": `Ends in \fBa\-b\fR`,
	} {
		if got := roff(text); got != want {
			t.Errorf("%q: %q, want %q", text, got, want)
		}
	}
}
