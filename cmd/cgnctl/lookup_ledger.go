package main

import (
	"errors"
	"fmt"
	"net/netip"
	"time"

	"github.com/cgnkit/cgnkit/alloc"
	"github.com/cgnkit/cgnkit/alloc/ledger"
)

// A past is what the epochs of a window say about an inside address.
type past struct {
	rows  []record
	seen  map[string]bool // realm and share
	empty int             // epochs in which it was no subscriber
	asked int
}

// lookupLedger answers the forward question over time: which shares had an inside address in a window.
func (e *env) lookupLedger(led *ledger.Ledger, prefix netip.Prefix, realm string, first, last time.Time, format string) error {
	epochs, gap := led.Between(first, last)
	if len(epochs) == 0 {
		_, err := led.AtInstant(last)
		return err
	}
	p, a := past{seen: map[string]bool{}}, alloc.Subscriber{Prefix: prefix}.Text()
	for _, ep := range epochs {
		if err := p.ask(led, ep, prefix, realm); err != nil {
			return err
		}
	}
	if len(p.rows) == 0 {
		return &fault{code: exitNobody, msg: fmt.Sprintf("%v was not a subscriber: %s asked", a, plural(uint64(p.asked), "epoch"))}
	}
	certain := len(p.rows) == 1 && p.empty == 0 && !gap
	var err error
	if format == "json" && !certain {
		err = printRecords(e.stdout, format, record{{"status", "ambiguous"}, {"candidates", p.rows}})
	} else {
		err = printRecords(e.stdout, format, forPeople(format, p.rows...)...)
	}
	if err != nil || certain {
		return err
	}
	msg := fmt.Sprintf("%s of %v between %s and %s", plural(uint64(len(p.rows)), "share"), a, stamp(first), stampLast(last))
	if p.empty > 0 {
		msg += fmt.Sprintf("; in %s it was no subscriber", plural(uint64(p.empty), "epoch"))
	}
	if gap {
		msg += "; " + gapText(led, first)
	}
	return &fault{code: exitAmbiguous, msg: msg}
}

// ask asks one epoch.
func (p *past) ask(led *ledger.Ledger, ep ledger.Epoch, a netip.Prefix, realm string) error {
	plan, err := led.Plan(ep)
	if err != nil {
		return err
	}
	p.asked++
	found := false
	for _, r := range realmsOf(plan, a, realm) {
		al, err := plan.Lookup(alloc.Subscriber{Realm: r, Prefix: a})
		if errors.Is(err, alloc.ErrNotSubscriber) || errors.Is(err, alloc.ErrExcluded) {
			continue
		}
		if err != nil {
			return err
		}
		found = true
		if key := al.Subscriber().String() + " " + outsideText(al) + " " + al.Ports().String(); !p.seen[key] {
			p.seen[key] = true
			p.rows = append(p.rows, append(forward(al), ofEpoch(ep)...))
		}
	}
	if !found {
		p.empty++
	}
	return nil
}
