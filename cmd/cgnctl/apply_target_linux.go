package main

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/cgnkit/cgnkit/alloc/ledger"
)

// A claim says that a ledger is about the target that an apply is for, and about which other ones still.
type claim struct {
	mine   ledger.Target
	others []ledger.Target // they have the same plan: subscribers are being moved from them
}

// claimLedger refuses to apply to a second target: a ledger has one plan at a time, so that of the first one would be nobody's from then on, with subscribers in
// the kernel. One that translates nobody any longer is no other target, and one with the same plan is one that is left for this one, as for another backend.
func (r *recording) claimLedger(mine ledger.Target, held func(backend string) ([]held, error)) error {
	r.claim = claim{mine: mine}
	noted, err := r.w.Targets()
	if err != nil {
		return err
	}
	for _, t := range noted {
		if t.Namespace != mine.Namespace && isNamespace(t.Namespace) {
			return r.otherTarget(t, "in "+namespaceText(t.Namespace))
		}
	}
	inForce, err := r.w.Ledger().AtInstant(r.now())
	if err != nil {
		inForce = ledger.Epoch{} // nothing by the ledger
	}
	for _, backend := range backends {
		all, err := held(backend)
		switch {
		case err != nil && backend == mine.Backend:
			return err
		case err != nil:
			continue // it cannot be looked at from here, which was said where addresses were compared
		}
		for _, h := range all {
			t := ledger.Target{Backend: backend, Instance: h.instance, Namespace: mine.Namespace}
			switch known := slices.Contains(noted, t); {
			case known && t != mine && h.sha256 == "" && backend == xdp: // what it has needs a key, or another release
				return r.otherTarget(t, h.state)
			case t == mine || h.sha256 == "" || !known && h.sha256 != inForce.PlanSHA256:
			case h.sha256 != r.intent.Plan.SHA256():
				return r.otherTarget(t, fmt.Sprintf("which still has plan %.12s", h.sha256))
			default:
				r.claim.others = append(r.claim.others, t)
			}
		}
	}
	return nil
}

func (r *recording) otherTarget(t ledger.Target, where string) error {
	return badInput(fmt.Sprintf("keep a ledger for each instance. Where subscribers move from one to the other, apply the same plan first; %s ends the old one; "+
		"if it does not translate any longer where this cannot be seen, remove %s", command("remove", t.Backend, t.Instance), r.w.TargetsPath()),
		"%s is the ledger of instance %s of backend %s, %s, and this would be instance %s of backend %s in %s: by the ledger nobody would have the ports of the former any longer",
		r.path, t.Instance, t.Backend, where, r.claim.mine.Instance, r.claim.mine.Backend, namespaceText(r.claim.mine.Namespace))
}

// noteTarget notes beside the ledger what it is about, when the kernel has its plan. Without that, the next apply looks at the kernel alone.
func (r *recording) noteTarget() {
	if r.claim.mine == (ledger.Target{}) {
		return
	}
	if err := r.w.SetTargets(append([]ledger.Target{r.claim.mine}, r.claim.others...)); err != nil {
		r.e.warn([]string{"what the ledger is about could not be noted beside it: " + err.Error()})
	}
}

func namespaceText(name string) string {
	if name == "" {
		return "the network namespace of the machine, or one without a name"
	}
	return "network namespace " + name
}

// namespaces is where network namespaces with a name are.
const namespaces = "/run/netns"

// isNamespace reports whether there is a network namespace with a name, or, for "", one without, which is always so.
func isNamespace(name string) bool {
	_, err := os.Stat(filepath.Join(namespaces, name))
	return name == "" || err == nil && !strings.ContainsRune(name, filepath.Separator)
}

// namespaceName returns the name of this network namespace, "" where it has none. The number that the kernel has for it is another one after each start.
func namespaceName() string {
	mine, err := os.Stat("/proc/self/ns/net")
	if err != nil {
		return ""
	}
	files, err := os.ReadDir(namespaces) // by name
	if err != nil {
		return ""
	}
	for _, f := range files {
		if st, err := os.Stat(filepath.Join(namespaces, f.Name())); err == nil && os.SameFile(st, mine) {
			return f.Name()
		}
	}
	return ""
}
