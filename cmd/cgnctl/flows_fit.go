package main

import (
	"maps"
	"net/netip"

	"github.com/cgnkit/cgnkit/alloc"
	"github.com/cgnkit/cgnkit/alloc/flowlog"
	"github.com/cgnkit/cgnkit/alloc/ledger"
)

// A fitting finds out which candidates can have had a flow: by the plans that may have been in force while the flow lived, and not by
// those of the rest of the question's time.
type fitting struct {
	led        *ledger.Ledger
	question   ledger.Question
	candidates map[holding]int
	numbers    map[alloc.Allocation]int // what was looked up in candidates
	exempts    map[exemptKey][]alloc.Destination
}

// A holding is what tells candidates apart: the same share in two epochs is one of them.
type holding struct {
	subscriber alloc.Subscriber
	ports      string
}

func newFitting(led *ledger.Ledger, q ledger.Question, found []ledger.Candidate) *fitting {
	t := &fitting{led: led, question: q, candidates: map[holding]int{}, numbers: map[alloc.Allocation]int{}, exempts: map[exemptKey][]alloc.Destination{}}
	for i, c := range found {
		if s, ok := c.Subscriber(); ok {
			t.candidates[holding{s, c.Allocation.Ports().String()}] = i
		}
	}
	return t
}

// A fit is what a flow says of the outside address.
type fit struct {
	who   map[int]alloc.Subscriber // candidates who can have had it, by number
	doubt map[int]alloc.Subscriber // those who had one that the plan does not translate
	other bool                     // it may have left by the address, and be nobody's of them
	aside bool                     // it may have left by another address, or with its own

	untranslated bool // by one of the plans
}

func newFit() fit { return fit{who: map[int]alloc.Subscriber{}, doubt: map[int]alloc.Subscriber{}} }

// proves reports whether the flow, if it lived, was that of one subscriber by the outside address, and nothing else.
func (f fit) proves() bool {
	subscribers := map[alloc.Subscriber]bool{}
	for _, s := range f.who {
		subscribers[s] = true
	}
	return len(subscribers) == 1 && !f.other && !f.aside
}

// of asks every epoch that may have been in force while the flow may have lived, up to the end of the window: who came with an outside address
// across a change may have kept it. Only the window counts where the record has the outside address beside the inside, or leaves open since
// when the flow lived.
func (t *fitting) of(f flowlog.Flow) (out fit, err error) {
	from, to := f.Extent()
	if from.IsZero() || f.Outside.IsValid() && from.Before(t.question.From) {
		from = t.question.From
	}
	if to.IsZero() || to.After(t.question.To) {
		to = t.question.To
	}
	epochs, gap := t.led.Between(from, to)
	out = newFit()
	out.other = gap
	for _, e := range epochs {
		plan, err := t.led.Plan(e)
		if err != nil {
			return out, err
		}
		t.ask(e.Seq, plan, f, &out)
	}
	return out, nil
}

// ask asks one plan. A flow that it does not translate proves nothing about the outside address, though the box may have done what the plan
// does not say: he who had it stays possible, and somebody else is if it was seen with that address.
func (t *fitting) ask(seq uint64, plan *alloc.Plan, f flowlog.Flow, out *fit) {
	switch translated(plan, t.exempt(seq, plan, f.Destination.Addr()), t.question.Outside, f) {
	case flowlog.Yes:
		t.askTranslated(plan, f, out)
	case flowlog.Maybe:
		t.askTranslated(plan, f, out)
		out.aside = true
	default:
		doubt := newFit()
		t.askTranslated(plan, f, &doubt)
		maps.Copy(out.doubt, doubt.who)
		out.aside, out.untranslated = true, true
		out.other = out.other || f.Source.Addr() == t.question.Outside || f.Outside.Addr() == t.question.Outside
	}
}

// askTranslated asks one plan for a flow that it translates.
func (t *fitting) askTranslated(plan *alloc.Plan, f flowlog.Flow, out *fit) {
	outside, behind := f.Outside, f.Source.Addr() == t.question.Outside
	if behind { // seen behind the NAT
		outside = f.Source
	}
	switch {
	case outside.IsValid() && outside.Addr() != t.question.Outside:
		out.aside = true
	case outside.IsValid() && outside.Port() != 0:
		al, ok := plan.Trace(t.question.Outside, outside.Port()).Allocation()
		if ok && (behind || al.Inside() == f.Source.Addr()) {
			t.name(al, out)
		} else {
			out.other = true
		}
	case behind:
		for al := range plan.Holders(t.question.Outside) {
			t.name(al, out)
		}
		out.other = out.other || t.dynamic(plan) || len(out.who) == 0
	default:
		t.askSource(plan, f.Source.Addr(), outside.IsValid(), out)
	}
}

// askSource asks where the inside address of a flow was. here says that the flow left by the outside address.
func (t *fitting) askSource(plan *alloc.Plan, source netip.Addr, here bool, out *fit) {
	on, elsewhere := false, false
	for _, realm := range plan.Realms() {
		al, err := plan.Lookup(alloc.SubscriberFrom(realm, source))
		switch {
		case err != nil: // no subscriber
		case al.Outside() == t.question.Outside:
			on = true
			t.name(al, out)
		default:
			elsewhere = true
		}
	}
	switch {
	case on:
		out.aside = out.aside || elsewhere && !here
	case elsewhere && !here && !t.dynamic(plan):
		out.aside = true
	default:
		out.other = true
	}
}

// name notes the candidate with an allocation.
func (t *fitting) name(al alloc.Allocation, out *fit) {
	i, ok := t.numbers[al]
	if !ok {
		if i, ok = t.candidates[holding{al.Subscriber(), al.Ports().String()}]; !ok {
			out.other = true
			return
		}
		t.numbers[al] = i
	}
	out.who[i] = al.Subscriber()
}

// dynamic reports whether somebody without a share on the outside address can have ports of it.
func (t *fitting) dynamic(plan *alloc.Plan) bool {
	pool := plan.Trace(t.question.Outside, 0).Pool()
	return pool != nil && pool.DynamicPorts() > 0
}
