package main

import (
	"errors"
	"io"
	"os"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/cgnkit/cgnkit/alloc"
	"github.com/cgnkit/cgnkit/alloc/planfile"
	"github.com/cgnkit/cgnkit/portset"
)

// flagPool is the name of the pool that flags describe.
const flagPool = "default"

// A policy is what the flags of allocate and plan say: a plan file, or one pool.
type policy struct {
	planFlags
	subscribers, outside, excludeInside, excludeOutside []string

	scheme, ports, reserve, realm string
	perSubscriber, ratio          int
	dynamicShares, dynamicPorts   int
	psidOffset, psidLength, step  int
	skipEdges                     bool
	writePlan                     string
}

// planFlags are the flags of every command that reads one plan.
type planFlags struct {
	config string
	keys   []string
}

func (f *planFlags) add(cmd *cobra.Command) {
	cmd.Flags().StringVarP(&f.config, "config", "c", "", "plan file; - for standard input")
	cmd.Flags().StringArrayVar(&f.keys, "key-file", nil, "file with a key of scheme random: 32 hexadecimal digits; - for standard input (repeatable)")
	_ = cmd.MarkFlagFilename("config", "yaml", "yml")
}

// load reads the plan file.
func (f *planFlags) load() (*planfile.File, error) {
	if f.config == "" {
		return nil, badInput("for example -c plan.yaml", "no plan: -c is missing")
	}
	keys, err := f.readKeys()
	if err != nil {
		return nil, err
	}
	return planfile.Load(f.config, planfile.Options{Keys: keys})
}

// readKeys reads the key files.
func (f *planFlags) readKeys() ([]alloc.Key, error) {
	var keys []alloc.Key
	for _, path := range f.keys {
		text, err := readKey(path, os.Stdin) // as planfile reads a plan from there
		if err != nil {
			return nil, badInput("", "--key-file: %v", err)
		}
		k, err := alloc.ParseKey(text)
		if err != nil {
			return nil, badInput("", "--key-file %s: %v", path, err)
		}
		keys = append(keys, k)
	}
	return keys, nil
}

// readKey reads no more of a file than a key can have.
func readKey(path string, stdin io.Reader) (string, error) {
	text, err := readFile(path, stdin, 1<<10)
	return string(text), err
}

// readFile reads so much of a file, or of standard input for -.
func readFile(path string, stdin io.Reader, most int64) ([]byte, error) {
	if path == "-" {
		return io.ReadAll(io.LimitReader(stdin, most))
	}
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return io.ReadAll(io.LimitReader(f, most))
}

func (p *policy) add(cmd *cobra.Command) {
	p.planFlags.add(cmd)
	f := cmd.Flags()
	f.StringArrayVar(&p.subscribers, "subscribers", nil, "prefix, address, first-last, number N (the first N of 100.64.0.0/10), file, or - (repeatable, comma lists)")
	f.StringArrayVar(&p.outside, "outside", nil, "outside prefix, address or range, in the order of use (repeatable, comma lists)")
	f.StringArrayVar(&p.excludeInside, "exclude-inside", nil, "inside addresses that are no subscribers")
	f.StringArrayVar(&p.excludeOutside, "exclude-outside", nil, "outside addresses that get no subscribers")
	f.BoolVar(&p.skipEdges, "skip-edge-addresses", false, "exclude the first and last address of prefixes")
	f.StringVar(&p.realm, "realm", alloc.DefaultRealm, "inside address space")
	schemes := slices.DeleteFunc(alloc.SchemeNames(), func(name string) bool { return name == alloc.Explicit.String() })
	f.StringVar(&p.scheme, "scheme", alloc.Sequential.String(), "rule that places shares: "+strings.Join(schemes, ", ")+"; explicit takes a plan file")
	f.StringVar(&p.ports, "ports", "1024-65535", "usable port range")
	f.StringVar(&p.reserve, "reserve", "", "ports never given to anyone, such as 1900,5060-5061")
	decimalVar(f, &p.perSubscriber, "ports-per-subscriber", 0, "ports in a share")
	decimalVar(f, &p.ratio, "sharing-ratio", 0, "subscribers per outside address")
	decimalVar(f, &p.dynamicShares, "dynamic-shares", 0, "shares per address set aside for dynamic blocks (RFC 7422's D)")
	decimalVar(f, &p.dynamicPorts, "dynamic-ports", 0, "ports per address set aside for dynamic blocks")
	decimalVar(f, &p.psidOffset, "psid-offset", portset.DefaultOffset, "RFC 7597's a, for scheme psid")
	decimalVar(f, &p.psidLength, "psid-length", 0, "RFC 7597's k, for scheme psid")
	decimalVar(f, &p.step, "step", 0, "interleaved subscribers in a window, for scheme step")
	f.StringVar(&p.writePlan, "write-plan", "", "save the plan as a plan file")
	_ = cmd.RegisterFlagCompletionFunc("scheme", cobra.FixedCompletions(schemes, cobra.ShellCompDirectiveNoFileComp))
	_ = cmd.MarkFlagFilename("write-plan", "yaml", "yml")
}

// plan returns the plan that the flags describe, and saves it where --write-plan says.
func (p *policy) plan(e *env, cmd *cobra.Command) (*alloc.Plan, error) {
	if cmd.Flags().Changed("write-plan") && p.writePlan == "" {
		return nil, badInput("for example --write-plan plan.yaml", "--write-plan has no file name")
	}
	spec, plan, err := p.read(e, cmd)
	if err != nil || p.writePlan == "" {
		return plan, err
	}
	if err := planfile.Save(p.writePlan, spec, plan); err != nil {
		return nil, badInput("", "%v", err)
	}
	return plan, nil
}

func (p *policy) read(e *env, cmd *cobra.Command) (alloc.Spec, *alloc.Plan, error) {
	if p.config != "" {
		if err := p.onlyConfig(cmd); err != nil {
			return alloc.Spec{}, nil, err
		}
		f, err := p.load()
		if err != nil {
			return alloc.Spec{}, nil, err
		}
		return f.Spec, f.Plan, nil
	}
	if len(p.subscribers) == 0 {
		return alloc.Spec{}, nil, badInput("for example --subscribers 100.64.0.0/22 --outside 198.18.0.0/27, or -c plan.yaml", "no subscribers: --subscribers or -c is missing")
	}
	pool, keys, err := p.pool(cmd)
	if err != nil {
		return alloc.Spec{}, nil, err
	}
	src, err := e.readSources(p.subscribers)
	if err != nil {
		return alloc.Spec{}, nil, err
	}
	pool.Inside = src.ranges
	spec := alloc.Spec{Pools: []alloc.PoolSpec{pool}, Keys: keys}
	plan, err := alloc.NewPlan(spec)
	return spec, plan, inFlagWords(err, src)
}

// onlyConfig refuses flags that describe a pool beside -c.
func (p *policy) onlyConfig(cmd *cobra.Command) (err error) {
	beside := []string{"config", "key-file", "write-plan", "output", "stream"}
	cmd.Flags().Visit(func(f *pflag.Flag) {
		if err == nil && !slices.Contains(beside, f.Name) {
			err = badInput("write it into the plan file, or leave -c out", "-c and --%s exclude each other: the plan file says it all", f.Name)
		}
	})
	return err
}

// pool reads every flag but --subscribers.
func (p *policy) pool(cmd *cobra.Command) (s alloc.PoolSpec, keys []alloc.Key, err error) {
	s = alloc.PoolSpec{Name: flagPool, Realm: p.realm, SkipEdges: p.skipEdges,
		PortsPerSubscriber: p.perSubscriber, SharingRatio: p.ratio,
		DynamicShares: p.dynamicShares, DynamicPorts: p.dynamicPorts, StepSize: p.step}
	if len(p.outside) == 0 {
		return s, nil, badInput("for example --outside 198.18.0.0/27", "no outside addresses: --outside is missing")
	}
	if err := p.positive(cmd); err != nil {
		return s, nil, err
	}
	if s.Scheme, err = alloc.ParseScheme(p.scheme); err != nil {
		return s, nil, badInput("", "--scheme: %v", err)
	}
	if s.Scheme == alloc.Explicit {
		return s, nil, badInput("write a plan file with scheme: explicit and shares: {file: shares.csv}, and give it with -c", "--scheme explicit: its shares are listed, and no flag lists them")
	}
	if s.Ports, err = portset.ParseRange(p.ports); err != nil {
		return s, nil, badInput("for example --ports 1024-65535", "--ports: %v", err)
	}
	if cmd.Flags().Changed("reserve") {
		if s.Reserve, err = portset.ParseSet(p.reserve); err != nil {
			return s, nil, badInput("for example --reserve 1900,5060-5061", "--reserve: %v", err)
		}
	}
	for _, list := range []struct {
		flag string
		args []string
		to   *[]alloc.AddrRange
	}{{"outside", p.outside, &s.Outside}, {"exclude-outside", p.excludeOutside, &s.ExcludeOutside}, {"exclude-inside", p.excludeInside, &s.ExcludeInside}} {
		if *list.to, err = addresses(list.flag, list.args); err != nil {
			return s, nil, err
		}
	}
	if cmd.Flags().Changed("psid-offset") {
		s.PSIDOffset = &p.psidOffset
	}
	if cmd.Flags().Changed("psid-length") {
		s.PSIDLength = &p.psidLength
	}
	if keys, err = p.readKeys(); err != nil {
		return s, nil, err
	}
	if s.Scheme == alloc.Random {
		if len(keys) != 1 {
			return s, nil, badInput("make a key: openssl rand -hex 16 > pool.key", "--scheme random takes its key from one --key-file, and %d were given", len(keys))
		}
		s.KeyID = keys[0].ID()
	}
	return s, keys, nil
}

// positive refuses numbers that were given and mean nothing.
func (p *policy) positive(cmd *cobra.Command) error {
	for _, f := range []struct {
		name, hint string
		n          int
	}{
		{"ports-per-subscriber", "leave it out to have it derived", p.perSubscriber},
		{"sharing-ratio", "leave it out to have it derived", p.ratio},
		{"step", "for example --scheme step --step 4", p.step},
	} {
		if cmd.Flags().Changed(f.name) && f.n < 1 {
			return badInput(f.hint, "--%s %d: want a number of at least 1", f.name, f.n)
		}
	}
	return nil
}

// yamlKey finds "key: " in a hint that is written for plan files.
var yamlKey = regexp.MustCompile(`\b([a-z-]+): `)

var poolPath = regexp.MustCompile(`^pools\[0\]\.([a-z-]+)(?:\[(\d+)\])?$`)

// inFlagWords turns findings about the pool that flags describe into words about flags, files and lines.
func inFlagWords(err error, src sources) error {
	var invalid *alloc.InvalidError
	if !errors.As(err, &invalid) {
		return err
	}
	first := invalid.Findings[0]
	f := &fault{code: exitInput, msg: first.Msg, hint: yamlKey.ReplaceAllString(first.Hint, "--$1 ")}
	if m := poolPath.FindStringSubmatch(first.Path); m != nil {
		if k, err := strconv.Atoi(m[2]); err == nil && m[1] == "inside" {
			where, d, isList := src.explain(k)
			if d.Msg = first.Msg; isList {
				where = strings.TrimSuffix(d.Error(), ": "+first.Msg)
			}
			f.msg = where + ": " + first.Msg
		} else if m[1] != "inside" {
			msg := first.Msg
			if strings.Contains(m[1], "-") { // the message names the key, and the flag is named already
				msg = strings.TrimPrefix(msg, m[1]+" ")
			}
			f.msg = "--" + m[1] + ": " + msg
		}
	}
	f.more(len(invalid.Findings), "")
	return f
}
