package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"os/user"
	"slices"
	"strconv"
	"time"

	"github.com/cgnkit/cgnkit/internal/api"
	"github.com/cgnkit/cgnkit/internal/daemon"
	"github.com/cgnkit/cgnkit/internal/daemonfile"
)

// A door is where the API is. It is an api.Daemon whose Reload reads credentials, too, and whose Snapshot says when that fails.
type door struct {
	*daemon.Daemon
	log         *slog.Logger
	credentials *api.Credentials // nil without TCP
	servers     []*http.Server
}

// openDoor begins to serve the API, on a unix socket and, where that is configured, on TCP.
func openDoor(ctx context.Context, c *daemonfile.Config, d *daemon.Daemon, m *meter, tally *requestTally, log *slog.Logger) (o *door, err error) {
	o = &door{Daemon: d, log: log}
	defer func() {
		if err != nil {
			o.close()
		}
	}()
	if c.Listen.TCP.IsValid() { // before anybody asks
		if o.credentials, err = api.NewCredentials(c.Listen.Tokens, c.Listen.Certificate, c.Listen.Key); err != nil {
			return o, fmt.Errorf("listen.tcp: %w", err)
		}
		m.credentials.Store(o.credentials)
		o.sayExpiry()
	}
	options := api.Options{Daemon: o, Audit: api.NewAudit(c.Audit), Log: log}
	if err := options.Audit.Check(); err != nil {
		log.Error("traces will be refused until this is mended", "error", err)
	}
	if c.Ledger != "" {
		options.AddEpoch = files{c}.addEpoch
	}
	if options.Kernel, err = m.subscribers(ctx); err != nil {
		return o, err
	}
	uid, gid, err := ownerOf(c.Listen)
	if err != nil {
		return o, err
	}
	unix := options
	unix.Count, unix.Dropped = tally.of("unix"), tally.drops("unix")
	l, err := api.ListenUnix(c.Listen.Unix, c.Listen.Mode, uid, gid, unix.Dropped)
	if err != nil {
		return o, err
	}
	o.serve(l, unix)
	if o.credentials == nil {
		return o, nil
	}
	return o, o.openTCP(c.Listen, options, tally)
}

// openTCP begins to serve on TCP.
func (o *door) openTCP(c daemonfile.Listen, options api.Options, tally *requestTally) error {
	options.Credentials, options.Count, options.Dropped = o.credentials, tally.of("tcp"), tally.drops("tcp")
	l, err := api.ListenTCP(c.TCP, o.credentials, options.Dropped)
	if err != nil {
		return fmt.Errorf("listen.tcp: %w", err)
	}
	o.serve(l, options)
	o.log.Info("the API is on TCP", "address", l.Addr().String(), "tls", c.Certificate != "")
	return nil
}

func (o *door) serve(l net.Listener, options api.Options) {
	server := api.New(options)
	o.servers = append(o.servers, server)
	go func() {
		if err := server.Serve(l); !errors.Is(err, http.ErrServerClosed) {
			o.log.Error("the API is gone", "address", l.Addr().String(), "error", err)
		}
	}()
}

// staleCredentials is the code of the problem that tokens or certificate could not be read again.
const staleCredentials = "credentials"

// Snapshot is that of the daemon, and has a problem more where tokens or certificate could not be read again. The kernel has what it
// is to have nevertheless.
func (o *door) Snapshot() *daemon.Snapshot {
	s := o.Daemon.Snapshot()
	if o.credentials == nil {
		return s
	}
	f := o.credentials.Failed()
	if f == nil {
		return s
	}
	out := *s
	out.Problems = append(slices.Clone(s.Problems), daemon.Problem{
		Code: staleCredentials, Text: "tokens or certificate stay as they were, also where they were revoked: " + f.Err.Error(), Since: f.Since, Warning: true,
	})
	slices.SortFunc(out.Problems, func(a, b daemon.Problem) int { return cmp.Compare(a.Code, b.Code) })
	return &out
}

// Reload has everything read anew that may be changed while the daemon runs. It does not wait for plans.
func (o *door) Reload() {
	o.Daemon.Reload()
	if o.credentials == nil {
		return
	}
	if err := o.credentials.Reload(); err != nil {
		o.log.Error("tokens or certificate stay as they were, also where they were revoked", "error", err)
	}
	o.sayExpiry()
}

// expirySoon is when the end of a certificate is near.
const expirySoon = 14 * 24 * time.Hour

func (o *door) sayExpiry() {
	if end, ok := o.credentials.Expires(); ok && time.Until(end) < expirySoon {
		o.log.Warn("the certificate of the API ends soon, or has ended", "at", end)
	}
}

// close ends all. Whoever waits for an answer does without: the end is to come at once, and the kernel is not concerned.
func (o *door) close() {
	for _, s := range o.servers {
		_ = s.Close()
	}
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
