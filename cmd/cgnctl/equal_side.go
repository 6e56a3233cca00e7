package main

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"slices"

	"github.com/cgnkit/cgnkit/alloc"
	"github.com/cgnkit/cgnkit/alloc/planfile"
	"github.com/cgnkit/cgnkit/alloc/rulefile"
)

// A side is one of the two that are compared: a plan, or tables by realm.
type side struct {
	name   string
	in     *bufio.Reader
	format rulefile.Format // 0 = plan
	realms []string        // that are compared, in order

	plan   *alloc.Plan
	rules  *rulefile.Rules
	tables map[string]*rulefile.Table
	single bool  // rules with one address space: the table stands under "", whatever the realm
	other  *side // which knows the realms then

	overlap *rulefile.OverlapError // nil = none
}

// readSides reads both sides: plans first, because they say which realms there are.
func (e *env) readSides(f *equalFlags, args []string) (sides [2]*side, err error) {
	for i, path := range args {
		in, name, closing, err := e.openRules(path)
		if err != nil {
			return sides, err
		}
		defer closing()
		sides[i] = &side{name: name, in: in}
		if err := e.readStart(sides[i], f, i, path); err != nil {
			return sides, err
		}
	}
	sides[0].other, sides[1].other = sides[1], sides[0]
	if err := f.checkWhere(rulesOf(sides)); err != nil {
		return sides, err
	}
	for _, s := range sides {
		if s.plan == nil {
			if err := e.readTables(s, f); err != nil {
				return sides, err
			}
		}
		if err := f.pick(s); err != nil {
			return sides, err
		}
	}
	for _, s := range sides {
		if err := s.oneSpace(); err != nil {
			return sides, err
		}
	}
	return sides, nil
}

// rulesOf returns the rules among sides.
func rulesOf(sides [2]*side) (all []*rulefile.Rules) {
	for _, s := range sides {
		if s.rules != nil {
			all = append(all, s.rules)
		}
	}
	return all
}

// readStart says what a side is, and reads plans and rules.
func (e *env) readStart(s *side, f *equalFlags, i int, path string) (err error) {
	head, err := s.in.Peek(detectBytes)
	if err != nil && !errors.Is(err, io.EOF) {
		return badInput("", "%s: %v", s.name, err)
	}
	if f.from[i] == "plan" || f.from[i] == "" && isPlan(head) {
		s.plan, err = readPlanSide(f.planFlags, s.in, path, s.name)
		if err == nil {
			s.realms = s.plan.Realms()
		}
		return err
	}
	s.format, err = formatOf([2]string{"from-a", "from-b"}[i], f.from[i], s.name, s.in, "plan")
	if err == nil && s.format != rulefile.CSV {
		s.rules, err = rulefile.Read(s.in, s.format, s.name)
	}
	return err
}

// readPlanSide reads a plan file, of which the start was looked at.
func readPlanSide(p planFlags, in io.Reader, path, name string) (*alloc.Plan, error) {
	const most = 4 << 20 // as planfile.Load
	data, err := io.ReadAll(io.LimitReader(in, most+1))
	if err != nil || len(data) > most {
		return nil, badInput("", "%s: cannot be read, or is larger than 4 MiB", name)
	}
	keys, err := p.readKeys()
	if err != nil {
		return nil, err
	}
	opts := planfile.Options{Keys: keys}
	if path != "-" {
		opts.Folder = filepath.Dir(path)
	}
	f, err := planfile.Parse(name, data, opts)
	if err != nil {
		return nil, err
	}
	return f.Plan, nil
}

// readTables makes the tables of rules, or of a table.
func (e *env) readTables(s *side, f *equalFlags) (err error) {
	s.tables = map[string]*rulefile.Table{}
	var tables []*rulefile.Table
	switch {
	case s.rules == nil:
		if tables, err = s.readCSV(f); err != nil {
			return err
		}
	case s.knows(f):
		for _, realm := range s.realms {
			t, err := s.rules.Table(append(slices.Clone(f.conditions), f.ofRealm[realm]...)...)
			if err != nil {
				return fmt.Errorf("realm %s: %w", realm, err)
			}
			s.tables[realm] = t
			tables = append(tables, t)
		}
	default:
		t, err := s.rules.Table(f.conditions...)
		if err != nil {
			return realmHint(err)
		}
		s.single, s.tables[""] = true, t
		tables = append(tables, t)
	}
	for _, t := range tables {
		e.findings(t)
		if s.rules == nil {
			s.realms = append(s.realms, t.Realm())
			s.tables[t.Realm()] = t
		}
	}
	if o, ok := rulefile.Overlap(tables...); ok {
		e.warn([]string{fmt.Sprintf("%s: %v", s.name, o)})
		s.overlap = o
	}
	return nil
}

// knows reports whether rules ask for a condition of a realm, and finds the realms for which they do.
func (s *side) knows(f *equalFlags) bool {
	for realm, of := range f.ofRealm {
		if slices.ContainsFunc(of, s.rules.Has) {
			s.realms = append(s.realms, realm)
		}
	}
	slices.Sort(s.realms)
	return len(s.realms) > 0
}

// realmHint says what can be done where rules give one address several shares.
func realmHint(err error) error {
	line, ok := errors.AsType[*rulefile.LineError](err)
	if !ok || !errors.Is(err, rulefile.ErrConflict) {
		return err
	}
	hint := "where rules tell realms apart, say how: --where-realm a='iifname vrf-a' --where-realm b='iifname vrf-b'"
	if line.Hint != "" {
		hint = line.Hint + "; " + hint
	}
	return &fault{code: exitInput, msg: line.Error(), hint: hint}
}

// readCSV reads a table. Its rows belong to the realm that they name, or to that of the plan's pool.
func (s *side) readCSV(f *equalFlags) ([]*rulefile.Table, error) {
	var realmOf func(pool string) string
	unknown, missing := "", false
	plan := s.other.plan
	switch {
	case f.realm != "":
		realmOf = func(string) string { return f.realm }
	case plan != nil && len(plan.Realms()) == 1:
		realmOf = func(string) string { return plan.Realms()[0] }
	case plan != nil:
		byPool := map[string]string{}
		for p := range plan.Pools() {
			byPool[p.Name()] = p.Realm()
		}
		realmOf = func(pool string) string {
			realm, ok := byPool[pool]
			if !ok && !missing {
				unknown, missing = pool, true
			}
			return realm
		}
	}
	tables, err := rulefile.ParseCSV(s.in, s.name, realmOf)
	if missing {
		what := fmt.Sprintf("pool %.64q of %s is not in %s", unknown, s.name, s.other.name)
		if unknown == "" {
			what = s.name + " says neither pool nor realm"
		}
		return nil, badInput("give the table a column realm, or name its realm: --realm "+plan.Realms()[0], "%s has %d realms, and %s", s.other.name, len(plan.Realms()), what)
	}
	return tables, err
}

// oneSpace refuses rules with one address space where the other side has an address in two realms.
func (s *side) oneSpace() error {
	if !s.single || len(s.other.realms) < 2 {
		return nil
	}
	var err error
	s.other.each(func(sub alloc.Subscriber, _ given) bool {
		for _, realm := range s.other.realms {
			if realm == sub.Realm {
				continue
			}
			if _, ok := s.other.find(alloc.SubscriberFrom(realm, sub.Addr())); ok {
				err = badInput(fmt.Sprintf("compare one realm: --realm %s; or say by which condition the rules know each: --where-realm %s='iifname vrf-a'", sub.Realm, sub.Realm),
					"%s has inside address %v in realm %s and in realm %s, and %s does not tell realms apart", s.other.name, sub.Addr(), sub.Realm, realm, s.name)
				return false
			}
		}
		return true
	})
	return err
}

// each calls yield with every subscriber, until yield returns false.
func (s *side) each(yield func(alloc.Subscriber, given) bool) {
	if s.plan != nil {
		for a := range s.plan.All() {
			if slices.Contains(s.realms, a.Pool().Realm()) && !yield(a.Subscriber(), givenByPlan(a)) {
				return
			}
		}
		return
	}
	if s.single {
		for share := range s.tables[""].All() {
			if !yield(s.subscriber(share), givenBy(share, false)) {
				return
			}
		}
		return
	}
	for _, realm := range s.realms {
		for share := range s.tables[realm].All() {
			if !yield(alloc.SubscriberFrom(realm, share.Inside), givenBy(share, s.format == rulefile.CSV)) {
				return
			}
		}
	}
}

// subscriber returns who has a share of one address space: in the realm in which the other side has the address.
func (s *side) subscriber(share rulefile.Share) alloc.Subscriber {
	realms := s.other.realms
	for _, realm := range realms {
		sub := alloc.SubscriberFrom(realm, share.Inside)
		if _, ok := s.other.find(sub); ok || len(realms) == 1 {
			return sub
		}
	}
	return alloc.SubscriberFrom("", share.Inside)
}

// find returns the share of a subscriber of the other side.
func (s *side) find(sub alloc.Subscriber) (given, bool) {
	if s.plan != nil {
		if !slices.Contains(s.realms, sub.Realm) {
			return given{}, false
		}
		a, err := s.plan.Lookup(sub)
		if err != nil {
			return given{}, false
		}
		return givenByPlan(a), true
	}
	t := s.tables[""]
	if !s.single {
		if t = s.tables[sub.Realm]; t == nil || !slices.Contains(s.realms, sub.Realm) {
			return given{}, false
		}
	}
	found, ok := t.Find(sub.Addr())
	return givenBy(found, s.format == rulefile.CSV), ok
}

// place returns "old.rsc:36", or the name where there is no line.
func (s *side) place(line int) string {
	if line > 0 {
		return fmt.Sprintf("%s:%d", s.name, line)
	}
	return s.name
}
