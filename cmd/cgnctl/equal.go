package main

import (
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/cgnkit/cgnkit/alloc"
	"github.com/cgnkit/cgnkit/alloc/planfile"
	"github.com/cgnkit/cgnkit/alloc/rulefile"
)

func newEqual(e *env) *cobra.Command {
	var p planFlags
	var from [2]string
	var realm string
	cmd := &cobra.Command{
		Use:   "equal A B",
		Short: "Prove that two plans or rule files describe the same mapping",
		Long: `Compare two files subscriber by subscriber: each a plan file, the rules of a NAT (see cgnctl import), or a table as
cgnctl allocate -o csv prints. Equal (exit 0) means that every subscriber of one is in the other, with the same outside address
and exactly the same ports, and so that every port has the same owner. Otherwise the differences are listed as by cgnctl diff
(exit 1). Destinations that are not translated are not compared. A file that cannot be read is exit 2. One of them may be -, standard input.`,
		Example: `  cgnctl equal old.rsc plan.yaml
  nft list ruleset | cgnctl equal plan.yaml - --from-b nftables`,
		Args: exactly(2, "two files"),
	}
	formats := "plan, " + strings.Join(rulefile.FormatNames(), ", ")
	cmd.Flags().StringVar(&from[0], "from-a", "", "format of A: "+formats+" (default: by its start)")
	cmd.Flags().StringVar(&from[1], "from-b", "", "format of B")
	cmd.Flags().StringVar(&realm, "realm", "", "compare this realm of a plan with several")
	cmd.Flags().StringArrayVar(&p.keys, "key-file", nil, "file with a key of scheme random (repeatable)")
	format := outputFlag(cmd, "table", "csv", "json", "ndjson")
	cmd.RunE = func(_ *cobra.Command, args []string) error {
		if args[0] == "-" && args[1] == "-" {
			return badInput("name a file", "only one of the two can be standard input")
		}
		var sides [2]*mapping
		for i, path := range args {
			var err error
			if sides[i], err = e.readMapping(p, path, [2]string{"from-a", "from-b"}[i], from[i]); err != nil {
				return err
			}
		}
		if err := oneRealm(sides, realm); err != nil {
			return err
		}
		return e.equal(sides[0], sides[1], *format)
	}
	return cmd
}

// A mapping is one side of a comparison: a plan or a table.
type mapping struct {
	name  string
	plan  *alloc.Plan
	table *rulefile.Table
	realm string // of the plan; "" = all of them
}

// readMapping reads one side.
func (e *env) readMapping(p planFlags, path, flag, format string) (*mapping, error) {
	in, name, closing, err := e.openRules(path)
	if err != nil {
		return nil, err
	}
	defer closing()
	head, err := in.Peek(detectBytes)
	if err != nil && !errors.Is(err, io.EOF) {
		return nil, badInput("", "%s: %v", name, err)
	}
	if format == "plan" || format == "" && isPlan(head) {
		return e.readPlanSide(p, in, path, name)
	}
	f, err := formatOf(flag, format, name, in)
	if err != nil {
		return nil, err
	}
	t, err := rulefile.Parse(in, f, name)
	if err != nil {
		return nil, err
	}
	e.findings(t)
	if o, ok := t.Overlap(); ok {
		e.warn([]string{fmt.Sprintf("%s: %v", name, o)})
	}
	return &mapping{name: name, table: t}, nil
}

// readPlanSide reads a plan file, of which the start was looked at.
func (e *env) readPlanSide(p planFlags, in io.Reader, path, name string) (*mapping, error) {
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
	return &mapping{name: name, plan: f.Plan}, nil
}

// oneRealm settles which realms are compared. Rules have one, without a name.
func oneRealm(sides [2]*mapping, realm string) error {
	rules := sides[0].table != nil || sides[1].table != nil
	for _, s := range sides {
		if s.plan == nil {
			continue
		}
		names := s.plan.Realms()
		switch {
		case realm != "" && !slices.Contains(names, realm):
			return badInput("its realms are "+strings.Join(names, ", "), "--realm: %s has no realm %q", s.name, realm)
		case realm != "":
			s.realm = realm
		case rules && len(names) > 1:
			return badInput("choose one: --realm "+names[0], "%s has %d realms, and rules have one", s.name, len(names))
		case rules:
			s.realm = names[0]
		}
	}
	return nil
}

// each calls yield with every subscriber, until yield returns false.
func (m *mapping) each(yield func(alloc.Subscriber, alloc.Share) bool) {
	if m.table != nil {
		for s := range m.table.All() {
			if !yield(alloc.SubscriberFrom("", s.Inside), alloc.Share{Outside: s.Outside, Ports: s.Ports}) {
				return
			}
		}
		return
	}
	for a := range m.plan.All() {
		if m.realm != "" && a.Pool().Realm() != m.realm {
			continue
		}
		if !yield(a.Subscriber(), a.Share()) {
			return
		}
	}
}

// find returns the share of a subscriber of the other side.
func (m *mapping) find(s alloc.Subscriber) (alloc.Share, bool) {
	if m.table != nil {
		found, ok := m.table.Find(s.Addr())
		return alloc.Share{Outside: found.Outside, Ports: found.Ports}, ok
	}
	if m.realm != "" {
		s.Realm = m.realm
	}
	a, err := m.plan.Lookup(s)
	if err != nil {
		return alloc.Share{}, false
	}
	return a.Share(), true
}

// changes calls yield with the differences, until yield returns false, and returns how many subscribers have none.
func changes(a, b *mapping, yield func(alloc.Change) bool) (kept uint64) {
	going := true
	a.each(func(s alloc.Subscriber, old alloc.Share) bool {
		c := alloc.Change{Kind: alloc.Removed, Subscriber: s, Old: old}
		if share, ok := b.find(s); ok {
			c.Kind, c.New = alloc.Moved, share
			if old.Outside == share.Outside && old.Ports.Equal(share.Ports) {
				kept++
				return true
			}
		}
		going = yield(c)
		return going
	})
	if !going {
		return kept
	}
	b.each(func(s alloc.Subscriber, share alloc.Share) bool {
		if _, ok := a.find(s); ok {
			return true
		}
		return yield(alloc.Change{Kind: alloc.Added, Subscriber: s, New: share})
	})
	return kept
}

// equal prints how two mappings differ.
func (e *env) equal(a, b *mapping, format string) error {
	var d alloc.Difference
	d.Kept = changes(a, b, func(c alloc.Change) bool {
		switch c.Kind {
		case alloc.Moved:
			d.Moved++
		case alloc.Added:
			d.Added++
		case alloc.Removed:
			d.Removed++
		}
		return true
	})
	realms := []string{alloc.DefaultRealm}
	for _, m := range []*mapping{a, b} {
		if m.plan != nil {
			realms = append(realms, m.plan.Realms()...)
		}
	}
	return e.printChanges(d, realms, format, func(yield func(alloc.Change) bool) { changes(a, b, yield) })
}
