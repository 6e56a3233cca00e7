// Package daemon makes the kernel follow the plan in force, and tells what happens.
//
// A Daemon has a Source (a ledger or a plan file, which say what is to be in force at an instant) and a Backend (what the kernel
// has). One goroutine owns its state and decides; one piece of work at a time, everything that may take long, is done beside it,
// so that it goes on answering its watchdog. It changes the kernel in two cases only: another plan is to be in force, or somebody
// else changed what it had applied and Options.Report does not forbid repairs. All other trouble leaves the kernel as it is, and
// is a Problem of the Snapshot.
//
// It keeps nothing on disk but what it saw last, beside a ledger. Who ends it, in whatever way, ends no flow: the next one reads from the kernel what
// there is, and tells the ledger where that was something else than it said.
package daemon
