package ebpf

import (
	"errors"
	"fmt"
	"os"

	"github.com/cgnkit/cgnkit/alloc"
	"github.com/cgnkit/cgnkit/ebpf/internal/bpf"
)

// A DifferenceKind says how the kernel departs from a plan.
type DifferenceKind uint8

// Kinds of differences.
const (
	Missing DifferenceKind = iota + 1 // the kernel lacks it
	Changed                           // the kernel has something else
	Surplus                           // the kernel has it beyond the plan
)

// String returns "missing", "changed" or "surplus".
func (k DifferenceKind) String() string {
	if k < Missing || k > Surplus {
		return "invalid"
	}
	return [...]string{Missing: "missing", Changed: "changed", Surplus: "surplus"}[k]
}

// A Difference is one departure of the kernel from a plan.
type Difference struct {
	Kind   DifferenceKind
	What   string // "plan", "map rows", "xdp program on eth0", "slots of 192.0.2.1", "tcp port 2000 of 192.0.2.1"
	Detail string
	// Misleading says that by it somebody else than the plan says may have a port.
	Misleading bool
	// OtherRelease says that it is there because another release made what the kernel has: nobody changed it.
	OtherRelease bool
}

// A bearing is what a difference has to do with who has which port.
type bearing uint8

const (
	// harmless is what gives nobody a port of somebody else: no packet meets it, as it does not meet the pin of a link; or packets are dropped,
	// left to the host untranslated, take the slow way, or have other times and limits.
	harmless bearing = iota
	// misleading is what says who has a port, or reads that, and what keeps that from being compared.
	misleading
	// ofRelease is what another release has made otherwise.
	ofRelease
)

// unlessReleased returns the bearing of something that every release makes by its own programs: it may be as another one wants it.
func (v *verifier) unlessReleased(b bearing) bearing {
	if v.record.Object != bpf.Digest() {
		return ofRelease
	}
	return b
}

// String returns the difference as a sentence.
func (d Difference) String() string { return fmt.Sprintf("%s: %v: %s", d.What, d.Kind, d.Detail) }

// Verified is the result of Verify.
type Verified struct {
	// Differences is the number of departures of the kernel from the plan; 0 means that the kernel equals the plan.
	Differences uint64
	// Misleading is how many of them may give a port to somebody else than the plan says. A program that does not run, a
	// policy and what only keeps packets from passing give none. What cannot be compared, as its pin is gone, may.
	Misleading uint64
	// OtherRelease is how many of them are there because another release made what the kernel has. Apply replaces it.
	OtherRelease uint64
	// Notes are what does not change what packets meet, or could not be looked at.
	Notes []string
	// Entries is how many entries of maps were read and compared, and Mappings how many slots have an owner, who owns the port.
	Entries, Mappings uint64
}

// Verify compares the kernel with a plan, and calls found with every difference. It trusts nothing but the kernel: it reads the
// record of the instance, every entry of every map of the plan, the policies, the slots and accounts of every outside address,
// the programs and where they run, and looks into every slot whether its owner owns the port. It changes nothing.
//
// What the programs know of interfaces is compared with those of the host, where the calling thread is in the network namespace of
// the instance; it is a note if not. An interface that others have made since Apply is a note, too: packets that leave by it
// take the slow way, which is right.
//
// How many ports accounts say are in use is not compared. The number changes with packets, under a lock that only programs
// can take, so that a difference from the slots means nothing; and it is an estimate after a change of shares. Programs do not
// trust it either: who reaches a limit has the ports counted. Tidy puts it right.
//
// It takes about a millisecond for an outside address, and some time for every mapping. The error is for what kept it from
// comparing; it wraps ErrChanged where the instance was changed meanwhile.
func (d *Datapath) Verify(plan *alloc.Plan, found func(Difference)) (Verified, error) {
	v, err := newVerifier(d.generation, plan, found)
	if err != nil {
		return Verified{}, err
	}
	if err := errors.Join(v.verify(), d.current()); err != nil {
		return Verified{}, fmt.Errorf("verify instance %s: %w", d.folder.instance, err)
	}
	if _, err := os.Stat(d.folder.next()); err == nil {
		v.Notes = append(v.Notes, "another process is changing the instance, or was ended while it did; the next apply finishes that or takes it back")
	}
	return v.Verified, nil
}

// A verifier compares a generation with a plan.
type verifier struct {
	Verified
	*generation // with the plan that is wanted, and its tables
	found       func(Difference)
	foreign     map[int]bool // rows with slots of somebody who does not own the port
}

func newVerifier(g *generation, plan *alloc.Plan, found func(Difference)) (*verifier, error) {
	want := *g
	want.plan = plan
	if plan != g.plan {
		var err error
		if want.tables, err = NewTables(plan); err != nil {
			return nil, err
		}
	}
	return &verifier{generation: &want, found: found, foreign: make(map[int]bool)}, nil
}

func (v *verifier) verify() error {
	if v.record.SHA256 != v.plan.SHA256() {
		v.differ(misleading, Changed, "plan", "%s is in force, not %s", v.record.SHA256, v.plan.SHA256())
	}
	for _, step := range []func() error{v.verifyPrograms, v.verifyMaps, v.verifyPolicies, v.verifyWires, v.verifyRows} {
		if err := step(); err != nil {
			return err
		}
	}
	return nil
}

// differ reports a difference.
func (v *verifier) differ(b bearing, kind DifferenceKind, what, detail string, args ...any) {
	v.count(newDifference(b, kind, what, detail, args...))
}

func newDifference(b bearing, kind DifferenceKind, what, detail string, args ...any) Difference {
	if b == ofRelease {
		detail += "; made by another release"
	}
	return Difference{Kind: kind, What: what, Detail: fmt.Sprintf(detail, args...), Misleading: b == misleading, OtherRelease: b == ofRelease}
}

// count counts and reports a difference.
func (v *verifier) count(d Difference) {
	v.Differences++
	if d.Misleading {
		v.Misleading++
	}
	if d.OtherRelease {
		v.OtherRelease++
	}
	v.found(d)
}

// damage looks for differences of a generation from its own plan. rows are those with slots of somebody who does not own the
// port; whole says that all else is as it should be.
func (g *generation) damage() (rows []int, whole bool, err error) {
	other := 0
	v, err := newVerifier(g, g.plan, func(d Difference) {
		if d.Kind != Surplus {
			other++
		}
	})
	if err == nil {
		err = v.verify()
	}
	if err != nil {
		return nil, false, err
	}
	for row := range v.foreign {
		rows = append(rows, row)
	}
	return rows, other == 0, nil
}
