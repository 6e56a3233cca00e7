package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/cgnkit/cgnkit/alloc"
	"github.com/cgnkit/cgnkit/alloc/ledger"
)

func newLedgerShow(e *env) *cobra.Command {
	var l ledgerFlags
	cmd := &cobra.Command{
		Use:     "show N --ledger FILE",
		Short:   "Show one epoch and its plan",
		Long:    `Show what the ledger has about an epoch, and the sizing of its plan. With -o json the plan is there in canonical form.`,
		Example: `  cgnctl ledger show 3 --ledger ledger.jsonl`,
		Args:    exactly(1, "the number of an epoch"),
	}
	l.add(cmd)
	format := outputFlag(cmd, "table", "json", "ndjson")
	cmd.RunE = func(_ *cobra.Command, args []string) error {
		return l.with(e, func(led *ledger.Ledger) error {
			ep, err := numbered(led, args[0])
			if err != nil {
				return err
			}
			if *format != "table" {
				body, err := led.Canonical(ep)
				if err != nil {
					return err
				}
				return printRecords(e.stdout, *format, append(describe(led, ep), value{"plan", json.RawMessage(body)}))
			}
			return e.showEpoch(led, ep)
		})
	}
	return cmd
}

// numbered finds an epoch by its number.
func numbered(led *ledger.Ledger, text string) (ledger.Epoch, error) {
	n, err := strconv.ParseUint(text, 10, 64)
	if err != nil {
		return ledger.Epoch{}, badInput("for example cgnctl ledger show 1", "%q is not the number of an epoch", text)
	}
	ep, ok := led.Epoch(n)
	if !ok {
		return ledger.Epoch{}, badInput("cgnctl ledger list shows them", "there is no epoch %d: the ledger has %s", n, plural(uint64(led.Len()), "epoch"))
	}
	return ep, nil
}

func (e *env) showEpoch(led *ledger.Ledger, ep ledger.Epoch) error {
	for _, f := range describe(led, ep) {
		text := fmt.Sprint(f.v)
		if f.v == nil {
			text = "still in force"
		}
		if text == "" {
			continue
		}
		if _, err := fmt.Fprintf(e.stdout, "%-12s  %s\n", f.key, text); err != nil {
			return writeFault(err)
		}
	}
	if !led.Knows(ep.PlanSHA256) {
		e.warn([]string{"the kernel had a plan for that time which the ledger does not know: who has it asks it with cgnctl trace -c"})
		return nil
	}
	plan, err := led.Plan(ep)
	if errors.Is(err, alloc.ErrKey) {
		e.warn([]string{"the plan is not shown: " + err.Error()})
		return nil
	}
	if err != nil {
		return err
	}
	fmt.Fprintln(e.stdout)
	return printSummary(e.stdout, plan)
}

func newLedgerExport(e *env) *cobra.Command {
	var l ledgerFlags
	var at, epoch string
	cmd := &cobra.Command{
		Use:   "export --ledger FILE --at T",
		Short: "Print the plan in force at an instant, byte for byte as it was recorded",
		Long: `Print the canonical form of the plan in force at an instant, or of the epoch with a number, and nothing else: its SHA-256 is
the hash that answers carry. It is a plan that every command reads with -c. Exit 3 when another plan was possible then, too,
as while a change was under way: --epoch chooses one. Exit 4 when no epoch covers the time.`,
		Example: `  cgnctl ledger export --ledger ledger.jsonl --at 2026-03-01T12:34:56Z > plan.json`,
		Args:    exactly(0, "no arguments"),
	}
	l.add(cmd)
	cmd.Flags().StringVar(&at, "at", "", "instant with an offset, such as 2026-03-01T12:34:56Z; default: now")
	cmd.Flags().StringVar(&epoch, "epoch", "", "number of an epoch, in place of --at")
	cmd.MarkFlagsMutuallyExclusive("at", "epoch")
	cmd.RunE = func(*cobra.Command, []string) error {
		return l.with(e, func(led *ledger.Ledger) error {
			ep, err := chosen(led, at, epoch)
			if err != nil {
				return err
			}
			body, err := led.Canonical(ep)
			if err != nil {
				return err
			}
			_, err = e.stdout.Write(body)
			return writeFault(err)
		})
	}
	return cmd
}

// chosen returns the epoch that --epoch or --at names.
func chosen(led *ledger.Ledger, at, epoch string) (ledger.Epoch, error) {
	if epoch != "" {
		return numbered(led, epoch)
	}
	first := now()
	last := first
	if at != "" {
		var err error
		if first, last, err = parseWindow("at", at); err != nil {
			return ledger.Epoch{}, err
		}
	}
	epochs, gap := led.Between(first, last)
	if len(epochs) == 0 {
		return led.AtInstant(last)
	}
	if gap || slices.ContainsFunc(epochs, func(ep ledger.Epoch) bool { return ep.PlanSHA256 != epochs[0].PlanSHA256 }) {
		return ledger.Epoch{}, severalPlans(epochs, gap, first, last)
	}
	return epochs[0], nil
}

// severalPlans says which plans were possible in a window, of which none can be called the one that was in force.
func severalPlans(epochs []ledger.Epoch, gap bool, first, last time.Time) error {
	var found []string
	for _, ep := range epochs {
		if ep.Pending {
			found = append(found, fmt.Sprintf("that of an apply that has not ended (plan %.12s)", ep.PlanSHA256))
			continue
		}
		if ep.Stray {
			found = append(found, fmt.Sprintf("that of record %d, which the kernel may have had besides (plan %.12s)", ep.Seq, ep.PlanSHA256))
			continue
		}
		found = append(found, fmt.Sprintf("that of epoch %d (plan %.12s)", ep.Seq, ep.PlanSHA256))
	}
	if gap {
		found = append(found, "one that the ledger does not know")
	}
	when := "at " + stamp(first)
	if end := stampLast(last); end != stamp(first) {
		when = "between " + stamp(first) + " and " + end
	}
	return &fault{
		code: exitAmbiguous, msg: "several plans are possible " + when + ": " + strings.Join(found, ", "),
		hint: "say --epoch N for one of them; cgnctl trace --ledger asks them all",
	}
}
