package request

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

var update = flag.Bool("update", false, "write the golden files anew")

// golden are the inputs in testdata that are read with a zone: the others are read without one.
var goldenZones = map[string]string{"nfdump.txt": "Europe/Berlin", "nfdump-extended.txt": "UTC", "nfdump-line.txt": "UTC", "nfdump-csv.txt": "UTC", "nfdump-nel.txt": "UTC", "nfdump-nsel.txt": "UTC", "tcpdump-tttt.txt": "UTC", "zones.csv": "America/Sao_Paulo"}

func TestGolden(t *testing.T) {
	paths, err := filepath.Glob("testdata/*")
	if err != nil {
		t.Fatal(err)
	}
	seen := map[Format]bool{}
	for _, path := range paths {
		name := filepath.Base(path)
		if strings.HasSuffix(name, ".golden") || name == "fuzz" {
			continue
		}
		t.Run(name, func(t *testing.T) {
			o := Options{}
			if zone := goldenZones[name]; zone != "" {
				o = Options{Zone: location(t, zone), Zones: time.LoadLocation}
			}
			f, err := os.Open(path)
			if err != nil {
				t.Fatal(err)
			}
			defer f.Close()
			got, format := dump(t, f, o)
			seen[format] = true
			if *update {
				if err := os.WriteFile(path+".golden", []byte(got), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(path + ".golden")
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(strings.Split(string(want), "\n"), strings.Split(got, "\n")); diff != "" {
				t.Errorf("(-want +got)\n%s", diff)
			}
		})
	}
	for f := CSV; f <= Mail; f++ {
		if !seen[f] {
			t.Errorf("no golden file is %v", f)
		}
	}
}

// dump writes all that a reader says about an input.
func dump(t *testing.T, in *os.File, o Options) (string, Format) {
	t.Helper()
	var b strings.Builder
	r, err := NewReader(in, o)
	if err != nil {
		return fmt.Sprintln("error:", err), 0
	}
	fmt.Fprintln(&b, "format:", r.Format())
	for q, err := range r.All() {
		if err != nil {
			fmt.Fprintln(&b, "error:", err)
			continue
		}
		checkRequest(t, q)
		fmt.Fprintf(&b, "%d line %d %s\n", q.Number, q.Line, strings.TrimSpace(q.Part))
		fmt.Fprintf(&b, "    %s\n", q.Text)
		fmt.Fprintf(&b, "    %s\n", answer(q))
		if q.Assumed {
			fmt.Fprintln(&b, "    assumed: nothing names the port")
		}
	}
	for _, s := range r.Skipped() {
		fmt.Fprintln(&b, "skipped:", s)
	}
	return b.String(), r.Format()
}

// answer writes what a request asks, or why it cannot be answered.
func answer(q Request) string {
	if q.Err != nil {
		return fmt.Sprintf("error (%v): %v", kindOf(q.Err), q.Err)
	}
	out := q.Outside.String()
	if q.HasPort {
		out += fmt.Sprintf(":%d", q.Port)
	}
	if q.Proto != "" {
		out += " " + q.Proto
	}
	if q.Destination.IsValid() {
		out += " -> " + q.Destination.String()
	}
	out += " at " + q.From.Format(time.RFC3339Nano)
	if !q.To.Equal(q.From) {
		out += " until " + q.To.Format(time.RFC3339Nano)
	}
	return out
}
