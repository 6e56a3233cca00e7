package live

import (
	"context"
	"iter"

	"github.com/cgnkit/cgnkit/alloc"
	"github.com/cgnkit/cgnkit/ebpf"
	"github.com/cgnkit/cgnkit/internal/metrics"
)

// XDP reads the accounts of subscribers. It implements metrics.Reader, and is safe for several goroutines where its function is.
type XDP struct {
	// Datapath returns the instance as it is open now, or nil. It is called once for a reading, so that the daemon may open another
	// one after an apply.
	Datapath func() *ebpf.Datapath
}

// HasSessions implements metrics.Reader.
func (x XDP) HasSessions() bool { return false }

// Uses implements metrics.Reader. Where the instance has another plan by now, its shares are looked up in the one that is asked for,
// and those that are not the same are left out.
func (x XDP) Uses(ctx context.Context, plan *alloc.Plan) iter.Seq2[metrics.Use, error] {
	return func(yield func(metrics.Use, error) bool) {
		d := x.Datapath()
		if d == nil {
			yield(metrics.Use{}, ebpf.ErrNotLoaded)
			return
		}
		for u, err := range d.Uses() {
			if err == nil {
				err = ctx.Err()
			}
			if err != nil {
				yield(metrics.Use{}, err)
				return
			}
			share, err := plan.Lookup(u.Share.Subscriber())
			if err != nil || share.Outside() != u.Share.Outside() || !share.Ports().Equal(u.Share.Ports()) {
				continue
			}
			p := metrics.Protocols{TCP: uint64(u.TCP), UDP: uint64(u.UDP), ICMP: uint64(u.ICMP)}
			if !yield(metrics.Use{Share: share, Ports: p, Mappings: p}, nil) {
				return
			}
		}
	}
}

// PacketsOf turns the counters of an instance into those of a metrics.Snapshot: results are those of the docs, and reasons the names
// of verdicts without the result before them.
func PacketsOf(counters []ebpf.Counter) (out []metrics.PacketCount) {
	for _, c := range counters {
		result, reason := result(c.Verdict)
		out = append(out, metrics.PacketCount{Result: result, Reason: reason, Packets: c.Packets, Bytes: c.Bytes})
	}
	return out
}

// InterfacesOf turns the interfaces of an instance's Status into those of a metrics.Snapshot.
func InterfacesOf(interfaces []ebpf.InterfaceStatus) (out []metrics.Interface) {
	for _, i := range interfaces {
		side := "outside"
		if i.Inside {
			side = "inside"
		}
		out = append(out, metrics.Interface{Name: i.Name, Side: side, Up: i.State == "up"})
	}
	return out
}

// RefusalsOf turns tallies of an instance into the refusals of a metrics.Snapshot.
func RefusalsOf(t ebpf.Tallies) []metrics.Refusal {
	return []metrics.Refusal{
		{Kind: ebpf.Exhausted.String(), Count: t.Exhausted}, {Kind: ebpf.LimitHit.String(), Count: t.Limit}, {Kind: ebpf.RateHit.String(), Count: t.Rate},
	}
}

// MappingsOf turns tallies of an instance into the mappings of a metrics.Snapshot that were made.
func MappingsOf(t ebpf.Tallies) *metrics.Protocols {
	return &metrics.Protocols{TCP: t.TCP, UDP: t.UDP, ICMP: t.ICMP}
}

// planes is how many protocols have slots.
const planes = 3

// SlotsOf returns how full the slots of an instance are, as of a reading: each outside address has 65,536 of each protocol.
func SlotsOf(u *metrics.Usage, pools []metrics.Pool) metrics.MapFill {
	f := metrics.MapFill{Name: "slots"}
	for _, p := range u.Pools {
		f.Entries += p.Mappings.TCP + p.Mappings.UDP + p.Mappings.ICMP
	}
	for _, p := range pools {
		f.Capacity += p.Addresses * planes << 16
	}
	return f
}

// UseOf turns an account into what a subscriber uses, and how many mappings it may have.
func UseOf(a ebpf.Account) (use metrics.Use, limit metrics.Protocols) {
	p := metrics.Protocols{TCP: uint64(a.TCP.Used), UDP: uint64(a.UDP.Used), ICMP: uint64(a.ICMP.Used)}
	limit = metrics.Protocols{TCP: uint64(a.TCP.Limit), UDP: uint64(a.UDP.Limit), ICMP: uint64(a.ICMP.Limit)}
	return metrics.Use{Share: a.Share, Ports: p, Mappings: p}, limit
}
