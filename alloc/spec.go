package alloc

import "github.com/cgnkit/cgnkit/portset"

// A Spec describes a plan before it is checked: plain data, as a plan file or a command line says it. NewPlan turns it
// into a Plan.
type Spec struct {
	Pools []PoolSpec // of kind NAT44
	Keys  []Key      // the keys of Random pools, in any order

	Softwires []SoftwireSpec // pools of MAP and lw4o6; at least one pool of some kind

	// NoTranslate lists what is not translated, whatever the pool: at most 65,536 destinations, 1,024 of them with ports,
	// each once. Only a destination of all addresses with ports may hold outside addresses of a pool. See Plan.NoTranslate.
	NoTranslate []Destination
}

// A PoolSpec describes one pool. Fields that are left zero take the stated default.
type PoolSpec struct {
	Name  string // required, unique in the plan: a letter or digit, then letters, digits, '.', '_' and '-', 64 at most
	Realm string // the inside address space; "" = DefaultRealm

	Inside        []AddrRange // the subscribers, in order; required
	ExcludeInside []AddrRange // inside addresses that are no subscribers
	Outside       []AddrRange // the outside addresses, in order (never sorted); required
	// ExcludeOutside lists outside addresses that get no subscribers.
	ExcludeOutside []AddrRange
	// SkipEdges excludes the first and last address of every inside and outside prefix shorter than /31.
	SkipEdges bool

	Scheme Scheme // 0 = Sequential

	// Ports is the usable port range; the zero Range = 1024-65535, and 1-65535 for Explicit, whose list says by itself which ports
	// are given to whom. Port 0 is never usable. Ports outside are reserved.
	Ports portset.Range
	// Reserve lists further reserved ports; the zero Set = none.
	Reserve portset.Set

	// PortsPerSubscriber is S and SharingRatio is C; 0 = derived from the other. Without both, C is the smallest ratio at
	// which all subscribers fit. See RFC 7422 section 2, where C+D is the divisor.
	PortsPerSubscriber, SharingRatio int
	// DynamicShares sets RFC 7422's D shares per address aside for dynamic blocks, DynamicPorts a number of ports per
	// address. At most one of them may be set.
	DynamicShares, DynamicPorts int

	// PSIDOffset is a, nil = 6; PSIDLength is k, nil = derived from the sharing ratio. Scheme PSID only.
	PSIDOffset, PSIDLength *int
	// StepSize is T, the number of interleaved owners in a window. Scheme Step only, and required there.
	StepSize int
	// KeyID names the key. Scheme Random only, and required there.
	KeyID string

	// Shares lists who has what, one share a subscriber, 16,777,216 at most in a plan. Scheme Explicit only, and required there; the
	// fields above from Inside to SkipEdges and the sizes are not given then. The inside order is that of the list, the outside
	// order that in which addresses appear first. Every port of a share must be usable.
	Shares []ExplicitShare

	// dynamic says that what shares leave on an address is set aside. ParseCanonical has resolved sizes and only this.
	dynamic bool
}

// defaultPorts returns the ports that are usable when nothing else is said.
func (s *PoolSpec) defaultPorts() portset.Range {
	first := 1024
	if s.scheme() == Explicit {
		first = 1
	}
	r, _ := portset.NewRange(first, portset.PortCount-1)
	return r
}
