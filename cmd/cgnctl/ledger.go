package main

import (
	"errors"
	"fmt"
	"os"
	"os/user"
	"time"

	"github.com/spf13/cobra"

	"github.com/cgnkit/cgnkit/alloc"
	"github.com/cgnkit/cgnkit/alloc/ledger"
)

func newLedger(e *env) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "ledger",
		Short: "Keep which plan was in force when",
		Long: `A ledger is a file to which dated plans are added and from which nothing is taken away: JSON lines, each with the hash of
the line before. trace --ledger and answer say from it who had an address and port at any second.`,
		Example: `  cgnctl ledger add -c plan.yaml --ledger ledger.jsonl --by alice --note "first plan"`,
		Args:    cobra.NoArgs,
		RunE:    func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(newLedgerAdd(e), newLedgerList(e), newLedgerShow(e), newLedgerVerify(e), newLedgerExport(e))
	return cmd
}

// ledgerFlags choose a ledger.
type ledgerFlags struct {
	path string
	keys planFlags
}

func (l *ledgerFlags) add(cmd *cobra.Command) {
	cmd.Flags().StringVar(&l.path, "ledger", "", "ledger file")
	_ = cmd.MarkFlagFilename("ledger", "jsonl")
	if cmd.Flags().Lookup("key-file") == nil {
		cmd.Flags().StringArrayVar(&l.keys.keys, "key-file", nil, "file with a key of scheme random that a plan has (repeatable)")
	}
}

func (l *ledgerFlags) given() error {
	switch l.path {
	case "":
		return badInput("for example --ledger ledger.jsonl", "no ledger: --ledger is missing")
	case "-":
		return badInput("name a file; one that is called so is ./-", "--ledger -: standard input is no ledger, which is a file with others beside it")
	}
	return nil
}

// open opens the ledger for reading, as of an instant, and prints what was passed over.
func (l *ledgerFlags) open(e *env, asOf time.Time) (*ledger.Ledger, error) {
	if err := l.given(); err != nil {
		return nil, err
	}
	keys, err := l.keys.readKeys()
	if err != nil {
		return nil, err
	}
	led, err := ledger.Open(l.path, keys...)
	if err != nil {
		return nil, ledgerFault(err)
	}
	if err := heed(led, asOf); err != nil {
		led.Close()
		return nil, err
	}
	e.warn(led.Warnings())
	return led, nil
}

// heed has a ledger answer as cgnd would that follows it.
func heed(led *ledger.Ledger, asOf time.Time) error {
	if err := led.HeedAsOf(asOf, now()); err != nil {
		return badInput("run cgnctl as somebody who may read that file, or put it back as cgnd wrote it", "%v", err)
	}
	return nil
}

// with runs fn with the ledger.
func (l *ledgerFlags) with(e *env, fn func(*ledger.Ledger) error) error {
	return l.withAt(e, now(), fn)
}

// withAt runs fn with the ledger as it stands at an instant: epochs that begin later are not late yet.
func (l *ledgerFlags) withAt(e *env, asOf time.Time, fn func(*ledger.Ledger) error) error {
	led, err := l.open(e, asOf)
	if err != nil {
		return err
	}
	defer led.Close()
	return ledgerFault(fn(led))
}

// ledgerFault gives errors about ledgers the exit code and the hint that they need.
func ledgerFault(err error) error {
	var own *fault
	switch {
	case err == nil || errors.As(err, &own):
		return err
	case errors.Is(err, ledger.ErrNotCovered):
		return &fault{code: exitNotCovered, msg: err.Error(), hint: "cgnctl ledger list shows the epochs"}
	case errors.Is(err, ledger.ErrDamaged):
		return badInput("cgnctl ledger verify looks at nothing else; compare with a copy of the ledger", "%v", err)
	case errors.Is(err, ledger.ErrBefore):
		return badInput(`if it is right so, say --backdate and --note "why"`, "%v", err)
	case errors.Is(err, ledger.ErrReason):
		return badInput(`say --note "why"`, "%v", err)
	case errors.Is(err, ledger.ErrPending):
		return badInput("cgnctl apply --ledger looks at what the kernel has, and goes on from there", "%v", err)
	case errors.Is(err, alloc.ErrKey):
		return badInput("give the key with --key-file", "%v", err)
	}
	return badInput("", "%v", err)
}

// ofEpoch returns what identifies an epoch in answers.
func ofEpoch(ep ledger.Epoch) record {
	return record{{"epoch", ep.Seq}, {"from", stamp(ep.From)}, {"until", stampOrNull(ep.Until)}, {"plan_sha256", ep.PlanSHA256}}
}

// describe returns all of an epoch. It is unknown where no record has its plan.
func describe(led *ledger.Ledger, ep ledger.Epoch) record {
	return append(ofEpoch(ep), record{
		{"settled", stamp(ep.Settled)}, {"added", stamp(ep.Added)}, {"backdated", ep.Backdated}, {"by", foreign(ep.By)}, {"note", foreign(ep.Note)}, {"hash", ep.Hash},
		{"unknown", !led.Knows(ep.PlanSHA256)}, {"stray", ep.Stray},
	}...)
}

func stamp(t time.Time) string { return t.UTC().Format(time.RFC3339Nano) }

// stampLast is stamp for the last instant of a window, which is that of a second or millisecond: that one is named.
func stampLast(t time.Time) string {
	for _, unit := range []time.Duration{time.Second, time.Millisecond, time.Microsecond} {
		if t.Add(1).Nanosecond()%int(unit) == 0 {
			return stamp(t.Truncate(unit))
		}
	}
	return stamp(t)
}

// stampOrNull returns null for the end of what is still in force.
func stampOrNull(t time.Time) any {
	if t.IsZero() {
		return nil
	}
	return stamp(t)
}

// who returns the name under which somebody works, for --by.
func who() string {
	if name := os.Getenv("SUDO_USER"); name != "" {
		return name
	}
	u, err := user.Current()
	if err != nil {
		return ""
	}
	return u.Username
}

// parseInstant reads a time that stands for one instant.
func parseInstant(flag, text string) (time.Time, error) {
	first, _, err := parseWindow(flag, text)
	return first, err
}

// parseWindow reads a time, which is a whole minute where it has no seconds.
func parseWindow(flag, text string) (first, last time.Time, err error) {
	if first, last, err = ledger.ParseTime(text); err != nil {
		return first, last, badInput("", "--%s: %v", flag, err)
	}
	return first, last, nil
}

func newLedgerList(e *env) *cobra.Command {
	var l ledgerFlags
	cmd := &cobra.Command{
		Use:   "list --ledger FILE",
		Short: "List the epochs in the order in which they were recorded",
		Long: `List the epochs. UNTIL is empty for what is still in force. With -o json, "stray" says that the kernel may have had the plan from FROM to
UNTIL besides the one in force, by somebody's hand or by a clock that was wrong: it is possible then, and never what is to be in force. PLAN is
unknown where no record has the plan of a stray: then it is a time of which nobody knows who had ports besides.`,
		Example: `  cgnctl ledger list --ledger ledger.jsonl`,
		Args:    exactly(0, "no arguments"),
	}
	l.add(cmd)
	format := outputFlag(cmd, "table", "csv", "json", "ndjson")
	cmd.RunE = func(*cobra.Command, []string) error {
		return l.with(e, func(led *ledger.Ledger) error {
			rows := make([]record, 0, led.Len())
			for ep := range led.Epochs() {
				rows = append(rows, describe(led, ep))
			}
			switch *format {
			case "json":
				return printRecords(e.stdout, "json", record{{"head", led.Head()}, {"epochs", rows}})
			case "table":
				for i := range rows {
					rows[i] = brief(forPeople("table", rows[i])[0])
					if ep, _ := led.Epoch(uint64(i + 1)); !led.Knows(ep.PlanSHA256) {
						rows[i].set("plan", "unknown")
					}
				}
			}
			return printRecords(e.stdout, *format, rows...)
		})
	}
	return cmd
}

// set changes a field.
func (r record) set(key string, v any) {
	for i := range r {
		if r[i].key == key {
			r[i].v = v
		}
	}
}

// brief keeps of an epoch what fits on a terminal.
func brief(r record) record {
	var out record
	for _, f := range r {
		switch f.key {
		case "epoch", "from", "until", "plan", "by", "note":
			out = append(out, f)
		}
	}
	return out
}

func newLedgerVerify(e *env) *cobra.Command {
	var l ledgerFlags
	var head string
	cmd := &cobra.Command{
		Use:   "verify --ledger FILE",
		Short: "Prove that the ledger is as it was written",
		Long: `Check every record: its hash, the chain, the plan and its hash. Exit 5 names the first record that is not as it was
written. That whole records are missing at the end cannot be seen from the file: note the head hash elsewhere from time
to time, and ask with --head whether the ledger still contains it.`,
		Example: `  cgnctl ledger verify --ledger ledger.jsonl`,
		Args:    exactly(0, "no arguments"),
	}
	l.add(cmd)
	cmd.Flags().StringVar(&head, "head", "", "a head hash that was noted earlier: the ledger must contain it")
	format := outputFlag(cmd, "table", "csv", "json", "ndjson")
	cmd.RunE = func(*cobra.Command, []string) error { return e.verifyLedger(&l, head, *format) }
	return cmd
}

func (e *env) verifyLedger(l *ledgerFlags, head, format string) error {
	if err := l.given(); err != nil {
		return err
	}
	keys, err := l.keys.readKeys()
	if err != nil {
		return err
	}
	led, unread, err := ledger.Verify(l.path, keys...)
	if errors.Is(err, ledger.ErrDamaged) {
		return &fault{code: exitCheck, msg: err.Error(), hint: "the records before it are as they were written; compare with a copy of the ledger"}
	}
	if err != nil {
		return ledgerFault(err)
	}
	defer led.Close()
	if unread > 0 {
		e.warn([]string{fmt.Sprintf("%s have plans whose keys were not given with --key-file: their hashes are right, and they were not read", plural(uint64(unread), "epoch"))})
	}
	if head != "" && !contains(led, head) {
		return &fault{code: exitCheck, msg: fmt.Sprintf("no record has the hash %s: records are missing at the end, or this is another ledger", head)}
	}
	if format == "table" {
		_, err := fmt.Fprintf(e.stdout, "%s: %s, chain ok\nhead %s\n", l.path, plural(uint64(led.Len()), "epoch"), led.Head())
		return writeFault(err)
	}
	return printRecords(e.stdout, format, record{{"valid", true}, {"epochs", led.Len()}, {"head", led.Head()}})
}

func contains(led *ledger.Ledger, head string) bool {
	for ep := range led.Epochs() {
		if ep.Hash == head {
			return true
		}
	}
	return false
}
