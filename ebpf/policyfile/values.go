package policyfile

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"time"

	"go.yaml.in/yaml/v3"

	"github.com/cgnkit/cgnkit/ebpf"
)

// filterings are the names of the ways of filtering.
var filterings = map[string]ebpf.Filtering{
	"endpoint-independent":       ebpf.EndpointIndependent,
	"address-dependent":          ebpf.AddressDependent,
	"address-and-port-dependent": ebpf.AddressAndPortDependent,
}

// A setting is a key of the syntax, and how its value is read.
type setting struct {
	key  string
	node yaml.Node
	read func(text string) error
}

// over returns what p says, and where it says nothing, what base says. Errors name where p stands.
func (p policy) over(base ebpf.Policy, where string, short bool) (ebpf.Policy, error) {
	out := base
	for _, s := range slices.Concat(p.times(&out, short), p.numbers(&out), []setting{{"filtering", p.Filtering, filteringTo(&out.Filtering)}}) {
		if err := s.set(); err != nil {
			return out, fmt.Errorf("line %d: %s: %s: %w", s.node.Line, where, s.key, err)
		}
	}
	if out.Burst > 0 && out.Rate == 0 { // which only a burst of p itself can cause
		return out, fmt.Errorf("line %d: %s: burst: it means nothing without new-per-second: give both, or neither", p.Burst.Line, where)
	}
	return out, nil
}

// set reads the value, if there is one.
func (s setting) set() error {
	n := &s.node
	if n.Kind == yaml.AliasNode {
		n = n.Alias
	}
	switch {
	case n.IsZero() || n.ShortTag() == "!!null":
		return nil
	case n.Kind != yaml.ScalarNode:
		return errors.New("want one value, and this is a list or has keys")
	}
	return s.read(n.Value)
}

// times returns the settings that are times.
func (p policy) times(out *ebpf.Policy, short bool) []setting {
	minimum := func(least time.Duration, rfc string, to *time.Duration) func(string) error {
		return func(text string) error {
			err := readTime(to, text, least, short)
			if err != nil && rfc != "" {
				err = fmt.Errorf("%w (%s)", err, rfc)
			}
			return err
		}
	}
	return []setting{
		{"udp", p.UDP, minimum(2*time.Minute, "RFC 4787 REQ-5", &out.UDP)},
		{"icmp", p.ICMP, minimum(time.Minute, "RFC 5508 REQ-2", &out.ICMP)},
		{"tcp-established", p.Established, minimum(2*time.Hour+4*time.Minute, "RFC 5382 REQ-5", &out.Established)},
		{"tcp-opening", p.Opening, minimum(0, "", &out.Opening)}, // RFC 7857 section 2.1: the administrator may
		{"tcp-closing", p.Closing, minimum(0, "", &out.Closing)},
		{"hold-down", p.Hold, minimum(0, "", &out.Hold)},
	}
}

func readTime(to *time.Duration, text string, least time.Duration, short bool) error {
	d, err := time.ParseDuration(text)
	switch {
	case err != nil:
		return fmt.Errorf("%q is no time; for example 5m, 90s or 2h4m", text)
	case d < 0 || d > ebpf.MaxTime:
		return fmt.Errorf("%v is not from 0s to %v", d, ebpf.MaxTime)
	case d == 0 && least > 0:
		return errors.New("0s is no time")
	case d < least && !short:
		return fmt.Errorf("%v is shorter than %v; shorter-than-rfc: true, at the top of the file beside default, allows it", d, least)
	}
	*to = d
	return nil
}

// numbers returns the settings that are numbers.
func (p policy) numbers(out *ebpf.Policy) []setting {
	most := func(n int, to *int) func(string) error {
		return func(text string) error { return readNumber(to, text, n) }
	}
	return []setting{
		{"limit: tcp", p.Limit.TCP, most(ebpf.MaxPorts, &out.Limit.TCP)},
		{"limit: udp", p.Limit.UDP, most(ebpf.MaxPorts, &out.Limit.UDP)},
		{"limit: icmp", p.Limit.ICMP, most(ebpf.MaxPorts, &out.Limit.ICMP)},
		{"hold-down-ports", p.HoldPorts, most(ebpf.MaxPorts, &out.HoldPorts)},
		{"new-per-second", p.Rate, most(ebpf.MaxRate, &out.Rate)},
		{"burst", p.Burst, most(ebpf.MaxBurst, &out.Burst)},
		{"peers", p.Peers, most(ebpf.MaxPeers, &out.Peers)},
	}
}

// readNumber reads a whole number in decimal digits; what YAML makes of 010, 0x10 or 1e3 is not what everybody expects.
func readNumber(to *int, text string, most int) error {
	n, err := strconv.Atoi(text)
	switch {
	case errors.Is(err, strconv.ErrRange) || n > most:
		return fmt.Errorf("%s is more than %d, which is the most; leave it out for the default", text, most)
	case err != nil:
		return fmt.Errorf("%q is no whole number", text)
	case n < 1:
		return fmt.Errorf("%s is not at least 1; leave it out for the default", text)
	}
	*to = n
	return nil
}

func filteringTo(to *ebpf.Filtering) func(string) error {
	return func(text string) error {
		f, ok := filterings[text]
		if !ok {
			return fmt.Errorf("%q is none of %q", text, slices.Sorted(maps.Keys(filterings)))
		}
		*to = f
		return nil
	}
}
