package softwire

import (
	"errors"
	"fmt"
	"strings"
)

// Errors to compare with errors.Is: what is wrong with a rule, a domain or a binding. A layout or PSID that cannot be
// wraps portset.ErrLayout or portset.ErrPSID.
var (
	// ErrPrefix means: a prefix or address is missing, of the wrong family, has host bits or cannot be used.
	ErrPrefix = errors.New("invalid prefix")
	// ErrLength means: EA bits are too many, reach too far, or contradict the PSID length.
	ErrLength = errors.New("invalid length")
	// ErrOverlap means: two rules or bindings give the same ports of one address, or one prefix, to different routers.
	ErrOverlap = errors.New("rules overlap")
	// ErrConflict means: sharers of one IPv4 address have different PSID offsets or lengths (RFC 7597 section 5.1).
	ErrConflict = errors.New("different PSID layouts on one IPv4 address")
	// ErrRelay means: a border relay or default mapping rule is missing or cannot be used.
	ErrRelay = errors.New("invalid border relay")
	// ErrTooMany means: there are more rules or bindings than can be held.
	ErrTooMany = errors.New("too many")
	// ErrEndUser means: an end-user prefix does not fit the rule that covers it.
	ErrEndUser = errors.New("end-user prefix does not fit the rule")
	// ErrNotGlobal means: the well-known prefix 64:ff9b::/96 must not carry this IPv4 address (RFC 6052 section 3.1).
	ErrNotGlobal = errors.New("IPv4 address is not global")
)

// Errors to compare with errors.Is: why a lookup found nobody, or a source does not pass the check. The functions that
// packets go through return them as they are, so that a refusal allocates nothing.
var (
	// ErrNoRule means: no rule or binding covers the address.
	ErrNoRule = errors.New("no rule covers the address")
	// ErrExcluded means: the port belongs to no PSID, because its first a bits are zero (RFC 7597 section 5.1).
	ErrExcluded = errors.New("the port is excluded from every port set of the address")
	// ErrUnassigned means: the address is shared, and no rule or binding has the PSID of the port.
	ErrUnassigned = errors.New("no router has the PSID of the port")
	// ErrShadowed means: the end-user prefix of that address and port belongs to a rule with a longer IPv6 prefix.
	ErrShadowed = errors.New("a rule with a longer IPv6 prefix has the end-user prefix")
	// ErrIPv4Source means: the IPv4 source is not what the IPv6 source stands for.
	ErrIPv4Source = errors.New("the IPv4 source is not the address of the router that sent it")
	// ErrPort means: the port is in the port set of another router on the same address.
	ErrPort = errors.New("the port is not in the port set of the router that sent it")
	// ErrIPv6Source means: the IPv6 source lies in an end-user prefix and is not its MAP address.
	ErrIPv6Source = errors.New("the IPv6 source is not the MAP address of its end-user prefix")
)

// A Finding is one defect of a specification.
type Finding struct {
	Err  error  // what kind of defect
	Path string // where: "rules[3].ea-len", "bindings[7].psid", or the field alone for a single rule
	Name string // the rule's name, where it has one
	Msg  string // what was given and what is wrong with it
	Hint string // what would be right; may be empty
}

// Error returns path, name and message.
func (f Finding) Error() string {
	if f.Name == "" {
		return fmt.Sprintf("%s: %s", f.Path, f.Msg)
	}
	return fmt.Sprintf("%s (rule %q): %s", f.Path, f.Name, f.Msg)
}

// Unwrap returns f.Err.
func (f Finding) Unwrap() error { return f.Err }

// MaxFindings is the number of findings after which a check gives up.
const MaxFindings = 100

// An InvalidError is what NewRule, NewDomain and NewBindings return: the defects that were found, MaxFindings at most.
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

// findings collects defects.
type findings []Finding

func (fs *findings) add(f ...Finding) {
	*fs = append(*fs, f[:min(len(f), MaxFindings-len(*fs))]...)
}

func (fs findings) full() bool { return len(fs) >= MaxFindings }

// err returns the findings as an error, or nil where there are none.
func (fs findings) err() error {
	if len(fs) == 0 {
		return nil
	}
	return &InvalidError{fs}
}
