package main

import (
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/cgnkit/cgnkit/alloc"
	"github.com/cgnkit/cgnkit/alloc/ledger"
)

// A recording is an apply that a ledger has to know of. Without a ledger it is nil, and its methods do nothing.
//
// The kernel comes first and the ledger second, so that the ledger never says what was not so. What is about to happen is
// written down before; a run that finds it, because the one before was killed, asks the kernel what came of it.
type recording struct {
	e       *env
	w       *ledger.Writer
	path    string
	intent  ledger.Intent
	inForce func() (sha256 string, err error) // of the plan that the kernel has, "" where it has none
	now     func() time.Time
	had     bool // the kernel had the plan before
	claim   claim
}

// recordFlags say where and how an apply is recorded.
type recordFlags struct {
	ledgerFlags
	entryFlags
}

// startRecording mends what a killed run has left, compares ledger and kernel, and writes down what is about to be applied.
func (e *env) startRecording(f *recordFlags, backend, instance string, plan *alloc.Plan, keys *planFlags) (*recording, error) {
	if f.path == "" {
		return nil, nil
	}
	if err := f.given(); err != nil {
		return nil, err
	}
	parsed, err := keys.readKeys()
	if err != nil {
		return nil, err
	}
	w, err := ledger.Edit(f.path, parsed...)
	if err != nil {
		return nil, ledgerFault(err)
	}
	r := &recording{e: e, w: w, path: f.path, now: now}
	r.intent = ledger.Intent{Plan: plan, By: f.by, Note: f.note, Target: backend + " " + instance, Boot: bootID()}
	r.inForce = func() (string, error) {
		all, err := e.held(backend, instance, keys)
		if err != nil || len(all) == 0 {
			return "", err
		}
		return all[0].sha256, nil
	}
	e.warn(w.Ledger().Warnings())
	err = r.claimLedger(ledger.Target{Backend: backend, Instance: instance, Namespace: namespaceName()}, func(backend string) ([]held, error) {
		return e.held(backend, "", keys)
	})
	if err == nil {
		err = r.begin()
	}
	if err != nil {
		r.close()
		return nil, ledgerFault(err)
	}
	return r, nil
}

// bootID names the run of the machine, "" where the kernel does not say.
func bootID() string {
	b, err := os.ReadFile("/proc/sys/kernel/random/boot_id")
	if err != nil {
		return ""
	}
	return strings.TrimSpace(string(b))
}

func (r *recording) close() {
	if r != nil {
		r.w.Close()
	}
}

func (r *recording) begin() error {
	sha, err := r.inForce()
	if err != nil {
		return err
	}
	if err := r.recover(sha); err != nil {
		return err
	}
	r.had = sha == r.intent.Plan.SHA256()
	r.compare(sha)
	r.intent.From, r.intent.Before = r.now(), sha
	r.intent, err = r.w.Begin(r.intent)
	return err
}

// commit records an intent that the kernel has, and says so where that ends an epoch that was planned.
func (r *recording) commit(in ledger.Intent) (ledger.Epoch, error) {
	at := r.now()
	planned, uncovered := r.w.Ledger().AtInstant(at)
	ep, err := r.w.Commit(in, at)
	if err == nil && uncovered == nil && planned.From.After(in.From) && planned.PlanSHA256 != ep.PlanSHA256 {
		r.e.warn([]string{fmt.Sprintf("epoch %d, plan %.12s, began at %s while plan %.12s was applied: the kernel has the latter, and by the ledger it is in force from %s on; apply the other one if it is to be",
			planned.Seq, planned.PlanSHA256, stamp(planned.From), ep.PlanSHA256, stamp(ep.From))})
	}
	return ep, err
}

// recover finishes what a killed run has begun. sha is the plan that the kernel has.
func (r *recording) recover(sha string) error {
	old, err := r.w.Pending()
	if err != nil || old == nil {
		return err
	}
	if old.Target != r.intent.Target {
		return fmt.Errorf("%w: it was for %s, and this is %s: a ledger is about one of them", ledger.ErrPending, old.Target, r.intent.Target)
	}
	what := fmt.Sprintf("an apply of plan %.12s that began at %s was cut off", old.Plan.SHA256(), stamp(old.From))
	switch {
	case sha == old.Plan.SHA256():
		ep, err := r.commit(*old)
		if err != nil {
			return err
		}
		r.e.warn([]string{fmt.Sprintf("%s when the kernel had it and the ledger did not: recorded as epoch %d", what, ep.Seq)})
	case r.untouched(*old, sha):
		r.e.warn([]string{what + " before the kernel had it: nothing to record"})
		return r.supersede(*old)
	default:
		return r.doubt(*old, what)
	}
	return nil
}

// untouched reports whether an apply that was cut off changed nothing for certain: the kernel has what it had before. One that has nothing
// proves nothing: it forgets when the machine starts again, and when somebody removes what it had. Nor does what it has after another start,
// or later on, when cgnd may have gone back.
func (r *recording) untouched(old ledger.Intent, sha string) bool {
	began := old.From
	if old.Since.Before(began) {
		began = old.Since
	}
	age := r.now().Sub(began)
	return sha != "" && sha == old.Before && old.Boot != "" && old.Boot == r.intent.Boot && age >= 0 && age < ledger.Patience
}

// supersede drops an apply that changed nothing. Where epochs that were planned began meanwhile, they stay open, and with them what stands beside
// the ledger, until the apply that begins now takes its place.
func (r *recording) supersede(old ledger.Intent) error {
	if len(r.w.Began(old, r.now())) == 0 {
		return r.w.Discard()
	}
	r.intent.Since = old.Since
	return nil
}

// doubt records an apply of which nobody knows what came of it.
func (r *recording) doubt(old ledger.Intent, what string) error {
	ep, err := r.w.Doubt(old, r.now())
	if err != nil {
		return err
	}
	what += ", and the kernel has changed since, or may have: whether it came into force is not known"
	if ep.Seq == 0 {
		what += "; the ledger has no epoch that covers the time since then"
	} else {
		what += fmt.Sprintf(", and until now both plans are possible (epoch %d)", ep.Seq)
	}
	r.e.warn([]string{what})
	return nil
}

// compare says where the kernel has something else than the ledger says: where who follows the ledger has not come to the last epoch yet, and
// otherwise after a reboot, or when somebody applied without it.
func (r *recording) compare(sha string) {
	ep, err := r.w.Ledger().AtInstant(r.now())
	if err != nil || ep.PlanSHA256 == sha {
		return
	}
	if r.intent.Since.IsZero() {
		r.intent.Since = r.behind(sha)
	}
	has, so := fmt.Sprintf("plan %.12s", sha), "answers about the time since then may be wrong"
	if sha == "" {
		has = "none"
	}
	if !r.intent.Since.IsZero() {
		so = fmt.Sprintf("what was in force at %s may have been so since then, until this apply ends", stamp(r.intent.Since))
	}
	r.e.warn([]string{fmt.Sprintf("by the ledger plan %.12s is in force since %s (epoch %d), and the kernel has %s: %s", ep.PlanSHA256, stamp(ep.From), ep.Seq, has, so)})
}

// behind returns just before which instant the kernel was left behind by the ledger, if that is not longer ago than anybody waits: it has the
// plan of an epoch that another one has replaced since then. The zero Time is none.
func (r *recording) behind(sha string) time.Time {
	epochs, _ := r.w.Ledger().Between(r.now().Add(-ledger.Patience), r.now())
	epochs = slices.DeleteFunc(epochs, func(ep ledger.Epoch) bool { return ep.Stray })
	for i := len(epochs) - 2; i >= 0; i-- {
		if epochs[i].PlanSHA256 == sha {
			return epochs[i+1].From.Add(-1)
		}
	}
	return time.Time{}
}

// end records the plan if the kernel has it, whatever else went wrong, and returns the epoch that says so, if there is one.
func (r *recording) end(failed error) (ep ledger.Epoch, err error) {
	if r == nil {
		return ep, failed
	}
	sha, err := r.inForce()
	if err != nil {
		return ep, errors.Join(failed, err)
	}
	switch {
	case sha == r.intent.Plan.SHA256() && r.had && r.known(sha):
		if ep, err = r.w.Ledger().AtInstant(r.intent.From); err == nil {
			err = r.w.Discard()
		}
	case sha == r.intent.Plan.SHA256():
		if ep, err = r.commit(r.intent); err != nil {
			err = fmt.Errorf("the kernel has the plan, and the ledger does not know it: %w; the next cgnctl apply --ledger records it", err)
		}
	case sha == r.intent.Before && failed != nil:
		err = r.w.Withdraw(r.intent, r.now())
	default:
		if _, err = r.w.Doubt(r.intent, r.now()); failed == nil && err == nil {
			err = fmt.Errorf("the kernel has plan %.12s now, which is not the one that was applied: somebody else changed it; until now both plans are possible", sha)
		}
	}
	if sha == r.intent.Plan.SHA256() {
		r.noteTarget()
	}
	if failed != nil {
		return ep, failed
	}
	return ep, ledgerFault(err)
}

// known reports whether by the ledger a plan was in force all the time since the apply began, or the one whose place it took.
func (r *recording) known(sha string) bool {
	from := r.intent.From
	if !r.intent.Since.IsZero() {
		from = r.intent.Since
	}
	epochs, gap := r.w.Ledger().Between(from, r.now())
	return !gap && !slices.ContainsFunc(epochs, func(ep ledger.Epoch) bool { return ep.PlanSHA256 != sha })
}

// epochOf returns what an apply says about its epoch: nothing without a ledger.
func (r *recording) epochOf(ep ledger.Epoch) record {
	if r == nil {
		return nil
	}
	return record{{"epoch", ep.Seq}, {"from", stamp(ep.From)}}
}

// say tells people about the epoch.
func (r *recording) say(ep ledger.Epoch) error {
	if r == nil {
		return nil
	}
	_, err := fmt.Fprintf(r.e.stdout, "epoch %d in force from %s, in %s\n", ep.Seq, stamp(ep.From), r.path)
	return writeFault(err)
}
