package flowlog

import (
	"bytes"
	"flag"
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

var update = flag.Bool("update", false, "write the golden files anew")

// TestReal reads what conntrack 1.4.7 and nfdump 1.7.1 wrote about the same few flows.
func TestReal(t *testing.T) {
	paths, err := filepath.Glob("testdata/*.txt")
	if err != nil || len(paths) == 0 {
		t.Fatal(paths, err)
	}
	for _, path := range paths {
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		got := describe(t, path, text)
		if *update {
			if err := os.WriteFile(path+".golden", []byte(got), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		want, err := os.ReadFile(path + ".golden")
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(strings.Split(string(want), "\n"), strings.Split(got, "\n")); diff != "" {
			t.Errorf("%s (-want +got)\n%s", path, diff)
		}
	}
}

// describe writes all that a log says, and then what it says when the records of each flow are joined.
func describe(t *testing.T, path string, text []byte) string {
	t.Helper()
	var b strings.Builder
	d, err := NewReader(bytes.NewReader(text), Options{Zone: time.UTC, Taken: taken, Inside: netip.MustParsePrefix("100.64.0.0/10").Contains})
	if err != nil {
		t.Fatal(path, err)
	}
	records := slices.Collect(d.Flows())
	if d.Err() != nil {
		t.Fatal(path, d.Err())
	}
	for _, f := range records {
		fmt.Fprintln(&b, show(f))
	}
	bad, n := d.Bad()
	flows, skipped := d.Counts()
	fmt.Fprintf(&b, "%s: %d flows, %d other lines, %d bad %v\njoined:\n", d.Format(), flows, skipped, n, bad)
	for len(records) > 0 {
		first := records[0]
		same := func(f Flow) bool {
			return f.Protocol == first.Protocol && f.Source == first.Source && f.Destination == first.Destination && f.Outside == first.Outside
		}
		var one []Flow
		for _, f := range records {
			if same(f) {
				one = append(one, f)
			}
		}
		for _, f := range Join(one) {
			fmt.Fprintln(&b, show(f))
		}
		records = slices.DeleteFunc(records, same)
	}
	return b.String()
}

// taken is when the list of conntrack was made.
var taken = time.Date(2026, 11, 22, 20, 16, 32, 900_000_000, time.UTC)

// TestRealTimes asks about a flow that had packets from 20:16:29.707 to 20:16:29.914. Every log that tells of it has it.
func TestRealTimes(t *testing.T) {
	for name, want := range map[string]Match{"conntrack-timestamp.txt": Yes, "conntrack-ktimestamp.txt": Maybe, "conntrack-list.txt": Maybe, "nfdump-csv.txt": Maybe} {
		text, err := os.ReadFile(filepath.Join("testdata", name))
		if err != nil {
			t.Fatal(err)
		}
		d, err := NewReader(bytes.NewReader(text), Options{Zone: time.UTC, Taken: taken})
		if err != nil {
			t.Fatal(name, err)
		}
		at := time.Date(2026, 11, 22, 20, 16, 29, 800_000_000, time.UTC)
		var found []Flow
		for f := range d.Flows() {
			if f.Source.Port() == 40000 && f.Match(Filter{Destination: netip.MustParseAddrPort("203.0.113.9:443")}) == Yes {
				found = append(found, f)
			}
		}
		joined := Join(found)
		if len(joined) != 1 || joined[0].Match(Filter{From: at, To: at}) != want {
			t.Errorf("%s: %d flows, %v, want %v", name, len(joined), joined, want)
		}
		if got := joined[0].Match(Filter{From: at.Truncate(time.Second), To: at.Truncate(time.Second).Add(wholeSecond)}); got == No {
			t.Errorf("%s: in that second: %v", name, got)
		}
	}
}
