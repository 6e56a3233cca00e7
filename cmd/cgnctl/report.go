package main

import (
	"encoding/json"
	"encoding/xml"
	"fmt"
	"io"
	"net/url"
	"strconv"
	"strings"
	"unicode"

	"github.com/cgnkit/cgnkit/alloc/planfile"
)

// write writes the report in one of the formats of check.
func (r *report) write(w io.Writer, format string) error {
	switch format {
	case "json":
		return r.writeJSON(w)
	case "junit":
		return r.writeJUnit(w)
	case "sarif":
		return r.writeSARIF(w)
	}
	return r.writeText(w)
}

func (r *report) writeText(w io.Writer) error {
	for _, c := range r.files {
		for _, d := range c.found {
			if _, err := fmt.Fprintf(w, "%v\n%s", d, d.Excerpt()); err != nil {
				return writeFault(err)
			}
			if d.Hint != "" {
				fmt.Fprintf(w, "hint: %s\n", d.Hint)
			}
		}
		if len(c.found) > 0 {
			continue
		}
		name := c.name
		if strings.ContainsFunc(name, func(r rune) bool { return !unicode.IsPrint(r) }) {
			name = strconv.Quote(name)
		}
		_, err := fmt.Fprintf(w, "%s: valid: %s\n", name, c.size())
		if err != nil {
			return writeFault(err)
		}
	}
	return nil
}

func (c *checked) size() string {
	pools, subscribers, addresses := uint64(0), uint64(0), uint64(0)
	for p := range c.file.Plan.AllPools() {
		pools++
		subscribers += p.Subscribers()
		addresses += p.Addresses()
	}
	return fmt.Sprintf("%s, %s on %s, sha256 %s", plural(pools, "pool"), plural(subscribers, "subscriber"), plural(addresses, "address"), c.file.Plan.SHA256())
}

// plural returns "1 pool", "2 pools", "2 addresses".
func plural(n uint64, noun string) string {
	if n != 1 {
		noun = strings.Replace(noun+"s", "sss", "sses", 1)
	}
	return fmt.Sprintf("%d %s", n, noun)
}

func (r *report) writeJSON(w io.Writer) error {
	all, _ := r.count()
	findings := make([]record, 0, all)
	for _, c := range r.files {
		for _, d := range c.found {
			findings = append(findings, record{
				{"rule", rule(d)}, {"file", d.File}, {"line", d.Line}, {"column", d.Column}, {"message", d.Msg}, {"hint", d.Hint}, {"path", d.Path},
			})
		}
	}
	return printRecords(w, "json", record{{"valid", all == 0}, {"files", len(r.files)}, {"findings", findings}})
}

type junitSuites struct {
	XMLName  xml.Name     `xml:"testsuites"`
	Tests    int          `xml:"tests,attr"`
	Failures int          `xml:"failures,attr"`
	Suites   []junitSuite `xml:"testsuite"`
}

type junitSuite struct {
	Name     string      `xml:"name,attr"`
	Tests    int         `xml:"tests,attr"`
	Failures int         `xml:"failures,attr"`
	Cases    []junitCase `xml:"testcase"`
}

type junitCase struct {
	Class   string        `xml:"classname,attr"`
	Name    string        `xml:"name,attr"`
	File    string        `xml:"file,attr"`
	Line    int           `xml:"line,attr,omitempty"`
	Failure *junitFailure `xml:"failure"`
}

type junitFailure struct {
	Type    string `xml:"type,attr"`
	Message string `xml:"message,attr"`
	Text    string `xml:",chardata"`
}

// writeJUnit writes a suite a file, with one failed case a finding or one passed case.
func (r *report) writeJUnit(w io.Writer) error {
	var doc junitSuites
	for _, c := range r.files {
		s := junitSuite{Name: c.name, Tests: max(len(c.found), 1), Failures: len(c.found)}
		for _, d := range c.found {
			s.Cases = append(s.Cases, junitCase{
				Class: "cgnctl.check", Name: fmt.Sprintf("%s %s:%d:%d", rule(d), d.File, d.Line, d.Column), File: d.File, Line: d.Line,
				Failure: &junitFailure{Type: rule(d), Message: d.Msg, Text: d.Error() + "\n" + d.Excerpt() + d.Hint},
			})
		}
		if len(c.found) == 0 {
			s.Cases = []junitCase{{Class: "cgnctl.check", Name: c.name, File: c.name}}
		}
		doc.Tests, doc.Failures = doc.Tests+s.Tests, doc.Failures+s.Failures
		doc.Suites = append(doc.Suites, s)
	}
	out, err := xml.MarshalIndent(doc, "", "  ")
	if err != nil {
		return fmt.Errorf("output: %w", err)
	}
	_, err = w.Write(append(append([]byte(xml.Header), out...), '\n'))
	return writeFault(err)
}

// writeSARIF writes SARIF 2.1.0 with the parts that code hosts read.
func (r *report) writeSARIF(w io.Writer) error {
	text := func(s string) record { return record{{"text", s}} }
	kinds := make([]record, len(rules))
	for i, k := range rules {
		kinds[i] = record{{"id", k.id}, {"shortDescription", text(k.text)}}
	}
	results := []record{}
	for _, c := range r.files {
		for _, d := range c.found {
			msg := d.Msg
			if d.Hint != "" {
				msg += " Hint: " + d.Hint
			}
			results = append(results, record{
				{"ruleId", rule(d)}, {"level", "error"}, {"message", text(msg)},
				{"locations", []record{sarifLocation(d)}},
			})
		}
	}
	driver := record{{"name", "cgnctl"}, {"version", release}, {"rules", kinds}}
	doc := record{
		{"$schema", "https://json.schemastore.org/sarif-2.1.0.json"}, {"version", "2.1.0"},
		{"runs", []record{{{"tool", record{{"driver", driver}}}, {"columnKind", "unicodeCodePoints"}, {"results", results}}}},
	}
	out, err := json.MarshalIndent(doc, "", "  ")
	if err != nil {
		return fmt.Errorf("output: %w", err)
	}
	_, err = w.Write(append(out, '\n'))
	return writeFault(err)
}

func sarifLocation(d planfile.Diagnostic) record {
	place := record{{"physicalLocation", sarifPlace(d)}}
	if d.Path != "" {
		place = append(place, value{"logicalLocations", []record{{{"fullyQualifiedName", d.Path}}}})
	}
	return place
}

func sarifPlace(d planfile.Diagnostic) record {
	place := record{{"artifactLocation", record{{"uri", (&url.URL{Path: d.File}).String()}}}}
	if d.Line == 0 {
		return place
	}
	region := record{{"startLine", d.Line}}
	if d.Column > 0 {
		region = append(region, value{"startColumn", d.Column})
	}
	return append(place, value{"region", region})
}
