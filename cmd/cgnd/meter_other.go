//go:build !linux

package main

import (
	"context"
	"log/slog"

	"github.com/cgnkit/cgnkit/internal/daemon"
	"github.com/cgnkit/cgnkit/internal/daemonfile"
)

func serveMetrics(context.Context, *daemonfile.Config, *daemon.Daemon, *slog.Logger) error {
	return nil
}
