package ledger

import (
	"fmt"
	"time"
)

// Heed has the ledger answer as the daemon that follows it would: what stood beside the ledger when it was opened says which epochs may not have come
// into force by now, so that what was before is possible, too. Unsure and Warnings say since when that
// is so. The error says that what stands there cannot be read. A daemon, which knows better, does not call it, and nobody may while
// others ask the ledger.
func (l *Ledger) Heed(now time.Time) error { return l.HeedAsOf(now, now) }

// HeedAsOf is Heed as of another instant than that which the clock says now.
func (l *Ledger) HeedAsOf(at, now time.Time) error {
	if l.memoryErr != nil {
		return fmt.Errorf("%w: it says which epochs came into force", l.memoryErr)
	}
	m, err := l.parseMemory(l.memory)
	if err != nil {
		return fmt.Errorf("%w: it says which epochs came into force; put it back from where the ledger comes from, or remove it if all did", err)
	}
	l.heedDeparture(m, now)
	l.heedDepartures(m)
	want, err := l.AtInstant(at)
	if err != nil || m.IsZero() {
		return nil //nolint:nilerr // where no epoch covers the present time, none can be late
	}
	twice, lived := l.lacking(m, at)
	l.unsure, l.had = l.OpenSince(m, m.PlanSHA256, want, at)
	for _, sha := range lived {
		l.had = with(l.had, sha)
	}
	if l.unsure = earlier(l.unsure, twice); !l.unsure.IsZero() {
		l.warnings = append(l.warnings, fmt.Sprintf("by %s%s the kernel may not have had what the ledger says since %s: from then on what was in force before is possible, too; "+
			"cgnd records how it was when it runs again; if nothing of cgnd follows this ledger any longer, remove that file", l.name, MemorySuffix, stamp(l.unsure)))
	}
	return nil
}

// heedDeparture has nobody be named alone from when the kernel may have departed from its plan. Where the clock was set back since that was noted, nobody knows
// what it has said since then: any time.
func (l *Ledger) heedDeparture(m Memory, now time.Time) {
	if m.Departed.IsZero() || len(l.time.epochs) == 0 {
		return
	}
	since := "since " + stamp(m.Departed)
	if l.departed = m.Departed; m.Ahead(now) {
		l.departed = earlier(m.Departed, l.time.epochs[0].From)
		since += ", and the clock was set back since: it is not known who had ports at any time until cgnd runs again"
	} else {
		since += ": who had ports from then on is not known"
	}
	l.warnings = append(l.warnings, fmt.Sprintf("by %s%s somebody changed what the kernel has of its plan, or it cannot be looked at, %s", l.name, MemorySuffix, since))
}

// heedDepartures has nobody be named alone for times of that kind that are over.
func (l *Ledger) heedDepartures(m Memory) {
	if l.departures = l.Unrecorded(m.Departures); len(l.departures) > 0 {
		l.warnings = append(l.warnings, fmt.Sprintf("by %s%s who had ports between %s is not known: somebody had changed what the kernel has of its plan; "+
			"cgnd records it when it runs again", l.name, MemorySuffix, departuresText(l.departures)))
	}
}

// Unsure returns since when epochs may not have come into force, or the kernel may have departed from its plan, by what Heed found; the zero Time = nothing is
// in doubt.
func (l *Ledger) Unsure() time.Time { return earlier(l.unsure, l.departed) }
