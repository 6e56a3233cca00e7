package main

import (
	"context"
	"iter"

	"github.com/cgnkit/cgnkit/alloc"
	"github.com/cgnkit/cgnkit/ebpf"
	"github.com/cgnkit/cgnkit/internal/daemonfile"
	"github.com/cgnkit/cgnkit/internal/metrics"
	"github.com/cgnkit/cgnkit/internal/metrics/live"
)

// reader returns what reads who uses how many ports.
func (m *meter) reader() (metrics.Reader, error) {
	if m.config.Backend == daemonfile.XDP {
		return openEachTime{m.config}, nil
	}
	return live.OpenNFTables()
}

// openXDP opens the instance of the XDP backend.
func openXDP(c *daemonfile.Config) (*ebpf.Datapath, error) {
	keys, err := files{c}.keys()
	if err != nil {
		return nil, err
	}
	return ebpf.Open(c.Instance, keys...)
}

// openEachTime is a reader of an instance that may be another one by the next time.
type openEachTime struct{ config *daemonfile.Config }

func (openEachTime) HasSessions() bool { return live.XDP{}.HasSessions() }

func (o openEachTime) Uses(ctx context.Context, plan *alloc.Plan) iter.Seq2[metrics.Use, error] {
	return func(yield func(metrics.Use, error) bool) {
		d, err := openXDP(o.config)
		if err != nil {
			yield(metrics.Use{}, err)
			return
		}
		defer func() { _ = d.Close() }()
		for u, err := range (live.XDP{Datapath: func() *ebpf.Datapath { return d }}).Uses(ctx, plan) {
			if !yield(u, err) {
				return
			}
		}
	}
}
