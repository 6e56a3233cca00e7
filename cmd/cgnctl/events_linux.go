package main

import (
	"context"
	"encoding/csv"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"time"

	"github.com/spf13/cobra"

	"github.com/cgnkit/cgnkit/ebpf"
)

func newEvents(e *env) *cobra.Command {
	w := eventWriter{e: e}
	cmd := &cobra.Command{
		Use:   "events",
		Short: "Follow who was refused a port",
		Long: `Print every subscriber that the XDP backend refuses a mapping, as it happens: exhausted, all ports of its share are in use; limit and rate, its
policy allows no more. There is at most one event for a subscriber in half a second. What happened since the instance
was loaded, or since the last reader, comes first, as far as the buffer of some 6,500 had room. Every event goes to one reader:
run one.

It ends with an interrupt, after --count events, or after --for. Where the instance gets another plan it goes on with that.
Changes nothing in what packets meet. Needs root.`,
		Example: `  cgnctl events -o ndjson >> /var/log/cgnkit-events
  cgnctl events --for 10s`,
		Args: exactly(0, "no arguments"),
	}
	w.from.add(cmd)
	decimalVar(cmd.Flags(), &w.count, "count", 0, "end after so many events (default: never)")
	cmd.Flags().DurationVar(&w.time, "for", 0, "end after this time, such as 10s (default: never)")
	format := outputFlag(cmd, "table", "csv", "ndjson")
	cmd.RunE = func(*cobra.Command, []string) error {
		if w.count < 0 {
			return badInput("for example --count 100", "--count %d: want a number of events", w.count)
		}
		if w.time < 0 {
			return badInput("for example --for 10s", "--for %v: want a time to come", w.time)
		}
		w.format = *format
		ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
		defer stop()
		if w.time > 0 {
			var cancel context.CancelFunc
			ctx, cancel = context.WithTimeout(ctx, w.time)
			defer cancel()
		}
		return w.follow(ctx)
	}
	return cmd
}

// An eventWriter prints events.
type eventWriter struct {
	e       *env
	from    openFlags
	format  string
	count   int
	time    time.Duration
	printed int
	lost    uint64 // that were reported
}

// follow prints events until the context ends, by one plan after the other.
func (w *eventWriter) follow(ctx context.Context) error {
	for {
		err := w.from.with(func(_ string, d *ebpf.Datapath) error { return w.read(ctx, d) })
		if !errors.Is(err, errAgain) {
			return err
		}
		w.e.note([]string{"the instance has changed: going on with what it is now"})
	}
}

// errAgain means: the instance is to be opened again.
var errAgain = &fault{}

// read prints the events of one plan.
func (w *eventWriter) read(ctx context.Context, d *ebpf.Datapath) error {
	if err := w.reportLost(d); err != nil {
		return err
	}
	for event, err := range d.Events(ctx) {
		switch {
		case errors.Is(err, context.Canceled), errors.Is(err, context.DeadlineExceeded):
			return w.reportLost(d)
		case errors.Is(err, ebpf.ErrChanged):
			return errAgain
		case err != nil:
			return err
		}
		if err := w.print(event); err != nil {
			return err
		}
		if w.printed++; w.printed == w.count {
			return w.reportLost(d)
		}
	}
	return nil
}

// reportLost says how many events nobody was told of.
func (w *eventWriter) reportLost(d *ebpf.Datapath) error {
	n, err := d.LostEvents()
	if err != nil {
		return err
	}
	if n > w.lost {
		w.e.warn([]string{"lost, because nobody read them in time: " + plural(n-w.lost, "event")})
		w.lost = n
	}
	return nil
}

// print prints an event, at once.
func (w *eventWriter) print(v ebpf.Event) error {
	r := record{
		{"time", v.At().UTC().Format("2006-01-02T15:04:05.000Z")}, {"kind", v.Kind.String()}, {"protocol", v.Protocol.String()}, {"inside", v.Inside},
		{"pool", v.Share.Pool().Name()}, {"realm", v.Share.Pool().Realm()}, {"outside", v.Share.Outside()}, {"ports", v.Share.Ports()},
	}
	switch w.format {
	case "ndjson":
		return printRecords(w.e.stdout, w.format, r)
	case "csv":
		c := csv.NewWriter(w.e.stdout)
		if w.printed == 0 {
			_ = c.Write(r.keys()) // Flush has the error
		}
		_ = c.Write(r.texts(false))
		c.Flush()
		return writeFault(c.Error())
	}
	_, err := fmt.Fprintln(w.e.stdout, strings.Join(r.texts(true), "  ")) // columns of what is to come have no width yet
	return writeFault(err)
}
