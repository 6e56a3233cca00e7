package main

import (
	"cmp"
	"context"
	"log/slog"
	"net"
	"net/http"
	"slices"
	"sync/atomic"
	"time"

	"github.com/cgnkit/cgnkit/internal/api"
	"github.com/cgnkit/cgnkit/internal/daemon"
	"github.com/cgnkit/cgnkit/internal/daemonfile"
)

// A door is where the API is. It is an api.Daemon whose Reload reads credentials, too, and whose Snapshot says when that fails.
type door struct {
	*daemon.Daemon
	log         *slog.Logger
	listen      daemonfile.Listen
	credentials *atomic.Pointer[api.Credentials] // to nil without TCP, and until they could be read
}

// openDoor begins to serve the API, on a unix socket and, where that is configured, on TCP, until ctx ends.
func openDoor(ctx context.Context, c *daemonfile.Config, d *daemon.Daemon, m *meter, tally *requestTally, at *listeners) (*door, error) {
	o := &door{Daemon: d, log: at.log, listen: c.Listen, credentials: &m.credentials}
	options := api.Options{Daemon: o, Audit: auditOf(c), Log: at.log}
	if err := options.Audit.Check(); err != nil {
		at.log.Error("traces will be refused until this is mended", "error", err)
	}
	if c.Ledger != "" {
		options.AddEpoch = files{c}.addEpoch
	}
	var err error
	if options.Kernel, err = m.subscribers(ctx); err != nil {
		return nil, err
	}
	unix, tcp := options, options
	unix.Count, unix.Dropped = tally.of("unix"), tally.drops("unix")
	tcp.Count, tcp.Dropped = tally.of("tcp"), tally.drops("tcp")
	at.keep(ctx, "listen.unix", func() (net.Listener, *http.Server, error) { return o.openUnix(unix) })
	if c.Listen.TCP.IsValid() {
		at.keep(ctx, "listen.tcp", func() (net.Listener, *http.Server, error) { return o.openTCP(tcp) })
	}
	return o, nil
}

// openUnix listens on the unix socket.
func (o *door) openUnix(options api.Options) (net.Listener, *http.Server, error) {
	uid, gid, err := ownerOf(o.listen)
	if err != nil {
		return nil, nil, err
	}
	l, err := api.ListenUnix(o.listen.Unix, o.listen.Mode, uid, gid, options.Dropped)
	if err != nil {
		return nil, nil, err
	}
	return l, api.New(options), nil
}

// openTCP listens on TCP.
func (o *door) openTCP(options api.Options) (net.Listener, *http.Server, error) {
	c, err := api.NewCredentials(o.listen.Tokens, o.listen.Certificate, o.listen.Key)
	if err != nil {
		return nil, nil, err
	}
	l, err := api.ListenTCP(o.listen.TCP, c, options.Dropped)
	if err != nil {
		return nil, nil, err
	}
	o.credentials.Store(c)
	o.sayExpiry(c)
	options.Credentials = c
	return l, api.New(options), nil
}

// staleCredentials is the code of the problem that tokens or certificate could not be read again.
const staleCredentials = "credentials"

// Snapshot is that of the daemon, and has a problem more where tokens or certificate could not be read again. The kernel has what it
// is to have nevertheless.
func (o *door) Snapshot() *daemon.Snapshot {
	s, c := o.Daemon.Snapshot(), o.credentials.Load()
	if c == nil {
		return s
	}
	f := c.Failed()
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
	c := o.credentials.Load()
	if c == nil {
		return
	}
	if err := c.Reload(); err != nil {
		o.log.Error("tokens or certificate stay as they were, also where they were revoked", "error", err)
	}
	o.sayExpiry(c)
}

// expirySoon is when the end of a certificate is near.
const expirySoon = 14 * 24 * time.Hour

func (o *door) sayExpiry(c *api.Credentials) {
	if end, ok := c.Expires(); ok && time.Until(end) < expirySoon {
		o.log.Warn("the certificate of the API ends soon, or has ended", "at", end)
	}
}
