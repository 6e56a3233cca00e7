package alloc

import (
	"errors"
	"fmt"
	"strings"
)

// Errors to compare with errors.Is. Each Finding wraps one of them.
var (
	// ErrAddress means: a text or value is not an IPv4 address, prefix or range that can be used.
	ErrAddress = errors.New("invalid address")
	// ErrName means: a pool or realm has no name, an unusable one, or one that another pool has.
	ErrName = errors.New("invalid name")
	// ErrEmpty means: a pool has no subscribers or no outside addresses.
	ErrEmpty = errors.New("nothing to allocate")
	// ErrDuplicate means: an inside address stands twice in one realm, or has two listed shares.
	ErrDuplicate = errors.New("inside address listed twice")
	// ErrOverlap means: an outside address stands twice, in one pool or in two, or two listed shares have a port of it.
	ErrOverlap = errors.New("outside addresses overlap")
	// ErrLoop means: an outside address lies in an inside range of the same realm, or in a destination that is not translated.
	ErrLoop = errors.New("outside address inside")
	// ErrDestination means: a destination is malformed, stands twice in a plan, or is one too many.
	ErrDestination = errors.New("invalid destination")
	// ErrShare means: a text is no share, or a plan lists too many.
	ErrShare = errors.New("invalid share")
	// ErrScheme means: a scheme is unknown, or a parameter does not belong to it.
	ErrScheme = errors.New("invalid scheme")
	// ErrPorts means: the usable ports, the ports per subscriber and the sharing ratio cannot be met together.
	ErrPorts = errors.New("ports do not fit")
	// ErrCapacity means: there are more subscribers than shares.
	ErrCapacity = errors.New("subscribers do not fit")
	// ErrSoftwire means: a rule of MAP or a binding of lw4o6 is wrong, or something does not belong to the kind of pool. What is
	// wrong with rules and bindings wraps an error of package softwire as well.
	ErrSoftwire = errors.New("invalid MAP or lw4o6 pool")
	// ErrKey means: a key of a Random pool is missing or malformed.
	ErrKey = errors.New("invalid key")
	// ErrCanonical means: bytes are not a plan in canonical form.
	ErrCanonical = errors.New("invalid canonical plan")

	// ErrNotSubscriber means: the plan has no such subscriber.
	ErrNotSubscriber = errors.New("not a subscriber of this plan")
	// ErrExcluded means: the inside address was listed and then excluded.
	ErrExcluded = errors.New("inside address is excluded")
)

// A Finding is one defect of a Spec.
type Finding struct {
	Err  error  // what kind of defect: one of the Err variables of this package
	Path string // where: "pools[1].outside[0]", in the words of the plan file
	Pool string // the pool's name, empty where no single pool is meant
	Msg  string // what was given and what is wrong with it
	Hint string // what would be right; may be empty
}

// Error returns the message without the hint.
func (f Finding) Error() string {
	if f.Pool == "" {
		return f.Msg
	}
	return fmt.Sprintf("pool %q: %s", f.Pool, f.Msg)
}

// Unwrap returns f.Err.
func (f Finding) Unwrap() error { return f.Err }

// An InvalidError is what NewPlan returns for a Spec that is no valid plan: all defects that were found.
type InvalidError struct{ Findings []Finding }

// Error returns the messages of all findings, one a line.
func (e *InvalidError) Error() string {
	lines := make([]string, len(e.Findings))
	for i, f := range e.Findings {
		lines[i] = f.Error()
	}
	return strings.Join(lines, "\n")
}

// Unwrap returns the findings.
func (e *InvalidError) Unwrap() []error {
	errs := make([]error, len(e.Findings))
	for i, f := range e.Findings {
		errs[i] = f
	}
	return errs
}
