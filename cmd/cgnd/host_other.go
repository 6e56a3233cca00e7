//go:build !linux

package main

import (
	"errors"
	"log/slog"
	"os"

	"github.com/cgnkit/cgnkit/internal/daemonfile"
)

func onlyOne(*daemonfile.Config) (func(), error) { return nil, errors.New("cgnd runs on Linux") }

func notifier(*slog.Logger) func(string) { return func(string) {} }

func hangups() <-chan os.Signal { return nil }
