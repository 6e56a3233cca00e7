package main

import (
	"encoding/hex"
	"errors"
	"os"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/cgnkit/cgnkit/alloc"
	"github.com/cgnkit/cgnkit/alloc/planfile"
	"github.com/cgnkit/cgnkit/ebpf"
	"github.com/cgnkit/cgnkit/ebpf/policyfile"
)

// xdpFlags are the flags of apply that belong to the XDP backend.
type xdpFlags struct {
	inside, outside []string
	policy, key     string
}

func (x *xdpFlags) add(cmd *cobra.Command) {
	f := cmd.Flags()
	f.StringArrayVar(&x.inside, "inside", nil, "xdp: interface towards subscribers, NAME or NAME=REALM (repeatable, comma lists; default: those that it has)")
	f.StringArrayVar(&x.outside, "outside", nil, "xdp: interface towards everybody else (repeatable, comma lists; default: those that it has)")
	f.StringVar(&x.policy, "policy", "", "xdp: file with timers, limits and filtering of pools; - for standard input (default: what the instance has)")
	f.StringVar(&x.key, "port-key", "", "xdp: file with the key that ports follow from: 32 hexadecimal digits; - for standard input (default: the one that the instance has, or a random one)")
	onlyFor(cmd, xdp, "inside", "outside", "policy", "port-key")
	_ = cmd.MarkFlagFilename("policy", "yaml", "yml")
}

// config returns what the flags say of an instance.
func (x *xdpFlags) config(e *env, instance string, f *planfile.File) (c ebpf.Config, err error) {
	c = ebpf.Config{Instance: instance, Plan: f.Plan, Keys: f.Spec.Keys, KeepInterfaces: true, KeepPolicies: x.policy == ""}
	if c.Inside, err = interfaces("inside", x.inside); err != nil {
		return c, err
	}
	if c.Outside, err = interfaces("outside", x.outside); err != nil {
		return c, err
	}
	for _, i := range c.Outside {
		if i.Realm != "" {
			return c, badInput("only inside interfaces have a realm", "--outside %s=%s: an outside interface has no realm", i.Name, i.Realm)
		}
	}
	if x.policy != "" {
		if c.Policy, c.Policies, err = e.readPolicies(x.policy); err != nil {
			return c, err
		}
	}
	if x.key != "" {
		c.Key, err = e.readPortKey(x.key)
	}
	return c, err
}

// oneReader refuses several readers of standard input: the first would leave nothing to the others.
func (x *xdpFlags) oneReader(p *planFlags) error {
	var readers []string
	for _, f := range slices.Concat([][2]string{{"-c", p.config}, {"--policy", x.policy}, {"--port-key", x.key}}, keyReaders(p)) {
		if f[1] == "-" {
			readers = append(readers, f[0])
		}
	}
	if len(readers) > 1 {
		return badInput("give files for all but one", "%s - and %s -: standard input can be read once", readers[0], readers[1])
	}
	return nil
}

func keyReaders(p *planFlags) (out [][2]string) {
	for _, k := range p.keys {
		out = append(out, [2]string{"--key-file", k})
	}
	return out
}

// interfaces reads the values of --inside and --outside.
func interfaces(flag string, args []string) (out []ebpf.Interface, err error) {
	for _, arg := range args {
		for item := range strings.SplitSeq(arg, ",") {
			name, realm, named := strings.Cut(strings.TrimSpace(item), "=")
			if name == "" || (named && realm == "") {
				return nil, badInput("for example --inside eth0, or --inside eth0=west", "--%s %q: want an interface, and behind = its realm", flag, item)
			}
			out = append(out, ebpf.Interface{Name: name, Realm: realm})
		}
	}
	return out, nil
}

// readPolicies reads a policy file.
func (e *env) readPolicies(path string) (all ebpf.Policy, pools map[string]ebpf.Policy, err error) {
	text, err := readFile(path, e.stdin, policyfile.MaxBytes+1)
	if err != nil {
		return all, nil, badInput("", "--policy: %v", err)
	}
	p, err := policyfile.Parse(text)
	if err != nil {
		return all, nil, badInput("", "--policy %s: %v", path, err)
	}
	return p.Default, p.Pools, nil
}

// readPortKey reads a key, and warns when it is nobody's secret.
func (e *env) readPortKey(path string) (k ebpf.Key, err error) {
	const hint = "make one: (umask 077; openssl rand -hex 16 > port.key)"
	text, err := readKey(path, e.stdin)
	if errors.Is(err, os.ErrNotExist) {
		return k, badInput(hint, "--port-key: %v", err)
	}
	if err != nil {
		return k, badInput("", "--port-key: %v", err)
	}
	b, err := hex.DecodeString(strings.TrimSpace(text))
	if err != nil || len(b) != len(k) {
		return k, badInput(hint, "--port-key %s: want 32 hexadecimal digits", path)
	}
	if k = ebpf.Key(b); k == (ebpf.Key{}) {
		return k, badInput(hint, "--port-key %s: a key of zeros is no secret", path)
	}
	if st, err := os.Stat(path); err == nil && st.Mode().IsRegular() && st.Mode().Perm()&0o044 != 0 {
		e.warn([]string{path + " can be read by others, who can then foresee ports: chmod 600 " + path})
	}
	return k, nil
}

// xdpFault gives errors of the XDP backend about an instance the hint that helps; "" = about none in particular.
func xdpFault(err error, instance string) error {
	hint := ""
	var own *fault
	switch {
	case err == nil || errors.As(err, &own):
		return err
	case errors.Is(err, ebpf.ErrPermission), errors.Is(err, os.ErrPermission):
		hint = "run it as root, in the initial user namespace"
	case errors.Is(err, ebpf.ErrConflict):
		hint = "cgnctl status lists the instances; cgnctl remove --backend xdp --instance NAME takes one away"
	case errors.Is(err, ebpf.ErrInterface):
		hint = "ip link shows the interfaces; --inside and --outside choose them, all of a side"
	case errors.Is(err, ebpf.ErrVersion):
		hint = command("remove", xdp, instance) + " takes away what any release has made"
	case errors.Is(err, ebpf.ErrOutdated):
		hint = "cgnctl apply --backend xdp, with the same plan, puts the programs of this release in their place"
	case errors.Is(err, ebpf.ErrDamaged):
		hint = command("remove", xdp, instance) + " takes it away, which ends its mappings; then apply the plan again"
	case errors.Is(err, ebpf.ErrBusy):
		hint = "wait until that one is through, and look at what it did with " + command("verify", xdp, instance)
	case errors.Is(err, ebpf.ErrNotLoaded):
		hint = "cgnctl status lists the instances"
	case errors.Is(err, alloc.ErrKey):
		hint = "give the key of the plan in force with --key-file"
	case errors.Is(err, ebpf.ErrChanged):
		hint = "somebody changed the instance meanwhile: try again"
	}
	return &fault{code: exitInput, msg: err.Error(), hint: hint, cause: err}
}
