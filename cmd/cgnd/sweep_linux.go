package main

import (
	"context"
	"errors"
	"log/slog"
	"time"

	"github.com/cgnkit/cgnkit/alloc"
	"github.com/cgnkit/cgnkit/ebpf"
	"github.com/cgnkit/cgnkit/internal/daemon"
	"github.com/cgnkit/cgnkit/internal/daemonfile"
)

// How often an instance of the XDP backend is looked for that can be swept, and how long a round takes for every outside address,
// at least: passing over one takes some µs.
const (
	sweepRetry = time.Second
	sweepEach  = 20 * time.Millisecond
)

// sweep frees mappings of the XDP backend that have ended until ctx ends. Packets do not need it; without it, ports
// that nobody uses any longer would count as in use.
func sweep(ctx context.Context, c *daemonfile.Config, d *daemon.Daemon, log *slog.Logger) {
	if c.Backend != daemonfile.XDP {
		return
	}
	var said string
	for ctx.Err() == nil {
		err := sweepUntilChange(ctx, c, d.Plan())
		switch {
		case err == nil, ctx.Err() != nil, errors.Is(err, ebpf.ErrChanged), errors.Is(err, ebpf.ErrNotLoaded):
			said = ""
		case err.Error() != said:
			said = err.Error()
			log.Warn("sweep: " + said)
		}
		select {
		case <-ctx.Done():
		case <-time.After(sweepRetry):
		}
	}
}

// sweepUntilChange sweeps until the instance has another plan than now, or ctx ends. Before there is a plan it does nothing.
func sweepUntilChange(ctx context.Context, c *daemonfile.Config, plan *alloc.Plan) error {
	if plan == nil {
		return nil
	}
	datapath, err := openXDP(c)
	if err != nil {
		return err
	}
	defer func() { _ = datapath.Close() }()
	return datapath.Sweep(ctx, sweepRound(plan, c.UsageEvery))
}

// sweepRound returns how long a sweep takes to come round: less than a minute only where somebody wants to know how many ports are in
// use more often than that.
func sweepRound(plan *alloc.Plan, usageEvery time.Duration) time.Duration {
	var addresses uint64
	for p := range plan.Pools() {
		addresses += p.Addresses()
	}
	return max(min(ebpf.DefaultSweep, 2*usageEvery), time.Duration(min(addresses, 1<<20))*sweepEach)
}
