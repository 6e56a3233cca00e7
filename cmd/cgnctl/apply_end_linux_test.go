package main

import (
	"bytes"
	"context"
	"strings"
	"testing"

	"github.com/cgnkit/cgnkit/internal/netns"
	"github.com/cgnkit/cgnkit/internal/netnstest"
)

// An applier runs cgnctl in a namespace with two interfaces.
type applier struct {
	*testing.T
	ns *netns.NS
}

// run runs a command that a person watches, and ends ctx when it says something.
func (a *applier) run(at string, args ...string) (code int, stdout, stderr string) {
	a.Helper()
	ctx, cancel := context.WithCancel(a.Context())
	defer cancel()
	out, said := &bytes.Buffer{}, &trigger{at: at, fn: cancel}
	if at == "" {
		said.fn = func() {}
	}
	e := &env{stdin: strings.NewReader(""), stdout: out, stderr: said, watched: true}
	err := a.ns.Do(func() error {
		root := newRoot(e)
		root.SetArgs(args)
		if cmd, err := root.ExecuteContextC(ctx); err != nil {
			code = e.explain(cmd, err)
		}
		return nil
	})
	if err != nil {
		a.Fatal(err)
	}
	return code, out.String(), said.String()
}

// Ctrl-C before the change leaves what was in force, and says so; after it, apply goes on to the end. A terminal shows the steps.
func TestApplyInterrupted(t *testing.T) {
	a := &applier{t, netnstest.New(t)}
	for _, name := range []string{"in0", "out0"} {
		netnstest.Run(t, a.ns, "ip", "link", "add", name, "type", "veth", "peer", "name", name+"-far")
		netnstest.Run(t, a.ns, "ip", "link", "set", name, "up")
		netnstest.Run(t, a.ns, "ip", "link", "set", name+"-far", "up")
	}
	const was, will = "../../testdata/plans/tiny.yaml", "../../testdata/plans/rfc7422-example.yaml"
	apply := func(plan string) []string {
		return []string{"apply", "--backend", "xdp", "-c", plan, "--inside", "in0", "--outside", "out0"}
	}
	t.Cleanup(func() { a.run("", "remove", "--backend", "xdp") })
	stops := func(plan, at string) {
		t.Helper()
		code, out, said := a.run(at, apply(plan)...)
		if code != exitInput || out != "" || !strings.HasSuffix(said, "cgnctl: interrupted, what was in force stays in force\n") || strings.Contains(said, "hint") {
			t.Errorf("at %q: exit code %d, stdout %q, stderr %q", at, code, out, said)
		}
	}
	inForce := func(plan string, want int) {
		t.Helper()
		if code, out, said := a.run("", "verify", "--backend", "xdp", "-c", plan); code != want {
			t.Errorf("verify: exit code %d, stdout %q, stderr %q", code, out, said)
		}
	}
	stops(was, "loading programs")
	stops(was, "changing over")
	if code, out, _ := a.run("", "status"); code != exitNobody || out != "" {
		t.Errorf("status: exit code %d, %q", code, out)
	}
	code, _, said := a.run("", apply(was)...)
	if code != exitOK || !strings.Contains(said, "\rcgnctl: loading programs") || !strings.HasSuffix(said, "\r") {
		t.Errorf("apply: exit code %d, stderr %q", code, said)
	}
	stops(will, "attaching programs")
	inForce(was, exitOK)
	if code, _, said := a.run("ending what was before", apply(will)...); code != exitOK {
		t.Errorf("interrupted after the change: exit code %d, stderr %q", code, said)
	}
	inForce(will, exitOK)
	inForce(was, exitCheck)
	if _, out, _ := a.run("", "verify", "--backend", "xdp", "-c", was); strings.ContainsAny(out, "{}") || !strings.Contains(out, " instead of ") {
		t.Errorf("verify with another plan says:\n%s", out)
	}
}
