package api

import (
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"runtime/debug"
	"time"

	"github.com/cgnkit/cgnkit/alloc"
	"github.com/cgnkit/cgnkit/alloc/ledger"
	"github.com/cgnkit/cgnkit/internal/api/form"
	"github.com/cgnkit/cgnkit/internal/daemon"
)

// A Daemon is what the API tells about.
type Daemon interface {
	Snapshot() *daemon.Snapshot
	Plan() *alloc.Plan      // the plan that was applied; nil before
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
	Now   func() time.Time // nil = the clock of the system
}

// The bounds of a server.
const (
	headerTime  = 5 * time.Second  // for a client to send its header
	readTime    = 10 * time.Second // and all of its request
	writeTime   = 30 * time.Second // for an answer
	idleTime    = time.Minute
	maxHeader   = 16 << 10
	maxBody     = 64 << 10
	maxRequests = 32 // at once; others are told to come back
	maxClients  = 256
)

// A route is a path of the API, and who may use it.
type route struct {
	pattern string // as http.ServeMux has it
	role    Role   // that it takes, at least
	body    int64  // how long it may be
	code    int    // of an answer
	serve   func(s *server, r *http.Request) (answer any, err error)
}

// routes are all paths. docs/openapi.yaml has the same.
var routes = []route{
	{"GET /v1/status", Read, maxBody, http.StatusOK, (*server).status},
	{"GET /v1/pools", Read, maxBody, http.StatusOK, (*server).pools},
	{"GET /v1/subscribers/{realm}/{addr}", Read, maxBody, http.StatusOK, (*server).subscriber},
	{"GET /v1/top", Read, maxBody, http.StatusOK, (*server).top},
	{"GET /v1/trace", Trace, maxBody, http.StatusOK, (*server).trace},
	{"GET /v1/epochs", Read, maxBody, http.StatusOK, (*server).epochs},
	{"POST /v1/epochs", Admin, maxPlan, http.StatusCreated, (*server).addEpoch},
	{"POST /v1/reload", Admin, maxBody, http.StatusAccepted, (*server).reload},
}

type server struct {
	Options
	slots chan struct{}
	owned ownedPorts
	quiet quiet
}

// New returns a server for Serve.
func New(o Options) *http.Server {
	if o.Now == nil {
		o.Now = time.Now
	}
	s := &server{Options: o, slots: make(chan struct{}, maxRequests)}
	mux := http.NewServeMux()
	for _, r := range routes {
		mux.HandleFunc(r.pattern, func(w http.ResponseWriter, req *http.Request) { s.handle(w, req, r) })
	}
	nowhere := route{"/", Read, maxBody, http.StatusOK, func(*server, *http.Request) (any, error) {
		return nil, failf(http.StatusNotFound, "no such path; docs/openapi.yaml has them all")
	}}
	mux.HandleFunc(nowhere.pattern, func(w http.ResponseWriter, req *http.Request) { s.handle(w, req, nowhere) })
	return &http.Server{
		Handler:           mux,
		ReadHeaderTimeout: headerTime, ReadTimeout: readTime, WriteTimeout: writeTime, IdleTimeout: idleTime, MaxHeaderBytes: maxHeader,
		ErrorLog:    slog.NewLogLogger(o.Log.Handler(), slog.LevelDebug),
		ConnContext: withPeer,
	}
}

// handle serves a request within the bounds.
func (s *server) handle(w http.ResponseWriter, r *http.Request, rt route) {
	defer func() {
		if x := recover(); x != nil {
			s.Log.Error("a request ended in a panic: this is a bug", "path", r.URL.Path, "panic", fmt.Sprint(x), "stack", string(debug.Stack()))
			s.refuse(w, failf(http.StatusInternalServerError, "this is a bug; the log of the daemon has more"))
		}
	}()
	who, err := s.identify(r) // before a slot is taken: who may not ask is no reason to keep others waiting
	if err == nil {
		err = s.admit(who, r, rt.role)
	}
	if err != nil {
		w.Header().Set("Connection", "close") // and so is a connection
		s.refuse(w, err)
		return
	}
	select {
	case s.slots <- struct{}{}:
		defer func() { <-s.slots }()
	default:
		w.Header().Set("Retry-After", "1")
		s.refuse(w, failf(http.StatusServiceUnavailable, "%d requests are being served, which is the most", maxRequests))
		return
	}
	r.Body = http.MaxBytesReader(w, r.Body, rt.body)
	answer, err := rt.serve(s, r.WithContext(withCaller(r.Context(), who)))
	if err != nil {
		s.refuse(w, err)
		return
	}
	s.write(w, rt.code, answer)
}

// A failure is an error with a status of HTTP.
type failure struct {
	code int
	text string
}

func (f *failure) Error() string { return f.text }

func failf(code int, format string, args ...any) *failure {
	return &failure{code, fmt.Sprintf(format, args...)}
}

func (s *server) refuse(w http.ResponseWriter, err error) {
	code := http.StatusInternalServerError
	if f, ok := errors.AsType[*failure](err); ok {
		code = f.code
	}
	if code == http.StatusUnauthorized {
		w.Header().Set("WWW-Authenticate", `Bearer realm="cgnd"`)
	}
	s.write(w, code, form.Refusal{Error: err.Error()})
}

func (s *server) write(w http.ResponseWriter, code int, answer any) {
	b, err := json.Marshal(answer)
	if err != nil {
		code, b = http.StatusInternalServerError, []byte(`{"error":"the answer cannot be encoded"}`)
	}
	if s.Count != nil {
		s.Count(code)
	}
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
	w.Header().Set("X-Content-Type-Options", "nosniff")
	w.WriteHeader(code)
	_, _ = w.Write(append(b, '\n')) // a client that is gone needs no answer
}
