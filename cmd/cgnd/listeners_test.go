package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// A wire is a listener at which nobody comes, until it is cut.
type wire struct {
	net.Listener
	cut  chan struct{}
	once sync.Once
}

func (w *wire) Accept() (net.Conn, error) {
	<-w.cut
	return nil, errors.New("the wire is cut")
}

func (w *wire) Close() error {
	w.once.Do(func() { close(w.cut) })
	return nil
}

func (w *wire) Addr() net.Addr { return &net.UnixAddr{Name: "wire"} }

// TestListeners has one that comes at the fourth attempt and is lost once, beside one that never comes and one that hangs.
func TestListeners(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		begun := time.Now()
		var problems, ready []string
		at := newListeners(slog.New(slog.DiscardHandler))
		at.say = func(p string) { problems = append(problems, p) }
		notify := at.beforeReady(func(s string) { ready = append(ready, fmt.Sprint(s, " ", time.Since(begun))) })
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		var opened []time.Duration
		var last *wire
		at.keep(ctx, "metrics", func() (net.Listener, *http.Server, error) {
			opened = append(opened, time.Since(begun))
			if len(opened) < 4 {
				return nil, nil, errors.New("metrics: no such address")
			}
			last = &wire{cut: make(chan struct{})}
			return last, &http.Server{ReadHeaderTimeout: time.Second}, nil
		})
		never := 0
		at.keep(ctx, "listen.tcp", func() (net.Listener, *http.Server, error) {
			never++
			return nil, nil, errors.New("no tokens")
		})
		hangs := make(chan struct{})
		at.keep(ctx, "listen.unix", func() (net.Listener, *http.Server, error) {
			<-hangs
			return nil, nil, errors.New("late")
		})
		notify("STATUS=no plan in force")
		notify("READY=1")
		if got, want := fmt.Sprint(ready), "[STATUS=no plan in force 0s READY=1 500ms]"; got != want {
			t.Errorf("%s, want %s", got, want)
		}
		time.Sleep(time.Minute)
		synctest.Wait()
		if p := problems[len(problems)-1]; p != "listen.tcp: no tokens" {
			t.Errorf("problem %q", p)
		}
		if !strings.HasPrefix(strings.Join(problems, "|"), "metrics: no such address|listen.tcp: no tokens; metrics: no such address|") &&
			!strings.HasPrefix(strings.Join(problems, "|"), "listen.tcp: no tokens|listen.tcp: no tokens; metrics: no such address|") {
			t.Errorf("problems %q", problems)
		}
		_ = last.Close()
		time.Sleep(time.Minute)
		synctest.Wait()
		if got, want := fmt.Sprint(opened), "[0s 1s 3s 7s 1m1.5s]"; got != want {
			t.Errorf("opened %s, want %s", got, want)
		}
		if never < 20 || never > 30 {
			t.Errorf("%d attempts in two minutes", never)
		}
		cancel()
		at.close()
		if got := time.Since(begun); got != 2*time.Minute+time.Second {
			t.Errorf("the end after %v", got)
		}
		close(hangs)
	})
}
