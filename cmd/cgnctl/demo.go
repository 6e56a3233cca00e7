package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/netip"
	"os"
	"os/signal"
	"strings"
	"syscall"

	"github.com/spf13/cobra"

	"github.com/cgnkit/cgnkit/alloc"
)

// The plan of the demo. Round shares, so that a reader sees at a glance whose port it is.
const (
	demoInside  = "100.64.0.0/29"
	demoOutside = "192.0.2.1"
	demoShare   = 1000
)

// demoHosts are the two subscribers that exist. They share the outside address.
var demoHosts = [2]netip.Addr{netip.AddrFrom4([4]byte{100, 64, 0, 1}), netip.AddrFrom4([4]byte{100, 64, 0, 2})}

// errNoTraffic says that this process cannot build a network, for a reason that is no failure.
var errNoTraffic = errors.New("no traffic")

func newDemo(e *env) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "demo",
		Short: "Show all of it with real traffic, and leave nothing behind",
		Long: `Build a network of namespaces (two subscribers, a CGN, two servers), make its kernel obey a small plan, first by nftables
and then by XDP, send TCP, UDP and ping through it, and print what each server saw next to what the plan and trace say
of it; then what only one of the two can do. Then remove everything, on Ctrl-C too. The network of the host is not
touched, and no other program is needed.

Exit 5 when a server saw anything that the plan does not allow. With -o csv, json or ndjson the rows go to stdout and
the steps to stderr.

Needs root (CAP_SYS_ADMIN and CAP_NET_ADMIN; XDP also CAP_BPF and CAP_PERFMON in the initial user namespace, and without
it nftables is shown alone). Without root, show the part that needs none: plan, lookup and trace.`,
		Example: `  cgnctl demo
  cgnctl demo --backend xdp -o json`,
		Args: exactly(0, "no arguments"),
	}
	backend := demoFlags(cmd)
	format := outputFlag(cmd, "table", "csv", "json", "ndjson")
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		ctx, stop := signal.NotifyContext(cmd.Context(), os.Interrupt, syscall.SIGTERM)
		defer stop()
		// A second Ctrl-C ends the process at once; the kernel takes the namespaces back whatever happens to it.
		context.AfterFunc(ctx, stop)
		return e.demo(ctx, *format, *backend)
	}
	return cmd
}

// A demo is one run.
type demo struct {
	e       *env
	out     *sticky
	format  string
	backend string
	plan    *alloc.Plan
}

func (e *env) demo(ctx context.Context, format, backend string) error {
	plan, err := demoPlan()
	if err != nil {
		return err
	}
	d := &demo{e: e, out: &sticky{w: e.stdout}, format: format, backend: backend, plan: plan}
	d.say(`A carrier-grade NAT (CGN) to look at.

1. Plan: the subscribers %s share the outside address %s,
   %d ports each. As a command:

     cgnctl allocate --subscribers %[1]s --outside %[2]s \
       --ports-per-subscriber %[3]d
`, demoInside, demoOutside, demoShare)
	err = d.traffic(ctx)
	switch {
	case errors.Is(err, context.Canceled):
		return &fault{code: exitInput, msg: "interrupted, everything is removed"}
	case errors.Is(err, errNoTraffic):
		e.note([]string{err.Error(), "this is the part without traffic: plan, lookup, trace"})
		err = d.dry()
	}
	if err != nil {
		return err
	}
	return writeFault(d.out.err)
}

func demoPlan() (*alloc.Plan, error) {
	inside, err := alloc.ParseAddrRange(demoInside)
	if err != nil {
		return nil, err
	}
	outside, err := alloc.ParseAddrRange(demoOutside)
	if err != nil {
		return nil, err
	}
	return alloc.NewPlan(alloc.Spec{Pools: []alloc.PoolSpec{{
		Name: flagPool, Inside: []alloc.AddrRange{inside}, Outside: []alloc.AddrRange{outside}, PortsPerSubscriber: demoShare,
	}}})
}

// say tells the person who watches what happens. Where stdout is for a program, it goes to stderr.
func (d *demo) say(format string, args ...any) {
	text := fmt.Sprintf(format, args...)
	if d.format == "table" {
		_, _ = io.WriteString(d.out, text+"\n") // sticky
		return
	}
	for line := range strings.SplitSeq(text, "\n") {
		if line != "" {
			fmt.Fprintf(d.e.stderr, "cgnctl: %s\n", line)
		}
	}
}

// A judgement is what the plan says of an outside endpoint that should be a subscriber's.
type judgement struct {
	share alloc.Allocation
	trace alloc.Trace
	right bool
}

// judge asks the plan in both directions. An endpoint that is not valid, because no server saw one, is wrong.
func (d *demo) judge(subscriber netip.Addr, seen netip.AddrPort) (judgement, error) {
	share, err := d.plan.Lookup(alloc.SubscriberFrom("", subscriber))
	if err != nil {
		return judgement{}, fmt.Errorf("look up %v: %w", subscriber, err)
	}
	a := judgement{share: share, trace: d.plan.Trace(seen.Addr(), seen.Port())}
	owner, ok := a.trace.Allocation()
	a.right = ok && owner == share && seen.Addr() == share.Outside() && share.Ports().Contains(seen.Port())
	return a, nil
}

func (a judgement) verdict() string {
	if a.right {
		return "ok"
	}
	return "WRONG"
}

// whom is the judgement of trace in one word: the subscriber, or why nobody.
func (a judgement) whom() string {
	if owner, ok := a.trace.Allocation(); ok {
		return owner.Subscriber().String()
	}
	return a.trace.Status().String()
}

// print prints rows, for json as a list in one object with more about them.
func (d *demo) print(name string, rows []record, more ...value) error {
	if d.format == "json" {
		return printRecords(d.out, d.format, append(record{{name, rows}}, more...))
	}
	return printRecords(d.out, d.format, rows...)
}

// dry shows what needs no kernel: the shares of both subscribers, and that their first and last ports lead back to them.
func (d *demo) dry() error {
	var rows []record
	right := 0
	for _, subscriber := range demoHosts {
		share, err := d.plan.Lookup(alloc.SubscriberFrom("", subscriber))
		if err != nil {
			return fmt.Errorf("look up %v: %w", subscriber, err)
		}
		for _, port := range []uint16{share.Ports().First(), share.Ports().Last()} {
			asked := netip.AddrPortFrom(share.Outside(), port)
			a, err := d.judge(subscriber, asked)
			if err != nil {
				return err
			}
			if a.right {
				right++
			}
			rows = append(rows, record{
				{"subscriber", subscriber}, {"outside", share.Outside()}, {"ports", share.Ports()},
				{"asked", asked}, {"trace", a.whom()}, {"verdict", a.verdict()},
			})
		}
	}
	d.say("2. Lookup, from a subscriber to its share; trace, from the first and last port of\n   the share back to the subscriber:\n")
	if err := d.print("answers", rows, value{"right", right}, value{"plan_sha256", d.plan.SHA256()}); err != nil {
		return err
	}
	d.say("\n3. Ports of nobody:\n")
	for _, port := range []uint16{700, 60000} {
		t := d.plan.Trace(netip.MustParseAddr(demoOutside), port)
		d.say("   %s:%d %s", demoOutside, port, why(t.Status(), t.Pool()))
	}
	if right < len(rows) {
		return &fault{code: exitCheck, msg: fmt.Sprintf("only %d of %d ports lead back to their subscriber", right, len(rows))}
	}
	d.say("\n%d of %d ports lead back to their subscriber. With root there is traffic, too.", right, len(rows))
	return nil
}
