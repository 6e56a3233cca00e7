package daemonfile

import (
	"fmt"
	"strings"
)

const manHead = `.TH CGND.YAML 5 2026-01-01 "cgnkit %s" cgnkit
.SH NAME
cgnd.yaml \- configuration of cgnd
.SH SYNOPSIS
.I /etc/cgnd/cgnd.yaml
.SH DESCRIPTION
The configuration of
.BR cgnd (8)
is one YAML mapping with the keys below.
Unknown keys, duplicate keys and aliases are errors; every complaint has line and column.
Paths begin with a slash.
A key that is written here with a dot stands in a section:
.B log.level
is the key
.B level
of the mapping
.BR log .
.PP
The configuration is read at the start.
Another one takes a restart, which loses no packet.
Check it before:
.BR "cgnd \-\-check \-c" " \fIFILE\fR."
.SH KEYS
`

const manTail = `.SH EXAMPLES
The least that is needed, with a ledger:
.PP
.nf
ledger: /var/lib/cgnd/ledger.jsonl
.fi
.PP
XDP, with a plan file, and with metrics:
.PP
.nf
backend: xdp
plan: /etc/cgnd/plan.yaml
interfaces:
  inside: [eth0, eth1=wholesale\-b]
  outside: [eth2]
metrics: 127.0.0.1:9742
.fi
.SH "SEE ALSO"
.BR cgnd (8),
.BR cgnctl (1)
`

// ManPage returns the man page cgnd.yaml(5), with every key, its meaning, default and example.
func ManPage(release string) string {
	var b strings.Builder
	fmt.Fprintf(&b, manHead, roff(release))
	addManKeys(&b, "", fields)
	b.WriteString(manTail)
	return b.String()
}

func addManKeys(b *strings.Builder, prefix string, fields []field) {
	for _, f := range fields {
		fmt.Fprintf(b, ".TP\n.B %s\n%s\n", roff(prefix+f.key), roff(f.doc))
		if f.kind == section {
			addManKeys(b, prefix+f.key+".", f.fields)
			continue
		}
		if len(f.choices) > 0 {
			fmt.Fprintf(b, "One of %s.\n", roff(choicesOf(f)[:len(choicesOf(f))-2]))
		}
		fmt.Fprintf(b, "Default: %s.\n", roff(f.initial))
		if !strings.HasPrefix(f.initial, f.example) {
			fmt.Fprintf(b, "Example: %s\n", roff("`"+f.example+"`."))
		}
	}
}

// roff returns text as a man page has it, with what stands between backquotes in bold.
func roff(text string) string {
	var b strings.Builder
	for i, part := range strings.Split(text, "`") {
		part = strings.NewReplacer(`\`, `\e`, "-", `\-`).Replace(part)
		if i%2 == 1 {
			part = `\fB` + part + `\fR`
		}
		b.WriteString(part)
	}
	out := b.String()
	if strings.HasPrefix(out, ".") || strings.HasPrefix(out, "'") {
		out = `\&` + out
	}
	return strings.ReplaceAll(out, ". ", ".\n") // a sentence a line, as roff wants it
}
