package planfile

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"sort"
	"strconv"
	"strings"
	"syscall"

	"go.yaml.in/yaml/v3"

	"github.com/cgnkit/cgnkit/alloc"
	"github.com/cgnkit/cgnkit/portset/softwire"
)

// How large a plan file may be: written by hand, or in canonical form, where addresses are listed one by one.
const (
	maxFileBytes      = 4 << 20
	maxCanonicalBytes = 512 << 20
)

// canonicalStart begins a plan in canonical form.
const canonicalStart = `{"cgnkit_plan":`

// Options says what a plan file needs from outside. The zero value reads plans without keys and without list files.
type Options struct {
	// Keys are the keys of Random pools.
	Keys []alloc.Key
	// Folder is where the list files that a plan names are looked for. Load sets it to the plan's folder; with Parse it is
	// empty by default, which refuses list files.
	Folder string
	// Regular refuses files that are none, such as pipes and devices, without waiting for who writes to them.
	Regular bool
}

// A File is a plan file that was read: the plan, and where in the file everything stands.
type File struct {
	Name string
	Spec alloc.Spec
	Plan *alloc.Plan

	poolList *yaml.Node // the value of pools
	pools    []*pool

	softwireList *yaml.Node // the value of softwires
	softwires    []*pool

	exempt []*yaml.Node // of Spec.NoTranslate
	lines  []string
}

// A pool is a pool of the file with the places of its values.
type pool struct {
	spec  alloc.PoolSpec
	soft  alloc.SoftwireSpec // in place of spec, for a pool of MAP or lw4o6
	rules []*pool            // likewise: its rules
	rule  softwire.RuleSpec  // of one of these

	node  *yaml.Node
	keys  map[string]*yaml.Node
	lists map[string][]origin // by key: where the ranges of a list come from, ascending by start
}

// An origin says where ranges come from: a node, or the lines of a list file.
type origin struct {
	start int
	node  *yaml.Node
	file  string   // the name of a list file
	lines []uint32 // of that file, as in List
}

// Load reads the plan file at path; "-" is standard input. See Parse.
func Load(path string, opts Options) (*File, error) {
	if path == "-" {
		data, err := readPlan(os.Stdin, "standard input")
		if err != nil {
			return nil, err
		}
		return Parse("standard input", data, opts)
	}
	f, err := opts.open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	data, err := readPlan(f, path)
	if err != nil {
		return nil, err
	}
	if opts.Folder == "" {
		opts.Folder = filepath.Dir(path)
	}
	return Parse(path, data, opts)
}

// LoadList reads the subscriber list at path. See ReadList.
func LoadList(path string) (*List, error) {
	f, err := Options{}.open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return ReadList(f, path)
}

// open opens a file that is no directory.
func (o Options) open(path string) (*os.File, error) {
	flags := os.O_RDONLY
	if o.Regular {
		flags |= syscall.O_NONBLOCK // to open a pipe would wait
	}
	f, err := os.OpenFile(path, flags, 0)
	if err != nil {
		return nil, Diagnostic{File: path, Msg: reason(err), Err: errors.Join(ErrRead, err)}
	}
	st, err := f.Stat()
	switch {
	case err == nil && st.IsDir():
		f.Close()
		return nil, Diagnostic{File: path, Msg: "this is a directory, and a file is wanted", Err: ErrRead}
	case o.Regular && (err != nil || !st.Mode().IsRegular()):
		f.Close()
		return nil, Diagnostic{File: path, Msg: "this is no regular file, and one is wanted", Err: errors.Join(ErrRead, err)}
	}
	return f, nil
}

// cause takes the operation and the path out of an error of package os: messages name the path themselves.
func cause(err error) error {
	if p, ok := errors.AsType[*os.PathError](err); ok {
		return p.Err
	}
	return err
}

func reason(err error) string { return cause(err).Error() }

// readPlan reads a plan file of either form.
func readPlan(r io.Reader, name string) ([]byte, error) {
	b := bufio.NewReader(r)
	start, _ := b.Peek(len(canonicalStart)) // what cannot be read shows below
	if string(start) == canonicalStart {
		return read(b, name, maxCanonicalBytes, "")
	}
	return read(b, name, maxFileBytes, "subscribers, shares and bindings may stand in files beside it: {file: NAME}")
}

func read(r io.Reader, name string, most int64, hint string) ([]byte, error) {
	data, err := io.ReadAll(io.LimitReader(r, most+1))
	if err != nil {
		return nil, Diagnostic{File: name, Msg: reason(err), Err: errors.Join(ErrRead, err)}
	}
	if int64(len(data)) > most {
		return nil, Diagnostic{File: name, Msg: fmt.Sprintf("the file is larger than %d MiB", most>>20), Err: ErrRead, Hint: hint}
	}
	return data, nil
}

// Parse reads a plan file from memory and checks the plan. The error is an *Error with a Diagnostic for everything that is
// wrong: those that wrap ErrSyntax or ErrList when the file does not say a plan, those that wrap an error of package alloc
// when the plan it says is not valid. name is for messages.
//
// A plan in canonical form is read as well, with or without a newline at its end: what a ledger exports is a plan file. There
// are no places in it that a finding could name.
func Parse(name string, data []byte, opts Options) (*File, error) {
	if bytes.HasPrefix(data, []byte(canonicalStart)) {
		return parseCanonical(name, data, opts)
	}
	text := breaks.Replace(strings.TrimPrefix(string(data), "\ufeff"))
	f := &File{Name: name, lines: strings.Split(text, "\n")}
	d := &decoder{file: f, opts: opts, lines: f.lines}
	root, bad := parseYAML(text)
	if bad != nil {
		return nil, &Error{[]Diagnostic{d.at(bad.line, bad.column, ErrSyntax, bad.hint, bad.msg)}}
	}
	if root == nil {
		return nil, &Error{[]Diagnostic{{File: name, Msg: "the file is empty", Err: ErrSyntax, Hint: "see docs/plan-format.md for an example"}}}
	}
	d.document(root)
	if len(d.found) > 0 {
		return nil, &Error{d.found}
	}
	f.Spec.Keys = opts.Keys
	for _, p := range f.pools {
		f.Spec.Pools = append(f.Spec.Pools, p.spec)
	}
	for _, p := range f.softwires {
		f.Spec.Softwires = append(f.Spec.Softwires, p.soft)
	}
	var err error
	f.Plan, err = alloc.NewPlan(f.Spec)
	if invalid := (*alloc.InvalidError)(nil); errors.As(err, &invalid) {
		for _, finding := range invalid.Findings {
			g := f.Diagnostic(finding)
			d.found = append(d.found, g)
		}
		return nil, &Error{d.found}
	}
	return f, err
}

func parseCanonical(name string, data []byte, opts Options) (*File, error) {
	plan, err := alloc.ParseCanonical(bytes.TrimSuffix(data, []byte("\n")), opts.Keys...)
	if err != nil {
		d := Diagnostic{File: name, Msg: err.Error(), Err: err, Hint: "a plan in canonical form is never edited: write a plan file, and check it"}
		if errors.Is(err, alloc.ErrKey) {
			d.Hint = "give the key with --key-file"
		}
		return nil, &Error{[]Diagnostic{d}}
	}
	f := &File{Name: name, Spec: plan.Spec(), Plan: plan}
	f.Spec.Keys = opts.Keys
	return f, nil
}

// listFile reads a list file that the plan names. It returns the zero value after a report.
func listFile[T any](d *decoder, n *yaml.Node, read func(r io.Reader, name string) (T, error)) (l T) {
	name := d.text(n)
	switch {
	case name == "":
		if n.Tag == "!!str" {
			d.report(n, ErrSyntax, "for example file: subscribers.csv", "the name of the list file is empty")
		}
		return l
	case d.opts.Folder == "":
		d.report(n, ErrRead, "", "a plan that does not come from a file cannot name a list file")
		return l
	case !filepath.IsLocal(name):
		d.report(n, ErrRead, "name a file in the plan's folder or below", "the list file %s lies outside the plan's folder", quote(name))
		return l
	}
	l, err := openAndRead(d.opts, filepath.Join(d.opts.Folder, name), read)
	if g := (Diagnostic{}); errors.As(err, &g) {
		if errors.Is(err, ErrRead) {
			d.report(n, ErrRead, "", "%v", err)
		} else {
			g.Path = d.path
			d.found = append(d.found, g)
		}
		return *new(T)
	}
	return l
}

func openAndRead[T any](o Options, path string, read func(r io.Reader, name string) (T, error)) (l T, err error) {
	f, err := o.open(path)
	if err != nil {
		return l, err
	}
	defer f.Close()
	return read(f, path)
}

// Diagnostic says where a finding of alloc.NewPlan about f.Spec stands in the file.
func (f *File) Diagnostic(finding alloc.Finding) Diagnostic {
	g := Diagnostic{File: f.Name, Line: 1, Column: 1, Path: finding.Path, Msg: readable(finding.Error()), Hint: finding.Hint, Err: finding}
	f.place(&g, finding.Path)
	if g.File == f.Name && g.Line >= 1 && g.Line <= len(f.lines) {
		g.source = f.lines[g.Line-1]
	}
	return g
}

var (
	findingPath = regexp.MustCompile(`^(pools|softwires)\[(\d+)\](?:\.([a-z0-9-]+)(?:\[(\d+)\](?:\.([a-z0-9-]+))?)?)?$`)
	exemptPath  = regexp.MustCompile(`^no-translate\[(\d+)\]$`)
)

// place sets the line and column of a path such as "pools[1].outside[0]", or of the closest thing around it that is written.
func (f *File) place(g *Diagnostic, path string) {
	if n := map[string]*yaml.Node{"pools": f.poolList, "softwires": f.softwireList}[path]; n != nil {
		g.Line, g.Column = n.Line, n.Column
		return
	}
	if m := exemptPath.FindStringSubmatch(path); m != nil {
		if k, err := strconv.Atoi(m[1]); err == nil && k < len(f.exempt) {
			g.Line, g.Column = f.exempt[k].Line, f.exempt[k].Column
		}
		return
	}
	m := findingPath.FindStringSubmatch(path)
	if m == nil {
		return
	}
	pools := f.pools
	if m[1] == "softwires" {
		pools = f.softwires
	}
	i, err := strconv.Atoi(m[2])
	if err != nil || i >= len(pools) {
		return
	}
	p := pools[i]
	node := p.node
	if n := p.keys[m[3]]; n != nil {
		node = n
	}
	if n := p.ruleAt(m[3], m[4], m[5]); n != nil {
		node = n
	} else if k, err := strconv.Atoi(m[4]); err == nil {
		from := p.lists[m[3]]
		at := sort.Search(len(from), func(j int) bool { return from[j].start > k }) - 1
		if at >= 0 && from[at].lines != nil {
			g.File, g.Line, g.Column = from[at].file, int(from[at].lines[k-from[at].start]), 1
			return
		}
		if at >= 0 {
			node = from[at].node
		}
	}
	g.Line, g.Column = node.Line, node.Column
}

// ruleAt returns where a field of a rule stands, or the rule, or nil where a path means no rule.
func (p *pool) ruleAt(list, number, field string) *yaml.Node {
	k, err := strconv.Atoi(number)
	if err != nil || list != "rules" || k >= len(p.rules) {
		return nil
	}
	if n := p.rules[k].keys[field]; n != nil {
		return n
	}
	return p.rules[k].node
}
