//go:build !linux

package main

import (
	"context"
	"log/slog"
	"sync/atomic"

	"github.com/cgnkit/cgnkit/internal/api"
	"github.com/cgnkit/cgnkit/internal/daemon"
	"github.com/cgnkit/cgnkit/internal/daemonfile"
)

// A meter is nothing: what it reads is the Linux kernel.
type meter struct {
	credentials atomic.Pointer[api.Credentials]
}

func newMeter(context.Context, *daemonfile.Config, *daemon.Daemon, *requestTally, *slog.Logger) (*meter, error) {
	return &meter{}, nil
}

func (*meter) subscribers(context.Context) (api.Kernel, error) { return nil, nil }

func (*meter) serve(context.Context, *listeners) {}

func sweep(context.Context, *daemonfile.Config, *daemon.Daemon, *slog.Logger) {}
