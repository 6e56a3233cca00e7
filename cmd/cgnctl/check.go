package main

import (
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"github.com/cgnkit/cgnkit/alloc"
	"github.com/cgnkit/cgnkit/alloc/planfile"
)

func newCheck(e *env) *cobra.Command {
	var p planFlags
	cmd := &cobra.Command{
		Use:   "check PLAN...",
		Short: "Prove that plans give no port to two subscribers and that everybody fits",
		Long: `Check plan files, each by itself and all together: no outside address in two pools, no inside address twice in a realm,
every subscriber has a share. The proof works on ranges and takes no time that grows with the number of subscribers.

What is valid and not as the RFCs advise is a warning on stderr: bindings of lightweight 4over6 and MAP rules that share ports below
1024, and a rule6 that holds addresses which no router is delegated.

Exit 5 on findings. A file that cannot be read as a plan at all (a directory, not YAML, unknown keys, wrong types) is an
input error, exit 2; it is in the report all the same. json and sarif have the path of what a finding is about, such as
softwires[0].rules[2].ea-len.`,
		Example: `  cgnctl check plan.yaml -o junit > report.xml`,
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) == 0 {
				return badInput("for example cgnctl check plan.yaml", "no plan file was given")
			}
			return nil
		},
	}
	cmd.Flags().StringArrayVar(&p.keys, "key-file", nil, "file with a key of scheme random (repeatable)")
	format := outputFlag(cmd, "text", "json", "junit", "sarif")
	cmd.RunE = func(_ *cobra.Command, args []string) error {
		keys, err := p.readKeys()
		if err != nil {
			return err
		}
		r := newReport(args, planfile.Options{Keys: keys})
		if err := r.write(e.stdout, *format); err != nil {
			return err
		}
		e.warn(r.warnings())
		return r.verdict()
	}
	return cmd
}

// A report is what check found in some files.
type report struct {
	files []checked
}

// A checked is one file and what is wrong with it.
type checked struct {
	name  string
	file  *planfile.File // nil when the file has findings of its own
	found []planfile.Diagnostic
}

// newReport checks files one by one and then those that are valid together.
func newReport(paths []string, opts planfile.Options) *report {
	r := &report{}
	for _, path := range paths {
		c := checked{name: path}
		file, err := planfile.Load(path, opts)
		var all *planfile.Error
		var one planfile.Diagnostic
		switch {
		case errors.As(err, &all):
			c.found = all.Diagnostics
		case errors.As(err, &one):
			c.found = []planfile.Diagnostic{one}
		case err != nil:
			c.found = []planfile.Diagnostic{{File: path, Msg: err.Error(), Err: err}}
		default:
			c.file = file
		}
		r.files = append(r.files, c)
	}
	r.together()
	return r
}

// together checks the pools of all valid files as if they were one plan. What it finds is between files.
func (r *report) together() {
	type home struct{ file, pool int }
	var spec alloc.Spec
	homes := map[string][]home{} // by the list that a path names
	names := []string{}          // pairs for the replacer: the pool's name in the joint plan, its name and file
	for i, c := range r.files {
		if c.file == nil {
			continue
		}
		spec.Keys = append(spec.Keys, c.file.Spec.Keys...)
		for k, p := range c.file.Spec.Pools {
			joint := fmt.Sprintf("%d.%d", i, k)
			names = append(names, fmt.Sprintf("%q", joint), fmt.Sprintf("%q of %s", p.Name, c.name))
			p.Name = joint
			spec.Pools = append(spec.Pools, p)
			homes["pools"] = append(homes["pools"], home{i, k})
		}
		for k, p := range c.file.Spec.Softwires {
			joint := fmt.Sprintf("%d.s%d", i, k)
			names = append(names, fmt.Sprintf("%q", joint), fmt.Sprintf("%q of %s", p.Name, c.name))
			p.Name = joint
			spec.Softwires = append(spec.Softwires, p)
			homes["softwires"] = append(homes["softwires"], home{i, k})
		}
	}
	if len(homes) == 0 {
		return
	}
	var invalid *alloc.InvalidError
	if _, err := alloc.NewPlan(spec); !errors.As(err, &invalid) {
		return
	}
	words := strings.NewReplacer(names...)
	for _, f := range invalid.Findings {
		list, rest, _ := strings.Cut(f.Path, "[")
		number, rest, _ := strings.Cut(rest, "]")
		n, err := strconv.Atoi(number)
		if err != nil || n >= len(homes[list]) {
			continue
		}
		h := homes[list][n]
		c := &r.files[h.file]
		f.Path = fmt.Sprintf("%s[%d]%s", list, h.pool, rest)
		if list == "pools" {
			f.Pool = c.file.Spec.Pools[h.pool].Name
		} else {
			f.Pool = c.file.Spec.Softwires[h.pool].Name
		}
		f.Msg = words.Replace(f.Msg)
		c.found = append(c.found, c.file.Diagnostic(f))
	}
}

// warnings returns what the files have that is no finding.
func (r *report) warnings() []string {
	var out []string
	for _, c := range r.files {
		if c.file == nil {
			continue
		}
		for _, w := range c.file.Plan.Warnings() {
			out = append(out, fmt.Sprintf("%q: %s", c.name, w))
		}
	}
	return out
}

// count returns the number of findings, and how many of them mean that a file is no plan.
func (r *report) count() (all, input int) {
	for _, c := range r.files {
		for _, d := range c.found {
			all++
			if isInput(d) {
				input++
			}
		}
	}
	return all, input
}

// isInput reports whether a finding means that the file could not be read as a plan.
func isInput(d planfile.Diagnostic) bool {
	return errors.Is(d, planfile.ErrSyntax) || errors.Is(d, planfile.ErrRead) || errors.Is(d, planfile.ErrList)
}

// verdict turns the report into an exit code.
func (r *report) verdict() error {
	all, input := r.count()
	switch {
	case all == 0:
		return nil
	case input > 0:
		return &fault{code: exitInput, msg: fmt.Sprintf("%s; %d of them because a file is no plan", plural(uint64(all), "finding"), input)}
	}
	return &fault{code: exitCheck, msg: fmt.Sprintf("%s in %s", plural(uint64(all), "finding"), plural(uint64(len(r.files)), "file"))}
}

// rule returns the short name of a kind of finding, for reports.
func rule(d planfile.Diagnostic) string {
	for _, r := range rules {
		if errors.Is(d, r.err) {
			return r.id
		}
	}
	return "input"
}

// rules are the kinds of findings.
var rules = []struct {
	err      error
	id, text string
}{
	{planfile.ErrRead, "unreadable", "The file cannot be read."},
	{planfile.ErrSyntax, "syntax", "The file is not a plan file."},
	{planfile.ErrList, "list", "A line of a subscriber list is not an address."},
	{alloc.ErrOverlap, "overlap", "An outside address has two places."},
	{alloc.ErrDuplicate, "duplicate", "An inside address stands twice in one realm."},
	{alloc.ErrLoop, "loop", "An outside address lies in an inside range of the same realm, or in a destination that is not translated."},
	{alloc.ErrCapacity, "capacity", "There are more subscribers than shares."},
	{alloc.ErrPorts, "ports", "Ports, ports per subscriber and sharing ratio do not go together."},
	{alloc.ErrSoftwire, "softwire", "A rule of MAP or a binding of lightweight 4over6 is wrong, or does not belong to the kind of pool."},
	{alloc.ErrScheme, "scheme", "A scheme is unknown or has wrong parameters."},
	{alloc.ErrName, "name", "A pool or realm is not named, or not well."},
	{alloc.ErrEmpty, "empty", "A pool has no subscribers or no outside addresses."},
	{alloc.ErrKey, "key", "A key is missing."},
	{alloc.ErrDestination, "destination", "A destination that is not translated is malformed, listed twice or one too many."},
	{alloc.ErrAddress, "address", "An address, prefix or range cannot be used."},
}
