//go:build linux

package ebpf

import (
	"regexp"
	"slices"
	"testing"
)

// glances looks at all of an instance, some addresses at a time.
func (s *site) glances(rows int) (found []string) {
	s.Helper()
	at, turns := 0, 0
	for {
		next, err := in(s, func() (int, error) {
			return s.d.Glance(at, rows, func(d Difference) { found = append(found, d.String()) })
		})
		if err != nil {
			s.Fatal(err)
		}
		if at, turns = next, turns+1; at == 0 {
			break
		}
	}
	if want := (len(s.d.generation.tables.rows) + rows - 1) / rows; turns != want {
		s.Errorf("%d turns, want %d", turns, want)
	}
	slices.Sort(found)
	return slices.Compact(found)
}

// tables returns what tells whether programs find other tables.
func (s *site) tables() uint64 {
	s.Helper()
	sum, err := in(s, s.d.Tables)
	if err != nil {
		s.Fatal(err)
	}
	return sum
}

// TestGlance has what is not frozen be changed by somebody.
func TestGlance(t *testing.T) {
	t.Parallel()
	c := Config{Plan: mustPlan(t, samplePool)}
	s := newSite(t, c)
	if found := s.glances(3); len(found) > 0 {
		t.Fatalf("nothing was changed: %q", found)
	}
	names := []string{
		"an inner map is deleted", "accounts are exchanged", "slots are unpinned", "accounts are unpinned", "a policy is changed", "an exit is closed",
		"an exit is opened", "an inside interface is taken for one of the outside", "exits are unpinned",
	}
	for _, test := range tampers {
		if !slices.Contains(names, test.name) {
			continue
		}
		names = slices.DeleteFunc(names, func(n string) bool { return n == test.name })
		tables, again := s.tables(), s.tables()
		if _, err := in(s, func() (int, error) { return 0, test.do(s) }); err != nil {
			t.Fatal(err)
		}
		exchanged := test.name == "an inner map is deleted" || test.name == "accounts are exchanged"
		if other := s.tables(); tables != again || (other != tables) != exchanged {
			t.Errorf("%s: tables %x, again %x, then %x", test.name, tables, again, other)
		}
		found := s.glances(3)
		if len(found) != 1 || !regexp.MustCompile(test.want).MatchString(found[0]) {
			t.Errorf("%s: %q", test.name, found)
		}
		s.apply(c)
	}
	if len(names) > 0 {
		t.Errorf("there is no such test: %q", names)
	}
}

// BenchmarkGlance says what it costs to look at 64 addresses.
func BenchmarkGlance(b *testing.B) {
	c := Config{Plan: mustPlan(b, samplePool)}
	s := newSite(b, c)
	if _, err := in(s, func() (int, error) {
		for b.Loop() {
			if _, err := s.d.Glance(0, 64, func(d Difference) { b.Error(d) }); err != nil {
				return 0, err
			}
		}
		return 0, nil
	}); err != nil {
		b.Fatal(err)
	}
}
