package policyfile

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"

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

// file is the syntax. Values are nodes, so that errors can name their line.
type file struct {
	ShorterThanRFC bool              `yaml:"shorter-than-rfc"`
	Default        policy            `yaml:"default"`
	Pools          map[string]policy `yaml:"pools"`
}

type policy struct {
	UDP         yaml.Node `yaml:"udp"`
	ICMP        yaml.Node `yaml:"icmp"`
	Established yaml.Node `yaml:"tcp-established"`
	Opening     yaml.Node `yaml:"tcp-opening"`
	Closing     yaml.Node `yaml:"tcp-closing"`
	Hold        yaml.Node `yaml:"hold-down"`
	HoldPorts   yaml.Node `yaml:"hold-down-ports"`
	Limit       limit     `yaml:"limit"`
	Rate        yaml.Node `yaml:"new-per-second"`
	Burst       yaml.Node `yaml:"burst"`
	Filtering   yaml.Node `yaml:"filtering"`
	Peers       yaml.Node `yaml:"peers"`
}

type limit struct {
	TCP  yaml.Node `yaml:"tcp"`
	UDP  yaml.Node `yaml:"udp"`
	ICMP yaml.Node `yaml:"icmp"`
}

// Parse reads a policy file. The error wraps ErrPolicy.
func Parse(data []byte) (Policies, error) {
	p, err := parse(data)
	if err != nil {
		return Policies{}, fmt.Errorf("%w: %w", ErrPolicy, err)
	}
	return p, nil
}

func parse(data []byte) (out Policies, err error) {
	var f file
	if len(data) > MaxBytes {
		return out, fmt.Errorf("it has %d bytes, and %d are the most", len(data), MaxBytes)
	}
	dec := yaml.NewDecoder(bytes.NewReader(data))
	dec.KnownFields(true)
	if err := dec.Decode(&f); err != nil && !errors.Is(err, io.EOF) { // an empty file says nothing, and that is all right
		return out, inWordsOfFile(err)
	}
	if err := dec.Decode(new(any)); !errors.Is(err, io.EOF) {
		return out, errors.New("there is more than one document")
	}
	out.Pools = make(map[string]ebpf.Policy, len(f.Pools))
	if out.Default, err = f.Default.over(ebpf.Policy{}, "default", f.ShorterThanRFC); err != nil {
		return out, err
	}
	for _, name := range slices.Sorted(maps.Keys(f.Pools)) {
		if out.Pools[name], err = f.Pools[name].over(out.Default, "pools: "+name, f.ShorterThanRFC); err != nil {
			return out, err
		}
	}
	return out, nil
}
