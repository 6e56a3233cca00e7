package main

import (
	"fmt"
	"net/netip"
	"os"
	"time"

	"github.com/spf13/cobra"

	"github.com/cgnkit/cgnkit/alloc/flowlog"
	"github.com/cgnkit/cgnkit/alloc/ledger"
)

// flowFlags name flow records that narrow the candidates of a question without a port.
type flowFlags struct {
	files             []string
	destination, zone string
}

func (f *flowFlags) add(cmd *cobra.Command) {
	cmd.Flags().StringArrayVar(&f.files, "flows", nil, "with --ledger, without a port: flow records that narrow the candidates, nfdump CSV or conntrack events, gz too (repeatable)")
	cmd.Flags().StringVar(&f.destination, "destination", "", "with --flows: where the subscriber went, ADDRESS or ADDRESS:PORT")
	cmd.Flags().StringVar(&f.zone, "flows-tz", "", "with --flows: zone of times that have none, as nfdump's; default: they are refused")
	cmd.MarkFlagsRequiredTogether("flows", "destination")
}

// longestIdle is how long a flow can have lived before or behind the one instant that an event tells of: the longest time that an
// idle mapping is kept (RFC 5382 REQ-5).
const longestIdle = 2*time.Hour + 4*time.Minute

// A narrowing is what flow records say about candidates.
type narrowing struct {
	sure, perhaps []int // flows by candidate
	flows         int
}

// narrow reads the flow records.
func (f *flowFlags) narrow(e *env, q ledger.Question, found []ledger.Candidate) (*narrowing, error) {
	filter := flowlog.Filter{From: q.From, To: q.To, MaxAge: longestIdle} // the outside address is compared with each candidate's
	var err error
	if filter.Destination, err = parseDestination(f.destination); err != nil {
		return nil, err
	}
	o := flowlog.Options{Inside: insideOf(found)}
	if f.zone != "" {
		if o.Zone, err = loadZone(f.zone); err != nil {
			return nil, err
		}
	}
	n := &narrowing{sure: make([]int, len(found)), perhaps: make([]int, len(found))}
	for _, name := range f.files {
		if err := n.read(e, name, o, filter, found); err != nil {
			return nil, badInput("", "--flows: %s: %v", name, err)
		}
	}
	return n, nil
}

func (n *narrowing) read(e *env, name string, o flowlog.Options, filter flowlog.Filter, found []ledger.Candidate) error {
	file, err := os.Open(name)
	if err != nil {
		return err
	}
	defer file.Close()
	r, err := flowlog.NewReader(file, o)
	if err != nil {
		return err
	}
	for flow := range r.Flows() {
		n.flows++
		switch flow.Match(filter) {
		case flowlog.Yes:
			n.count(flow, found, n.sure)
		case flowlog.Maybe:
			n.count(flow, found, n.perhaps)
		}
	}
	if bad, total := r.Bad(); total > 0 {
		e.warn([]string{fmt.Sprintf("%s: %s could not be read, the first: %v", name, plural(uint64(total), "record"), bad[0])})
	}
	return r.Err()
}

// count adds a flow to the candidates who can have had it: by the inside address, where the record has it, and by the outside port.
func (n *narrowing) count(flow flowlog.Flow, found []ledger.Candidate, to []int) {
	for i, c := range found {
		s, ok := c.Subscriber()
		if !ok {
			continue
		}
		outside := flow.Outside
		if flow.Source.Addr() == c.Allocation.Outside() { // seen behind the NAT
			outside = flow.Source
		} else if flow.Source.Addr() != s.Addr() {
			continue
		}
		switch { // a record without it is taken by the inside address: the plan gives that one outside address
		case outside.IsValid() && outside.Addr() != c.Allocation.Outside():
			continue
		case outside.Port() != 0 && !c.Allocation.Ports().Contains(outside.Port()):
			continue
		}
		to[i]++
	}
}

// insideOf says which addresses are inside: those of the candidates.
func insideOf(found []ledger.Candidate) func(netip.Addr) bool {
	known := map[netip.Addr]bool{}
	for _, c := range found {
		if s, ok := c.Subscriber(); ok {
			known[s.Addr()] = true
		}
	}
	return func(a netip.Addr) bool { return known[a] }
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

// apply keeps the candidates that the flow records name, and says what they said.
func (n *narrowing) apply(e *env, a ledger.Answer) ledger.Answer {
	var kept []ledger.Candidate
	who, sure := map[any]bool{}, 0
	for i, c := range a.Candidates {
		if n.sure[i]+n.perhaps[i] == 0 {
			continue
		}
		kept = append(kept, c)
		s, _ := c.Subscriber()
		who[s] = true
		sure += n.sure[i]
	}
	if len(kept) == 0 {
		e.warn([]string{fmt.Sprintf("none of %s names a candidate: all are still possible", plural(uint64(n.flows), "flow record"))})
		return a
	}
	e.note([]string{fmt.Sprintf("%s of %d candidates had such a flow; that nobody else had one holds as far as the flow records are complete", plural(uint64(len(who)), "subscriber"), len(a.Candidates))})
	a.Candidates = kept
	if len(who) == 1 && sure > 0 {
		a.Verdict = ledger.One
	}
	return a
}
