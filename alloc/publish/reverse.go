package publish

import (
	"errors"
	"fmt"
	"iter"
	"strings"

	"github.com/cgnkit/cgnkit/alloc"
)

// ErrZone is wrapped by errors about what a zone needs and does not have.
var ErrZone = errors.New("incomplete zone")

// A ReverseSpec says how the reverse zones of a plan are written.
type ReverseSpec struct {
	Template    Template
	NameServers []string // host names, the primary first; at least one, none below the zones
	Hostmaster  string   // "hostmaster@example.net", or as a name
	Serial      uint32   // grows with every change; 0 is invalid
	TTL         uint32   // seconds, at most 2^31-1 (RFC 2181 section 8); 0 is 86400
	Classless   bool     // RFC 2317: a zone for each run of addresses that is no whole /24
}

// A Reverse has the reverse zones of the outside addresses of a plan.
type Reverse struct {
	spec     ReverseSpec
	hostmail string
	blocks   []block
	plan     string // its SHA-256
}

// NewReverse checks a spec. The error wraps ErrName or ErrZone. It takes 16 bytes for each address range of the plan.
func NewReverse(p *alloc.Plan, s ReverseSpec) (*Reverse, error) {
	r := &Reverse{spec: s, blocks: blocks(p), plan: p.SHA256()}
	switch {
	case len(s.Template.parts) == 0:
		return nil, fmt.Errorf("%w: no template for the names of addresses", ErrZone)
	case len(s.NameServers) == 0:
		return nil, fmt.Errorf("%w: no name server", ErrZone)
	case s.Serial == 0:
		return nil, fmt.Errorf("%w: no serial number: secondary servers take a zone only if it has grown", ErrZone)
	case s.TTL > 1<<31-1:
		return nil, fmt.Errorf("%w: TTL %d: at most 2147483647 seconds", ErrZone, s.TTL)
	case s.TTL == 0:
		r.spec.TTL = 86400
	}
	for _, ns := range s.NameServers {
		if err := checkHost(ns); err != nil {
			return nil, fmt.Errorf("name server: %w", err)
		}
		if strings.HasSuffix(strings.ToLower(absolute(ns)), ".in-addr.arpa.") {
			return nil, fmt.Errorf("name server: %w %q: it would need an address in the zone itself", ErrName, ns)
		}
	}
	var err error
	if r.hostmail, err = mailbox(s.Hostmaster); err != nil {
		return nil, fmt.Errorf("hostmaster: %w", err)
	}
	for pool := range p.AllPools() {
		if err := checkHost(string(s.Template.append(nil, addr4(1<<32-1), pool.Name()))); err != nil {
			return nil, fmt.Errorf("pool %q: %w", pool.Name(), err)
		}
	}
	return r, nil
}

// Zones yields the zones in ascending order of their addresses: one for each /24 that has outside addresses. With Classless, a
// /24 that is not wholly of the plan has a zone for each run of addresses instead.
func (r *Reverse) Zones() iter.Seq[Zone] {
	return func(yield func(Zone) bool) {
		for net, runs := range r.nets() {
			if !r.spec.Classless || whole(runs) {
				if !yield(Zone{r, net, runs, false}) {
					return
				}
				continue
			}
			for run := range neighbours(runs) {
				if !yield(Zone{r, net, run, true}) {
					return
				}
			}
		}
	}
}

// nets yields each /24 that has outside addresses, by its first address, with the blocks cut at its ends.
func (r *Reverse) nets() iter.Seq2[uint32, []block] {
	return func(yield func(uint32, []block) bool) {
		var runs []block
		var net uint32
		for _, b := range r.blocks {
			for next := uint64(b.first); next <= uint64(b.last); next = next&^0xff + 0x100 {
				if n := uint32(next) &^ 0xff; len(runs) > 0 && n != net {
					if !yield(net, runs) {
						return
					}
					runs = nil // the consumer may keep it
				}
				net = uint32(next) &^ 0xff
				runs = append(runs, block{uint32(next), min(b.last, net|0xff), b.pool})
			}
		}
		if len(runs) > 0 {
			yield(net, runs)
		}
	}
}

// whole reports whether the runs of a /24 are all of it.
func whole(runs []block) bool {
	n := 0
	for _, b := range runs {
		n += int(b.last-b.first) + 1
	}
	return n == 256
}

// neighbours yields the runs that continue each other together.
func neighbours(runs []block) iter.Seq[[]block] {
	return func(yield func([]block) bool) {
		start := 0
		for i := 1; i <= len(runs); i++ {
			if i < len(runs) && runs[i].first == runs[i-1].last+1 {
				continue
			}
			if !yield(runs[start:i]) {
				return
			}
			start = i
		}
	}
}
