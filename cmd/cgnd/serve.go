package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"os/user"
	"strconv"

	"github.com/cgnkit/cgnkit/internal/api"
	"github.com/cgnkit/cgnkit/internal/daemon"
	"github.com/cgnkit/cgnkit/internal/daemonfile"
)

// serve is the daemon. It returns when the context ends.
func serve(ctx context.Context, c *daemonfile.Config, stderr io.Writer) error {
	log, hup := newLog(c.Log, stderr), hangups() // at once: without a handler the signal ends the process
	unlock, err := onlyOne(c)
	if err != nil {
		return err
	}
	defer unlock()
	backend, err := newBackend(c)
	if err != nil {
		return fmt.Errorf("backend %s: %w", c.Backend, err)
	}
	d := daemon.New(daemon.Options{
		Instance: c.Instance, Name: c.Backend, Source: sourceOf(c), Backend: backend, Log: log,
		Report: c.Report, VerifyEvery: c.VerifyEvery, Notify: notifier(log),
	})
	audit := api.NewAudit(c.Audit)
	if err := audit.Check(); err != nil {
		log.Error("traces will be refused until this is mended", "error", err)
	}
	o := api.Options{Daemon: d, Audit: audit, Log: log}
	if c.Ledger != "" {
		o.AddEpoch = files{c}.addEpoch
	}
	server, err := listen(c, o)
	if err != nil {
		return err
	}
	if err := serveMetrics(ctx, c, d, log); err != nil {
		return err
	}
	log.Info("cgnd begins", "version", release, "backend", c.Backend, "instance", c.Instance, "socket", c.Listen.Unix)
	go func() {
		for range hup {
			d.Reload()
		}
	}()
	d.Run(ctx)
	// Whoever waits for an answer does without: the end is to come at once, and the kernel is not concerned.
	_ = server.Close()
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

// listen begins to serve the API.
func listen(c *daemonfile.Config, o api.Options) (*http.Server, error) {
	uid, gid, err := ownerOf(c.Listen)
	if err != nil {
		return nil, err
	}
	l, err := api.ListenUnix(c.Listen.Unix, c.Listen.Mode, uid, gid)
	if err != nil {
		return nil, err
	}
	server := api.New(o)
	go func() {
		if err := server.Serve(l); !errors.Is(err, http.ErrServerClosed) {
			o.Log.Error("the API is gone", "error", err)
		}
	}()
	return server, nil
}

// ownerOf returns whose the socket is to be; -1 = leave it.
func ownerOf(l daemonfile.Listen) (uid, gid int, err error) {
	uid, gid = -1, -1
	if l.User != "" {
		if uid, err = strconv.Atoi(l.User); err != nil {
			u, lookup := user.Lookup(l.User)
			if lookup != nil {
				return uid, gid, fmt.Errorf("listen.user: %w", lookup)
			}
			uid, err = strconv.Atoi(u.Uid)
		}
	}
	if l.Group != "" && err == nil {
		if gid, err = strconv.Atoi(l.Group); err != nil {
			g, lookup := user.LookupGroup(l.Group)
			if lookup != nil {
				return uid, gid, fmt.Errorf("listen.group: %w", lookup)
			}
			gid, err = strconv.Atoi(g.Gid)
		}
	}
	return uid, gid, err
}
