package main

import (
	"bytes"
	"encoding/csv"
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strings"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"github.com/cgnkit/cgnkit/alloc/answer"
	"github.com/cgnkit/cgnkit/portset"
)

// A record is one answer: named values in a fixed order.
type record []value

type value struct {
	key string
	v   any
}

// MarshalJSON writes the values in their order.
func (r record) MarshalJSON() ([]byte, error) {
	var b bytes.Buffer
	b.WriteByte('{')
	for i, f := range r {
		if i > 0 {
			b.WriteByte(',')
		}
		key, err := json.Marshal(f.key)
		if err != nil {
			return nil, err
		}
		v, err := json.Marshal(f.v)
		if err != nil {
			return nil, err
		}
		b.Write(key)
		b.WriteByte(':')
		b.Write(v)
	}
	b.WriteByte('}')
	return b.Bytes(), nil
}

// outputFlag adds -o to a command and returns where its value will be. The first format is the default.
func outputFlag(cmd *cobra.Command, formats ...string) *string {
	o := cmd.Flags().StringP("output", "o", formats[0], "format: "+strings.Join(formats, ", "))
	check := cmd.PreRunE
	cmd.PreRunE = func(cmd *cobra.Command, args []string) error {
		if !slices.Contains(formats, *o) {
			return badInput("the formats are "+strings.Join(formats, ", "), "unknown output format %q", *o)
		}
		if check != nil {
			return check(cmd, args)
		}
		return nil
	}
	_ = cmd.RegisterFlagCompletionFunc("output", cobra.FixedCompletions(formats, cobra.ShellCompDirectiveNoFileComp))
	return o
}

// printRecords prints records that all have the same keys.
func printRecords(w io.Writer, format string, records ...record) error {
	switch format {
	case "json", "ndjson":
		for _, r := range records {
			b, err := json.Marshal(r)
			if err != nil {
				return fmt.Errorf("output: %w", err)
			}
			if _, err := w.Write(append(b, '\n')); err != nil {
				return writeFault(err)
			}
		}
		return nil
	case "csv":
		c := csv.NewWriter(w)
		for i, r := range records {
			if i == 0 {
				_ = c.Write(r.keys()) // Flush has the error
			}
			_ = c.Write(r.texts(false))
		}
		c.Flush()
		return writeFault(c.Error())
	}
	tw := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	for i, r := range records {
		if i == 0 {
			fmt.Fprintln(tw, strings.ToUpper(strings.Join(r.keys(), "\t")))
		}
		fmt.Fprintln(tw, strings.Join(r.texts(true), "\t"))
	}
	return writeFault(tw.Flush())
}

// foreign is a text that others may have chosen. In a table it prints, and in CSV no spreadsheet takes it for a formula; JSON has it as it is.
type foreign string

// list returns names as a value: an array in JSON, never null, and with commas in between elsewhere.
func list(names []string) []string { return append([]string{}, names...) }

func (r record) keys() []string {
	keys := make([]string, len(r))
	for i, f := range r {
		keys[i] = f.key
	}
	return keys
}

// texts returns the values as text. For people, long port sets are shortened.
func (r record) texts(people bool) []string {
	texts := make([]string, len(r))
	for i, f := range r {
		if s, ok := f.v.(portset.Set); ok && people {
			texts[i] = shortPorts(s)
			continue
		}
		switch v := f.v.(type) {
		case nil:
		case foreign:
			if texts[i] = answer.Printable(string(v)); !people {
				texts[i] = answer.Harmless(string(v))
			}
		case []string:
			texts[i] = strings.Join(v, ",")
		case record: // a share: "100.64.0.0 198.18.0.0 1024-3039"
			texts[i] = strings.Join(v.texts(people), " ")
		default:
			texts[i] = fmt.Sprint(v)
		}
	}
	return texts
}

// maxRanges is the number of ranges that a table shows of a port set.
const maxRanges = 4

// shortPorts returns a port set as text that fits into a table: "1232-1235,2256-2259,...,64720-64723 (252 ports)".
func shortPorts(s portset.Set) string {
	n := s.RangeCount()
	if n <= maxRanges {
		return s.String()
	}
	var b strings.Builder
	i := 0
	for r := range s.Ranges() {
		switch i++; {
		case i < maxRanges-1:
			b.WriteString(r.String() + ",")
		case i == n:
			b.WriteString("...," + r.String())
		}
	}
	return fmt.Sprintf("%s (%d ports)", b.String(), s.Len())
}
