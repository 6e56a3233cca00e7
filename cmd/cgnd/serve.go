package main

import (
	"context"
	"fmt"
	"io"
	"log/slog"

	"github.com/cgnkit/cgnkit/internal/daemon"
	"github.com/cgnkit/cgnkit/internal/daemonfile"
)

// serve is the daemon. It returns when the context ends.
func serve(ctx context.Context, c *daemonfile.Config, stderr io.Writer) error {
	log, hup := newLog(c.Log, stderr), hangups() // at once: without a handler the signal ends the process
	if _, _, err := ownerOf(c.Listen); err != nil {
		return err
	}
	unlock, err := onlyOne(c)
	if err != nil {
		return err
	}
	defer unlock()
	source := sourceOf(c)
	if err := source.Claim(); err != nil {
		return err
	}
	backend, err := newBackend(c)
	if err != nil {
		return fmt.Errorf("backend %s: %w", c.Backend, err)
	}
	at := newListeners(log)
	d := daemon.New(daemon.Options{
		Instance: c.Instance, Name: c.Backend, Source: source, Backend: backend, Log: log,
		Report: c.Report, VerifyEvery: c.VerifyEvery, Uptime: uptime, Notify: at.beforeReady(notifier(log)),
	})
	at.say = d.Unheard
	tally := &requestTally{}
	m, err := newMeter(ctx, c, d, tally, log)
	if err != nil {
		return err
	}
	if note := modeNote(c.Listen); note != "" {
		log.Warn(note)
	}
	log.Info("cgnd begins", "version", release, "backend", c.Backend, "instance", c.Instance, "socket", c.Listen.Unix)
	door, err := openDoor(ctx, c, d, m, tally, at)
	if err != nil {
		return err
	}
	m.serve(ctx, at)
	go sweep(ctx, c, d, log)
	go func() {
		for range hup {
			door.Reload()
		}
	}()
	d.Run(ctx)
	at.close()
	log.Info("cgnd ends; the kernel stays as it is")
	return nil
}

func newLog(c daemonfile.Log, w io.Writer) *slog.Logger {
	o := &slog.HandlerOptions{Level: c.Level}
	if c.JSON {
		return slog.New(slog.NewJSONHandler(w, o))
	}
	return slog.New(slog.NewTextHandler(w, o))
}

func sourceOf(c *daemonfile.Config) daemon.Source {
	f := files{c}
	if c.Ledger != "" {
		return daemon.FromLedger(c.Ledger, f.keys)
	}
	return daemon.FromPlan(c.Plan, f.keys)
}
