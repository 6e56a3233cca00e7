package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/cgnkit/cgnkit/alloc"
	"github.com/cgnkit/cgnkit/ebpf"
	"github.com/cgnkit/cgnkit/internal/api"
	"github.com/cgnkit/cgnkit/internal/daemonfile"
	"github.com/cgnkit/cgnkit/internal/metrics"
	"github.com/cgnkit/cgnkit/internal/metrics/live"
)

// A subscriberReader tells the API what subscribers use. It implements api.Kernel.
type subscriberReader struct {
	meter *meter
	slot  chan struct{}                                // one reads at a time
	last  func(share alloc.Allocation) (api.Use, bool) // what is known without reading; nil = never anything
	read  func(share alloc.Allocation, now bool) (api.Use, error)
}

// newSubscriberReader opens a connection of its own, so that nobody who asks waits for a long listing.
func newSubscriberReader(ctx context.Context, m *meter) (*subscriberReader, error) {
	s := &subscriberReader{meter: m, slot: make(chan struct{}, 1)}
	if m.config.Backend == daemonfile.XDP {
		x := &xdpSubscriber{meter: m}
		if !m.config.LeaveEvents {
			x.refusals = api.NewRefusals(time.Now())
			go x.follow(ctx, m.log)
		}
		s.read = x.use
		return s, nil
	}
	sessions, err := live.OpenNFTables()
	if err != nil {
		return nil, err
	}
	n := &nftablesSubscriber{meter: m, sessions: sessions}
	s.last, s.read = n.last, n.use
	return s, nil
}

// Usage implements api.Kernel.
func (s *subscriberReader) Usage() *metrics.Usage { return s.meter.survey.Last() }

// slotWait is how long somebody waits for others who ask where there is an answer in any case.
const slotWait = 5 * time.Millisecond

// Use implements api.Kernel. What needs no reading waits for nobody.
func (s *subscriberReader) Use(ctx context.Context, share alloc.Allocation, now bool) (api.Use, error) {
	var last api.Use
	var known bool
	if s.last != nil {
		last, known = s.last(share)
	}
	if known {
		if !now {
			return last, nil
		}
		short, cancel := context.WithTimeout(ctx, slotWait)
		defer cancel()
		ctx = short
	}
	select {
	case s.slot <- struct{}{}:
		defer func() { <-s.slot }()
		return s.read(share, now)
	case <-ctx.Done():
		if known {
			return last, nil
		}
		return api.Use{}, fmt.Errorf("%w: others are asking", api.ErrUnknown)
	}
}

// The kernel looks through all buckets of conntrack's table, and all flows, for those of one subscriber: 5 to 10 ms for the 262,144 buckets
// of a usual box. So the last reading in the background answers, which knows every subscriber. These are how many buckets and flows may
// be looked through where there is no such reading yet, and where somebody wants to know how it is now.
const (
	maxAtFirst = 400_000
	maxAtWill  = 10_000_000
)

// An nftablesSubscriber asks conntrack.
type nftablesSubscriber struct {
	meter     *meter
	sessions  *live.NFTables
	conntrack *live.Conntrack // nil until it is there
}

// last returns what the last reading in the background has of a subscriber.
func (n *nftablesSubscriber) last(share alloc.Allocation) (api.Use, bool) {
	last := n.meter.survey.Last()
	u, known := last.Of(share)
	if !known {
		return api.Use{}, false
	}
	return api.Use{Use: u, Taken: last.Taken, HasSessions: true}, true
}

func (n *nftablesSubscriber) use(share alloc.Allocation, now bool) (api.Use, error) {
	most := uint64(maxAtFirst)
	if now {
		most = maxAtWill
	}
	if n.size() <= most {
		plan, taken := n.meter.daemon.Plan(), time.Now()
		u, err := n.sessions.Of(plan, share)
		if err != nil {
			return api.Use{}, fmt.Errorf("%w: %w", api.ErrUnknown, err)
		}
		return api.Use{Use: u, Taken: taken, Now: true, HasSessions: true}, nil
	}
	if last, known := n.last(share); known {
		return last, nil
	}
	return api.Use{}, fmt.Errorf("%w: with so many flows they are counted in the background", api.ErrUnknown)
}

// size returns how many buckets and flows conntrack has; 0 where it is not loaded.
func (n *nftablesSubscriber) size() uint64 {
	if n.conntrack == nil {
		c, err := live.OpenConntrack()
		if err != nil {
			return 0
		}
		n.conntrack = c
	}
	buckets, flows, err := n.conntrack.Size()
	if err != nil {
		return 0
	}
	return buckets + flows
}

// An xdpSubscriber asks the slots of the XDP backend. What it has open is that of the plan in force, until there is another one.
type xdpSubscriber struct {
	meter    *meter
	refusals *api.Refusals // nil = somebody else reads them

	mu       sync.Mutex
	datapath *ebpf.Datapath
}

// use reads the slots, which is quick: the answer is always how it is now.
func (x *xdpSubscriber) use(share alloc.Allocation, _ bool) (api.Use, error) {
	x.mu.Lock()
	defer x.mu.Unlock()
	taken := time.Now()
	account, err := x.account(share.Subscriber())
	if errors.Is(err, ebpf.ErrChanged) {
		account, err = x.account(share.Subscriber())
	}
	switch {
	case err != nil:
		return api.Use{}, fmt.Errorf("%w: %w", api.ErrUnknown, err)
	case account.Share.Outside() != share.Outside() || !account.Share.Ports().Equal(share.Ports()):
		return api.Use{}, fmt.Errorf("%w: the plan is being changed", api.ErrUnknown)
	}
	out := api.Use{Taken: taken, Now: true}
	out.Use, out.Limit = live.UseOf(account)
	if x.refusals != nil {
		out.Refusals = new(x.refusals.Of(share.Subscriber()))
	}
	return out, nil
}

// account asks what is open, and closes it where that is no longer in force.
func (x *xdpSubscriber) account(who alloc.Subscriber) (a ebpf.Account, err error) {
	if x.datapath == nil {
		if x.datapath, err = openXDP(x.meter.config); err != nil {
			x.datapath = nil
			return a, err
		}
	}
	if a, err = x.datapath.Subscriber(who); errors.Is(err, ebpf.ErrChanged) {
		_ = x.datapath.Close() // it is nil
		x.datapath = nil
	}
	return a, err
}

// eventsRetry is how often an instance whose events can be read is looked for.
const eventsRetry = time.Second

// follow remembers refusals until ctx ends.
func (x *xdpSubscriber) follow(ctx context.Context, log *slog.Logger) {
	said := ""
	for ctx.Err() == nil {
		err := x.followOne(ctx)
		switch {
		case ctx.Err() != nil, errors.Is(err, ebpf.ErrChanged), errors.Is(err, ebpf.ErrNotLoaded):
			said = ""
		case err != nil && err.Error() != said:
			said = err.Error()
			log.Warn("refusals of subscribers are not read", "error", err)
		}
		select {
		case <-ctx.Done():
		case <-time.After(eventsRetry):
		}
	}
}

// followOne reads events until the instance has another plan.
func (x *xdpSubscriber) followOne(ctx context.Context) error {
	if x.meter.daemon.Plan() == nil {
		return nil
	}
	d, err := openXDP(x.meter.config)
	if err != nil {
		return err
	}
	defer func() { _ = d.Close() }()
	for e, err := range d.Events(ctx) {
		if err != nil {
			return err
		}
		x.refusals.Add(e.Share.Subscriber(), e.Kind.String(), e.At())
	}
	return nil
}
