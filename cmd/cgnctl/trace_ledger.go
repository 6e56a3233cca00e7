package main

import (
	"fmt"
	"net/netip"
	"slices"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/cgnkit/cgnkit/alloc"
	"github.com/cgnkit/cgnkit/alloc/answer"
	"github.com/cgnkit/cgnkit/alloc/holder"
	"github.com/cgnkit/cgnkit/alloc/ledger"
)

// timeFlags say about which time a question is.
type timeFlags struct {
	at, from, to string
	tolerance    time.Duration
}

func (f *timeFlags) add(cmd *cobra.Command) {
	cmd.Flags().StringVar(&f.at, "at", "", "with --ledger: instant with an offset, such as 2026-03-01T12:34:56Z; default: now")
	cmd.Flags().DurationVar(&f.tolerance, "tolerance", 0, "with --ledger: how wrong clocks may be, before and behind, such as 5s")
	cmd.Flags().StringVar(&f.from, "from", "", "with --ledger: the first instant of an interval, in place of --at")
	cmd.Flags().StringVar(&f.to, "to", "", "with --ledger: the last instant of an interval")
	cmd.MarkFlagsMutuallyExclusive("at", "from")
	cmd.MarkFlagsRequiredTogether("from", "to")
}

// withoutLedger refuses flags that mean nothing where only one plan is asked.
func withoutLedger(flags *pflag.FlagSet, names ...string) error {
	for _, name := range names {
		if flags.Changed(name) {
			return badInput("say --ledger FILE in place of -c", "--%s: a plan has no time; the ledger has", name)
		}
	}
	return nil
}

// window returns the first and the last instant that are asked about.
func (f *timeFlags) window() (first, last time.Time, err error) {
	if f.tolerance < 0 {
		return first, last, badInput("", "--tolerance %v: want 0 or more", f.tolerance)
	}
	switch {
	case f.from != "":
		if first, _, err = parseWindow("from", f.from); err != nil {
			return first, last, err
		}
		if _, last, err = parseWindow("to", f.to); err != nil {
			return first, last, err
		}
		if last.Before(first) {
			return first, last, badInput("", "--to %s lies before --from %s", f.to, f.from)
		}
	case f.at != "":
		if first, last, err = parseWindow("at", f.at); err != nil {
			return first, last, err
		}
	default:
		first = now()
		last = first
	}
	return first.Add(-f.tolerance), last.Add(f.tolerance), nil
}

// moreFlags name records beside the ledger.
type moreFlags struct {
	flows   flowFlags
	holders holderFlags
}

func (f *moreFlags) add(cmd *cobra.Command) {
	f.flows.add(cmd)
	f.holders.add(cmd)
}

// traceLedger answers from a ledger.
func (e *env) traceLedger(led *ledger.Ledger, q ledger.Question, more *moreFlags, format string) error {
	if q.From.After(now()) {
		e.warn([]string{stamp(q.From) + " lies in the future: another plan may be in force by then"})
	}
	book, _, err := more.holders.read(e)
	if err != nil {
		return err
	}
	a, err := led.Trace(q)
	if err != nil {
		return err
	}
	if _, known := q.Port.Number(); known && len(more.flows.files) > 0 {
		return badInput("leave --flows out", "--flows narrows a question without a port, and this one has a port")
	}
	if len(more.flows.files) > 0 {
		n, err := more.flows.narrow(e, led, q, a.Candidates)
		if err != nil {
			return err
		}
		if a.Verdict == ledger.Several {
			if a, err = n.apply(e, a); err != nil {
				return err
			}
		}
	}
	row := func(c ledger.Candidate) record { return withHolder(ofCandidate(q, c), q, c, book, more.holders.skew) }
	if a.Verdict == ledger.Several {
		if slices.ContainsFunc(a.Candidates, func(c ledger.Candidate) bool { return c.Epoch.Seq == 0 }) {
			e.note([]string{"not-covered: " + gapText(led, q.From)})
		}
		return e.severalOverTime(q, a, row, format)
	}
	c := a.Candidates[0]
	if err := printRecords(e.stdout, format, forPeople(format, row(c))...); err != nil || a.Verdict == ledger.One {
		return err
	}
	return &fault{code: exitNobody, msg: nobodyAt(q, c)}
}

// gapText says why of a part of a time it is not known which plan the kernel had.
func gapText(led *ledger.Ledger, from time.Time) string {
	covered := false
	for ep := range led.Epochs() {
		covered = covered || !ep.Settled.After(from) && !ep.Stray
	}
	if covered {
		return "for part of the time it is not known what the kernel had: another plan, or one that somebody had changed"
	}
	return "part of the time lies before the first epoch was surely in force"
}

// ofCandidate returns a candidate as a record. All records of a question have the same fields.
func ofCandidate(q ledger.Question, c ledger.Candidate) record {
	r := record{{"status", c.StatusText()}, {"outside", q.Outside}}
	if n, ok := q.Port.Number(); ok {
		r = append(r, value{"port", n})
	}
	if c.Status == alloc.Allocated {
		r = append(r, owner(c.Allocation)...)
	}
	if c.Epoch.Seq == 0 {
		return append(r, record{{"epoch", nil}, {"from", nil}, {"until", nil}, {"plan_sha256", nil}}...)
	}
	return append(r, ofEpoch(c.Epoch)...)
}

// withHolder adds to whom the inside address belonged, where there are records of that.
func withHolder(r record, q ledger.Question, c ledger.Candidate, book *holder.Book, skew time.Duration) record {
	if book == nil {
		return r
	}
	text := ""
	if s, ok := c.Subscriber(); ok {
		text = answer.HolderText(book.AtPrefix(s.Realm, s.Prefix, q.From, q.To, skew))
	}
	return append(r, value{"holder", foreign(text)})
}

// forPeople shortens the hashes in a table, which has to fit on a terminal.
func forPeople(format string, records ...record) []record {
	if format != "table" {
		return records
	}
	for _, r := range records {
		for i, f := range r {
			if f.key != "plan_sha256" {
				continue
			}
			r[i].key = "plan"
			if sha, ok := f.v.(string); ok {
				r[i].v = sha[:12]
			}
		}
	}
	return records
}

// nobodyAt says in words why nobody had a port, or an address.
func nobodyAt(q ledger.Question, c ledger.Candidate) string {
	if n, ok := q.Port.Number(); ok {
		return fmt.Sprintf("%v:%d %s, in epoch %d", q.Outside, n, why(c.Status, c.Pool), c.Epoch.Seq)
	}
	if c.Status == alloc.Dynamic {
		return fmt.Sprintf("nobody had a share on %v, in epoch %d; but ports are set aside for dynamic blocks there, and the log of blocks says who held them", q.Outside, c.Epoch.Seq)
	}
	return fmt.Sprintf("nobody had a share on %v, in epoch %d: %s", q.Outside, c.Epoch.Seq, c.Status)
}

// severalOverTime prints all candidates.
func (e *env) severalOverTime(q ledger.Question, a ledger.Answer, row func(ledger.Candidate) record, format string) error {
	records := make([]record, len(a.Candidates))
	for i, c := range a.Candidates {
		records[i] = row(c)
	}
	var err error
	if format == "json" {
		err = printRecords(e.stdout, format, record{{"status", "ambiguous"}, {"candidates", records}})
	} else {
		err = printRecords(e.stdout, format, forPeople(format, sameFields(records)...)...)
	}
	if err != nil {
		return err
	}
	f := &fault{code: exitAmbiguous, msg: fmt.Sprintf("%s on %v between %s and %s", plural(uint64(len(records)), "candidate"), q.Outside, stamp(q.From), stampLast(q.To))}
	if _, ok := q.Port.Number(); !ok {
		f.hint = "give the port: " + q.Outside.String() + ":PORT"
	}
	return f
}

// sameFields gives all records the fields of those that have the most, for formats with columns.
func sameFields(records []record) []record {
	var widest record
	for _, r := range records {
		if len(r) > len(widest) {
			widest = r
		}
	}
	out := make([]record, len(records))
	for i, r := range records {
		have := map[string]any{}
		for _, f := range r {
			have[f.key] = f.v
		}
		for _, f := range widest {
			out[i] = append(out[i], value{f.key, have[f.key]})
		}
	}
	return out
}

// question puts a question together.
func question(a netip.Addr, port uint16, hasPort bool, first, last time.Time) ledger.Question {
	q := ledger.Question{Outside: a, From: first, To: last}
	if hasPort {
		q.Port = ledger.PortOf(port)
	}
	return q
}
