package main

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// A shortWriter takes some bytes, and then no more.
type shortWriter struct {
	bytes.Buffer
	left int
}

func (w *shortWriter) Write(p []byte) (int, error) {
	if w.left -= len(p); w.left < 0 {
		return 0, errors.New("no space left")
	}
	return w.Buffer.Write(p)
}

// However many changes there are, the formats for programs list them from the first on: in JSON the list is a list.
func TestDiffListsAnyNumber(t *testing.T) {
	dir := t.TempDir()
	var plans []string
	for _, offset := range []int{0, 4} {
		path := filepath.Join(dir, fmt.Sprintf("%d.yaml", offset))
		text := fmt.Sprintf("version: 1\nsoftwires:\n  - name: m\n    kind: map-e\n    relay: 2001:db9::1\n    rules:\n"+
			"      - {rule6: 2400::/28, rule4: 20.0.0.0/8, ea-len: 32, psid-offset: %d}\n", offset)
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		plans = append(plans, path)
	}
	const change = `{"kind":"moved","realm":"default","subscriber":"2400::/60","old":{"outside":"20.0.0.0","ports":"0-255"},"new":{"outside":"20.0.0.0","ports":"4096-`
	for format, want := range map[string]string{
		"json":   `{"kept":0,"moved":4294967296,"added":0,"removed":0,"changes":[` + "\n" + change,
		"ndjson": change,
		"csv":    "kind,realm,subscriber,old_outside,old_ports,new_outside,new_ports\nmoved,default,2400::/60,20.0.0.0,0-255,20.0.0.0,\"4096-",
	} {
		out, talk := &shortWriter{left: 10 << 20}, &bytes.Buffer{}
		code := run(&env{stdin: strings.NewReader(""), stdout: out, stderr: talk}, []string{"diff", plans[0], plans[1], "-o", format})
		if !strings.HasPrefix(out.String(), want) || strings.Count(out.String(), "\n") < 10_000 {
			t.Errorf("%s: %d bytes, which begin with %.300s", format, out.Len(), out.String())
		}
		if code != exitInput || !strings.Contains(talk.String(), "no space left") {
			t.Errorf("%s: exit code %d: %s", format, code, talk)
		}
	}
}
