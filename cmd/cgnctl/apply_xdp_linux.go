package main

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/cgnkit/cgnkit/ebpf"
)

// applyXDP makes an instance of the XDP backend obey a plan.
func (e *env) applyXDP(ctx context.Context, in *instanceFlag, p *planFlags, x *xdpFlags, rf *recordFlags, dry bool, format string) error {
	instance, err := in.parse()
	if err != nil {
		return err
	}
	if err := x.oneReader(p); err != nil {
		return err
	}
	f, err := p.load()
	if err != nil {
		return err
	}
	c, err := x.config(e, instance.String(), f)
	if err != nil {
		return err
	}
	if err := e.checkNftables(f.Plan); err != nil {
		return err
	}
	change, err := ebpf.Preview(c)
	if err != nil {
		return xdpFault(err, instance.String())
	}
	e.warn(change.Lacks)
	rec, err := e.startRecording(rf, xdp, instance.String(), f.Plan, p)
	if err != nil {
		return err
	}
	defer rec.close()
	ep, err := rec.end(e.applyToXDP(ctx, c, dry))
	if errors.Is(err, context.Canceled) {
		return &fault{code: exitInput, msg: "interrupted, what was in force stays in force"}
	}
	if err != nil {
		return xdpFault(err, instance.String())
	}
	r := record{
		{"instance", instance.String()}, {"way", wayOf(change)}, {"dry_run", dry},
		{"kept", change.Kept}, {"moved", change.Moved}, {"added", change.Added}, {"removed", change.Removed},
		{"attached", list(change.Attached)}, {"detached", list(change.Detached)},
		{"plan_sha256", f.Plan.SHA256()},
	}
	if format != "table" {
		return printRecords(e.stdout, format, append(append(r, rec.epochOf(ep)...), value{"peers", peersOf(change)}))
	}
	if err := e.printAppliedXDP(instance.String(), f.Plan.SHA256(), change, dry); err != nil {
		return err
	}
	return rec.say(ep)
}

// applyToXDP applies, says on a terminal what is being done, and stops where ctx ends before the change.
func (e *env) applyToXDP(ctx context.Context, c ebpf.Config, dry bool) error {
	if dry {
		return nil
	}
	p := e.newWatch()
	defer p.done()
	c.Step = func(what string) error {
		p.step(what)
		return ctx.Err()
	}
	d, err := ebpf.Apply(c)
	if err != nil {
		return err
	}
	_ = d.Close()
	return nil
}

// wayOf names how an instance gets to be what it should be.
func wayOf(c ebpf.Change) string {
	switch {
	case !c.Loaded:
		return "first load"
	case c.None():
		return "unchanged"
	case c.Repairs:
		return "repair"
	}
	return "swap"
}

// peersOf says what becomes of the remote endpoints that pools filter by.
func peersOf(c ebpf.Change) string {
	switch {
	case c.PeersForgotten:
		return "forgotten"
	case c.PeersCarried:
		return "carried over"
	}
	return "kept"
}

// printAppliedXDP prints the result of an apply for people.
func (e *env) printAppliedXDP(instance, sha string, c ebpf.Change, dry bool) error {
	var b strings.Builder
	mode := ""
	if dry {
		mode = " (dry run, nothing is changed)"
	}
	fmt.Fprintf(&b, "instance %s: %s%s\n", instance, wayOf(c), mode)
	fmt.Fprintf(&b, "kept %d  moved %d  added %d  removed %d\n", c.Kept, c.Moved, c.Added, c.Removed)
	if what := whatChanges(c); what != "" {
		fmt.Fprintf(&b, "new %s\n", what)
	}
	if c.PeersCarried || c.PeersForgotten {
		fmt.Fprintf(&b, "peers %s\n", peersOf(c))
	}
	for _, side := range []struct {
		word  string
		names []string
	}{{"attached", c.Attached}, {"detached", c.Detached}} {
		if len(side.names) > 0 {
			fmt.Fprintf(&b, "%s %s\n", side.word, strings.Join(side.names, ", "))
		}
	}
	fmt.Fprintf(&b, "plan sha256 %s\n", sha)
	_, err := e.stdout.Write([]byte(b.String()))
	return writeFault(err)
}

// whatChanges lists what of an instance that is loaded differs, but for interfaces.
func whatChanges(c ebpf.Change) string {
	var out []string
	for _, w := range []struct {
		is   bool
		word string
	}{{c.Plan, "plan"}, {c.Programs, "programs"}, {c.Key, "key"}, {c.Policies, "policies"}} {
		if w.is {
			out = append(out, w.word)
		}
	}
	return strings.Join(out, ", ")
}
