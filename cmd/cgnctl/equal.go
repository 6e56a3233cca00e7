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
and exactly the same ports in tcp and udp, and so that every port has the same owner. Otherwise the differences are listed as by
cgnctl diff (exit 1); subscribers with rules for tcp or udp only are moved, where the other side has both. Destinations that are
not translated, and icmp, are not compared. A file that cannot be read is exit 2, and so are equal files in which a port has two
owners. One of them may be -, standard input.`,
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

	overlap *rulefile.OverlapError // in the table; nil = none
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
	m := &mapping{name: name, table: t}
	if o, ok := t.Overlap(); ok {
		e.warn([]string{fmt.Sprintf("%s: %v", name, o)})
		m.overlap = o
	}
	return m, nil
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

// A given is what a side gives a subscriber.
type given struct {
	alloc.Share
	tcp, udp bool // for which it holds
	line     int  // of the first rule; 0 in plans
}

func givenBy(s rulefile.Share) given {
	return given{alloc.Share{Outside: s.Outside, Ports: s.Ports}, s.Protocols.TCP, s.Protocols.UDP, s.Line}
}

func (h given) sameProtocols(o given) bool { return h.tcp == o.tcp && h.udp == o.udp }

func (h given) equal(o given) bool {
	return h.Outside == o.Outside && h.Ports.Equal(o.Ports) && h.sameProtocols(o)
}

// protocols returns "tcp in FILE:LINE".
func (h given) protocols(m *mapping) string {
	names := "tcp and udp"
	switch {
	case !h.udp:
		names = "tcp"
	case !h.tcp:
		names = "udp"
	}
	if h.line > 0 {
		return fmt.Sprintf("%s in %s:%d", names, m.name, h.line)
	}
	return names + " in " + m.name
}

// each calls yield with every subscriber, until yield returns false.
func (m *mapping) each(yield func(alloc.Subscriber, given) bool) {
	if m.table != nil {
		for s := range m.table.All() {
			if !yield(alloc.SubscriberFrom("", s.Inside), givenBy(s)) {
				return
			}
		}
		return
	}
	for a := range m.plan.All() {
		if m.realm != "" && a.Pool().Realm() != m.realm {
			continue
		}
		if !yield(a.Subscriber(), given{a.Share(), true, true, 0}) {
			return
		}
	}
}

// find returns the share of a subscriber of the other side.
func (m *mapping) find(s alloc.Subscriber) (given, bool) {
	if m.table != nil {
		found, ok := m.table.Find(s.Addr())
		return givenBy(found), ok
	}
	if m.realm != "" {
		s.Realm = m.realm
	}
	a, err := m.plan.Lookup(s)
	if err != nil {
		return given{}, false
	}
	return given{a.Share(), true, true, 0}, true
}

// changes calls yield with the differences, until yield returns false, and returns how many subscribers have none.
func changes(a, b *mapping, yield func(alloc.Change) bool) (kept uint64) {
	going := true
	a.each(func(s alloc.Subscriber, old given) bool {
		c := alloc.Change{Kind: alloc.Removed, Subscriber: s, Old: old.Share}
		if share, ok := b.find(s); ok {
			c.Kind, c.New = alloc.Moved, share.Share
			if old.equal(share) {
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
	b.each(func(s alloc.Subscriber, share given) bool {
		if _, ok := a.find(s); ok {
			return true
		}
		return yield(alloc.Change{Kind: alloc.Added, Subscriber: s, New: share.Share})
	})
	return kept
}

// maxProtocols is how many subscribers are named whose protocols differ.
const maxProtocols = 20

// protocols returns a line for each subscriber whose protocols differ: the rows of changes do not show them.
func protocols(a, b *mapping) (lines []string) {
	n := 0
	a.each(func(s alloc.Subscriber, old given) bool {
		share, ok := b.find(s)
		if !ok || old.sameProtocols(share) {
			return true
		}
		if n++; n <= maxProtocols {
			lines = append(lines, fmt.Sprintf("protocols of %v: %s, %s", s.Addr(), old.protocols(a), share.protocols(b)))
		}
		return true
	})
	if n > maxProtocols {
		lines = append(lines, fmt.Sprintf("protocols of %d more subscribers differ", n-maxProtocols))
	}
	return lines
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
	err := e.printChanges(d, realms, format, func(yield func(alloc.Change) bool) { changes(a, b, yield) })
	for _, m := range []*mapping{a, b} {
		if err == nil && m.overlap != nil {
			return fmt.Errorf("%s: %w", m.name, m.overlap)
		}
	}
	if d.Moved == 0 {
		return err
	}
	to, start := e.stderr, "cgnctl: " // other formats have no place for it
	if format == "table" {
		to, start = e.stdout, ""
	}
	for _, line := range protocols(a, b) {
		if _, fault := fmt.Fprintln(to, start+line); fault != nil {
			return writeFault(fault)
		}
	}
	return err
}
