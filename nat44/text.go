package nat44

import (
	"bufio"
	"fmt"
	"io"
	"strconv"
	"strings"

	"github.com/cgnkit/cgnkit/alloc"
)

// planMark is the comment by which an instance's table is recognised, and which set holds the plan's identity.
const planMark = "made by cgnkit"

// WriteTo writes the ruleset as text for nft -f: loading it replaces the instance in one transaction. The same ruleset gives the
// same bytes. Memory does not grow with the subscribers. WriteTo implements io.WriterTo.
func (rs *Ruleset) WriteTo(w io.Writer) (int64, error) {
	counted := &counter{w: w}
	t := &textWriter{w: bufio.NewWriterSize(counted, 1<<16)}
	table := rs.instance.Table()
	t.printf("#!/usr/sbin/nft -f\n# NAT44 rules of instance %s, made by cgnkit.\n# plan sha256 %s\n", rs.instance, rs.plan.SHA256())
	for p := range rs.plan.Pools() {
		t.printf("#   %s\n", describePool(p))
	}
	for _, warning := range rs.warnings {
		t.printf("# warning: %s\n", warning)
	}
	t.printf("\ntable ip %s\ndelete table ip %s\n\ntable ip %s {\n", table, table, table)
	t.objects(rs)
	for _, m := range rs.maps {
		t.shareMap(m)
	}
	t.addressSet(insideSet, "subscribers", rs.inside)
	t.addressSet(outsideSet, "the pools; cgnctl apply adds blackhole routes for them, so that unused ports do not loop", rs.outside)
	if len(rs.exempt) > 0 {
		t.addressSet(exemptSet, "destinations that are not translated", rs.exempt)
	}
	t.printf("\t# which plan this is\n\tset %s {\n\t\ttype mark\n\t\tcomment %q\n\t\telements = { 0x1 comment %q }\n\t}\n\n", planSet, planMark, rs.mark())
	for i, c := range rs.chains(generation(0)) {
		if i > 0 {
			t.printf("\n")
		}
		t.chain(c)
	}
	t.printf("}\n")
	if err := t.w.Flush(); t.err == nil {
		t.err = err
	}
	return counted.n, t.err
}

// A counter counts what a writer took.
type counter struct {
	w io.Writer
	n int64
}

func (c *counter) Write(b []byte) (int, error) {
	n, err := c.w.Write(b)
	c.n += int64(n)
	return n, err
}

// String returns what WriteTo writes. It is meant for small plans.
func (rs *Ruleset) String() string {
	var b strings.Builder
	_, _ = rs.WriteTo(&b) // a strings.Builder takes everything
	return b.String()
}

// A textWriter writes nft text and keeps the first error.
type textWriter struct {
	w    *bufio.Writer
	err  error
	line []byte
}

func (t *textWriter) printf(format string, args ...any) {
	t.line = fmt.Appendf(t.line[:0], format, args...)
	t.write(t.line)
}

func (t *textWriter) write(b []byte) {
	if t.err != nil {
		return
	}
	_, t.err = t.w.Write(b)
}

func (t *textWriter) objects(rs *Ruleset) {
	t.printf("\t# packets from inside that no rule translated\n\tcounter %s {\n\t}\n\n", dropCounter)
	t.timeouts(rs.timers)
}

func (t *textWriter) timeouts(all []timeout) {
	for _, to := range all {
		t.printf("\t# %s\n\tct timeout %s {\n\t\tprotocol %s\n\t\tl3proto ip\n\t\tpolicy = { ", to.comment, to.name, protoNames[to.protocol])
		for i, s := range to.policy {
			if i > 0 {
				t.printf(", ")
			}
			t.printf("%s : %d", s.state, s.seconds)
		}
		t.printf(" }\n\t}\n\n")
	}
}

func (t *textWriter) shareMap(m *shareMap) {
	types := map[mapKind]string{
		contiguous: "ipv4_addr : interval ipv4_addr . inet_service",
		ranged:     "ipv4_addr . mark : interval ipv4_addr . inet_service",
		whole:      "ipv4_addr : ipv4_addr",
	}
	t.printf("\tmap %s {\n\t\ttype %s\n\t\tsize %d\n\t\telements = {", m.name(), types[m.kind], m.size())
	var pool *alloc.Pool
	separator := ""
	m.each(func(e element) bool {
		if e.Pool() != pool {
			pool = e.Pool()
			t.printf("%s\n\t\t\t# pool %s", separator, pool.Name())
			separator = ""
		}
		t.element(m.kind, e, separator)
		separator = ","
		return t.err == nil
	})
	t.printf("\n\t\t}\n\t}\n\n")
}

// element writes one element on a line of its own.
func (t *textWriter) element(kind mapKind, e element, separator string) {
	b := t.line[:0]
	b = append(b, separator...)
	b = append(b, "\n\t\t\t"...)
	b = e.Inside().AppendTo(b)
	if kind == ranged {
		b = fmt.Appendf(b, " . %#x", e.bucket)
	}
	b = append(b, " : "...)
	b = e.Outside().AppendTo(b)
	if kind != whole {
		// Both ends, also where they are the same: nft takes a single port for no interval, and the map wants one.
		b = append(b, " . "...)
		b = strconv.AppendUint(b, uint64(e.ports.First()), 10)
		b = append(b, '-')
		b = strconv.AppendUint(b, uint64(e.ports.Last()), 10)
	}
	t.line = b
	t.write(b)
}

func (t *textWriter) addressSet(name, comment string, ranges []alloc.AddrRange) {
	t.printf("\t# %s\n\tset %s {\n\t\ttype ipv4_addr\n\t\tflags interval\n\t\telements = {", comment, name)
	for i, r := range ranges {
		if i > 0 {
			t.printf(",")
		}
		t.printf("\n\t\t\t%v", r)
	}
	t.printf("\n\t\t}\n\t}\n\n")
}

func (t *textWriter) chain(c chain) {
	t.printf("\t# %s\n\tchain %s {\n\t\ttype %s hook %s priority %d; policy accept;\n", c.comment, c.name, c.kind, c.hook, c.priority)
	for _, r := range c.rules {
		if r.comment != "" {
			t.printf("\t\t# %s\n", r.comment)
		}
		t.printf("\t\t%v\n", r.rule)
	}
	t.printf("\t}\n")
}
