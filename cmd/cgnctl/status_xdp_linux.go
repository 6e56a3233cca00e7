package main

import (
	"errors"
	"fmt"
	"text/tabwriter"
	"time"

	"github.com/cgnkit/cgnkit/alloc"
	"github.com/cgnkit/cgnkit/ebpf"
)

// heldXDP looks for instances of the XDP backend.
func heldXDP(instance string, flags *planFlags) (all []held, err error) {
	keys, err := flags.readKeys()
	if err != nil {
		return nil, err
	}
	names, err := ebpf.Instances()
	if err != nil {
		return nil, err
	}
	for _, name := range names {
		if instance != "" && instance != name {
			continue
		}
		h, err := heldOf(name, keys)
		if errors.Is(err, ebpf.ErrNotLoaded) {
			continue // it is being made, or was taken away meanwhile
		}
		if err != nil {
			return nil, xdpFault(err, name)
		}
		all = append(all, h)
	}
	return all, nil
}

// heldOf looks at one instance. What cannot be read, because another release made it or a key is missing, is a state.
func heldOf(name string, keys []alloc.Key) (held, error) {
	h := held{backend: xdp, instance: name, flat: flatXDP(ebpf.Status{}), say: func(*tabwriter.Writer) {}}
	d, err := ebpf.Open(name, keys...)
	switch {
	case errors.Is(err, ebpf.ErrVersion):
		h.state = "made by another release, which cannot be read"
		return h, nil
	case errors.Is(err, ebpf.ErrDamaged):
		h.state = "damaged, its record is missing: " + command("remove", xdp, name) + " takes it away, which ends its mappings"
		return h, nil
	case errors.Is(err, alloc.ErrKey):
		h.state = "its plan has scheme random: look with --key-file"
		return h, nil
	case err != nil:
		return h, err
	}
	defer func() { _ = d.Close() }()
	s, err := d.Status()
	if err != nil {
		return h, err
	}
	h.state, h.sha256 = "in force", s.SHA256
	if !s.Release {
		h.state += " with the programs of another release"
	}
	h.flat, h.detail = flatXDP(s), detailXDP(s)
	h.say = func(w *tabwriter.Writer) { sayXDP(w, s) }
	return h, nil
}

// flatXDP returns the numbers of an instance.
func flatXDP(s ebpf.Status) record {
	var subscribers, addresses, tcp, udp, icmp uint64
	for _, p := range s.Pools {
		subscribers, addresses = subscribers+p.Subscribers, addresses+p.Addresses
		tcp, udp, icmp = tcp+p.TCP, udp+p.UDP, icmp+p.ICMP
	}
	var dropped ebpf.Counter
	for _, c := range s.Counters {
		if c.Verdict.Kind() == ebpf.Dropped {
			dropped.Packets, dropped.Bytes = dropped.Packets+c.Packets, dropped.Bytes+c.Bytes
		}
	}
	return record{
		{"subscribers", subscribers}, {"addresses", addresses}, {"tcp", tcp}, {"udp", udp}, {"icmp", icmp}, {"bytes", s.Bytes},
		{"dropped_packets", dropped.Packets}, {"dropped_bytes", dropped.Bytes},
	}
}

// detailXDP returns all there is of an instance.
func detailXDP(s ebpf.Status) record {
	interfaces, pools, packets := []record{}, []record{}, []record{}
	for _, i := range s.Interfaces {
		var realm any
		side := "outside"
		if i.Inside {
			side, realm = "inside", i.Realm
		}
		interfaces = append(interfaces, record{{"name", i.Name}, {"side", side}, {"realm", realm}, {"state", i.State}})
	}
	for _, p := range s.Pools {
		pools = append(pools, record{
			{"name", p.Name}, {"realm", p.Realm}, {"subscribers", p.Subscribers}, {"addresses", p.Addresses}, {"filtering", p.Filtering.String()},
			{"policy", policyRecord(p.Policy)}, {"mappings", record{{"tcp", p.TCP}, {"udp", p.UDP}, {"icmp", p.ICMP}}},
		})
	}
	for _, c := range s.Counters {
		packets = append(packets, record{{"verdict", c.Verdict.String()}, {"kind", c.Verdict.Kind().String()}, {"packets", c.Packets}, {"bytes", c.Bytes}})
	}
	return record{
		{"since", s.Since.Format(time.RFC3339)}, {"this_release", s.Release}, {"interfaces", interfaces}, {"pools", pools},
		{"bytes", s.Bytes}, {"counters", packets},
	}
}

// policyRecord returns a policy with the keys of policy files.
func policyRecord(p ebpf.Policy) record {
	r := record{
		{"udp", p.UDP.String()}, {"icmp", p.ICMP.String()}, {"tcp-established", p.Established.String()}, {"tcp-opening", p.Opening.String()},
		{"tcp-closing", p.Closing.String()}, {"hold-down", p.Hold.String()}, {"hold-down-ports", p.HoldPorts},
		{"limit", record{{"tcp", p.Limit.TCP}, {"udp", p.Limit.UDP}, {"icmp", p.Limit.ICMP}}},
	}
	if p.Rate > 0 {
		r = append(r, record{{"new-per-second", p.Rate}, {"burst", p.Burst}}...)
	}
	return append(r, value{"filtering", p.Filtering.String()}, value{"peers", p.Peers})
}

// sayXDP prints an instance for people.
func sayXDP(w *tabwriter.Writer, s ebpf.Status) {
	fmt.Fprintf(w, "  since\t%s\n", s.Since.Format(time.RFC3339))
	for _, i := range s.Interfaces {
		if i.Inside {
			fmt.Fprintf(w, "  inside\t%s (realm %s): %s\n", i.Name, i.Realm, i.State)
		} else {
			fmt.Fprintf(w, "  outside\t%s: %s\n", i.Name, i.State)
		}
	}
	for _, p := range s.Pools {
		fmt.Fprintf(w, "  pool\t%s (realm %s): %s on %s, %v\n", p.Name, p.Realm, plural(p.Subscribers, "subscriber"), plural(p.Addresses, "address"), p.Filtering)
		fmt.Fprintf(w, "  mappings\ttcp %d, udp %d, icmp %d\n", p.TCP, p.UDP, p.ICMP)
	}
	fmt.Fprintf(w, "  memory\t%.1f MiB of maps\n", float64(s.Bytes)/(1<<20))
	for _, c := range s.Counters {
		if c.Packets > 0 {
			fmt.Fprintf(w, "  %v\t%s: %s\n", c.Verdict, plural(c.Packets, "packet"), c.Verdict.Meaning())
		}
	}
}
