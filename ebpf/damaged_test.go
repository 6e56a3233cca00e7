//go:build linux

package ebpf

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// Without its record an instance is damaged: everything but Remove says so, and changes nothing.
func TestRecordIsMissing(t *testing.T) {
	s := newSite(t, Config{Plan: mustPlan(t, samplePool)})
	c := withLinks(Config{Plan: s.d.Plan()})
	live := s.d.folder.live()
	check := func(when string) {
		t.Helper()
		for name, f := range map[string]func() error{
			"Apply":   func() error { _, err := Apply(c); return err },
			"Preview": func() error { _, err := Preview(c); return err },
			"Open":    func() error { _, err := Open(""); return err },
		} {
			err := s.CGN.Do(f)
			if !errors.Is(err, ErrDamaged) || !strings.Contains(err.Error(), filepath.Join(live, "meta")+" is missing") {
				t.Errorf("%s, %s: %v", when, name, err)
			}
		}
		if _, err := os.Stat(s.d.folder.next()); !errors.Is(err, os.ErrNotExist) {
			t.Errorf("%s: something was made: %v", when, err)
		}
	}
	if err := os.Remove(filepath.Join(live, "meta")); err != nil {
		t.Fatal(err)
	}
	check("with its links")
	if err := os.RemoveAll(filepath.Join(live, "links")); err != nil {
		t.Fatal(err)
	}
	check("without its links")
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	for { // the kernel takes its time to detach what has lost its last pin
		text, err := in(s, func() ([]byte, error) { return exec.Command("ip", "link", "show", "inside").CombinedOutput() })
		if err != nil {
			t.Fatal(err)
		}
		if !strings.Contains(string(text), "xdp") {
			break
		}
		select {
		case <-ctx.Done():
			t.Fatalf("a program was attached: %s", text)
		case <-time.After(50 * time.Millisecond):
		}
	}
	if err := s.CGN.Do(func() error { return Remove("") }); err != nil {
		t.Fatal(err)
	}
	s.apply(c)
}
