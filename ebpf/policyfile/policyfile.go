package policyfile

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"time"

	"go.yaml.in/yaml/v3"

	"github.com/cgnkit/cgnkit/ebpf"
)

// MaxBytes is how long a file may be.
const MaxBytes = 1 << 20

// ErrPolicy means: a policy file is not valid.
var ErrPolicy = errors.New("invalid policy file")

// Policies are what a file says.
type Policies struct {
	Default ebpf.Policy
	Pools   map[string]ebpf.Policy // by name; the default is already in them
}

// file is the syntax.
type file struct {
	ShorterThanRFC bool              `yaml:"shorter-than-rfc"`
	Default        policy            `yaml:"default"`
	Pools          map[string]policy `yaml:"pools"`
}

type policy struct {
	UDP         *time.Duration `yaml:"udp"`
	ICMP        *time.Duration `yaml:"icmp"`
	Established *time.Duration `yaml:"tcp-established"`
	Opening     *time.Duration `yaml:"tcp-opening"`
	Closing     *time.Duration `yaml:"tcp-closing"`
	Hold        *time.Duration `yaml:"hold-down"`
	HoldPorts   *int           `yaml:"hold-down-ports"`
	Limit       limit          `yaml:"limit"`
	Rate        *int           `yaml:"new-per-second"`
	Burst       *int           `yaml:"burst"`
	Filtering   *string        `yaml:"filtering"`
}

type limit struct {
	TCP  *int `yaml:"tcp"`
	UDP  *int `yaml:"udp"`
	ICMP *int `yaml:"icmp"`
}

// filterings are the names of the ways of filtering.
var filterings = map[string]ebpf.Filtering{
	"endpoint-independent":       ebpf.EndpointIndependent,
	"address-dependent":          ebpf.AddressDependent,
	"address-and-port-dependent": ebpf.AddressAndPortDependent,
}

// Parse reads a policy file. The error wraps ErrPolicy.
func Parse(data []byte) (Policies, error) {
	var f file
	if len(data) > MaxBytes {
		return Policies{}, fmt.Errorf("%w: it has %d bytes, and %d are the most", ErrPolicy, len(data), MaxBytes)
	}
	dec := yaml.NewDecoder(bytes.NewReader(data))
	dec.KnownFields(true)
	if err := dec.Decode(&f); err != nil && !errors.Is(err, io.EOF) { // an empty file says nothing, and that is all right
		return Policies{}, fmt.Errorf("%w: %w", ErrPolicy, err)
	}
	if err := dec.Decode(new(any)); !errors.Is(err, io.EOF) {
		return Policies{}, fmt.Errorf("%w: there is more than one document", ErrPolicy)
	}
	out := Policies{Pools: make(map[string]ebpf.Policy, len(f.Pools))}
	var err error
	if out.Default, err = f.Default.over(ebpf.Policy{}, f.ShorterThanRFC); err != nil {
		return Policies{}, fmt.Errorf("%w: default: %w", ErrPolicy, err)
	}
	for _, name := range slices.Sorted(maps.Keys(f.Pools)) {
		if out.Pools[name], err = f.Pools[name].over(out.Default, f.ShorterThanRFC); err != nil {
			return Policies{}, fmt.Errorf("%w: pools: %s: %w", ErrPolicy, name, err)
		}
	}
	return out, nil
}

// over returns what p says, and where it says nothing, what base says.
func (p policy) over(base ebpf.Policy, short bool) (ebpf.Policy, error) {
	out := base
	for _, t := range []struct {
		key   string
		from  *time.Duration
		to    *time.Duration
		least time.Duration
		rfc   string
	}{
		{"udp", p.UDP, &out.UDP, 2 * time.Minute, "RFC 4787 REQ-5"},
		{"icmp", p.ICMP, &out.ICMP, time.Minute, "RFC 5508 REQ-2"},
		{"tcp-established", p.Established, &out.Established, 2*time.Hour + 4*time.Minute, "RFC 5382 REQ-5"},
		{"tcp-opening", p.Opening, &out.Opening, 0, ""}, // RFC 7857 section 2.1: the administrator may
		{"tcp-closing", p.Closing, &out.Closing, 0, ""},
		{"hold-down", p.Hold, &out.Hold, 0, ""},
	} {
		if err := setTime(t.to, t.from, t.least, short); err != nil {
			if t.rfc != "" {
				err = fmt.Errorf("%w (%s)", err, t.rfc)
			}
			return out, fmt.Errorf("%s: %w", t.key, err)
		}
	}
	for _, n := range []struct {
		key  string
		from *int
		to   *int
	}{
		{"limit: tcp", p.Limit.TCP, &out.Limit.TCP}, {"limit: udp", p.Limit.UDP, &out.Limit.UDP}, {"limit: icmp", p.Limit.ICMP, &out.Limit.ICMP},
		{"hold-down-ports", p.HoldPorts, &out.HoldPorts},
		{"new-per-second", p.Rate, &out.Rate}, {"burst", p.Burst, &out.Burst},
	} {
		if n.from != nil {
			*n.to = *n.from
		}
		if n.from != nil && *n.from < 1 {
			return out, fmt.Errorf("%s: %d is not at least 1; leave it out for no limit", n.key, *n.from)
		}
	}
	if p.Filtering != nil {
		f, ok := filterings[*p.Filtering]
		if !ok {
			return out, fmt.Errorf("filtering: %q is none of %q", *p.Filtering, slices.Sorted(maps.Keys(filterings)))
		}
		out.Filtering = f
	}
	return out, nil
}

// longest is the longest time: more is a slip of the pen, and mappings would never end.
const longest = 7 * 24 * time.Hour

func setTime(to, from *time.Duration, least time.Duration, short bool) error {
	switch {
	case from == nil:
		return nil
	case *from < 0 || *from > longest:
		return fmt.Errorf("%v is not from 0s to %v", *from, longest)
	case *from == 0 && least > 0:
		return errors.New("0s is no time")
	case *from < least && !short:
		return fmt.Errorf("%v is shorter than %v; shorter-than-rfc: true allows it", *from, least)
	}
	*to = *from
	return nil
}
