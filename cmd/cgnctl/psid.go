package main

import (
	"fmt"

	"github.com/spf13/cobra"

	"github.com/cgnkit/cgnkit/portset"
)

func newPSID(e *env) *cobra.Command {
	var offset, length, psid, port int
	cmd := &cobra.Command{
		Use:   "psid",
		Short: "Show the ports of a PSID, or the PSID of a port (RFC 7597)",
		Long: `Show the port set of a PSID in a layout with offset a and length k (RFC 7597 section 5.1), or with --port the PSID that
owns a port. Exit 1 for a port that belongs to no PSID. The PSID is right-aligned; DHCPv6 options carry it left-aligned.`,
		Example: `  cgnctl psid --offset 6 --length 8 --psid 52
  cgnctl psid --offset 6 --length 8 --port 1232`,
		Args: exactly(0, "no arguments"),
	}
	f := cmd.Flags()
	decimalVar(f, &offset, "offset", portset.DefaultOffset, "PSID offset a, 0 to 15")
	decimalVar(f, &length, "length", 0, "PSID length k, 0 to 16")
	decimalVar(f, &psid, "psid", 0, "PSID, right-aligned")
	decimalVar(f, &port, "port", 0, "port")
	format := outputFlag(cmd, "json", "table", "csv", "ndjson")
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		byPort := cmd.Flags().Changed("port")
		switch {
		case !cmd.Flags().Changed("length"):
			return badInput("for example --offset 6 --length 8 --psid 52", "--length is missing")
		case byPort == cmd.Flags().Changed("psid"):
			return badInput("for example --offset 6 --length 8 --psid 52", "give either --psid or --port")
		}
		layout, err := portset.NewLayout(offset, length)
		if err != nil {
			return badInput("", "%v", err)
		}
		if byPort {
			return e.psidOfPort(layout, port, *format)
		}
		if psid < 0 || psid >= portset.PortCount {
			return badInput("", "PSID %d is not in 0 to %d", psid, layout.SharingRatio()-1)
		}
		set, err := layout.Set(uint16(psid))
		if err != nil {
			return badInput("", "%v", err)
		}
		return e.printPSID(layout, record{{"psid", psid}}, set, *format)
	}
	return cmd
}

func (e *env) psidOfPort(layout portset.Layout, port int, format string) error {
	if port < 0 || port >= portset.PortCount {
		return badInput("", "port %d is not in 0 to 65535", port)
	}
	psid, ok := layout.PSID(uint16(port))
	if !ok {
		return &fault{code: exitNobody, msg: fmt.Sprintf("port %d belongs to no PSID: with offset %d the ports below %d are excluded (RFC 7597 section 5.1)",
			port, layout.Offset(), 1<<(16-layout.Offset()))}
	}
	set, err := layout.Set(psid)
	if err != nil {
		return badInput("", "%v", err)
	}
	return e.printPSID(layout, record{{"psid", psid}, {"port", port}}, set, format)
}

func (e *env) printPSID(layout portset.Layout, asked record, set portset.Set, format string) error {
	r := append(record{{"offset", layout.Offset()}, {"length", layout.Length()}}, asked...)
	r = append(r, value{"count", set.Len()})
	if format == "table" || format == "csv" {
		return printRecords(e.stdout, format, append(r, value{"ports", set}))
	}
	var ranges [][2]uint16
	for p := range set.Ranges() {
		ranges = append(ranges, [2]uint16{p.First(), p.Last()})
	}
	return printRecords(e.stdout, format, append(r, value{"ranges", ranges}))
}
