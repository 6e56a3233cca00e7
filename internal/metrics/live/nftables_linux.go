package live

import (
	"context"
	"iter"

	"github.com/cgnkit/cgnkit/alloc"
	"github.com/cgnkit/cgnkit/internal/metrics"
	"github.com/cgnkit/cgnkit/nat44"
)

// NFTables reads conntrack. It implements metrics.Reader. Make one with OpenNFTables; it is for one goroutine at a time.
type NFTables struct{ kernel *nat44.Kernel }

// OpenNFTables connects to the network namespace of the calling thread; see nat44.Open for what it takes. The connection is one of
// its own, so that a long listing does not keep an apply waiting.
func OpenNFTables() (*NFTables, error) {
	k, err := nat44.Open()
	if err != nil {
		return nil, err
	}
	return &NFTables{k}, nil
}

// Close ends the connection.
func (n *NFTables) Close() { n.kernel.Close() }

// Packets returns what the instance counts: what subscribers have sent and no rule translated. The error wraps nat44.ErrNotLoaded.
func (n *NFTables) Packets(instance string) ([]metrics.PacketCount, error) {
	in, err := nat44.ParseInstance(instance)
	if err != nil {
		return nil, err
	}
	packets, bytes, err := n.kernel.Untranslated(in)
	if err != nil {
		return nil, err
	}
	return []metrics.PacketCount{{Result: "dropped", Reason: "untranslated", Packets: packets, Bytes: bytes}}, nil
}

// HasSessions implements metrics.Reader.
func (n *NFTables) HasSessions() bool { return true }

// Uses implements metrics.Reader. Mappings are counted by their outside ports: those of one subscriber that share a port count once.
// The kernel wants its listing read to the end, so it ends later than ctx does by up to 1 µs a flow.
func (n *NFTables) Uses(ctx context.Context, plan *alloc.Plan) iter.Seq2[metrics.Use, error] {
	return func(yield func(metrics.Use, error) bool) {
		c := newCounter(plan)
		for s, err := range n.kernel.Sessions() {
			if err == nil {
				err = ctx.Err()
			}
			if err != nil {
				yield(metrics.Use{}, err)
				return
			}
			c.add(s.Protocol, s.Inside.Addr(), s.Outside)
		}
		for _, u := range c.uses {
			u.Mappings = u.Ports
			if !yield(*u, nil) {
				return
			}
		}
	}
}

// Of reads what the subscriber of a share uses, as Uses does. It takes as long as the kernel needs to look through its table; see
// nat44.Kernel.SessionsOf.
func (n *NFTables) Of(plan *alloc.Plan, share alloc.Allocation) (metrics.Use, error) {
	c := newCounter(plan)
	for s, err := range n.kernel.SessionsOf(share.Inside()) {
		if err != nil {
			return metrics.Use{}, err
		}
		c.add(s.Protocol, s.Inside.Addr(), s.Outside)
	}
	u := c.uses[share.Inside()]
	if u == nil || u.Share.Subscriber() != share.Subscriber() { // the other one is of another realm, which nftables does not tell apart
		return metrics.Use{Share: share}, nil
	}
	u.Mappings = u.Ports
	return *u, nil
}
