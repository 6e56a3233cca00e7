//go:build linux

package ebpf

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/cgnkit/cgnkit/alloc"
	"github.com/cgnkit/cgnkit/internal/netns"
	"github.com/cgnkit/cgnkit/internal/netnstest"
)

// Preview says what Apply does, and does nothing.
func TestPreview(t *testing.T) {
	plan := mustPlan(t, samplePool)
	fresh := netnstest.New(t)
	if err := fresh.AddVeth("inside", fresh, "far"); err != nil {
		t.Fatal(err)
	}
	err := fresh.Do(func() error {
		got, err := Preview(Config{Plan: plan, Inside: []Interface{{Name: "inside"}}})
		got.Lacks = nil // see TestLacks
		if diff := cmp.Diff(Change{Attached: []string{"inside"}, Added: 256}, got); diff != "" {
			t.Errorf("where there is no instance (-want +got):\n%s", diff)
		}
		there, listed := Instances()
		if len(there) > 0 {
			t.Errorf("the preview made %v", there)
		}
		return errors.Join(err, listed)
	})
	if err != nil {
		t.Fatal(err)
	}
	s := newSite(t, Config{Plan: plan, Policies: map[string]Policy{"pool0": {UDP: time.Hour}}})
	if err := s.CGN.AddVeth("second", s.Core, "secondary"); err != nil {
		t.Fatal(err)
	}
	key := s.d.Key()
	kept := withLinks(Config{Plan: plan, KeepPolicies: true})
	for name, test := range map[string]struct {
		set  func(*Config)
		want Change
	}{
		"nothing":             {func(*Config) {}, Change{Loaded: true, Kept: 256}},
		"the key it has":      {func(c *Config) { c.Key = key }, Change{Loaded: true, Kept: 256}},
		"another key":         {func(c *Config) { c.Key = Key{1} }, Change{Loaded: true, Key: true, Kept: 256}},
		"defaults":            {func(c *Config) { c.KeepPolicies = false }, Change{Loaded: true, Policies: true, Kept: 256}},
		"another plan":        {func(c *Config) { c.Plan = mustPlan(t, movedPool) }, Change{Loaded: true, Plan: true, Kept: 2, Moved: 254}},
		"interfaces it has":   {func(c *Config) { c.Inside, c.Outside, c.KeepInterfaces = nil, nil, true }, Change{Loaded: true, Kept: 256}},
		"one interface":       {func(c *Config) { c.Outside = nil }, Change{Loaded: true, Kept: 256, Detached: []string{"outside"}}},
		"the other interface": {func(c *Config) { c.Outside[0].Name = "second" }, Change{Loaded: true, Kept: 256, Attached: []string{"second"}, Detached: []string{"outside"}}},
	} {
		c := kept
		c.Inside, c.Outside = slices.Clone(kept.Inside), slices.Clone(kept.Outside)
		test.set(&c)
		got, err := in(s, func() (Change, error) { return Preview(c) })
		if err != nil {
			t.Fatal(err)
		}
		got.Lacks = nil
		if diff := cmp.Diff(test.want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
		if got.None() != (name == "nothing" || name == "the key it has" || name == "interfaces it has") {
			t.Errorf("%s: None() is %v", name, got.None())
		}
	}
	if serial := s.d.generation.record.Serial; serial != 1 {
		t.Errorf("the previews made generation %d", serial)
	}
}

// What the host has no memory for is refused by Preview in the words of Apply.
func TestPreviewMemory(t *testing.T) {
	plan := mustPlan(t, alloc.PoolSpec{Inside: spans("10.0.0.0/11"), Outside: spans("32.0.0.0/11"), SharingRatio: 1}) // 6 TiB
	fresh := netnstest.New(t)
	if err := fresh.AddVeth("inside", fresh, "far"); err != nil {
		t.Fatal(err)
	}
	c := Config{Plan: plan, Inside: []Interface{{Name: "inside"}}}
	err := fresh.Do(func() error {
		_, err := Preview(c)
		_, applied := Apply(c)
		if !errors.Is(err, ErrMemory) || !strings.Contains(err.Error(), "the slots of 2097152 outside addresses take ") {
			t.Errorf("Preview: %v", err)
		}
		var words []string
		for _, err := range []error{err, applied} { // what the host has to give differs from moment to moment
			text, _, _ := strings.Cut(fmt.Sprint(err), "and the host has")
			words = append(words, text)
		}
		if words[0] != words[1] {
			t.Errorf("Preview: %v\nApply: %v", err, applied)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

// What is kept is what the instance has, also when its plan changes.
func TestKeep(t *testing.T) {
	s := newSite(t, Config{Plan: mustPlan(t, samplePool), Policies: map[string]Policy{"pool0": {UDP: time.Hour}}})
	d, err := in(s, func() (*Datapath, error) {
		return Apply(Config{Plan: mustPlan(t, movedPool, alloc.PoolSpec{Inside: spans("10.0.0.0/30"), Outside: spans("192.0.2.9"), SharingRatio: 4}), KeepInterfaces: true, KeepPolicies: true})
	})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = d.Close() }()
	inside, outside := d.Interfaces()
	if len(inside) != 1 || inside[0].Name != netns.InsideLink || len(outside) != 1 || outside[0].Name != netns.OutsideLink {
		t.Errorf("interfaces %v and %v", inside, outside)
	}
	_, tick, err := tickShift()
	if err != nil {
		t.Fatal(err)
	}
	got := d.generation.record.Policies
	if want := (Policy{UDP: time.Hour}).entry(tick); len(got) != 2 || got[0] != want || got[1] != (Policy{}).entry(tick) {
		t.Errorf("policies %+v", got)
	}
	_, err = in(s, func() (*Datapath, error) {
		return Apply(Config{Instance: "other", Plan: mustPlan(t, samplePool), KeepInterfaces: true})
	})
	if !errors.Is(err, ErrInterface) {
		t.Errorf("with nothing to keep: %v", err)
	}
	if names, err := in(s, Instances); err != nil || !slices.Equal(names, []string{"cgn"}) {
		t.Errorf("instances %v, %v", names, err)
	}
}

// A pool that a later plan brings gets the default that the instance was given, and one that comes back the policy that it had.
func TestKeepDefault(t *testing.T) {
	other := alloc.PoolSpec{Name: "other", Inside: spans("10.0.0.0/30"), Outside: spans("192.0.2.9"), SharingRatio: 4}
	fallback, own := Policy{UDP: 10 * time.Minute, Filtering: AddressDependent}, Policy{UDP: time.Hour}
	s := newSite(t, Config{Plan: mustPlan(t, samplePool), Policy: fallback, Policies: map[string]Policy{"pool0": own}})
	_, tick, err := tickShift()
	if err != nil {
		t.Fatal(err)
	}
	for _, step := range []struct {
		name  string
		plan  *alloc.Plan
		wants []Policy
	}{
		{"another pool", mustPlan(t, samplePool, other), []Policy{own, fallback}},
		{"without the first", mustPlan(t, other), []Policy{fallback}},
		{"with it again", mustPlan(t, samplePool, other), []Policy{own, fallback}},
	} {
		s.apply(Config{Plan: step.plan, KeepPolicies: true})
		got := s.d.generation.record.Policies
		for i, want := range step.wants {
			if got[i] != want.entry(tick) {
				t.Errorf("%s: pool %d has %+v, want %+v", step.name, i, got[i], want)
			}
		}
	}
	change, err := in(s, func() (Change, error) {
		return Preview(withLinks(Config{Plan: s.d.Plan(), Policies: map[string]Policy{"pool0": own, "other": fallback}}))
	})
	if err != nil || !change.Policies {
		t.Errorf("another default for pools to come is a change: %+v, %v", change, err)
	}
}
