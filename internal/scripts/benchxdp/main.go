// Command benchxdp runs the benchmarks of the XDP backend, shows what they print, and compares it with limits: what takes more ends the
// command with an error, and so does a figure that is missing.
package main

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// A limit is about a figure of benchmarks: their names, as a regular expression, how many of them there are, and its unit.
type limit struct {
	names   string
	count   int
	unit    string
	least   bool // no less than the value; otherwise no more
	value   float64
	meaning string
}

// The limits are nanoseconds over what the program takes that only writes the packet, and how many times as much the kernel's nftables
// takes. Those of look-ups keep the size of a plan from costing: of the same subscribers, and of any, where memory has to answer.
var limits = []limit{
	{"Translation/1k_flows_(UDP|TCP)", 2, "in-out-ns", false, 80, "ns, a packet out of 1,024 mappings"},
	{"Translation/1k_flows_(UDP|TCP)", 2, "out-in-ns", false, 50, "ns, a packet in to 1,024 mappings"},
	{"Translation/131k_flows_(UDP|TCP)", 2, "in-out-ns", false, 260, "ns, a packet out of 131,072 mappings"},
	{"Translation/131k_flows_(UDP|TCP)", 2, "out-in-ns", false, 230, "ns, a packet in to 131,072 mappings"},
	{"Translation/.*", 6, "new-ns", false, 450, "ns, a new mapping"},
	{"Forward/new", 1, "nftables/xdp", true, 3.0, "nftables over XDP, new mappings"},
	{"Forward/131k_established", 1, "nftables/xdp", true, 1.7, "nftables over XDP, 131,072 mappings"},
	{"Forward/1k_established", 1, "nftables/xdp", true, 2.0, "nftables over XDP, 1,024 mappings"},
	{"Lookup/one_prefix.*", 2, "forward-ns", false, 40, "ns, whose an address of a prefix is"},
	{"Lookup/(list|shares)_of_1[kM],_1k_questions", 4, "forward-ns", false, 80, "ns, whose one of 1,024 addresses is, of a list of a thousand or a million"},
	{"Lookup/list_of_1M", 1, "forward-ns", false, 200, "ns, whose any address of a list of a million is"},
	{"Lookup/shares_of_1M", 1, "forward-ns", false, 450, "ns, whose any address of a million with shares of their own is"},
	{"Tidy", 1, "%core", false, 2, "per cent of a core, the sweep of a million mappings"},
}

// A figure is what a benchmark reports in one unit.
type figure struct {
	name, unit string
	value      float64
}

var line = regexp.MustCompile(`^Benchmark(\S+?)(?:-\d+)?\s+\d+\s+(.*)$`)

// figures returns those of a line of go test.
func figures(text string) (out []figure) {
	m := line.FindStringSubmatch(text)
	if m == nil {
		return nil
	}
	for pair := range slices.Chunk(strings.Fields(m[2]), 2) {
		if v, err := strconv.ParseFloat(pair[0], 64); err == nil && len(pair) == 2 {
			out = append(out, figure{m[1], pair[1], v})
		}
	}
	return out
}

// broken says which limits figures break, and of which there are none.
func broken(limits []limit, figures []figure) error {
	var errs []error
	for _, l := range limits {
		names, found := regexp.MustCompile("^"+l.names+"$"), 0
		for _, f := range figures {
			if f.unit != l.unit || !names.MatchString(f.name) {
				continue
			}
			found++
			switch {
			case l.least && !(f.value >= l.value):
				errs = append(errs, fmt.Errorf("%s: %v, want at least %v (%s)", f.name, f.value, l.value, l.meaning))
			case !l.least && !(f.value <= l.value):
				errs = append(errs, fmt.Errorf("%s: %v, want at most %v (%s)", f.name, f.value, l.value, l.meaning))
			}
		}
		if found != l.count {
			errs = append(errs, fmt.Errorf("%s: %d of %d benchmarks have reported %s", l.names, found, l.count, l.unit))
		}
	}
	return errors.Join(errs...)
}

// bench runs the benchmarks of a package, shows what they print, and returns their figures.
func bench(tool, folder string) (out []figure, err error) {
	cmd := exec.Command(tool, "test", "-run", "^$", "-bench", ".", "-benchtime", "1x", "-timeout", "30m", folder)
	cmd.Stderr = os.Stderr
	pipe, err := cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	lines := bufio.NewScanner(io.TeeReader(pipe, os.Stdout))
	for lines.Scan() {
		out = append(out, figures(lines.Text())...)
	}
	err = errors.Join(lines.Err(), cmd.Wait())
	if err != nil {
		return out, fmt.Errorf("benchmarks of %s: %w", folder, err)
	}
	return out, nil
}

func main() {
	if len(os.Args) != 2 {
		fmt.Fprintln(os.Stderr, "usage: benchxdp GO")
		os.Exit(2)
	}
	var all []figure
	var errs []error
	for _, folder := range []string{"./ebpf", "./ebpf/internal/bench"} {
		got, err := bench(os.Args[1], folder)
		all, errs = append(all, got...), append(errs, err)
	}
	if err := errors.Join(append(errs, broken(limits, all))...); err != nil {
		fmt.Fprintf(os.Stderr, "benchxdp: %v\n", err)
		os.Exit(1)
	}
	fmt.Println("all limits are kept")
}
