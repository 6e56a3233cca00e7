package conformance

import (
	"bytes"
	"fmt"
	"strings"
)

// DocumentPath is where the document is, seen from the root of the module.
const DocumentPath = "docs/conformance.md"

// Document renders the table for the given backends. kernel is the release of the kernel on which the run was made.
func Document(kernel string, backends ...Backend) []byte {
	var b bytes.Buffer
	fmt.Fprintf(&b, preface, kernel)
	summary(&b, backends)
	for _, c := range Catalogue() {
		fmt.Fprintf(&b, "\n## %s\n\n", c.Title)
		head := []string{"requirement", "level"}
		for _, k := range backends {
			head = append(head, k.Name)
		}
		head = append(head, "test", "note")
		row(&b, head)
		b.WriteString(strings.Repeat("|---", len(head)) + "|\n")
		for _, r := range c.Requirements {
			row(&b, cells(r, backends))
		}
	}
	return b.Bytes()
}

// cells returns the cells of one requirement.
func cells(r Requirement, backends []Backend) []string {
	out := []string{fmt.Sprintf("**%s** (%s) %s", r.ID, r.Where, r.Text), string(r.Level)}
	test := "–"
	for _, k := range backends {
		v := k.Results[r.ID].Verdict
		out = append(out, string(v))
		if v.NeedsProbe() {
			test = "`" + r.ID + "`"
		}
	}
	return append(out, test, notes(r, backends))
}

// notes returns the notes of all backends, or the one that they have in common.
func notes(r Requirement, backends []Backend) string {
	var all []string
	common := backends[0].Results[r.ID].Note
	same := true
	for _, k := range backends {
		note := k.Results[r.ID].Note
		same = same && note == common
		if note != "" {
			all = append(all, k.Name+": "+note)
		}
	}
	if same {
		return common
	}
	return strings.Join(all, "; ")
}

func row(b *bytes.Buffer, cells []string) {
	for _, c := range cells {
		b.WriteString("| " + strings.ReplaceAll(c, "|", `\|`) + " ")
	}
	b.WriteString("|\n")
}

// summary counts verdicts by level.
func summary(b *bytes.Buffer, backends []Backend) {
	verdicts := []Verdict{Yes, Partly, No, Exempt, Pending}
	levels := []struct {
		name string
		of   []Level
	}{
		{"MUST, MUST NOT", []Level{Must, MustNot}},
		{"SHOULD, SHOULD NOT", []Level{Should, ShouldNot}},
		{"MAY, descriptive", []Level{May, None}},
	}
	head := []string{"backend", "level"}
	for _, v := range verdicts {
		head = append(head, string(v))
	}
	row(b, append(head, "all"))
	b.WriteString(strings.Repeat("|---", len(head)+1) + "|\n")
	for _, k := range backends {
		total := make([]int, len(verdicts)+1)
		for _, l := range levels {
			line := []string{k.Name, l.name}
			for i, n := range count(k, verdicts, l.of) {
				total[i] += n
				line = append(line, fmt.Sprint(n))
			}
			row(b, line)
		}
		line := []string{k.Name, "all"}
		for _, n := range total {
			line = append(line, fmt.Sprint(n))
		}
		row(b, line)
	}
}

// count returns how many requirements of the given levels have each verdict, and at the end how many there are.
func count(k Backend, verdicts []Verdict, levels []Level) []int {
	out := make([]int, len(verdicts)+1)
	for _, r := range Requirements() {
		for _, l := range levels {
			if r.Level != l {
				continue
			}
			out[len(verdicts)]++
			for i, v := range verdicts {
				if k.Results[r.ID].Verdict == v {
					out[i]++
				}
			}
		}
	}
	return out
}

const preface = `<!-- Written by go test ./internal/conformance. Do not edit: change the catalogue or the verdicts there. -->

# Conformance

What the RFCs ask of a carrier-grade NAT, and what each backend of cgnkit does of it. Every *yes*, *partly* and *no* is shown by a test
that has the name of the requirement, and of the backend: it builds a network in namespaces (subscribers – CGN – servers), sends real packets through a
real kernel, and asserts what the table says. A *no* is shown too: its test fails when a kernel one day can. What is decided by
computation alone (who owns which port) is asserted on plans.

| verdict | meaning |
|---|---|
| yes | met (a MUST NOT: it does not happen); the test shows it |
| partly | met to the extent that the note says; the test shows both sides |
| no | not met; the test shows the lack |
| n/a | the requirement is about something that is not there, or an option (MAY) that is not taken |
| later | not met, an open defect: it needs a part of cgnkit that does not exist yet |

The requirements are stated in our own words and abridged; the RFC is what counts. An id is the number of the RFC and ours within it.

## Run it yourself

You need root (the tests make network namespaces, and pins below /sys/fs/bpf that they take away again, and touch nothing else)
and the programs conntrack, nft, turnserver and turnutils_natdiscovery (Debian: conntrack, nftables, coturn). The kernel needs
nf_tables with NAT, nf_conntrack with its netlink interface and with timeout policies (CONFIG_NF_CONNTRACK_TIMEOUT), BPF, XDP and
tcx, veth, bridge and network namespaces. What follows was measured on Linux %s.

` + "```" + `
go test ./internal/conformance                                  # everything, and whether this page is up to date
go test ./internal/conformance -v -run 'TestConformance/4787-'   # one RFC, or one requirement
go test ./internal/conformance -v -run 'TestConformance/5382-/XDP'   # with one backend
go test ./internal/conformance -v -run TestSTUN                 # a STUN client from elsewhere says what it finds (RFC 5780)
UPDATE_CONFORMANCE=1 go test ./internal/conformance             # write this page, if everything passed
` + "```" + `

## Summary

`
