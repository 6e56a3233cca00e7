package api

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"runtime/debug"
	"time"

	"github.com/cgnkit/cgnkit/alloc"
	"github.com/cgnkit/cgnkit/alloc/ledger"
	"github.com/cgnkit/cgnkit/internal/api/form"
	"github.com/cgnkit/cgnkit/internal/daemon"
	"github.com/cgnkit/cgnkit/internal/gate"
)

// A Daemon is what the API tells about.
type Daemon interface {
	Snapshot() *daemon.Snapshot
	Asked() (*daemon.Snapshot, *ledger.Ledger) // for a question about who had ports
	Plan() *alloc.Plan                         // the plan that was applied; nil before
	Holding() *daemon.Holding
	Ledger() *ledger.Ledger // nil with a plan file
	Reload()
}

// Options are what a server is made of. Daemon, Audit and Log are required.
type Options struct {
	Daemon Daemon
	Audit  *Audit
	Log    *slog.Logger
	// AddEpoch records an epoch in the ledger, all of it or nothing; nil where there is no ledger. Errors that wrap ErrPlan, or
	// are of package ledger, get a status that fits.
	AddEpoch func(NewEpoch) (form.Added, error)
	// Kernel tells what subscribers use; nil = nobody knows.
	Kernel Kernel
	// Credentials say who may ask on TCP. nil is a unix socket: who may open it may trace, root and the user of the daemon may do all.
	Credentials *Credentials
	// Count is told the status of every answer; nil = nobody is.
	Count func(code int)
	// Dropped is told of every connection that is closed because its client does not take an answer; nil = nobody is.
	Dropped func(gate.Reason)
	Now     func() time.Time // nil = the clock of the system

	times times // the zero times are the usual ones
}

// times are how long something may take.
type times struct {
	header time.Duration // for a client to send its header
	read   time.Duration // and all of its request
	wait   time.Duration // for one of the requests that are served at once
	write  time.Duration // for a short answer to be taken
	idle   time.Duration // between requests
}

var usualTimes = times{header: 5 * time.Second, read: 10 * time.Second, wait: time.Second, write: 5 * time.Second, idle: time.Minute}

// The bounds of a server.
const (
	maxHeader     = 16 << 10
	maxBody       = 64 << 10
	maxRequests   = 32 // at once; others wait a moment, and are told to come back
	requestsOfOne = 8
	maxUnsent     = 32 << 20 // bytes of answers that are being sent
	unsentOfOne   = 8 << 20
)

type server struct {
	Options
	slots  *places
	unsent *places
	owned  ownedPorts

	unknown, denied quiet
}

// New returns a server for Serve.
func New(o Options) *http.Server {
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.times == (times{}) {
		o.times = usualTimes
	}
	s := &server{Options: o, slots: newPlaces(maxRequests, requestsOfOne), unsent: newPlaces(maxUnsent, unsentOfOne)}
	t := o.times
	return &http.Server{
		Handler: s, DisableGeneralOptionsHandler: true, // which would answer before anybody is asked for a token
		// An answer has a time of its own, from when it is ready; WriteTimeout is for what package http says by itself.
		ReadHeaderTimeout: t.header, ReadTimeout: t.read, WriteTimeout: t.read + t.write, IdleTimeout: t.idle, MaxHeaderBytes: maxHeader,
		ErrorLog:    slog.NewLogLogger(o.Log.Handler(), slog.LevelDebug),
		ConnContext: withLink,
	}
}

// ServeHTTP answers every request, whatever its method and path. Who asks comes first: who may not ask learns nothing, takes
// no place of others, and its connection ends.
func (s *server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	from := linkOf(r.Context())
	who, err := s.identify(r)
	if err != nil {
		s.send(w, from, from.host(), refused(err))
		return
	}
	leave, ok := gate.Enter(from.conn, who.key())
	if !ok {
		f := busy("%s has too many connections", who)
		f.end = true
		s.send(w, from, who.key(), refused(f))
		return
	}
	defer leave()
	s.send(w, from, who.key(), s.reply(w, r, who))
}

// reply serves a request within the bounds.
func (s *server) reply(w http.ResponseWriter, r *http.Request, who caller) (a reply) {
	defer func() {
		if x := recover(); x != nil {
			s.Log.Error("a request ended in a panic: this is a bug", "path", r.URL.Path, "panic", fmt.Sprint(x), "stack", string(debug.Stack()))
			a = refused(failf(http.StatusInternalServerError, "this is a bug; the log of the daemon has more"))
		}
	}()
	rt, err := find(r)
	if err == nil {
		err = s.admit(who, r, rt.role)
	}
	if err != nil {
		return refused(err)
	}
	ctx, cancel := context.WithTimeout(r.Context(), s.times.wait)
	defer cancel()
	if !s.slots.take(ctx, who.key()) {
		return refused(busy("%d requests are being served, or %d of %s, which is the most", maxRequests, requestsOfOne, who))
	}
	defer s.slots.give(who.key(), 1)
	r.Body = http.MaxBytesReader(w, r.Body, rt.body)
	answer, err := rt.serve(s, r.WithContext(withCaller(r.Context(), who)))
	if err != nil {
		return refused(err)
	}
	return answered(rt.code, answer)
}
