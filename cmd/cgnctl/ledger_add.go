package main

import (
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/spf13/cobra"

	"github.com/cgnkit/cgnkit/alloc"
	"github.com/cgnkit/cgnkit/alloc/ledger"
)

// entryFlags say who records what and why.
type entryFlags struct {
	by, note string
}

func (f *entryFlags) add(cmd *cobra.Command) {
	cmd.Flags().StringVar(&f.by, "by", who(), "who records it")
	cmd.Flags().Lookup("by").DefValue = "" // the reference is the same for everybody
	cmd.Flags().StringVar(&f.note, "note", "", "why")
}

func newLedgerAdd(e *env) *cobra.Command {
	var p planFlags
	var l ledgerFlags
	var f entryFlags
	var from string
	var backdate bool
	cmd := &cobra.Command{
		Use:   "add -c PLAN --ledger FILE",
		Short: "Record that a plan is in force from an instant on",
		Long: `Add an epoch to the ledger, which is made when it does not exist, and print who moves compared with the epoch before.
A plan with findings is refused.

An epoch that begins before the last one needs --backdate and a --note that says why; it then counts until the next instant
that the ledger knew of already. An epoch with the same beginning as the last one takes its place; once that one has begun,
this needs --backdate and --note, too, as it changes who had which ports since. Nothing is ever removed.`,
		Example: `  cgnctl ledger add -c plan.yaml --ledger ledger.jsonl --from 2026-03-01T03:00:00Z --by alice --note "ticket 4711"`,
		Args:    exactly(0, "no arguments"),
	}
	p.add(cmd)
	l.add(cmd)
	f.add(cmd)
	cmd.Flags().StringVar(&from, "from", "", "when the plan comes into force, with an offset such as Z or -03:00; default: now")
	cmd.Flags().BoolVar(&backdate, "backdate", false, "allow a beginning that is not behind that of the last epoch; needs --note")
	format := outputFlag(cmd, "table", "csv", "json", "ndjson")
	cmd.RunE = func(*cobra.Command, []string) error {
		if err := l.given(); err != nil {
			return err
		}
		file, err := p.load()
		if err != nil {
			return err
		}
		en := ledger.Entry{Plan: file.Plan, By: f.by, Note: f.note, Backdate: backdate}
		if from != "" {
			if en.From, err = parseInstant("from", from); err != nil {
				return err
			}
		}
		return e.addEpoch(l.path, file.Spec.Keys, en, *format)
	}
	return cmd
}

// now is the clock, without digits that nobody reads.
func now() time.Time { return time.Now().UTC().Truncate(time.Millisecond) }

// addEpoch records an entry. What the clock says counts when no other writer has the ledger any longer.
func (e *env) addEpoch(path string, keys []alloc.Key, en ledger.Entry, format string) error {
	w, err := ledger.Edit(path, keys...)
	if err != nil {
		return ledgerFault(err)
	}
	defer w.Close()
	e.warn(w.Ledger().Warnings())
	en.Now = now()
	before, known := w.Ledger().Before(en)
	ep, err := w.Add(en)
	if errors.Is(err, ledger.ErrBefore) && en.From.IsZero() {
		return badInput(`look at the clock and at cgnctl ledger list; if an epoch is to begin before one that is planned, say --from, --backdate and --note "why"`, "%v", err)
	}
	if err != nil {
		return ledgerFault(err)
	}
	older, err := planOf(w.Ledger(), before, known)
	if err != nil {
		e.warn([]string{"who moves is not known: " + err.Error()})
	}
	return e.printAdded(ep, before, older, en.Plan, format)
}

// planOf returns the plan of an epoch, or nil where there is none.
func planOf(led *ledger.Ledger, ep ledger.Epoch, known bool) (*alloc.Plan, error) {
	if !known {
		return nil, nil
	}
	return led.Plan(ep)
}

// maxMoves is how many subscribers that move are named to people.
const maxMoves = 20

func (e *env) printAdded(ep, before ledger.Epoch, older, newer *alloc.Plan, format string) error {
	r := ofEpoch(ep)
	var d alloc.Difference
	if older != nil {
		d = alloc.Diff(older, newer)
		r = append(r, value{"compared_with", before.Seq})
	} else {
		d.Added = newer.AllSubscribers()
		r = append(r, value{"compared_with", nil})
	}
	r = append(r, record{{"kept", d.Kept}, {"moved", d.Moved}, {"added", d.Added}, {"removed", d.Removed}, {"hash", ep.Hash}}...)
	if format != "table" {
		return printRecords(e.stdout, format, r)
	}
	_, err := fmt.Fprintf(e.stdout, "epoch %d in force from %s%s\nplan sha256 %s\n", ep.Seq, stamp(ep.From), until(ep), ep.PlanSHA256)
	if err != nil {
		return writeFault(err)
	}
	if older == nil {
		_, err = fmt.Fprintf(e.stdout, "%s, the first epoch\n", plural(newer.AllSubscribers(), "subscriber"))
		return writeFault(err)
	}
	if before.From.Equal(ep.From) {
		fmt.Fprintf(e.stdout, "it takes the place of epoch %d, which began at the same instant\n", before.Seq)
	}
	fmt.Fprintf(e.stdout, "compared with epoch %d: ", before.Seq)
	return writeFault(printMoves(e.stdout, d, older, newer))
}

func until(ep ledger.Epoch) string {
	if ep.Until.IsZero() {
		return ""
	}
	return " until " + stamp(ep.Until)
}

// printMoves prints a difference, but no more subscribers than a person reads.
func printMoves(w io.Writer, d alloc.Difference, older, newer *alloc.Plan) error {
	form := newChangeForm(d, append(older.Realms(), newer.Realms()...), "table")
	if _, err := io.WriteString(w, form.before); err != nil {
		return err
	}
	n := uint64(0)
	for c := range d.Changes() {
		if n++; n > maxMoves {
			_, err := fmt.Fprintf(w, "and %d more: cgnctl diff lists all\n", changesOf(d)-maxMoves)
			return err
		}
		if _, err := w.Write(form.row(nil, c, n == 1)); err != nil {
			return err
		}
	}
	return nil
}
