//go:build linux

package ebpf

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/cgnkit/cgnkit/alloc"
	"github.com/cgnkit/cgnkit/ebpf/internal/bpf"
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

// A pin that somebody has taken away is made anew by the next Apply of the same, unless it is that of the record.
func TestEveryPinIsRepaired(t *testing.T) {
	c := Config{Plan: mustPlan(t, alloc.PoolSpec{Inside: spans("100.64.0.0/28"), Outside: spans("198.51.100.0"), PortsPerSubscriber: 64}),
		Policy: Policy{Filtering: AddressDependent}}
	l := newLab(t, c)
	pins, err := filepath.Glob(filepath.Join(l.d.folder.live(), "maps", "*"))
	if err != nil || len(pins) < 20 {
		t.Fatal(pins, err)
	}
	pins = slices.DeleteFunc(pins, func(pin string) bool { // of those that every plan has anew, one will do
		name := filepath.Base(pin)
		return ofPlan(name) && name != bpf.CgnatMapSlots
	})
	for _, kind := range []string{"slots", "accounts", "programs"} {
		some, err := filepath.Glob(filepath.Join(l.d.folder.live(), kind, "*"))
		if err != nil || len(some) == 0 {
			t.Fatal(kind, err)
		}
		pins = append(pins, some[0])
	}
	for _, pin := range pins {
		if err := os.Remove(pin); err != nil {
			t.Fatal(err)
		}
		var d *Datapath
		if err := l.ns.Do(func() (err error) { d, err = Apply(c); return err }); err != nil {
			t.Fatalf("without %s: %v", pin, err)
		}
		_ = l.d.Close()
		l.follow(d)
		if _, err := os.Stat(pin); err != nil {
			t.Error(err)
		}
		if _, err := l.d.Verify(c.Plan, func(x Difference) { t.Errorf("without %s: %v", pin, x) }); err != nil {
			t.Error(err)
		}
	}
}
