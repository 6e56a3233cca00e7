package metrics

import (
	"bytes"
	"errors"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"strconv"
	"time"

	"github.com/prometheus/client_golang/prometheus/promhttp"

	"github.com/cgnkit/cgnkit/internal/gate"
)

// Slow is the reason for closing a connection whose client does not take its answer.
const Slow gate.Reason = "slow"

// The bounds of scrapes. Nobody shows who he is, so that all stay guests of the gate: where many come, of the source that has most
// connections the oldest ones go.
var limits = gate.Limits{Guests: 64, GuestsOfOne: 16, Known: 1, KnownOfOne: 1, Waiting: 1024, Grace: 2 * time.Second}

const (
	maxScrapes = 4 // are made at once; others wait
	waitTime   = 5 * time.Second
	sendTime   = 5 * time.Second // for a client to take a scrape
	headerTime = 5 * time.Second
	readTime   = 10 * time.Second
	idleTime   = 2 * time.Minute // scrapes come once a minute, or more often
	maxHeader  = 16 << 10
)

// Listen listens for scrapes on an address and no other. dropped is told of every connection that is closed because of the bounds.
func Listen(at netip.AddrPort, dropped func(gate.Reason)) (net.Listener, error) {
	l, err := gate.ListenTCP(at)
	if err != nil {
		return nil, err
	}
	return gate.New(l, limits, gate.Owner, dropped), nil
}

// NewServer returns a server of /metrics, for what Listen returns.
func NewServer(source Source, build Build, log *slog.Logger, dropped func(gate.Reason)) *http.Server {
	mux := http.NewServeMux()
	mux.Handle("/metrics", handler(source, build, sendTime, dropped))
	return &http.Server{
		Handler: mux, DisableGeneralOptionsHandler: true, ReadHeaderTimeout: headerTime, ReadTimeout: readTime, WriteTimeout: waitTime + sendTime,
		IdleTimeout: idleTime, MaxHeaderBytes: maxHeader, ErrorLog: slog.NewLogLogger(log.Handler(), slog.LevelDebug),
	}
}

// Handler returns what answers scrapes, by GET and HEAD, in the text and OpenMetrics formats, compressed where that is asked for.
// Four are made at once; the others wait, and get 503 when that takes seconds. Nobody waits for a client to take its scrape.
func Handler(source Source, build Build) http.Handler { return handler(source, build, sendTime, nil) }

func handler(source Source, build Build, send time.Duration, dropped func(gate.Reason)) http.Handler {
	h, slots := promhttp.HandlerFor(NewRegistry(source, build), promhttp.HandlerOpts{EnableOpenMetrics: true}), make(chan struct{}, maxScrapes)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method != http.MethodGet && r.Method != http.MethodHead {
			w.Header().Set("Allow", "GET, HEAD")
			http.Error(w, "use GET", http.StatusMethodNotAllowed)
			return
		}
		p := &page{header: w.Header(), code: http.StatusOK}
		wait := time.NewTimer(waitTime)
		defer wait.Stop()
		select {
		case slots <- struct{}{}:
			func() {
				defer func() { <-slots }()
				h.ServeHTTP(p, r)
			}()
		case <-wait.C:
			http.Error(p, "too many scrapes at once", http.StatusServiceUnavailable)
		case <-r.Context().Done():
			return // whoever asked is gone
		}
		if late, ok := errors.AsType[net.Error](p.send(w, send)); ok && late.Timeout() && dropped != nil {
			dropped(Slow) // and package http closes it
		}
	})
}

// A page is an answer that is not sent yet.
type page struct {
	header http.Header
	code   int
	body   bytes.Buffer
}

// Header implements http.ResponseWriter.
func (p *page) Header() http.Header { return p.header }

// WriteHeader implements http.ResponseWriter.
func (p *page) WriteHeader(code int) { p.code = code }

// Write implements http.ResponseWriter.
func (p *page) Write(b []byte) (int, error) { return p.body.Write(b) }

// send sends the page within a time.
func (p *page) send(w http.ResponseWriter, within time.Duration) error {
	c := http.NewResponseController(w)
	_ = c.SetWriteDeadline(time.Now().Add(within)) // a recorder of a test has none
	p.header.Set("Content-Length", strconv.Itoa(p.body.Len()))
	w.WriteHeader(p.code)
	_, err := w.Write(p.body.Bytes())
	if err == nil {
		err = c.Flush()
	}
	return err
}
