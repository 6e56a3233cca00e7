package main

import (
	"cmp"
	"context"
	"log/slog"
	"maps"
	"net"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"
)

// How soon what cannot be listened at is tried again: 1, 2, 4, 5, 5 … seconds.
const (
	listenRetry    = time.Second
	maxListenRetry = 5 * time.Second
	// How often it is looked at whether somebody has taken a socket away.
	listenLook = 3 * time.Second
)

// Listeners are where the daemon is asked. The kernel is not kept waiting for them: after a boot an address may come late, and subscribers
// are translated all the same. What cannot be listened at is a problem that the daemon shows, and is tried again.
type listeners struct {
	log *slog.Logger
	say func(problem string) // "" = there is none

	mu     sync.Mutex
	failed map[string]string // why, by the key of the configuration

	tried, ended sync.WaitGroup // all have been tried once; all have ended
}

func newListeners(log *slog.Logger) *listeners {
	return &listeners{log: log, failed: map[string]string{}}
}

// keep serves at what a key of the configuration says, until ctx ends. open is called again after every failure.
func (s *listeners) keep(ctx context.Context, key string, open func() (net.Listener, *http.Server, error)) {
	s.tried.Add(1)
	tried := sync.OnceFunc(s.tried.Done)
	s.ended.Go(func() {
		defer tried()
		for wait := listenRetry; ctx.Err() == nil; wait = min(2*wait, maxListenRetry) {
			l, server, err := open()
			s.note(key, err)
			tried()
			if err == nil {
				s.log.Debug("listens", "key", key, "address", l.Addr().String())
				err = serveWhileThere(ctx, server, l)
				if ctx.Err() != nil {
					return
				}
				s.note(key, err)
				s.log.Warn("no longer listens", "key", key, "error", err)
				wait = listenRetry
			}
			select {
			case <-ctx.Done():
			case <-time.After(wait):
			}
		}
	})
}

// serveWhileThere serves until ctx ends, or nobody can get to the listener any longer.
func serveWhileThere(ctx context.Context, server *http.Server, l net.Listener) error {
	// Whoever waits for an answer does without: the end is to come at once, and the kernel is not concerned.
	stop := context.AfterFunc(ctx, func() { _ = server.Close() })
	defer stop()
	losable, ok := l.(interface{ Lost() error })
	if !ok {
		return server.Serve(l)
	}
	served := make(chan error, 1)
	go func() { served <- server.Serve(l) }()
	look := time.NewTicker(listenLook)
	defer look.Stop()
	var lost error
	for {
		select {
		case err := <-served:
			return cmp.Or(lost, err)
		case <-look.C:
			if lost = losable.Lost(); lost != nil {
				_ = server.Close()
			}
		}
	}
}

// note notes what became of an attempt.
func (s *listeners) note(key string, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.failed, key)
	if err != nil {
		s.failed[key] = key + ": " + strings.TrimPrefix(err.Error(), key+": ")
	}
	var all []string
	for _, key := range slices.Sorted(maps.Keys(s.failed)) {
		all = append(all, s.failed[key])
	}
	s.say(strings.Join(all, "; "))
}

// beforeReady has READY=1 wait for the first attempts, but not for long: who starts the daemon and asks it then is to get an answer.
func (s *listeners) beforeReady(notify func(string)) func(string) {
	return func(state string) {
		if state == "READY=1" {
			await(&s.tried)
		}
		notify(state)
	}
}

// close waits for the end of all, after that of their context. One that hangs is left.
func (s *listeners) close() { await(&s.ended) }

// await waits for a group, for half a second at most.
func await(g *sync.WaitGroup) {
	over := make(chan struct{})
	go func() {
		g.Wait()
		close(over)
	}()
	select {
	case <-over:
	case <-time.After(time.Second / 2):
	}
}
