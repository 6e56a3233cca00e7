//go:build !linux

package main

import (
	"errors"
	"log/slog"

	"github.com/cgnkit/cgnkit/internal/daemonfile"
)

func onlyOne(*daemonfile.Config) (func(), error) { return nil, errors.New("cgnd runs on Linux") }

func notifier(*slog.Logger) func(string) { return func(string) {} }

func onHangup(func()) (stop func()) { return func() {} }
