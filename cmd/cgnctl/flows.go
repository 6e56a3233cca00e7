package main

import (
	"fmt"
	"iter"
	"net/netip"

	"github.com/spf13/cobra"

	"github.com/cgnkit/cgnkit/alloc/flowlog"
	"github.com/cgnkit/cgnkit/alloc/ledger"
)

// flowFlags name flow records that narrow the candidates of a question without a port.
type flowFlags struct {
	files             []string
	destination, zone string
	protocol          uint8 // as IP has it, 0 for all
}

func (f *flowFlags) add(cmd *cobra.Command) {
	cmd.Flags().StringArrayVar(&f.files, "flows", nil, "with --ledger, without a port: flow records that narrow the candidates, nfdump CSV or conntrack events, gz too (repeatable)")
	cmd.Flags().StringVar(&f.destination, "destination", "", "with --flows: where the subscriber went, ADDRESS or ADDRESS:PORT")
	cmd.Flags().StringVar(&f.zone, "flows-tz", "", "with --flows: zone of times that have none, as nfdump's; default: they are refused")
	cmd.MarkFlagsRequiredTogether("flows", "destination")
}

// maxFlows bounds the flows to the destination that are kept.
const maxFlows = 5_000_000

// A narrowing is what flow records say about candidates. Time is looked at last, because the records that begin and end a flow
// stand apart in some logs.
type narrowing struct {
	question ledger.Question
	where    flowlog.Filter // but for time
	fitting  *fitting
	found    keptFlows
	flows    int
	unread   int
}

// narrow reads the flow records to the destination.
func (f *flowFlags) narrow(e *env, led *ledger.Ledger, q ledger.Question, found []ledger.Candidate) (*narrowing, error) {
	n := &narrowing{question: q, where: flowlog.Filter{Protocol: f.protocol}}
	n.fitting = newFitting(led, q, found)
	var err error
	if n.where.Destination, err = parseDestination(f.destination); err != nil {
		return nil, err
	}
	var o flowlog.Options
	if f.zone != "" {
		if o.Zone, err = loadZone("flows-tz", f.zone); err != nil {
			return nil, err
		}
	}
	for _, name := range f.files {
		if err := n.read(e, name, o); err != nil {
			return nil, badInput("", "--flows: %s: %v", name, err)
		}
	}
	return n, nil
}

func (n *narrowing) read(e *env, name string, o flowlog.Options) error {
	file, err := e.open("flows", name)
	if err != nil {
		return err
	}
	defer func() { _ = file.Close() }()
	r, err := flowlog.NewReader(file, o)
	if err != nil {
		return err
	}
	for flow := range r.Flows() {
		n.flows++
		flow, ok := n.toward(flow)
		if !ok {
			continue
		}
		if len(n.found.records) == maxFlows {
			return fmt.Errorf("more than %d flows to %v: give files of a shorter time", maxFlows, n.where.Destination)
		}
		n.found.add(flow)
	}
	if bad, total := r.Bad(); total > 0 {
		n.unread += total
		e.warn([]string{fmt.Sprintf("%s: %s could not be read, the first: %v", name, plural(uint64(total), "record"), bad[0])})
	}
	return r.Err()
}

// within returns the flows that lived in the window, or may have, one a flow, and whether they did.
func (n *narrowing) within() iter.Seq2[flowlog.Flow, bool] {
	where := n.where
	where.From, where.To = n.question.From, n.question.To
	return func(yield func(flowlog.Flow, bool) bool) {
		for f := range n.found.flows(n.where.Destination.Addr()) {
			if m := f.Match(where); m != flowlog.No && !yield(f, m == flowlog.Yes) {
				return
			}
		}
	}
}

// toward returns the flow as it goes to the destination, and false where it neither goes there nor comes from there. The record of an
// answer may be all that there is of a flow, as where records are sampled; whom it came to is asked of the plan like a source.
func (n *narrowing) toward(f flowlog.Flow) (flowlog.Flow, bool) {
	if f.Match(n.where) != flowlog.No {
		return f, true
	}
	f.Source, f.Destination, f.Outside = f.Destination, f.Source, netip.AddrPort{}
	return f, f.Match(n.where) != flowlog.No
}

// parseDestination reads ADDRESS or ADDRESS:PORT. Port 0 stands for all.
func parseDestination(text string) (netip.AddrPort, error) {
	if a, err := netip.ParseAddrPort(text); err == nil && a.Addr().Is4() {
		return a, nil
	}
	a, err := netip.ParseAddr(text)
	if err != nil || !a.Is4() {
		return netip.AddrPort{}, badInput("for example --destination 203.0.113.9:443", "--destination %q is no IPv4 address", text)
	}
	return netip.AddrPortFrom(a, 0), nil
}

// apply keeps the candidates that the flow records name, and says what they said. All stay where the records cannot decide.
func (n *narrowing) apply(e *env, a ledger.Answer) (ledger.Answer, error) {
	proven, named := make([]bool, len(a.Candidates)), make([]bool, len(a.Candidates))
	others, some, untranslated, open := false, false, 0, uint64(0)
	for f, sure := range n.within() {
		fit, err := n.fitting.of(f)
		if err != nil {
			return a, err
		}
		others = others || fit.other
		if fit.untranslated {
			untranslated++
		}
		if !sure && len(fit.who) > 0 {
			open++
		}
		for k := range fit.doubt {
			named[k] = true
		}
		for k := range fit.who {
			named[k], some = true, true
			proven[k] = proven[k] || sure && fit.proves()
		}
	}
	if untranslated > 0 {
		e.note([]string{untranslatedNote(untranslated)})
	}
	switch {
	case n.unread > 0:
		e.warn([]string{"nothing is narrowed, because records could not be read: all candidates are still possible"})
		return a, nil
	case !some:
		e.warn([]string{fmt.Sprintf("none of %s names a candidate: all are still possible", plural(uint64(n.flows), "flow record"))})
		return a, nil
	}
	if a = n.keep(e, a, named, proven, others); open > 0 && a.Verdict != ledger.One {
		e.note([]string{fmt.Sprintf("of %s to that destination the records leave open whether it lived then: NEW and DESTROY alone do not say how long it did, but with "+
			"[start=...] and [stop=...] they do (sysctl net.netfilter.nf_conntrack_timestamp=1, conntrack -E -o timestamp,ktimestamp)", plural(open, "flow"))})
	}
	return a, nil
}

func untranslatedNote(n int) string {
	if n == 1 {
		return "the plan does not translate 1 flow to that destination: it does not show who had the outside address"
	}
	return fmt.Sprintf("the plan does not translate %d flows to that destination: they do not show who had the outside address", n)
}

// keep keeps the candidates that were named. Those that are no subscriber stay if a flow was somebody else's, or where no epoch covers
// the time.
func (n *narrowing) keep(e *env, a ledger.Answer, named, proven []bool, others bool) ledger.Answer {
	var kept []ledger.Candidate
	who, certain := map[any]bool{}, true
	for i, c := range a.Candidates {
		s, ok := c.Subscriber()
		if ok && !named[i] || !ok && !others && c.Status != 0 {
			continue
		}
		kept = append(kept, c)
		certain = certain && ok && proven[i]
		if ok {
			who[s] = true
		}
	}
	if others {
		e.warn([]string{"a flow to that destination fits no candidate: somebody else may have had it, by a dynamic block or by a plan that the ledger does not know"})
	}
	e.note([]string{fmt.Sprintf("%s of %d candidates had such a flow; that nobody else had one holds as far as the flow records are complete", plural(uint64(len(who)), "subscriber"), len(a.Candidates))})
	a.Candidates, a.Verdict = kept, ledger.Several
	if len(who) == 1 && certain && !others {
		a.Verdict = ledger.One
	}
	return a
}
