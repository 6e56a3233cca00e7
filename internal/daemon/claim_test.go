//go:build unix && !aix && !solaris

package daemon

import (
	"context"
	"errors"
	"log/slog"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/cgnkit/cgnkit/alloc"
	"github.com/cgnkit/cgnkit/alloc/ledger"
)

// TestClaim has a second daemon with another kernel follow the same ledger: it is refused, and where it began nevertheless, as when the ledger was away
// then, it writes nothing over what the first one notes, and says so, until that ends.
func TestClaim(t *testing.T) {
	inBubble(t, "l.jsonl", func(r *rig) {
		r.add(2, 0)
		r.add(1, time.Minute)
		r.options.Report = true
	}, func(r *rig) {
		r.after(10 * time.Minute)
		source := FromLedger(r.path, func() ([]alloc.Key, error) { return nil, nil })
		if err := source.Claim(); !errors.Is(err, ledger.ErrClaimed) {
			r.Errorf("a second one may begin: %v", err)
		}
		if err := r.options.Source.Claim(); err != nil {
			r.Errorf("it has it, and %v", err)
		}
		other := New(Options{Source: source, Backend: &fakeBackend{}, Log: slog.New(slog.DiscardHandler)})
		ctx, cancel := context.WithCancel(r.Context())
		ended := make(chan struct{})
		go func() {
			defer close(ended)
			other.Run(ctx)
		}()
		r.after(time.Minute)
		r.byHand(2)
		for range 600 {
			r.after(time.Second)
			led, err := ledger.Open(r.path)
			if err == nil {
				err = led.Heed(r.now())
			}
			if err != nil {
				r.Fatal(err)
			}
			if got := r.plansAt(led, ledger.Question{From: r.now().Add(-10 * time.Second), To: r.now()}); len(got) < 2 {
				r.Fatalf("by the files plans %v are possible", got)
			}
			led.Close()
		}
		if text := problem(other.Snapshot(), "memory"); !strings.Contains(text, "another cgnd follows this ledger") {
			r.Errorf("%q, %+v", text, other.Snapshot())
		}
		r.end()
		r.after(time.Minute)
		if text := problem(other.Snapshot(), "memory"); text != "" {
			r.Errorf("it is alone by now: %s", text)
		}
		cancel()
		<-ended
		if err := source.Claim(); err != nil {
			r.Error(err)
		}
		source.release()
		if _, err := os.Stat(r.path + ledger.MemorySuffix); err != nil {
			r.Error(err)
		}
	})
}
