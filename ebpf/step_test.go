//go:build linux

package ebpf

import (
	"errors"
	"os"
	"slices"
	"testing"

	"github.com/cgnkit/cgnkit/internal/netns"
	"github.com/cgnkit/cgnkit/internal/netnstest"
)

// Who is told the steps may end Apply before the change: what was in force is in force, and nothing of what was begun is left.
func TestApplyStopped(t *testing.T) {
	steps := []string{"loading programs", "making tables", "attaching programs", "changing over", "ending what was before"}
	stopped := errors.New("stopped")
	old, next := mustPlan(t, samplePool), mustPlan(t, movedPool)
	s := newSite(t, Config{Plan: old})
	echo := s.echo()
	flow, seen := s.flow(0, echo.Addr())
	var told []string
	for _, at := range steps {
		c := withLinks(Config{Plan: next})
		told = nil
		c.Step = func(what string) error {
			if told = append(told, what); what == at {
				return stopped
			}
			return nil
		}
		d, err := in(s, func() (*Datapath, error) { return Apply(c) })
		n := slices.Index(steps, at)
		if !slices.Equal(told, steps[:n+1]) {
			t.Errorf("to be stopped at %q: told %q", at, told)
		}
		if n == len(steps)-1 { // too late
			if err != nil || d.Plan() != next {
				t.Fatalf("after the change: %v", err)
			}
			_ = d.Close()
			break
		}
		if !errors.Is(err, stopped) {
			t.Fatalf("stopped at %q: %v", at, err)
		}
		if _, found := s.verify(old); len(found) > 0 {
			t.Errorf("stopped at %q: %q", at, found)
		}
		if _, err := os.Stat(s.d.folder.next()); !errors.Is(err, os.ErrNotExist) {
			t.Errorf("stopped at %q: %s is left: %v", at, s.d.folder.next(), err)
		}
		if again, err := flow.Ask(); err != nil || again != seen {
			t.Errorf("stopped at %q: the server sees %v, %v; want %v", at, again, err, seen)
		}
	}
	if _, found := s.verify(next); len(found) > 0 {
		t.Errorf("at last: %q", found)
	}
	told = nil
	c := withLinks(Config{Plan: next, Step: func(what string) error { told = append(told, what); return stopped }})
	if d, err := in(s, func() (*Datapath, error) { return Apply(c) }); err != nil || len(told) > 0 {
		t.Errorf("with nothing to do: %v, told %q", err, told)
	} else {
		_ = d.Close()
	}
}

// TestWaiting looks at an instance whose next state is made and waits for its instant: what was in force is, nobody else can change it, and who finds
// what is there after a kill takes it away.
func TestWaiting(t *testing.T) {
	old, next := mustPlan(t, samplePool), mustPlan(t, movedPool)
	s := newSite(t, Config{Plan: old})
	echo := s.echo()
	flow, seen := s.flow(0, echo.Addr())
	waited := false
	c := withLinks(Config{Plan: next})
	c.Step = func(what string) error {
		if what != StepAttaching {
			return nil
		}
		waited = true
		f := s.d.folder
		if entries, err := os.ReadDir(f.next() + "/slots"); err != nil || len(entries) == 0 {
			t.Errorf("the tables are not made: %v, %v", entries, err)
		}
		if _, err := os.Stat(f.next() + "/meta"); !errors.Is(err, os.ErrNotExist) {
			t.Errorf("it is whole, so that who finds it puts it in force: %v", err)
		}
		if _, found := s.verify(old); len(found) > 0 {
			t.Error(found)
		}
		if again, err := flow.Ask(); err != nil || again != seen {
			t.Errorf("the server sees %v, %v; want %v", again, err, seen)
		}
		if d, err := Open(""); err != nil || d.Plan().SHA256() != old.SHA256() {
			t.Error(err)
		} else {
			_ = d.Close()
		}
		if _, err := Apply(withLinks(Config{Plan: old})); !errors.Is(err, ErrBusy) {
			t.Error(err)
		}
		return nil
	}
	d, err := in(s, func() (*Datapath, error) { return Apply(c) })
	if err != nil || !waited {
		t.Fatal(waited, err)
	}
	_ = d.Close()
	if _, found := s.verify(next); len(found) > 0 {
		t.Error(found)
	}
}

// TestFirstApplyStopped is TestApplyStopped where nothing was in force.
func TestFirstApplyStopped(t *testing.T) {
	top := netnstest.NewTopology(t, netns.Options{Switches: true})
	stopped := errors.New("stopped")
	for _, at := range []string{"loading programs", "attaching programs", "changing over"} {
		c := withLinks(Config{Plan: mustPlan(t, samplePool)})
		c.Step = func(what string) error {
			if what == at {
				return stopped
			}
			return nil
		}
		err := top.CGN.Do(func() error { _, err := Apply(c); return err })
		if !errors.Is(err, stopped) {
			t.Errorf("stopped at %q: %v", at, err)
		}
		err = top.CGN.Do(func() error { _, err := Open(""); return err })
		if !errors.Is(err, ErrNotLoaded) {
			t.Errorf("stopped at %q, Open: %v", at, err)
		}
		f, err := findFolderIn(top.CGN)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := os.Stat(f.path); !errors.Is(err, os.ErrNotExist) {
			t.Errorf("stopped at %q: %s is left: %v", at, f.path, err)
		}
	}
}

// findFolderIn finds the folder of an instance in a namespace.
func findFolderIn(ns *netns.NS) (f folder, err error) {
	err = ns.Do(func() (err error) { f, err = findFolder(""); return err })
	return f, err
}
