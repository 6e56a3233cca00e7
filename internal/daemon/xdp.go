package daemon

import (
	"github.com/cgnkit/cgnkit/alloc"
	"github.com/cgnkit/cgnkit/ebpf"
)

// An XDPConfig is what an instance of the XDP backend is to be, besides its plan.
type XDPConfig struct {
	Instance        string
	Inside, Outside []ebpf.Interface // of a side without any, those that the instance has
	// Policies returns how pools behave, and the text that it comes from. nil = what the instance has.
	Policies func() (all ebpf.Policy, pools map[string]ebpf.Policy, text []byte, err error)
	// Key returns what ports follow from. nil = what the instance has, or a random one.
	Key func() (ebpf.Key, error)
	// Keys returns the keys of plans with scheme random.
	Keys func() ([]alloc.Key, error)
	// Present returns the interfaces that the host has by name, each with what changes when it is made anew, set up or down. With nil, what
	// failed for want of an interface waits for its turn.
	Present func() (map[string]string, error)
}
