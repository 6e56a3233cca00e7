package main

import (
	"encoding/json"
	"fmt"
	"io"
	"net/url"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"github.com/cgnkit/cgnkit/alloc"
	"github.com/cgnkit/cgnkit/internal/api/form"
)

func newSub(e *env) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "sub SUBSCRIBER",
		Short: "Say how a subscriber is doing",
		Long: `Ask cgnd about one subscriber: its outside address and ports, how many of them it uses of each protocol, how often it was
refused one, a verdict, and what to do. The verdicts are healthy, idle, near-limit, limited, exhausted, not-enforced (the kernel may not have what
the plan says) and unknown (what it uses cannot be read at the moment).

A subscriber of MAP-E, MAP-T or lightweight 4over6 is an end-user IPv6 prefix, or anything in it. Its own router translates, so that its
address and ports are all that cgnd knows.

With nftables, use is that of the last reading in the background, whose age is said; --now has the kernel look through all of its
flows once more. With xdp it is always that of now.

Exit 1 when the address is no subscriber.`,
		Example: `  cgnctl sub 100.64.0.2
  cgnctl sub 100.64.0.2 --url https://cgn1.example.net:9743 --token-file ~/.cgnd-token -o json`,
		Args: exactly(1, "the inside address or the end-user prefix of a subscriber"),
	}
	var api apiFlags
	api.add(cmd)
	now := cmd.Flags().Bool("now", false, "have use read for this answer")
	realm := cmd.Flags().String("realm", alloc.DefaultRealm, "realm of the subscriber")
	format := outputFlag(cmd, "table", "csv", "json", "ndjson")
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		prefix, err := parseSubscriber(args[0])
		if err != nil {
			return err
		}
		who := alloc.Subscriber{Realm: *realm, Prefix: prefix}
		path := "/v1/subscribers/" + url.PathEscape(*realm) + "/" + url.PathEscape(who.Text())
		if *now {
			path += "?now=true"
		}
		var s form.Subscriber
		if err := api.ask(cmd, e, path, &s); err != nil {
			return err
		}
		switch *format {
		case "csv":
			return printRecords(e.stdout, "csv", printableRecord(flatSub(s)))
		case "table":
			return writeFault(saySub(e.stdout, s))
		}
		return printJSON(e.stdout, s)
	}
	return cmd
}

// printJSON prints a value in a line.
func printJSON(w io.Writer, v any) error {
	b, err := json.Marshal(v)
	if err != nil {
		return fmt.Errorf("output: %w", err)
	}
	_, err = w.Write(append(b, '\n'))
	return writeFault(err)
}

// flatSub returns a subscriber in one row. What is not known is empty.
func flatSub(s form.Subscriber) record {
	r := record{{"subscriber", s.Subscriber}, {"realm", s.Realm}, {"pool", s.Pool}, {"outside", s.Outside}, {"ports", s.Ports}, {"port_count", s.Count}}
	for i, name := range []string{"tcp", "udp", "icmp"} {
		used, limit := value{name + "_used", nil}, value{name + "_limit", nil}
		if s.Usage != nil && i < len(s.Usage.Protocols) {
			used.v, limit.v = s.Usage.Protocols[i].Used, s.Usage.Protocols[i].Limit
		}
		r = append(r, used, limit)
	}
	var refused any
	if s.Refusals != nil {
		refused = s.Refusals.Exhausted + s.Refusals.Limit + s.Refusals.Rate
	}
	return append(r, record{{"refused", refused}, {"verdict", s.Verdict}, {"summary", s.Summary}, {"action", s.Action}}...)
}

// saySub prints a subscriber for people.
func saySub(to io.Writer, s form.Subscriber) error {
	out := &sticky{w: to}
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	fmt.Fprintf(w, "subscriber\t%s (realm %s, pool %s)\n", printable(s.Subscriber), printable(s.Realm), printable(s.Pool))
	fmt.Fprintf(w, "outside\t%s ports %s (%d of each protocol)\n", printable(s.Outside), shortText(printable(s.Ports)), s.Count)
	if u := s.Usage; u != nil {
		for _, p := range u.Protocols {
			fmt.Fprintf(w, "%s\t%d of %d ports in use", printable(p.Protocol), p.Used, p.Owned)
			if p.Limit < p.Owned {
				fmt.Fprintf(w, ", at most %d allowed", p.Limit)
			}
			if p.Sessions != nil {
				fmt.Fprintf(w, ", %s", plural(*p.Sessions, "session"))
			}
			fmt.Fprintln(w)
		}
		if !u.Now {
			fmt.Fprintf(w, "as of\t%s, %s\n", second(u.Taken), age(u.Taken))
		}
	}
	switch r := s.Refusals; {
	case r == nil && s.Usage == nil:
	case r == nil:
		fmt.Fprintln(w, "refused\tnot known: the backend does not tell who was refused a port")
	case r.Last == nil:
		fmt.Fprintf(w, "refused\tnever since %s\n", second(r.Since))
	default:
		fmt.Fprintf(w, "refused\tno port free %d, limit %d, rate %d; last %s (%s), counted since %s\n",
			r.Exhausted, r.Limit, r.Rate, age(*r.Last), printable(r.LastKind), second(r.Since))
	}
	fmt.Fprintf(w, "verdict\t%s: %s\nto do\t%s\n", printable(s.Verdict), printable(s.Summary), printable(s.Action))
	_ = w.Flush() // sticky
	return out.err
}

// maxPorts is how much of a port set stands in a line for people.
const maxPorts = 60

// shortText cuts a port set that came as text.
func shortText(ports string) string {
	if len(ports) <= maxPorts {
		return ports
	}
	return ports[:maxPorts] + "..."
}
