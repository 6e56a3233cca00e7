package metrics

import (
	"bytes"
	"fmt"
	"strings"
)

// Document returns docs/metrics.md.
func Document() []byte {
	var b bytes.Buffer
	fmt.Fprintf(&b, preface, MaxPools, OtherPools, MaxTop)
	for _, s := range sections {
		fmt.Fprintf(&b, "\n## %s\n\n", s.title)
		if s.text != "" {
			b.WriteString(s.text + "\n\n")
		}
		b.WriteString("| metric | type | labels | meaning |\n|---|---|---|---|\n")
		for _, f := range s.families {
			labels := "–"
			if len(f.labels) > 0 {
				labels = "`" + strings.Join(f.labels, "`, `") + "`"
			}
			fmt.Fprintf(&b, "| `%s` | %v | %s | %s |\n", f.name, f.kind, labels, strings.ReplaceAll(f.help, "|", `\|`))
		}
	}
	fmt.Fprintf(&b, buckets, list(subscriberBounds), list(addressBounds))
	return b.Bytes()
}

func list(bounds []float64) string {
	return strings.Trim(strings.Join(strings.Fields(fmt.Sprint(bounds)), ", "), "[]")
}

const preface = `<!-- Written by go test ./internal/metrics. Do not edit: change internal/metrics/catalogue.go. -->

# Metrics

What ` + "`cgnd`" + ` tells Prometheus. Alert rules and a dashboard that use it are in [monitoring](monitoring/README.md).

A scrape reads memory, never the kernel: who uses how many ports is read in the background, and the age of that is a metric. Units
are in the names: seconds, bytes, and ports where a name says so. Ports are those of one protocol; tcp, udp and icmp (whose query identifiers
serve as ports) each have all of them.

The number of series does not grow with subscribers. The first %d pools of a plan have series of their own, the others are added up as
pool ` + "`%s`" + `. Only where it is configured, at most %d subscribers who use most ports are shown by address.

Beside these there are ` + "`go_...` and `process_...`" + `, the usual metrics of the Go runtime and of the process.
`

const buckets = `
## Buckets

` + "`cgnkit_subscriber_used_ports`" + `: %s, and more.

` + "`cgnkit_address_used_ports`" + `: %s, and more.

Who uses nothing is in bucket 0, so that the subscribers who are on are
` + "`cgnkit_subscriber_used_ports_count - ignoring (le) cgnkit_subscriber_used_ports_bucket{le=~\"0([.]0)?\"}`" + `
(Prometheus writes the label as 0 or 0.0, by its version and the format of the scrape).
`
